// How the first look at a table is made: what a scan or a filter on ids asks of the dataset.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/exec/pipeline.h"
#include "engine/exec/tables.h"
#include "engine/query/plan.h"
#include "engine/schema/catalog.h"

namespace og::engine::exec {

// The scan of `table` for `scan`: the columns worth reading with it, the filter, and the row
// address if anything may be wanted of the rows later. Where all parts of the type's key are
// compared for equality and ids are indexed, the filter names the id as well, which is made from
// the key, so that the row is looked up.
absl::StatusOr<dataset::ScanOptions> PlanScan(const ExecContext& context,
                                              const query::NodeScan& scan, Table& table);

// The id that a node of `type` must have to pass `filters`; nullopt if they leave that open.
absl::StatusOr<std::optional<std::string>> IdDemanded(const schema::NodeType& type,
                                                      const std::vector<query::Predicate>& filters,
                                                      const query::ParamValues& params,
                                                      const Table& table);

}  // namespace og::engine::exec
