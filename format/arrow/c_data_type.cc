// Types across the C Data Interface: format strings, metadata, ArrowSchema.
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "format/arrow/c_data.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

// Children of one type, and pairs of metadata, beyond which a schema is taken for damaged.
constexpr int64_t kChildrenMax = 1 << 20;
constexpr int32_t kMetadataMax = 1 << 20;

struct PlainFormat {
  std::string_view format;
  TypePtr (*type)();
};

constexpr PlainFormat kPlainFormats[] = {
    {"n", Null},    {"b", Bool},      {"c", Int8},     {"C", Uint8},    {"s", Int16},
    {"S", Uint16},  {"i", Int32},     {"I", Uint32},   {"l", Int64},    {"L", Uint64},
    {"e", Float16}, {"f", Float32},   {"g", Float64},  {"z", Binary},   {"Z", LargeBinary},
    {"u", Utf8},    {"U", LargeUtf8}, {"tdD", Date32}, {"tdm", Date64},
};

constexpr std::string_view kUnits = "smun";  // in the order of TimeUnit

std::string FormatOf(const DataType& type) {
  const char unit = kUnits[static_cast<size_t>(type.unit)];
  switch (type.id) {
    case TypeId::kTime32:
    case TypeId::kTime64:
      return io::StrCat("tt", unit);
    case TypeId::kTimestamp:
      return io::StrCat("ts", unit, ":", type.timezone);
    case TypeId::kDuration:
      return io::StrCat("tD", unit);
    case TypeId::kDecimal128:
      return io::StrCat("d:", type.precision, ",", type.scale);
    case TypeId::kDecimal256:
      return io::StrCat("d:", type.precision, ",", type.scale, ",256");
    case TypeId::kFixedSizeBinary:
      return io::StrCat("w:", type.byte_width);
    case TypeId::kStruct:
      return "+s";
    case TypeId::kList:
      return "+l";
    case TypeId::kLargeList:
      return "+L";
    case TypeId::kFixedSizeList:
      return io::StrCat("+w:", type.list_size);
    case TypeId::kMap:
      return "+m";
    case TypeId::kDictionary:
      return FormatOf(*type.index_type);
    default:
      for (const PlainFormat& plain : kPlainFormats) {
        if (plain.type()->id == type.id) return std::string(plain.format);
      }
      return "n";
  }
}

void AppendInt32(std::string& out, size_t value) {
  const auto number = static_cast<int32_t>(value);
  out.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

// int32 number of pairs, then for each the int32 length and bytes of key and value.
std::string EncodeMetadata(const Metadata& metadata) {
  if (metadata.empty()) return "";
  std::string out;
  AppendInt32(out, metadata.size());
  for (const auto& [key, value] : metadata) {
    AppendInt32(out, key.size());
    out += key;
    AppendInt32(out, value.size());
    out += value;
  }
  return out;
}

struct ExportedSchema {
  std::string format;
  std::string name;
  std::string metadata;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> child_pointers;
  ArrowSchema dictionary{};
};

void ReleaseSchema(ArrowSchema* schema) {
  auto* exported = static_cast<ExportedSchema*>(schema->private_data);
  for (ArrowSchema& child : exported->children) {
    if (child.release != nullptr) child.release(&child);
  }
  if (exported->dictionary.release != nullptr) exported->dictionary.release(&exported->dictionary);
  delete exported;
  schema->release = nullptr;
}

ArrowSchema Export(const DataType& type, std::string_view name, bool nullable,
                   const Metadata& metadata) {
  auto* exported =
      new ExportedSchema{FormatOf(type), std::string(name), EncodeMetadata(metadata), {}, {}, {}};
  for (const Field& child : type.children)
    exported->children.push_back(ExportField(child));
  for (ArrowSchema& child : exported->children)
    exported->child_pointers.push_back(&child);
  if (type.id == TypeId::kDictionary) {
    exported->dictionary = Export(*type.value_type, "", true, {});
  }
  ArrowSchema schema{};
  schema.format = exported->format.c_str();
  schema.name = exported->name.c_str();
  schema.metadata = exported->metadata.empty() ? nullptr : exported->metadata.data();
  schema.flags = nullable ? ARROW_FLAG_NULLABLE : 0;
  schema.n_children = std::ssize(exported->children);
  schema.children = exported->child_pointers.data();
  schema.dictionary = type.id == TypeId::kDictionary ? &exported->dictionary : nullptr;
  schema.release = ReleaseSchema;
  schema.private_data = exported;
  return schema;
}

absl::Status Forbidden(std::string_view format) {
  return io::InvalidArgumentError(io::StrCat("Arrow format string '", format, "' is not valid"));
}

std::optional<int32_t> NumberIn(std::string_view text) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<TimeUnit> UnitIn(char unit) {
  const size_t at = kUnits.find(unit);
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<TimeUnit>(at);
}

absl::StatusOr<TypePtr> DecimalIn(std::string_view format) {
  const std::vector<std::string_view> parts = io::Split(format.substr(2), ',');
  if (parts.size() < 2 || parts.size() > 3) return Forbidden(format);
  const std::optional<int32_t> precision = NumberIn(parts[0]);
  const std::optional<int32_t> scale = NumberIn(parts[1]);
  const std::optional<int32_t> width = parts.size() == 3 ? NumberIn(parts[2]) : 128;
  if (!precision || !scale || !width || *precision < 1 || *precision > 76) {
    return Forbidden(format);
  }
  if (*width == 128) return Decimal128(*precision, *scale);
  if (*width == 256) return Decimal256(*precision, *scale);
  return io::UnimplementedError(io::StrCat("Arrow format '", format, "': decimals of this width"));
}

absl::StatusOr<TypePtr> TimeIn(std::string_view format) {
  if (format.size() < 3) return Forbidden(format);
  const std::optional<TimeUnit> unit = UnitIn(format[2]);
  if (format.starts_with("ts")) {
    if (!unit || format.size() < 4 || format[3] != ':') return Forbidden(format);
    return Timestamp(*unit, std::string(format.substr(4)));
  }
  if (!unit || format.size() != 3) return Forbidden(format);
  if (format[1] == 'D') return Duration(*unit);
  return *unit <= TimeUnit::kMilli ? Time32(*unit) : Time64(*unit);
}

absl::StatusOr<TypePtr> NestedIn(std::string_view format, std::vector<Field> children) {
  if (format == "+s") return Struct(std::move(children));
  const bool known =
      format == "+l" || format == "+L" || format == "+m" || format.starts_with("+w:");
  if (!known) return io::UnimplementedError(io::StrCat("Arrow format '", format, "'"));
  if (children.size() != 1) return Forbidden(io::StrCat(format, "' with other than 1 child '"));
  if (format == "+l") return List(std::move(children[0]));
  if (format == "+L") return LargeList(std::move(children[0]));
  if (format == "+m") return Map(std::move(children[0]));
  const std::optional<int32_t> size = NumberIn(format.substr(3));
  if (!size || *size < 0) return Forbidden(format);
  return FixedSizeList(std::move(children[0]), *size);
}

absl::StatusOr<TypePtr> TypeIn(std::string_view format, std::vector<Field> children) {
  for (const PlainFormat& plain : kPlainFormats) {
    if (plain.format == format) return plain.type();
  }
  if (format.starts_with("+")) return NestedIn(format, std::move(children));
  if (format.starts_with("d:")) return DecimalIn(format);
  if (format.starts_with("w:")) {
    const std::optional<int32_t> width = NumberIn(format.substr(2));
    if (!width || *width < 0) return Forbidden(format);
    return FixedSizeBinary(*width);
  }
  if (format.starts_with("tt") || format.starts_with("ts") || format.starts_with("tD")) {
    return TimeIn(format);
  }
  if (format == "vu" || format == "vz" || format.starts_with("ti")) {
    return io::UnimplementedError(io::StrCat("Arrow format '", format, "'"));
  }
  return Forbidden(format);
}

absl::StatusOr<Metadata> DecodeMetadata(const char* at) {
  Metadata metadata;
  if (at == nullptr) return metadata;
  const auto next_length = [&at] {
    int32_t length;
    std::memcpy(&length, at, sizeof(length));
    at += sizeof(length);
    return length;
  };
  const int32_t num_pairs = next_length();
  if (num_pairs < 0 || num_pairs > kMetadataMax) {
    return io::InvalidArgumentError(io::StrCat("Arrow metadata of ", num_pairs, " pairs"));
  }
  for (int32_t i = 0; i < num_pairs; ++i) {
    std::string parts[2];
    for (std::string& part : parts) {
      const int32_t length = next_length();
      if (length < 0) return io::InvalidArgumentError("Arrow metadata of negative length");
      part.assign(at, static_cast<size_t>(length));
      at += length;
    }
    metadata[parts[0]] = parts[1];
  }
  return metadata;
}

absl::StatusOr<Field> Read(const ArrowSchema& schema, int depth) {
  if (schema.release == nullptr) return io::InvalidArgumentError("ArrowSchema was released");
  if (depth > kTypeDepthMax) {
    return io::InvalidArgumentError(io::StrCat("types are nested deeper than ", kTypeDepthMax));
  }
  if (schema.format == nullptr || schema.n_children < 0 || schema.n_children > kChildrenMax ||
      (schema.n_children > 0 && schema.children == nullptr)) {
    return io::InvalidArgumentError(
        io::StrCat("ArrowSchema without format or with ", schema.n_children, " children"));
  }
  std::vector<Field> children;
  for (int64_t i = 0; i < schema.n_children; ++i) {
    if (schema.children[i] == nullptr) {
      return io::InvalidArgumentError(io::StrCat("ArrowSchema without child ", i));
    }
    OG_ASSIGN_OR_RETURN(Field child, Read(*schema.children[i], depth + 1));
    children.push_back(std::move(child));
  }
  Field field;
  field.name = schema.name != nullptr ? schema.name : "";
  field.nullable = (schema.flags & ARROW_FLAG_NULLABLE) != 0;
  OG_ASSIGN_OR_RETURN(field.metadata, DecodeMetadata(schema.metadata));
  OG_ASSIGN_OR_RETURN(field.type, TypeIn(schema.format, std::move(children)));
  if (schema.dictionary != nullptr) {
    OG_ASSIGN_OR_RETURN(Field values, Read(*schema.dictionary, depth + 1));
    if (!field.type->is_integer()) return Forbidden(schema.format);
    field.type = Dictionary(std::move(field.type), std::move(values.type));
  }
  return field;
}

}  // namespace

ArrowSchema ExportField(const Field& field) {
  return Export(*field.type, field.name, field.nullable, field.metadata);
}

ArrowSchema ExportSchema(const Schema& schema) {
  return Export(*Struct(schema.fields), "", false, schema.metadata);
}

absl::StatusOr<Field> ImportField(ArrowSchema* schema) {
  absl::StatusOr<Field> field = Read(*schema, 0);
  if (schema->release != nullptr) schema->release(schema);
  return field;
}

absl::StatusOr<SchemaPtr> ImportSchema(ArrowSchema* schema) {
  OG_ASSIGN_OR_RETURN(Field field, ImportField(schema));
  if (field.type->id != TypeId::kStruct) {
    return io::InvalidArgumentError(
        io::StrCat("a schema is a struct type, got ", field.type->ToString()));
  }
  return std::make_shared<const Schema>(Schema{field.type->children, std::move(field.metadata)});
}

}  // namespace og::format
