// Loads over what a graph holds: merges replace by id, and what the input would break of the stored
// rows is refused with the text of the reference.
#include <memory>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "io/base/status.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::testing::HasSubstr;

constexpr std::string_view kSchema =
    "node P { name: String @key  a: I32?  b: String?  @unique(a, b) }\n"
    "node N { text: String? }\n"
    "edge E: P -> P @card(1..2) { w: I32? }\n";

constexpr std::string_view kRows =
    "{\"type\":\"P\",\"data\":{\"name\":\"x\",\"a\":1,\"b\":\"q\"}}\n"
    "{\"type\":\"P\",\"data\":{\"name\":\"y\",\"a\":1,\"b\":\"r\"}}\n"
    "{\"type\":\"N\",\"data\":{\"id\":\"n1\",\"text\":\"one\"}}\n"
    "{\"edge\":\"E\",\"from\":\"x\",\"to\":\"y\",\"data\":{\"id\":\"e1\",\"w\":1}}\n"
    "{\"edge\":\"E\",\"from\":\"x\",\"to\":\"x\",\"data\":{\"id\":\"e2\",\"w\":2}}\n";

class LoadMergeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto root = env_.Resolve("memory://disk/g");
    ASSERT_THAT(Graph::Init(env_, *root, kSchema, {}), IsOk());
    graph_ = *Graph::Open(env_, *root, OpenMode::kReadWrite);
    ASSERT_THAT(LoadText(*graph_, kRows, LoadMode::kAppend), IsOk());
  }

  std::string Error(std::string_view rows, LoadMode mode = LoadMode::kMerge) {
    const auto result = LoadText(*graph_, rows, mode);
    return result.ok() ? "ok" : std::string(io::Message(result.status()));
  }

  io::SimEnv env_{tests::Seed()};
  std::shared_ptr<Graph> graph_;
};

TEST_F(LoadMergeTest, RowsReplaceThoseOfTheirIds) {
  const auto result = LoadText(*graph_,
                               "{\"type\":\"P\",\"data\":{\"name\":\"x\",\"a\":2}}\n"
                               "{\"type\":\"P\",\"data\":{\"name\":\"z\"}}\n"
                               "{\"type\":\"N\",\"data\":{\"id\":\"n1\",\"text\":\"two\"}}\n"
                               "{\"type\":\"N\",\"data\":{\"id\":\"n1\",\"text\":\"three\"}}\n"
                               "{\"edge\":\"E\",\"from\":\"x\",\"to\":\"z\",\"data\":{\"id\":"
                               "\"e1\"}}\n",
                               LoadMode::kMerge);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->total_entities, 5u);
  EXPECT_EQ(ExportText(*graph_),
            "{\"edge\":\"E\",\"from\":\"x\",\"to\":\"z\",\"data\":{\"id\":\"e1\",\"w\":null}}\n"
            "{\"edge\":\"E\",\"from\":\"x\",\"to\":\"x\",\"data\":{\"id\":\"e2\",\"w\":2}}\n"
            "{\"type\":\"N\",\"data\":{\"id\":\"n1\",\"text\":\"three\"}}\n"
            "{\"type\":\"P\",\"data\":{\"id\":\"x\",\"a\":2,\"b\":null,\"name\":\"x\"}}\n"
            "{\"type\":\"P\",\"data\":{\"id\":\"y\",\"a\":1,\"b\":\"r\",\"name\":\"y\"}}\n"
            "{\"type\":\"P\",\"data\":{\"id\":\"z\",\"a\":null,\"b\":null,\"name\":\"z\"}}\n");
  EXPECT_EQ(graph_->ListCommits("main")->size(), 3u);
}

TEST_F(LoadMergeTest, StoredRowsCount) {
  const std::string before = ExportText(*graph_);
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"{\"type\":\"P\",\"data\":{\"name\":\"z\",\"a\":1,\"b\":\"q\"}}\n",
       "@unique violation on P.(a, b): value '(1, q)' held by 'x' and 'z'"},
      {"{\"type\":\"P\",\"data\":{\"name\":\"z\"}}\n{\"type\":\"P\",\"data\":{\"name\":\"z\"}}\n",
       "@unique violation on P.name: value 'z' held by 'z' and 'z'"},
      {"{\"edge\":\"E\",\"from\":\"x\",\"to\":\"nobody\"}\n", "dst 'nobody' not found in P"},
      {"{\"edge\":\"E\",\"from\":\"x\",\"to\":\"y\"}\n",
       "@card violation on edge E: source 'x' has 3 edges (max 2)"},
      // Both edges of x move away, one after the other.
      {"{\"edge\":\"E\",\"from\":\"y\",\"to\":\"y\",\"data\":{\"id\":\"e1\"}}\n"
       "{\"edge\":\"E\",\"from\":\"y\",\"to\":\"y\",\"data\":{\"id\":\"e2\"}}\n",
       "@card violation on edge E: source 'x' has 0 edges (min 1)"},
  };
  for (const auto& [rows, message] : cases)
    EXPECT_THAT(Error(rows), HasSubstr(message)) << rows;
  EXPECT_THAT(Error("{\"type\":\"P\",\"data\":{\"name\":\"x\"}}\n", LoadMode::kAppend),
              HasSubstr("node type 'P' already has this id"));
  EXPECT_EQ(ExportText(*graph_), before);
}

TEST_F(LoadMergeTest, ATupleMayMoveBetweenRowsOfTheInput) {
  EXPECT_EQ(Error("{\"type\":\"P\",\"data\":{\"name\":\"x\",\"a\":1,\"b\":\"r\"}}\n"
                  "{\"type\":\"P\",\"data\":{\"name\":\"y\",\"a\":1,\"b\":\"q\"}}\n"),
            "ok");
}

}  // namespace
}  // namespace og::engine::graph
