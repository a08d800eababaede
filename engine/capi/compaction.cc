// Compaction, which this version refuses.
#include "engine/capi/arguments.h"
#include "engine/capi/last_error.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"

using namespace og::engine::capi;

extern "C" {

int32_t lance_dataset_compact_files(LanceDataset* dataset,
                                    const LanceCompactionOptions* /*options*/,
                                    LanceCompactionMetrics* /*out_metrics*/) {
  return AnswerStatus([&]() -> absl::Status {
    OG_RETURN_IF_ERROR(CheckNotNull(dataset, "dataset"));
    return og::io::UnimplementedError("compaction is not in this version");
  });
}

}  // extern "C"
