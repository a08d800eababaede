#include "io/base/error_outcome.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace og::io {
namespace {

using enum ErrorKind;

constexpr ErrorOutcome kOutcomes[] = {
    {kBadRequest, "bad_request", 1, 400, "bad_request", ""},
    {kNotFound, "not_found", 1, 404, "not_found", ""},
    {kConflict, "conflict", 1, 409, "conflict", ""},
    {kInternal, "internal", 1, 500, "internal", ""},
    {kKeyConflict, "key_conflict", 1, 409, "conflict", "key_conflict"},
    {kReadSetChanged, "read_set_changed", 1, 409, "conflict", "read_set_conflict"},
    {kVersionMismatch, "version_mismatch", 1, 409, "conflict",
     "published_dataset_version_conflict"},
    {kRecoveryRequired, "recovery_required", 1, 503, "", "recovery_required"},
    {kPreconditionFailed, "precondition_failed", 4, 412, "", "precondition_failure"},
    {kResourceLimitExceeded, "resource_limit_exceeded", 1, 413, "bad_request", "resource_limit"},
    {kMergeConflicts, "merge_conflicts", 1, 409, "conflict", "merge_conflicts"},
    {kAlreadyInitialized, "already_initialized", 1, 409, "conflict", ""},
    {kInitializationClaimed, "initialization_claimed", 1, 409, "conflict", ""},
    {kInitializationCommitted, "initialization_committed", 1, 500, "internal", ""},
    {kInitializationIndeterminate, "initialization_indeterminate", 1, 500, "internal", ""},
    {kHistoricalVersionReclaimed, "historical_version_reclaimed", 1, 410, "", "change_feed_gap"},
    {kStorage, "storage", 1, 500, "internal", ""},
};

constexpr bool IsByKind() {
  for (size_t i = 0; i < std::size(kOutcomes); ++i) {
    if (static_cast<size_t>(kOutcomes[i].kind) != i) return false;
  }
  return kOutcomes[std::size(kOutcomes) - 1].kind == kStorage;
}
static_assert(IsByKind(), "a row for each kind, in their order");

}  // namespace

std::span<const ErrorOutcome> ErrorOutcomes() {
  return kOutcomes;
}

const ErrorOutcome& OutcomeOf(const absl::Status& status) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  const ErrorKind kind = detail.has_value() ? detail->kind : kInternal;
  return kOutcomes[std::min(static_cast<size_t>(kind), std::size(kOutcomes) - 1)];
}

}  // namespace og::io
