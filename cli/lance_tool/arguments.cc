#include "cli/lance_tool/arguments.h"

#include <map>
#include <sstream>

#include <CLI/CLI.hpp>

#include "io/base/status.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

constexpr int kArgumentError = 2;

std::string Footer(std::string_view examples) {
  return io::StrCat("Examples:\n", examples);
}

// Words of `app` that a shell may offer: its options, and its commands if it has any.
std::string WordsOf(const CLI::App& app) {
  std::string words;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      words += " --" + name;
    }
  }
  for (const CLI::App* command : app.get_subcommands({})) {
    words += " " + command->get_name();
  }
  return words.empty() ? words : words.substr(1);
}

std::string FishCompletion(const CLI::App& app) {
  std::string text;
  const auto options_of = [&](const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        text += io::StrCat("complete -c lance-tool -n '__fish_seen_subcommand_from ",
                           command.get_name(), "' -l ", name, "\n");
      }
    }
  };
  for (const CLI::App* command : app.get_subcommands({})) {
    text += io::StrCat("complete -c lance-tool -n __fish_use_subcommand -a ", command->get_name(),
                       " -d '", command->get_description(), "'\n");
    options_of(*command);
    for (const CLI::App* member : command->get_subcommands({})) {
      text +=
          io::StrCat("complete -c lance-tool -n '__fish_seen_subcommand_from ", command->get_name(),
                     "' -a ", member->get_name(), " -d '", member->get_description(), "'\n");
      options_of(*member);
    }
  }
  return text;
}

// Words by the command that was typed, else names of files.
std::string BashCompletion(const CLI::App& app) {
  std::string cases;
  std::string groups;
  for (const CLI::App* command : app.get_subcommands({})) {
    cases +=
        io::StrCat("    \"", command->get_name(), "\") words=\"", WordsOf(*command), "\" ;;\n");
    for (const CLI::App* member : command->get_subcommands({})) {
      cases += io::StrCat("    \"", command->get_name(), " ", member->get_name(), "\") words=\"",
                          WordsOf(*member), "\" ;;\n");
    }
    if (!command->get_subcommands({}).empty()) {
      groups += io::StrCat(groups.empty() ? "" : "|", command->get_name());
    }
  }
  const std::string members = groups.empty()
                                  ? ""
                                  : io::StrCat("    case \"$command\" in ", groups,
                                               ") command=\"$command ${COMP_WORDS[i]}\" ;; esac\n");
  return io::StrCat(
      "_lance_tool() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" command=\"\" words i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    [[ \"${COMP_WORDS[i]}\" != -* ]] || continue\n"
      "    if [[ -z \"$command\" ]]; then command=\"${COMP_WORDS[i]}\"; continue; fi\n",
      members,
      "  done\n"
      "  case \"$command\" in\n",
      cases, "    *) words=\"", WordsOf(app),
      "\" ;;\n"
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "  [[ ${#COMPREPLY[@]} -gt 0 || \"$current\" == -* ]] || "
      "COMPREPLY=($(compgen -f -- \"$current\"))\n"
      "}\n"
      "complete -o filenames -F _lance_tool lance-tool\n");
}

std::string CompletionOf(const CLI::App& app, std::string_view shell) {
  if (shell == "fish") {
    return FishCompletion(app);
  }
  return io::StrCat(shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "",
                    BashCompletion(app));
}

// The command tree; `chosen` gets what runs the command that the line names.
void AddCommands(std::span<const ToolCommand> commands, CLI::App& app, ToolRun& chosen) {
  std::map<std::string_view, CLI::App*> groups;
  for (const ToolCommand& command : commands) {
    const std::string_view path = command.text.path;
    const size_t blank = path.find(' ');
    CLI::App* parent = &app;
    if (blank != std::string_view::npos) {
      CLI::App*& group = groups[path.substr(0, blank)];
      if (group == nullptr) {
        for (const ToolGroup& known : ToolGroups()) {
          if (known.word == path.substr(0, blank)) {
            group = app.add_subcommand(std::string(known.word), std::string(known.summary));
          }
        }
        group->require_subcommand(1);
      }
      group->footer(io::StrCat(group->get_footer().empty() ? "Examples:\n" : group->get_footer(),
                               command.text.examples));
      parent = group;
    }
    const std::string_view word = blank == std::string_view::npos ? path : path.substr(blank + 1);
    CLI::App* node = parent->add_subcommand(std::string(word), std::string(command.text.summary));
    node->footer(Footer(command.text.examples));
    OptionSet options(*node);
    node->callback([&chosen, run = command.bind(options)] { chosen = run; });
  }
}

}  // namespace

std::variant<ToolCall, ToolExit> ParseToolArguments(std::span<const ToolCommand> commands, int argc,
                                                    const char* const* argv) {
  ToolCall call;
  CLI::App app("Reads, writes and checks Lance datasets", "lance-tool");
  app.footer(
      Footer("  lance-tool info people.lance\n"
             "  lance-tool dump people.lance --limit 3\n"));
  app.require_subcommand(1);
  app.fallthrough();
  app.add_flag("--stats{text}", call.stats,
               "Say on standard error what was asked of storage; --stats=json as JSON")
      ->check(CLI::IsMember({"text", "json"}));
  AddCommands(commands, app, call.run);
  std::string shell;
  CLI::App& completion = *app.add_subcommand("completion", "Print a completion script for a shell");
  completion.add_option("SHELL", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion.footer(
      Footer("  source <(lance-tool completion bash)\n"
             "  lance-tool completion fish > ~/.config/fish/completions/lance-tool.fish\n"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const bool is_help = error.get_exit_code() == 0;
    app.exit(error, out, err);
    return ToolExit{.code = is_help ? 0 : kArgumentError,
                    .text = is_help ? out.str()
                                    : io::StrCat("Error:\n   0: ", std::string_view(error.what()),
                                                 "\nRun with --help for more information.\n")};
  }
  if (!shell.empty()) {
    return ToolExit{.code = 0, .text = CompletionOf(app, shell)};
  }
  return call;
}

std::string ToolErrorText(const absl::Status& status) {
  return io::StrCat("Error:\n   0: ", io::Message(status), "\n");
}

}  // namespace og::cli
