// The ends of a query's pipeline: rows as they come, ordered rows, groups.
#pragma once

#include <memory>

#include "absl/status/statusor.h"

#include "engine/exec/execute.h"
#include "engine/exec/pipeline.h"
#include "engine/exec/rows.h"
#include "engine/query/plan.h"

namespace og::engine::exec {

class Sink : public Operator {
 public:
  absl::Status Flush() override { return absl::OkStatus(); }

  // The result of the rows so far. To be called once, after Flush.
  virtual absl::StatusOr<QueryResult> Finish() = 0;
};

// The sink that `plan` needs. The plan outlives it. kBadRequest for a parameter without value or a
// key that has no order.
absl::StatusOr<std::unique_ptr<Sink>> MakeSink(const ExecContext& context,
                                               const query::ReadPlan& plan);

// Groups and aggregates; part of MakeSink.
absl::StatusOr<std::unique_ptr<Sink>> MakeAggregateSink(const ExecContext& context,
                                                        const query::ReadPlan& plan);

// The value of a projection or of an aggregate's argument for each row of a chunk.
absl::StatusOr<format::ArrayPtr> ValuesOf(const ExecContext& context, const query::Expr& expr,
                                          const Chunk& chunk);
// The type that ValuesOf has.
absl::StatusOr<format::TypePtr> TypeOf(const ExecContext& context, const query::Expr& expr);

}  // namespace og::engine::exec
