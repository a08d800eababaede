// Which graph a command is about, and the manners before a write: who is written to is said, and
// what destroys data on a target that is not local needs consent.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "cli/arguments/spec.h"

namespace og::cli {

// Refuses global flags that do not fit the command: "`init` is a direct (storage-native) command;
// --store addresses a single graph's storage directly and does not apply. Pass a storage URI."
absl::Status CheckGlobalFlags(const CommandSpec& command, const Arguments& arguments);

// The URI of the graph from the positional URI, --uri or --store; an error when there is none, more
// than one, or an address of a server.
absl::StatusOr<std::string> ResolveGraphUri(const Arguments& arguments);

// A path or a file:// URI.
bool IsLocalUri(std::string_view uri);

// "omnigraph load → people.omni (direct, local)" with a line end.
std::string WriteEcho(std::string_view label, std::string_view uri);

// How to ask the user.
struct Consent {
  bool given = false;                                       // --yes
  bool can_ask = false;                                     // stdin is a terminal, and no --json
  std::function<std::string(std::string_view prompt)> ask;  // the line that was answered
};

// Ok if `uri` is local, or consent was given or is given now.
absl::Status ConfirmDestructive(std::string_view label, std::string_view uri,
                                const Consent& consent);

}  // namespace og::cli
