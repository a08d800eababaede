// Changes of rows that stop anywhere, and changes that race. Every kind of change is interrupted at
// every change that it makes to the store, by the end of its process and by losses of power: what
// is left opens and holds the old version or the new one, and takes the next change. Racing writers
// make a history in which every version is what its change makes of the version before.
#include <functional>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/columns.h"
#include "engine/dataset/delete.h"
#include "engine/dataset/merge_insert.h"
#include "engine/dataset/row_changes_testing.h"
#include "engine/dataset/row_history_testing.h"
#include "engine/dataset/update.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "io/env/sim_env.h"
#include "tests/support/moment_store.h"
#include "tests/support/rounds.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::engine::dataset {
namespace {

using format::SchemaPtr;

constexpr char kRoot[] = "memory://disk/t.lance";

// --- Stopping ------------------------------------------------------------------------------------

using tests::Moment;
using tests::MomentMachine;

absl::StatusOr<DatasetPtr> Open(MomentMachine& machine) {
  return Dataset::Open(machine.env(), machine.root(), {});
}

constexpr std::string_view kPeople = R"({"id":1,"name":"a","age":10}
{"id":2,"name":"b","age":20}
{"id":3,"name":"c","age":null}
{"id":4,"name":"d","age":40}
{"id":5,"name":"e","age":50}
)";

using Change = std::function<absl::StatusOr<DatasetPtr>(const Dataset&)>;

absl::StatusOr<DatasetPtr> StageAndCommit(const Dataset& dataset,
                                          const absl::StatusOr<StagedTransaction>& staged) {
  return staged.ok() ? dataset.Commit(*staged, {}) : staged.status();
}

const std::vector<std::pair<std::string, Change>>& Changes() {
  static const auto* changes = new std::vector<std::pair<std::string, Change>>{
      {"append",
       [](const Dataset& dataset) {
         return AppendRows(dataset, "{\"id\":6,\"name\":\"f\",\"age\":60}");
       }},
      {"delete",
       [](const Dataset& dataset) -> absl::StatusOr<DatasetPtr> {
         const auto result = DeleteWhere(dataset, {.predicate = "id in (1, 3, 4, 5)"});
         return result.ok() ? absl::StatusOr<DatasetPtr>(result->dataset) : result.status();
       }},
      {"update",
       [](const Dataset& dataset) -> absl::StatusOr<DatasetPtr> {
         const auto result = UpdateWhere(
             dataset, {.assignments = {{"age", "id * 7"}}, .predicate = "id in (2, 4, 5)"});
         return result.ok() ? absl::StatusOr<DatasetPtr>(result->dataset) : result.status();
       }},
      {"merge-insert",
       [](const Dataset& dataset) -> absl::StatusOr<DatasetPtr> {
         const auto rows = StreamOf(dataset.schema(),
                                    "{\"id\":2,\"name\":\"z\",\"age\":1}\n"
                                    "{\"id\":9,\"name\":\"n\",\"age\":9}");
         MergeInsertRequest request{.on = {"id"}, .when_matched = WhenMatchedRow::kUpdateAll};
         request.when_not_matched_by_source = WhenNotMatchedBySource::kDeleteIf;
         request.delete_if = "age > 45";
         const auto result = MergeInsert(dataset, *rows, request);
         return result.ok() ? absl::StatusOr<DatasetPtr>(result->dataset) : result.status();
       }},
      {"add columns",
       [](const Dataset& dataset) {
         return StageAndCommit(dataset, StageAddColumns(dataset, {{"twice", "age * 2"}}, {}));
       }},
      {"cast",
       [](const Dataset& dataset) {
         return StageAndCommit(
             dataset,
             StageAlterColumns(dataset,
                               {{.path = "age", .rename = "years", .type = format::Int64()}}, {}));
       }},
      {"drop column",
       [](const Dataset& dataset) {
         return StageAndCommit(dataset, StageDropColumns(dataset, {"name"}, {}));
       }},
      {"overwrite",
       [](const Dataset& dataset) {
         const auto rows = StreamOf(dataset.schema(), "{\"id\":7,\"name\":\"g\",\"age\":70}");
         return StageAndCommit(dataset, dataset.StageOverwrite(dataset.schema(), rows.get(), {}));
       }},
  };
  return *changes;
}

void Prepare(MomentMachine& machine) {
  CreateOptions options;
  options.write.max_rows_per_file = 3;
  OG_ASSERT_OK(CreateTable(machine.env(), kRoot, SchemaOf("id int64, name utf8?, age int32?"),
                           kPeople, options));
}

TEST(RowHistoryTest, AChangeMayStopAnywhere) {
  size_t num_moments = 0;
  for (const auto& [name, change] : Changes()) {
    MomentMachine machine(kRoot);
    Prepare(machine);
    OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr before, Open(machine));
    OG_ASSERT_OK_AND_ASSIGN(const std::string old_rows, RowText(*before));
    machine.store().Start();
    machine.store().Note("the start");
    OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr after, change(*before));
    machine.store().Acknowledge();
    OG_ASSERT_OK_AND_ASSIGN(const std::string new_rows, RowText(*after));
    ASSERT_NE(old_rows, new_rows) << name;
    size_t num_old = 0;
    for (const Moment& moment : machine.store().moments()) {
      SCOPED_TRACE(io::StrCat(name, ": ", moment.after));
      ++num_moments;
      MomentMachine later(kRoot, moment.disk);
      OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr found, Open(later));
      OG_ASSERT_OK_AND_ASSIGN(const std::string rows, RowText(*found));
      const bool is_old = rows == old_rows;
      EXPECT_TRUE(is_old || rows == new_rows) << rows;
      EXPECT_FALSE(is_old && moment.acknowledged) << "an acknowledged change is lost";
      EXPECT_EQ(found->version(), before->version() + (is_old ? 0 : 1));
      num_old += is_old ? 1 : 0;
      // The next change finds nothing in its way.
      OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr next, AppendRows(*found, "{\"id\":77}"));
      EXPECT_EQ(next->num_rows(), found->num_rows() + 1);
      OG_ASSERT_OK(RowText(*next));
    }
    EXPECT_GT(num_old, 0u);
    EXPECT_LT(num_old, machine.store().moments().size());
  }
  std::cout << "changes stopped at " << num_moments << " moments\n";
}

// --- Racing --------------------------------------------------------------------------------------

TEST(RowHistoryTest, RacingWritersMakeASerialHistory) {
  const uint64_t rounds = tests::Rounds(4);
  for (uint64_t round = 0; round < rounds; ++round) {
    constexpr int kWriters = 4;
    constexpr int kChanges = 8;
    io::SimEnv env(tests::Seed() + round);
    AgeModel model;
    OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset,
                            CreateRaceTable(env, "memory://race/t", round % 2 == 0, model));
    Race race;
    std::vector<std::function<void()>> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
      writers.push_back([&, writer] {
        race.Write(dataset, tests::Seed() * 31 + round * 7 + static_cast<uint64_t>(writer), writer,
                   kChanges);
      });
    }
    env.RunActors(writers);
    race.Check(*dataset, model);
    ASSERT_FALSE(testing::Test::HasFailure()) << "round " << round;
  }
  std::cout << rounds << " histories of 4 writers equal to a serial one\n";
}

TEST(RowHistoryTest, RacingThreadsOnDiskMakeASerialHistory) {
  constexpr int kWriters = 4;
  const int changes = static_cast<int>(tests::Rounds(6));
  const tests::TempDir folder;
  const auto env = *io::NewRealEnv({.durability = io::Durability::kNone});
  AgeModel model;
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset,
                          CreateRaceTable(*env, folder.Child("t.lance"), true, model));
  Race race;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      race.Write(dataset, tests::Seed() * 37 + static_cast<uint64_t>(writer), writer, changes);
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  race.Check(*dataset, model);
}

}  // namespace
}  // namespace og::engine::dataset
