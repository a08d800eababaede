#include "engine/graph/errors.h"

#include <utility>

#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

using io::ErrorDetail;
using io::ErrorKind;

absl::Status Plain(ErrorKind kind, std::string_view message) {
  return io::DetailedError({.kind = kind, .code = "", .fields = {}}, message);
}

std::string OrAbsent(const std::optional<std::string>& value) {
  return value.has_value() ? io::StrCat("'", *value, "'") : "<absent>";
}

}  // namespace

absl::Status BadRequest(std::string_view message) {
  return Plain(ErrorKind::kBadRequest, message);
}
absl::Status NotFound(std::string_view message) {
  return Plain(ErrorKind::kNotFound, message);
}
absl::Status Conflict(std::string_view message) {
  return Plain(ErrorKind::kConflict, message);
}
absl::Status InternalFault(std::string_view message) {
  return Plain(ErrorKind::kInternal, message);
}

std::string Subject(std::string_view table_key) {
  const size_t colon = table_key.find(':');
  if (colon == std::string_view::npos) return std::string(table_key);
  return io::StrCat(table_key.substr(0, colon), " type '", table_key.substr(colon + 1), "'");
}

absl::Status KeyConflict(std::string_view table_key, std::string_view entity_id) {
  return io::DetailedError(
      {.kind = ErrorKind::kKeyConflict,
       .code = "key_conflict",
       .fields = {{"type_key", std::string(table_key)}, {"entity_id", std::string(entity_id)}}},
      io::StrCat(Subject(table_key), " already has this id"));
}

absl::Status ReadSetChanged(std::string_view member, const std::optional<std::string>& expected,
                            const std::optional<std::string>& actual) {
  ErrorDetail detail{.kind = ErrorKind::kReadSetChanged,
                     .code = "read_set_conflict",
                     .fields = {{"member", std::string(member)}}};
  if (expected.has_value()) detail.fields.emplace_back("expected", *expected);
  if (actual.has_value()) detail.fields.emplace_back("actual", *actual);
  return io::DetailedError(std::move(detail),
                           io::StrCat("read set changed at ", member, ": expected ",
                                      OrAbsent(expected), " but current is ", OrAbsent(actual)));
}

absl::Status PreconditionFailed(std::string_view branch, std::string_view expected,
                                const std::optional<std::string>& actual) {
  ErrorDetail detail{.kind = ErrorKind::kPreconditionFailed,
                     .code = "precondition_failed",
                     .fields = {{"expected", std::string(expected)}}};
  if (actual.has_value()) detail.fields.emplace_back("actual", *actual);
  return io::DetailedError(
      std::move(detail),
      io::StrCat("precondition failed on branch '", branch, "': expected head '", expected,
                 "' but current is ", actual.has_value() ? *actual : "<absent>"));
}

absl::Status PublishedVersionMismatch(std::string_view table_key, uint64_t expected,
                                      uint64_t actual) {
  return io::DetailedError({.kind = ErrorKind::kVersionMismatch,
                            .code = "published_dataset_version_conflict",
                            .fields = {{"type_key", std::string(table_key)},
                                       {"expected", io::StrCat(expected)},
                                       {"actual", io::StrCat(actual)}}},
                           io::StrCat(Subject(table_key), " is at published dataset version ",
                                      actual, ", expected ", expected));
}

absl::Status RecoveryRequired(std::string_view operation_id, std::string_view reason) {
  return io::DetailedError(
      {.kind = ErrorKind::kRecoveryRequired,
       .code = "recovery_required",
       .fields = {{"operation_id", std::string(operation_id)}}},
      io::StrCat("recovery required for operation ", operation_id, ": ", reason));
}

absl::Status LimitExceeded(std::string_view resource, uint64_t actual, uint64_t limit) {
  return io::DetailedError(
      {.kind = ErrorKind::kResourceLimitExceeded,
       .code = "resource_limit_exceeded",
       .fields = {{"resource", std::string(resource)},
                  {"actual", io::StrCat(actual)},
                  {"limit", io::StrCat(limit)}}},
      io::StrCat("resource limit exceeded for ", resource, ": actual ", actual, ", limit ", limit));
}

absl::Status FromStorage(const absl::Status& status) {
  if (status.ok() || io::DetailOf(status).has_value()) return status;
  const std::string_view code = status.code() == absl::StatusCode::kNotFound      ? "not_found"
                                : status.code() == absl::StatusCode::kUnavailable ? "transient"
                                                                                  : "permanent";
  return io::DetailedError({.kind = ErrorKind::kStorage, .code = std::string(code), .fields = {}},
                           io::StrCat("storage: ", io::Message(status)));
}

}  // namespace og::engine::graph
