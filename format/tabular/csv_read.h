// CSV as batches: csv_records.h, csv_cells.h and csv_types.h put together.
#pragma once

#include <memory>

#include "absl/status/statusor.h"

#include "format/tabular/tabular.h"

namespace og::format {

// OpenTabular() of CSV. Without header and schema the columns are named f0, f1, ...; with a schema
// but no header they are in the schema's order.
absl::StatusOr<std::unique_ptr<BatchStream>> OpenCsv(std::unique_ptr<ByteInput> input,
                                                     const TabularReadOptions& options);

}  // namespace og::format
