// Blobs of version 2 on their way from one data file to another: contents that a data file or its
// sidecars hold are read, what lies elsewhere stays there and is named by an absolute URI.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset_handle.h"
#include "format/arrow/array.h"

namespace og::engine::dataset {

// Whether the table has columns of such blobs.
bool HasBlobsV2(const format::LanceSchema& schema);

// The rows of `descriptors` (a scan with BlobHandling::kDescriptions and row addresses) as a
// DataWriter takes them, in batches whose blobs fit into memory. The address column is left out.
absl::StatusOr<std::unique_ptr<format::BatchStream>> WithBlobContents(
    const DatasetHandle& dataset, std::unique_ptr<format::BatchStream> descriptors);

}  // namespace og::engine::dataset
