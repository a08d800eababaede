// What a plan binds and reads: its variables by number, and the columns that are worth reading with
// each one's scan.
#pragma once

#include <cstddef>
#include <map>
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

struct Layout {
  std::vector<Variable> variables;
  std::map<std::string, size_t, std::less<>> numbers;
  // Hops that all expansions over an edge type may take together.
  std::map<std::string, uint64_t, std::less<>> hops;

  size_t NumberOf(std::string_view name) const { return numbers.find(name)->second; }
};

Layout LayoutOf(const query::ReadPlan& plan);

}  // namespace og::engine::exec
