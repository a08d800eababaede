#include "format/tabular/csv_cells.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "format/arrow/half.h"
#include "format/arrow/time_text.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "simdjson.h"

namespace og::format {
namespace {

bool IsText(const DataType& type) {
  return type.id == TypeId::kUtf8 || type.id == TypeId::kLargeUtf8;
}

// Whether cells go to the builder themselves, without JSON between.
bool IsPlain(const DataType& type) {
  switch (type.id) {
    case TypeId::kBool:
    case TypeId::kFloat16:
    case TypeId::kFloat32:
    case TypeId::kFloat64:
    case TypeId::kDate32:
    case TypeId::kDate64:
    case TypeId::kTime32:
    case TypeId::kTime64:
    case TypeId::kTimestamp:
    case TypeId::kDuration:
      return true;
    default:
      return type.is_integer() || IsText(type);
  }
}

// Types whose canonical JSON is a string.
bool IsJsonString(const DataType& type) {
  switch (type.id) {
    case TypeId::kDecimal128:
    case TypeId::kDecimal256:
    case TypeId::kBinary:
    case TypeId::kLargeBinary:
    case TypeId::kFixedSizeBinary:
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
      return true;
    case TypeId::kDictionary:
      return IsJsonString(*type.value_type);
    default:
      return false;
  }
}

// A field whose rows are {"v": cell}.
SchemaPtr OneField(const Field& field) {
  auto schema = std::make_shared<Schema>();
  schema->fields.push_back({.name = std::string(1, 'v'),
                            .type = field.type,
                            .nullable = field.nullable,
                            .metadata = field.metadata});
  return schema;
}

// Cheaper than to validate UTF-8 where texts are short.
bool IsAscii(std::string_view text) {
  char all = 0;
  for (const char c : text)
    all = static_cast<char>(all | c);
  return (all & 0x80) == 0;
}

std::string_view WithoutPlus(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  return text;
}

template <typename T>
std::optional<T> NumberOf(std::string_view text) {
  text = WithoutPlus(text);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <typename T>
bool AppendNumber(ArrayBuilder& builder, std::string_view text) {
  const std::optional<T> value = NumberOf<T>(text);
  if (value) static_cast<FixedBuilder<T>&>(builder).Append(*value);
  return value.has_value();
}

bool AppendHalf(ArrayBuilder& builder, std::string_view text) {
  const std::optional<float> value = NumberOf<float>(text);
  if (value) static_cast<FixedBuilder<uint16_t>&>(builder).Append(FloatToHalf(*value));
  return value.has_value();
}

// Whether `text` is `lower` in any case.
bool Spells(std::string_view text, std::string_view lower) {
  return std::ranges::equal(
      text, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

bool AppendBool(ArrayBuilder& builder, std::string_view text) {
  const bool is_true = Spells(text, "true") || Spells(text, "t") || text == "1";
  if (!is_true && !Spells(text, "false") && !Spells(text, "f") && text != "0") return false;
  static_cast<BoolBuilder&>(builder).Append(is_true);
  return true;
}

bool AppendTime(ArrayBuilder& builder, std::string_view text) {
  const std::optional<int64_t> value = ParseTimeValue(*builder.type(), text);
  if (!value) return false;
  if (builder.type()->bit_width() == 32) {
    static_cast<FixedBuilder<int32_t>&>(builder).Append(static_cast<int32_t>(*value));
  } else {
    static_cast<FixedBuilder<int64_t>&>(builder).Append(*value);
  }
  return true;
}

// Whether `text` is a value of the builder's type, which is then appended.
bool AppendPlain(ArrayBuilder& builder, std::string_view text) {
  switch (builder.type()->id) {
    case TypeId::kBool:
      return AppendBool(builder, text);
    case TypeId::kInt8:
      return AppendNumber<int8_t>(builder, text);
    case TypeId::kInt16:
      return AppendNumber<int16_t>(builder, text);
    case TypeId::kInt32:
      return AppendNumber<int32_t>(builder, text);
    case TypeId::kInt64:
    case TypeId::kDuration:
      return AppendNumber<int64_t>(builder, text);
    case TypeId::kUint8:
      return AppendNumber<uint8_t>(builder, text);
    case TypeId::kUint16:
      return AppendNumber<uint16_t>(builder, text);
    case TypeId::kUint32:
      return AppendNumber<uint32_t>(builder, text);
    case TypeId::kUint64:
      return AppendNumber<uint64_t>(builder, text);
    case TypeId::kFloat16:
      return AppendHalf(builder, text);
    case TypeId::kFloat32:
      return AppendNumber<float>(builder, text);
    case TypeId::kFloat64:
      return AppendNumber<double>(builder, text);
    default:
      return AppendTime(builder, text);
  }
}

}  // namespace

bool IsCsvNull(const CsvCell& cell, std::string_view null_text, bool has_empty) {
  if (!has_empty && cell.text.empty()) return true;
  return !cell.is_quoted && cell.text == null_text;
}

bool HasEmptyCsvValues(const DataType& type) {
  return type.id == TypeId::kDictionary ? HasEmptyCsvValues(*type.value_type) : type.is_variable();
}

CsvColumn::CsvColumn(Field field, const std::string& null_text)
    : field_(std::move(field)),
      null_text_(null_text),
      is_text_(IsText(*field_.type)),
      has_empty_(HasEmptyCsvValues(*field_.type)) {
  if (IsPlain(*field_.type)) {
    builder_ = MakeBuilder(field_.type);
  } else {
    json_ = std::make_unique<JsonRowReader>(OneField(field_));
  }
}

bool CsvColumn::IsNull(const CsvCell& cell) const {
  if (!IsCsvNull(cell, null_text_, has_empty_)) return false;
  return field_.nullable || !has_empty_ || !cell.text.empty();
}

absl::Status CsvColumn::Append(const CsvCell& cell) {
  if (IsNull(cell)) {
    if (!field_.nullable) {
      return io::InvalidArgumentError(
          io::StrCat("column '", field_.name, "': null where a value is required"));
    }
    AppendNull();
    return absl::OkStatus();
  }
  if (json_ != nullptr) return AppendJson(cell.text);
  if (!is_text_) {
    return AppendPlain(*builder_, io::Trim(cell.text)) ? absl::OkStatus() : Misfit(cell.text);
  }
  if (!IsAscii(cell.text) && !simdjson::validate_utf8(cell.text.data(), cell.text.size())) {
    return io::InvalidArgumentError(io::StrCat("column '", field_.name, "': no UTF-8"));
  }
  static_cast<StringBuilder&>(*builder_).Append(cell.text);
  return absl::OkStatus();
}

void CsvColumn::AppendNull() {
  if (json_ != nullptr) {
    json_->Append("{\"v\":null}").IgnoreError();
  } else {
    builder_->AppendNull();
  }
}

absl::Status CsvColumn::AppendJson(std::string_view text) {
  std::string quoted;
  if (IsJsonString(*field_.type)) AppendJsonString(text, quoted);
  const absl::Status status =
      json_->Append(io::StrCat("{\"v\":", quoted.empty() ? text : quoted, "}"));
  if (status.ok()) return status;
  if (IsJsonString(*field_.type)) return Misfit(text);
  return io::Annotate(status, io::StrCat("column '", field_.name, "'"));
}

absl::Status CsvColumn::Misfit(std::string_view text) const {
  constexpr size_t kShown = 60;
  return io::InvalidArgumentError(
      io::StrCat("column '", field_.name, "': '", text.substr(0, kShown),
                 text.size() > kShown ? "..." : "", "' is no ", field_.type->ToString()));
}

size_t CsvColumn::MemoryBytes() const {
  return builder_ != nullptr ? builder_->MemoryBytes() : json_->MemoryBytes();
}

ArrayPtr CsvColumn::Finish() {
  return builder_ != nullptr ? builder_->Finish() : json_->Finish().columns[0];
}

}  // namespace og::format
