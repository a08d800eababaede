// A mutation from end to end: its statements run in memory over a captured base, the change is
// checked as a whole, staged as one transaction a table and published as one graph commit.
//
// Nothing is written before the checks have passed. A mutation that changes nothing makes no
// commit. One of inserts alone that loses against another writer is prepared again, over what that
// one made; others report what changed, since their caller decided on what is no longer there.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "engine/graph/context.h"
#include "engine/graph/graph.h"
#include "engine/query/ast.h"
#include "engine/query/params.h"

namespace og::engine::graph {

// Runs `query` on `branch` (null: main).
absl::StatusOr<MutationResult> RunMutation(const GraphContext& context,
                                           const std::optional<std::string>& branch,
                                           const query::Query& query,
                                           const query::ParamValues& params,
                                           const MutateOptions& options);

}  // namespace og::engine::graph
