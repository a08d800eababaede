// Equality and validation of arrays.
#include <cstring>
#include <string>

#include "format/arrow/array.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "simdjson.h"

namespace og::format {
namespace {

size_t Size(int64_t value) {
  return static_cast<size_t>(value);
}

bool IsNan16(uint16_t bits) {
  return (bits & 0x7c00u) == 0x7c00u && (bits & 0x03ffu) != 0;
}

// Whether value i of `a` equals value j of `b`, both of one type.
bool EqualAt(const Array& a, int64_t i, const Array& b, int64_t j) {
  if (a.IsNull(i) || b.IsNull(j)) return a.IsNull(i) && b.IsNull(j);
  const DataType& type = *a.type;
  const auto items_equal = [&](int64_t start_a, int64_t start_b, int64_t count) {
    for (int64_t k = 0; k < count; ++k) {
      if (!EqualAt(*a.children[0], start_a + k, *b.children[0], start_b + k)) return false;
    }
    return true;
  };
  switch (type.id) {
    case TypeId::kNull:
      return true;
    case TypeId::kBool:
      return a.BoolValue(i) == b.BoolValue(j);
    case TypeId::kFloat16: {
      const auto x = a.Value<uint16_t>(i);
      const auto y = b.Value<uint16_t>(j);
      return x == y || (IsNan16(x) && IsNan16(y));
    }
    case TypeId::kFloat32: {
      const auto x = a.Value<float>(i);
      const auto y = b.Value<float>(j);
      return a.Value<uint32_t>(i) == b.Value<uint32_t>(j) || (x != x && y != y);
    }
    case TypeId::kFloat64: {
      const auto x = a.Value<double>(i);
      const auto y = b.Value<double>(j);
      return a.Value<uint64_t>(i) == b.Value<uint64_t>(j) || (x != x && y != y);
    }
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
    case TypeId::kBinary:
    case TypeId::kLargeBinary:
    case TypeId::kFixedSizeBinary:
      return a.StringValue(i) == b.StringValue(j);
    case TypeId::kList:
    case TypeId::kLargeList:
    case TypeId::kMap: {
      const int64_t count = a.OffsetAt(i + 1) - a.OffsetAt(i);
      return b.OffsetAt(j + 1) - b.OffsetAt(j) == count &&
             items_equal(a.OffsetAt(i), b.OffsetAt(j), count);
    }
    case TypeId::kFixedSizeList:
      return items_equal((a.offset + i) * type.list_size, (b.offset + j) * type.list_size,
                         type.list_size);
    case TypeId::kStruct:
      for (size_t child = 0; child < a.children.size(); ++child) {
        if (!EqualAt(*a.children[child], a.offset + i, *b.children[child], b.offset + j)) {
          return false;
        }
      }
      return true;
    case TypeId::kDictionary:
      return EqualAt(*a.dictionary, DictionaryIndex(a, i), *b.dictionary, DictionaryIndex(b, j));
    default: {
      const size_t width = Size(type.bit_width() / 8);
      return std::memcmp(a.values.data() + Size(a.offset + i) * width,
                         b.values.data() + Size(b.offset + j) * width, width) == 0;
    }
  }
}

absl::Status Wrong(const Array& array, std::string_view what) {
  return io::DataLossError(io::StrCat("array of ", array.type->ToString(), ": ", what));
}

absl::Status ValidateType(const DataType& type, int depth) {
  if (depth > kTypeDepthMax) {
    return io::DataLossError(io::StrCat("types are nested deeper than ", kTypeDepthMax));
  }
  const bool is_list = type.is_list() || type.id == TypeId::kFixedSizeList;
  if (is_list && type.children.size() != 1) {
    return io::DataLossError(
        io::StrCat("list type with ", type.children.size(), " children, wanted 1"));
  }
  for (const Field& child : type.children) {
    if (child.type == nullptr) return io::DataLossError("field without type");
    OG_RETURN_IF_ERROR(ValidateType(*child.type, depth + 1));
  }
  if (type.id == TypeId::kMap && (type.children[0].type->id != TypeId::kStruct ||
                                  type.children[0].type->children.size() != 2)) {
    return io::DataLossError("map type whose entries are no struct of key and value");
  }
  if (type.byte_width < 0 || type.byte_width > (1 << 27) || type.list_size < 0) {
    return io::DataLossError(
        io::StrCat("type width ", type.byte_width, " or list size ", type.list_size, " invalid"));
  }
  if (type.id == TypeId::kDictionary) {
    if (type.index_type == nullptr || type.value_type == nullptr ||
        !type.index_type->is_integer()) {
      return io::DataLossError("dictionary type without integer indices or values");
    }
    return ValidateType(*type.value_type, depth + 1);
  }
  return absl::OkStatus();
}

absl::Status ValidateArray(const Array& array, int depth);

absl::Status ValidateShape(const Array& array) {
  constexpr int64_t kRowsMax = int64_t{1} << 40;
  if (array.length < 0 || array.offset < 0 || array.length > kRowsMax || array.offset > kRowsMax) {
    return Wrong(array, io::StrCat("length ", array.length, " at offset ", array.offset));
  }
  if (array.type->id == TypeId::kNull) {
    return array.null_count == array.length && array.validity.empty()
               ? absl::OkStatus()
               : Wrong(array, "a null array holds only nulls and no bitmap");
  }
  int64_t null_count = 0;
  if (!array.validity.empty()) {
    if (array.validity.size() < io::BytesForBits(Size(array.offset + array.length))) {
      return Wrong(array, io::StrCat("validity of ", array.validity.size(), " bytes for ",
                                     array.offset + array.length, " values"));
    }
    null_count = array.length - static_cast<int64_t>(io::CountSetBits(
                                    array.validity.data(), Size(array.offset), Size(array.length)));
  }
  if (null_count != array.null_count) {
    return Wrong(array,
                 io::StrCat("null count ", array.null_count, ", the bitmap has ", null_count));
  }
  return absl::OkStatus();
}

// Offsets rise and stay within [0, limit].
absl::Status ValidateOffsets(const Array& array, int64_t limit) {
  const size_t width = array.type->has_large_offsets() ? 8 : 4;
  if (array.offsets.size() / width < Size(array.offset + array.length + 1)) {
    return Wrong(array, io::StrCat("offsets of ", array.offsets.size(), " bytes for ",
                                   array.offset + array.length, " values"));
  }
  int64_t last = array.OffsetAt(0);
  if (last < 0) return Wrong(array, io::StrCat("offset ", last, " is negative"));
  for (int64_t i = 1; i <= array.length; ++i) {
    const int64_t next = array.OffsetAt(i);
    if (next < last) {
      return Wrong(array, io::StrCat("offset ", next, " of value ", i, " after ", last));
    }
    last = next;
  }
  if (last > limit) return Wrong(array, io::StrCat("offset ", last, " past the end ", limit));
  return absl::OkStatus();
}

absl::Status ValidateText(const Array& array) {
  if (array.length == 0) return absl::OkStatus();
  const char* bytes = reinterpret_cast<const char*>(array.values.data());
  const int64_t start = array.OffsetAt(0);
  const int64_t end = array.OffsetAt(array.length);
  if (start == end) return absl::OkStatus();
  // All bytes at once, then that no value starts inside a character.
  bool valid = simdjson::validate_utf8(bytes + start, Size(end - start));
  for (int64_t i = 1; valid && i < array.length; ++i) {
    const int64_t at = array.OffsetAt(i);
    valid = at == end || (static_cast<uint8_t>(bytes[at]) & 0xc0u) != 0x80u;
  }
  if (valid) return absl::OkStatus();
  // Bytes behind a null may be anything.
  for (int64_t i = 0; i < array.length; ++i) {
    if (array.IsNull(i)) continue;
    const std::string_view value = array.StringValue(i);
    if (!simdjson::validate_utf8(value.data(), value.size())) {
      return Wrong(array, io::StrCat("value ", i, " is not UTF-8"));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateChildren(const Array& array, int64_t items_per_value, int depth) {
  const std::vector<Field>& fields = array.type->children;
  if (array.children.size() != fields.size()) {
    return Wrong(array, io::StrCat(array.children.size(), " children"));
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    if (array.children[i] == nullptr || array.children[i]->type == nullptr ||
        *array.children[i]->type != *fields[i].type) {
      return Wrong(array, io::StrCat("child ", i, " is missing or of another type"));
    }
    const Array& child = *array.children[i];
    OG_RETURN_IF_ERROR(ValidateArray(child, depth + 1));
    // Both factors are bounded (2^41 and 2^31), so compare by division.
    if (items_per_value != 0 && child.length / items_per_value < array.offset + array.length) {
      return Wrong(array, io::StrCat("child ", i, " holds ", child.length, " values for ",
                                     array.offset + array.length));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateDictionary(const Array& array, int depth) {
  if (array.dictionary == nullptr || array.dictionary->type == nullptr ||
      *array.dictionary->type != *array.type->value_type) {
    return Wrong(array, "dictionary is missing or of another type");
  }
  OG_RETURN_IF_ERROR(ValidateArray(*array.dictionary, depth + 1));
  for (int64_t i = 0; i < array.length; ++i) {
    if (array.IsNull(i)) continue;
    const int64_t index = DictionaryIndex(array, i);
    if (index < 0 || index >= array.dictionary->length) {
      return Wrong(array, io::StrCat("index ", index, " of value ", i, " outside a dictionary of ",
                                     array.dictionary->length));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateArray(const Array& array, int depth) {
  if (depth > kTypeDepthMax) {
    return io::DataLossError(io::StrCat("arrays are nested deeper than ", kTypeDepthMax));
  }
  if (array.type == nullptr) return io::DataLossError("array without type");
  OG_RETURN_IF_ERROR(ValidateShape(array));
  const DataType& type = *array.type;
  if (const int bits = type.bit_width(); bits != 0) {
    const size_t num_values = Size(array.offset + array.length);
    const bool enough = bits == 1 ? array.values.size() >= io::BytesForBits(num_values)
                                  : array.values.size() / Size(bits / 8) >= num_values;
    if (!enough) {
      return Wrong(array, io::StrCat("values of ", array.values.size(), " bytes for ", num_values));
    }
  }
  if (type.is_variable()) {
    OG_RETURN_IF_ERROR(ValidateOffsets(array, static_cast<int64_t>(array.values.size())));
    const bool is_text = type.id == TypeId::kUtf8 || type.id == TypeId::kLargeUtf8;
    return is_text ? ValidateText(array) : absl::OkStatus();
  }
  if (type.is_list()) {
    OG_RETURN_IF_ERROR(ValidateChildren(array, 0, depth));
    return ValidateOffsets(array, array.children[0]->length);
  }
  if (type.id == TypeId::kFixedSizeList) return ValidateChildren(array, type.list_size, depth);
  if (type.id == TypeId::kStruct) return ValidateChildren(array, 1, depth);
  if (type.id == TypeId::kDictionary) return ValidateDictionary(array, depth);
  return absl::OkStatus();
}

}  // namespace

bool Equal(const Array& a, const Array& b) {
  if (a.length != b.length || *a.type != *b.type || a.null_count != b.null_count) return false;
  const int bits = a.type->bit_width();
  const bool is_plain =
      bits >= 8 && a.null_count == 0 && !a.type->is_floating() && a.type->id != TypeId::kDictionary;
  if (is_plain) {
    const size_t width = Size(bits / 8);
    return a.length == 0 ||
           std::memcmp(a.values.data() + Size(a.offset) * width,
                       b.values.data() + Size(b.offset) * width, Size(a.length) * width) == 0;
  }
  for (int64_t i = 0; i < a.length; ++i) {
    if (!EqualAt(a, i, b, i)) return false;
  }
  return true;
}

absl::Status Validate(const Array& array) {
  if (array.type == nullptr) return io::DataLossError("array without type");
  OG_RETURN_IF_ERROR(ValidateType(*array.type, 0));
  return ValidateArray(array, 0);
}

}  // namespace og::format
