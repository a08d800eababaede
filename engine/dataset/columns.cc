#include "engine/dataset/columns.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/fragment_columns.h"
#include "engine/dataset/row_keys.h"
#include "engine/dataset/row_spool.h"
#include "engine/dataset/staging.h"
#include "engine/expr/bind.h"
#include "engine/expr/expr.h"
#include "engine/expr/filter_parse.h"
#include "engine/expr/function.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"

namespace og::engine::dataset {
namespace {

using format::ArrayPtr;
using format::LanceField;
using format::LanceSchema;
using format::RecordBatch;

constexpr std::string_view kRowId = "_rowid";
constexpr std::string_view kRowAddress = "_rowaddr";

// The schema of `dataset` with more fields: columns behind the others, members behind those of
// their structs. `added` has the new ones alone, each in the structs that it is a member of.
struct ExtendedSchema {
  std::shared_ptr<const LanceSchema> whole;
  std::shared_ptr<const LanceSchema> added;
};

LanceField* FindNamed(std::vector<LanceField>& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &LanceField::name);
  return found == fields.end() ? nullptr : &*found;
}

bool IsListOfItems(const format::DataType& type) {
  return type.id == format::TypeId::kList || type.id == format::TypeId::kLargeList ||
         type.id == format::TypeId::kFixedSizeList;
}

// Adds the members of `added`, a struct or lists of structs, that `field` lacks.
absl::Status AddMembers(const format::Field& added, std::string_view file_version,
                        LanceField& field) {
  OG_ASSIGN_OR_RETURN(const format::Field before, format::ToArrow(field));
  const format::DataType& type = *added.type;
  if (type.id != before.type->id || (!IsListOfItems(type) && type.id != format::TypeId::kStruct)) {
    if (*before.type == type) {
      return io::InvalidArgumentError(
          io::StrCat("Column ", added.name, " already exists in the dataset"));
    }
    return io::InvalidArgumentError(io::StrCat("Type conflicts between ", field.name, "(",
                                               before.type->ToString(), ") and ", added.name, "(",
                                               type.ToString(), ")"));
  }
  if (IsListOfItems(type)) return AddMembers(type.children[0], file_version, field.children[0]);
  if (file_version == "2.0" || file_version == "2.1") {
    return io::InvalidArgumentError(
        io::StrCat("Column ", added.name, " is a struct col, add sub column is not supported in ",
                   "Lance file version ", file_version));
  }
  if (field.is_packed()) {
    return io::InvalidArgumentError(
        io::StrCat("Column ", added.name, " is packed struct and already exists in the dataset"));
  }
  for (const format::Field& member : type.children) {
    if (LanceField* const child = FindNamed(field.children, member.name); child != nullptr) {
      OG_RETURN_IF_ERROR(AddMembers(member, file_version, *child));
      continue;
    }
    OG_ASSIGN_OR_RETURN(LanceField lance, format::FromArrow(member));
    field.children.push_back(std::move(lance));
  }
  return absl::OkStatus();
}

// `fields` without those that `before` has, but with the parents of what is left.
std::vector<LanceField> Without(const LanceSchema& before, const std::vector<LanceField>& fields) {
  std::vector<LanceField> left;
  for (const LanceField& field : fields) {
    if (before.FindId(field.id) == nullptr) {
      left.push_back(field);
      continue;
    }
    LanceField parent = field;
    parent.children = Without(before, field.children);
    if (!parent.children.empty()) left.push_back(std::move(parent));
  }
  return left;
}

absl::StatusOr<ExtendedSchema> Extend(const Dataset& dataset, const format::Schema& added) {
  LanceSchema whole = dataset.lance_schema();
  std::set<std::string> names;
  for (const format::Field& field : added.fields) {
    if (!names.insert(field.name).second) {
      return io::InvalidArgumentError(
          io::StrCat("Column ", field.name, " already exists in the dataset"));
    }
    if (LanceField* const column = FindNamed(whole.fields, field.name); column != nullptr) {
      OG_RETURN_IF_ERROR(AddMembers(field, dataset.manifest().data_format_version, *column));
      continue;
    }
    OG_ASSIGN_OR_RETURN(LanceField lance, format::FromArrow(field));
    whole.fields.push_back(std::move(lance));
  }
  AssignFieldIds(whole, dataset.manifest().max_field_id() + 1);
  LanceSchema alone;
  alone.fields = Without(dataset.lance_schema(), whole.fields);
  return ExtendedSchema{.whole = std::make_shared<const LanceSchema>(std::move(whole)),
                        .added = std::make_shared<const LanceSchema>(std::move(alone))};
}

// Members of structs in lists that are there get no values, whose lists might be of other lengths.
absl::Status CheckNotInLists(const LanceSchema& before, const std::vector<LanceField>& added) {
  for (const LanceField& field : added) {
    if (before.FindId(field.id) == nullptr) continue;
    OG_ASSIGN_OR_RETURN(const format::Field arrow, format::ToArrow(field));
    if (IsListOfItems(*arrow.type)) {
      return io::InvalidArgumentError(io::StrCat(
          "members of ", field.name, ", structs in lists, can be added without values only"));
    }
    OG_RETURN_IF_ERROR(CheckNotInLists(before, field.children));
  }
  return absl::OkStatus();
}

// The Merge that adds `schema.added` to every fragment, with values that `compute` gives.
absl::StatusOr<StagedTransaction> StageNewValues(const Dataset& dataset,
                                                 const ExtendedSchema& schema,
                                                 const Projection& read,
                                                 const ComputeColumns& compute,
                                                 const WriteOptions& options) {
  OG_RETURN_IF_ERROR(CheckNotInLists(dataset.lance_schema(), schema.added->fields));
  StagedTransaction staged = NewTransaction(dataset.env(), dataset.version(), options);
  StagingGuard guard(dataset, staged);
  format::MergeOperation merge;
  merge.schema = schema.whole;
  for (const format::Fragment& fragment : dataset.manifest().fragments) {
    merge.fragments.push_back(fragment);
    OG_ASSIGN_OR_RETURN(
        format::DataFile file,
        WriteFragmentColumns(HandleOf(dataset), fragment, read, schema.added, compute, staged));
    merge.fragments.back().files.push_back(std::move(file));
  }
  staged.transaction.operation = std::move(merge);
  guard.Keep();
  return staged;
}

StagedTransaction SchemaOnly(const Dataset& dataset, LanceSchema schema,
                             const WriteOptions& options) {
  StagedTransaction staged = NewTransaction(dataset.env(), dataset.version(), options);
  staged.transaction.operation =
      format::ProjectOperation{.schema = std::make_shared<const LanceSchema>(std::move(schema))};
  return staged;
}

// --- Expressions ---------------------------------------------------------------------------------

bool IsColumnNullable(const format::Schema& schema, const std::vector<std::string>& path) {
  const std::vector<format::Field>* fields = &schema.fields;
  for (const std::string& name : path) {
    const auto field = std::ranges::find(*fields, name, &format::Field::name);
    if (field == fields->end() || field->nullable) {
      return true;
    }
    fields = &field->type->children;
  }
  return false;
}

// Whether a call may be null though no argument is.
bool MakesNulls(expr::Function function) {
  using expr::Function;
  return function == Function::kNullIf || function == Function::kListItem ||
         function == Function::kListPosition || function == Function::kListMax ||
         function == Function::kListMin;
}

// Whether `value` may be null, judged by what it is made of.
bool MayBeNull(const expr::Expr& value, const format::Schema& schema) {
  const auto arg_may = [&](const expr::ExprPtr& arg) { return MayBeNull(*arg, schema); };
  switch (value.kind) {
    case expr::ExprKind::kLiteral:
      return value.values->IsNull(0);
    case expr::ExprKind::kColumn:
      return IsColumnNullable(schema, value.path);
    case expr::ExprKind::kIsNull:
      return false;
    case expr::ExprKind::kCast:
      return true;
    case expr::ExprKind::kCase: {
      bool may = value.args.size() % 2 == 0;
      for (size_t i = 1; i < value.args.size(); i += 2) {
        may = may || arg_may(value.args[i]);
      }
      return may || (value.args.size() % 2 == 1 && arg_may(value.args.back()));
    }
    case expr::ExprKind::kCall:
      return value.function == expr::Function::kCoalesce
                 ? std::ranges::all_of(value.args, arg_may)
                 : MakesNulls(value.function) || std::ranges::any_of(value.args, arg_may);
    default:
      return std::ranges::any_of(value.args, arg_may) ||
             (value.values != nullptr && value.values->null_count > 0);
  }
}

bool IsTypedNull(const expr::Expr& value) {
  return (value.kind == expr::ExprKind::kCast || value.kind == expr::ExprKind::kStrictCast) &&
         value.args[0]->kind == expr::ExprKind::kLiteral && value.args[0]->values->IsNull(0);
}

// --- Alterations ---------------------------------------------------------------------------------

LanceField* FindMutable(LanceSchema& schema, int32_t id) {
  std::vector<LanceField*> open;
  for (LanceField& field : schema.fields) {
    open.push_back(&field);
  }
  while (!open.empty()) {
    LanceField* field = open.back();
    open.pop_back();
    if (field->id == id) {
      return field;
    }
    for (LanceField& child : field->children) {
      open.push_back(&child);
    }
  }
  return nullptr;
}

// Whether values of `from` may become `to`: other widths of the same kind.
bool IsSameKind(const format::DataType& from, const format::DataType& to) {
  const auto is_text = [](const format::DataType& type) {
    return type.id == format::TypeId::kUtf8 || type.id == format::TypeId::kLargeUtf8;
  };
  const auto is_time = [](const format::DataType& type) {
    return type.id >= format::TypeId::kDate32 && type.id <= format::TypeId::kDuration;
  };
  const auto is_decimal = [](const format::DataType& type) {
    return type.id == format::TypeId::kDecimal128 || type.id == format::TypeId::kDecimal256;
  };
  const auto is_list = [](const format::DataType& type) {
    return type.id == format::TypeId::kList || type.id == format::TypeId::kLargeList ||
           type.id == format::TypeId::kFixedSizeList;
  };
  if (from.id == format::TypeId::kDictionary) {
    return IsSameKind(*from.value_type, to);
  }
  if (is_list(from) && is_list(to)) {
    return IsSameKind(*from.children[0].type, *to.children[0].type);
  }
  return (from.is_integer() && to.is_integer()) || (from.is_floating() && to.is_floating()) ||
         (is_text(from) && is_text(to)) || (is_time(from) && is_time(to)) ||
         (is_decimal(from) && is_decimal(to)) ||
         (from.is_variable() && to.is_variable() && !is_text(from) && !is_text(to)) ||
         (from.id == format::TypeId::kBool && to.id == format::TypeId::kBool);
}

// The names on the way to a column or member.
std::vector<std::string> PathOf(const LanceSchema& schema, const std::string& text) {
  if (schema.Find(text) != nullptr) {
    return {text};
  }
  std::vector<std::string> path;
  for (const std::string_view name : io::Split(text, '.')) {
    path.emplace_back(name);
  }
  return path;
}

absl::Status RefuseNulls(const Dataset& dataset, const std::string& path) {
  OG_ASSIGN_OR_RETURN(
      const uint64_t num_nulls,
      dataset.CountRows(expr::IsNull(expr::Column(PathOf(dataset.lance_schema(), path)))));
  if (num_nulls > 0) {
    return io::InvalidArgumentError(
        io::StrCat("Column \"", path, "\" contains NULL values and cannot be made non-nullable"));
  }
  return absl::OkStatus();
}

// A column, or a member of a struct, that gets another type.
struct CastColumn {
  const LanceField* before = nullptr;
  std::vector<std::string> path;  // under its old name
  format::TypePtr type;
};

absl::Status RefuseIndexed(const Dataset& dataset, const std::vector<CastColumn>& casts) {
  std::vector<std::string> columns;
  std::vector<std::string> indices;
  for (const CastColumn& cast : casts) {
    const LanceField& field = *cast.before;
    bool is_indexed = false;
    for (const format::IndexMetadata& index : dataset.manifest().indices) {
      if (std::ranges::find(index.fields, field.id) != index.fields.end()) {
        is_indexed = true;
        indices.push_back(index.name);
      }
    }
    if (is_indexed) {
      columns.push_back(field.name);
    }
  }
  if (columns.empty()) {
    return absl::OkStatus();
  }
  return io::InvalidArgumentError(io::StrCat(
      "Cannot cast column(s) [", io::Join(columns, ", "), "] to a new type: they have ",
      indices.size(), " index(es) attached: [", io::Join(indices, ", "),
      "]. Cast rewrites column data and invalidates any index on the affected column(s). Drop the "
      "index(es) before altering, then recreate them after the cast completes."));
}

// Siblings have different names.
absl::Status CheckNames(const std::vector<LanceField>& fields) {
  std::set<std::string> names;
  for (const LanceField& field : fields) {
    if (!names.insert(field.name).second) {
      return io::InvalidArgumentError(
          io::StrCat("Duplicate field name \"", field.name, "\" in schema"));
    }
    OG_RETURN_IF_ERROR(CheckNames(field.children));
  }
  return absl::OkStatus();
}

// `array` of `before` as `after`: the same structs, their leaves with other types.
absl::StatusOr<ArrayPtr> CastLeaves(const ArrayPtr& array, const LanceField& before,
                                    const LanceField& after) {
  if (before.id != after.id) {
    OG_ASSIGN_OR_RETURN(const format::TypePtr type, format::ArrowTypeOf(after));
    return expr::StrictCast(array, type);
  }
  auto result = std::make_shared<format::Array>(*array);
  std::vector<format::Field> members;
  for (size_t i = 0; i < before.children.size(); ++i) {
    OG_ASSIGN_OR_RETURN(result->children[i],
                        CastLeaves(array->children[i], before.children[i], after.children[i]));
    OG_ASSIGN_OR_RETURN(format::Field member, format::ToArrow(after.children[i]));
    members.push_back(std::move(member));
  }
  result->type = format::Struct(std::move(members));
  return result;
}

absl::StatusOr<StagedTransaction> StageCasts(const Dataset& dataset, LanceSchema schema,
                                             const std::vector<CastColumn>& casts,
                                             const WriteOptions& options) {
  OG_RETURN_IF_ERROR(RefuseIndexed(dataset, casts));
  std::vector<std::vector<std::string>> read_paths;
  std::vector<LanceField*> changed;
  for (const CastColumn& cast : casts) {
    read_paths.push_back(cast.path);
    LanceField* field = FindMutable(schema, cast.before->id);
    OG_ASSIGN_OR_RETURN(
        *field,
        format::FromArrow(format::Field{
            .name = field->name, .type = cast.type, .nullable = field->nullable, .metadata = {}}));
    changed.push_back(field);
  }
  AssignFieldIds(schema, dataset.manifest().max_field_id() + 1);
  OG_ASSIGN_OR_RETURN(const Projection read, ProjectPaths(dataset.lance_schema(), read_paths));
  // The same fields by their new names and ids.
  LanceSchema written;
  const auto keep_changed = [&](const auto& self, LanceField& field) -> bool {
    const bool is_changed =
        std::ranges::any_of(changed, [&](const LanceField* one) { return one->id == field.id; });
    if (!is_changed) {
      std::erase_if(field.children, [&](LanceField& child) { return !self(self, child); });
    }
    return is_changed || !field.children.empty();
  };
  for (const LanceField& field : read) {
    const auto column = IndexOfField(dataset.lance_schema().fields, field.id);
    written.fields.push_back(schema.fields[*column]);
    keep_changed(keep_changed, written.fields.back());
  }
  const ComputeColumns compute =
      [&](const RecordBatch& rows,
          std::span<const uint64_t>) -> absl::StatusOr<std::vector<ArrayPtr>> {
    std::vector<ArrayPtr> columns;
    for (size_t i = 0; i < read.size(); ++i) {
      OG_ASSIGN_OR_RETURN(ArrayPtr column, CastLeaves(rows.columns[i], read[i], written.fields[i]));
      columns.push_back(std::move(column));
    }
    return columns;
  };
  const ExtendedSchema extended{.whole = std::make_shared<const LanceSchema>(std::move(schema)),
                                .added = std::make_shared<const LanceSchema>(written)};
  OG_ASSIGN_OR_RETURN(StagedTransaction staged,
                      StageNewValues(dataset, extended, read, compute, options));
  // Files of which no field is left are of no use.
  auto& merge = std::get<format::MergeOperation>(staged.transaction.operation);
  for (format::Fragment& fragment : merge.fragments) {
    std::erase_if(fragment.files, [&](const format::DataFile& file) {
      return std::ranges::none_of(
          file.fields, [&](int32_t field) { return extended.whole->FindId(field) != nullptr; });
    });
  }
  return staged;
}

// `field` without `gone`, ids of fields; false if nothing is left of it.
bool WithoutFields(const std::set<int32_t>& gone, LanceField& field) {
  if (gone.contains(field.id)) {
    return false;
  }
  const bool had_children = !field.children.empty();
  std::erase_if(field.children, [&](LanceField& child) { return !WithoutFields(gone, child); });
  return !had_children || !field.children.empty();
}

}  // namespace

absl::StatusOr<StagedTransaction> StageAddColumns(const Dataset& dataset,
                                                  const std::vector<NewColumn>& columns,
                                                  const WriteOptions& options) {
  if (columns.empty()) {
    return io::InvalidArgumentError("no columns to add");
  }
  const format::SchemaPtr& schema = HandleOf(dataset).stored_schema();
  std::vector<expr::ExprPtr> values;
  std::vector<std::vector<std::string>> paths;
  format::Schema added;
  for (const NewColumn& column : columns) {
    OG_ASSIGN_OR_RETURN(const expr::ExprPtr parsed, expr::ParseExpression(column.value));
    const expr::ExprPtr value = expr::Bind(parsed, *schema, dataset.env().NowUs());
    for (const std::vector<std::string>& path : expr::ColumnsOf(*value)) {
      const LanceField* field = dataset.lance_schema().Find(path[0]);
      if (field != nullptr && field->is_blob()) {
        return io::InvalidArgumentError(
            io::StrCat("the blob column ", path[0], " cannot be computed with"));
      }
      paths.push_back(path);
    }
    OG_ASSIGN_OR_RETURN(const ArrayPtr none, expr::Evaluate(*value, format::EmptyBatch(schema)));
    added.fields.push_back({.name = column.name,
                            .type = DecodeDictionary(none)->type,
                            .nullable = MayBeNull(*value, *schema),
                            .metadata = {}});
    values.push_back(value);
  }
  if (std::ranges::all_of(values, [](const expr::ExprPtr& value) { return IsTypedNull(*value); })) {
    return StageAddNullColumns(dataset, added, options);
  }
  OG_ASSIGN_OR_RETURN(const ExtendedSchema extended, Extend(dataset, added));
  OG_ASSIGN_OR_RETURN(const Projection read, ProjectPaths(dataset.lance_schema(), paths));
  return StageNewValues(
      dataset, extended, read,
      [&](const RecordBatch& rows,
          std::span<const uint64_t>) -> absl::StatusOr<std::vector<ArrayPtr>> {
        std::vector<ArrayPtr> results;
        for (const expr::ExprPtr& value : values) {
          OG_ASSIGN_OR_RETURN(const ArrayPtr result, expr::Evaluate(*value, rows));
          results.push_back(DecodeDictionary(result));
        }
        return results;
      },
      options);
}

absl::StatusOr<StagedTransaction> StageAddNullColumns(const Dataset& dataset,
                                                      const format::Schema& columns,
                                                      const WriteOptions& options) {
  for (const format::Field& field : columns.fields) {
    if (!field.nullable) {
      return io::InvalidArgumentError(
          io::StrCat("All-null columns must be nullable, but field '", field.name, "' is not."));
    }
  }
  OG_ASSIGN_OR_RETURN(const ExtendedSchema extended, Extend(dataset, columns));
  StagedTransaction staged = NewTransaction(dataset.env(), dataset.version(), options);
  staged.transaction.operation =
      format::MergeOperation{.fragments = dataset.manifest().fragments, .schema = extended.whole};
  return staged;
}

absl::StatusOr<StagedTransaction> StageAddColumnsFrom(const Dataset& dataset,
                                                      format::BatchStream& values,
                                                      const WriteOptions& options) {
  OG_ASSIGN_OR_RETURN(const ExtendedSchema extended, Extend(dataset, *values.schema()));
  std::optional<RecordBatch> held;  // what is left of the last batch
  const ComputeColumns compute =
      [&](const RecordBatch& rows,
          std::span<const uint64_t>) -> absl::StatusOr<std::vector<ArrayPtr>> {
    std::vector<RecordBatch> parts;
    for (int64_t left = rows.num_rows; left > 0;) {
      while (!held || held->num_rows == 0) {
        OG_ASSIGN_OR_RETURN(held, values.Next());
        if (!held) {
          return io::InvalidArgumentError(
              "Stream ended before producing values for all rows in dataset");
        }
      }
      const int64_t count = std::min(left, held->num_rows);
      parts.push_back(format::Slice(*held, 0, count));
      held = format::Slice(*held, count, held->num_rows - count);
      left -= count;
    }
    return format::Concat(parts).columns;
  };
  OG_ASSIGN_OR_RETURN(StagedTransaction staged,
                      StageNewValues(dataset, extended, {}, compute, options));
  StagingGuard guard(dataset, staged);
  while (!held || held->num_rows == 0) {
    OG_ASSIGN_OR_RETURN(held, values.Next());
    if (!held) {
      guard.Keep();
      return staged;
    }
  }
  return io::InvalidArgumentError("Stream produced more values than expected for dataset");
}

absl::StatusOr<StagedTransaction> StageJoinColumns(const Dataset& dataset,
                                                   format::BatchStream& values,
                                                   std::string_view dataset_key,
                                                   std::string_view values_key,
                                                   const WriteOptions& options) {
  const bool by_row_id = dataset_key == kRowId;
  const bool by_address = dataset_key == kRowAddress;
  const LanceField* key_field = dataset.lance_schema().Find(dataset_key);
  if (key_field == nullptr && !by_row_id && !by_address) {
    return io::InvalidArgumentError(
        io::StrCat("Column ", dataset_key, " does not exist in the left side dataset"));
  }
  const auto key_at = values.schema()->IndexOf(values_key);
  if (!key_at) {
    return io::InvalidArgumentError(
        io::StrCat("Column ", values_key, " does not exist in the right side dataset"));
  }
  format::Schema added;
  for (size_t i = 0; i < values.schema()->fields.size(); ++i) {
    if (i != *key_at) {
      added.fields.push_back(values.schema()->fields[i]);
    }
  }
  OG_ASSIGN_OR_RETURN(const ExtendedSchema extended, Extend(dataset, added));

  const auto& root = dataset.env().memory();
  OG_ASSIGN_OR_RETURN(const std::unique_ptr<RowSpool> spool,
                      SpoolAll(values, root->NewChild("join columns", root->limit() / 2)));
  if (spool->has_spilled()) {
    return io::ResourceExhaustedError("the values of the new columns do not fit in memory");
  }
  // The values, with a row of nulls behind them for rows without any.
  const RecordBatch all = spool->batches().empty() ? format::EmptyBatch(spool->schema())
                                                   : format::Concat(spool->batches());
  KeyTable table;
  const std::vector<ArrayPtr> keys = {all.columns[*key_at]};
  table.Add(KeyBatch(keys));

  Projection read;
  if (key_field != nullptr) {
    read.push_back(*key_field);
  }
  const ComputeColumns compute =
      [&](const RecordBatch& rows,
          std::span<const uint64_t> addresses) -> absl::StatusOr<std::vector<ArrayPtr>> {
    std::vector<ArrayPtr> wanted;
    if (key_field != nullptr) {
      wanted.push_back(DecodeDictionary(rows.columns[0]));
    } else {
      TakeOptions take;
      take.columns.emplace();
      take.with_row_id = by_row_id;
      take.with_row_address = by_address;
      OG_ASSIGN_OR_RETURN(const RecordBatch places, dataset.Take(addresses, take));
      wanted.push_back(places.columns[0]);
    }
    if (!(*wanted[0]->type == *keys[0]->type)) {
      return io::InvalidArgumentError(io::StrCat("Index column type mismatch: expected ",
                                                 keys[0]->type->ToString(), ", got ",
                                                 wanted[0]->type->ToString()));
    }
    // Of several values for one key the last one counts.
    std::vector<int64_t> sources(static_cast<size_t>(rows.num_rows), -1);
    for (const KeyTable::Match& match : table.Find(KeyBatch(wanted))) {
      sources[static_cast<size_t>(match.row)] = match.added.row;
    }
    std::vector<ArrayPtr> columns;
    for (size_t i = 0; i < all.columns.size(); ++i) {
      if (i != *key_at) {
        columns.push_back(format::Take(*all.columns[i], sources));
      }
    }
    return columns;
  };
  return StageNewValues(dataset, extended, read, compute, options);
}

absl::StatusOr<StagedTransaction> StageDropColumns(const Dataset& dataset,
                                                   const std::vector<std::string>& paths,
                                                   const WriteOptions& options) {
  LanceSchema schema = dataset.lance_schema();
  std::set<int32_t> gone;
  for (const std::string& path : paths) {
    const LanceField* field = schema.FindPath(path);
    if (field == nullptr) {
      return io::InvalidArgumentError(
          io::StrCat("Column ", path, " does not exist in the dataset"));
    }
    gone.insert(field->id);
  }
  std::erase_if(schema.fields, [&](LanceField& field) { return !WithoutFields(gone, field); });
  if (schema.fields.empty()) {
    return io::InvalidArgumentError("Cannot drop all columns from a dataset");
  }
  return SchemaOnly(dataset, std::move(schema), options);
}

absl::StatusOr<StagedTransaction> StageAlterColumns(
    const Dataset& dataset, const std::vector<ColumnAlteration>& alterations,
    const WriteOptions& options) {
  LanceSchema schema = dataset.lance_schema();
  std::vector<CastColumn> casts;
  for (const ColumnAlteration& alteration : alterations) {
    const LanceField* before = dataset.lance_schema().FindPath(alteration.path);
    if (before == nullptr) {
      return io::InvalidArgumentError(
          io::StrCat("Column \"", alteration.path, "\" does not exist in the dataset"));
    }
    LanceField* field = FindMutable(schema, before->id);
    if (alteration.nullable == false && before->nullable) {
      OG_RETURN_IF_ERROR(RefuseNulls(dataset, alteration.path));
    }
    if (alteration.rename) {
      field->name = *alteration.rename;
    }
    if (alteration.nullable) {
      field->nullable = *alteration.nullable;
    }
    if (alteration.type == nullptr) {
      continue;
    }
    OG_ASSIGN_OR_RETURN(const format::TypePtr type, format::ArrowTypeOf(*before));
    std::vector<std::string> path = PathOf(dataset.lance_schema(), alteration.path);
    if (path.size() > 1 && dataset.manifest().data_format_version == "2.0") {
      return io::UnimplementedError(
          io::StrCat("casting \"", alteration.path, "\", a member, in files of version 2.0"));
    }
    if (!IsSameKind(*type, *alteration.type)) {
      return io::InvalidArgumentError(io::StrCat("Cannot cast column \"", alteration.path,
                                                 "\" from ", type->ToString(), " to ",
                                                 alteration.type->ToString()));
    }
    casts.push_back({.before = before, .path = std::move(path), .type = alteration.type});
  }
  OG_RETURN_IF_ERROR(CheckNames(schema.fields));
  return casts.empty() ? SchemaOnly(dataset, std::move(schema), options)
                       : StageCasts(dataset, std::move(schema), casts, options);
}

}  // namespace og::engine::dataset
