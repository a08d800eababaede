// Batches of one schema as batches of another that has the same columns in its own way.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "format/arrow/array.h"

namespace og::format {

// `stream` with the columns of `schema`, see OpenIpc.
absl::StatusOr<std::unique_ptr<BatchStream>> FitToSchema(std::unique_ptr<BatchStream> stream,
                                                         SchemaPtr schema);

// The fields of `schema` that `names` has, in its order.
SchemaPtr PresentFields(const Schema& schema, const std::vector<std::string>& names);

}  // namespace og::format
