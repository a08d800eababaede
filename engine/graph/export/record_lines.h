// Rows of node and edge tables as the JSON lines of an export, which a load reads back.
//
//   {"type":"T","data":{"id":...,properties...}}
//   {"edge":"E","from":...,"to":...,"data":{"id":...,properties...}}
//
// Compact; properties in the order of the catalog, nulls written. Dates are days and DateTimes
// milliseconds since the epoch, 32-bit floats are widened, a managed blob is "base64:..." and an
// external one its URI.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"

namespace og::engine::graph {

// Appends value `i` of a column as a line holds it.
absl::Status AppendColumnValue(const format::Array& column, int64_t i, std::string& out);

// Writes the lines of one table. Thread-compatible.
class RecordLines {
 public:
  // `properties`: the columns to write behind the id, in order. A column that a batch lacks is
  // written as null.
  RecordLines(bool is_edge, std::string type_name, std::vector<std::string> properties);

  // Appends the line of row `i` of `batch`, with its newline. A float that is not finite is
  // kInvalidArgument naming type, id and property.
  absl::Status Append(const format::RecordBatch& batch, int64_t i, std::string& out) const;

 private:
  const bool is_edge_;
  const std::string type_name_;
  const std::string prefix_;
  const std::vector<std::string> properties_;
  const std::vector<std::string> keys_;  // ,"property":
};

}  // namespace og::engine::graph
