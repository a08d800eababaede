#include "cli/arguments/help.h"

#include <algorithm>
#include <vector>

#include "io/base/text.h"

namespace og::cli {
namespace {

constexpr size_t kLineWidth = 100;

struct Row {
  std::string left;
  std::string right;
};

// Two columns; the right one is broken at blanks.
std::string TableOf(const std::vector<Row>& rows) {
  size_t width = 0;
  for (const Row& row : rows) {
    width = std::max(width, row.left.size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line = io::StrCat("  ", row.left, std::string(width - row.left.size() + 2, ' '));
    const size_t indent = line.size();
    for (const std::string_view word : io::Split(row.right, ' ')) {
      if (line.size() + word.size() > kLineWidth && line.size() > indent) {
        text += io::Trim(line).empty() ? "" : io::StrCat(line.substr(0, line.size() - 1), "\n");
        line = std::string(indent, ' ');
      }
      line += io::StrCat(word, " ");
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

Row RowOf(const OptionSpec& option) {
  std::string left = option.Usage();
  if (!option.is_positional) {
    left = option.short_name == 0 ? io::StrCat("    ", left)
                                  : io::StrCat("-", option.short_name, ", ", left);
  }
  std::string right(option.help);
  for (size_t i = 0; i < option.choices.size(); ++i) {
    right += io::StrCat(i == 0 ? " [possible values: " : ", ", option.choices[i]);
  }
  return {.left = left, .right = option.choices.empty() ? right : right + "]"};
}

std::string OptionsText(std::string_view title, const std::vector<OptionSpec>& options,
                        bool positional) {
  std::vector<Row> rows;
  for (const OptionSpec& option : options) {
    if (option.is_positional == positional && !option.is_hidden) {
      rows.push_back(RowOf(option));
    }
  }
  return rows.empty() ? "" : io::StrCat("\n", title, ":\n", TableOf(rows));
}

std::string_view FirstWord(std::string_view path) {
  return path.substr(0, path.find(' '));
}

bool IsGrouped(const CommandSpec& command) {
  return command.path.find(' ') != std::string_view::npos;
}

// "load, query, schema show": the visible commands of one capability.
std::string CommandsOf(std::span<const CommandSpec> commands, Capability capability) {
  std::string text;
  for (const CommandSpec& command : commands) {
    if (command.capability == capability && !command.is_hidden) {
      text += io::StrCat(text.empty() ? "" : ", ", command.path);
    }
  }
  return text;
}

}  // namespace

std::string UsageLine(const CommandSpec& command) {
  std::string usage = io::StrCat("Usage: omnigraph ", command.path, " [OPTIONS]");
  for (const OptionSpec& option : command.options) {
    if (option.is_required && !option.is_positional) {
      usage += io::StrCat(" ", option.Usage());
    }
  }
  for (const OptionSpec& option : command.options) {
    if (option.is_positional) {
      usage += io::StrCat(" ", option.Usage());
    }
  }
  return usage;
}

std::string CommandHelp(const CommandSpec& command) {
  std::string text = io::StrCat(command.summary, "\n\n");
  if (!command.details.empty()) {
    text += io::StrCat(command.details, "\n\n");
  }
  return io::StrCat(text, UsageLine(command), "\n", OptionsText("Arguments", command.options, true),
                    OptionsText("Options", command.options, false),
                    OptionsText("Global options", GlobalOptions(), false), "\nExamples:\n",
                    command.examples, "\n");
}

std::string GroupHelp(const GroupSpec& group, std::span<const CommandSpec> commands) {
  std::vector<Row> rows;
  std::string examples;
  for (const CommandSpec& command : commands) {
    if (IsGrouped(command) && FirstWord(command.path) == group.word && !command.is_hidden) {
      rows.push_back({.left = std::string(command.path.substr(group.word.size() + 1)),
                      .right = std::string(command.summary)});
      examples += io::StrCat(command.examples, "\n");
    }
  }
  return io::StrCat(group.summary, "\n\nUsage: omnigraph ", group.word,
                    " [OPTIONS] <COMMAND>\n\nCommands:\n", TableOf(rows),
                    OptionsText("Global options", GlobalOptions(), false), "\nExamples:\n",
                    examples);
}

std::string TopLevelHelp(std::span<const CommandSpec> commands) {
  std::vector<Row> rows;
  for (const CommandSpec& command : commands) {
    if (!IsGrouped(command) && !command.is_hidden) {
      rows.push_back({.left = std::string(command.path), .right = std::string(command.summary)});
    }
  }
  for (const GroupSpec& group : CommandGroups()) {
    std::string right = io::StrCat(group.summary, ":");
    for (const CommandSpec& command : commands) {
      if (IsGrouped(command) && FirstWord(command.path) == group.word && !command.is_hidden) {
        right += io::StrCat(right.ends_with(':') ? " " : ", ",
                            command.path.substr(group.word.size() + 1));
      }
    }
    rows.push_back({.left = std::string(group.word), .right = std::move(right)});
  }
  return io::StrCat(
      "Omnigraph: a typed property graph over versioned Lance datasets\n\n"
      "Usage: omnigraph [OPTIONS] <COMMAND>\n\nCommands:\n",
      TableOf(rows), OptionsText("Global options", GlobalOptions(), false),
      "\nExamples:\n"
      "  omnigraph init --schema people.pg people.omni\n"
      "  omnigraph load --mode append --data people.jsonl people.omni\n"
      "  omnigraph query --store people.omni -e 'query all() { match { $p: Person } "
      "return { $p.name } }'\n"
      "\nCOMMANDS BY CAPABILITY:\n"
      "  any — run against a graph (--store or a URI): ",
      CommandsOf(commands, Capability::kAny),
      "\n  served — require a server: none in this version"
      "\n  direct — need the storage of a graph: ",
      CommandsOf(commands, Capability::kDirect),
      "\n  control — manage a cluster: none in this version"
      "\n  local — address no graph: ",
      CommandsOf(commands, Capability::kLocal),
      "\n\n`omnigraph help <COMMAND>` says more about a command.\n");
}

}  // namespace og::cli
