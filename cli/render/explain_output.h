// A query's plan as `query --explain` prints it. Each text ends with a line end.
#pragma once

#include <string>

#include "engine/exec/explain.h"

namespace og::cli {

// One operator a line, its inputs indented below it:
//
//   TopK $p.name by $p.age desc limit 3       ~3 rows
//     NodeScan $p: Person (index)             ~1 rows
//       Index: id by id_idx (1 rows)
std::string ExplainText(const engine::exec::ExplainedOperator& plan);

// The same with what each operator gave and took, and a line of totals.
std::string AnalysisText(const engine::exec::Analysis& analysis);

// {"query_name", "mode": "plan"|"analyze", ["rows", "milliseconds", "requests", "bytes"], "plan":
// {"operator", "detail", "way", "access", "rows_estimated", ["rows", ...], "inputs"}}; the
// bracketed keys in "analyze" only.
std::string ExplainJson(std::string_view query_name, const engine::exec::ExplainedOperator& plan);
std::string AnalysisJson(std::string_view query_name, const engine::exec::Analysis& analysis);

}  // namespace og::cli
