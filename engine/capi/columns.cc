// Changing columns: dropping, altering, adding.
#include "engine/dataset/columns.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/capi/arguments.h"
#include "engine/capi/handles.h"
#include "engine/capi/last_error.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::capi {
namespace {

using dataset::DatasetPtr;
using StagedOr = absl::StatusOr<dataset::StagedTransaction>;

// Commits what `stage` makes of the current version.
template <typename Stage>
absl::Status ChangeColumns(LanceDataset* handle, Stage stage) {
  return handle->Change([&](const DatasetPtr& table) -> absl::StatusOr<DatasetPtr> {
    OG_ASSIGN_OR_RETURN(const dataset::StagedTransaction staged, stage(*table));
    return table->Commit(staged, {});
  });
}

absl::Status Drop(LanceDataset* handle, const char* const* columns, size_t num_columns) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  OG_ASSIGN_OR_RETURN(const auto names, RequiredTexts(columns, num_columns, "columns"));
  return ChangeColumns(handle, [&](const dataset::Dataset& table) -> StagedOr {
    return dataset::StageDropColumns(table, names, {});
  });
}

absl::StatusOr<dataset::ColumnAlteration> AlterationOf(const LanceColumnAlteration& alteration,
                                                       const std::string& name) {
  dataset::ColumnAlteration result;
  OG_ASSIGN_OR_RETURN(result.path, RequiredText(alteration.path, io::StrCat(name, ".path")));
  OG_ASSIGN_OR_RETURN(result.rename, OptionalText(alteration.rename, io::StrCat(name, ".rename")));
  switch (alteration.nullable_mode) {
    case LANCE_COLUMN_NULLABLE_UNCHANGED:
      break;
    case LANCE_COLUMN_NULLABLE_TRUE:
      result.nullable = true;
      break;
    case LANCE_COLUMN_NULLABLE_FALSE:
      result.nullable = false;
      break;
    default:
      return io::InvalidArgumentError(
          io::StrCat(name, ".nullable_mode is ", alteration.nullable_mode, ", wanted 0, 1 or 2"));
  }
  if (alteration.data_type != nullptr) {
    OG_ASSIGN_OR_RETURN(result.type,
                        BorrowType(alteration.data_type, io::StrCat(name, ".data_type")));
  }
  if (!result.rename.has_value() && !result.nullable.has_value() && result.type == nullptr) {
    return io::InvalidArgumentError(
        io::StrCat(name, " asks for no change: rename, nullable_mode and data_type are unset"));
  }
  return result;
}

absl::Status Alter(LanceDataset* handle, const LanceColumnAlteration* alterations,
                   size_t num_alterations) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  OG_RETURN_IF_ERROR(CheckNotNull(alterations, "alterations"));
  if (num_alterations == 0) {
    return io::InvalidArgumentError("alterations must have at least one entry");
  }
  std::vector<dataset::ColumnAlteration> list;
  for (size_t i = 0; i < num_alterations; ++i) {
    OG_ASSIGN_OR_RETURN(dataset::ColumnAlteration alteration,
                        AlterationOf(alterations[i], io::StrCat("alterations[", i, "]")));
    list.push_back(std::move(alteration));
  }
  return ChangeColumns(handle, [&](const dataset::Dataset& table) -> StagedOr {
    return dataset::StageAlterColumns(table, list, {});
  });
}

absl::Status AddComputed(LanceDataset* handle, const LanceSqlColumn* columns, size_t num_columns,
                         uint64_t batch_size) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  OG_RETURN_IF_ERROR(CheckNotNull(columns, "columns"));
  if (num_columns == 0) {
    return io::InvalidArgumentError("columns must have at least one entry");
  }
  OG_RETURN_IF_ERROR(CheckBatchRows(batch_size));
  std::vector<dataset::NewColumn> list;
  for (size_t i = 0; i < num_columns; ++i) {
    dataset::NewColumn column;
    OG_ASSIGN_OR_RETURN(column.name,
                        RequiredText(columns[i].name, io::StrCat("columns[", i, "].name")));
    OG_ASSIGN_OR_RETURN(column.value, RequiredText(columns[i].expression,
                                                   io::StrCat("columns[", i, "].expression")));
    list.push_back(std::move(column));
  }
  return ChangeColumns(handle, [&](const dataset::Dataset& table) -> StagedOr {
    return dataset::StageAddColumns(table, list, {});
  });
}

absl::Status AddNulls(LanceDataset* handle, const ArrowSchema* schema) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  OG_ASSIGN_OR_RETURN(const format::SchemaPtr columns, BorrowSchema(schema, "schema"));
  return ChangeColumns(handle, [&](const dataset::Dataset& table) -> StagedOr {
    return dataset::StageAddNullColumns(table, *columns, {});
  });
}

absl::Status AddFromStream(LanceDataset* handle, ArrowArrayStream* stream, uint64_t batch_size) {
  OG_ASSIGN_OR_RETURN(const auto values, TakeStream(stream, "stream"));
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  OG_RETURN_IF_ERROR(CheckBatchRows(batch_size));
  return ChangeColumns(handle, [&](const dataset::Dataset& table) -> StagedOr {
    return dataset::StageAddColumnsFrom(table, *values, {});
  });
}

}  // namespace
}  // namespace og::engine::capi

using namespace og::engine::capi;

extern "C" {

int32_t lance_dataset_drop_columns(LanceDataset* dataset, const char* const* columns,
                                   size_t num_columns) {
  return AnswerStatus([&] { return Drop(dataset, columns, num_columns); });
}

int32_t lance_dataset_alter_columns(LanceDataset* dataset, const LanceColumnAlteration* alterations,
                                    size_t num_alterations) {
  return AnswerStatus([&] { return Alter(dataset, alterations, num_alterations); });
}

int32_t lance_dataset_add_columns_sql(LanceDataset* dataset, const LanceSqlColumn* columns,
                                      size_t num_columns, uint64_t batch_size) {
  return AnswerStatus([&] { return AddComputed(dataset, columns, num_columns, batch_size); });
}

int32_t lance_dataset_add_columns_nulls(LanceDataset* dataset, const struct ArrowSchema* schema) {
  return AnswerStatus([&] { return AddNulls(dataset, schema); });
}

int32_t lance_dataset_add_columns_stream(LanceDataset* dataset, struct ArrowArrayStream* stream,
                                         uint64_t batch_size) {
  return AnswerStatus([&] { return AddFromStream(dataset, stream, batch_size); });
}

}  // extern "C"
