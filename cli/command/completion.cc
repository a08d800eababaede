#include "cli/arguments/completion.h"

#include "cli/command/command.h"

namespace og::cli {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  std::vector<CommandSpec> specs;
  for (Command& command : AllCommands()) {
    specs.push_back(std::move(command.spec));
  }
  return invocation.Print(CompletionScript(*invocation.arguments().Get("SHELL"), specs));
}

}  // namespace

Command CompletionCommand() {
  return {.spec = {.path = "completion",
                   .summary = "Print a completion script for a shell",
                   .examples = "  source <(omnigraph completion bash)\n"
                               "  omnigraph completion zsh > ~/.zfunc/_omnigraph\n"
                               "  omnigraph completion fish > "
                               "~/.config/fish/completions/omnigraph.fish",
                   .capability = Capability::kLocal,
                   .takes_store = false,
                   .options = {{.name = "SHELL",
                                .help = "The shell",
                                .is_positional = true,
                                .is_required = true,
                                .choices = {"bash", "zsh", "fish"}}}},
          .run = Run};
}

}  // namespace og::cli
