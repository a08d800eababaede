// Writers of several processes, each with several threads, that race on a table on disk and on S3:
// their history is a serial one.
//   OG_ROUNDS   times the usual number of changes
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include <sys/wait.h>
#include <unistd.h>

#include "engine/dataset/row_history_testing.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/support/rounds.h"
#include "tests/support/seed.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::engine::dataset {
namespace {

constexpr int kProcesses = 3;
constexpr int kThreads = 2;

std::unique_ptr<io::Env> MakeEnv() {
  return *io::NewRealEnv({.durability = io::Durability::kNone, .num_threads = 2});
}

uint64_t SeedOf(int writer) {
  return tests::Seed() * 41 + static_cast<uint64_t>(writer);
}

// A process that writes with its threads once it is told that the table is there. It is made before
// this one has threads.
class Writers {
 public:
  Writers(std::string uri, int first_writer, int num_changes) {
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0) std::abort();
    process_ = fork();
    if (process_ == 0) {
      close(pipe_ends[1]);
      char begin = 0;
      if (read(pipe_ends[0], &begin, 1) == 1) Write(uri, first_writer, num_changes);
      _exit(testing::Test::HasFailure() ? 1 : 0);
    }
    close(pipe_ends[0]);
    begin_ = pipe_ends[1];
  }
  ~Writers() {
    if (begin_ >= 0) Begin(false);
    if (process_ > 0) waitpid(process_, nullptr, 0);
  }
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

  // Lets it write, or end.
  void Begin(bool writes) {
    if (writes) {
      EXPECT_EQ(write(begin_, "b", 1), 1);
    }
    close(begin_);
    begin_ = -1;
  }

  void ExpectGoodEnd() {
    int state = 0;
    EXPECT_EQ(waitpid(process_, &state, 0), process_);
    EXPECT_TRUE(WIFEXITED(state) && WEXITSTATUS(state) == 0) << state;
    process_ = -1;
  }

 private:
  static void Write(const std::string& uri, int first_writer, int num_changes) {
    const auto env = MakeEnv();
    OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset, Dataset::Open(*env, *env->Resolve(uri), {}));
    Race race;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, writer = first_writer + thread] {
        race.Write(dataset, SeedOf(writer), writer, num_changes);
      });
    }
    for (std::thread& thread : threads)
      thread.join();
  }

  pid_t process_ = -1;
  int begin_ = -1;
};

void RaceAt(const std::string& uri, int num_changes, bool stable_row_ids) {
  tests::Seed();  // chosen once, for all processes
  std::vector<std::unique_ptr<Writers>> processes;
  for (int process = 0; process < kProcesses; ++process) {
    processes.push_back(std::make_unique<Writers>(uri, process * kThreads, num_changes));
  }
  const auto env = MakeEnv();
  AgeModel model;
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset,
                          CreateRaceTable(*env, uri, stable_row_ids, model));
  for (const auto& process : processes)
    process->Begin(true);
  for (const auto& process : processes)
    process->ExpectGoodEnd();
  Race race;
  for (int writer = 0; writer < kProcesses * kThreads; ++writer)
    race.Know(SeedOf(writer), writer, num_changes);
  race.Check(*dataset, model);
  std::cout << "a history of " << kProcesses << " processes of " << kThreads << " writers, "
            << kProcesses * kThreads * num_changes << " changes, equal to a serial one\n";
}

TEST(RowHistoryProcessesTest, RacingOnDiskMakesASerialHistory) {
  const tests::TempDir folder;
  RaceAt(folder.Child("t.lance"), static_cast<int>(tests::Rounds(8)), true);
}

TEST(RowHistoryProcessesTest, RacingOnS3MakesASerialHistory) {
  const tests::ServerProcess server(
      {tests::S3Python(), "tests/support/s3_server.py", "test-bucket"});
  setenv("AWS_ENDPOINT_URL", server.Url().c_str(), 1);
  setenv("AWS_REGION", "us-east-1", 1);
  setenv("AWS_ACCESS_KEY_ID", "test", 1);
  setenv("AWS_SECRET_ACCESS_KEY", "test", 1);
  RaceAt("s3://test-bucket/t.lance", static_cast<int>(tests::Rounds(2)), false);
}

}  // namespace
}  // namespace og::engine::dataset
