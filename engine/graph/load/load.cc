#include "engine/graph/load/load.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/graph/branch/table_fork.h"
#include "engine/graph/errors.h"
#include "engine/graph/load/graph_batch.h"
#include "engine/graph/load/integrity.h"
#include "engine/graph/load/table_loader.h"
#include "engine/graph/snapshot.h"
#include "engine/graph/table_schema.h"
#include "engine/graph/validate/violations.h"
#include "engine/graph/write_session.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/worker_pool.h"

namespace og::engine::graph {
namespace {

// What the checks across rows may hold in memory before they spill: a quarter of what the process
// may use.
std::shared_ptr<io::MemoryBudget> IntegrityBudget(io::Env& env) {
  return env.memory()->NewChild("load integrity", env.memory()->limit() / 4);
}

// Merges and small loads are checked and staged from memory: half of what the process may use.
std::shared_ptr<io::MemoryBudget> MergeBudget(io::Env& env) {
  return env.memory()->NewChild("load merge", env.memory()->limit() / 2);
}

// Rows that all tables keep in memory before a chunk is written: small beside the budget, since a
// chunk that is being encoded comes on top, and large enough for fragments of a good size: a chunk
// of small rows is one file of about a million.
size_t KeptBytesMax(io::Env& env) {
  return std::clamp<uint64_t>(env.memory()->limit() / 8, uint64_t{16} << 20, uint64_t{64} << 20);
}

// A load of at most this size that has lost once keeps the others off while it is prepared again.
constexpr uint64_t kTurnBytesMax = uint64_t{1} << 20;

// Whether `source` is so large that it pays to note all committed nodes before it.
bool IsLarge(const ByteSource& source, const WriteBase& base) {
  constexpr uint64_t kBytesForNode = 8;
  uint64_t num_nodes = 0;
  for (const TableEntry& entry : base.manifest.state.tables()) {
    if (!entry.is_edge()) num_nodes += entry.row_count;
  }
  return source.size() / kBytesForNode > num_nodes;
}

class Loader {
 public:
  Loader(const GraphContext& context, ByteSource& source, const LoadOptions& options,
         WriteBase base, WriteTurn turn)
      : context_(context),
        source_(source),
        options_(options),
        base_(std::move(base)),
        turn_(std::move(turn)),
        is_large_(IsLarge(source, base_)),
        integrity_(context.env, base_.schema.catalog, options.mode, IntegrityBudget(context.env)),
        merge_budget_(MergeBudget(context.env)),
        staging_(context.env.pool()),
        kept_bytes_max_(KeptBytesMax(context.env)) {}

  absl::StatusOr<LoadResult> Run() {
    absl::StatusOr<LoadResult> result = ReadCheckWrite();
    if (!result.ok()) {
      staging_.Wait().IgnoreError();
      for (const auto& [key, table] : tables_)
        table->Discard();
    }
    return result;
  }

 private:
  absl::StatusOr<LoadResult> ReadCheckWrite() {
    GraphBatchOptions batch_options;
    batch_options.progress = [this](const Progress& progress) { Report(progress); };
    OG_RETURN_IF_ERROR(ReadGraphBatch(context_.env, *base_.schema.catalog, source_, batch_options,
                                      [this](TableBatch batch) { return Add(std::move(batch)); }));
    OG_RETURN_IF_ERROR(WaitForChunk());
    OG_RETURN_IF_ERROR(Check());
    return Write();
  }

  void Report(const Progress& progress) const {
    if (options_.progress) options_.progress(progress);
  }

  absl::StatusOr<TableLoader*> LoaderOf(std::string_view table_key) {
    const auto known = tables_.find(table_key);
    if (known != tables_.end()) return known->second.get();
    const TableEntry* const entry = base_.manifest.state.Find(table_key);
    if (entry == nullptr) {
      return InternalFault(io::StrCat("the catalog's table ", table_key, " is not published"));
    }
    // At the pin, not at its head: a writer that lives may be between its tables and its
    // publication.
    OG_ASSIGN_OR_RETURN(dataset::DatasetPtr dataset,
                        OpenForWrite(context_, base_.manifest.branch, *entry));
    const std::string_view name = entry->type_name();
    format::SchemaPtr schema = entry->is_edge()
                                   ? TableSchema(*base_.schema.catalog->FindEdgeExactly(name))
                                   : TableSchema(*base_.schema.catalog->FindNode(name));
    return tables_
        .emplace(entry->table_key, std::make_unique<TableLoader>(*entry, std::move(dataset),
                                                                 std::move(schema), options_.mode))
        .first->second.get();
  }

  absl::Status Add(TableBatch batch) {
    OG_ASSIGN_OR_RETURN(TableLoader* const table, LoaderOf(batch.table_key));
    num_rows_ += static_cast<uint64_t>(batch.rows.num_rows);
    if (options_.mode == LoadMode::kMerge) {
      OG_ASSIGN_OR_RETURN(io::MemoryReservation kept,
                          merge_budget_->Reserve(format::MemoryBytes(batch.rows)));
      reservations_.push_back(std::move(kept));
      table->Add(std::move(batch.rows));
      return absl::OkStatus();
    }
    if (is_large_) {
      for (const CommittedNeed& need : integrity_.NeedsBefore(batch.table_key))
        OG_RETURN_IF_ERROR(Feed(need));
    }
    OG_RETURN_IF_ERROR(integrity_.AddInput(batch.table_key, batch.rows, batch.ids_are_fresh));
    const size_t bytes = format::MemoryBytes(batch.rows);
    table->Add(std::move(batch.rows));
    kept_bytes_[table->entry().table_key] += bytes;
    all_kept_bytes_ += bytes;
    return all_kept_bytes_ >= kept_bytes_max_ ? StageLargest() : absl::OkStatus();
  }

  // Writes what the table with most rows in memory keeps, while the parser goes on; only the next
  // chunk waits for it.
  absl::Status StageLargest() {
    const auto largest =
        std::max_element(kept_bytes_.begin(), kept_bytes_.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    OG_RETURN_IF_ERROR(WaitForChunk());
    all_kept_bytes_ -= std::exchange(largest->second, 0);
    TableLoader* const table = tables_.find(largest->first)->second.get();
    table->TakeChunk();
    staging_.Run([table] { return table->StageChunk(); });
    return absl::OkStatus();
  }

  absl::Status WaitForChunk() { return FromStorage(staging_.Wait()); }

  // What holds across rows, from the rows in memory and filtered scans of the committed tables.
  absl::Status CheckMerge() const {
    ChangeSet changes;
    for (const auto& [key, table] : tables_) {
      OG_ASSIGN_OR_RETURN(changes[key].rows.emplace_back(), format::TryConcat(table->kept()));
    }
    return CheckChanges(*base_.schema.catalog, changes,
                        [this](std::string_view key) { return Committed(key); });
  }

  absl::Status Feed(const CommittedNeed& need) {
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr dataset, Committed(need.table_key));
    dataset::ScanOptions options;
    options.columns = need.columns;
    const auto stream = dataset->Scan(options);
    OG_RETURN_IF_ERROR(FromStorage(stream.status()));
    for (;;) {
      auto batch = (*stream)->Next();
      OG_RETURN_IF_ERROR(FromStorage(batch.status()));
      if (!batch->has_value()) return absl::OkStatus();
      OG_RETURN_IF_ERROR(integrity_.AddCommitted(need.table_key, **batch));
    }
  }

  absl::Status Check() {
    if (options_.mode == LoadMode::kMerge) return CheckMerge();
    for (const CommittedNeed& need : integrity_.CommittedNeeds())
      OG_RETURN_IF_ERROR(Feed(need));
    return integrity_.Finish([this](const RowRef& row, const std::vector<std::string>& columns) {
      return Lookup(row, columns);
    });
  }

  absl::StatusOr<dataset::DatasetPtr> Committed(std::string_view table_key) const {
    const auto loading = tables_.find(table_key);
    if (loading != tables_.end()) return loading->second->base();
    const TableEntry* const entry = base_.manifest.state.Find(table_key);
    if (entry == nullptr) {
      return InternalFault(io::StrCat("the catalog's table ", table_key, " is not published"));
    }
    return OpenPinned(context_.env, context_.root, *entry, context_.session);
  }

  absl::StatusOr<format::RecordBatch> Lookup(const RowRef& row,
                                             const std::vector<std::string>& columns) const {
    if (!row.committed) return tables_.find(row.table_key)->second->Lookup(row.row, columns);
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr dataset, Committed(row.table_key));
    dataset::TakeOptions options;
    options.columns = columns;
    const uint64_t offsets[] = {row.row};
    auto found = dataset->TakeOffsets(offsets, options);
    OG_RETURN_IF_ERROR(FromStorage(found.status()));
    return found;
  }

  absl::StatusOr<LoadResult> Write() {
    Report({"write", num_rows_, source_.size(), source_.size()});
    WriteIntent intent;
    intent.actor_id = options_.actor_id;
    intent.tables.resize(tables_.size());
    std::vector<TableLoader*> loaders;
    for (const auto& [key, table] : tables_)
      loaders.push_back(table.get());
    const absl::Status staged =
        context_.env.pool().ParallelFor(loaders.size(), [&](size_t i) -> absl::Status {
          OG_ASSIGN_OR_RETURN(intent.tables[i].staged, loaders[i]->Finish());
          intent.tables[i].entry = loaders[i]->entry();
          intent.tables[i].dataset = loaders[i]->base();
          return absl::OkStatus();
        });
    if (!staged.ok()) {
      std::erase_if(intent.tables, [](const TableChange& c) { return c.dataset == nullptr; });
      DiscardWrite(intent);
      return FromStorage(staged);
    }
    Report({"publish", num_rows_, source_.size(), source_.size()});
    LoadResult result;
    OG_ASSIGN_OR_RETURN(result.commit,
                        CommitWrite(context_, base_, std::move(intent), std::move(turn_)));
    for (const TableLoader* const table : loaders) {
      (table->entry().is_edge() ? result.edges : result.nodes)
          .push_back({.name = std::string(table->entry().type_name()),
                      .entities_loaded = table->num_rows()});
      result.total_entities += table->num_rows();
    }
    return result;
  }

  const GraphContext& context_;
  ByteSource& source_;
  const LoadOptions& options_;
  const WriteBase base_;
  WriteTurn turn_;
  const bool is_large_;
  Integrity integrity_;
  const std::shared_ptr<io::MemoryBudget> merge_budget_;
  std::vector<io::MemoryReservation> reservations_;
  std::map<std::string, std::unique_ptr<TableLoader>, std::less<>> tables_;
  io::TaskGroup staging_;
  const size_t kept_bytes_max_;
  std::map<std::string, size_t, std::less<>> kept_bytes_;  // by table key
  size_t all_kept_bytes_ = 0;
  uint64_t num_rows_ = 0;
};

}  // namespace

absl::StatusOr<LoadResult> LoadGraphBatch(const GraphContext& context,
                                          const std::optional<std::string>& branch,
                                          ByteSource& source, const LoadOptions& options) {
  for (int attempt = 0;; ++attempt) {
    WriteTurn turn;
    const bool is_small = source.size() > 0 && source.size() <= kTurnBytesMax;
    if (attempt > 0 && is_small) turn = TakeTurn(context, branch);
    OG_ASSIGN_OR_RETURN(WriteBase base, BeginWrite(context, branch, std::nullopt, &turn));
    absl::StatusOr<LoadResult> result =
        Loader(context, source, options, std::move(base), std::move(turn)).Run();
    // What an overwrite replaces was its caller's decision: it is not taken again.
    if (result.ok() || options.mode == LoadMode::kOverwrite || attempt == kRepreparationsMax ||
        !MayPrepareAgain(result.status())) {
      return result;
    }
    OG_ASSIGN_OR_RETURN(const bool rewound, source.Rewind());
    if (!rewound) return result;
  }
}

}  // namespace og::engine::graph
