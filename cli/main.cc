// omnigraph: the command line of a graph. See docs/user/cli.md.
#include <string>
#include <vector>

#include <signal.h>
#include <unistd.h>

#include "cli/arguments/parse.h"
#include "cli/command/command.h"
#include "cli/command/console.h"
#include "cli/render/error_text.h"
#include "cli/target/target.h"
#include "io/base/error_outcome.h"

namespace og::cli {
namespace {

constexpr int kExitInterrupted = 130;

// Whatever is under way may be dropped at any point: a graph shows a write in full or not at all,
// and the next one to open it settles what was left.
void ExitInterrupted(int /*signal*/) {
  static_cast<void>(!write(STDERR_FILENO, "\n", 1));
  _exit(kExitInterrupted);
}

void SetSignals() {
  struct sigaction interrupt = {};
  interrupt.sa_handler = ExitInterrupted;
  sigaction(SIGINT, &interrupt, nullptr);
  struct sigaction pipe = {};
  pipe.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &pipe, nullptr);
}

absl::StatusOr<int> RunCommand(const Command& command, Arguments arguments, Console& console) {
  const absl::Status fits = CheckGlobalFlags(command.spec, arguments);
  if (!fits.ok()) {
    return fits;
  }
  Invocation invocation(command.spec, std::move(arguments), console);
  absl::StatusOr<int> exit_code = command.run(invocation);
  console.Err(invocation.Stats());
  return exit_code;
}

int Main(std::vector<std::string> words) {
  SetSignals();
  Console console;
  const std::vector<Command> commands = AllCommands();
  std::vector<CommandSpec> specs;
  for (const Command& command : commands) {
    specs.push_back(command.spec);
  }
  ParsedLine line = ParseCommandLine(specs, std::move(words));
  for (const std::string& warning : line.warnings) {
    console.Err(warning + "\n");
  }
  absl::StatusOr<int> exit_code = line.exit_code;
  if (line.command == nullptr) {
    console.Err(line.error);
    static_cast<void>(console.Out(line.out).ok());
  } else {
    const auto position = static_cast<size_t>(line.command - specs.data());
    exit_code = RunCommand(commands[position], std::move(line.arguments), console);
  }
  const absl::Status flushed = console.Flush();
  if (console.stdout_closed()) {
    return kExitOk;  // whoever reads us has enough
  }
  if (exit_code.ok() && !flushed.ok()) {
    exit_code = flushed;
  }
  if (!exit_code.ok()) {
    console.Err(ErrorText(exit_code.status()));
    return io::OutcomeOf(exit_code.status()).exit_code;
  }
  return *exit_code;
}

}  // namespace
}  // namespace og::cli

int main(int argc, char** argv) {
  return og::cli::Main(std::vector<std::string>(argv + 1, argv + argc));
}
