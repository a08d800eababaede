// Text of the query language to its syntax tree, and back. The grammar, languages.md 6.1, is a PEG
// and parsed as one: keywords have no word boundary (`queryq(){...}` declares q, `asx` is `as x`),
// alternatives are tried in order, an alternative that matched is never taken back.
//
//   file      = { query }
//   query     = "query" ident "(" [ param { "," param } ] ")" { annotation }
//               "{" ( read | mutation { mutation } ) "}"
//   read      = "match" "{" clause { clause } "}" "return" "{" proj { proj } "}"
//               [ "order" "{" ordering { "," ordering } "}" ] [ "limit" integer ]
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "engine/query/ast.h"

namespace og::engine::query {

// Calls, lists and negations nest at most this deep; deeper source is refused, not followed.
inline constexpr int kMaxNesting = 128;

// The tree of `source`. Errors are kBadRequest: "parse error:  --> L:C ..." with fields "line" and
// "column" for a syntax error, "parse error: parse error: ..." with field "offset" (a byte of
// `source`) for what only its meaning forbids: a number out of range, an unknown escape, an
// annotation given twice.
absl::StatusOr<QueryFile> ParseQueryFile(std::string_view source);

// Source that parses to an equal tree. REQUIRES: a tree as ParseQueryFile returns them.
std::string FormatQueryFile(const QueryFile& file);
std::string FormatExpr(const Expr& expr);
std::string FormatLiteral(const Literal& literal);

}  // namespace og::engine::query
