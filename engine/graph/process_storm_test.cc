// Processes that write one graph on a disk, and optimize it now and then, while some of them are
// killed and others are stopped for a while, at random moments. At the end no acknowledged commit
// is lost, every commit is whole, each branch is one line, and nothing is left that needs anybody.
//
//   OG_STORM_PROCESSES, OG_STORM_COMMITS   how many, and how many commits of each
//   OG_STORM_STOP_MS                       how long a process is stopped at most
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/optimize.h"
#include "engine/graph/verify/verify.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using Clock = std::chrono::steady_clock;

uint64_t Setting(const char* name, uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : io::ParseUint64(text).value_or(otherwise);
}

const uint64_t kProcesses = Setting("OG_STORM_PROCESSES", 4);
const uint64_t kCommits = Setting("OG_STORM_COMMITS", 20);
const uint64_t kStopMs = Setting("OG_STORM_STOP_MS", 1500);

// A commit is two lines of a journal, about 25 bytes.
constexpr uint64_t kBytesBetweenStrikesMax = 250;

// Half of the processes write to main, half beside it.
const char* BranchOf(uint64_t process) {
  return process % 4 == 3 ? "b" : "main";
}

// Commits of a process after which it optimizes main.
const size_t kCommitsPerOptimize = std::max<size_t>(10, kCommits / 25);

io::RealEnvOptions Options() {
  io::RealEnvOptions options;
  options.durability = io::Durability::kNone;  // nobody pulls the plug here
  return options;
}

// What a process has tried and been told, one line each: "try NAME", "done NAME COMMIT".
class Journal {
 public:
  explicit Journal(const std::string& path) : path_(path) {}

  void Write(const std::string& line) const {
    const int file = open(path_.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0666);
    const std::string text = line + "\n";
    if (write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(3);
    close(file);
  }

  std::vector<std::string> Tried() const { return Names("try "); }
  std::vector<std::string> Done() const { return Names("done "); }
  size_t num_optimizations_tried() const { return Names("optimizing").size(); }
  size_t num_optimizations() const { return Names("optimized").size(); }

  // Grows with every line.
  uint64_t num_bytes() const {
    struct stat info = {};
    return stat(path_.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
  }

 private:
  std::vector<std::string> Names(std::string_view prefix) const {
    std::vector<std::string> names;
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with(prefix)) names.push_back(line.substr(prefix.size()));
    }
    return names;
  }

  const std::string path_;
};

// What may go wrong beside others that are killed and stopped.
bool MayTryAgain(const absl::Status& status) {
  const auto detail = io::DetailOf(status);
  if (!detail.has_value()) return false;
  switch (detail->kind) {
    case io::ErrorKind::kReadSetChanged:
    case io::ErrorKind::kRecoveryRequired:
    case io::ErrorKind::kConflict:
      return true;
    case io::ErrorKind::kStorage:
      return detail->code == "transient";  // somebody who is stopped holds the graph
    default:
      return false;
  }
}

// A person, a team and an edge between, named `name`.
absl::Status Commit(Graph& graph, const std::string& branch, const std::string& name) {
  return LoadText(graph,
                  io::StrCat("{\"type\":\"Person\",\"data\":{\"name\":\"", name,
                             "\"}}\n{\"type\":\"Team\",\"data\":{\"slug\":\"", name,
                             "\"}}\n{\"edge\":\"MemberOf\",\"from\":\"", name, "\",\"to\":\"", name,
                             "\",\"data\":{\"id\":\"", name, "\"}}\n"),
                  LoadMode::kAppend, branch)
      .status();
}

// Commits until kCommits are done, those of its earlier lives among them.
int Work(uint64_t process, const std::string& folder, const Journal& journal) {
  const auto env = io::NewRealEnv(Options());
  const auto root = (*env)->Resolve(folder);
  size_t tried = journal.Tried().size();
  size_t done = journal.Done().size();
  std::shared_ptr<Graph> graph;
  while (done < kCommits) {
    absl::Status status;
    if (graph == nullptr) {
      auto opened = Graph::Open(**env, *root, OpenMode::kReadWrite);
      status = opened.status();
      if (opened.ok()) graph = *std::move(opened);
    }
    if (status.ok()) {
      const std::string name = io::StrCat("w", process, "-", ++tried);
      journal.Write("try " + name);
      status = Commit(*graph, BranchOf(process), name);
      if (status.ok()) {
        journal.Write("done " + name);
        if (++done % kCommitsPerOptimize != 0) continue;
        journal.Write("optimizing");
        const auto optimized = OptimizeGraph(**env, *root, {});
        status = optimized.status();
        if (optimized.ok() && optimized->commit.has_value()) journal.Write("optimized");
        if (status.ok()) continue;
      }
      graph = nullptr;
    }
    if (!MayTryAgain(status)) {
      journal.Write(io::StrCat("error ", io::Message(status)));
      std::fprintf(stderr, "process %d: %s\n", static_cast<int>(process),
                   std::string(io::Message(status)).c_str());
      return 2;
    }
  }
  return 0;
}

class Storm {
 public:
  explicit Storm(const std::string& folder)
      : folder_(folder), random_(tests::Seed()), pids_(kProcesses), stopped_until_(kProcesses) {}

  // False: a process met an error that it may not meet.
  bool Run() {
    for (uint64_t i = 0; i < kProcesses; ++i)
      Start(i);
    while (std::ranges::any_of(pids_, [](pid_t pid) { return pid > 0; })) {
      usleep(static_cast<useconds_t>(5'000 + random_() % 60'000));
      if (!Reap()) return false;
      const auto now = Clock::now();
      for (uint64_t i = 0; i < kProcesses; ++i) {
        if (pids_[i] > 0 && stopped_until_[i] != Clock::time_point() && now >= stopped_until_[i]) {
          kill(pids_[i], SIGCONT);
          stopped_until_[i] = {};
        }
      }
      const uint64_t victim = random_() % kProcesses;
      if (pids_[victim] <= 0 || stopped_until_[victim] != Clock::time_point()) continue;
      // As often as there is progress, however slow the machine is, and now and then without any.
      if (NumBytes() < bytes_at_next_strike_ && random_() % 64 != 0) continue;
      bytes_at_next_strike_ = NumBytes() + random_() % kBytesBetweenStrikesMax;
      switch (random_() % 3) {
        case 0:
        case 1:
          kill(pids_[victim], SIGKILL);
          ++num_kills;
          break;
        default:
          kill(pids_[victim], SIGSTOP);
          stopped_until_[victim] = now + std::chrono::milliseconds(StopMs());
          ++num_stops;
          break;
      }
    }
    return true;
  }

  Journal JournalOf(uint64_t process) const {
    return Journal(io::StrCat(folder_, ".journal-", process));
  }

  int num_kills = 0;
  int num_stops = 0;

 private:
  void Start(uint64_t process) {
    const pid_t child = fork();
    if (child == 0) _exit(Work(process, folder_, JournalOf(process)));
    pids_[process] = child;
    stopped_until_[process] = {};
  }

  uint64_t NumBytes() const {
    uint64_t num_bytes = 0;
    for (uint64_t i = 0; i < kProcesses; ++i)
      num_bytes += JournalOf(i).num_bytes();
    return num_bytes;
  }

  // Now and then as long as it gets.
  uint64_t StopMs() {
    constexpr uint64_t kShortMs = 1000;
    return random_() % 16 == 0 ? kStopMs : random_() % kShortMs;
  }

  bool Reap() {
    for (uint64_t i = 0; i < kProcesses; ++i) {
      int status = 0;
      if (pids_[i] <= 0 || waitpid(pids_[i], &status, WNOHANG) != pids_[i]) continue;
      pids_[i] = 0;
      if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        Start(i);
      } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        for (const pid_t other : pids_) {
          if (other > 0) kill(other, SIGKILL);
        }
        return false;
      }
    }
    return true;
  }

  const std::string folder_;
  std::mt19937_64 random_;
  std::vector<pid_t> pids_;
  std::vector<Clock::time_point> stopped_until_;
  uint64_t bytes_at_next_strike_ = 0;  // of all journals
};

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

TEST(ProcessStormTest, NothingAcknowledgedIsLostAndNothingIsHalfThere) {
  const tests::TempDir dir;
  const std::string folder = dir.Child("g");
  const pid_t maker = fork();
  if (maker == 0) {
    const auto env = io::NewRealEnv(Options());
    const auto root = (*env)->Resolve(folder);
    if (!Graph::Init(**env, *root, kPeopleSchema, {}).ok()) _exit(1);
    const auto graph = Graph::Open(**env, *root, OpenMode::kReadWrite);
    _exit(graph.ok() && (*graph)->CreateBranch("b", "main").ok() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(maker, &status, 0), maker);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);

  const auto start = Clock::now();
  Storm storm(folder);
  ASSERT_TRUE(storm.Run());
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();

  const auto env = io::NewRealEnv(Options());
  const auto root = (*env)->Resolve(folder);
  const auto graph = Graph::Open(**env, *root, OpenMode::kReadWrite);
  ASSERT_THAT(graph, IsOk());
  size_t num_tried = 0;
  size_t num_done = 0;
  size_t num_visible = 0;
  size_t num_recoveries = 0;
  size_t num_optimized = 0;
  for (const char* branch : {"main", "b"}) {
    const std::string text = ExportText(**graph, {.branch = branch, .snapshot = std::nullopt});
    const bool is_main = std::string_view(branch) == "main";
    size_t visible = 0;
    size_t optimized = 0;
    size_t optimizations_tried = 0;
    for (uint64_t i = 0; i < kProcesses; ++i) {
      if (is_main) {
        optimized += storm.JournalOf(i).num_optimizations();
        optimizations_tried += storm.JournalOf(i).num_optimizations_tried();
      }
      if (std::string_view(BranchOf(i)) != branch) continue;
      std::set<std::string> done;
      for (const std::string& name : storm.JournalOf(i).Done())
        done.insert(name);
      EXPECT_EQ(done.size(), kCommits);
      num_done += done.size();
      for (const std::string& name : storm.JournalOf(i).Tried()) {
        ++num_tried;
        const size_t people = Count(text, io::StrCat("\"name\":\"", name, "\"}"));
        const size_t teams = Count(text, io::StrCat("\"slug\":\"", name, "\"}"));
        const size_t edges = Count(text, io::StrCat("\"from\":\"", name, "\""));
        EXPECT_TRUE(people == teams && people == edges && people <= 1)
            << name << ": " << people << " " << teams << " " << edges;
        EXPECT_TRUE(people == 1 || !done.contains(name)) << name << " is lost";
        visible += people;
      }
    }
    num_visible += visible;
    const auto commits = (*graph)->ListCommits(branch);
    ASSERT_THAT(commits, IsOk());
    size_t of_recovery = 0;
    for (size_t i = 0; i + 1 < commits->size(); ++i) {
      ASSERT_EQ((*commits)[i].parent_commit_id, (*commits)[i + 1].graph_commit_id);
      if ((*commits)[i].actor_id == "omnigraph:recovery") ++of_recovery;
    }
    num_recoveries += of_recovery;
    EXPECT_GE(commits->size(), 1 + visible + of_recovery + optimized) << branch;
    EXPECT_LE(commits->size(), 1 + visible + of_recovery + optimizations_tried) << branch;
    num_optimized += optimized;
    EXPECT_THAT(Commit(**graph, branch, "last"), IsOk());
  }
  const auto report =
      VerifyGraph(**env, *root, {.deep = true, .branch = "main", .all_branches = true});
  ASSERT_THAT(report, IsOk());
  for (const VerifyFinding& finding : report->findings)
    EXPECT_EQ(finding.check, "left_overs") << finding.subject << " " << finding.message;
  std::printf(
      "%d processes: %zu commits acknowledged of %zu tried, %zu there, %zu rollbacks; "
      "%zu optimizations, %d kills, %d stops, %.1f s\n",
      static_cast<int>(kProcesses), num_done, num_tried, num_visible, num_recoveries, num_optimized,
      storm.num_kills, storm.num_stops, seconds);
}

}  // namespace
}  // namespace og::engine::graph
