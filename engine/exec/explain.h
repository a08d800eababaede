// What a query would do, or did: a tree of its operators with estimates and, after a run, what each
// of them took.
//
//   OG_ASSIGN_OR_RETURN(ExplainedOperator plan, ExplainPlan(budget, snapshot, plan, params, {}));
//   OG_ASSIGN_OR_RETURN(Analysis analysis, AnalyzePlan(budget, snapshot, plan, params, {}, probe));
//
// Estimates come from row counts and rules of thumb, not from looking at values; the rows that an
// index holds for a filter are counted in it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/exec/execute.h"
#include "engine/exec/probe.h"
#include "engine/exec/snapshot.h"
#include "engine/query/params.h"
#include "engine/query/plan.h"
#include "io/env/memory_budget.h"

namespace og::engine::exec {

// What an operator took, its inputs left out.
struct OperatorActuals {
  uint64_t rows = 0;  // that it gave
  int64_t ns = 0;
  IoCounts io;
};

struct ExplainedOperator {
  std::string name;    // "NodeScan", "Expand", "Filter", "AntiJoin", "Project", "Sort", "TopK", ...
  std::string detail;  // "$p: Person [$p.age > 3]"
  // "index", "scan", "topology": how it goes about it, or went if it ran; empty: one way only.
  std::string way;
  // Lines about the access to storage, outermost first.
  std::vector<std::string> access;
  double rows_estimated = 0;
  std::optional<OperatorActuals> actual;
  // Where its rows come from; of an AntiJoin the outer rows, then the pipeline inside.
  std::vector<ExplainedOperator> inputs;
};

// The operators of `plan`, the last one first. Reads row counts and indexes, no rows.
absl::StatusOr<ExplainedOperator> ExplainPlan(const std::shared_ptr<io::MemoryBudget>& budget,
                                              const Snapshot& snapshot, const query::ReadPlan& plan,
                                              const query::ParamValues& params,
                                              const ExecOptions& options);

struct Analysis {
  ExplainedOperator plan;
  QueryResult result;
  int64_t ns = 0;
  IoCounts io;
};

// Runs `plan` and measures it.
absl::StatusOr<Analysis> AnalyzePlan(const std::shared_ptr<io::MemoryBudget>& budget,
                                     const Snapshot& snapshot, const query::ReadPlan& plan,
                                     const query::ParamValues& params, const ExecOptions& options,
                                     Probe probe);

}  // namespace og::engine::exec
