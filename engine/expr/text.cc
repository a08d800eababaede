#include "engine/expr/text.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "format/arrow/half.h"
#include "format/arrow/time_text.h"
#include "io/base/error_detail.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

constexpr int64_t kMsPerDay = 86'400'000;

template <typename T>
std::string PlainFloatText(T value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), std::fabs(value),
                                 std::chars_format::scientific)
                       .ptr;
  // "d.ddde+xx": the digits, and how many of them stand before the point.
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  std::string result = std::signbit(value) ? "-" : "";
  if (exponent < 0) {
    return result + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  }
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return result + digits + std::string(whole - digits.size(), '0');
  return result + digits.substr(0, whole) + "." + digits.substr(whole);
}

absl::StatusOr<std::optional<std::string>> KeyText(double value, std::string text) {
  if (!std::isfinite(value)) {
    return io::DetailedError(
        {io::ErrorKind::kBadRequest, "", {}},
        io::StrCat("scalar key: non-finite Float64 value ", text, " cannot identify an entity"));
  }
  return value == 0 ? "0" : text;
}

}  // namespace

std::optional<int32_t> ParseDate(std::string_view text) {
  return format::ParseDate(text);
}

std::optional<int64_t> ParseDateTime(std::string_view text) {
  return format::ParseTimeValue(*format::Date64(), text);
}

std::string FormatDate(int32_t days) {
  return format::DateText(days);
}

std::string FormatDateTime(int64_t milliseconds) {
  int64_t days = milliseconds / kMsPerDay;
  int64_t rest = milliseconds % kMsPerDay;
  if (rest < 0) {
    rest += kMsPerDay;
    --days;
  }
  const auto part = [&](int64_t unit, int64_t modulus, int width) {
    return io::ZeroPadded(static_cast<uint64_t>(rest / unit % modulus), width);
  };
  return io::StrCat(format::DateText(days), "T", part(3'600'000, 24, 2), ":", part(60'000, 60, 2),
                    ":", part(1000, 60, 2), ".", part(1, 1000, 3), "Z");
}

std::string FloatText(double value) {
  return PlainFloatText(value);
}

std::string FloatText(float value) {
  return PlainFloatText(value);
}

absl::StatusOr<std::optional<std::string>> CanonicalText(const format::Array& array, int64_t i) {
  using format::TypeId;
  if (array.IsNull(i)) return std::nullopt;
  switch (array.type->id) {
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
      return std::string(array.StringValue(i));
    case TypeId::kBool:
      return array.BoolValue(i) ? "true" : "false";
    case TypeId::kInt8:
      return std::to_string(array.Value<int8_t>(i));
    case TypeId::kInt16:
      return std::to_string(array.Value<int16_t>(i));
    case TypeId::kInt32:
    case TypeId::kDate32:
    case TypeId::kTime32:
      return std::to_string(array.Value<int32_t>(i));
    case TypeId::kInt64:
    case TypeId::kDate64:
    case TypeId::kTime64:
    case TypeId::kTimestamp:
    case TypeId::kDuration:
      return std::to_string(array.Value<int64_t>(i));
    case TypeId::kUint8:
      return std::to_string(array.Value<uint8_t>(i));
    case TypeId::kUint16:
      return std::to_string(array.Value<uint16_t>(i));
    case TypeId::kUint32:
      return std::to_string(array.Value<uint32_t>(i));
    case TypeId::kUint64:
      return std::to_string(array.Value<uint64_t>(i));
    case TypeId::kFloat16: {
      const float value = format::HalfToFloat(array.Value<uint16_t>(i));
      return KeyText(value, FloatText(value));
    }
    case TypeId::kFloat32: {
      const auto value = array.Value<float>(i);
      return KeyText(value, FloatText(value));
    }
    case TypeId::kFloat64: {
      const auto value = array.Value<double>(i);
      return KeyText(value, FloatText(value));
    }
    case TypeId::kDictionary:
      return CanonicalText(*array.dictionary, DictionaryIndex(array, i));
    default:
      return io::DetailedError({io::ErrorKind::kBadRequest, "", {}},
                               io::StrCat("scalar key: unsupported column type ",
                                          array.type->ToString(), " for @unique/@key enforcement"));
  }
}

}  // namespace og::engine::expr
