// The command line: what is taken, what is refused and in which words, help and completion.
#include "cli/arguments/parse.h"

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

#include "cli/arguments/completion.h"
#include "cli/arguments/help.h"

namespace og::cli {
namespace {

std::vector<CommandSpec> Specs() {
  const OptionSpec json = {.name = "json", .help = "Print JSON"};
  const OptionSpec uri = {.name = "URI", .help = "The graph", .is_positional = true};
  return {{.path = "load",
           .summary = "Load data",
           .examples = "  omnigraph load --data x --mode append g",
           .options = {{.name = "data", .value_name = "FILE", .help = "Data", .is_required = true},
                       {.name = "mode",
                        .value_name = "MODE",
                        .help = "How",
                        .is_required = true,
                        .choices = {"overwrite", "append"}},
                       json,
                       uri}},
          {.path = "query",
           .summary = "Run a query",
           .examples = "  omnigraph query -e q",
           .options = {{.name = "query-string", .short_name = 'e', .value_name = "GQ"},
                       {.name = "branch", .value_name = "BRANCH", .excludes = {"snapshot"}},
                       {.name = "snapshot", .value_name = "COMMIT"},
                       {.name = "type", .value_name = "TYPE", .is_repeatable = true},
                       {.name = "explain",
                        .value_name = "WHEN",
                        .default_value = "plan",
                        .choices = {"plan", "analyze"}},
                       {.name = "NAME", .is_positional = true}}},
          {.path = "lint", .summary = "Lint", .examples = "  omnigraph lint"},
          {.path = "commit list",
           .summary = "List commits",
           .examples = "  omnigraph commit list g",
           .options = {json, uri}},
          {.path = "schema show", .summary = "Show", .examples = "  omnigraph schema show g"}};
}

ParsedLine Parse(std::vector<std::string> words) {
  static const std::vector<CommandSpec> specs = Specs();
  return ParseCommandLine(specs, std::move(words));
}

// The first line of the refusal.
std::string Refusal(std::vector<std::string> words) {
  const ParsedLine line = Parse(std::move(words));
  EXPECT_EQ(line.command, nullptr);
  EXPECT_EQ(line.exit_code, kExitUsage);
  EXPECT_NE(line.error.find("Usage: omnigraph"), std::string::npos) << line.error;
  return line.error.substr(0, line.error.find("\n\nUsage"));
}

TEST(ParseCommandLine, OptionsPositionalsAndGlobals) {
  const ParsedLine line = Parse(
      {"--quiet", "load", "--data", "x.jsonl", "g.omni", "--mode=append", "--as", "me", "--json"});
  ASSERT_NE(line.command, nullptr) << line.error;
  EXPECT_EQ(line.command->path, "load");
  EXPECT_EQ(line.arguments.Get("data"), "x.jsonl");
  EXPECT_EQ(line.arguments.Get("mode"), "append");
  EXPECT_EQ(line.arguments.Get("URI"), "g.omni");
  EXPECT_EQ(line.arguments.Get("as"), "me");
  EXPECT_TRUE(line.arguments.Has("quiet"));
  EXPECT_TRUE(line.arguments.Has("json"));
  EXPECT_FALSE(line.arguments.Has("store"));
}

TEST(ParseCommandLine, RepeatedAndShortOptions) {
  const ParsedLine line = Parse({"query", "-e", "query q() { match { $a: A } return { 1 } }",
                                 "--type", "A", "--type", "B", "load"});
  ASSERT_NE(line.command, nullptr) << line.error;
  EXPECT_EQ(line.arguments.All("type"), (std::vector<std::string>{"A", "B"}));
  // The name of a query may be the name of a command.
  EXPECT_EQ(line.arguments.Get("NAME"), "load");
  EXPECT_TRUE(line.arguments.Get("query-string")->starts_with("query q()"));
}

TEST(ParseCommandLine, AnOptionMayStandAlone) {
  const ParsedLine alone = Parse({"query", "--explain", "NAME"});
  ASSERT_NE(alone.command, nullptr) << alone.error;
  EXPECT_EQ(alone.arguments.Get("explain"), "plan");
  EXPECT_EQ(alone.arguments.Get("NAME"), "NAME");
  EXPECT_EQ(Parse({"query", "--explain=analyze"}).arguments.Get("explain"), "analyze");
  EXPECT_EQ(Parse({"query", "--", "--explain"}).arguments.Get("NAME"), "--explain");
  EXPECT_EQ(Refusal({"query", "--explain=all"}),
            "error: invalid value 'all' for '--explain[=<WHEN>]'\n  [possible values: plan, "
            "analyze]");
}

TEST(ParseCommandLine, BehindTwoDashesAllIsPositional) {
  const ParsedLine line = Parse({"query", "-e", "[a,b]", "--", "--name"});
  ASSERT_NE(line.command, nullptr) << line.error;
  EXPECT_EQ(line.arguments.Get("NAME"), "--name");
  EXPECT_EQ(line.arguments.Get("query-string"), "[a,b]");
}

TEST(ParseCommandLine, GroupsHaveCommands) {
  const ParsedLine line = Parse({"commit", "list", "--store", "g"});
  ASSERT_NE(line.command, nullptr) << line.error;
  EXPECT_EQ(line.command->path, "commit list");
  EXPECT_EQ(line.arguments.Get("store"), "g");
}

TEST(ParseCommandLine, RefusesInTheWordsOfTheReference) {
  EXPECT_EQ(Refusal({"load", "--data", "x", "--mode", "append", "--table", "t"}),
            "error: unexpected argument '--table' found");
  EXPECT_EQ(Refusal({"load", "--data", "x", "--mode", "append", "--table=t"}),
            "error: unexpected argument '--table' found");
  EXPECT_EQ(Refusal({"load", "--data", "x", "--mode", "append", "g", "h"}),
            "error: unexpected argument 'h' found");
  EXPECT_EQ(Refusal({"mutate"}), "error: unrecognized subcommand 'mutate'");
  EXPECT_EQ(Refusal({"mutate", "--help"}), "error: unrecognized subcommand 'mutate'");
  EXPECT_EQ(Refusal({"commit", "drop"}), "error: unrecognized subcommand 'drop'");
  EXPECT_EQ(Refusal({"load"}),
            "error: the following required arguments were not provided:\n  --data <FILE>\n  --mode "
            "<MODE>");
  EXPECT_EQ(Refusal({"load", "--data", "x", "--mode", "replace"}),
            "error: invalid value 'replace' for '--mode <MODE>'\n  [possible values: overwrite, "
            "append]");
  EXPECT_EQ(Refusal({"load", "--mode", "append", "--data"}),
            "error: a value is required for '--data <FILE>' but none was supplied");
  EXPECT_EQ(Refusal({"query", "--snapshot", "x", "--branch", "b"}),
            "error: the argument '--branch <BRANCH>' cannot be used with '--snapshot <COMMIT>'");
  EXPECT_EQ(Refusal({"query", "--branch", "b", "--branch", "c"}),
            "error: the argument '--branch <BRANCH>' cannot be used multiple times");
  EXPECT_EQ(Refusal({"query", "--durability", "maybe"}),
            "error: invalid value 'maybe' for '--durability <MODE>'\n  [possible values: full, "
            "data, none]");
}

TEST(ParseCommandLine, VersionAndHelp) {
  EXPECT_EQ(Parse({"-v"}).out, "omnigraph 0.10.0\n");
  EXPECT_EQ(Parse({"load", "--version"}).out, "omnigraph 0.10.0\n");
  EXPECT_EQ(Parse({"--help"}).exit_code, 0);
  EXPECT_NE(Parse({"--help"}).out.find("COMMANDS BY CAPABILITY:"), std::string::npos);
  EXPECT_NE(Parse({"load", "--help"}).out.find("Usage: omnigraph load [OPTIONS] --data <FILE>"),
            std::string::npos);
  EXPECT_EQ(Parse({"help", "load"}).out, Parse({"load", "-h"}).out);
  EXPECT_NE(Parse({"commit", "--help"}).out.find("List commits"), std::string::npos);
  const ParsedLine none = Parse({});
  EXPECT_EQ(none.exit_code, kExitUsage);
  EXPECT_NE(none.error.find("Commands:"), std::string::npos);
}

TEST(ParseCommandLine, OldFormsWarn) {
  const ParsedLine lint = Parse({"query", "check"});
  ASSERT_NE(lint.command, nullptr);
  EXPECT_EQ(lint.command->path, "lint");
  EXPECT_EQ(lint.warnings,
            (std::vector<std::string>{"warning: `omnigraph query check` is deprecated; use "
                                      "`omnigraph lint` instead"}));
  EXPECT_EQ(Parse({"check"}).command->path, "lint");
  EXPECT_EQ(Parse({"read"}).command->path, "query");
  EXPECT_EQ(Parse({"schema", "get"}).command->path, "schema show");
  EXPECT_TRUE(Parse({"schema", "get"}).warnings.empty());
}

TEST(Help, EveryCommandHasExamples) {
  for (const CommandSpec& spec : Specs()) {
    EXPECT_NE(CommandHelp(spec).find("Examples:\n  omnigraph "), std::string::npos) << spec.path;
  }
}

TEST(Completion, NamesCommandsOptionsAndValues) {
  const std::vector<CommandSpec> specs = Specs();
  for (const std::string_view shell : {"bash", "zsh", "fish"}) {
    const std::string script = CompletionScript(shell, specs);
    for (const std::string_view word : {"load", "commit", "list", "mode", "overwrite append"}) {
      EXPECT_NE(script.find(word), std::string::npos) << shell << " " << word;
    }
  }
}

}  // namespace
}  // namespace og::cli
