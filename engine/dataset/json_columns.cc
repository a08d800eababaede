#include "engine/dataset/json_columns.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/arrow/builder.h"
#include "format/codec/jsonb.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Array;
using format::ArrayPtr;
using format::Field;
using format::LanceField;
using format::TypeId;

bool IsJson(const LanceField& field) {
  return field.logical_type == "json";
}

bool IsStoredJson(const Field& field) {
  const auto name = field.metadata.find(std::string(format::kExtensionNameKey));
  return field.type->id == TypeId::kLargeBinary && name != field.metadata.end() &&
         name->second == format::kStoredJsonExtension;
}

// `type` with other fields below it.
format::TypePtr WithChildren(const format::DataType& type, std::vector<Field> children) {
  auto changed = std::make_shared<format::DataType>(type);
  changed->children = std::move(children);
  return changed;
}

// Which values of an array count; a slice of a list refers to a part of its items.
struct Range {
  int64_t first = 0;
  int64_t count = 0;

  bool Has(int64_t i) const { return i >= first && i - first < count; }
};

// The part of the children of `array` that its values in `range` consist of.
Range RangeBelow(const Array& array, Range range) {
  if (range.count == 0) {
    return {};
  }
  switch (array.type->id) {
    case TypeId::kStruct:
      return {array.offset + range.first, range.count};
    case TypeId::kFixedSizeList:
      return {(array.offset + range.first) * array.type->list_size,
              range.count * array.type->list_size};
    default: {
      const int64_t first = array.OffsetAt(range.first);
      return {first, array.OffsetAt(range.first + range.count) - first};
    }
  }
}

// One of the two forms, made from the other. Values outside of `range` do not matter.
struct Conversion {
  std::string_view extension;
  absl::StatusOr<ArrayPtr> (*leaf)(const ArrayPtr& array, Range range);
};

absl::StatusOr<ArrayPtr> DecodeValues(const ArrayPtr& array, Range range) {
  const ArrayPtr stored = format::DecodeDictionary(array);
  format::StringBuilder text(format::Utf8());
  uint64_t bytes_left = INT32_MAX;
  for (int64_t i = 0; i < stored->length; ++i) {
    if (stored->IsNull(i)) {
      text.AppendNull();
    } else if (!range.Has(i)) {
      text.Append("");
    } else {
      OG_ASSIGN_OR_RETURN(const std::string value, format::DecodeJsonb(stored->StringValue(i)));
      if (value.size() > bytes_left) {
        return io::ResourceExhaustedError("the JSON of a batch is more than 2 GiB of text");
      }
      bytes_left -= value.size();
      text.Append(value);
    }
  }
  return text.Finish();
}

absl::StatusOr<ArrayPtr> EncodeValues(const ArrayPtr& array, Range range) {
  const ArrayPtr text = format::DecodeDictionary(array);
  if (text->type->id != TypeId::kUtf8 && text->type->id != TypeId::kLargeUtf8) {
    return array;
  }
  format::StringBuilder stored(format::LargeBinary());
  for (int64_t i = 0; i < text->length; ++i) {
    if (text->IsNull(i)) {
      stored.AppendNull();
    } else if (!range.Has(i)) {
      stored.Append("");
    } else {
      OG_ASSIGN_OR_RETURN(const std::string value, format::EncodeJsonb(text->StringValue(i)));
      stored.Append(value);
    }
  }
  return stored.Finish();
}

constexpr Conversion kToText = {.extension = format::kTextJsonExtension, .leaf = DecodeValues};
constexpr Conversion kToStored = {.extension = format::kStoredJsonExtension, .leaf = EncodeValues};

// `path`: the name of the column, for errors.
absl::StatusOr<ArrayPtr> Convert(const ArrayPtr& array, const LanceField& field, Range range,
                                 const std::string& path, const Conversion& conversion) {
  if (IsJson(field)) {
    absl::StatusOr<ArrayPtr> converted = conversion.leaf(array, range);
    return converted.ok() ? converted
                          : io::Annotate(converted.status(), io::StrCat("column ", path));
  }
  if (!HasJson(field) || array->children.empty()) {
    return array;
  }
  const bool is_struct = array->type->id == TypeId::kStruct;
  const Range below = RangeBelow(*array, range);
  auto result = std::make_shared<Array>(*array);
  std::vector<Field> children = array->type->children;
  for (size_t i = 0; i < children.size(); ++i) {
    const LanceField* child = is_struct ? field.Child(children[i].name) : &field.children.front();
    if (child == nullptr || !HasJson(*child)) {
      continue;
    }
    OG_ASSIGN_OR_RETURN(
        result->children[i],
        Convert(array->children[i], *child, below, io::StrCat(path, ".", child->name), conversion));
    children[i].type = result->children[i]->type;
    if (IsJson(*child)) {
      children[i].metadata[std::string(format::kExtensionNameKey)] = conversion.extension;
    }
  }
  result->type = WithChildren(*array->type, std::move(children));
  return result;
}

bool IsText(const format::ArrayPtr& values) {
  return values != nullptr &&
         (values->type->id == TypeId::kUtf8 || values->type->id == TypeId::kLargeUtf8);
}

// The JSON column that `column` names, which may be a member; null for any other expression.
const LanceField* JsonColumn(const expr::Expr& column, const format::LanceSchema& table) {
  if (column.kind != expr::ExprKind::kColumn) {
    return nullptr;
  }
  const LanceField* field = table.Find(column.path.front());
  for (size_t i = 1; i < column.path.size() && field != nullptr; ++i) {
    field = field->Child(column.path[i]);
  }
  return field != nullptr && IsJson(*field) ? field : nullptr;
}

class StoredJsonStream final : public format::BatchStream {
 public:
  StoredJsonStream(format::BatchStream& source, const format::LanceSchema& table,
                   format::SchemaPtr schema)
      : source_(source), table_(table), schema_(std::move(schema)) {}

  const format::SchemaPtr& schema() const override { return schema_; }

  absl::StatusOr<std::optional<format::RecordBatch>> Next() override {
    OG_ASSIGN_OR_RETURN(std::optional<format::RecordBatch> batch, source_.Next());
    if (!batch) {
      return batch;
    }
    for (size_t i = 0; i < batch->columns.size(); ++i) {
      if (const LanceField* field = table_.Find(schema_->fields[i].name)) {
        OG_ASSIGN_OR_RETURN(batch->columns[i], WithStoredJson(batch->columns[i], *field));
      }
    }
    batch->schema = schema_;
    return batch;
  }

 private:
  format::BatchStream& source_;
  const format::LanceSchema& table_;
  const format::SchemaPtr schema_;
};

}  // namespace

bool HasJson(const LanceField& field) {
  return IsJson(field) || std::ranges::any_of(field.children, HasJson);
}

Field WithTextJson(const Field& stored) {
  Field text = stored;
  if (IsStoredJson(stored)) {
    text.type = format::Utf8();
    text.metadata[std::string(format::kExtensionNameKey)] = format::kTextJsonExtension;
    return text;
  }
  std::vector<Field> children;
  bool is_changed = false;
  for (const Field& child : stored.type->children) {
    children.push_back(WithTextJson(child));
    is_changed = is_changed || children.back().type != child.type;
  }
  if (is_changed) {
    text.type = WithChildren(*stored.type, std::move(children));
  }
  return text;
}

format::SchemaPtr WithTextJson(const format::SchemaPtr& stored) {
  auto text = std::make_shared<format::Schema>();
  text->metadata = stored->metadata;
  bool is_changed = false;
  for (const Field& field : stored->fields) {
    text->fields.push_back(WithTextJson(field));
    is_changed = is_changed || text->fields.back().type != field.type;
  }
  return is_changed ? format::SchemaPtr(std::move(text)) : stored;
}

absl::StatusOr<ArrayPtr> WithTextJson(const ArrayPtr& array, const LanceField& field) {
  return Convert(array, field, {.first = 0, .count = array->length}, field.name, kToText);
}

absl::StatusOr<ArrayPtr> WithStoredJson(const ArrayPtr& array, const LanceField& field) {
  return Convert(array, field, {.first = 0, .count = array->length}, field.name, kToStored);
}

absl::Status RefuseJsonAsText(const expr::Expr& filter, const format::LanceSchema& table) {
  const bool compares =
      filter.kind == expr::ExprKind::kCompare || filter.kind == expr::ExprKind::kIn;
  const bool has_text =
      IsText(filter.values) || std::ranges::any_of(filter.args, [](const expr::ExprPtr& arg) {
        return arg->kind == expr::ExprKind::kLiteral && IsText(arg->values);
      });
  for (const expr::ExprPtr& arg : filter.args) {
    if (compares && has_text && JsonColumn(*arg, table) != nullptr) {
      return io::InvalidArgumentError(io::StrCat("column ", io::Join(arg->path, "."),
                                                 " is JSON, which cannot be compared with text"));
    }
    OG_RETURN_IF_ERROR(RefuseJsonAsText(*arg, table));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<format::BatchStream>> WithStoredJson(
    format::BatchStream& source, const format::LanceSchema& table) {
  auto schema = std::make_shared<format::Schema>(*source.schema());
  bool has_json = false;
  for (Field& field : schema->fields) {
    const LanceField* column = table.Find(field.name);
    if (column == nullptr || !HasJson(*column)) {
      continue;
    }
    has_json = true;
    OG_ASSIGN_OR_RETURN(const ArrayPtr none,
                        WithStoredJson(format::EmptyArray(field.type), *column));
    field.type = none->type;
    if (IsJson(*column)) {
      field.metadata[std::string(format::kExtensionNameKey)] = format::kStoredJsonExtension;
    }
  }
  if (!has_json) {
    return nullptr;
  }
  return std::make_unique<StoredJsonStream>(source, table, std::move(schema));
}

}  // namespace og::engine::dataset
