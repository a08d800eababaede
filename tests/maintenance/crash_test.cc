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
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "io/fault/power_loss_store.h"
#include "io/memory/memory_store.h"
#include "io/store/hooked_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using tests::IsOk;

constexpr char kRoot[] = "memory://disk/t.lance";

// A disk as it would be if everything stopped now.
struct Moment {
  std::string after;  // the call, for messages
  std::shared_ptr<io::MemoryStore> disk;
};

// Notes a moment after every change, for each way in which the world can stop.
class MomentStore final : public io::HookedStore {
 public:
  explicit MomentStore(std::shared_ptr<io::MemoryStore> disk)
      : HookedStore(std::make_shared<io::PowerLossStore>(disk, io::Durability::kFull)),
        disk_(std::move(disk)),
        power_(static_cast<io::PowerLossStore&>(base())) {}

  void Start() { is_noting_ = true; }
  void Stop() { is_noting_ = false; }
  const std::vector<Moment>& moments() const { return moments_; }

 protected:
  absl::Status After(io::StoreCall call, std::string_view path, uint64_t /*bytes*/,
                     const absl::Status& status) override {
    if (is_noting_ && io::IsMutation(call)) {
      Note(io::StrCat(io::StoreCallName(call), " ", path));
    }
    return status;
  }

 private:
  void Note(const std::string& after) {
    const auto add = [&](std::string_view how, std::shared_ptr<io::MemoryStore> disk) {
      moments_.push_back({io::StrCat(how, " after ", after), std::move(disk)});
    };
    add("killed", std::make_shared<io::MemoryStore>(std::string(disk_->scheme_root()),
                                                    disk_->clock(), disk_->objects()));
    add("names lost", power_.AfterPowerLoss(io::PowerLoss::kNames));
    add("bytes lost", power_.AfterPowerLoss(io::PowerLoss::kBytes));
    add("power lost",
        power_.AfterPowerLoss(io::PowerLoss::kRandom, tests::Seed() + moments_.size()));
  }

  const std::shared_ptr<io::MemoryStore> disk_;
  io::PowerLossStore& power_;
  bool is_noting_ = false;
  std::vector<Moment> moments_;
};

// A machine that finds `disk`, or a new one.
class Machine {
 public:
  explicit Machine(std::shared_ptr<io::MemoryStore> disk = nullptr) {
    io::SimEnvOptions options;
    options.wrap_store = [this, disk](std::shared_ptr<io::Store> fresh) {
      auto memory = disk != nullptr ? disk : std::dynamic_pointer_cast<io::MemoryStore>(fresh);
      store_ = std::make_shared<MomentStore>(std::move(memory));
      return store_;
    };
    // Another machine thinks of other names than the one that stopped.
    static uint64_t machines = 0;
    env_ = std::make_unique<io::SimEnv>(tests::Seed() + machines++, options);
    root_ = *env_->Resolve(kRoot);
  }

  io::SimEnv& env() { return *env_; }
  const io::Location& root() const { return root_; }
  MomentStore& store() { return *store_; }

 private:
  std::shared_ptr<MomentStore> store_;
  std::unique_ptr<io::SimEnv> env_;
  io::Location root_;
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
