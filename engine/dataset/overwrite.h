// Overwrites that change the version of the data files.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"

namespace og::engine::dataset {

// Dataset::StageOverwrite() with data files of `file_version` ("2.0", "2.1", "2.2"), which becomes
// that of the dataset. kInvalidArgument for another one.
absl::StatusOr<StagedTransaction> StageOverwriteAs(const Dataset& dataset,
                                                   std::string_view file_version,
                                                   const format::SchemaPtr& schema,
                                                   format::BatchStream* rows,
                                                   const WriteOptions& options);

}  // namespace og::engine::dataset
