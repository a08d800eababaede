#include "format/file/lance_schema.h"

#include <algorithm>
#include <cctype>

#include "format/arrow/array.h"
#include "format/codec/jsonb.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr std::string_view kFieldIdKey = "lance:field_id";
constexpr std::string_view kBfloat16Extension = "lance.bfloat16";
constexpr std::string_view kFixedSizeList = "fixed_size_list:";
constexpr std::string_view kFixedSizeListOfStruct = "fixed_size_list:struct:";

// Lists of lists in a logical type, "fixed_size_list:fixed_size_list:...".
constexpr int kListNestingMax = 16;

struct PlainType {
  TypeId id;
  std::string_view text;
};

// Types without parameters.
constexpr PlainType kPlainTypes[] = {
    {TypeId::kNull, "null"},
    {TypeId::kBool, "bool"},
    {TypeId::kInt8, "int8"},
    {TypeId::kInt16, "int16"},
    {TypeId::kInt32, "int32"},
    {TypeId::kInt64, "int64"},
    {TypeId::kUint8, "uint8"},
    {TypeId::kUint16, "uint16"},
    {TypeId::kUint32, "uint32"},
    {TypeId::kUint64, "uint64"},
    {TypeId::kFloat16, "halffloat"},
    {TypeId::kFloat32, "float"},
    {TypeId::kFloat64, "double"},
    {TypeId::kDate32, "date32:day"},
    {TypeId::kDate64, "date64:ms"},
    {TypeId::kUtf8, "string"},
    {TypeId::kLargeUtf8, "large_string"},
    {TypeId::kBinary, "binary"},
    {TypeId::kLargeBinary, "large_binary"},
};

constexpr std::string_view kUnits[] = {"s", "ms", "us", "ns"};

TypePtr PlainTypePtr(TypeId id) {
  switch (id) {
    case TypeId::kNull:
      return Null();
    case TypeId::kBool:
      return Bool();
    case TypeId::kInt8:
      return Int8();
    case TypeId::kInt16:
      return Int16();
    case TypeId::kInt32:
      return Int32();
    case TypeId::kInt64:
      return Int64();
    case TypeId::kUint8:
      return Uint8();
    case TypeId::kUint16:
      return Uint16();
    case TypeId::kUint32:
      return Uint32();
    case TypeId::kUint64:
      return Uint64();
    case TypeId::kFloat16:
      return Float16();
    case TypeId::kFloat32:
      return Float32();
    case TypeId::kFloat64:
      return Float64();
    case TypeId::kDate32:
      return Date32();
    case TypeId::kDate64:
      return Date64();
    case TypeId::kUtf8:
      return Utf8();
    case TypeId::kLargeUtf8:
      return LargeUtf8();
    case TypeId::kBinary:
      return Binary();
    default:
      return LargeBinary();
  }
}

std::string_view UnitText(TimeUnit unit) {
  return kUnits[static_cast<size_t>(unit)];
}

absl::Status UnknownType(std::string_view text) {
  return io::DataLossError(io::StrCat("schema: unknown logical type \"", text, "\""));
}

std::optional<TimeUnit> ParseUnit(std::string_view text) {
  const auto* found = std::ranges::find(kUnits, text);
  if (found == std::end(kUnits)) {
    return std::nullopt;
  }
  return static_cast<TimeUnit>(found - std::begin(kUnits));
}

// A whole number from 0 to `max`.
std::optional<int32_t> ParseSize(std::string_view text, int64_t max = INT32_MAX) {
  const std::optional<int64_t> value = io::ParseInt64(text);
  if (!value.has_value() || *value < 0 || *value > max) {
    return std::nullopt;
  }
  return static_cast<int32_t>(*value);
}

absl::StatusOr<TypePtr> ParseLogicalType(std::string_view text, int nesting);

// "T:n" after "fixed_size_list:".
absl::StatusOr<TypePtr> ParseFixedSizeList(std::string_view text, std::string_view rest,
                                           int nesting) {
  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || nesting >= kListNestingMax) {
    return UnknownType(text);
  }
  const std::optional<int32_t> size = ParseSize(rest.substr(colon + 1));
  if (!size.has_value()) {
    return UnknownType(text);
  }
  const std::string_view item_text = rest.substr(0, colon);
  Field item{.name = "item", .type = nullptr, .nullable = true, .metadata = {}};
  if (item_text == kBfloat16Extension) {
    item.type = FixedSizeBinary(2);
    item.metadata = {{std::string(kExtensionNameKey), std::string(kBfloat16Extension)},
                     {std::string(kExtensionMetadataKey), ""}};
  } else {
    OG_ASSIGN_OR_RETURN(item.type, ParseLogicalType(item_text, nesting + 1));
  }
  return FixedSizeList(std::move(item), *size);
}

// "V:K:false" after "dict:"; V may hold colons.
absl::StatusOr<TypePtr> ParseDictionary(std::string_view text, std::string_view rest, int nesting) {
  const size_t ordered = rest.rfind(':');
  if (ordered == std::string_view::npos || ordered == 0 || nesting > 0) {
    return UnknownType(text);
  }
  const size_t key = rest.rfind(':', ordered - 1);
  if (key == std::string_view::npos) {
    return UnknownType(text);
  }
  OG_ASSIGN_OR_RETURN(TypePtr value_type, ParseLogicalType(rest.substr(0, key), nesting + 1));
  OG_ASSIGN_OR_RETURN(TypePtr key_type,
                      ParseLogicalType(rest.substr(key + 1, ordered - key - 1), nesting + 1));
  if (!key_type->is_integer() || value_type->id == TypeId::kNull) {
    return UnknownType(text);
  }
  return Dictionary(std::move(key_type), std::move(value_type));
}

absl::StatusOr<TypePtr> ParseLogicalType(std::string_view text, int nesting) {
  for (const PlainType& plain : kPlainTypes) {
    if (plain.text == text) {
      return PlainTypePtr(plain.id);
    }
  }
  if (text == "blob" || text == "json") {
    return LargeBinary();
  }
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return UnknownType(text);
  }
  const std::string_view head = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 1);
  if (head == "fixed_size_list") {
    return ParseFixedSizeList(text, rest, nesting);
  }
  if (head == "dict") {
    return ParseDictionary(text, rest, nesting);
  }
  if (head == "fixed_size_binary") {
    const std::optional<int32_t> width = ParseSize(rest);
    return width.has_value() ? absl::StatusOr<TypePtr>(FixedSizeBinary(*width)) : UnknownType(text);
  }
  if (head == "decimal") {
    const std::vector<std::string_view> parts = io::Split(rest, ':');
    const std::optional<int32_t> precision =
        parts.size() == 3 ? ParseSize(parts[1], 76) : std::nullopt;
    const std::optional<int64_t> scale =
        parts.size() == 3 ? io::ParseInt64(parts[2]) : std::nullopt;
    if (!precision.has_value() || !scale.has_value() || *scale < -128 || *scale > 127) {
      return UnknownType(text);
    }
    if (parts[0] == "128") {
      return Decimal128(*precision, static_cast<int32_t>(*scale));
    }
    if (parts[0] == "256") {
      return Decimal256(*precision, static_cast<int32_t>(*scale));
    }
    return UnknownType(text);
  }
  const size_t zone = rest.find(':');
  const std::optional<TimeUnit> unit = ParseUnit(rest.substr(0, zone));
  if (!unit.has_value() || (zone != std::string_view::npos) != (head == "timestamp")) {
    return UnknownType(text);
  }
  if (head == "timestamp") {
    const std::string_view name = rest.substr(zone + 1);
    return Timestamp(*unit, name == "-" ? std::string() : std::string(name));
  }
  if (head == "duration") {
    return Duration(*unit);
  }
  if (head == "time32" && *unit <= TimeUnit::kMilli) {
    return Time32(*unit);
  }
  if (head == "time64" && *unit >= TimeUnit::kMicro) {
    return Time64(*unit);
  }
  return UnknownType(text);
}

absl::StatusOr<TypePtr> ArrowTypeAt(const LanceField& field, int depth);

absl::StatusOr<Field> ArrowFieldAt(const LanceField& field, int depth) {
  Field out{.name = field.name, .type = nullptr, .nullable = field.nullable, .metadata = {}};
  OG_ASSIGN_OR_RETURN(out.type, ArrowTypeAt(field, depth));
  out.metadata = field.metadata;
  if (field.logical_type == "blob") {
    out.metadata.try_emplace(std::string(kBlobKey), "true");
  }
  if (field.logical_type == "json") {
    out.metadata[std::string(kExtensionNameKey)] = kStoredJsonExtension;
  }
  return out;
}

absl::StatusOr<Field> OnlyChild(const LanceField& field, int depth) {
  if (field.children.size() != 1) {
    return io::DataLossError(io::StrCat("schema: field ", field.name, " of type ",
                                        field.logical_type, " has ", field.children.size(),
                                        " children, want 1"));
  }
  return ArrowFieldAt(field.children[0], depth + 1);
}

absl::StatusOr<TypePtr> ArrowTypeAt(const LanceField& field, int depth) {
  if (depth > kTypeDepthMax) {
    return io::DataLossError(io::StrCat("schema: field ", field.name, " is nested deeper than ",
                                        kTypeDepthMax, " levels"));
  }
  if (field.is_struct()) {
    std::vector<Field> children;
    children.reserve(field.children.size());
    for (const LanceField& child : field.children) {
      OG_ASSIGN_OR_RETURN(Field converted, ArrowFieldAt(child, depth + 1));
      children.push_back(std::move(converted));
    }
    return Struct(std::move(children));
  }
  if (field.is_list()) {
    OG_ASSIGN_OR_RETURN(Field item, OnlyChild(field, depth));
    if (field.logical_type == "map") {
      if (item.type->id != TypeId::kStruct || item.type->children.size() < 2) {
        return io::DataLossError(io::StrCat("schema: the entries of map ", field.name,
                                            " are no struct of key and value"));
      }
      return Map(std::move(item));
    }
    return field.logical_type.starts_with("large_list") ? LargeList(std::move(item))
                                                        : List(std::move(item));
  }
  if (field.logical_type.starts_with(kFixedSizeListOfStruct)) {
    const std::optional<int32_t> size =
        ParseSize(std::string_view(field.logical_type).substr(kFixedSizeListOfStruct.size()));
    if (!size.has_value()) {
      return UnknownType(field.logical_type);
    }
    OG_ASSIGN_OR_RETURN(Field item, OnlyChild(field, depth));
    return FixedSizeList(std::move(item), *size);
  }
  if (!field.children.empty()) {
    return io::DataLossError(
        io::StrCat("schema: field ", field.name, " of type ", field.logical_type, " has children"));
  }
  return ParseLogicalType(field.logical_type, 0);
}

absl::Status CannotStore(const DataType& type) {
  return io::UnimplementedError(io::StrCat("Lance files cannot store ", type.ToString()));
}

bool HasFixedStride(TypeId id) {
  return (id >= TypeId::kBool && id <= TypeId::kDuration) || id == TypeId::kFixedSizeBinary ||
         id == TypeId::kFixedSizeList;
}

LanceField::Encoding EncodingOf(TypeId id) {
  if (id == TypeId::kDictionary) {
    return LanceField::Encoding::kDictionary;
  }
  if (id >= TypeId::kUtf8 && id <= TypeId::kLargeBinary) {
    return LanceField::Encoding::kVarBinary;
  }
  if (HasFixedStride(id) || id == TypeId::kList || id == TypeId::kLargeList || id == TypeId::kMap) {
    return LanceField::Encoding::kPlain;
  }
  return LanceField::Encoding::kNone;
}

std::string_view MetadataValue(const Metadata& metadata, std::string_view key) {
  const auto found = metadata.find(std::string(key));
  return found == metadata.end() ? std::string_view() : std::string_view(found->second);
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::find(words, lower) != words.end();
}

std::optional<uint32_t> KeyPosition(const Metadata& metadata, std::string_view key) {
  const std::optional<uint64_t> position = io::ParseUint64(MetadataValue(metadata, key));
  if (!position.has_value() || *position > UINT32_MAX) {
    return std::nullopt;
  }
  return static_cast<uint32_t>(*position);
}

absl::StatusOr<LanceField> FromArrowAt(const Field& arrow, int depth) {
  if (depth > kTypeDepthMax) {
    return io::UnimplementedError(
        io::StrCat("field ", arrow.name, " is nested deeper than ", kTypeDepthMax, " levels"));
  }
  LanceField field;
  field.name = arrow.name;
  field.nullable = arrow.nullable;
  field.metadata = arrow.metadata;
  if (const auto id = field.metadata.find(std::string(kFieldIdKey)); id != field.metadata.end()) {
    const std::optional<int64_t> value = io::ParseInt64(id->second);
    if (!value.has_value() || *value > INT32_MAX) {
      return io::InvalidArgumentError(io::StrCat("field ", arrow.name, ": ", kFieldIdKey, " = \"",
                                                 id->second, "\" is no field id"));
    }
    field.id = static_cast<int32_t>(std::max<int64_t>(*value, kNoFieldId));
    field.metadata.erase(id);
  }
  field.primary_key_position = KeyPosition(field.metadata, kPrimaryKeyPositionKey);
  if (!field.primary_key_position.has_value() &&
      IsOneOf(MetadataValue(field.metadata, kPrimaryKeyKey), {"true", "1", "yes"})) {
    field.primary_key_position = 0;
  }
  field.clustering_key_position = KeyPosition(field.metadata, kClusteringKeyPositionKey);
  field.encoding = EncodingOf(arrow.type->id);
  const TypeId id = arrow.type->id;
  if ((field.extension_name() == kStoredJsonExtension && id == TypeId::kLargeBinary) ||
      (field.extension_name() == kTextJsonExtension &&
       (id == TypeId::kUtf8 || id == TypeId::kLargeUtf8))) {
    field.logical_type = "json";
    field.metadata[std::string(kExtensionNameKey)] = kStoredJsonExtension;
    return field;
  }
  OG_ASSIGN_OR_RETURN(field.logical_type, LogicalTypeOf(*arrow.type));
  const bool has_children = arrow.type->id == TypeId::kStruct || arrow.type->is_list() ||
                            field.logical_type.starts_with(kFixedSizeListOfStruct);
  if (has_children) {
    for (const Field& child : arrow.type->children) {
      OG_ASSIGN_OR_RETURN(LanceField converted, FromArrowAt(child, depth + 1));
      field.children.push_back(std::move(converted));
    }
  }
  return field;
}

int32_t MaxIdOf(std::span<const LanceField> fields) {
  int32_t max = kNoFieldId;
  for (const LanceField& field : fields) {
    max = std::max({max, field.id, MaxIdOf(field.children)});
  }
  return max;
}

void AssignIds(std::vector<LanceField>& fields, int32_t& next) {
  for (LanceField& field : fields) {
    if (field.id < 0) {
      field.id = next++;
    }
    AssignIds(field.children, next);
  }
}

const LanceField* FindIdIn(std::span<const LanceField> fields, int32_t id) {
  for (const LanceField& field : fields) {
    if (field.id == id) {
      return &field;
    }
    if (const LanceField* found = FindIdIn(field.children, id); found != nullptr) {
      return found;
    }
  }
  return nullptr;
}

const LanceField* FindNameIn(std::span<const LanceField> fields, std::string_view name) {
  const auto found =
      std::ranges::find_if(fields, [&](const LanceField& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

void AppendColumnFields(std::span<const LanceField> fields, FileVersion version,
                        std::vector<const LanceField*>& out) {
  for (const LanceField& field : fields) {
    if (OwnsColumn(field, version)) {
      out.push_back(&field);
    }
    if (ChildrenHaveColumns(field)) {
      AppendColumnFields(field.children, version, out);
    }
  }
}

void AppendColumnPaths(std::span<const LanceField> fields, const std::string& prefix,
                       FileVersion version, std::vector<ColumnPath>& out) {
  for (const LanceField& field : fields) {
    const std::string path = prefix + field.name;
    if (OwnsColumn(field, version)) {
      out.push_back({path, &field});
    }
    if (ChildrenHaveColumns(field)) {
      AppendColumnPaths(field.children, path + ".", version, out);
    }
  }
}

}  // namespace

std::string_view LanceField::extension_name() const {
  return MetadataValue(metadata, kExtensionNameKey);
}

bool LanceField::is_packed() const {
  return IsOneOf(MetadataValue(metadata, kPackedKey), {"true"}) ||
         IsOneOf(MetadataValue(metadata, "packed"), {"true"});
}

bool LanceField::is_blob() const {
  return metadata.contains(std::string(kBlobKey)) || logical_type == "blob" ||
         extension_name() == kBlobV2Extension;
}

bool LanceField::is_blob_v2() const {
  return extension_name() == kBlobV2Extension ||
         (is_struct() && metadata.contains(std::string(kBlobKey)));
}

bool LanceField::is_list() const {
  return logical_type == "list" || logical_type == "list.struct" || logical_type == "large_list" ||
         logical_type == "large_list.struct" || logical_type == "map";
}

const LanceField* LanceField::Child(std::string_view child_name) const {
  return FindNameIn(children, child_name);
}

const LanceField* LanceSchema::Find(std::string_view name) const {
  return FindNameIn(fields, name);
}

const LanceField* LanceSchema::FindId(int32_t id) const {
  return FindIdIn(fields, id);
}

const LanceField* LanceSchema::FindPath(std::string_view path) const {
  if (const LanceField* whole = Find(path); whole != nullptr) {
    return whole;
  }
  const LanceField* field = nullptr;
  std::span<const LanceField> level = fields;
  for (const std::string_view part : io::Split(path, '.')) {
    field = FindNameIn(level, part);
    if (field == nullptr) {
      return nullptr;
    }
    level = field->children;
  }
  return field;
}

int32_t LanceSchema::MaxFieldId() const {
  return MaxIdOf(fields);
}

absl::StatusOr<std::string> LogicalTypeOf(const DataType& type) {
  for (const PlainType& plain : kPlainTypes) {
    if (plain.id == type.id) {
      return std::string(plain.text);
    }
  }
  switch (type.id) {
    case TypeId::kDecimal128:
      return io::StrCat("decimal:128:", type.precision, ":", type.scale);
    case TypeId::kDecimal256:
      return io::StrCat("decimal:256:", type.precision, ":", type.scale);
    case TypeId::kTime32:
      return io::StrCat("time32:", UnitText(type.unit));
    case TypeId::kTime64:
      return io::StrCat("time64:", UnitText(type.unit));
    case TypeId::kDuration:
      return io::StrCat("duration:", UnitText(type.unit));
    case TypeId::kTimestamp:
      return io::StrCat("timestamp:", UnitText(type.unit), ":",
                        type.timezone.empty() ? std::string_view("-") : type.timezone);
    case TypeId::kFixedSizeBinary:
      return io::StrCat("fixed_size_binary:", type.byte_width);
    case TypeId::kStruct:
      return std::string("struct");
    case TypeId::kMap:
      return std::string("map");
    case TypeId::kList:
      return std::string(type.children[0].type->id == TypeId::kStruct ? "list.struct" : "list");
    case TypeId::kLargeList:
      return std::string(type.children[0].type->id == TypeId::kStruct ? "large_list.struct"
                                                                      : "large_list");
    case TypeId::kDictionary: {
      OG_ASSIGN_OR_RETURN(const std::string value, LogicalTypeOf(*type.value_type));
      OG_ASSIGN_OR_RETURN(const std::string key, LogicalTypeOf(*type.index_type));
      return io::StrCat("dict:", value, ":", key, ":false");
    }
    case TypeId::kFixedSizeList: {
      const Field& item = type.children[0];
      if (item.type->is_list() || item.type->id == TypeId::kDictionary) {
        return CannotStore(type);
      }
      if (item.type->id == TypeId::kFixedSizeList &&
          item.type->children[0].type->id == TypeId::kStruct) {
        return CannotStore(type);
      }
      if (MetadataValue(item.metadata, kExtensionNameKey) == kBfloat16Extension) {
        return io::StrCat(kFixedSizeList, kBfloat16Extension, ":", type.list_size);
      }
      OG_ASSIGN_OR_RETURN(const std::string item_type, LogicalTypeOf(*item.type));
      return io::StrCat(kFixedSizeList, item_type, ":", type.list_size);
    }
    default:
      return CannotStore(type);
  }
}

absl::StatusOr<TypePtr> ArrowTypeOf(const LanceField& field) {
  return ArrowTypeAt(field, 0);
}

absl::StatusOr<Field> ToArrow(const LanceField& field) {
  return ArrowFieldAt(field, 0);
}

absl::StatusOr<SchemaPtr> ToArrow(const LanceSchema& schema) {
  Schema out;
  out.metadata = schema.metadata;
  for (const LanceField& field : schema.fields) {
    OG_ASSIGN_OR_RETURN(Field converted, ToArrow(field));
    out.fields.push_back(std::move(converted));
  }
  return std::make_shared<const Schema>(std::move(out));
}

absl::StatusOr<LanceField> FromArrow(const Field& field) {
  return FromArrowAt(field, 0);
}

absl::StatusOr<LanceSchema> FromArrow(const Schema& schema) {
  LanceSchema out;
  out.metadata = schema.metadata;
  for (const Field& field : schema.fields) {
    OG_ASSIGN_OR_RETURN(LanceField converted, FromArrow(field));
    out.fields.push_back(std::move(converted));
  }
  AssignFieldIds(out);
  return out;
}

int32_t AssignFieldIds(LanceSchema& schema, int32_t first_id) {
  int32_t next = std::max(first_id, schema.MaxFieldId() + 1);
  AssignIds(schema.fields, next);
  return next;
}

bool OwnsColumn(const LanceField& field, FileVersion version) {
  return version == FileVersion::kV2_0 || field.children.empty() || !ChildrenHaveColumns(field);
}

bool ChildrenHaveColumns(const LanceField& field) {
  return !field.is_packed() && !field.is_blob();
}

std::vector<const LanceField*> ColumnFields(std::span<const LanceField> fields,
                                            FileVersion version) {
  std::vector<const LanceField*> out;
  AppendColumnFields(fields, version, out);
  return out;
}

std::vector<ColumnPath> ColumnPaths(const LanceSchema& schema, FileVersion version) {
  std::vector<ColumnPath> names;
  AppendColumnPaths(schema.fields, "", version, names);
  return names;
}

TypePtr BlobDescriptorType(bool is_v2) {
  const auto member = [](std::string_view name, TypePtr type, bool nullable) {
    return Field{std::string(name), std::move(type), nullable, {}};
  };
  static const TypePtr v1 =
      Struct({member("position", Uint64(), true), member("size", Uint64(), true)});
  static const TypePtr v2 =
      Struct({member("kind", Uint8(), false), member("position", Uint64(), false),
              member("size", Uint64(), false), member("blob_id", Uint32(), false),
              member("blob_uri", Utf8(), false)});
  return is_v2 ? v2 : v1;
}

}  // namespace og::format
