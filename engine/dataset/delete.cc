#include "engine/dataset/delete.h"

#include <optional>
#include <vector>

#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/staging.h"
#include "engine/expr/bind.h"
#include "engine/expr/expr.h"
#include "engine/expr/filter_parse.h"
#include "io/base/status_macros.h"

namespace og::engine::dataset {
namespace {

// What a filter without columns says about every row; nullopt for one with columns.
absl::StatusOr<std::optional<bool>> ConstantTruth(const expr::Expr& filter) {
  if (!expr::ColumnsOf(filter).empty()) {
    return std::nullopt;
  }
  const format::RecordBatch one_row{
      .schema = std::make_shared<const format::Schema>(), .num_rows = 1, .columns = {}};
  OG_ASSIGN_OR_RETURN(const std::vector<int64_t> rows, expr::EvaluateFilter(filter, one_row));
  return !rows.empty();
}

absl::StatusOr<std::vector<uint64_t>> AddressesWhere(const DatasetHandle& dataset,
                                                     const expr::ExprPtr& filter) {
  ScanOptions options;
  options.columns.emplace();
  options.filter = filter;
  options.with_row_address = true;
  options.batch_rows = 65536;
  OG_ASSIGN_OR_RETURN(const auto stream, dataset.Scan(options));
  std::vector<uint64_t> addresses;
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<format::RecordBatch> batch, stream->Next());
    if (!batch) {
      return addresses;
    }
    const auto values = batch->columns[0]->Values<uint64_t>();
    addresses.insert(addresses.end(), values.begin(), values.end());
  }
}

}  // namespace

absl::StatusOr<StagedDelete> StageDeleteWhere(const Dataset& dataset,
                                              const DeleteRequest& request) {
  const DatasetHandle& handle = HandleOf(dataset);
  OG_ASSIGN_OR_RETURN(const expr::ExprPtr parsed, expr::ParseFilter(request.predicate));
  const expr::ExprPtr filter = expr::Bind(parsed, *handle.stored_schema(), dataset.env().NowUs());
  OG_RETURN_IF_ERROR(expr::CheckFilter(*filter, *handle.stored_schema()));
  OG_ASSIGN_OR_RETURN(const std::optional<bool> constant, ConstantTruth(*filter));
  StagedDelete result;
  result.staged = NewTransaction(dataset.env(), dataset.version(), request.write);
  StagingGuard guard(dataset, result.staged);
  format::DeleteOperation deletion;
  deletion.predicate = request.predicate;
  if (constant == true) {
    for (const format::Fragment& fragment : dataset.manifest().fragments) {
      deletion.deleted_fragment_ids.push_back(fragment.id);
    }
    result.num_deleted_rows = dataset.num_rows();
  } else {
    std::vector<uint64_t> addresses;
    if (!constant.has_value()) {
      OG_ASSIGN_OR_RETURN(addresses, AddressesWhere(handle, filter));
      OG_ASSIGN_OR_RETURN(addresses, SortedAddresses(addresses));
    }
    OG_ASSIGN_OR_RETURN(Removal removal, RemoveRows(handle, addresses, result.staged));
    deletion.updated_fragments = std::move(removal.updated);
    deletion.deleted_fragment_ids = std::move(removal.removed);
    result.num_deleted_rows = addresses.size();
    result.staged.affected_rows = std::move(addresses);
  }
  result.staged.transaction.operation = std::move(deletion);
  guard.Keep();
  return result;
}

absl::StatusOr<DeleteResult> DeleteWhere(const Dataset& dataset, const DeleteRequest& request) {
  DeleteResult result;
  OG_ASSIGN_OR_RETURN(
      result.dataset,
      CommitWithRetry(
          dataset, request.retry, [&](const Dataset& current) -> absl::StatusOr<StagedTransaction> {
            OG_ASSIGN_OR_RETURN(StagedDelete staged, StageDeleteWhere(current, request));
            result.num_deleted_rows = staged.num_deleted_rows;
            return std::move(staged.staged);
          }));
  return result;
}

}  // namespace og::engine::dataset
