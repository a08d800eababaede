#include "cli/target/target.h"

#include <optional>

#include "io/base/error_detail.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

absl::Status Refusal(std::string_view message) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}}, message);
}

std::string_view PhraseOf(Capability capability) {
  switch (capability) {
    case Capability::kAny:
      return "data";
    case Capability::kDirect:
      return "direct (storage-native)";
    case Capability::kLocal:
      return "local";
  }
  return "";
}

std::string_view TailOf(Capability capability) {
  switch (capability) {
    case Capability::kAny:
      return "";
    case Capability::kDirect:
      return " Pass a storage URI.";
    case Capability::kLocal:
      return " It does not address a graph.";
  }
  return "";
}

// `commit list` and `commit show` are `commit` to the reader.
std::string_view LabelOf(const CommandSpec& command) {
  return command.path.starts_with("commit ") ? "commit" : command.path;
}

absl::Status DoesNotApply(const CommandSpec& command, std::string_view clause) {
  return Refusal(io::StrCat("`", LabelOf(command), "` is a ", PhraseOf(command.capability),
                            " command; ", clause, " and does not apply.",
                            TailOf(command.capability)));
}

}  // namespace

absl::Status CheckGlobalFlags(const CommandSpec& command, const Arguments& arguments) {
  if (arguments.Has("store") && !command.takes_store) {
    return DoesNotApply(command, "--store addresses a single graph's storage directly");
  }
  if (arguments.Has("as") && !command.takes_actor) {
    return DoesNotApply(command,
                        "--as sets the actor for a direct-engine or actor-bound cluster operation");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ResolveGraphUri(const Arguments& arguments) {
  std::optional<std::string> positional = arguments.Get("URI");
  if (!positional) {
    positional = arguments.Get("uri");
  }
  const std::optional<std::string> store = arguments.Get("store");
  if (positional && store) {
    return Refusal(
        "a positional URI and --store are mutually exclusive — pick one way to address the graph");
  }
  const std::optional<std::string>& uri = positional ? positional : store;
  if (!uri) {
    return Refusal(
        "no graph addressed — pass a positional URI, --store <uri>, --server <name>, --profile "
        "<name>, or set a default scope in ~/.omnigraph/config.yaml");
  }
  if (uri->starts_with("http://") || uri->starts_with("https://")) {
    return Refusal(
        "a remote graph must be addressed with `--server <url>` — a positional (or `--uri`) "
        "http(s):// URL no longer dispatches to a server");
  }
  return *uri;
}

bool IsLocalUri(std::string_view uri) {
  return uri.find("://") == std::string_view::npos || uri.starts_with("file://");
}

std::string WriteEcho(std::string_view label, std::string_view uri) {
  return io::StrCat("omnigraph ", label, " → ", uri,
                    IsLocalUri(uri) ? " (direct, local)\n" : " (direct, remote)\n");
}

absl::Status ConfirmDestructive(std::string_view label, std::string_view uri,
                                const Consent& consent) {
  if (IsLocalUri(uri) || consent.given) {
    return absl::OkStatus();
  }
  if (!consent.can_ask) {
    return Refusal(io::StrCat("refusing destructive `", label, "` against non-local target ", uri,
                              " without confirmation; pass --yes to confirm (an interactive TTY "
                              "would be prompted instead)"));
  }
  const std::string answer = consent.ask(
      io::StrCat("about to run destructive `", label, "` against ", uri, "; continue? [y/N] "));
  std::string lower;
  for (const char c : io::Trim(answer)) {
    lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (lower == "y" || lower == "yes") {
    return absl::OkStatus();
  }
  return Refusal(io::StrCat("aborted: destructive `", label, "` not confirmed"));
}

}  // namespace og::cli
