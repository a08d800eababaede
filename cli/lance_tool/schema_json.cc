#include "cli/lance_tool/schema_json.h"

#include <array>
#include <optional>
#include <utility>

#include "io/base/json_value.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using format::Field;
using format::TypePtr;

constexpr int kDepthMax = 64;
constexpr char kExtensionMetadata[] = "ARROW:extension:metadata";

std::optional<TypePtr> PlainType(std::string_view name) {
  const std::array plain = {
      format::Null(),      format::Bool(),   format::Int8(),       format::Int16(),
      format::Int32(),     format::Int64(),  format::Uint8(),      format::Uint16(),
      format::Uint32(),    format::Uint64(), format::Float16(),    format::Float32(),
      format::Float64(),   format::Date32(), format::Date64(),     format::Utf8(),
      format::LargeUtf8(), format::Binary(), format::LargeBinary()};
  for (const TypePtr& type : plain) {
    if (type->ToString() == name) {
      return type;
    }
  }
  return std::nullopt;
}

// What stands between `open` and `close` at the end of "name(...)"; nullopt if it is not that.
std::optional<std::string_view> Inside(std::string_view text, std::string_view name, char open,
                                       char close) {
  if (!text.starts_with(name) || text.size() < name.size() + 2 || text[name.size()] != open ||
      text.back() != close) {
    return std::nullopt;
  }
  return text.substr(name.size() + 1, text.size() - name.size() - 2);
}

std::optional<format::TimeUnit> ParseUnit(std::string_view text) {
  constexpr std::pair<std::string_view, format::TimeUnit> kUnits[] = {
      {"s", format::TimeUnit::kSecond},
      {"ms", format::TimeUnit::kMilli},
      {"us", format::TimeUnit::kMicro},
      {"ns", format::TimeUnit::kNano}};
  for (const auto& [name, unit] : kUnits) {
    if (name == text) {
      return unit;
    }
  }
  return std::nullopt;
}

// "a,b" of a parameter list; the second part may be absent.
std::pair<std::string_view, std::string_view> SplitOnce(std::string_view text) {
  const size_t comma = text.find(',');
  return comma == std::string_view::npos ? std::pair(text, std::string_view())
                                         : std::pair(text.substr(0, comma), text.substr(comma + 1));
}

std::optional<TypePtr> ParametricType(std::string_view name) {
  for (const std::string_view decimal : {"decimal128", "decimal256"}) {
    if (const auto inside = Inside(name, decimal, '(', ')')) {
      const auto [precision_text, scale_text] = SplitOnce(*inside);
      const auto precision = io::ParseInt64(precision_text);
      const auto scale = io::ParseInt64(scale_text);
      const int64_t precision_max = decimal == "decimal128" ? 38 : 76;
      if (!precision || !scale || *precision < 1 || *precision > precision_max || *scale < -76 ||
          *scale > 76) {
        return std::nullopt;
      }
      return decimal == "decimal128" ? format::Decimal128(static_cast<int32_t>(*precision),
                                                          static_cast<int32_t>(*scale))
                                     : format::Decimal256(static_cast<int32_t>(*precision),
                                                          static_cast<int32_t>(*scale));
    }
  }
  if (const auto inside = Inside(name, "timestamp", '[', ']')) {
    const auto [unit_text, zone] = SplitOnce(*inside);
    const auto unit = ParseUnit(unit_text);
    return unit ? std::optional(format::Timestamp(*unit, std::string(zone))) : std::nullopt;
  }
  if (const auto inside = Inside(name, "duration", '[', ']')) {
    const auto unit = ParseUnit(*inside);
    return unit ? std::optional(format::Duration(*unit)) : std::nullopt;
  }
  if (name == "time32[s]" || name == "time32[ms]") {
    return format::Time32(*ParseUnit(*Inside(name, "time32", '[', ']')));
  }
  if (name == "time64[us]" || name == "time64[ns]") {
    return format::Time64(*ParseUnit(*Inside(name, "time64", '[', ']')));
  }
  if (constexpr std::string_view kBinary = "fixed_size_binary:"; name.starts_with(kBinary)) {
    const auto width = io::ParseUint64(name.substr(kBinary.size()));
    if (width && *width > 0 && *width <= INT32_MAX) {
      return format::FixedSizeBinary(static_cast<int32_t>(*width));
    }
  }
  if (const auto inside = Inside(name, "dictionary", '<', '>')) {
    const auto [index_name, value_name] = SplitOnce(*inside);
    const auto index = PlainType(index_name);
    const auto value = PlainType(value_name);
    if (index && value && (*index)->is_integer()) {
      return format::Dictionary(*index, *value);
    }
  }
  return std::nullopt;
}

absl::StatusOr<Field> ParseField(const io::JsonValue& json, int depth);

absl::StatusOr<std::vector<Field>> ParseFields(const io::JsonValue& json, int depth) {
  if (!json.is_array()) {
    return io::InvalidArgumentError(io::StrCat("fields are a list, not ", json.KindName()));
  }
  std::vector<Field> fields;
  for (const io::JsonValue& item : json.items()) {
    OG_ASSIGN_OR_RETURN(Field field, ParseField(item, depth));
    fields.push_back(std::move(field));
  }
  return fields;
}

absl::StatusOr<format::Metadata> ParseMetadata(const io::JsonValue* json) {
  format::Metadata metadata;
  if (json == nullptr || json->is_null()) {
    return metadata;
  }
  for (const auto& [key, value] : json->members()) {
    if (!value.is_string()) {
      return io::InvalidArgumentError(io::StrCat("metadata ", key, " is no text"));
    }
    metadata[key] = value.string();
  }
  return metadata;
}

absl::StatusOr<TypePtr> ParseType(std::string_view name, std::vector<Field> children) {
  const auto needs = [&](size_t count) {
    return children.size() == count ? absl::OkStatus()
                                    : io::InvalidArgumentError(io::StrCat(
                                          "type ", name, " has ", children.size(), " children"));
  };
  if (name == "struct") {
    return format::Struct(std::move(children));
  }
  if (name == "list" || name == "large_list") {
    OG_RETURN_IF_ERROR(needs(1));
    return name == "list" ? format::List(std::move(children[0]))
                          : format::LargeList(std::move(children[0]));
  }
  if (name == "map") {
    OG_RETURN_IF_ERROR(needs(2));
    Field entries{.name = "entries", .type = nullptr, .nullable = false, .metadata = {}};
    entries.type = format::Struct(std::move(children));
    return format::Map(std::move(entries));
  }
  if (constexpr std::string_view kList = "fixed_size_list:"; name.starts_with(kList)) {
    OG_RETURN_IF_ERROR(needs(1));
    const auto size = io::ParseUint64(name.substr(kList.size()));
    if (size && *size > 0 && *size <= INT32_MAX) {
      return format::FixedSizeList(std::move(children[0]), static_cast<int32_t>(*size));
    }
  }
  if (const auto plain = PlainType(name)) {
    return *plain;
  }
  if (const auto parametric = ParametricType(name)) {
    return *parametric;
  }
  return io::InvalidArgumentError(io::StrCat("unknown type '", name, "'"));
}

absl::StatusOr<Field> ParseField(const io::JsonValue& json, int depth) {
  if (depth > kDepthMax) {
    return io::InvalidArgumentError("the schema is nested too deeply");
  }
  Field field;
  OG_ASSIGN_OR_RETURN(field.name, json.StringMember("name"));
  OG_ASSIGN_OR_RETURN(const std::string type, json.StringMember("type"));
  if (const io::JsonValue* nullable = json.Find("nullable")) {
    const std::optional<bool> value = nullable->AsBool();
    if (!value) {
      return io::InvalidArgumentError(io::StrCat("field ", field.name, ": nullable is no bool"));
    }
    field.nullable = *value;
  }
  OG_ASSIGN_OR_RETURN(field.metadata, ParseMetadata(json.Find("metadata")));
  std::vector<Field> children;
  if (const io::JsonValue* list = json.Find("children")) {
    OG_ASSIGN_OR_RETURN(children, ParseFields(*list, depth + 1));
  }
  absl::StatusOr<TypePtr> parsed = ParseType(type, std::move(children));
  if (!parsed.ok()) {
    return io::Annotate(parsed.status(), io::StrCat("field ", field.name));
  }
  field.type = *std::move(parsed);
  return field;
}

void WriteField(const Field& field, io::JsonWriter& json) {
  json.BeginObject();
  json.Key("name");
  json.String(field.name);
  json.Key("type");
  json.String(TypeName(*field.type));
  json.Key("nullable");
  json.Bool(field.nullable);
  format::Metadata metadata = field.metadata;
  if (const auto parameters = metadata.find(kExtensionMetadata);
      parameters != metadata.end() && parameters->second.empty()) {
    metadata.erase(parameters);  // an extension without parameters
  }
  if (!metadata.empty()) {
    json.Key("metadata");
    json.BeginObject();
    for (const auto& [key, value] : metadata) {
      json.Key(key);
      json.String(value);
    }
    json.EndObject();
  }
  const std::vector<Field>& children = field.type->id == format::TypeId::kMap
                                           ? field.type->children[0].type->children
                                           : field.type->children;
  if (!children.empty()) {
    json.Key("children");
    json.BeginArray();
    for (const Field& child : children) {
      WriteField(child, json);
    }
    json.EndArray();
  }
  json.EndObject();
}

}  // namespace

std::string TypeName(const format::DataType& type) {
  switch (type.id) {
    case format::TypeId::kStruct:
      return "struct";
    case format::TypeId::kList:
      return "list";
    case format::TypeId::kLargeList:
      return "large_list";
    case format::TypeId::kMap:
      return "map";
    case format::TypeId::kFixedSizeList:
      return io::StrCat("fixed_size_list:", type.list_size);
    default:
      return type.ToString();
  }
}

void WriteSchemaJson(const format::Schema& schema, io::JsonWriter& json) {
  json.BeginObject();
  json.Key("fields");
  json.BeginArray();
  for (const Field& field : schema.fields) {
    WriteField(field, json);
  }
  json.EndArray();
  json.Key("metadata");
  json.BeginObject();
  for (const auto& [key, value] : schema.metadata) {
    json.Key(key);
    json.String(value);
  }
  json.EndObject();
  json.EndObject();
}

absl::StatusOr<format::SchemaPtr> ParseSchemaJson(std::string_view text) {
  OG_ASSIGN_OR_RETURN(const io::JsonValue json, io::JsonValue::Parse(text));
  auto schema = std::make_shared<format::Schema>();
  if (json.is_array()) {
    OG_ASSIGN_OR_RETURN(schema->fields, ParseFields(json, 0));
    return schema;
  }
  OG_ASSIGN_OR_RETURN(const io::JsonValue* fields, json.RequiredMember("fields"));
  OG_ASSIGN_OR_RETURN(schema->fields, ParseFields(*fields, 0));
  OG_ASSIGN_OR_RETURN(schema->metadata, ParseMetadata(json.Find("metadata")));
  return schema;
}

}  // namespace og::cli
