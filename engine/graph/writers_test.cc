// Several writers of one graph, in one process and in several: every acknowledged load is there at
// the end, a loser is told what changed, and no writer undoes another that lives.
#include <csignal>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include <sys/wait.h>
#include <unistd.h>

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/query/parse.h"
#include "io/base/error_detail.h"
#include "io/base/json_value.h"
#include "io/base/status.h"
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

// What one actor of RandomMutations has been told is in the graph.
struct Acknowledged {
  std::set<std::string> inserted;
  std::set<std::string> deleted;
  std::map<std::string, std::string> emails;  // by person
};

absl::Status Mutate(Graph& graph, const std::string& statements) {
  const std::string text = io::StrCat("query q() { ", statements, " }");
  const auto file = query::ParseQueryFile(text);
  if (!file.ok()) return file.status();
  return graph.Mutate(file->queries[0], {}, {}).status();
}

bool IsRace(const absl::Status& status) {
  const auto detail = io::DetailOf(status);
  return detail.has_value() && (detail->kind == io::ErrorKind::kReadSetChanged ||
                                detail->kind == io::ErrorKind::kConflict);
}

// Random inserts, updates and deletes of an actor's own people, with e-mail addresses that all
// actors draw from one small pool: only one person may have each.
bool MutateAtRandom(io::Env& env, const io::Location& root, int writer, Acknowledged& told) {
  std::mt19937_64 random(tests::Seed() * 31 + static_cast<uint64_t>(writer));
  const auto graph = Graph::Open(env, root, OpenMode::kReadWrite);
  if (!graph.ok()) return false;
  for (int i = 0; i < 12; ++i) {
    const std::string person = io::StrCat("p", writer, "-", random() % 6);
    const std::string email = io::StrCat("e", random() % 8, "@x");
    const uint64_t choice = random() % 4;
    absl::Status status;
    if (choice == 0) {
      status = Mutate(**graph, io::StrCat("delete Person where name = \"", person, "\""));
      if (status.ok()) {
        told.inserted.erase(person);
        told.emails.erase(person);
        told.deleted.insert(person);
      }
    } else if (choice == 1) {
      status = Mutate(**graph, io::StrCat("update Person set { email: \"", email,
                                          "\" } where name = \"", person, "\""));
      if (status.ok() && told.inserted.contains(person)) told.emails[person] = email;
    } else {
      status = Mutate(
          **graph, io::StrCat("insert Person { name: \"", person, "\" email: \"", email,
                              "\" } insert Knows { from: \"", person, "\" to: \"", person, "\" }"));
      if (status.ok()) {
        told.inserted.insert(person);
        told.deleted.erase(person);
        told.emails[person] = email;
      }
    }
    const bool violates = io::Message(status).find("@unique violation") != std::string_view::npos;
    if (!status.ok() && !violates && !IsRace(status)) {
      ADD_FAILURE() << status;
      return false;
    }
  }
  return true;
}

// The names and addresses of all people in an export.
std::map<std::string, std::string> PeopleOf(const std::string& exported) {
  std::map<std::string, std::string> people;
  for (const std::string_view line : io::Split(exported, '\n')) {
    const auto json = io::JsonValue::Parse(line);
    if (!json.ok() || json->Find("type") == nullptr) continue;
    const io::JsonValue& data = *json->Find("data");
    people[data.Find("name")->string()] =
        data.Find("email")->is_string() ? data.Find("email")->string() : "";
  }
  return people;
}

TEST(WritersTest, RandomMutationsOfOneBranch) {
  for (uint64_t round = 0; round < 8; ++round) {
    SCOPED_TRACE(io::StrCat("seed ", tests::Seed() + round));
    io::SimEnv env(tests::Seed() + round);
    const auto root = env.Resolve("memory://disk/g");
    ASSERT_THAT(Graph::Init(env, *root, kPeopleSchema, {}), IsOk());
    std::vector<Acknowledged> told(kWriters);
    std::vector<std::function<void()>> actors;
    for (int writer = 0; writer < kWriters; ++writer) {
      actors.push_back([&, writer] {
        EXPECT_TRUE(MutateAtRandom(env, *root, writer, told[static_cast<size_t>(writer)]));
      });
    }
    env.RunActors(std::move(actors));
    const auto graph = Graph::Open(env, *root, OpenMode::kReadWrite);
    ASSERT_THAT(graph, IsOk());
    const std::string exported = ExportText(**graph);
    const std::map<std::string, std::string> people = PeopleOf(exported);
    std::set<std::string> emails;
    for (const auto& [name, email] : people)
      EXPECT_TRUE(email.empty() || emails.insert(email).second) << email << " twice";
    for (const Acknowledged& one : told) {
      for (const std::string& name : one.inserted)
        EXPECT_TRUE(people.contains(name)) << name << " is lost";
      for (const std::string& name : one.deleted)
        EXPECT_FALSE(people.contains(name)) << name << " is back";
      for (const auto& [name, email] : one.emails)
        EXPECT_EQ(people.contains(name) ? people.at(name) : "", email) << name;
    }
    // No edge without its ends.
    for (const std::string_view line : io::Split(exported, '\n')) {
      const auto json = io::JsonValue::Parse(line);
      if (!json.ok() || json->Find("edge") == nullptr) continue;
      EXPECT_TRUE(people.contains(json->Find("from")->string())) << line;
    }
    const auto commits = (*graph)->ListCommits("main");
    ASSERT_THAT(commits, IsOk());
    for (size_t i = 0; i + 1 < commits->size(); ++i)
      EXPECT_EQ((*commits)[i].parent_commit_id, (*commits)[i + 1].graph_commit_id);
  }
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

// A process in the middle of a write is stopped. Nobody recovers it: a writer of the same branch
// waits for it, one of another branch passes it by.
class StoppedWriterTest : public ::testing::TestWithParam<const char*> {
 protected:
  using Act = std::function<bool(io::Env&, Graph&)>;

  static io::RealEnvOptions Options() {
    io::RealEnvOptions options;
    options.durability = io::Durability::kNone;
    return options;
  }

  // A process that opens the graph, stops itself, and acts once it is let go on.
  pid_t Start(const Act& act) const {
    const pid_t child = fork();
    if (child != 0) {
      EXPECT_TRUE(HasStopped(child));
      return child;
    }
    const auto env = io::NewRealEnv(Options());
    const auto graph = Graph::Open(**env, *(*env)->Resolve(dir_.Child("g")), OpenMode::kReadWrite);
    raise(SIGSTOP);
    _exit(graph.ok() && act(**env, **graph) ? 0 : 1);
  }

  // Waits until the process has stopped. False: it has ended.
  static bool HasStopped(pid_t child) {
    int status = 0;
    return waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status);
  }

  static bool EndsWell(pid_t child) {
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  const tests::TempDir dir_;
};

TEST_P(StoppedWriterTest, IsNotRecovered) {
  const std::string branch = GetParam();
  const pid_t maker = fork();
  if (maker == 0) {
    const auto env = io::NewRealEnv(Options());
    const auto root = (*env)->Resolve(dir_.Child("g"));
    if (!Graph::Init(**env, *root, kPeopleSchema, {}).ok()) _exit(1);
    const auto graph = Graph::Open(**env, *root, OpenMode::kReadWrite);
    _exit(graph.ok() && (*graph)->CreateBranch("b", "main").ok() ? 0 : 1);
  }
  ASSERT_TRUE(EndsWell(maker));

  const pid_t other = Start([](io::Env&, Graph& graph) {
    return LoadText(graph, "{\"type\":\"Team\",\"data\":{\"slug\":\"t9\"}}\n", LoadMode::kAppend)
        .ok();
  });
  const pid_t writer = Start([&](io::Env& env, Graph& graph) {
    env.crash_points().Set("mutation.post_finalize_pre_publisher", [] {
      raise(SIGSTOP);
      return absl::OkStatus();
    });
    return LoadText(graph, kPeople, LoadMode::kAppend, branch).ok();
  });
  kill(writer, SIGCONT);
  ASSERT_TRUE(HasStopped(writer));
  kill(other, SIGCONT);
  if (branch == "main") {
    usleep(300'000);
    int status = 0;
    EXPECT_EQ(waitpid(other, &status, WNOHANG), 0) << "did not wait";
    kill(writer, SIGCONT);
    EXPECT_TRUE(EndsWell(other));
  } else {
    EXPECT_TRUE(EndsWell(other));
    kill(writer, SIGCONT);
  }
  EXPECT_TRUE(EndsWell(writer));
  const pid_t reader = Start([&](io::Env&, Graph& graph) {
    const std::string text = ExportText(graph, {.branch = branch, .snapshot = std::nullopt});
    return text.find("ann") != std::string::npos &&
           ExportText(graph).find("t9") != std::string::npos;
  });
  kill(reader, SIGCONT);
  EXPECT_TRUE(EndsWell(reader));
}

INSTANTIATE_TEST_SUITE_P(Branches, StoppedWriterTest, ::testing::Values("main", "b"));

}  // namespace
}  // namespace og::engine::graph
