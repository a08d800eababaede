#include "engine/dataset/row_history_testing.h"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "engine/dataset/delete.h"
#include "engine/dataset/merge_insert.h"
#include "engine/dataset/row_changes_testing.h"
#include "engine/dataset/update.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

// Ids of rows that are only deleted, only updated, and (from here on) only inserted.
constexpr int kDeletable = 40;
constexpr int kUpdatable = 40;
constexpr int kFresh = 1000;

// Of a writer.
constexpr int kChangesMax = 100'000;

// One change of one writer: its transaction, how a dataset takes it, and what it makes of a model.
struct Change {
  std::string uuid;
  std::function<absl::Status(const DatasetPtr&)> run;
  std::function<void(AgeModel&)> apply;
};

RetryOptions Patience() {
  return {.conflict_retries = 1000,
          .timeout_us = 3'600'000'000,
          .commit = {.retries = 1000, .write_hint = true}};
}

Change DeleteOf(int first, int last, const WriteOptions& write) {
  return {write.uuid,
          [=](const DatasetPtr& latest) {
            return DeleteWhere(*latest,
                               {.predicate = io::StrCat("id between ", first, " and ", last),
                                .write = write,
                                .retry = Patience()})
                .status();
          },
          [=](AgeModel& model) {
            for (int id = first; id <= last; ++id)
              model.erase(id);
          }};
}

Change UpdateOf(int first, int last, const WriteOptions& write) {
  return {write.uuid,
          [=](const DatasetPtr& latest) {
            return UpdateWhere(*latest,
                               {.assignments = {{"age", "age * 3 + 1"}},
                                .predicate = io::StrCat("id between ", first, " and ", last),
                                .write = write,
                                .retry = Patience()})
                .status();
          },
          [=](AgeModel& model) {
            for (int id = first; id <= last; ++id)
              model[id] = model[id] * 3 + 1;
          }};
}

Change MergeOf(int known, int fresh, int age, const WriteOptions& write) {
  return {write.uuid,
          [=](const DatasetPtr& latest) {
            const auto rows =
                StreamOf(latest->schema(), io::StrCat("{\"id\":", known, ",\"age\":", age, "}\n",
                                                      "{\"id\":", fresh, ",\"age\":", age, "}"));
            MergeInsertRequest request{.when_matched = WhenMatchedRow::kUpdateAll};
            request.write = write;
            request.retry = Patience();
            return MergeInsert(*latest, *rows, request).status();
          },
          [=](AgeModel& model) { model[known] = model[fresh] = age; }};
}

Change AppendOf(int fresh, int age, const WriteOptions& write) {
  return {write.uuid,
          [=](const DatasetPtr& latest) {
            const auto rows =
                StreamOf(latest->schema(), io::StrCat("{\"id\":", fresh, ",\"age\":", age, "}"));
            const auto staged = latest->StageAppend(*rows, write);
            return staged.ok() ? latest->Commit(*staged, Patience().commit).status()
                               : staged.status();
          },
          [=](AgeModel& model) { model[fresh] = age; }};
}

std::vector<Change> ChangesOf(uint64_t seed, int writer, int num_changes) {
  std::mt19937_64 random(seed);
  const auto below = [&](uint64_t bound) { return static_cast<int>(random() % bound); };
  std::vector<Change> changes;
  for (int i = 0; i < num_changes; ++i) {
    const int number = writer * kChangesMax + i;
    const int fresh = kFresh + number;
    WriteOptions write;
    write.uuid = io::StrCat("00000000-0000-4000-8000-", 100000 + number);
    switch (below(4)) {
      case 0: {
        const int first = below(kDeletable);
        const int last = std::min(first + below(4), kDeletable - 1);
        changes.push_back(DeleteOf(first, last, write));
        break;
      }
      case 1: {
        const int first = kDeletable + below(kUpdatable);
        const int last = std::min(first + below(5), kDeletable + kUpdatable - 1);
        changes.push_back(UpdateOf(first, last, write));
        break;
      }
      case 2:
        changes.push_back(MergeOf(kDeletable + below(kUpdatable), fresh, i, write));
        break;
      default:
        changes.push_back(AppendOf(fresh, i, write));
    }
  }
  return changes;
}

absl::StatusOr<AgeModel> AgesOf(const Dataset& dataset) {
  AgeModel ages;
  OG_ASSIGN_OR_RETURN(const auto stream, dataset.Scan({}));
  OG_ASSIGN_OR_RETURN(const format::RecordBatch rows, format::Collect(*stream));
  for (int64_t i = 0; i < rows.num_rows; ++i) {
    const int id = static_cast<int>(rows.columns[0]->Value<int64_t>(i));
    const int age = static_cast<int>(rows.columns[1]->Value<int64_t>(i));
    EXPECT_TRUE(ages.emplace(id, age).second) << "id " << id << " twice";
  }
  return ages;
}

}  // namespace

absl::StatusOr<DatasetPtr> CreateRaceTable(io::Env& env, std::string_view uri, bool stable_row_ids,
                                           AgeModel& model) {
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

void Race::Write(const DatasetPtr& dataset, uint64_t seed, int writer, int num_changes) {
  for (const Change& change : ChangesOf(seed, writer, num_changes)) {
    const auto latest = dataset->Latest();
    ASSERT_TRUE(latest.ok()) << latest.status();
    const absl::Status done = change.run(*latest);
    EXPECT_TRUE(done.ok()) << done;
  }
  Know(seed, writer, num_changes);
}

void Race::Know(uint64_t seed, int writer, int num_changes) {
  const std::lock_guard lock(mutex_);
  for (Change& change : ChangesOf(seed, writer, num_changes))
    changes_[change.uuid] = std::move(change.apply);
}

void Race::Check(const Dataset& dataset, AgeModel model) {
  const auto latest = dataset.Latest();
  ASSERT_TRUE(latest.ok()) << latest.status();
  ASSERT_EQ((*latest)->version(), 1 + changes_.size());
  auto left = changes_;
  for (uint64_t version = 2; version <= (*latest)->version(); ++version) {
    const auto transaction = (*latest)->TransactionOf(version);
    ASSERT_TRUE(transaction.ok()) << transaction.status();
    const auto change = left.find(transaction->uuid);
    ASSERT_NE(change, left.end()) << transaction->uuid;
    change->second(model);
    left.erase(change);
    const auto then = (*latest)->Checkout(version);
    ASSERT_TRUE(then.ok()) << then.status();
    const auto found = AgesOf(**then);
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_EQ(*found, model) << "version " << version << ", "
                             << format::OperationName(transaction->operation);
  }
}

}  // namespace og::engine::dataset
