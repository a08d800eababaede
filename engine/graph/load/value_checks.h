// The checks of values that need no other row: @range, @check, enum sets.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "engine/schema/catalog.h"
#include "format/arrow/array.h"

namespace og::engine::graph {

// Thread-compatible.
class ValueChecks {
 public:
  // `properties` of the type `type_name`, in column order; their enum sets are checked.
  ValueChecks(std::string type_name, const std::vector<schema::Property>& properties);
  ~ValueChecks();

  // Adds the constraints of a node type. Patterns are compiled at the first check.
  void Add(const std::vector<schema::RangeCheck>& ranges,
           const std::vector<schema::PatternCheck>& checks);

  // Checks one array per property, in the order of the properties. The first violation by row is
  // the error: kBadRequest, with "line N: " before it if `lines` (one a row) is not empty.
  absl::Status Check(std::span<const format::ArrayPtr> columns, std::span<const uint64_t> lines);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace og::engine::graph
