// The manifests of datasets that are made of another one's version.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset_handle.h"
#include "format/table/transaction.h"

namespace og::engine::dataset {

// How base paths name a place: a local path without scheme, else the URI.
std::string BasePathOf(const io::Location& location);

// The transaction that makes a clone of the version that `source` is.
format::Transaction CloneTransaction(const Dataset& source, bool is_shallow,
                                     std::optional<std::string> branch,
                                     const WriteOptions& options);

// The manifest of a shallow clone of the version that `source` is: the same version, all files read
// from where they are. Time and transaction are those of the source.
format::Manifest ShallowCloneManifest(const Dataset& source, std::optional<std::string> branch);

// Publishes the shallow clone of `source` at `root`, as `branch` of the dataset at `main_root` or,
// without, as a dataset of its own. kAlreadyExists if the version exists.
absl::StatusOr<DatasetPtr> PublishShallowClone(const Dataset& source, const io::Location& main_root,
                                               std::optional<std::string> branch,
                                               const WriteOptions& options);

}  // namespace og::engine::dataset
