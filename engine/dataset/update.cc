#include "engine/dataset/update.h"

#include <optional>
#include <set>
#include <utility>

#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/json_columns.h"
#include "engine/dataset/staging.h"
#include "engine/expr/bind.h"
#include "engine/expr/expr.h"
#include "engine/expr/filter_parse.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

// An assignment as it is carried out.
struct Setter {
  size_t column = 0;  // among the columns of the table
  expr::ExprPtr value;
};

absl::StatusOr<std::vector<Setter>> PlanSetters(const DatasetHandle& dataset,
                                                const std::vector<Assignment>& assignments,
                                                int64_t now_us) {
  if (assignments.empty()) {
    return io::InvalidArgumentError("No updates provided");
  }
  const format::SchemaPtr& schema = dataset.stored_schema();
  std::vector<Setter> setters;
  std::set<std::string> assigned;
  for (const Assignment& assignment : assignments) {
    const auto column = schema->IndexOf(assignment.column);
    if (!column) {
      if (dataset.lance_schema().FindPath(assignment.column) != nullptr) {
        return io::UnimplementedError(io::StrCat(
            "Nested column references are not yet supported. Referenced: ", assignment.column));
      }
      return io::InvalidArgumentError(
          io::StrCat("Column '", assignment.column, "' does not exist in dataset schema"));
    }
    if (!assigned.insert(assignment.column).second) {
      return io::InvalidArgumentError(
          io::StrCat("Column '", assignment.column, "' is assigned twice"));
    }
    OG_ASSIGN_OR_RETURN(const expr::ExprPtr parsed, expr::ParseExpression(assignment.value));
    expr::ExprPtr value = expr::Bind(parsed, *schema, now_us);
    // Blobs are given as bytes, JSON as text or as other JSON.
    const format::LanceField& field = dataset.lance_schema().fields[*column];
    if (!field.is_blob() && !HasJson(field)) {
      value = expr::StrictCastTo(std::move(value), schema->fields[*column].type);
    }
    OG_RETURN_IF_ERROR(expr::Evaluate(*value, format::EmptyBatch(schema)).status());
    setters.push_back({.column = *column, .value = std::move(value)});
  }
  return setters;
}

}  // namespace

absl::StatusOr<StagedUpdate> StageUpdateWhere(const Dataset& dataset,
                                              const UpdateWhereRequest& request) {
  const DatasetHandle& handle = HandleOf(dataset);
  const int64_t now_us = dataset.env().NowUs();
  OG_ASSIGN_OR_RETURN(const std::vector<Setter> setters,
                      PlanSetters(handle, request.assignments, now_us));
  ScanOptions options;
  options.with_row_id = true;
  options.with_row_address = true;
  if (!request.predicate.empty()) {
    OG_ASSIGN_OR_RETURN(const expr::ExprPtr parsed, expr::ParseFilter(request.predicate));
    options.filter = expr::Bind(parsed, *handle.stored_schema(), now_us);
    OG_RETURN_IF_ERROR(expr::CheckFilter(*options.filter, *handle.stored_schema()));
  }
  OG_ASSIGN_OR_RETURN(const auto stream, handle.ScanStored(options));

  StagedUpdate result;
  result.staged = NewTransaction(dataset.env(), dataset.version(), request.write);
  StagingGuard guard(dataset, result.staged);
  const size_t num_columns = handle.stored_schema()->fields.size();
  std::vector<uint64_t> addresses;
  std::vector<uint64_t> row_ids;
  RowWriter writer = WriterOf(handle, request.write, result.staged);
  while (true) {
    OG_ASSIGN_OR_RETURN(std::optional<format::RecordBatch> batch, stream->Next());
    if (!batch) {
      break;
    }
    const auto ids = batch->columns[num_columns]->Values<uint64_t>();
    row_ids.insert(row_ids.end(), ids.begin(), ids.end());
    const auto places = batch->columns[num_columns + 1]->Values<uint64_t>();
    addresses.insert(addresses.end(), places.begin(), places.end());
    batch->columns.resize(num_columns);
    auto schema = std::make_shared<format::Schema>(*batch->schema);
    schema->fields.resize(num_columns);
    std::vector<format::ArrayPtr> columns = batch->columns;
    for (const Setter& setter : setters) {
      OG_ASSIGN_OR_RETURN(columns[setter.column], expr::Evaluate(*setter.value, *batch));
      schema->fields[setter.column].type = columns[setter.column]->type;
    }
    batch->schema = std::move(schema);
    batch->columns = std::move(columns);
    OG_RETURN_IF_ERROR(writer.Write(*batch));
  }
  format::UpdateOperation update;
  OG_ASSIGN_OR_RETURN(update.new_fragments, writer.Finish());
  if (dataset.manifest().has_stable_row_ids()) {
    KeepRowIds(row_ids, update.new_fragments);
  }
  OG_ASSIGN_OR_RETURN(addresses, SortedAddresses(addresses));
  OG_ASSIGN_OR_RETURN(Removal removal, RemoveRows(handle, addresses, result.staged));
  update.updated_fragments = std::move(removal.updated);
  update.removed_fragment_ids = std::move(removal.removed);
  for (const Setter& setter : setters) {
    AppendFieldIds({&dataset.lance_schema().fields[setter.column], 1},
                   update.fields_for_preserving_frag_bitmap);
  }
  result.num_updated_rows = addresses.size();
  result.staged.affected_rows = std::move(addresses);
  result.staged.transaction.operation = std::move(update);
  guard.Keep();
  return result;
}

absl::StatusOr<UpdateResult> UpdateWhere(const Dataset& dataset,
                                         const UpdateWhereRequest& request) {
  UpdateResult result;
  OG_ASSIGN_OR_RETURN(
      result.dataset,
      CommitWithRetry(
          dataset, request.retry, [&](const Dataset& current) -> absl::StatusOr<StagedTransaction> {
            OG_ASSIGN_OR_RETURN(StagedUpdate staged, StageUpdateWhere(current, request));
            result.num_updated_rows = staged.num_updated_rows;
            return std::move(staged.staged);
          }));
  return result;
}

}  // namespace og::engine::dataset
