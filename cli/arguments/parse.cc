#include "cli/arguments/parse.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "CLI/CLI.hpp"
#include "cli/arguments/help.h"
#include "cli/arguments/version.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

// Old spellings, as the reference takes them.
void RewriteOldForms(std::vector<std::string>& words, std::vector<std::string>& warnings) {
  const auto deprecate = [&](std::string_view old, std::string_view now) {
    warnings.push_back(io::StrCat("warning: `omnigraph ", old, "` is deprecated; use `omnigraph ",
                                  now, "` instead"));
  };
  if (words.size() >= 2 && words[0] == "query" && (words[1] == "lint" || words[1] == "check")) {
    deprecate(io::StrCat("query ", words[1]), "lint");
    words.erase(words.begin());
    words[0] = "lint";
  } else if (!words.empty() && words[0] == "check") {
    deprecate("check", "lint");
    words[0] = "lint";
  } else if (!words.empty() && words[0] == "read") {
    deprecate("read", "query");
    words[0] = "query";
  } else if (!words.empty() && words[0] == "change") {
    deprecate("change", "mutate");
    words[0] = "mutate";
  } else if (words.size() >= 2 && words[0] == "schema" && words[1] == "get") {
    words[1] = "show";
  } else if (!words.empty() && words[0] == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
}

// Gives options that stand alone their default value. Names with one mean the same in all commands.
void AddDefaultValues(std::span<const CommandSpec> commands, std::vector<std::string>& words) {
  std::vector<OptionSpec> options = GlobalOptions();
  for (const CommandSpec& command : commands)
    options.insert(options.end(), command.options.begin(), command.options.end());
  for (std::string& word : words) {
    if (word == "--") return;
    for (const OptionSpec& option : options) {
      if (option.default_value.empty() || word != io::StrCat("--", option.name)) continue;
      word += io::StrCat("=", option.default_value);
      break;
    }
  }
}

std::string SpellingOf(const OptionSpec& option) {
  if (option.is_positional) {
    return std::string(option.name);
  }
  std::string spelling = io::StrCat("--", option.name);
  if (option.short_name != 0) {
    spelling = io::StrCat("-", option.short_name, ",", spelling);
  }
  return spelling;
}

// One specified option and what CLI11 found for it.
struct Bound {
  OptionSpec spec;
  CLI::Option* option;
};

std::vector<Bound> Bind(CLI::App& app, const std::vector<OptionSpec>& specs) {
  std::vector<Bound> bound;
  for (const OptionSpec& spec : specs) {
    const bool is_flag = spec.value_name.empty() && !spec.is_positional;
    CLI::Option* option = is_flag ? app.add_flag(SpellingOf(spec))
                                  : app.add_option(SpellingOf(spec), CLI::callback_t());
    if (!is_flag) {
      option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      option->allow_extra_args(false);
    }
    bound.push_back({.spec = spec, .option = option});
  }
  return bound;
}

std::string UsageError(std::string_view message, const CommandSpec* command) {
  return io::StrCat(
      "error: ", message, "\n\n",
      command == nullptr ? "Usage: omnigraph [OPTIONS] <COMMAND>" : UsageLine(*command),
      "\n\nFor more information, try '--help'.\n");
}

// Why `value` is no whole number up to `max`; empty if it is one.
std::string NotANumber(std::string_view value, uint64_t max) {
  if (value.empty()) return "cannot parse integer from empty string";
  if (!std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return "invalid digit found in string";
  }
  const std::optional<uint64_t> number = io::ParseUint64(value);
  if (number.has_value() && *number <= max) return "";
  return io::StrCat(value, " is not in 0..=", max);
}

// What is wrong with the values of `bound`; empty if nothing is.
std::string Complaint(const std::vector<Bound>& bound) {
  std::string missing;
  for (const Bound& item : bound) {
    const auto count = item.option->count();
    if (item.spec.is_required && count == 0) {
      missing += io::StrCat("\n  ", item.spec.Usage());
    }
  }
  if (!missing.empty()) {
    return io::StrCat("the following required arguments were not provided:", missing);
  }
  for (const Bound& item : bound) {
    if (item.option->count() == 0) {
      continue;
    }
    if (item.option->count() > 1 && !item.spec.is_repeatable) {
      return io::StrCat("the argument '", item.spec.Usage(), "' cannot be used multiple times");
    }
    for (const Bound& other : bound) {
      if (other.option->count() > 0 &&
          std::find(item.spec.excludes.begin(), item.spec.excludes.end(), other.spec.name) !=
              item.spec.excludes.end()) {
        return io::StrCat("the argument '", item.spec.Usage(), "' cannot be used with '",
                          other.spec.Usage(), "'");
      }
    }
    if (item.spec.number_max > 0) {
      for (const std::string& value : item.option->results()) {
        if (const std::string wrong = NotANumber(value, item.spec.number_max); !wrong.empty()) {
          return io::StrCat("invalid value '", value, "' for '", item.spec.Usage(), "': ", wrong);
        }
      }
    }
    if (item.spec.choices.empty()) {
      continue;
    }
    for (const std::string& value : item.option->results()) {
      if (std::find(item.spec.choices.begin(), item.spec.choices.end(), value) ==
          item.spec.choices.end()) {
        std::string allowed;
        for (const std::string_view choice : item.spec.choices) {
          allowed += io::StrCat(allowed.empty() ? "" : ", ", choice);
        }
        return io::StrCat("invalid value '", value, "' for '", item.spec.Usage(),
                          "'\n  [possible values: ", allowed, "]");
      }
    }
  }
  return "";
}

void Collect(const std::vector<Bound>& bound, Arguments& arguments) {
  for (const Bound& item : bound) {
    for (const std::string& value : item.option->results()) {
      arguments.Add(item.spec.name, value);
    }
  }
}

// CLI11's tree of commands, and which of its nodes is which of ours.
class Tree {
 public:
  explicit Tree(std::span<const CommandSpec> commands) : commands_(commands) {
    root_.set_help_flag();
    root_.fallthrough();
    root_.allow_extras();
    root_.require_subcommand(0, 1);
    globals_ = Bind(root_, GlobalOptions());
    for (const GroupSpec& group : CommandGroups()) {
      CLI::App* node = Add(root_, group.word);
      node->require_subcommand(0, 1);
      groups_.emplace_back(group, node);
    }
    for (const CommandSpec& command : commands) {
      const size_t blank = command.path.find(' ');
      CLI::App& parent = blank == std::string_view::npos
                             ? root_
                             : *root_.get_subcommand(std::string(command.path.substr(0, blank)));
      const std::string_view word =
          blank == std::string_view::npos ? command.path : command.path.substr(blank + 1);
      CLI::App* node = Add(parent, word);
      leaves_.push_back(
          {.command = &command, .node = node, .options = Bind(*node, command.options)});
    }
  }

  ParsedLine Parse(std::vector<std::string> words) {
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    try {
      root_.parse(std::move(words));
    } catch (const CLI::ArgumentMismatch& mismatch) {
      return MissingValue(mismatch.what());
    } catch (const CLI::ParseError& error) {
      return Usage(error.what());
    }
    return Judge();
  }

 private:
  struct Leaf {
    const CommandSpec* command;
    CLI::App* node;
    std::vector<Bound> options;
  };

  static CLI::App* Add(CLI::App& parent, std::string_view word) {
    CLI::App* node = parent.add_subcommand(std::string(word));
    node->set_help_flag();
    node->fallthrough();
    node->allow_extras();
    return node;
  }

  const Leaf* Chosen() const {
    const auto found = std::find_if(leaves_.begin(), leaves_.end(),
                                    [](const Leaf& leaf) { return leaf.node->parsed(); });
    return found == leaves_.end() ? nullptr : &*found;
  }

  const std::pair<GroupSpec, CLI::App*>* ChosenGroup() const {
    const auto found = std::find_if(groups_.begin(), groups_.end(),
                                    [](const auto& group) { return group.second->parsed(); });
    return found == groups_.end() ? nullptr : &*found;
  }

  ParsedLine Usage(std::string_view message) const {
    const Leaf* leaf = Chosen();
    ParsedLine line;
    line.exit_code = kExitUsage;
    line.error = UsageError(message, leaf == nullptr ? nullptr : leaf->command);
    return line;
  }

  // "--data: 1 required TEXT missing" in the reference's words.
  ParsedLine MissingValue(std::string_view message) const {
    const std::string_view name = message.substr(0, message.find(':'));
    std::vector<Bound> candidates = globals_;
    if (const Leaf* leaf = Chosen()) {
      candidates.insert(candidates.end(), leaf->options.begin(), leaf->options.end());
    }
    for (const Bound& candidate : candidates) {
      if (candidate.option->get_name() == name) {
        return Usage(io::StrCat("a value is required for '", candidate.spec.Usage(),
                                "' but none was supplied"));
      }
    }
    return Usage(message);
  }

  bool GlobalIsSet(std::string_view name) const {
    return std::any_of(globals_.begin(), globals_.end(), [&](const Bound& global) {
      return global.spec.name == name && global.option->count() > 0;
    });
  }

  ParsedLine Judge() const {
    const Leaf* leaf = Chosen();
    const auto* group = ChosenGroup();
    ParsedLine line;
    if (GlobalIsSet("version")) {
      line.out = io::StrCat("omnigraph ", kVersion, "\n");
      return line;
    }
    std::vector<std::string> extras = root_.remaining(true);
    // CLI11 counts the mark in front of positional arguments as left over.
    if (const auto mark = std::find(extras.begin(), extras.end(), "--"); mark != extras.end()) {
      extras.erase(mark);
    }
    if (GlobalIsSet("help") && (extras.empty() || leaf != nullptr)) {
      line.out = leaf != nullptr    ? CommandHelp(*leaf->command)
                 : group != nullptr ? GroupHelp(group->first, commands_)
                                    : TopLevelHelp(commands_);
      return line;
    }
    if (!extras.empty()) {
      const std::string& first = extras.front();
      const bool is_command = leaf == nullptr && !first.starts_with('-');
      return Usage(is_command ? io::StrCat("unrecognized subcommand '", first, "'")
                              : io::StrCat("unexpected argument '",
                                           first.substr(0, first.find('=')), "' found"));
    }
    if (leaf == nullptr) {
      line.exit_code = kExitUsage;
      line.error = group != nullptr ? GroupHelp(group->first, commands_) : TopLevelHelp(commands_);
      return line;
    }
    for (const std::vector<Bound>* options : {&leaf->options, &globals_}) {
      if (const std::string complaint = Complaint(*options); !complaint.empty()) {
        return Usage(complaint);
      }
    }
    line.command = leaf->command;
    Collect(leaf->options, line.arguments);
    Collect(globals_, line.arguments);
    return line;
  }

  std::span<const CommandSpec> commands_;
  CLI::App root_;
  std::vector<Bound> globals_;
  std::vector<std::pair<GroupSpec, CLI::App*>> groups_;
  std::vector<Leaf> leaves_;
};

}  // namespace

ParsedLine ParseCommandLine(std::span<const CommandSpec> commands, std::vector<std::string> words) {
  std::vector<std::string> warnings;
  RewriteOldForms(words, warnings);
  AddDefaultValues(commands, words);
  ParsedLine line = Tree(commands).Parse(std::move(words));
  line.warnings = std::move(warnings);
  return line;
}

}  // namespace og::cli
