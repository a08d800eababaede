// A command of `lance-tool`: its words, its options, and what it does. One file a command or group.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "cli/lance_tool/options.h"
#include "cli/lance_tool/output.h"
#include "cli/lance_tool/terminal.h"
#include "io/env/env.h"

namespace og::cli {

// What a running command has at hand.
struct ToolContext {
  io::Env& env;
  Output& output;      // the result
  Terminal& terminal;  // questions and progress
};

// Runs a command with the values that the command line gave its options.
using ToolRun = std::function<absl::Status(ToolContext&)>;

struct ToolText {
  std::string_view path;  // "dump", "tag create"
  std::string_view summary;
  std::string_view examples;  // indented lines
};

struct ToolCommand {
  ToolText text;
  // Declares the options of the command.
  std::function<ToolRun(OptionSet&)> bind;
};

// A command whose options fill a `Values`, which `run` is given.
template <typename Values>
ToolCommand MakeToolCommand(const ToolText& text, void (*declare)(OptionSet&, Values&),
                            absl::Status (*run)(ToolContext&, const Values&)) {
  return {.text = text, .bind = [declare, run](OptionSet& options) -> ToolRun {
            const auto values = std::make_shared<Values>();
            declare(options, *values);
            return [values, run](ToolContext& context) { return run(context, *values); };
          }};
}

ToolCommand BranchCreateCommand();
ToolCommand BranchDeleteCommand();
ToolCommand BranchListCommand();
ToolCommand CleanupCommand();
ToolCommand CloneCommand();
ToolCommand ColumnsAddCommand();
ToolCommand ColumnsAlterCommand();
ToolCommand ColumnsDropCommand();
ToolCommand ColumnsJoinCommand();
ToolCommand CompactCommand();
ToolCommand ConfigCommand();
ToolCommand CopyCommand();
ToolCommand CountCommand();
ToolCommand DeleteCommand();
ToolCommand DumpCommand();
ToolCommand ExplainCommand();
ToolCommand FileInfoCommand();
ToolCommand IndexCreateCommand();
ToolCommand IndexDropCommand();
ToolCommand IndexListCommand();
ToolCommand IndexOptimizeCommand();
ToolCommand InfoCommand();
ToolCommand MergeInsertCommand();
ToolCommand RestoreCommand();
ToolCommand ScanCommand();
ToolCommand SchemaCommand();
ToolCommand StatsCommand();
ToolCommand TagCreateCommand();
ToolCommand TagDeleteCommand();
ToolCommand TagListCommand();
ToolCommand TagUpdateCommand();
ToolCommand TakeCommand();
ToolCommand UpdateCommand();
ToolCommand VerifyCommand();
ToolCommand VersionsCommand();
ToolCommand WriteCommand();

// All of them, in the order of the help.
std::vector<ToolCommand> AllToolCommands();

// The first words of commands of two words, with one line for each.
struct ToolGroup {
  std::string_view word;
  std::string_view summary;
};
std::vector<ToolGroup> ToolGroups();

}  // namespace og::cli
