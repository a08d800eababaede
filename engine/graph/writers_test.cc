// Several writers of one graph, in one process and in several: every acknowledged load is there at
// the end, a loser is told what changed, and no writer undoes another that lives.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include <sys/wait.h>
#include <unistd.h>

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "io/base/error_detail.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;

constexpr int kWriters = 3;
constexpr int kLoads = 6;

// Loads kLoads teams of `writer`, each again until it is accepted. False: an error that is no race.
bool LoadTeams(io::Env& env, const io::Location& root, int writer) {
  for (int i = 0; i < kLoads; ++i) {
    const std::string team =
        io::StrCat("{\"type\":\"Team\",\"data\":{\"slug\":\"w", writer, "-", i, "\"}}\n");
    for (;;) {
      // A read-write open each time: it recovers, beside writers that live.
      const auto graph = Graph::Open(env, root, OpenMode::kReadWrite);
      if (!graph.ok()) {
        ADD_FAILURE() << graph.status();
        return false;
      }
      const absl::Status status = LoadText(**graph, team, LoadMode::kAppend).status();
      if (status.ok()) break;
      const auto detail = io::DetailOf(status);
      if (!detail.has_value() || detail->kind != io::ErrorKind::kReadSetChanged) {
        ADD_FAILURE() << status;
        return false;
      }
    }
  }
  return true;
}

void ExpectAllTeams(io::Env& env, const io::Location& root) {
  const auto graph = Graph::Open(env, root, OpenMode::kReadWrite);
  ASSERT_THAT(graph, IsOk());
  std::string expected;
  for (int writer = 0; writer < kWriters; ++writer) {
    for (int i = 0; i < kLoads; ++i) {
      const std::string slug = io::StrCat("w", writer, "-", i);
      expected += io::StrCat("{\"type\":\"Team\",\"data\":{\"id\":\"", slug, "\",\"slug\":\"", slug,
                             "\"}}\n");
    }
  }
  EXPECT_EQ(ExportText(**graph), expected);
  // One commit each, in one line.
  const auto commits = (*graph)->ListCommits("main");
  ASSERT_THAT(commits, IsOk());
  ASSERT_EQ(commits->size(), 1u + kWriters * kLoads);
  for (size_t i = 0; i + 1 < commits->size(); ++i) {
    EXPECT_EQ((*commits)[i].parent_commit_id, (*commits)[i + 1].graph_commit_id);
  }
}

TEST(WritersTest, ActorsOfOneProcess) {
  io::SimEnv env(tests::Seed());
  const auto root = env.Resolve("memory://disk/g");
  ASSERT_THAT(root, IsOk());
  ASSERT_THAT(Graph::Init(env, *root, kPeopleSchema, {}), IsOk());
  std::vector<std::function<void()>> actors;
  std::vector<bool> done(kWriters);
  for (int writer = 0; writer < kWriters; ++writer) {
    actors.push_back(
        [&, writer] { done[static_cast<size_t>(writer)] = LoadTeams(env, *root, writer); });
  }
  env.RunActors(std::move(actors));
  EXPECT_EQ(done, std::vector<bool>(kWriters, true));
  ExpectAllTeams(env, *root);
}

TEST(WritersTest, Processes) {
  const tests::TempDir dir;
  io::RealEnvOptions options;
  options.durability = io::Durability::kNone;
  const auto env = io::NewRealEnv(options);
  ASSERT_THAT(env, IsOk());
  const auto root = (*env)->Resolve(dir.Child("g"));
  ASSERT_THAT(root, IsOk());
  ASSERT_THAT(Graph::Init(**env, *root, kPeopleSchema, {}), IsOk());
  std::vector<pid_t> children;
  for (int writer = 0; writer < kWriters; ++writer) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto own_env = io::NewRealEnv(options);
      const auto own_root = (*own_env)->Resolve(dir.Child("g"));
      _exit(LoadTeams(**own_env, *own_root, writer) ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  ExpectAllTeams(**env, *root);
}

}  // namespace
}  // namespace og::engine::graph
