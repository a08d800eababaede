// The filter language of `lance-tool scan --where`: the part of SQL that names rows.
//
//   filter     := conjunct { OR conjunct }
//   conjunct   := negation { AND negation }
//   negation   := NOT negation | predicate
//   predicate  := operand [ comparison | [NOT] IN "(" literal { "," literal } ")"
//                 | [NOT] BETWEEN operand AND operand | [NOT] LIKE text | IS [NOT] NULL ]
//                 | "(" filter ")"
//   comparison := ( "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) operand
//   operand    := column | literal | contains "(" operand "," operand ")"
//                 | starts_with "(" operand "," operand ")" | array_has "(" operand "," operand ")"
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

// kBadRequest with the position of the first thing that does not fit.
absl::StatusOr<ExprPtr> ParseFilter(std::string_view text);

}  // namespace og::engine::expr
