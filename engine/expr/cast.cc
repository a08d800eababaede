// Conversion between types: Cast, CoerceLiteral, and the widened scalars of scalar.h.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/expr/decimal.h"
#include "engine/expr/expr.h"
#include "engine/expr/scalar.h"
#include "engine/expr/text.h"
#include "format/arrow/builder.h"
#include "format/arrow/half.h"
#include "format/arrow/time_text.h"
#include "io/base/bits.h"
#include "io/base/buffer.h"
#include "io/base/endian.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

using format::Array;
using format::ArrayBuilder;
using format::ArrayPtr;
using format::DataType;
using format::TypeId;
using format::TypePtr;

absl::Status BadRequest(std::string_view message) {
  return io::DetailedError({io::ErrorKind::kBadRequest, "", {}}, message);
}

bool IsText(const DataType& type) {
  return type.id == TypeId::kUtf8 || type.id == TypeId::kLargeUtf8;
}

Wide FloorDivide(Wide value, Wide by) {
  const Wide quotient = value / by;
  return quotient * by > value ? quotient - 1 : quotient;
}

template <typename T>
bool AppendInRange(ArrayBuilder& builder, Wide value) {
  if (value < Wide{std::numeric_limits<T>::min()} || value > Wide{std::numeric_limits<T>::max()}) {
    return false;
  }
  static_cast<format::FixedBuilder<T>&>(builder).Append(static_cast<T>(value));
  return true;
}

// Appends an integer as the builder's integral type; false when it does not fit.
bool AppendInteger(ArrayBuilder& builder, Wide value) {
  switch (builder.type()->id) {
    case TypeId::kBool:
      static_cast<format::BoolBuilder&>(builder).Append(value != 0);
      return true;
    case TypeId::kInt8:
      return AppendInRange<int8_t>(builder, value);
    case TypeId::kInt16:
      return AppendInRange<int16_t>(builder, value);
    case TypeId::kInt32:
    case TypeId::kDate32:
    case TypeId::kTime32:
      return AppendInRange<int32_t>(builder, value);
    case TypeId::kUint8:
      return AppendInRange<uint8_t>(builder, value);
    case TypeId::kUint16:
      return AppendInRange<uint16_t>(builder, value);
    case TypeId::kUint32:
      return AppendInRange<uint32_t>(builder, value);
    case TypeId::kUint64:
      return AppendInRange<uint64_t>(builder, value);
    default:
      return AppendInRange<int64_t>(builder, value);
  }
}

void AppendFloat(ArrayBuilder& builder, double value) {
  if (builder.type()->id == TypeId::kFloat64) {
    static_cast<format::FixedBuilder<double>&>(builder).Append(value);
  } else if (builder.type()->id == TypeId::kFloat32) {
    static_cast<format::FixedBuilder<float>&>(builder).Append(static_cast<float>(value));
  } else {
    static_cast<format::FixedBuilder<uint16_t>&>(builder).Append(
        format::FloatToHalf(static_cast<float>(value)));
  }
}

// The integer part of `value`, unless it is far outside every integer type.
std::optional<Wide> Truncated(double value) {
  if (!(std::fabs(value) < 1e30)) return std::nullopt;
  return static_cast<Wide>(std::trunc(value));
}

// Integral value `value` of type `from` in the unit of `to`.
Wide InUnitOf(Wide value, const DataType& from, const DataType& to) {
  const int64_t from_ns = NanosecondsPerUnit(from);
  const int64_t to_ns = NanosecondsPerUnit(to);
  if (from_ns == 0 || to_ns == 0 || from_ns == to_ns) return value;
  return FloorDivide(value * from_ns, to_ns);
}

std::optional<double> ParseFloat(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Appends what `text` spells as the builder's type; false when it spells nothing of that type.
bool AppendParsed(ArrayBuilder& builder, std::string_view text) {
  const DataType& type = *builder.type();
  if (IsDecimal(type)) {
    const std::optional<Wide> value = ParseDecimal(io::Trim(text), type.scale);
    return value && AppendDecimal(builder, *value);
  }
  if (type.id == TypeId::kDate32) {
    const std::optional<int32_t> days = ParseDate(text);
    return days && AppendInteger(builder, *days);
  }
  if (IsInstant(type)) {
    const std::optional<int64_t> value = format::ParseTimeValue(type, text);
    return value && AppendInteger(builder, *value);
  }
  if (type.is_floating()) {
    const std::optional<double> value = ParseFloat(io::Trim(text));
    if (value) AppendFloat(builder, *value);
    return value.has_value();
  }
  if (type.id == TypeId::kBool) {
    const bool is_true = text == "true" || text == "t" || text == "1";
    if (!is_true && text != "false" && text != "f" && text != "0") return false;
    return AppendInteger(builder, is_true ? 1 : 0);
  }
  if (type.id == TypeId::kUint64) {
    const std::optional<uint64_t> value = io::ParseUint64(text);
    return value && AppendInteger(builder, *value);
  }
  const std::optional<int64_t> value = io::ParseInt64(text);
  return value && AppendInteger(builder, *value);
}

// Types between which and decimals values go: numbers and text.
bool IsNumberOrText(const DataType& type) {
  return type.is_integer() || type.is_floating() || IsDecimal(type) || IsText(type);
}

bool Castable(const DataType& from, const DataType& to) {
  if (from.is_variable() && to.is_variable()) return true;
  if (IsDecimal(from) || IsDecimal(to)) return IsNumberOrText(from) && IsNumberOrText(to);
  if (IsText(from)) {
    return to.is_integer() || to.is_floating() || IsInstant(to) || to.id == TypeId::kBool;
  }
  if (IsText(to)) return IsIntegral(from) || from.is_floating();
  if (from.is_floating()) return to.is_floating() || to.is_integer();
  if (!IsIntegral(from)) return false;
  if (to.is_floating()) return NanosecondsPerUnit(from) == 0;
  if (!IsIntegral(to)) return false;
  if (NanosecondsPerUnit(from) != 0 && NanosecondsPerUnit(to) != 0) {
    return IsInstant(from) == IsInstant(to);
  }
  return true;
}

std::string TextAt(const Array& array, int64_t i) {
  switch (array.type->id) {
    case TypeId::kBool:
      return array.BoolValue(i) ? "true" : "false";
    case TypeId::kFloat16:
      return FloatText(format::HalfToFloat(array.Value<uint16_t>(i)));
    case TypeId::kFloat32:
      return FloatText(array.Value<float>(i));
    case TypeId::kFloat64:
      return FloatText(array.Value<double>(i));
    case TypeId::kDate32:
      return FormatDate(array.Value<int32_t>(i));
    case TypeId::kDate64:
      return FormatDateTime(array.Value<int64_t>(i));
    case TypeId::kUint64:
      return std::to_string(array.Value<uint64_t>(i));
    case TypeId::kDecimal128:
    case TypeId::kDecimal256: {
      const std::optional<Wide> value = DecimalAt(array, i);
      return value ? DecimalText(*value, array.type->scale) : "beyond 127 bits";
    }
    default:
      return std::to_string(static_cast<int64_t>(IntegerAt(array, i)));
  }
}

// Value i of another number as a decimal.
bool AppendAsDecimal(const Array& array, int64_t i, ArrayBuilder& builder) {
  const int32_t scale = builder.type()->scale;
  std::optional<Wide> value;
  if (array.type->is_floating()) {
    value = DecimalOf(FloatAt(array, i), scale);
  } else if (!IsDecimal(*array.type)) {
    value = Rescaled(IntegerAt(array, i), 0, scale);
  } else if (const std::optional<Wide> unscaled = DecimalAt(array, i)) {
    value = Rescaled(*unscaled, array.type->scale, scale);
  }
  return value && AppendDecimal(builder, *value);
}

// Decimal value i as a number: integers are cut off towards zero.
bool AppendFromDecimal(const Array& array, int64_t i, ArrayBuilder& builder) {
  const std::optional<Wide> unscaled = DecimalAt(array, i);
  if (!unscaled) return false;
  const int32_t scale = array.type->scale;
  if (builder.type()->is_floating()) {
    AppendFloat(builder, DecimalToFloat(*unscaled, scale));
    return true;
  }
  const std::optional<Wide> whole = WholePart(*unscaled, scale);
  return whole && AppendInteger(builder, *whole);
}

void AppendCast(const Array& array, int64_t i, ArrayBuilder& builder) {
  const DataType& from = *array.type;
  const DataType& to = *builder.type();
  bool fits = false;
  if (array.IsNull(i) || (IsDecimal(from) && !DecimalAt(array, i))) {
    fits = false;
  } else if (to.is_variable()) {
    const std::string text =
        from.is_variable() ? std::string(array.StringValue(i)) : TextAt(array, i);
    static_cast<format::StringBuilder&>(builder).Append(text);
    fits = true;
  } else if (from.is_variable()) {
    fits = AppendParsed(builder, array.StringValue(i));
  } else if (IsDecimal(to)) {
    fits = AppendAsDecimal(array, i, builder);
  } else if (IsDecimal(from)) {
    fits = AppendFromDecimal(array, i, builder);
  } else if (to.is_floating()) {
    AppendFloat(builder, FloatAt(array, i));
    fits = true;
  } else if (from.is_floating()) {
    const std::optional<Wide> whole = Truncated(FloatAt(array, i));
    fits = whole && AppendInteger(builder, *whole);
  } else {
    fits = AppendInteger(builder, InUnitOf(IntegerAt(array, i), from, to));
  }
  if (!fits) builder.AppendNull();
}

bool IsListOfItems(const DataType& type) {
  return type.id == TypeId::kList || type.id == TypeId::kLargeList ||
         type.id == TypeId::kFixedSizeList;
}

struct ItemRange {
  int64_t first = 0;
  int64_t count = 0;
};

ItemRange ItemsAt(const Array& list, int64_t i) {
  const int64_t size = list.type->list_size;
  if (list.type->id == TypeId::kFixedSizeList) return {(list.offset + i) * size, size};
  return {list.OffsetAt(i), list.OffsetAt(i + 1) - list.OffsetAt(i)};
}

// `array`, a list, as another kind of list, its items by `cast_items`. A list of another length
// than a fixed-size one has becomes null.
template <typename CastItems>
absl::StatusOr<ArrayPtr> CastList(const ArrayPtr& array, const TypePtr& type,
                                  CastItems cast_items) {
  const bool is_fixed = type->id == TypeId::kFixedSizeList;
  auto cast = std::make_shared<Array>();
  cast->type = type;
  cast->length = array->length;
  const auto length = static_cast<size_t>(array->length);
  io::MutableBuffer validity(io::BytesForBits(length));
  std::fill_n(validity.data(), validity.size(), std::byte{0});
  std::vector<int64_t> items;  // of all lists, -1: null
  const size_t width = type->has_large_offsets() ? sizeof(int64_t) : sizeof(int32_t);
  io::MutableBuffer offsets(is_fixed ? 0 : (length + 1) * width);
  const auto store_offset = [&](size_t i) {
    std::byte* at = offsets.data() + i * width;
    width == sizeof(int64_t) ? io::StoreLe(at, static_cast<int64_t>(items.size()))
                             : io::StoreLe(at, static_cast<int32_t>(items.size()));
  };
  if (!is_fixed) store_offset(0);
  for (size_t i = 0; i < length; ++i) {
    const ItemRange range = ItemsAt(*array, static_cast<int64_t>(i));
    const bool fits =
        array->IsValid(static_cast<int64_t>(i)) && (!is_fixed || range.count == type->list_size);
    if (fits) {
      io::SetBit(validity.data(), i);
      for (int64_t item = 0; item < range.count; ++item)
        items.push_back(range.first + item);
    } else {
      ++cast->null_count;
      if (is_fixed) items.insert(items.end(), static_cast<size_t>(type->list_size), -1);
    }
    if (!is_fixed) store_offset(i + 1);
  }
  if (items.size() > std::numeric_limits<int32_t>::max() && width == sizeof(int32_t)) {
    return io::InvalidArgumentError(io::StrCat("too many items for ", type->ToString()));
  }
  if (cast->null_count != 0) cast->validity = std::move(validity).Share();
  if (!is_fixed) cast->offsets = std::move(offsets).Share();
  OG_ASSIGN_OR_RETURN(ArrayPtr values,
                      cast_items(Take(*array->children[0], items), type->children[0].type));
  cast->children.push_back(std::move(values));
  return cast;
}

// Whether the one value of `cast` says exactly what `value` says.
absl::StatusOr<bool> Lossless(const ArrayPtr& value, const ArrayPtr& cast) {
  if (cast->null_count != value->null_count) return false;
  OG_ASSIGN_OR_RETURN(const ArrayPtr back, Cast(cast, value->type));
  return Equal(*back, *value);
}

}  // namespace

bool IsIntegral(const DataType& type) {
  return type.id == TypeId::kBool || type.is_integer() ||
         (type.id >= TypeId::kDate32 && type.id <= TypeId::kDuration);
}

Wide IntegerAt(const Array& array, int64_t i) {
  switch (array.type->id) {
    case TypeId::kBool:
      return array.BoolValue(i) ? 1 : 0;
    case TypeId::kInt8:
      return array.Value<int8_t>(i);
    case TypeId::kInt16:
      return array.Value<int16_t>(i);
    case TypeId::kInt32:
    case TypeId::kDate32:
    case TypeId::kTime32:
      return array.Value<int32_t>(i);
    case TypeId::kUint8:
      return array.Value<uint8_t>(i);
    case TypeId::kUint16:
      return array.Value<uint16_t>(i);
    case TypeId::kUint32:
      return array.Value<uint32_t>(i);
    case TypeId::kUint64:
      return array.Value<uint64_t>(i);
    default:
      return array.Value<int64_t>(i);
  }
}

double FloatAt(const Array& array, int64_t i) {
  switch (array.type->id) {
    case TypeId::kFloat16:
      return format::HalfToFloat(array.Value<uint16_t>(i));
    case TypeId::kFloat32:
      return array.Value<float>(i);
    case TypeId::kFloat64:
      return array.Value<double>(i);
    default:
      return static_cast<double>(IntegerAt(array, i));
  }
}

int64_t NanosecondsPerUnit(const DataType& type) {
  switch (type.id) {
    case TypeId::kDate32:
      return int64_t{86'400} * 1'000'000'000;
    case TypeId::kDate64:
      return 1'000'000;
    case TypeId::kTime32:
    case TypeId::kTime64:
    case TypeId::kTimestamp:
    case TypeId::kDuration:
      switch (type.unit) {
        case format::TimeUnit::kSecond:
          return 1'000'000'000;
        case format::TimeUnit::kMilli:
          return 1'000'000;
        case format::TimeUnit::kMicro:
          return 1'000;
        case format::TimeUnit::kNano:
          return 1;
      }
      return 1;
    default:
      return 0;
  }
}

bool IsInstant(const DataType& type) {
  return type.id == TypeId::kDate32 || type.id == TypeId::kDate64 || type.id == TypeId::kTimestamp;
}

absl::StatusOr<ArrayPtr> Cast(const ArrayPtr& array, const TypePtr& type) {
  if (*array->type == *type) return array;
  if (array->type->id == TypeId::kDictionary) return Cast(DecodeDictionary(array), type);
  if (array->type->id == TypeId::kNull) return format::NullArray(type, array->length);
  if (IsListOfItems(*array->type) && IsListOfItems(*type)) return CastList(array, type, Cast);
  if (!Castable(*array->type, *type)) {
    return BadRequest(
        io::StrCat("cannot cast ", array->type->ToString(), " to ", type->ToString()));
  }
  const auto builder = MakeBuilder(type);
  for (int64_t i = 0; i < array->length; ++i)
    AppendCast(*array, i, *builder);
  return builder->Finish();
}

absl::StatusOr<ArrayPtr> StrictCast(const ArrayPtr& array, const TypePtr& type) {
  if (*array->type != *type && IsListOfItems(*array->type) && IsListOfItems(*type)) {
    OG_ASSIGN_OR_RETURN(ArrayPtr lists, CastList(array, type, StrictCast));
    if (lists->null_count == array->null_count) return lists;
    return io::InvalidArgumentError(
        io::StrCat("a list of another length cannot be cast to ", type->ToString()));
  }
  OG_ASSIGN_OR_RETURN(ArrayPtr cast, Cast(array, type));
  if (cast == array || cast->null_count == array->null_count) return cast;
  const ArrayPtr plain = DecodeDictionary(array);
  for (int64_t i = 0; i < plain->length; ++i) {
    if (plain->IsValid(i) && cast->IsNull(i)) {
      const std::string value =
          plain->type->is_variable() ? std::string(plain->StringValue(i)) : TextAt(*plain, i);
      return io::InvalidArgumentError(
          io::StrCat("value '", value, "' cannot be cast to ", type->ToString()));
    }
  }
  return cast;
}

absl::StatusOr<ArrayPtr> CoerceLiteral(const ArrayPtr& value, const TypePtr& type) {
  if (type->id == TypeId::kDictionary) return CoerceLiteral(value, type->value_type);
  if (*value->type == *type || !Castable(*value->type, *type)) {
    return value->type->id == TypeId::kNull ? format::NullArray(type, 1) : value;
  }
  if (IsText(*value->type) && !type->is_variable()) {
    if (!IsInstant(*type)) return value;
    OG_ASSIGN_OR_RETURN(ArrayPtr parsed, Cast(value, type));
    if (parsed->null_count == value->null_count) return parsed;
    return BadRequest(io::StrCat("invalid ", type->id == TypeId::kDate32 ? "Date" : "DateTime",
                                 " literal '", value->StringValue(0), "'"));
  }
  // A number is never compared as text, nor a date as its number of days.
  if (type->is_variable() != value->type->is_variable()) return value;
  OG_ASSIGN_OR_RETURN(ArrayPtr cast, Cast(value, type));
  if (type->is_floating() || type->is_variable()) return cast;
  OG_ASSIGN_OR_RETURN(const bool lossless, Lossless(value, cast));
  return lossless ? cast : value;
}

}  // namespace og::engine::expr
