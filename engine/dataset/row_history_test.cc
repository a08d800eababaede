// Changes of rows that stop anywhere, and changes that race. Every kind of change is interrupted at
// every change that it makes to the store, by the end of its process and by losses of power: what
// is left opens and holds the old version or the new one, and takes the next change. Racing writers
// make a history in which every version is what its change makes of the version before.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/columns.h"
#include "engine/dataset/delete.h"
#include "engine/dataset/merge_insert.h"
#include "engine/dataset/row_changes_testing.h"
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

// The model of a table of ids and ages.
using Model = std::map<int, int>;

// What a change makes of a model.
using ModelChange = std::function<void(Model&)>;

// Ids of rows that are only deleted, only updated, and (from here on) only inserted.
constexpr int kDeletable = 40;
constexpr int kUpdatable = 40;
constexpr int kFresh = 1000;

// Of a writer.
constexpr int kChangesMax = 100'000;

class Race {
 public:
  explicit Race(DatasetPtr dataset) : dataset_(std::move(dataset)) {}

  // One writer: random changes, each with a transaction that the check knows.
  void Write(uint64_t seed, int writer, int num_changes) {
    std::mt19937_64 random(seed);
    const auto below = [&](uint64_t bound) { return static_cast<int>(random() % bound); };
    for (int i = 0; i < num_changes; ++i) {
      const int number = writer * kChangesMax + i;
      const int fresh = kFresh + number;
      WriteOptions write;
      write.uuid = io::StrCat("00000000-0000-4000-8000-", 100000 + number);
      const RetryOptions retry{.conflict_retries = 1000,
                               .timeout_us = 3'600'000'000,
                               .commit = {.retries = 1000, .write_hint = true}};
      absl::Status done;
      ModelChange change;
      switch (below(4)) {
        case 0: {
          const int first = below(kDeletable);
          const int last = first + below(4);
          done = DeleteWhere(*Latest(), {.predicate = io::StrCat("id between ", first, " and ",
                                                                 std::min(last, kDeletable - 1)),
                                         .write = write,
                                         .retry = retry})
                     .status();
          change = [=](Model& model) {
            for (int id = first; id <= std::min(last, kDeletable - 1); ++id)
              model.erase(id);
          };
          break;
        }
        case 1: {
          const int first = kDeletable + below(kUpdatable);
          const int last = first + below(5);
          done = UpdateWhere(*Latest(),
                             {.assignments = {{"age", "age * 3 + 1"}},
                              .predicate = io::StrCat("id between ", first, " and ",
                                                      std::min(last, kDeletable + kUpdatable - 1)),
                              .write = write,
                              .retry = retry})
                     .status();
          change = [=](Model& model) {
            for (int id = first; id <= std::min(last, kDeletable + kUpdatable - 1); ++id)
              model[id] = model[id] * 3 + 1;
          };
          break;
        }
        case 2: {
          const int known = kDeletable + below(kUpdatable);
          const DatasetPtr latest = Latest();
          const auto rows =
              StreamOf(latest->schema(), io::StrCat("{\"id\":", known, ",\"age\":", i, "}\n",
                                                    "{\"id\":", fresh, ",\"age\":", i, "}"));
          MergeInsertRequest request{.when_matched = WhenMatchedRow::kUpdateAll};
          request.write = write;
          request.retry = retry;
          done = MergeInsert(*latest, *rows, request).status();
          change = [=](Model& model) { model[known] = model[fresh] = i; };
          break;
        }
        default: {
          const DatasetPtr latest = Latest();
          const auto rows =
              StreamOf(latest->schema(), io::StrCat("{\"id\":", fresh, ",\"age\":", i, "}"));
          const auto staged = latest->StageAppend(*rows, write);
          done = staged.ok() ? latest->Commit(*staged, retry.commit).status() : staged.status();
          change = [=](Model& model) { model[fresh] = i; };
        }
      }
      EXPECT_TRUE(done.ok()) << done;
      const std::lock_guard lock(mutex_);
      changes_[write.uuid] = std::move(change);
    }
  }

  // Every version is what its change makes of the one before.
  void Check(Model model, size_t num_changes) {
    OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr latest, dataset_->Latest());
    ASSERT_EQ(latest->version(), 1 + num_changes);
    ASSERT_EQ(changes_.size(), num_changes);
    for (uint64_t version = 2; version <= latest->version(); ++version) {
      OG_ASSERT_OK_AND_ASSIGN(const auto transaction, latest->TransactionOf(version));
      const auto change = changes_.find(transaction.uuid);
      ASSERT_NE(change, changes_.end()) << transaction.uuid;
      change->second(model);
      OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset, latest->Checkout(version));
      Model found;
      OG_ASSERT_OK_AND_ASSIGN(const auto stream, dataset->Scan({}));
      OG_ASSERT_OK_AND_ASSIGN(const format::RecordBatch rows, format::Collect(*stream));
      for (int64_t i = 0; i < rows.num_rows; ++i) {
        EXPECT_TRUE(found
                        .emplace(static_cast<int>(rows.columns[0]->Value<int64_t>(i)),
                                 static_cast<int>(rows.columns[1]->Value<int64_t>(i)))
                        .second);
      }
      ASSERT_EQ(found, model) << "version " << version << ", "
                              << format::OperationName(transaction.operation);
    }
  }

 private:
  DatasetPtr Latest() {
    const auto latest = dataset_->Latest();
    EXPECT_TRUE(latest.ok()) << latest.status();
    return latest.ok() ? *latest : dataset_;
  }

  const DatasetPtr dataset_;
  std::mutex mutex_;
  std::map<std::string, ModelChange> changes_;
};

// The table that writers race on, and its model.
absl::StatusOr<DatasetPtr> CreateRaceTable(io::Env& env, std::string_view uri, bool stable_row_ids,
                                           Model& model) {
  std::string lines;
  for (int id = 0; id < kDeletable + kUpdatable; ++id) {
    lines += io::StrCat("{\"id\":", id, ",\"age\":", id % 7, "}\n");
    model[id] = id % 7;
  }
  CreateOptions options;
  options.stable_row_ids = stable_row_ids;
  options.write.max_rows_per_file = 25;
  return CreateTable(env, uri, WithPrimaryKey(SchemaOf("id int64, age int64"), {"id"}), lines,
                     options);
}

TEST(RowHistoryTest, RacingWritersMakeASerialHistory) {
  const uint64_t rounds = tests::Rounds(4);
  for (uint64_t round = 0; round < rounds; ++round) {
    constexpr int kWriters = 4;
    constexpr int kChanges = 8;
    io::SimEnv env(tests::Seed() + round);
    Model model;
    OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset,
                            CreateRaceTable(env, "memory://race/t", round % 2 == 0, model));
    Race race(dataset);
    std::vector<std::function<void()>> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
      writers.push_back([&, writer] {
        race.Write(tests::Seed() * 31 + round * 7 + static_cast<uint64_t>(writer), writer,
                   kChanges);
      });
    }
    env.RunActors(writers);
    race.Check(model, kWriters * kChanges);
    ASSERT_FALSE(testing::Test::HasFailure()) << "round " << round;
  }
  std::cout << rounds << " histories of 4 writers equal to a serial one\n";
}

TEST(RowHistoryTest, RacingThreadsOnDiskMakeASerialHistory) {
  constexpr int kWriters = 4;
  const int changes = static_cast<int>(tests::Rounds(6));
  const tests::TempDir folder;
  const auto env = *io::NewRealEnv({.durability = io::Durability::kNone});
  Model model;
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset,
                          CreateRaceTable(*env, folder.Child("t.lance"), true, model));
  Race race(dataset);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      race.Write(tests::Seed() * 37 + static_cast<uint64_t>(writer), writer, changes);
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  race.Check(model, static_cast<size_t>(kWriters * changes));
}

}  // namespace
}  // namespace og::engine::dataset
