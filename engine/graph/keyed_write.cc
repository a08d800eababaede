#include "engine/graph/keyed_write.h"

#include <utility>
#include <variant>

#include "engine/graph/errors.h"
#include "engine/graph/field_ids.h"
#include "format/table/key_filter.h"
#include "io/base/status_macros.h"

namespace og::engine::graph {
namespace {

constexpr char kInsertAbsence[] = "omnigraph.insert_absence";
constexpr char kInsertAbsenceVersion[] = "v1";

}  // namespace

format::KeyExistenceFilter SmallKeyFilter(format::KeyExistenceFilter filter,
                                          const format::Array& candidates) {
  if (candidates.length > kExactKeysMax) return filter;
  return format::ExactKeyFilter(filter, candidates);
}

absl::Status MakeStrictInsert(const dataset::Dataset& table, format::KeyExistenceFilter inserted,
                              dataset::StagedTransaction& staged) {
  auto* const append = std::get_if<format::AppendOperation>(&staged.transaction.operation);
  if (append == nullptr) return InternalFault("a strict insert is not staged as an append");
  format::UpdateOperation update;
  update.new_fragments = std::move(append->fragments);
  update.fields_for_preserving_frag_bitmap = AllFieldIds(table.lance_schema());
  update.inserted_rows = std::move(inserted);
  staged.transaction.operation = std::move(update);
  staged.transaction.properties[kInsertAbsence] = kInsertAbsenceVersion;
  staged.affected_rows.emplace();
  return absl::OkStatus();
}

absl::StatusOr<dataset::StagedTransaction> StageStrictInsert(const dataset::Dataset& table,
                                                             const format::RecordBatch& rows) {
  OG_ASSIGN_OR_RETURN(format::KeyExistenceFilter inserted,
                      table.InsertedRowsFilter(rows, "id", std::nullopt));
  inserted = SmallKeyFilter(std::move(inserted), *rows.Column("id"));
  const auto stream = format::MakeStream(rows.schema, {rows});
  OG_ASSIGN_OR_RETURN(dataset::StagedTransaction staged, table.StageAppend(*stream, {}));
  OG_RETURN_IF_ERROR(MakeStrictInsert(table, std::move(inserted), staged));
  return staged;
}

absl::StatusOr<dataset::StagedTransaction> StageUpsert(const dataset::Dataset& table,
                                                       const format::RecordBatch& rows) {
  const auto stream = format::MakeStream(rows.schema, {rows});
  dataset::MergeRequest request;
  request.key_column = "id";
  request.rows = stream.get();
  OG_ASSIGN_OR_RETURN(dataset::StagedMerge merge, table.StageMerge(request));
  if (merge.num_updated == 0 && merge.num_skipped_duplicates == 0) {
    merge.staged.transaction.properties[kInsertAbsence] = kInsertAbsenceVersion;
  }
  auto& update = std::get<format::UpdateOperation>(merge.staged.transaction.operation);
  if (update.inserted_rows.has_value()) {
    update.inserted_rows = SmallKeyFilter(*std::move(update.inserted_rows), *rows.Column("id"));
  }
  return std::move(merge.staged);
}

}  // namespace og::engine::graph
