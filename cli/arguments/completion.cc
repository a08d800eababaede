#include "cli/arguments/completion.h"

#include <algorithm>
#include <map>
#include <vector>

#include "io/base/text.h"

namespace og::cli {
namespace {

std::string_view FirstWord(std::string_view path) {
  return path.substr(0, path.find(' '));
}

// Completed words by the words before them: "" -> "load query ...", "commit" -> "list show".
std::map<std::string, std::string> WordsAfter(std::span<const CommandSpec> commands) {
  std::map<std::string, std::string> words;
  for (const CommandSpec& command : commands) {
    if (command.is_hidden) {
      continue;
    }
    const std::string first(FirstWord(command.path));
    std::string& top = words[""];
    if (io::StrCat(" ", top, " ").find(io::StrCat(" ", first, " ")) == std::string::npos) {
      top += io::StrCat(top.empty() ? "" : " ", first);
    }
    if (first.size() < command.path.size()) {
      std::string& group = words[first];
      group += io::StrCat(group.empty() ? "" : " ", command.path.substr(first.size() + 1));
    }
  }
  return words;
}

std::string ChoicesText(const OptionSpec& option) {
  std::string text;
  for (const std::string_view choice : option.choices) {
    text += io::StrCat(text.empty() ? "" : " ", choice);
  }
  return text;
}

// "--data --mode ... " and the choices of positional arguments.
std::string WordsOf(const std::vector<OptionSpec>& options) {
  std::string text;
  for (const OptionSpec& option : options) {
    if (option.is_hidden) {
      continue;
    }
    if (option.is_positional) {
      text += option.choices.empty() ? "" : ChoicesText(option) + " ";
    } else {
      text += io::StrCat("--", option.name, " ");
    }
  }
  return text;
}

// Options with fixed values, of all commands: name -> values.
std::map<std::string, std::string> ValuesOfOptions(std::span<const CommandSpec> commands) {
  std::map<std::string, std::string> values;
  const auto add = [&](const std::vector<OptionSpec>& options) {
    for (const OptionSpec& option : options) {
      if (!option.is_positional && !option.choices.empty()) {
        values[io::StrCat("--", option.name)] = ChoicesText(option);
      }
    }
  };
  add(GlobalOptions());
  for (const CommandSpec& command : commands) {
    add(command.options);
  }
  return values;
}

// bash, and zsh through its emulation of bash's completion.
std::string BashScript(std::span<const CommandSpec> commands) {
  const std::string globals = WordsOf(GlobalOptions());
  std::string cases;
  for (const CommandSpec& command : commands) {
    if (!command.is_hidden) {
      cases += io::StrCat("    \"", command.path, "\") words=\"", WordsOf(command.options), globals,
                          "\" ;;\n");
    }
  }
  for (const auto& [prefix, words] : WordsAfter(commands)) {
    cases += io::StrCat("    \"", prefix, "\") words=\"", words, " ", globals, "\" ;;\n");
  }
  std::string values;
  for (const auto& [option, choices] : ValuesOfOptions(commands)) {
    values += io::StrCat("    ", option, ") COMPREPLY=($(compgen -W \"", choices,
                         "\" -- \"$current\")); return ;;\n");
  }
  std::string groups;
  for (const GroupSpec& group : CommandGroups()) {
    groups += io::StrCat(groups.empty() ? "" : "|", group.word);
  }
  return io::StrCat(
      "_omnigraph() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
      "  local command=\"\" words=\"\" i\n"
      "  case \"$previous\" in\n",
      values,
      "  esac\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"${COMP_WORDS[i]}\" in\n"
      "      -*) continue ;;\n"
      "    esac\n"
      "    if [[ -z \"$command\" ]]; then command=\"${COMP_WORDS[i]}\"\n"
      "    else case \"$command\" in ",
      groups,
      ") command=\"$command ${COMP_WORDS[i]}\" ;; esac; fi\n"
      "  done\n"
      "  case \"$command\" in\n",
      cases,
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "  [[ ${#COMPREPLY[@]} -gt 0 || \"$current\" == -* ]] || "
      "COMPREPLY=($(compgen -f -- \"$current\"))\n"
      "}\n"
      "complete -o filenames -F _omnigraph omnigraph\n");
}

std::string FishScript(std::span<const CommandSpec> commands) {
  const auto quoted = [](std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
      out += c == '\'' || c == '\\' ? io::StrCat("\\", c) : std::string(1, c);
    }
    return out + "'";
  };
  const auto option_line = [&](std::string_view condition, const OptionSpec& option) {
    if (option.is_positional || option.is_hidden) {
      return std::string();
    }
    std::string line = io::StrCat("complete -c omnigraph", condition, " -l ", option.name);
    if (option.short_name != 0) {
      line += io::StrCat(" -s ", option.short_name);
    }
    if (!option.value_name.empty() && option.default_value.empty()) {
      line += option.choices.empty() ? " -r" : io::StrCat(" -x -a ", quoted(ChoicesText(option)));
    }
    return io::StrCat(line, " -d ", quoted(option.help), "\n");
  };
  std::string text;
  for (const OptionSpec& option : GlobalOptions()) {
    text += option_line("", option);
  }
  const std::string top = WordsAfter(commands)[""];
  for (const CommandSpec& command : commands) {
    if (command.is_hidden) {
      continue;
    }
    const std::string_view first = FirstWord(command.path);
    const bool grouped = first.size() < command.path.size();
    const std::string_view last = grouped ? command.path.substr(first.size() + 1) : first;
    text += grouped ? io::StrCat("complete -c omnigraph -n '__fish_seen_subcommand_from ", first,
                                 "' -a ", last, " -d ", quoted(command.summary), "\n")
                    : io::StrCat("complete -c omnigraph -n 'not __fish_seen_subcommand_from ", top,
                                 "' -a ", first, " -d ", quoted(command.summary), "\n");
    const std::string condition = io::StrCat(" -n '__fish_seen_subcommand_from ", last, "'");
    for (const OptionSpec& option : command.options) {
      text += option_line(condition, option);
      if (option.is_positional && !option.choices.empty()) {
        text += io::StrCat("complete -c omnigraph", condition, " -x -a ",
                           quoted(ChoicesText(option)), "\n");
      }
    }
  }
  for (const GroupSpec& group : CommandGroups()) {
    text += io::StrCat("complete -c omnigraph -n 'not __fish_seen_subcommand_from ", top, "' -a ",
                       group.word, " -d ", quoted(group.summary), "\n");
  }
  return text;
}

}  // namespace

std::string CompletionScript(std::string_view shell, std::span<const CommandSpec> commands) {
  if (shell == "fish") {
    return FishScript(commands);
  }
  if (shell == "zsh") {
    return io::StrCat("#compdef omnigraph\nautoload -U +X bashcompinit && bashcompinit\n",
                      BashScript(commands));
  }
  return BashScript(commands);
}

}  // namespace og::cli
