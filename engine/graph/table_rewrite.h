// The rows of a table in the columns of another schema of its type.
#pragma once

#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/schema/catalog.h"
#include "format/arrow/type.h"

namespace og::engine::graph {

// Stages all rows of `table`, whose properties are `former`, as an overwrite with the columns of
// `schema`, whose properties are `wanted`. Properties keep their values by identity, whatever they
// are called; new ones are null. Batches stream through.
absl::StatusOr<dataset::StagedTransaction> StageRewrite(const dataset::Dataset& table,
                                                        const std::vector<schema::Property>& former,
                                                        const std::vector<schema::Property>& wanted,
                                                        const format::SchemaPtr& schema,
                                                        const dataset::WriteOptions& options);

}  // namespace og::engine::graph
