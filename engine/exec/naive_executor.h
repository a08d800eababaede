// A second executor, written to be obviously right and not to be fast: one row at a time, over
// tables of values, by the rules of languages.md section 7. Differential tests compare with it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/query/params.h"
#include "engine/query/plan.h"
#include "engine/schema/catalog.h"

namespace og::engine::exec {

// Numbers of all types; a Bool is 0 or 1, a Date its days, a DateTime its milliseconds.
using NaiveValue =
    std::variant<std::monostate, int64_t, double, std::string, std::vector<std::string>>;
using NaiveRow = std::map<std::string, NaiveValue>;

struct NaiveGraph {
  const schema::Catalog* catalog = nullptr;
  std::map<std::string, std::vector<NaiveRow>> nodes;  // by type, in table order
  std::map<std::string, std::vector<NaiveRow>> edges;
};

// The result rows, values in projection order.
std::vector<std::vector<NaiveValue>> ExecuteNaively(const NaiveGraph& graph,
                                                    const query::ReadPlan& plan,
                                                    const query::ParamValues& params);

// "null", "3", "2.5", "'x'", "[a,b]".
std::string ToString(const NaiveValue& value);

}  // namespace og::engine::exec
