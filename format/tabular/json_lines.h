// JSON lines as batches: format/arrow/json.h on each line. Empty lines do not count.
#pragma once

#include <memory>

#include "absl/status/statusor.h"

#include "format/tabular/tabular.h"

namespace og::format {

// OpenTabular() of JSON lines.
absl::StatusOr<std::unique_ptr<BatchStream>> OpenJsonLines(std::unique_ptr<ByteInput> input,
                                                           const TabularReadOptions& options);

}  // namespace og::format
