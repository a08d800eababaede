// A dataset against a model: random histories of appends, upserts, deletes and restores are applied
// to a dataset and to a map of rows; after every commit a scan, takes by every kind of name, row
// ids and row versions are compared, and the manifest is checked against its own rules. Then races,
// crashes at every change, and lost answers: whatever happens, the history is one that a serial
// order explains.
#include "engine/dataset/dataset.h"

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "engine/dataset/refs.h"
#include "engine/expr/expr.h"
#include "format/arrow/builder.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "io/fault/counting_store.h"
#include "io/fault/fault_store.h"
#include "io/memory/memory_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::engine::dataset {
namespace {

using format::RecordBatch;
using format::SchemaPtr;
using tests::IsOk;
using tests::StatusIs;

SchemaPtr PeopleSchema() {
  static const SchemaPtr schema = [] {
    auto made = std::make_shared<format::Schema>();
    made->fields = {
        {.name = "id",
         .type = format::Utf8(),
         .nullable = false,
         .metadata = {{"lance-schema:unenforced-primary-key", "true"}}},
        {.name = "age", .type = format::Int64(), .nullable = true, .metadata = {}},
    };
    return made;
  }();
  return schema;
}

// id and age of a row; age -1 stands for null.
using Row = std::pair<std::string, int64_t>;

RecordBatch People(const std::vector<Row>& rows) {
  format::StringBuilder ids(format::Utf8());
  format::FixedBuilder<int64_t> ages(format::Int64());
  for (const auto& [id, age] : rows) {
    ids.Append(id);
    if (age < 0) {
      ages.AppendNull();
    } else {
      ages.Append(age);
    }
  }
  return {.schema = PeopleSchema(),
          .num_rows = static_cast<int64_t>(rows.size()),
          .columns = {ids.Finish(), ages.Finish()}};
}

std::unique_ptr<format::BatchStream> Stream(const std::vector<Row>& rows) {
  return format::MakeStream(PeopleSchema(), {People(rows)});
}

std::vector<Row> RowsOf(const RecordBatch& batch) {
  std::vector<Row> rows;
  for (int64_t i = 0; i < batch.num_rows; ++i) {
    rows.emplace_back(std::string(batch.columns[0]->StringValue(i)),
                      batch.columns[1]->IsNull(i) ? -1 : batch.columns[1]->Value<int64_t>(i));
  }
  return rows;
}

absl::StatusOr<std::vector<Row>> ReadAll(const Dataset& dataset) {
  OG_ASSIGN_OR_RETURN(const auto stream, dataset.Scan({}));
  OG_ASSIGN_OR_RETURN(const RecordBatch batch, format::Collect(*stream));
  return RowsOf(batch);
}

std::shared_ptr<io::MemoryStore> NewMemory() {
  return std::make_shared<io::MemoryStore>("memory://test/", [] { return int64_t{0}; });
}

class DatasetTest : public testing::Test {
 protected:
  DatasetTest()
      : env_(*io::NewRealEnv({.durability = io::Durability::kNone})), memory_(NewMemory()) {}

  io::Location Root(std::string_view name) const { return {memory_, std::string(name)}; }

  absl::StatusOr<DatasetPtr> Create(const io::Location& root, const std::vector<Row>& rows,
                                    bool stable_row_ids = true) {
    const auto stream = Stream(rows);
    CreateOptions options;
    options.stable_row_ids = stable_row_ids;
    OG_ASSIGN_OR_RETURN(const StagedTransaction staged,
                        Dataset::StageCreate(*env_, root, PeopleSchema(),
                                             rows.empty() ? nullptr : stream.get(), options));
    return Dataset::CommitCreate(*env_, root, staged);
  }

  static absl::StatusOr<StagedTransaction> StageAppend(const Dataset& dataset,
                                                       const std::vector<Row>& rows) {
    const auto stream = Stream(rows);
    return dataset.StageAppend(*stream, {});
  }

  static absl::StatusOr<StagedMerge> StageUpsert(const Dataset& dataset,
                                                 const std::vector<Row>& rows) {
    const auto stream = Stream(rows);
    MergeRequest request;
    request.key_column = "id";
    request.rows = stream.get();
    return dataset.StageMerge(request);
  }

  const std::unique_ptr<io::Env> env_;
  const std::shared_ptr<io::Store> memory_;
};

TEST_F(DatasetTest, CreatesOpensAndRefusesASecondCreation) {
  const io::Location root = Root("t.lance");
  EXPECT_THAT(Dataset::Open(*env_, root, {}), StatusIs(absl::StatusCode::kNotFound));
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr created, Create(root, {{"a", 1}, {"b", -1}}));
  EXPECT_EQ(created->version(), 1);
  EXPECT_EQ(created->manifest().reader_feature_flags, 2);
  EXPECT_EQ(created->manifest().next_row_id, 2);
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr opened, Dataset::Open(*env_, root, {}));
  EXPECT_EQ(opened->manifest_location().e_tag, created->manifest_location().e_tag);
  EXPECT_EQ(opened->manifest_location().path, created->manifest_location().path);
  EXPECT_EQ(opened->manifest_location().size, created->manifest_location().size);
  OG_ASSERT_OK_AND_ASSIGN(const auto rows, ReadAll(*opened));
  EXPECT_EQ(rows, (std::vector<Row>{{"a", 1}, {"b", -1}}));
  OG_ASSERT_OK_AND_ASSIGN(const format::Transaction transaction, opened->TransactionOf(1));
  EXPECT_EQ(format::OperationName(transaction.operation), "Overwrite");
  EXPECT_THAT(Create(root, {}), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(DatasetTest, RefusesRowsThatDoNotFit) {
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset, Create(Root("t.lance"), {{"a", 1}}));
  RecordBatch batch = People({{"b", 1}});
  batch.columns[0] = format::NullArray(format::Utf8(), 1);
  const auto nulls = format::MakeStream(PeopleSchema(), {batch});
  EXPECT_THAT(dataset->StageAppend(*nulls, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, "id must not be null"));
  auto other = std::make_shared<format::Schema>();
  other->fields = {{.name = "nick", .type = format::Utf8(), .nullable = true, .metadata = {}}};
  const auto unknown = format::MakeStream(
      other, {{.schema = other, .num_rows = 1, .columns = {format::NullArray(format::Utf8(), 1)}}});
  EXPECT_THAT(dataset->StageAppend(*unknown, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, "no column nick"));
  OG_ASSERT_OK_AND_ASSIGN(const auto objects, memory_->List("t.lance/data", {}));
  EXPECT_EQ(objects.size(), 1u) << "files of refused rows are left behind";
}

// What a table of unique ids should hold: per id its age, stable row id and the two versions.
struct ModelRow {
  int64_t age = 0;
  uint64_t row_id = 0;
  uint64_t created = 0;
  uint64_t updated = 0;
  friend bool operator==(const ModelRow&, const ModelRow&) = default;
};
using Model = std::map<std::string, ModelRow>;

void ExpectSame(const Dataset& dataset, const Model& model) {
  ScanOptions options;
  options.with_row_id = true;
  options.with_row_address = true;
  options.with_created_at_version = true;
  options.with_last_updated_at_version = true;
  options.batch_rows = 7;
  OG_ASSERT_OK_AND_ASSIGN(const auto stream, dataset.Scan(options));
  OG_ASSERT_OK_AND_ASSIGN(const RecordBatch all, format::Collect(*stream));
  Model found;
  std::vector<uint64_t> addresses;
  std::vector<uint64_t> row_ids;
  std::vector<uint64_t> offsets;
  const std::vector<Row> rows = RowsOf(all);
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    row_ids.push_back(all.columns[2]->Value<uint64_t>(at));
    addresses.push_back(all.columns[3]->Value<uint64_t>(at));
    offsets.push_back(i);
    const ModelRow row{.age = rows[i].second,
                       .row_id = row_ids.back(),
                       .created = all.columns[4]->Value<uint64_t>(at),
                       .updated = all.columns[5]->Value<uint64_t>(at)};
    EXPECT_TRUE(found.emplace(rows[i].first, row).second) << rows[i].first << " is there twice";
  }
  EXPECT_TRUE(found == model);
  EXPECT_EQ(dataset.num_rows(), model.size());
  if (rows.empty()) {
    return;
  }
  // Backwards, so that takes have to restore an order of their own.
  std::vector<Row> reversed(rows.rbegin(), rows.rend());
  std::ranges::reverse(addresses);
  std::ranges::reverse(row_ids);
  std::ranges::reverse(offsets);
  OG_ASSERT_OK_AND_ASSIGN(const RecordBatch by_address, dataset.Take(addresses, {}));
  EXPECT_EQ(RowsOf(by_address), reversed);
  OG_ASSERT_OK_AND_ASSIGN(const RecordBatch by_id, dataset.TakeRowIds(row_ids, {}));
  EXPECT_EQ(RowsOf(by_id), reversed);
  OG_ASSERT_OK_AND_ASSIGN(const RecordBatch by_offset, dataset.TakeOffsets(offsets, {}));
  EXPECT_EQ(RowsOf(by_offset), reversed);

  const auto filter =
      expr::Compare(expr::CompareOp::kGe, expr::Column("age"), expr::Int64Literal(50));
  const auto wanted =
      std::ranges::count_if(model, [](const auto& entry) { return entry.second.age >= 50; });
  OG_ASSERT_OK_AND_ASSIGN(const uint64_t count, dataset.CountRows(filter));
  EXPECT_EQ(count, static_cast<uint64_t>(wanted));
}

TEST_F(DatasetTest, RandomHistoriesMatchTheModel) {
  const uint64_t seed = tests::Seed();
  for (uint64_t round = 0; round < 6; ++round) {
    std::mt19937_64 random(seed + round);
    const auto below = [&](uint64_t bound) { return random() % bound; };
    const io::Location root = Root(io::StrCat("history", round, ".lance"));
    OG_ASSERT_OK_AND_ASSIGN(DatasetPtr dataset, Create(root, {}));
    Model model;
    std::map<uint64_t, Model> history = {{1, model}};
    uint64_t next_row_id = 0;
    for (int step = 0; step < 25; ++step) {
      const uint64_t version = dataset->version() + 1;
      StagedTransaction staged;
      const uint64_t kind = below(10);
      if (kind < 6) {
        std::map<std::string, int64_t> upserts;
        for (uint64_t i = below(30) + 1; i > 0; --i) {
          upserts[io::StrCat("k", below(60))] = static_cast<int64_t>(below(100)) - 1;
        }
        OG_ASSERT_OK_AND_ASSIGN(const StagedMerge merge,
                                StageUpsert(*dataset, {upserts.begin(), upserts.end()}));
        EXPECT_EQ(merge.num_inserted + merge.num_updated, upserts.size());
        staged = merge.staged;
        for (const auto& [id, age] : upserts) {
          if (const auto known = model.find(id); known != model.end()) {
            known->second.age = age;
            known->second.updated = version;
          }
        }
        for (const auto& [id, age] : upserts) {
          if (!model.contains(id)) {
            model[id] = {age, next_row_id++, version, version};
          }
        }
      } else if (kind < 9) {
        std::vector<uint64_t> row_ids;
        for (auto at = model.begin(); at != model.end();) {
          if (below(3) == 0) {
            row_ids.push_back(at->second.row_id);
            at = model.erase(at);
          } else {
            ++at;
          }
        }
        OG_ASSERT_OK_AND_ASSIGN(const auto found, dataset->AddressesOf(row_ids));
        std::vector<uint64_t> addresses;
        for (const auto& address : found) {
          addresses.push_back(address.value());
        }
        OG_ASSERT_OK_AND_ASSIGN(staged, dataset->StageDelete(addresses, "random", {}));
      } else {
        const uint64_t target = below(dataset->version()) + 1;
        OG_ASSERT_OK_AND_ASSIGN(staged, dataset->StageRestore(target, {}));
        model = history[target];
      }
      OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->CommitExact(staged));
      ASSERT_EQ(dataset->version(), version);
      history[version] = model;
      ExpectSame(*dataset, model);
      ASSERT_EQ(dataset->manifest().next_row_id, next_row_id);
    }
    // Every version is still what it was, read from a fresh handle.
    for (const auto& [version, rows] : history) {
      OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr old,
                              Dataset::Open(*env_, root, {.version = version}));
      ExpectSame(*old, rows);
    }
  }
}

TEST_F(DatasetTest, ExactCommitsOfOneVersionHaveOneWinner) {
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset, Create(Root("t.lance"), {{"a", 1}}));
  constexpr int kThreads = 6;
  std::vector<StagedTransaction> staged;
  for (int i = 0; i < kThreads; ++i) {
    OG_ASSERT_OK_AND_ASSIGN(StagedTransaction one,
                            StageAppend(*dataset, {{io::StrCat("t", i), i}}));
    staged.push_back(std::move(one));
  }
  std::atomic<int> won = 0;
  std::atomic<int> lost = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const auto committed = dataset->CommitExact(staged[static_cast<size_t>(i)]);
      if (committed.ok()) {
        ++won;
        EXPECT_EQ((*committed)->version(), 2u);
      } else if (committed.status().code() == absl::StatusCode::kAborted) {
        ++lost;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, kThreads - 1);
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr latest, dataset->Latest());
  EXPECT_EQ(latest->version(), 2u);
  EXPECT_EQ(latest->num_rows(), 2u);
}

TEST_F(DatasetTest, ConcurrentAppendsAllLand) {
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset, Create(Root("t.lance"), {}));
  constexpr int kThreads = 4;
  constexpr int kCommits = 8;
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      DatasetPtr mine = dataset;
      for (int k = 0; k < kCommits; ++k) {
        const auto staged = StageAppend(*mine, {{io::StrCat(i, "-", k), k}});
        const auto committed = mine->Commit(*staged, {.retries = 100});
        if (!committed.ok()) {
          ++failed;
          ADD_FAILURE() << committed.status();
          return;
        }
        mine = *committed;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(failed, 0);
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr latest, dataset->Latest());
  EXPECT_EQ(latest->version(), 1u + kThreads * kCommits);
  Model model;
  OG_ASSERT_OK_AND_ASSIGN(const auto rows, ReadAll(*latest));
  EXPECT_EQ(rows.size(), static_cast<size_t>(kThreads * kCommits));
  for (const auto& [id, age] : rows) {
    EXPECT_TRUE(model.emplace(id, ModelRow{}).second) << id << " landed twice";
  }
}

TEST_F(DatasetTest, DeletesOfDifferentRowsAreMerged) {
  for (const bool stable : {true, false}) {
    OG_ASSERT_OK_AND_ASSIGN(
        const DatasetPtr dataset,
        Create(Root(stable ? "s.lance" : "a.lance"), {{"a", 1}, {"b", 2}, {"c", 3}}, stable));
    OG_ASSERT_OK_AND_ASSIGN(const auto first,
                            dataset->StageDelete(std::vector<uint64_t>{0}, "", {}));
    OG_ASSERT_OK_AND_ASSIGN(const auto second,
                            dataset->StageDelete(std::vector<uint64_t>{2}, "", {}));
    OG_ASSERT_OK_AND_ASSIGN(const auto third,
                            dataset->StageDelete(std::vector<uint64_t>{0}, "", {}));
    OG_ASSERT_OK(dataset->Commit(first, {}));
    EXPECT_THAT(dataset->CommitExact(second), StatusIs(absl::StatusCode::kAborted));
    OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr merged, dataset->Commit(second, {}));
    EXPECT_EQ(merged->version(), 3u);
    OG_ASSERT_OK_AND_ASSIGN(const auto rows, ReadAll(*merged));
    EXPECT_EQ(rows, (std::vector<Row>{{"b", 2}}));
    EXPECT_THAT(dataset->Commit(third, {}),
                StatusIs(absl::StatusCode::kAborted, "both modified the row"));
    // The last row of a fragment takes the fragment with it.
    OG_ASSERT_OK_AND_ASSIGN(const auto last, merged->StageDelete(std::vector<uint64_t>{1}, "", {}));
    OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr empty, merged->Commit(last, {}));
    EXPECT_TRUE(empty->manifest().fragments.empty());
    EXPECT_EQ(empty->manifest().reader_feature_flags, stable ? 2u : 0u);
  }
}

TEST_F(DatasetTest, UpsertsOfTheSameKeyConflict) {
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset, Create(Root("t.lance"), {{"a", 1}}));
  OG_ASSERT_OK_AND_ASSIGN(const StagedMerge ours, StageUpsert(*dataset, {{"new", 1}}));
  OG_ASSERT_OK_AND_ASSIGN(const StagedMerge theirs, StageUpsert(*dataset, {{"new", 2}}));
  const auto& update = std::get<format::UpdateOperation>(ours.staged.transaction.operation);
  ASSERT_TRUE(update.inserted_rows.has_value());
  EXPECT_EQ(update.inserted_rows->field_ids, std::vector<int32_t>{0});
  OG_ASSERT_OK(dataset->Commit(theirs.staged, {}));
  EXPECT_THAT(dataset->Commit(ours.staged, {}),
              StatusIs(absl::StatusCode::kAborted, "Please retry"));
}

// A process that ends at each change of a commit, before or after the change took effect: the
// dataset then is at one of the two versions, whole.
TEST_F(DatasetTest, EndsAtEveryChangeLeaveOneOfTwoVersions) {
  size_t num_new = 0;
  for (uint64_t change = 1; change < 20; ++change) {
    for (const bool takes_effect : {false, true}) {
      const auto base = NewMemory();
      const auto faulty = std::make_shared<io::FaultStore>(base);
      const io::Location root{faulty, "t.lance"};
      OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset, Create(root, {{"a", 1}, {"b", 2}}));
      faulty->StopAtChange(change, takes_effect);
      bool acknowledged = false;
      if (const auto merge = StageUpsert(*dataset, {{"a", 10}, {"c", 3}}); merge.ok()) {
        acknowledged = dataset->CommitExact(merge->staged).ok();
      }
      faulty->Clear();
      OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr after, Dataset::Open(*env_, {base, "t.lance"}, {}));
      OG_ASSERT_OK_AND_ASSIGN(const auto rows, ReadAll(*after));
      const std::vector<Row> old_rows = {{"a", 1}, {"b", 2}};
      const std::vector<Row> new_rows = {{"b", 2}, {"a", 10}, {"c", 3}};
      EXPECT_TRUE(rows == old_rows || rows == new_rows) << "change " << change;
      EXPECT_TRUE(!acknowledged || rows == new_rows) << "change " << change;
      num_new += rows == new_rows ? 1 : 0;
    }
  }
  EXPECT_GT(num_new, 0u) << "no change was late enough";
  EXPECT_LT(num_new, 38u) << "no change was early enough";
}

TEST_F(DatasetTest, LostAnswersAreFoundOut) {
  const auto faulty = std::make_shared<io::FaultStore>(memory_);
  const io::Location root{faulty, "lost.lance"};
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset, Create(root, {{"a", 1}}));

  // It happened, and reading back shows our transaction: success.
  OG_ASSERT_OK_AND_ASSIGN(const auto staged, StageAppend(*dataset, {{"b", 2}}));
  faulty->Add({.kind = io::Fault::Kind::kAfter, .call = io::StoreCall::kPutIfAbsent});
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr second, dataset->CommitExact(staged));
  EXPECT_EQ(second->version(), 2u);
  EXPECT_EQ(second->num_rows(), 2u);
  EXPECT_EQ(faulty->num_faults(), 1u);
  // The same once more is the same commit, not a conflict.
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr again, dataset->CommitExact(staged));
  EXPECT_EQ(again->version(), 2u);

  // It did not happen and cannot be read back: unknown, neither success nor conflict.
  OG_ASSERT_OK_AND_ASSIGN(const auto third, StageAppend(*second, {{"c", 3}}));
  faulty->Add({.kind = io::Fault::Kind::kBefore, .call = io::StoreCall::kPutIfAbsent});
  EXPECT_THAT(second->CommitExact(third), StatusIs(absl::StatusCode::kUnknown));
  faulty->Clear();

  // Somebody else won: a conflict.
  OG_ASSERT_OK_AND_ASSIGN(const auto other, StageAppend(*second, {{"d", 4}}));
  OG_ASSERT_OK(second->CommitExact(other));
  EXPECT_THAT(second->CommitExact(third), StatusIs(absl::StatusCode::kAborted));
}

TEST_F(DatasetTest, BranchesGoTheirOwnWay) {
  const tests::TempDir folder;
  OG_ASSERT_OK_AND_ASSIGN(const io::Location root, env_->Resolve(folder.Child("t.lance")));
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr main, Create(root, {{"a", 1}, {"b", 2}}));
  OG_ASSERT_OK_AND_ASSIGN(DatasetPtr dev, CreateBranch(*main, "dev", {}));
  EXPECT_EQ(dev->version(), 1u);
  EXPECT_EQ(dev->manifest().reader_feature_flags, 18u);
  OG_ASSERT_OK_AND_ASSIGN(const auto deletion, dev->StageDelete(std::vector<uint64_t>{0}, "", {}));
  OG_ASSERT_OK_AND_ASSIGN(dev, dev->CommitExact(deletion));
  OG_ASSERT_OK_AND_ASSIGN(const auto append, StageAppend(*dev, {{"c", 3}}));
  OG_ASSERT_OK_AND_ASSIGN(dev, dev->CommitExact(append));
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr child, CreateBranch(*dev, "dev/x", {}));
  OG_ASSERT_OK_AND_ASSIGN(const auto child_rows, ReadAll(*child));
  EXPECT_EQ(child_rows, (std::vector<Row>{{"b", 2}, {"c", 3}}));
  OG_ASSERT_OK_AND_ASSIGN(const auto main_rows, ReadAll(*main));
  EXPECT_EQ(main_rows, (std::vector<Row>{{"a", 1}, {"b", 2}}));

  EXPECT_THAT(CreateBranch(*main, "dev", {}), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(CreateBranch(*main, "a//b", {}), StatusIs(absl::StatusCode::kInvalidArgument));
  OG_ASSERT_OK_AND_ASSIGN(const auto branches, ListBranches(root));
  ASSERT_EQ(branches.size(), 2u);
  EXPECT_EQ(branches[1].name, "dev/x");
  EXPECT_EQ(branches[1].parent_branch, "dev");
  EXPECT_EQ(branches[1].parent_version, 3u);
  ASSERT_EQ(branches[1].identifier.size(), 2u);
  EXPECT_EQ(branches[1].identifier[0], branches[0].identifier[0]);

  EXPECT_THAT(DeleteBranch(*env_, root, "dev", false),
              StatusIs(absl::StatusCode::kFailedPrecondition, "dev/x"));
  OG_ASSERT_OK(DeleteBranch(*env_, root, "dev/x", false));
  OG_ASSERT_OK_AND_ASSIGN(const auto still, Dataset::Open(*env_, root, {.branch = "dev"}));
  OG_ASSERT_OK(ReadAll(*still));
  OG_ASSERT_OK(DeleteBranch(*env_, root, "dev", false));
  EXPECT_THAT(Dataset::Open(*env_, root, {.branch = "dev"}), StatusIs(absl::StatusCode::kNotFound));
  OG_ASSERT_OK(ReadAll(*main));
}

TEST_F(DatasetTest, OpeningCostsOneListAndOneRead) {
  const io::Location root = Root("cost.lance");
  OG_ASSERT_OK_AND_ASSIGN(DatasetPtr dataset, Create(root, {{"a", 1}}));
  for (int i = 0; i < 20; ++i) {
    OG_ASSERT_OK_AND_ASSIGN(const auto staged, StageAppend(*dataset, {{io::StrCat("r", i), i}}));
    OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->CommitExact(staged));
  }
  const auto counting = std::make_shared<io::CountingStore>(memory_);
  OG_ASSERT_OK(Dataset::Open(*env_, {counting, root.path}, {}));
  const io::StoreCounts counts = counting->counts();
  EXPECT_EQ(counts.calls_of(io::StoreCall::kList), 1u);
  EXPECT_EQ(counts.calls_of(io::StoreCall::kStat), 0u);
  EXPECT_EQ(counts.reads(), 1u);
  EXPECT_EQ(counts.writes(), 0u);
}

}  // namespace
}  // namespace og::engine::dataset
