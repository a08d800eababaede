// The command line to a command and its arguments. CLI11 splits it into options and values; what is
// required, excluded, allowed or repeated is checked here, in the words of the reference's parser.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/arguments/spec.h"

namespace og::cli {

// Exit code of a mistake in the command line.
inline constexpr int kExitUsage = 2;

struct ParsedLine {
  const CommandSpec* command = nullptr;  // null: print `out` and `error`, leave with `exit_code`
  Arguments arguments;
  int exit_code = 0;
  std::string out;                    // help, version
  std::string error;                  // "error: unexpected argument '--table' found", usage
  std::vector<std::string> warnings;  // lines for stderr, when old forms were used
};

// Parses the words behind the program's name.
ParsedLine ParseCommandLine(std::span<const CommandSpec> commands, std::vector<std::string> words);

}  // namespace og::cli
