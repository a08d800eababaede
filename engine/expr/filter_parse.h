// The filter language of `lance-tool scan --where`, the part of SQL that names rows, and the value
// expressions of updates and new columns.
//
//   filter     := conjunct { OR conjunct }
//   conjunct   := negation { AND negation }
//   negation   := NOT negation | predicate
//   predicate  := sum [ comparison | [NOT] IN "(" sum { "," sum } ")"
//                 | [NOT] BETWEEN sum AND sum | [NOT] LIKE sum | [NOT] ILIKE sum
//                 | IS [NOT] ( NULL | TRUE | FALSE | UNKNOWN | DISTINCT FROM sum ) ]
//   comparison := ( "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) sum
//   sum        := product { ( "+" | "-" | "||" ) product }
//   product    := operand { ( "*" | "/" | "%" ) operand }
//   operand    := primary { "::" type | "[" text "]" | "[" sum "]" }
//   primary    := column | literal | "(" filter ")" | "-" operand
//                 | function "(" filter { "," filter } ")"
//                 | CAST "(" filter AS type ")" | TRY_CAST "(" filter AS type ")"
//                 | EXTRACT "(" unit FROM filter ")"
//                 | CASE WHEN filter THEN filter { WHEN filter THEN filter } [ ELSE filter ] END
//   function   := contains | starts_with | array_has | array_has_any | array_has_all | get_field
//                 | those of functions.cc
//   type       := BOOLEAN | TINYINT | SMALLINT | INT | BIGINT [ UNSIGNED ] | FLOAT | DOUBLE
//                 | STRING | BINARY | DATE | TIMESTAMP
//   column     := name { "." name }
//   name       := letter { letter | digit | "_" } | "`" any text "`" | '"' any text '"'
//   literal    := number | text | TRUE | FALSE | NULL | DATE text | TIMESTAMP text | X text
//
// Keywords and functions ignore case, names keep it. Text stands in single quotes; a quote inside
// is written twice, likewise inside quoted names.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"

#include "engine/expr/expr.h"

namespace og::engine::expr {

// Deepest nesting of parentheses and NOT.
inline constexpr int kFilterDepthMax = 100;

// A condition. kBadRequest with the position of the first thing that does not fit.
absl::StatusOr<ExprPtr> ParseFilter(std::string_view text);

// An expression of any type. kBadRequest as ParseFilter().
absl::StatusOr<ExprPtr> ParseExpression(std::string_view text);

}  // namespace og::engine::expr
