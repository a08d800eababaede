#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <vector>

#include "format/arrow/half.h"
#include "format/arrow/json.h"
#include "io/base/text.h"

namespace og::format {
namespace {

template <typename T>
void AppendFloat(T value, std::string& out) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value < 0 ? "\"-Infinity\"" : "\"Infinity\"";
  } else {
    char digits[32];
    const auto end =
        std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::scientific).ptr;
    out.append(digits, end);
  }
}

template <typename T>
void AppendInteger(T value, std::string& out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out.append(digits, end);
}

// Decimal digits of a little-endian two's-complement number of `words`, with a point before the
// last `scale` of them.
void AppendDecimal(std::span<const uint64_t> stored, int32_t scale, std::string& out) {
  std::vector<uint64_t> words(stored.begin(), stored.end());
  const bool negative = (words.back() >> 63) != 0;
  if (negative) {
    bool carry = true;
    for (uint64_t& word : words) {
      word = ~word + (carry ? 1 : 0);
      carry = carry && word == 0;
    }
  }
  std::string digits;  // last one first
  bool more = true;
  while (more) {
    // Division by 10 in halves, so that every step fits 64 bits.
    uint64_t rest = 0;
    more = false;
    for (size_t i = words.size(); i-- > 0;) {
      const uint64_t high = (rest << 32) | (words[i] >> 32);
      const uint64_t low = ((high % 10) << 32) | (words[i] & 0xffffffffu);
      words[i] = ((high / 10) << 32) | (low / 10);
      rest = low % 10;
      more = more || words[i] != 0;
    }
    digits += static_cast<char>('0' + rest);
  }
  for (int32_t i = scale; i < 0; ++i) {
    if (digits != "0") digits.insert(digits.begin(), '0');
  }
  const size_t fraction = scale > 0 ? static_cast<size_t>(scale) : 0;
  while (digits.size() <= fraction)
    digits += '0';
  if (fraction != 0) digits.insert(fraction, 1, '.');
  out += negative ? "\"-" : "\"";
  out.append(digits.rbegin(), digits.rend());
  out += '"';
}

void AppendItems(const Array& items, int64_t start, int64_t end, std::string& out) {
  out += '[';
  for (int64_t i = start; i < end; ++i) {
    if (i != start) out += ',';
    AppendJsonValue(items, i, out);
  }
  out += ']';
}

// Entries [start, end) of a map as [key,value] pairs.
void AppendEntries(const Array& entries, int64_t start, int64_t end, std::string& out) {
  out += '[';
  for (int64_t i = start; i < end; ++i) {
    if (i != start) out += ',';
    out += '[';
    AppendJsonValue(*entries.children[0], entries.offset + i, out);
    out += ',';
    AppendJsonValue(*entries.children[1], entries.offset + i, out);
    out += ']';
  }
  out += ']';
}

}  // namespace

void AppendJsonString(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[c >> 4];
          out += kHex[c & 0xf];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void AppendJsonValue(const Array& array, int64_t i, std::string& out) {
  if (array.IsNull(i)) {
    out += "null";
    return;
  }
  switch (array.type->id) {
    case TypeId::kNull:
      out += "null";
      return;
    case TypeId::kBool:
      out += array.BoolValue(i) ? "true" : "false";
      return;
    case TypeId::kInt8:
      return AppendInteger(array.Value<int8_t>(i), out);
    case TypeId::kInt16:
      return AppendInteger(array.Value<int16_t>(i), out);
    case TypeId::kInt32:
    case TypeId::kDate32:
    case TypeId::kTime32:
      return AppendInteger(array.Value<int32_t>(i), out);
    case TypeId::kInt64:
    case TypeId::kDate64:
    case TypeId::kTime64:
    case TypeId::kTimestamp:
    case TypeId::kDuration:
      return AppendInteger(array.Value<int64_t>(i), out);
    case TypeId::kUint8:
      return AppendInteger(array.Value<uint8_t>(i), out);
    case TypeId::kUint16:
      return AppendInteger(array.Value<uint16_t>(i), out);
    case TypeId::kUint32:
      return AppendInteger(array.Value<uint32_t>(i), out);
    case TypeId::kUint64:
      return AppendInteger(array.Value<uint64_t>(i), out);
    case TypeId::kFloat16:
      return AppendFloat(HalfToFloat(array.Value<uint16_t>(i)), out);
    case TypeId::kFloat32:
      return AppendFloat(array.Value<float>(i), out);
    case TypeId::kFloat64:
      return AppendFloat(array.Value<double>(i), out);
    case TypeId::kDecimal128: {
      const auto words = array.Value<std::array<uint64_t, 2>>(i);
      return AppendDecimal(words, array.type->scale, out);
    }
    case TypeId::kDecimal256: {
      const auto words = array.Value<std::array<uint64_t, 4>>(i);
      return AppendDecimal(words, array.type->scale, out);
    }
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
      return AppendJsonString(array.StringValue(i), out);
    case TypeId::kBinary:
    case TypeId::kLargeBinary:
    case TypeId::kFixedSizeBinary: {
      out += '"';
      out += io::HexBytes(io::AsBytes(array.StringValue(i)));
      out += '"';
      return;
    }
    case TypeId::kStruct: {
      out += '{';
      for (size_t child = 0; child < array.children.size(); ++child) {
        if (child != 0) out += ',';
        AppendJsonString(array.type->children[child].name, out);
        out += ':';
        AppendJsonValue(*array.children[child], array.offset + i, out);
      }
      out += '}';
      return;
    }
    case TypeId::kList:
    case TypeId::kLargeList:
      return AppendItems(*array.children[0], array.OffsetAt(i), array.OffsetAt(i + 1), out);
    case TypeId::kMap:
      return AppendEntries(*array.children[0], array.OffsetAt(i), array.OffsetAt(i + 1), out);
    case TypeId::kFixedSizeList: {
      const int64_t size = array.type->list_size;
      return AppendItems(*array.children[0], (array.offset + i) * size,
                         (array.offset + i + 1) * size, out);
    }
    case TypeId::kDictionary:
      return AppendJsonValue(*array.dictionary, DictionaryIndex(array, i), out);
  }
}

void AppendJsonRow(const RecordBatch& batch, int64_t row, std::string& out) {
  out += '{';
  for (size_t column = 0; column < batch.columns.size(); ++column) {
    if (column != 0) out += ',';
    AppendJsonString(batch.schema->fields[column].name, out);
    out += ':';
    AppendJsonValue(*batch.columns[column], row, out);
  }
  out += '}';
}

}  // namespace og::format
