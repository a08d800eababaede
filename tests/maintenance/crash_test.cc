// Compaction and cleanup that stop. Every change that they make to the store is followed by the end
// of the process and by losses of power; whatever is left opens, holds the same rows, passes the
// checks of `lance-tool verify` in every version that is listed, and takes the operation again.
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "cli/lance_tool/version_check.h"
#include "engine/dataset/cleanup.h"
#include "engine/dataset/clone.h"
#include "engine/dataset/compact.h"
#include "engine/dataset/indices.h"
#include "engine/dataset/table_testing.h"
#include "tests/support/moment_store.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using tests::IsOk;

constexpr char kRoot[] = "memory://disk/t.lance";

using tests::Moment;

class Machine final : public tests::MomentMachine {
 public:
  explicit Machine(std::shared_ptr<io::MemoryStore> disk = nullptr)
      : MomentMachine(kRoot, std::move(disk)) {}
};

struct Scene {
  const char* name;
  bool stable_row_ids;
  bool has_index;
  std::function<absl::Status(const DatasetPtr&)> run;
};

absl::Status RunCompaction(const DatasetPtr& table, bool defer) {
  CompactionOptions options;
  options.target_rows_per_fragment = 25;
  options.materialize_deletions_threshold = 0.0F;
  options.defer_index_remap = defer;
  return Compact(*table, options, {}).status();
}

std::vector<Scene> Scenes() {
  return {{"compaction with stable row ids", true, true,
           [](const DatasetPtr& table) { return RunCompaction(table, false); }},
          {"compaction with an index written again", false, true,
           [](const DatasetPtr& table) { return RunCompaction(table, false); }},
          {"compaction that defers its index", false, true,
           [](const DatasetPtr& table) { return RunCompaction(table, true); }},
          {"cleanup", true, false, [](const DatasetPtr& table) {
             return Cleanup(*table, {.retain_versions = 2, .delete_unverified = true}, {}).status();
           }}};
}

// A table with deletions, and for cleanup with files that only old versions name.
DatasetPtr Prepare(Machine& machine, const Scene& scene) {
  DatasetPtr table = NumberedTable(machine.env(), machine.root(), scene.stable_row_ids, 3, 10);
  if (scene.has_index) {
    table = CommitStaged(table, StageCreateIndex(*table, {.column = "id"}));
  } else {
    const auto compacted = Compact(*table, {}, {});
    EXPECT_THAT(compacted, IsOk());
    table = compacted->dataset;
  }
  return DeleteWhere(table, "id % 7 = 3");
}

// Opens what is left: the rows are `rows`, and every version is whole.
DatasetPtr ExpectWhole(Machine& machine, const std::vector<std::string>& rows) {
  const auto table = Dataset::Open(machine.env(), machine.root(), {});
  EXPECT_THAT(table, IsOk());
  if (!table.ok()) return nullptr;
  EXPECT_EQ(AllRows(**table), rows);
  EXPECT_EQ(AllRows(**table, "id >= 4 AND id < 18"),
            AllRows(**table, "id >= 4 AND id < 18", false));
  const auto versions = (*table)->ListVersions();
  EXPECT_THAT(versions, IsOk());
  for (const VersionInfo& version : *versions) {
    const auto checked = (*table)->Checkout(version.version);
    EXPECT_THAT(checked, IsOk());
    if (checked.ok()) {
      EXPECT_EQ(cli::VerifyVersion(**checked, true).problems, std::vector<std::string>())
          << "version " << version.version;
    }
  }
  return *table;
}

TEST(MaintenanceCrashTest, EveryChangeMayBeTheLast) {
  size_t total = 0;
  for (const Scene& scene : Scenes()) {
    SCOPED_TRACE(scene.name);
    Machine machine;
    const DatasetPtr table = Prepare(machine, scene);
    const std::vector<std::string> rows = AllRows(*table);
    machine.store().Start();
    ASSERT_THAT(scene.run(table), IsOk());
    machine.store().Stop();
    ASSERT_FALSE(machine.store().moments().empty());
    for (const Moment& moment : machine.store().moments()) {
      SCOPED_TRACE(moment.after);
      Machine found(moment.disk);
      const DatasetPtr left = ExpectWhole(found, rows);
      ASSERT_NE(left, nullptr);
      ASSERT_THAT(scene.run(left), IsOk());
      ASSERT_NE(ExpectWhole(found, rows), nullptr);
      if (testing::Test::HasFailure()) return;
      ++total;
    }
    std::printf("%s: %zu moments\n", scene.name, machine.store().moments().size());
  }
  EXPECT_GT(total, 100u);
}

TEST(MaintenanceCrashTest, ACopyAppearsWholeOrNotAtAll) {
  Machine machine;
  DatasetPtr table = NumberedTable(machine.env(), machine.root(), true, 2, 10);
  table = CommitStaged(table, StageCreateIndex(*table, {.column = "id"}));
  const std::vector<std::string> rows = AllRows(*table);
  const io::Location target{machine.root().store, "copy.lance"};
  machine.store().Start();
  ASSERT_THAT(CopyDataset(*table, target, {}, {}), IsOk());
  machine.store().Stop();
  for (const Moment& moment : machine.store().moments()) {
    SCOPED_TRACE(moment.after);
    Machine found(moment.disk);
    const DatasetPtr source = ExpectWhole(found, rows);
    ASSERT_NE(source, nullptr);
    const io::Location place{found.root().store, "copy.lance"};
    if (const auto copy = Dataset::Open(found.env(), place, {}); copy.ok()) {
      ASSERT_EQ(AllRows(**copy), rows);
      ASSERT_TRUE(cli::VerifyVersion(**copy, true).problems.empty());
    }
    const auto again = CopyDataset(*source, place, {}, {});
    ASSERT_THAT(again, IsOk());
    ASSERT_EQ(AllRows(*again->dataset), rows);
  }
}

}  // namespace
}  // namespace og::engine::dataset
