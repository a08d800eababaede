// Compaction.
#include <algorithm>
#include <cstdint>
#include <limits>

#include "engine/capi/arguments.h"
#include "engine/capi/handles.h"
#include "engine/capi/last_error.h"
#include "engine/dataset/compact.h"
#include "io/base/status_macros.h"

namespace og::engine::capi {
namespace {

using dataset::DatasetPtr;

absl::StatusOr<dataset::CompactionOptions> CompactionOf(const dataset::Dataset& table,
                                                        const LanceCompactionOptions* options) {
  OG_ASSIGN_OR_RETURN(dataset::CompactionOptions result,
                      dataset::CompactionOptionsOf(table.manifest().config));
  if (options == nullptr) {
    return result;
  }
  if (options->target_rows_per_fragment > 0) {
    result.target_rows_per_fragment = options->target_rows_per_fragment;
  }
  if (options->max_bytes_per_file > 0) {
    result.max_bytes_per_file = options->max_bytes_per_file;
  }
  if (options->num_threads > 0) {
    constexpr uint64_t kThreadsMax = std::numeric_limits<int>::max();
    result.threads = static_cast<int>(std::min(options->num_threads, kThreadsMax));
  }
  if (options->batch_size > 0) {
    result.batch_rows = options->batch_size;
  }
  return result;
}

absl::Status CompactFiles(LanceDataset* handle, const LanceCompactionOptions* options,
                          LanceCompactionMetrics* out_metrics) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  return handle->Change([&](const DatasetPtr& table) -> absl::StatusOr<DatasetPtr> {
    OG_ASSIGN_OR_RETURN(const dataset::CompactionOptions how, CompactionOf(*table, options));
    OG_ASSIGN_OR_RETURN(dataset::CompactionResult result, dataset::Compact(*table, how, {}));
    if (out_metrics != nullptr) {
      *out_metrics = {.fragments_removed = result.metrics.fragments_removed,
                      .fragments_added = result.metrics.fragments_added,
                      .files_removed = result.metrics.files_removed,
                      .files_added = result.metrics.files_added};
    }
    return std::move(result.dataset);
  });
}

}  // namespace
}  // namespace og::engine::capi

using namespace og::engine::capi;

extern "C" {

int32_t lance_dataset_compact_files(LanceDataset* dataset, const LanceCompactionOptions* options,
                                    LanceCompactionMetrics* out_metrics) {
  return AnswerStatus([&] { return CompactFiles(dataset, options, out_metrics); });
}

}  // extern "C"
