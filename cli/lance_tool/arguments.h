// The command line of lance-tool, made from the commands alone: parsing, help and completion.
#pragma once

#include <span>
#include <string>
#include <variant>

#include "cli/lance_tool/command.h"

namespace og::cli {

// Nothing to run: print `text` (help, or what is wrong) and exit with `code`.
struct ToolExit {
  int code = 0;
  std::string text;
};

// The command that the line names, ready to run.
struct ToolCall {
  ToolRun run;
  std::string stats;  // of --stats: "text", "json", or empty without
};

// Wrong arguments give exit code 2.
std::variant<ToolCall, ToolExit> ParseToolArguments(std::span<const ToolCommand> commands, int argc,
                                                    const char* const* argv);

// "Error:" and one numbered line per cause.
std::string ToolErrorText(const absl::Status& status);

}  // namespace og::cli
