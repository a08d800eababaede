// What an error becomes where somebody sees it: one row for each kind, for every surface. The page
// docs/dev/errors.md is the same table, and a test compares them.
//
// Source: surfaces.md 1.1, 2.7.
#pragma once

#include <span>
#include <string_view>

#include "absl/status/status.h"

#include "io/base/error_detail.h"

namespace og::io {

struct ErrorOutcome {
  ErrorKind kind;
  std::string_view name;  // "read_set_changed"
  int exit_code;          // of a command
  int http_status;
  std::string_view http_code;      // `code` of the body; empty: none
  std::string_view detail_object;  // of the body, made of the detail's fields; empty: none
};

// By kind, each once.
std::span<const ErrorOutcome> ErrorOutcomes();

// The row of the kind of `status`; an error without a detail is kInternal. REQUIRES: !status.ok().
const ErrorOutcome& OutcomeOf(const absl::Status& status);

}  // namespace og::io
