#include "io/base/error_detail.h"

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

#include "io/base/text.h"

namespace og::io {
namespace {

constexpr char kPayloadUrl[] = "og/error_detail";

// The payload's text: kind, code, then name and value of each field; each preceded by its length.
void AppendText(std::string& out, std::string_view text) {
  out.append(StrCat(text.size(), ":")).append(text);
}

std::optional<std::string_view> TakeText(std::string_view& in) {
  const size_t colon = in.find(':');
  if (colon == in.npos) return std::nullopt;
  const auto size = ParseUint64(in.substr(0, colon));
  if (!size || *size > in.size() - colon - 1) return std::nullopt;
  const std::string_view text = in.substr(colon + 1, *size);
  in.remove_prefix(colon + 1 + *size);
  return text;
}

absl::StatusCode CodeOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kBadRequest:
      return absl::StatusCode::kInvalidArgument;
    case ErrorKind::kNotFound:
    case ErrorKind::kHistoricalVersionReclaimed:
      return absl::StatusCode::kNotFound;
    case ErrorKind::kConflict:
    case ErrorKind::kReadSetChanged:
    case ErrorKind::kVersionMismatch:
    case ErrorKind::kMergeConflicts:
      return absl::StatusCode::kAborted;
    case ErrorKind::kKeyConflict:
    case ErrorKind::kAlreadyInitialized:
      return absl::StatusCode::kAlreadyExists;
    case ErrorKind::kPreconditionFailed:
    case ErrorKind::kRecoveryRequired:
    case ErrorKind::kInitializationClaimed:
    case ErrorKind::kInitializationCommitted:
      return absl::StatusCode::kFailedPrecondition;
    case ErrorKind::kInitializationIndeterminate:
      return absl::StatusCode::kUnknown;
    case ErrorKind::kResourceLimitExceeded:
      return absl::StatusCode::kResourceExhausted;
    case ErrorKind::kStorage:
      return absl::StatusCode::kUnavailable;
    case ErrorKind::kInternal:
      break;
  }
  return absl::StatusCode::kInternal;
}

}  // namespace

std::string_view ErrorDetail::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return {};
}

absl::Status DetailedError(ErrorDetail detail, std::string_view message) {
  std::string payload;
  AppendText(payload, std::to_string(static_cast<int>(detail.kind)));
  AppendText(payload, detail.code);
  for (const auto& [name, value] : detail.fields) {
    AppendText(payload, name);
    AppendText(payload, value);
  }
  absl::Status status(CodeOf(detail.kind), absl::string_view(message.data(), message.size()));
  status.SetPayload(kPayloadUrl, absl::Cord(payload));
  return status;
}

std::optional<ErrorDetail> DetailOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload) return std::nullopt;
  const std::string text(*payload);
  std::string_view rest = text;
  const auto kind = TakeText(rest);
  const auto code = TakeText(rest);
  if (!kind || !code) return std::nullopt;
  ErrorDetail detail;
  detail.kind = static_cast<ErrorKind>(ParseUint64(*kind).value_or(0));
  detail.code = std::string(*code);
  while (!rest.empty()) {
    const auto name = TakeText(rest);
    const auto value = TakeText(rest);
    if (!name || !value) return std::nullopt;
    detail.fields.emplace_back(*name, *value);
  }
  return detail;
}

}  // namespace og::io
