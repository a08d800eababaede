#include "io/base/json_value.h"

#include <algorithm>
#include <limits>

#include <simdjson.h>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::io {
namespace {

constexpr size_t kDepthMax = 128;

absl::Status Expected(std::string_view name, std::string_view wanted, const JsonValue& found) {
  return InvalidArgumentError(
      StrCat("field `", name, "`: expected ", wanted, ", got ", found.KindName()));
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Whether the digits that begin at `begin` of `text` make an integer of 64 bits, signed or not.
bool FitsInteger(std::string_view text, size_t begin, size_t end) {
  constexpr uint64_t kLargestNegative = uint64_t{1} << 63;
  const std::optional<uint64_t> number = ParseUint64(text.substr(begin, end - begin));
  const bool negative = begin > 0 && text[begin - 1] == '-';
  return number && (!negative || *number <= kLargestNegative);
}

// `text` with an exponent behind every integer that exceeds 64 bits: simdjson then reads a float,
// as other readers of JSON do, instead of refusing the document.
std::string LongIntegersAsFloats(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  bool in_string = false;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (in_string && c == '\\' && i + 1 < text.size()) {
      result.append(text, i, 2);
      i += 2;
      continue;
    }
    if (in_string || !IsDigit(c)) {
      in_string = (c == '"') != in_string;
      result += c;
      ++i;
      continue;
    }
    const size_t begin = i;
    bool whole = true;
    for (; i < text.size() && (IsDigit(text[i]) || text[i] == '.' || text[i] == 'e' ||
                               text[i] == 'E' || text[i] == '+' || text[i] == '-');
         ++i) {
      whole &= IsDigit(text[i]);
    }
    result.append(text, begin, i - begin);
    if (whole && !FitsInteger(text, begin, i)) result += "e0";
  }
  return result;
}

}  // namespace

// Copies simdjson's tree, which borrows from its parser, into values of our own.
class JsonTreeBuilder {
 public:
  static absl::StatusOr<JsonValue> Build(simdjson::dom::element element) {
    JsonValue value;
    switch (element.type()) {
      case simdjson::dom::element_type::NULL_VALUE:
        break;
      case simdjson::dom::element_type::BOOL:
        value.kind_ = JsonValue::Kind::kBool;
        value.bool_ = element.get_bool().value_unsafe();
        break;
      case simdjson::dom::element_type::INT64:
        value.kind_ = JsonValue::Kind::kInt;
        value.int_ = element.get_int64().value_unsafe();
        break;
      case simdjson::dom::element_type::UINT64:
        value.kind_ = JsonValue::Kind::kUint;
        value.uint_ = element.get_uint64().value_unsafe();
        break;
      case simdjson::dom::element_type::DOUBLE:
        value.kind_ = JsonValue::Kind::kDouble;
        value.double_ = element.get_double().value_unsafe();
        break;
      case simdjson::dom::element_type::STRING:
        value.kind_ = JsonValue::Kind::kString;
        value.string_ = std::string(element.get_string().value_unsafe());
        break;
      case simdjson::dom::element_type::ARRAY: {
        value.kind_ = JsonValue::Kind::kArray;
        const simdjson::dom::array items = element.get_array().value_unsafe();
        for (const simdjson::dom::element item : items) {
          OG_ASSIGN_OR_RETURN(JsonValue built, Build(item));
          value.items_.push_back(std::move(built));
        }
        break;
      }
      case simdjson::dom::element_type::OBJECT: {
        value.kind_ = JsonValue::Kind::kObject;
        const simdjson::dom::object members = element.get_object().value_unsafe();
        OG_RETURN_IF_ERROR(BuildMembers(members, value));
        break;
      }
    }
    return value;
  }

 private:
  static absl::Status BuildMembers(simdjson::dom::object object, JsonValue& value) {
    for (const auto& [name, member] : object) {
      OG_ASSIGN_OR_RETURN(JsonValue built, Build(member));
      value.members_.emplace_back(std::string(name), std::move(built));
    }
    std::vector<std::string_view> names;
    names.reserve(value.members_.size());
    for (const auto& [name, member] : value.members_)
      names.push_back(name);
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice == names.end()) return absl::OkStatus();
    return InvalidArgumentError(StrCat("duplicate JSON member '", *twice, "'"));
  }
};

absl::StatusOr<JsonValue> JsonValue::Parse(std::string_view text) {
  simdjson::dom::parser parser;
  if (const auto error = parser.allocate(std::max<size_t>(text.size(), 64), kDepthMax)) {
    return ResourceExhaustedError(StrCat("JSON: ", simdjson::error_message(error)));
  }
  simdjson::dom::element root;
  // It copies from the address of an empty text, too, which may be null.
  const char* const start = text.empty() ? "" : text.data();
  auto error = parser.parse(start, text.size()).get(root);
  if (error == simdjson::NUMBER_ERROR) error = parser.parse(LongIntegersAsFloats(text)).get(root);
  if (error != simdjson::SUCCESS) {
    return InvalidArgumentError(StrCat("JSON: ", simdjson::error_message(error)));
  }
  return JsonTreeBuilder::Build(root);
}

std::string_view JsonValue::KindName() const {
  switch (kind_) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
      return "number";
    case Kind::kString:
      return "string";
    case Kind::kArray:
      return "array";
    case Kind::kObject:
      return "object";
  }
  return "value";
}

std::optional<bool> JsonValue::AsBool() const {
  return kind_ == Kind::kBool ? std::optional(bool_) : std::nullopt;
}

std::optional<int64_t> JsonValue::AsInt64() const {
  return kind_ == Kind::kInt ? std::optional(int_) : std::nullopt;
}

std::optional<uint64_t> JsonValue::AsUint64() const {
  if (kind_ == Kind::kUint) return uint_;
  if (kind_ == Kind::kInt && int_ >= 0) return static_cast<uint64_t>(int_);
  return std::nullopt;
}

std::optional<double> JsonValue::AsDouble() const {
  switch (kind_) {
    case Kind::kInt:
      return static_cast<double>(int_);
    case Kind::kUint:
      return static_cast<double>(uint_);
    case Kind::kDouble:
      return double_;
    default:
      return std::nullopt;
  }
}

const JsonValue* JsonValue::Find(std::string_view name) const {
  for (const auto& [key, value] : members_) {
    if (key == name) return &value;
  }
  return nullptr;
}

absl::StatusOr<const JsonValue*> JsonValue::RequiredMember(std::string_view name) const {
  const JsonValue* found = Find(name);
  if (found == nullptr) return InvalidArgumentError(StrCat("missing field `", name, "`"));
  return found;
}

absl::StatusOr<std::string> JsonValue::StringMember(std::string_view name) const {
  OG_ASSIGN_OR_RETURN(const JsonValue* member, RequiredMember(name));
  if (!member->is_string()) return Expected(name, "a string", *member);
  return member->string();
}

absl::StatusOr<uint64_t> JsonValue::Uint64Member(std::string_view name) const {
  OG_ASSIGN_OR_RETURN(const JsonValue* member, RequiredMember(name));
  const auto number = member->AsUint64();
  if (!number) return Expected(name, "an unsigned integer", *member);
  return *number;
}

absl::StatusOr<int64_t> JsonValue::Int64Member(std::string_view name) const {
  OG_ASSIGN_OR_RETURN(const JsonValue* member, RequiredMember(name));
  const auto number = member->AsInt64();
  if (!number) return Expected(name, "an integer", *member);
  return *number;
}

absl::StatusOr<bool> JsonValue::BoolMember(std::string_view name) const {
  OG_ASSIGN_OR_RETURN(const JsonValue* member, RequiredMember(name));
  const auto value = member->AsBool();
  if (!value) return Expected(name, "a boolean", *member);
  return *value;
}

absl::StatusOr<std::optional<std::string>> JsonValue::OptionalStringMember(
    std::string_view name) const {
  const JsonValue* member = Find(name);
  if (member == nullptr || member->is_null()) return std::nullopt;
  if (!member->is_string()) return Expected(name, "a string or null", *member);
  return member->string();
}

absl::StatusOr<std::optional<uint64_t>> JsonValue::OptionalUint64Member(
    std::string_view name) const {
  const JsonValue* member = Find(name);
  if (member == nullptr || member->is_null()) return std::nullopt;
  const auto number = member->AsUint64();
  if (!number) return Expected(name, "an unsigned integer or null", *member);
  return number;
}

}  // namespace og::io
