#include "engine/graph/mutate.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/exec/snapshot.h"
#include "engine/exec/staging.h"
#include "engine/graph/branch/table_fork.h"
#include "engine/graph/errors.h"
#include "engine/graph/keyed_write.h"
#include "engine/graph/validate/violations.h"
#include "engine/graph/write_session.h"
#include "engine/query/check.h"
#include "engine/query/plan.h"
#include "io/base/status_macros.h"
#include "io/base/sync.h"
#include "io/base/text.h"
#include "io/env/together.h"

namespace og::engine::graph {
namespace {

// The tables of a write's base, each opened once. Any thread may ask.
class BaseTables final : public exec::Snapshot {
 public:
  BaseTables(const GraphContext& context, const WriteBase& base) : context_(context), base_(base) {}

  const schema::Catalog& catalog() const override { return *base_.schema.catalog; }

  absl::StatusOr<dataset::DatasetPtr> NodeTable(std::string_view type_name) const override {
    return Open(io::StrCat("node:", type_name));
  }
  absl::StatusOr<dataset::DatasetPtr> EdgeTable(std::string_view type_name) const override {
    return Open(io::StrCat("edge:", type_name));
  }

  absl::StatusOr<const TableEntry*> Entry(std::string_view table_key) const {
    const TableEntry* const entry = base_.manifest.state.Find(table_key);
    if (entry != nullptr) return entry;
    return InternalFault(io::StrCat("the catalog's table ", table_key, " is not published"));
  }

  absl::StatusOr<dataset::DatasetPtr> Open(std::string_view table_key) const {
    {
      io::MutexLock lock(mutex_);
      const auto found = open_.find(table_key);
      if (found != open_.end()) return found->second;
    }
    OG_ASSIGN_OR_RETURN(const TableEntry* const entry, Entry(table_key));
    OG_ASSIGN_OR_RETURN(dataset::DatasetPtr open,
                        OpenForWrite(context_, base_.manifest.branch, *entry));
    io::MutexLock lock(mutex_);
    return open_.emplace(table_key, std::move(open)).first->second;
  }

  // Opens the tables that the steps of `plan` name at the same time.
  absl::Status OpenAll(const query::MutationPlan& plan) const {
    std::set<std::string> keys;
    for (const query::MutationStep& step : plan.steps)
      keys.insert(io::StrCat(step.is_edge ? "edge:" : "node:", step.type_name));
    std::vector<std::function<absl::Status()>> tasks;
    for (const std::string& key : keys)
      tasks.push_back([this, &key] { return Open(key).status(); });
    return io::RunTogether(context_.env, *context_.root.store, tasks);
  }

 private:
  const GraphContext& context_;
  const WriteBase& base_;
  mutable io::Mutex mutex_;
  mutable std::map<std::string, dataset::DatasetPtr, std::less<>> open_ OG_GUARDED_BY(mutex_);
};

ChangeSet ChangesOf(const exec::StagedMutation& mutation) {
  ChangeSet changes;
  for (const auto& [key, table] : mutation.tables)
    changes[key] = {.rows = table.rows, .deleted_ids = table.deleted_ids};
  return changes;
}

absl::StatusOr<dataset::StagedTransaction> StageTable(const exec::StagedTable& table) {
  if (table.rows.empty()) {
    return table.table->StageDelete(table.deleted_addresses, table.delete_predicate, {});
  }
  OG_ASSIGN_OR_RETURN(const format::RecordBatch rows, exec::LastRowOfEachId(table.rows));
  return table.replaces ? StageUpsert(*table.table, rows) : StageStrictInsert(*table.table, rows);
}

absl::StatusOr<WriteIntent> StageTables(const GraphContext& context, const BaseTables& base,
                                        const exec::StagedMutation& mutation) {
  WriteIntent intent;
  intent.kind = WriterKind::kMutation;
  std::vector<const exec::StagedTable*> tables;
  for (const auto& [key, table] : mutation.tables) {
    OG_ASSIGN_OR_RETURN(const TableEntry* const entry, base.Entry(key));
    intent.tables.push_back({.entry = *entry, .dataset = nullptr, .staged = {}});
    tables.push_back(&table);
  }
  std::vector<std::function<absl::Status()>> tasks;
  for (size_t i = 0; i < tables.size(); ++i) {
    tasks.push_back([&, i]() -> absl::Status {
      OG_ASSIGN_OR_RETURN(intent.tables[i].staged, StageTable(*tables[i]));
      intent.tables[i].dataset = tables[i]->table;
      return absl::OkStatus();
    });
  }
  const absl::Status staged = io::RunTogether(context.env, *context.root.store, tasks);
  if (!staged.ok()) {
    std::erase_if(intent.tables, [](const TableChange& c) { return c.dataset == nullptr; });
    DiscardWrite(intent);
    return FromStorage(staged);
  }
  return intent;
}

bool OnlyInserts(const query::MutationPlan& plan) {
  return std::all_of(plan.steps.begin(), plan.steps.end(), [](const query::MutationStep& step) {
    return step.kind == query::MutationKind::kInsert;
  });
}

class Mutator {
 public:
  Mutator(const GraphContext& context, std::optional<std::string> branch, const query::Query& query,
          query::ParamValues params, const MutateOptions& options)
      : context_(context),
        branch_(std::move(branch)),
        query_(query),
        params_(std::move(params)),
        options_(options) {}

  absl::StatusOr<MutationResult> Run() {
    for (int attempt = 0;; ++attempt) {
      WriteTurn turn;
      if (attempt > 0) turn = TakeTurn(context_, branch_);
      absl::StatusOr<MutationResult> result = Attempt(std::move(turn));
      if (result.ok() || !may_repeat_ || attempt == kRepreparationsMax ||
          !MayPrepareAgain(result.status())) {
        return result;
      }
    }
  }

 private:
  absl::StatusOr<MutationResult> Attempt(WriteTurn turn) {
    OG_ASSIGN_OR_RETURN(const WriteBase base,
                        BeginWrite(context_, branch_, options_.expected_head, &turn));
    OG_ASSIGN_OR_RETURN(const query::CheckedQuery checked,
                        query::CheckQuery(*base.schema.catalog, query_));
    OG_ASSIGN_OR_RETURN(const query::MutationPlan plan, query::PlanMutation(checked));
    may_repeat_ = OnlyInserts(plan);

    const BaseTables tables(context_, base);
    OG_RETURN_IF_ERROR(tables.OpenAll(plan));
    const auto mutation = exec::StageMutation(context_.env, tables, plan, params_);
    OG_RETURN_IF_ERROR(FromStorage(mutation.status()));
    MutationResult result;
    result.affected_nodes = mutation->affected_nodes;
    result.affected_edges = mutation->affected_edges;
    if (mutation->tables.empty()) {
      turn = {};
      if (options_.expected_head) OG_RETURN_IF_ERROR(ConfirmUnchanged(context_, base));
      return result;
    }
    OG_RETURN_IF_ERROR(CheckChanges(*base.schema.catalog, ChangesOf(*mutation),
                                    [&](std::string_view key) { return tables.Open(key); }));
    OG_ASSIGN_OR_RETURN(WriteIntent intent, StageTables(context_, tables, *mutation));
    intent.actor_id = options_.actor_id;
    OG_ASSIGN_OR_RETURN(result.commit,
                        CommitWrite(context_, base, std::move(intent), std::move(turn)));
    return result;
  }

  const GraphContext& context_;
  const std::optional<std::string> branch_;
  const query::Query& query_;
  const query::ParamValues params_;
  const MutateOptions& options_;
  bool may_repeat_ = false;
};

}  // namespace

absl::StatusOr<MutationResult> RunMutation(const GraphContext& context,
                                           const std::optional<std::string>& branch,
                                           const query::Query& query,
                                           const query::ParamValues& params,
                                           const MutateOptions& options) {
  query::ParamValues bound = params;
  // One instant for all attempts.
  query::BindNow(context.env.NowUs() / 1000, bound);
  return Mutator(context, branch, query, std::move(bound), options).Run();
}

}  // namespace og::engine::graph
