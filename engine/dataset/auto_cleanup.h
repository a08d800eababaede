// Cleanup that a dataset asks for in its config: after every so many commits.
//
//   lance.auto_cleanup.interval           a cleanup at each version that is a multiple of it
//   lance.auto_cleanup.older_than         versions of this age, as in "14days" or "1h 30m"
//   lance.auto_cleanup.retain_versions    all but this many latest ones
//   lance.auto_cleanup.delete_rate_limit  deletions per second
//
// Without an interval nothing is cleaned. Tagged versions stay. Commits with rebase clean up; exact
// ones do not, so that a layer above decides for its datasets.
//
// Source: lance 10.0.0: src/dataset/cleanup.rs (build_cleanup_policy).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"

#include "engine/dataset/cleanup.h"
#include "engine/dataset/dataset.h"

namespace og::engine::dataset {

// What the config says for the version of `dataset`; nullopt when nothing is due.
// kInvalidArgument for a value that cannot be read.
absl::StatusOr<std::optional<CleanupPolicy>> AutoCleanupPolicy(const Dataset& dataset);

// Cleans up what is due after the commit of `dataset`. The commit stands whatever becomes of this:
// errors are dropped, and the next time starts over.
void CleanUpAfterCommit(const Dataset& dataset);

// An age in microseconds: numbers with a unit each (us, ms, s, m, h, d, w, M, y and their words),
// which add up: "14d", "36 hours", "1h 30m". A month has 30.44 days, a year 365.25.
std::optional<int64_t> ParseAgeUs(std::string_view text);

}  // namespace og::engine::dataset
