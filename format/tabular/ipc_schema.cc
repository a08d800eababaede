#include "format/tabular/ipc_schema.h"

#include <string>
#include <utility>

#include "format/arrow/array.h"
#include "format/tabular/flat_type.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/base/utf8.h"

namespace og::format {
namespace {

absl::Status Damaged() {
  return io::DataLossError("arrow: damaged schema");
}

absl::Status Unsupported(std::string_view what) {
  return io::UnimplementedError(io::StrCat("arrow: ", what, " are not supported"));
}

std::optional<TimeUnit> UnitOf(int16_t unit) {
  if (unit < 0 || unit > 3) return std::nullopt;
  return static_cast<TimeUnit>(unit);
}

absl::StatusOr<TypePtr> IntegerType(FlatReader& flat, FlatTable table) {
  const auto bits = flat.Scalar<int32_t>(table, 0, 0);
  const bool is_signed = flat.Scalar<uint8_t>(table, 1, 0) != 0;
  switch (bits) {
    case 8:
      return is_signed ? Int8() : Uint8();
    case 16:
      return is_signed ? Int16() : Uint16();
    case 32:
      return is_signed ? Int32() : Uint32();
    case 64:
      return is_signed ? Int64() : Uint64();
    default:
      return Damaged();
  }
}

absl::StatusOr<TypePtr> FloatType(FlatReader& flat, FlatTable table) {
  switch (flat.Scalar<int16_t>(table, 0, 0)) {
    case 0:
      return Float16();
    case 1:
      return Float32();
    case 2:
      return Float64();
    default:
      return Damaged();
  }
}

absl::StatusOr<TypePtr> DecimalType(FlatReader& flat, FlatTable table) {
  const auto precision = flat.Scalar<int32_t>(table, 0, 0);
  const auto scale = flat.Scalar<int32_t>(table, 1, 0);
  const auto bits = flat.Scalar<int32_t>(table, 2, 128);
  if (bits == 32 || bits == 64) return Unsupported("decimals of 32 and 64 bits");
  const int32_t precision_max = bits == 128 ? 38 : 76;
  const bool fits = precision >= 1 && precision <= precision_max && scale >= -precision_max &&
                    scale <= precision_max;
  if ((bits != 128 && bits != 256) || !fits) return Damaged();
  return bits == 128 ? Decimal128(precision, scale) : Decimal256(precision, scale);
}

absl::StatusOr<TypePtr> TimeType(FlatReader& flat, FlatTable table) {
  const std::optional<TimeUnit> unit = UnitOf(flat.Scalar<int16_t>(table, 0, 1));
  const auto bits = flat.Scalar<int32_t>(table, 1, 32);
  if (!unit) return Damaged();
  const bool is_coarse = *unit <= TimeUnit::kMilli;
  if (bits != (is_coarse ? 32 : 64)) return Damaged();
  return is_coarse ? Time32(*unit) : Time64(*unit);
}

absl::StatusOr<TypePtr> TypeWithUnit(FlatReader& flat, FlatType kind, FlatTable table) {
  // Absent: seconds for a timestamp, milliseconds for a duration.
  const std::optional<TimeUnit> unit =
      UnitOf(flat.Scalar<int16_t>(table, 0, kind == FlatType::kTimestamp ? 0 : 1));
  if (!unit) return Damaged();
  if (kind == FlatType::kDuration) return Duration(*unit);
  return Timestamp(*unit, std::string(flat.String(table, 1)));
}

class SchemaReader {
 public:
  explicit SchemaReader(FlatReader& flat) : flat_(flat) {}

  // A field with its name, and how its arrays come.
  struct Read {
    Field field;
    IpcField shape;
  };

  absl::StatusOr<Read> ReadField(FlatTable table, int depth) {
    if (depth > kTypeDepthMax) return io::DataLossError("arrow: types are nested too deeply");
    Read read;
    OG_ASSIGN_OR_RETURN(read.field.name, Text(flat_.String(table, 0)));
    read.field.nullable = flat_.Scalar<uint8_t>(table, 1, 0) != 0;
    OG_ASSIGN_OR_RETURN(read.field.metadata, ReadMetadata(table, 6));
    std::vector<Field> children;
    const FlatVector child_tables = flat_.Vector(table, 5, sizeof(uint32_t));
    for (size_t i = 0; i < child_tables.size; ++i) {
      OG_ASSIGN_OR_RETURN(Read child, ReadField(flat_.TableAt(child_tables, i), depth + 1));
      children.push_back(std::move(child.field));
      read.shape.children.push_back(std::move(child.shape));
    }
    const auto kind = static_cast<FlatType>(flat_.Scalar<uint8_t>(table, 2, 0));
    read.shape.is_view = kind == FlatType::kBinaryView || kind == FlatType::kUtf8View;
    const std::optional<FlatTable> type = flat_.Table(table, 3);
    if (!type || flat_.damaged()) return Damaged();
    OG_ASSIGN_OR_RETURN(read.shape.type, ReadType(kind, *type, std::move(children)));
    if (const std::optional<FlatTable> coding = flat_.Table(table, 4)) {
      OG_RETURN_IF_ERROR(CodeField(*coding, read.shape));
    }
    read.field.type = read.shape.type;
    return flat_.damaged() ? Damaged() : absl::StatusOr<Read>(std::move(read));
  }

  absl::StatusOr<Metadata> ReadMetadata(FlatTable table, size_t field) {
    Metadata metadata;
    const FlatVector entries = flat_.Vector(table, field, sizeof(uint32_t));
    for (size_t i = 0; i < entries.size; ++i) {
      const FlatTable entry = flat_.TableAt(entries, i);
      OG_ASSIGN_OR_RETURN(std::string key, Text(flat_.String(entry, 0)));
      metadata[std::move(key)] = std::string(flat_.String(entry, 1));
    }
    return metadata;
  }

  std::map<int64_t, IpcField> TakeDictionaries() { return std::move(dictionaries_); }

 private:
  // The field's values are those of a dictionary, its arrays the places in it.
  absl::Status CodeField(FlatTable coding, IpcField& shape) {
    const auto number = flat_.Scalar<int64_t>(coding, 0, 0);
    TypePtr index = Int32();
    if (const std::optional<FlatTable> type = flat_.Table(coding, 1)) {
      OG_ASSIGN_OR_RETURN(index, IntegerType(flat_, *type));
    }
    IpcField coded;
    coded.type = Dictionary(std::move(index), shape.type);
    coded.dictionary = number;
    dictionaries_.insert_or_assign(number, std::move(shape));
    shape = std::move(coded);
    return absl::OkStatus();
  }

  static absl::StatusOr<std::string> Text(std::string_view text) {
    if (!io::IsUtf8(text)) return io::DataLossError("arrow: a name is no UTF-8");
    return std::string(text);
  }

  absl::StatusOr<TypePtr> ReadType(FlatType kind, FlatTable table, std::vector<Field> children) {
    switch (kind) {
      case FlatType::kNull:
        return Null();
      case FlatType::kBool:
        return Bool();
      case FlatType::kInt:
        return IntegerType(flat_, table);
      case FlatType::kFloatingPoint:
        return FloatType(flat_, table);
      case FlatType::kBinary:
      case FlatType::kBinaryView:
        return Binary();
      case FlatType::kUtf8:
      case FlatType::kUtf8View:
        return Utf8();
      case FlatType::kLargeBinary:
        return LargeBinary();
      case FlatType::kLargeUtf8:
        return LargeUtf8();
      case FlatType::kDecimal:
        return DecimalType(flat_, table);
      case FlatType::kDate:
        return flat_.Scalar<int16_t>(table, 0, 1) == 0 ? Date32() : Date64();
      case FlatType::kTime:
        return TimeType(flat_, table);
      case FlatType::kTimestamp:
      case FlatType::kDuration:
        return TypeWithUnit(flat_, kind, table);
      case FlatType::kFixedSizeBinary: {
        const auto width = flat_.Scalar<int32_t>(table, 0, 0);
        return width > 0 ? FixedSizeBinary(width) : absl::StatusOr<TypePtr>(Damaged());
      }
      case FlatType::kInterval:
        return Unsupported("intervals");
      case FlatType::kUnion:
        return Unsupported("unions");
      case FlatType::kRunEndEncoded:
        return Unsupported("run ends");
      case FlatType::kListView:
      case FlatType::kLargeListView:
        return Unsupported("list views");
      default:
        return NestedType(kind, table, std::move(children));
    }
  }

  absl::StatusOr<TypePtr> NestedType(FlatType kind, FlatTable table, std::vector<Field> children) {
    if (kind == FlatType::kStruct) return Struct(std::move(children));
    if (children.size() != 1) return Damaged();
    switch (kind) {
      case FlatType::kList:
        return List(std::move(children[0]));
      case FlatType::kLargeList:
        return LargeList(std::move(children[0]));
      case FlatType::kMap:
        if (children[0].type->id != TypeId::kStruct || children[0].type->children.size() != 2) {
          return Damaged();
        }
        return Map(std::move(children[0]));
      case FlatType::kFixedSizeList: {
        const auto size = flat_.Scalar<int32_t>(table, 0, 0);
        if (size < 1) return Damaged();
        return FixedSizeList(std::move(children[0]), size);
      }
      default:
        return Damaged();
    }
  }

  FlatReader& flat_;
  std::map<int64_t, IpcField> dictionaries_;
};

}  // namespace

absl::StatusOr<IpcSchema> ReadIpcSchema(FlatReader& flat, FlatTable table) {
  if (flat.Scalar<int16_t>(table, 0, 0) != 0) return Unsupported("big-endian streams");
  SchemaReader reader(flat);
  IpcSchema read;
  auto schema = std::make_shared<Schema>();
  const FlatVector fields = flat.Vector(table, 1, sizeof(uint32_t));
  for (size_t i = 0; i < fields.size; ++i) {
    OG_ASSIGN_OR_RETURN(SchemaReader::Read field, reader.ReadField(flat.TableAt(fields, i), 0));
    schema->fields.push_back(std::move(field.field));
    read.fields.push_back(std::move(field.shape));
  }
  OG_ASSIGN_OR_RETURN(schema->metadata, reader.ReadMetadata(table, 2));
  if (flat.damaged()) return Damaged();
  read.schema = std::move(schema);
  read.dictionaries = reader.TakeDictionaries();
  return read;
}

}  // namespace og::format
