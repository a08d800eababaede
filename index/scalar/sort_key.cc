#include "index/scalar/sort_key.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "io/base/bits.h"
#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::index {
namespace {

using format::Array;
using format::ArrayPtr;
using format::DataType;
using format::TypeId;

// How the bits of a value become a word.
enum class WordRule : uint8_t { kUnsigned, kSigned, kFloat };

WordRule RuleOf(const DataType& type) {
  switch (type.id) {
    case TypeId::kBool:
    case TypeId::kUint8:
    case TypeId::kUint16:
    case TypeId::kUint32:
    case TypeId::kUint64:
      return WordRule::kUnsigned;
    case TypeId::kFloat16:
    case TypeId::kFloat32:
    case TypeId::kFloat64:
      return WordRule::kFloat;
    default:
      return WordRule::kSigned;
  }
}

bool IsDecimal(const DataType& type) {
  return type.id == TypeId::kDecimal128 || type.id == TypeId::kDecimal256;
}

template <typename Bits>
uint64_t WordOf(WordRule rule, Bits bits) {
  constexpr Bits kSign = static_cast<Bits>(Bits{1} << (sizeof(Bits) * 8 - 1));
  if (rule == WordRule::kSigned) return static_cast<Bits>(bits ^ kSign);
  if (rule == WordRule::kFloat) {
    return static_cast<Bits>((bits & kSign) != 0 ? ~bits : bits | kSign);
  }
  return bits;
}

template <typename Bits>
Bits BitsOf(WordRule rule, uint64_t word) {
  constexpr Bits kSign = static_cast<Bits>(Bits{1} << (sizeof(Bits) * 8 - 1));
  const auto bits = static_cast<Bits>(word);
  if (rule == WordRule::kSigned) return static_cast<Bits>(bits ^ kSign);
  if (rule == WordRule::kFloat) {
    return static_cast<Bits>((bits & kSign) != 0 ? bits & static_cast<Bits>(~kSign) : ~bits);
  }
  return bits;
}

template <typename Bits>
void AppendWords(const Array& array, std::vector<uint64_t>& words) {
  const WordRule rule = RuleOf(*array.type);
  words.reserve(words.size() + static_cast<size_t>(array.length - array.null_count));
  for (int64_t i = 0; i < array.length; ++i) {
    if (array.null_count == 0 || array.IsValid(i)) {
      words.push_back(WordOf<Bits>(rule, array.Value<Bits>(i)));
    }
  }
}

template <typename Bits>
void FillValues(WordRule rule, const std::vector<uint64_t>& words, size_t num_nulls,
                io::MutableBuffer& values) {
  Bits* out = values.as<Bits>();
  std::fill(out, out + num_nulls, Bits{0});
  out += num_nulls;
  for (const uint64_t word : words) {
    *out++ = BitsOf<Bits>(rule, word);
  }
}

// Little-endian two's complement to big-endian with the sign bit flipped, or back.
void TurnDecimal(const char* from, size_t width, bool to_key, char* to) {
  for (size_t i = 0; i < width; ++i) {
    to[i] = from[width - 1 - i];
  }
  const size_t sign = to_key ? 0 : width - 1;
  to[sign] = static_cast<char>(to[sign] ^ '\x80');
}

ArrayPtr FixedArray(const format::TypePtr& type, size_t num_nulls, size_t length,
                    io::Buffer values) {
  auto array = std::make_shared<Array>();
  array->type = type;
  array->length = static_cast<int64_t>(length);
  array->null_count = static_cast<int64_t>(num_nulls);
  array->values = std::move(values);
  if (num_nulls != 0) {
    io::MutableBuffer bits(io::BytesForBits(length));
    std::memset(bits.data(), 0, bits.size());
    for (size_t i = num_nulls; i < length; ++i) {
      io::SetBit(bits.data(), i);
    }
    array->validity = std::move(bits).Share();
  }
  return array;
}

ArrayPtr BytesArray(const KeyColumn& keys, const format::TypePtr& type, size_t num_nulls) {
  const size_t length = num_nulls + keys.size();
  const bool is_decimal = IsDecimal(*type);
  if (is_decimal || type->id == TypeId::kFixedSizeBinary) {
    const auto width = is_decimal ? static_cast<size_t>(type->bit_width() / 8)
                                  : static_cast<size_t>(type->byte_width);
    io::MutableBuffer values(length * width);
    std::memset(values.data(), 0, num_nulls * width);
    char* out = reinterpret_cast<char*>(values.data()) + num_nulls * width;
    for (size_t i = 0; i < keys.size(); ++i, out += width) {
      OG_CHECK(keys.Bytes(i).size() == width);
      if (is_decimal) {
        TurnDecimal(keys.Bytes(i).data(), width, false, out);
      } else {
        std::memcpy(out, keys.Bytes(i).data(), width);
      }
    }
    return FixedArray(type, num_nulls, length, std::move(values).Share());
  }
  std::vector<ArrayPtr> parts;
  if (num_nulls != 0) parts.push_back(format::NullArray(type, static_cast<int64_t>(num_nulls)));
  if (keys.size() != 0) {
    auto typed = std::make_shared<Array>(*keys.bytes);
    typed->type = type;
    parts.push_back(std::move(typed));
  }
  if (parts.empty()) return format::EmptyArray(type);
  return parts.size() == 1 ? parts[0] : format::Concat(parts);
}

}  // namespace

std::optional<KeyForm> KeyFormOf(const DataType& type) {
  if (type.is_variable() || type.id == TypeId::kFixedSizeBinary || IsDecimal(type)) {
    return KeyForm::kBytes;
  }
  if (type.id == TypeId::kBool || type.is_integer() || type.is_floating()) return KeyForm::kWord;
  switch (type.id) {
    case TypeId::kDate32:
    case TypeId::kDate64:
    case TypeId::kTime32:
    case TypeId::kTime64:
    case TypeId::kTimestamp:
    case TypeId::kDuration:
      return KeyForm::kWord;
    default:
      return std::nullopt;
  }
}

size_t KeyColumn::MemoryBytes() const {
  return words.capacity() * sizeof(uint64_t) + (bytes == nullptr ? 0 : bytes->MemoryBytes());
}

absl::StatusOr<KeyColumn> KeysOf(const ArrayPtr& array) {
  const DataType& type = *array->type;
  const std::optional<KeyForm> form = KeyFormOf(type);
  if (!form) {
    return io::UnimplementedError(io::StrCat("values of type ", type.ToString(), " in an index"));
  }
  KeyColumn keys{.form = *form};
  if (*form == KeyForm::kWord) {
    switch (type.bit_width()) {
      case 1:
        for (int64_t i = 0; i < array->length; ++i) {
          if (array->IsValid(i)) keys.words.push_back(array->BoolValue(i) ? 1 : 0);
        }
        break;
      case 8:
        AppendWords<uint8_t>(*array, keys.words);
        break;
      case 16:
        AppendWords<uint16_t>(*array, keys.words);
        break;
      case 32:
        AppendWords<uint32_t>(*array, keys.words);
        break;
      default:
        AppendWords<uint64_t>(*array, keys.words);
    }
    return keys;
  }
  ArrayPtr valid = array;
  if (array->null_count != 0) {
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < array->length; ++i) {
      if (array->IsValid(i)) rows.push_back(i);
    }
    valid = format::Take(*array, rows);
  }
  if (!IsDecimal(type)) {
    keys.bytes = std::move(valid);
    return keys;
  }
  const auto width = static_cast<size_t>(type.bit_width() / 8);
  io::MutableBuffer turned(static_cast<size_t>(valid->length) * width);
  const char* from = reinterpret_cast<const char*>(valid->values.data()) +
                     static_cast<size_t>(valid->offset) * width;
  for (size_t i = 0; i < static_cast<size_t>(valid->length); ++i) {
    TurnDecimal(from + i * width, width, true, reinterpret_cast<char*>(turned.data()) + i * width);
  }
  keys.bytes = FixedArray(format::FixedSizeBinary(static_cast<int32_t>(width)), 0,
                          static_cast<size_t>(valid->length), std::move(turned).Share());
  return keys;
}

ArrayPtr ValuesOf(const KeyColumn& keys, const format::TypePtr& type, size_t num_nulls) {
  if (keys.form == KeyForm::kBytes) return BytesArray(keys, type, num_nulls);
  const size_t length = num_nulls + keys.words.size();
  const WordRule rule = RuleOf(*type);
  const int width = type->bit_width();
  io::MutableBuffer values(width == 1 ? io::BytesForBits(length)
                                      : length * static_cast<size_t>(width / 8));
  switch (width) {
    case 1:
      std::memset(values.data(), 0, values.size());
      for (size_t i = 0; i < keys.words.size(); ++i) {
        if (keys.words[i] != 0) io::SetBit(values.data(), num_nulls + i);
      }
      break;
    case 8:
      FillValues<uint8_t>(rule, keys.words, num_nulls, values);
      break;
    case 16:
      FillValues<uint16_t>(rule, keys.words, num_nulls, values);
      break;
    case 32:
      FillValues<uint32_t>(rule, keys.words, num_nulls, values);
      break;
    default:
      FillValues<uint64_t>(rule, keys.words, num_nulls, values);
  }
  return FixedArray(type, num_nulls, length, std::move(values).Share());
}

}  // namespace og::index
