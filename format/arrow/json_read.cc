#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "format/arrow/builder.h"
#include "format/arrow/half.h"
#include "format/arrow/json.h"
#include "format/arrow/time_text.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "simdjson.h"

namespace og::format {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

absl::Status Misfit(const DataType& type, const element& value) {
  constexpr size_t kShown = 60;
  std::string text = simdjson::minify(value);
  if (text.size() > kShown) {
    text.resize(kShown);
    text += "...";
  }
  return io::InvalidArgumentError(io::StrCat("value ", text, " does not fit ", type.ToString()));
}

absl::Status AppendValue(ArrayBuilder& builder, bool nullable, const element& value);

// A number as an integer of type T, if it is one and fits.
template <typename T>
std::optional<T> IntegerOf(const element& value) {
  if (value.type() == element_type::INT64) {
    const int64_t number = value.get_int64();
    if (std::in_range<T>(number)) return static_cast<T>(number);
  } else if (value.type() == element_type::UINT64) {
    const uint64_t number = value.get_uint64();
    if (std::in_range<T>(number)) return static_cast<T>(number);
  } else if (value.type() == element_type::DOUBLE) {
    const double number = value.get_double();
    // Beyond 2^53 a spelling with a fraction or exponent is not exact.
    if (std::trunc(number) == number && std::fabs(number) <= 9007199254740992.0 &&
        std::in_range<T>(static_cast<int64_t>(number))) {
      return static_cast<T>(number);
    }
  }
  return std::nullopt;
}

std::optional<double> FloatOf(const element& value) {
  if (value.type() == element_type::STRING) {
    const std::string_view text = value.get_string();
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
    return std::nullopt;
  }
  if (!value.is_number()) return std::nullopt;
  return value.get_double().value();
}

// A number, or the text of a date, time or timestamp.
template <typename T>
std::optional<T> StoredIntegerOf(const DataType& type, const element& value) {
  if (value.type() != element_type::STRING) return IntegerOf<T>(value);
  const std::optional<int64_t> parsed = ParseTimeValue(type, value.get_string());
  if (!parsed || !std::in_range<T>(*parsed)) return std::nullopt;
  return static_cast<T>(*parsed);
}

template <typename T>
absl::Status AppendInteger(ArrayBuilder& builder, const element& value) {
  const std::optional<T> number = StoredIntegerOf<T>(*builder.type(), value);
  if (!number.has_value()) return Misfit(*builder.type(), value);
  static_cast<FixedBuilder<T>&>(builder).Append(*number);
  return absl::OkStatus();
}

absl::Status AppendFloat(ArrayBuilder& builder, const element& value) {
  const std::optional<double> number = FloatOf(value);
  if (!number.has_value()) return Misfit(*builder.type(), value);
  switch (builder.type()->id) {
    case TypeId::kFloat16:
      static_cast<FixedBuilder<uint16_t>&>(builder).Append(
          FloatToHalf(static_cast<float>(*number)));
      break;
    case TypeId::kFloat32:
      static_cast<FixedBuilder<float>&>(builder).Append(static_cast<float>(*number));
      break;
    default:
      static_cast<FixedBuilder<double>&>(builder).Append(*number);
  }
  return absl::OkStatus();
}

// The digits of a decimal text without point, padded to `scale` fraction digits; nullopt if it is
// none or holds more digits than fit.
std::optional<std::string> DecimalDigits(std::string_view text, const DataType& type) {
  const size_t point = text.find('.');
  std::string digits(text.substr(0, point));
  size_t fraction = 0;
  if (point != std::string_view::npos) {
    fraction = text.size() - point - 1;
    digits += text.substr(point + 1);
  }
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  const auto scale = static_cast<int64_t>(type.scale);
  int64_t missing = scale - static_cast<int64_t>(fraction);
  for (; missing < 0 && digits.ends_with('0'); ++missing)
    digits.pop_back();
  if (missing < 0 || missing > 80) return std::nullopt;
  digits.append(static_cast<size_t>(missing), '0');
  const size_t first = digits.find_first_not_of('0');
  digits.erase(0, first == std::string::npos ? digits.size() - 1 : first);
  if (digits.size() > static_cast<size_t>(std::max(type.precision, 1))) return std::nullopt;
  return digits;
}

template <size_t kWords>
absl::Status AppendDecimal(ArrayBuilder& builder, const element& value) {
  if (value.type() != element_type::STRING) return Misfit(*builder.type(), value);
  std::string_view text = value.get_string();
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::optional<std::string> digits = DecimalDigits(text, *builder.type());
  if (!digits.has_value()) return Misfit(*builder.type(), value);
  std::array<uint64_t, kWords> words{};
  for (const char digit : *digits) {
    uint64_t carry = static_cast<uint64_t>(digit - '0');
    for (uint64_t& word : words) {
      const uint64_t low = (word & 0xffffffffu) * 10 + carry;
      const uint64_t high = (word >> 32) * 10 + (low >> 32);
      word = (high << 32) | (low & 0xffffffffu);
      carry = high >> 32;
    }
  }
  if (negative) {
    bool carry = true;
    for (uint64_t& word : words) {
      word = ~word + (carry ? 1 : 0);
      carry = carry && word == 0;
    }
  }
  static_cast<FixedBuilder<std::array<uint64_t, kWords>>&>(builder).Append(words);
  return absl::OkStatus();
}

std::optional<std::string> BytesOf(const element& value) {
  if (value.type() != element_type::STRING) return std::nullopt;
  const std::string_view digits = value.get_string();
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (size_t i = 0; i < digits.size(); i += 2) {
    unsigned byte = 0;
    const char* end = digits.data() + i + 2;
    const auto [stop, error] = std::from_chars(digits.data() + i, end, byte, 16);
    if (error != std::errc() || stop != end) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

absl::Status AppendBytes(ArrayBuilder& builder, const element& value) {
  const std::optional<std::string> bytes = BytesOf(value);
  const DataType& type = *builder.type();
  if (!bytes.has_value()) return Misfit(type, value);
  if (type.id != TypeId::kFixedSizeBinary) {
    static_cast<StringBuilder&>(builder).Append(*bytes);
    return absl::OkStatus();
  }
  if (bytes->size() != static_cast<size_t>(type.byte_width)) return Misfit(type, value);
  Array one;
  one.type = builder.type();
  one.length = 1;
  one.values = io::Buffer::CopyOf(*bytes);
  builder.AppendSlice(one, 0, 1);
  return absl::OkStatus();
}

absl::Status AppendDictionary(ArrayBuilder& builder, const element& value) {
  const auto values = MakeBuilder(builder.type()->value_type);
  OG_RETURN_IF_ERROR(AppendValue(*values, true, value));
  Array one;
  one.type = builder.type();
  one.length = 1;
  one.values = io::Buffer::Zeros(8);
  one.dictionary = values->Finish();
  builder.AppendSlice(one, 0, 1);
  return absl::OkStatus();
}

absl::Status AppendMembers(std::span<const Field> fields,
                           const std::vector<ArrayBuilder*>& builders,
                           const simdjson::dom::object& object) {
  std::vector<bool> seen(fields.size());
  size_t next = 0;  // members mostly come in field order
  for (const auto& [key, value] : object) {
    size_t at = next;
    if (at >= fields.size() || fields[at].name != key) {
      at = 0;
      while (at < fields.size() && fields[at].name != key)
        ++at;
    }
    if (at == fields.size()) {
      return io::InvalidArgumentError(io::StrCat("unknown member '", key, "'"));
    }
    if (seen[at]) return io::InvalidArgumentError(io::StrCat("duplicate member '", key, "'"));
    seen[at] = true;
    next = at + 1;
    const absl::Status status = AppendValue(*builders[at], fields[at].nullable, value);
    if (!status.ok()) return io::Annotate(status, io::StrCat("member '", key, "'"));
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    if (seen[i]) continue;
    if (!fields[i].nullable) {
      return io::InvalidArgumentError(io::StrCat("member '", fields[i].name, "' is missing"));
    }
    builders[i]->AppendNull();
  }
  return absl::OkStatus();
}

absl::Status AppendStruct(ArrayBuilder& builder, const element& value) {
  if (value.type() != element_type::OBJECT) return Misfit(*builder.type(), value);
  auto& rows = static_cast<StructBuilder&>(builder);
  std::vector<ArrayBuilder*> children;
  for (size_t i = 0; i < builder.type()->children.size(); ++i)
    children.push_back(&rows.child(i));
  OG_RETURN_IF_ERROR(AppendMembers(builder.type()->children, children, value.get_object().value()));
  rows.Append();
  return absl::OkStatus();
}

// A [key,value] pair as one entry of a map.
absl::Status AppendEntry(ArrayBuilder& builder, const element& value) {
  if (value.type() != element_type::ARRAY) return Misfit(*builder.type(), value);
  const simdjson::dom::array pair = value.get_array();
  if (pair.size() != 2) return Misfit(*builder.type(), value);
  auto& entries = static_cast<StructBuilder&>(builder);
  for (size_t i = 0; i < 2; ++i) {
    const Field& field = builder.type()->children[i];
    OG_RETURN_IF_ERROR(AppendValue(entries.child(i), field.nullable, pair.at(i).value()));
  }
  entries.Append();
  return absl::OkStatus();
}

absl::Status AppendList(ArrayBuilder& builder, const element& value) {
  const DataType& type = *builder.type();
  if (value.type() != element_type::ARRAY) return Misfit(type, value);
  const simdjson::dom::array items = value.get_array();
  if (type.id == TypeId::kFixedSizeList && items.size() != static_cast<size_t>(type.list_size)) {
    return Misfit(type, value);
  }
  auto& list = static_cast<ListBuilder&>(builder);
  for (const element item : items) {
    OG_RETURN_IF_ERROR(type.id == TypeId::kMap
                           ? AppendEntry(list.items(), item)
                           : AppendValue(list.items(), type.children[0].nullable, item));
  }
  list.Append();
  return absl::OkStatus();
}

absl::Status AppendValue(ArrayBuilder& builder, bool nullable, const element& value) {
  const DataType& type = *builder.type();
  if (value.is_null()) {
    if (!nullable) return io::InvalidArgumentError("null where a value is required");
    builder.AppendNull();
    return absl::OkStatus();
  }
  switch (type.id) {
    case TypeId::kNull:
      return Misfit(type, value);
    case TypeId::kBool:
      if (!value.is_bool()) return Misfit(type, value);
      static_cast<BoolBuilder&>(builder).Append(value.get_bool());
      return absl::OkStatus();
    case TypeId::kInt8:
      return AppendInteger<int8_t>(builder, value);
    case TypeId::kInt16:
      return AppendInteger<int16_t>(builder, value);
    case TypeId::kInt32:
    case TypeId::kDate32:
    case TypeId::kTime32:
      return AppendInteger<int32_t>(builder, value);
    case TypeId::kInt64:
    case TypeId::kDate64:
    case TypeId::kTime64:
    case TypeId::kTimestamp:
    case TypeId::kDuration:
      return AppendInteger<int64_t>(builder, value);
    case TypeId::kUint8:
      return AppendInteger<uint8_t>(builder, value);
    case TypeId::kUint16:
      return AppendInteger<uint16_t>(builder, value);
    case TypeId::kUint32:
      return AppendInteger<uint32_t>(builder, value);
    case TypeId::kUint64:
      return AppendInteger<uint64_t>(builder, value);
    case TypeId::kFloat16:
    case TypeId::kFloat32:
    case TypeId::kFloat64:
      return AppendFloat(builder, value);
    case TypeId::kDecimal128:
      return AppendDecimal<2>(builder, value);
    case TypeId::kDecimal256:
      return AppendDecimal<4>(builder, value);
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
      if (!value.is_string()) return Misfit(type, value);
      static_cast<StringBuilder&>(builder).Append(value.get_string().value());
      return absl::OkStatus();
    case TypeId::kBinary:
    case TypeId::kLargeBinary:
    case TypeId::kFixedSizeBinary:
      return AppendBytes(builder, value);
    case TypeId::kStruct:
      return AppendStruct(builder, value);
    case TypeId::kList:
    case TypeId::kLargeList:
    case TypeId::kFixedSizeList:
    case TypeId::kMap:
      return AppendList(builder, value);
    case TypeId::kDictionary:
      return AppendDictionary(builder, value);
  }
  return Misfit(type, value);
}

}  // namespace

struct JsonRowReader::State {
  SchemaPtr schema;
  std::vector<std::unique_ptr<ArrayBuilder>> builders;
  std::vector<ArrayBuilder*> columns;
  int64_t num_rows = 0;
  simdjson::dom::parser parser;
};

JsonRowReader::JsonRowReader(SchemaPtr schema) : state_(std::make_unique<State>()) {
  for (const Field& field : schema->fields) {
    state_->builders.push_back(MakeBuilder(field.type));
    state_->columns.push_back(state_->builders.back().get());
  }
  state_->schema = std::move(schema);
}

JsonRowReader::~JsonRowReader() = default;

absl::Status JsonRowReader::Append(std::string_view line) {
  State& state = *state_;
  for (const ArrayBuilder* column : state.columns) {
    if (column->full()) return io::ResourceExhaustedError("batch is full: finish it first");
  }
  const auto parsed = state.parser.parse(line.data(), line.size());
  if (parsed.error() != simdjson::SUCCESS) {
    return io::InvalidArgumentError(
        io::StrCat("invalid JSON: ", simdjson::error_message(parsed.error())));
  }
  const element row = parsed.value_unsafe();
  if (row.type() != element_type::OBJECT) {
    return io::InvalidArgumentError("a row must be a JSON object");
  }
  OG_RETURN_IF_ERROR(AppendMembers(state.schema->fields, state.columns, row.get_object().value()));
  ++state.num_rows;
  return absl::OkStatus();
}

int64_t JsonRowReader::num_rows() const {
  return state_->num_rows;
}

size_t JsonRowReader::MemoryBytes() const {
  size_t bytes = 0;
  for (const ArrayBuilder* column : state_->columns)
    bytes += column->MemoryBytes();
  return bytes;
}

RecordBatch JsonRowReader::Finish() {
  RecordBatch batch{state_->schema, std::exchange(state_->num_rows, 0), {}};
  for (ArrayBuilder* column : state_->columns)
    batch.columns.push_back(column->Finish());
  return batch;
}

}  // namespace og::format
