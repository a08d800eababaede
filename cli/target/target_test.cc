// Addressing and consent: which graph, which flags fit, who is asked.
#include "cli/target/target.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"

#include "io/base/status.h"

namespace og::cli {
namespace {

Arguments With(std::initializer_list<std::pair<std::string_view, std::string_view>> values) {
  Arguments arguments;
  for (const auto& [name, value] : values) {
    arguments.Add(name, std::string(value));
  }
  return arguments;
}

std::string RefusalOf(const Arguments& arguments) {
  return std::string(io::Message(ResolveGraphUri(arguments).status()));
}

TEST(ResolveGraphUri, OneAddress) {
  EXPECT_EQ(*ResolveGraphUri(With({{"URI", "g.omni"}})), "g.omni");
  EXPECT_EQ(*ResolveGraphUri(With({{"uri", "file:///g"}})), "file:///g");
  EXPECT_EQ(*ResolveGraphUri(With({{"store", "s"}})), "s");
  EXPECT_EQ(RefusalOf(With({{"URI", "g"}, {"store", "s"}})),
            "a positional URI and --store are mutually exclusive — pick one way to address the "
            "graph");
  EXPECT_EQ(RefusalOf({}).substr(0, 53), "no graph addressed — pass a positional URI, --store");
  EXPECT_EQ(RefusalOf(With({{"URI", "https://x"}})).substr(0, 51),
            "a remote graph must be addressed with `--server <ur");
}

TEST(CheckGlobalFlags, RefusesWhatDoesNotApply) {
  const CommandSpec init = {
      .path = "init", .capability = Capability::kDirect, .takes_store = false};
  EXPECT_EQ(io::Message(CheckGlobalFlags(init, With({{"store", "s"}}))),
            "`init` is a direct (storage-native) command; --store addresses a single graph's "
            "storage directly and does not apply. Pass a storage URI.");
  const CommandSpec list = {.path = "commit list"};
  EXPECT_EQ(io::Message(CheckGlobalFlags(list, With({{"as", "me"}}))),
            "`commit` is a data command; --as sets the actor for a direct-engine or actor-bound "
            "cluster operation and does not apply.");
  const CommandSpec version = {
      .path = "version", .capability = Capability::kLocal, .takes_store = false};
  EXPECT_EQ(io::Message(CheckGlobalFlags(version, With({{"store", "s"}}))),
            "`version` is a local command; --store addresses a single graph's storage directly and "
            "does not apply. It does not address a graph.");
  const CommandSpec load = {.path = "load", .takes_actor = true};
  EXPECT_TRUE(CheckGlobalFlags(load, With({{"as", "me"}, {"store", "s"}})).ok());
}

TEST(WriteEcho, SaysWhereTo) {
  EXPECT_EQ(WriteEcho("load", "g.omni"), "omnigraph load → g.omni (direct, local)\n");
  EXPECT_EQ(WriteEcho("load", "file:///g"), "omnigraph load → file:///g (direct, local)\n");
  EXPECT_EQ(WriteEcho("load", "s3://b/g"), "omnigraph load → s3://b/g (direct, remote)\n");
}

TEST(ConfirmDestructive, AsksOnlyWhereItMust) {
  Consent never = {.given = false, .can_ask = false, .ask = {}};
  EXPECT_TRUE(ConfirmDestructive("load --mode overwrite", "g", never).ok());
  EXPECT_EQ(io::Message(ConfirmDestructive("load --mode overwrite", "s3://b/g", never)),
            "refusing destructive `load --mode overwrite` against non-local target s3://b/g "
            "without confirmation; pass --yes to confirm (an interactive TTY would be prompted "
            "instead)");
  EXPECT_TRUE(
      ConfirmDestructive("x", "s3://b/g", {.given = true, .can_ask = false, .ask = {}}).ok());
  const auto answer = [](std::string text) {
    return Consent{
        .given = false, .can_ask = true, .ask = [text](std::string_view) { return text; }};
  };
  EXPECT_TRUE(ConfirmDestructive("x", "s3://b/g", answer(" YES ")).ok());
  EXPECT_TRUE(ConfirmDestructive("x", "s3://b/g", answer("y")).ok());
  EXPECT_EQ(io::Message(ConfirmDestructive("x", "s3://b/g", answer("no"))),
            "aborted: destructive `x` not confirmed");
}

}  // namespace
}  // namespace og::cli
