// An error as `omnigraph` prints it, with the place in the user's file that it is about.
//
//   Error:
//      0: type error: T6: type `Person` has no property `nam`
//      1: find.gq:3:12
//           |
//         3 |   return { $p.nam }
//           |            ^---
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace og::cli {

// `status` with the place in `source`, the text of the file `path`, added: from its "line" and
// "column" fields (a syntax error, which shows the line already), from its "offset" field (a byte
// of the text), or from a message that starts with "line N". Without any of these only the path is
// added. An ok status stays ok.
absl::Status AtSource(const absl::Status& status, std::string_view path, std::string_view source);

// "find.gq:3:12": the line and column of the byte at `offset` of `source`.
std::string PlaceIn(std::string_view source, std::string_view path, size_t offset);

// The lines for stderr: the error, the place, and what else is wrong with the change.
std::string ErrorText(const absl::Status& status);

// {"error","precondition_failure":{"expected","actual"?}}, pretty, with a line end. REQUIRES: a
// kPreconditionFailed.
std::string PreconditionJson(const absl::Status& status);

}  // namespace og::cli
