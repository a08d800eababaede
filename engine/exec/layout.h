// What a plan binds and reads: its variables by number, and the columns that are worth reading with
// each one's scan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/query/plan.h"

namespace og::engine::exec {

struct Variable {
  std::string name;
  std::string type_name;
  bool is_edge = false;
  bool in_negation = false;
  // To read while the table is scanned anyway. Other columns are fetched for the rows that are left
  // when they are needed.
  std::vector<std::string> columns;
};

// The first rows of an order are wanted: by this column first.
struct LeadingRows {
  std::string column;
  bool descending = false;
  uint64_t limit = 0;
};

struct Layout {
  std::vector<Variable> variables;
  std::map<std::string, size_t, std::less<>> numbers;
  // The rows of a single scan are grouped, or aggregated as a whole: nothing but the columns of the
  // scan is wanted, however many rows come at a time.
  bool is_scan_of_groups = false;
  // The rows of a single scan are ordered, and only the first few wanted.
  std::optional<LeadingRows> leading_rows;
  // Hops that all expansions over an edge type may take together.
  std::map<std::string, uint64_t, std::less<>> hops;

  size_t NumberOf(std::string_view name) const { return numbers.find(name)->second; }
};

Layout LayoutOf(const query::ReadPlan& plan);

}  // namespace og::engine::exec
