// Changing rows: deleting, updating, merging.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/capi/arguments.h"
#include "engine/capi/handles.h"
#include "engine/capi/last_error.h"
#include "engine/dataset/delete.h"
#include "engine/dataset/merge_insert.h"
#include "engine/dataset/update.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::capi {
namespace {

using dataset::DatasetPtr;
using dataset::WhenMatchedRow;
using dataset::WhenNotMatchedBySource;
using dataset::WhenNotMatchedRow;

absl::Status Delete(LanceDataset* handle, const char* predicate, uint64_t* out_num_deleted) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  dataset::DeleteRequest request;
  OG_ASSIGN_OR_RETURN(request.predicate, RequiredText(predicate, "predicate"));
  return handle->Change([&](const DatasetPtr& table) -> absl::StatusOr<DatasetPtr> {
    OG_ASSIGN_OR_RETURN(dataset::DeleteResult result, dataset::DeleteWhere(*table, request));
    if (out_num_deleted != nullptr) {
      *out_num_deleted = result.num_deleted_rows;
    }
    return std::move(result.dataset);
  });
}

absl::Status Update(LanceDataset* handle, const char* predicate, const char* const* columns,
                    const char* const* values, size_t num_updates, uint64_t* out_num_updated) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  dataset::UpdateWhereRequest request;
  OG_ASSIGN_OR_RETURN(const auto condition, OptionalText(predicate, "predicate"));
  request.predicate = condition.value_or("");
  OG_ASSIGN_OR_RETURN(const auto names, RequiredTexts(columns, num_updates, "columns"));
  OG_ASSIGN_OR_RETURN(const auto texts, RequiredTexts(values, num_updates, "values"));
  for (size_t i = 0; i < num_updates; ++i) {
    request.assignments.push_back({names[i], texts[i]});
  }
  return handle->Change([&](const DatasetPtr& table) -> absl::StatusOr<DatasetPtr> {
    OG_ASSIGN_OR_RETURN(dataset::UpdateResult result, dataset::UpdateWhere(*table, request));
    if (out_num_updated != nullptr) {
      *out_num_updated = result.num_updated_rows;
    }
    return std::move(result.dataset);
  });
}

// `mode` as one of the first `count` values of the engine's enum, which has those of lance.h.
template <typename Enum>
absl::StatusOr<Enum> ModeOf(int32_t mode, int32_t count, std::string_view name) {
  if (mode < 0 || mode >= count) {
    return io::InvalidArgumentError(
        io::StrCat("params.", name, " is ", mode, ", wanted 0 to ", count - 1));
  }
  return static_cast<Enum>(mode);
}

// The expression of a mode: there exactly if the mode needs one.
absl::StatusOr<std::string> ConditionOf(const char* text, bool is_needed, std::string_view mode,
                                        std::string_view name) {
  OG_ASSIGN_OR_RETURN(const auto condition, OptionalText(text, io::StrCat("params.", name)));
  if (condition.has_value() != is_needed) {
    return io::InvalidArgumentError(io::StrCat("params.", name, is_needed ? " is NULL" : " is set",
                                               ", which this ", mode, " does not allow"));
  }
  return condition.value_or("");
}

absl::StatusOr<dataset::MergeInsertRequest> MergeRequestOf(const LanceMergeInsertParams* params) {
  dataset::MergeInsertRequest request;
  if (params == nullptr) {
    return request;
  }
  OG_ASSIGN_OR_RETURN(request.when_matched,
                      ModeOf<WhenMatchedRow>(params->when_matched, 5, "when_matched"));
  OG_ASSIGN_OR_RETURN(request.when_not_matched,
                      ModeOf<WhenNotMatchedRow>(params->when_not_matched, 2, "when_not_matched"));
  OG_ASSIGN_OR_RETURN(request.when_not_matched_by_source,
                      ModeOf<WhenNotMatchedBySource>(params->when_not_matched_by_source, 3,
                                                     "when_not_matched_by_source"));
  OG_ASSIGN_OR_RETURN(
      request.update_if,
      ConditionOf(params->when_matched_expr, request.when_matched == WhenMatchedRow::kUpdateIf,
                  "when_matched", "when_matched_expr"));
  OG_ASSIGN_OR_RETURN(
      request.delete_if,
      ConditionOf(params->when_not_matched_by_source_expr,
                  request.when_not_matched_by_source == WhenNotMatchedBySource::kDeleteIf,
                  "when_not_matched_by_source", "when_not_matched_by_source_expr"));
  return request;
}

static_assert(static_cast<int>(WhenMatchedRow::kDoNothing) == LANCE_MERGE_WHEN_MATCHED_DO_NOTHING);
static_assert(static_cast<int>(WhenMatchedRow::kUpdateAll) == LANCE_MERGE_WHEN_MATCHED_UPDATE_ALL);
static_assert(static_cast<int>(WhenMatchedRow::kUpdateIf) == LANCE_MERGE_WHEN_MATCHED_UPDATE_IF);
static_assert(static_cast<int>(WhenMatchedRow::kFail) == LANCE_MERGE_WHEN_MATCHED_FAIL);
static_assert(static_cast<int>(WhenMatchedRow::kDelete) == LANCE_MERGE_WHEN_MATCHED_DELETE);
static_assert(static_cast<int>(WhenNotMatchedRow::kDoNothing) ==
              LANCE_MERGE_WHEN_NOT_MATCHED_DO_NOTHING);
static_assert(static_cast<int>(WhenNotMatchedBySource::kDelete) ==
              LANCE_MERGE_WHEN_NOT_MATCHED_BY_SOURCE_DELETE);
static_assert(static_cast<int>(WhenNotMatchedBySource::kDeleteIf) ==
              LANCE_MERGE_WHEN_NOT_MATCHED_BY_SOURCE_DELETE_IF);

absl::Status Merge(LanceDataset* handle, const char* const* on_columns, size_t num_on_columns,
                   ArrowArrayStream* source, const LanceMergeInsertParams* params,
                   LanceMergeInsertResult* out_result) {
  OG_ASSIGN_OR_RETURN(const auto rows, TakeStream(source, "source"));
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  OG_ASSIGN_OR_RETURN(auto on, RequiredTexts(on_columns, num_on_columns, "on_columns"));
  OG_ASSIGN_OR_RETURN(dataset::MergeInsertRequest request, MergeRequestOf(params));
  request.on = std::move(on);
  return handle->Change([&](const DatasetPtr& table) -> absl::StatusOr<DatasetPtr> {
    OG_ASSIGN_OR_RETURN(dataset::MergeInsertResult result,
                        dataset::MergeInsert(*table, *rows, request));
    if (out_result != nullptr) {
      *out_result = {.num_inserted_rows = result.statistics.num_inserted_rows,
                     .num_updated_rows = result.statistics.num_updated_rows,
                     .num_deleted_rows = result.statistics.num_deleted_rows};
    }
    return std::move(result.dataset);
  });
}

}  // namespace
}  // namespace og::engine::capi

using namespace og::engine::capi;

extern "C" {

int32_t lance_dataset_delete(LanceDataset* dataset, const char* predicate,
                             uint64_t* out_num_deleted) {
  return AnswerStatus([&] { return Delete(dataset, predicate, out_num_deleted); });
}

int32_t lance_dataset_update(LanceDataset* dataset, const char* predicate,
                             const char* const* columns, const char* const* values,
                             size_t num_updates, uint64_t* out_num_updated) {
  return AnswerStatus(
      [&] { return Update(dataset, predicate, columns, values, num_updates, out_num_updated); });
}

int32_t lance_dataset_merge_insert(LanceDataset* dataset, const char* const* on_columns,
                                   size_t num_on_columns, struct ArrowArrayStream* source,
                                   const LanceMergeInsertParams* params,
                                   LanceMergeInsertResult* out_result) {
  return AnswerStatus(
      [&] { return Merge(dataset, on_columns, num_on_columns, source, params, out_result); });
}

}  // extern "C"
