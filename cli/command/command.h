// A command of `omnigraph`: its words and options, and what it does. One file a command.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "cli/arguments/spec.h"
#include "cli/command/console.h"
#include "cli/stats/io_stats.h"
#include "engine/graph/graph.h"
#include "io/env/env.h"

namespace og::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitPreconditionFailed = 4;

// What a running command has at hand. Thread-compatible.
class Invocation {
 public:
  Invocation(const CommandSpec& spec, Arguments arguments, Console& console)
      : spec_(spec), arguments_(std::move(arguments)), console_(console) {}

  const CommandSpec& spec() const { return spec_; }
  const Arguments& arguments() const { return arguments_; }
  Console& console() { return console_; }
  bool json() const { return arguments_.Has("json"); }

  // The machine, with the limits of the flags and the environment; made at the first call.
  absl::StatusOr<io::Env*> Env();

  // The graph that the command line addresses.
  absl::StatusOr<std::shared_ptr<engine::graph::Graph>> OpenGraph(engine::graph::OpenMode mode);

  // What `--stats` asks for, so far.
  std::string Stats() const;

  // Prints `text` to stdout; the result is the exit code of a command that is done.
  absl::StatusOr<int> Print(std::string_view text);

 private:
  const CommandSpec& spec_;
  const Arguments arguments_;
  Console& console_;
  IoStats stats_;
  std::unique_ptr<io::Env> env_;
};

struct Command {
  CommandSpec spec;
  // The exit code, or the error to print before leaving with kExitError.
  std::function<absl::StatusOr<int>(Invocation&)> run;
};

Command BranchCreateCommand();
Command BranchDeleteCommand();
Command BranchListCommand();
Command BranchMergeCommand();
Command CleanupCommand();
Command CommitListCommand();
Command CommitShowCommand();
Command CompletionCommand();
Command ExportCommand();
Command InitCommand();
Command LintCommand();
Command LoadCommand();
Command MutateCommand();
Command OptimizeCommand();
Command QueryCommand();
Command RepairCommand();
Command SchemaApplyCommand();
Command SchemaPlanCommand();
Command SchemaShowCommand();
Command SnapshotCommand();
Command VerifyCommand();
Command VersionCommand();

// All of them, in the order of the help.
std::vector<Command> AllCommands();

// Options that several commands take.
OptionSpec GraphUriArgument();
OptionSpec JsonOption();
OptionSpec BranchOption();
// A commit to read the graph at, instead of the head of a branch.
OptionSpec SnapshotOption();

}  // namespace og::cli
