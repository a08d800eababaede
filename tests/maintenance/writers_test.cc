// Compaction and cleanup beside writers that append and delete, as actors of a simulation: at the
// end exactly the rows are there that a model says, every version is whole, and every writer got
// through.
#include <functional>
#include <set>
#include <vector>

#include "gtest/gtest.h"

#include "cli/lance_tool/version_check.h"
#include "engine/dataset/cleanup.h"
#include "engine/dataset/compact.h"
#include "engine/dataset/indices.h"
#include "engine/dataset/table_testing.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using tests::IsOk;

constexpr int kSteps = 8;
constexpr int64_t kRowsAtStart = 30;

// Runs `change` on the latest version until it is not told to try again: by a conflict, or because
// the version that it has read was cleaned away.
void Insist(io::Env& env, const io::Location& root,
            const std::function<absl::Status(const DatasetPtr&)>& change) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const auto table = Dataset::Open(env, root, {});
    const absl::Status status = table.ok() ? change(*table) : table.status();
    if (status.ok()) return;
    ASSERT_TRUE(status.code() == absl::StatusCode::kAborted ||
                status.code() == absl::StatusCode::kNotFound)
        << status;
  }
  FAIL() << "100 attempts";
}

absl::Status DeleteIds(const DatasetPtr& table, std::string_view where) {
  ScanOptions options;
  options.columns.emplace();
  options.with_row_address = true;
  options.filter = *expr::ParseFilter(where);
  const auto stream = table->Scan(options);
  if (!stream.ok()) return stream.status();
  const auto rows = format::Collect(**stream);
  if (!rows.ok()) return rows.status();
  const auto addresses = rows->Column("_rowaddr")->Values<uint64_t>();
  const auto staged = table->StageDelete(addresses, where, {});
  return staged.ok() ? table->Commit(*staged, {}).status() : staged.status();
}

class MaintenanceWriters : public ::testing::TestWithParam<bool> {};

TEST_P(MaintenanceWriters, EndWithTheRowsOfTheModel) {
  const bool stable = GetParam();
  for (uint64_t round = 0; round < 6; ++round) {
    io::SimEnv env(tests::Seed() + round);
    const io::Location root = *env.Resolve("memory://disk/t.lance");
    DatasetPtr table = NumberedTable(env, root, stable, 3, kRowsAtStart / 3);
    table = CommitStaged(table, StageCreateIndex(*table, {.column = "id"}));
    std::vector<std::function<void()>> actors;
    actors.emplace_back([&] {
      for (int64_t step = 0; step < kSteps; ++step) {
        Insist(env, root, [&](const DatasetPtr& latest) {
          const auto rows = NumberedRows(1000 + step * 4, 4);
          const auto staged = latest->StageAppend(*rows, {});
          return staged.ok() ? latest->Commit(*staged, {}).status() : staged.status();
        });
        env.Yield();
      }
    });
    actors.emplace_back([&] {
      for (int64_t step = 0; step < kSteps; ++step) {
        Insist(env, root, [&](const DatasetPtr& latest) {
          return DeleteIds(latest, io::StrCat("id = ", step * 3, " OR id = ", 1000 + step * 4));
        });
        env.Yield();
      }
    });
    actors.emplace_back([&] {
      for (int step = 0; step < kSteps; ++step) {
        Insist(env, root, [&](const DatasetPtr& latest) {
          CompactionOptions options;
          options.target_rows_per_fragment = 20;
          options.materialize_deletions_threshold = 0.0F;
          options.defer_index_remap = !stable && step % 2 == 1;
          return Compact(*latest, options, {}).status();
        });
        env.Yield();
      }
    });
    actors.emplace_back([&] {
      for (int step = 0; step < kSteps; ++step) {
        const auto latest = Dataset::Open(env, root, {});
        ASSERT_THAT(latest, IsOk());
        ASSERT_THAT(Cleanup(**latest, {.retain_versions = 8}, {}), IsOk());
        env.Yield();
      }
    });
    env.RunActors(std::move(actors));
    const auto last = Dataset::Open(env, root, {});
    ASSERT_THAT(last, IsOk());
    // The deleter may have asked for a row before it was there: then it stays.
    std::multiset<int64_t> ids;
    for (const std::string& line : AllRows(**last)) {
      ids.insert(*io::ParseInt64(line.substr(0, line.find(' '))));
    }
    for (int64_t id = 0; id < kRowsAtStart; ++id) {
      const bool is_deleted = id % 3 == 0 && id / 3 < kSteps;
      EXPECT_EQ(ids.count(id), is_deleted ? 0u : 1u) << id;
    }
    for (int64_t id = 1000; id < 1000 + kSteps * 4; ++id) {
      EXPECT_LE(ids.count(id), 1u) << id;
      if (id % 4 != 0) {
        EXPECT_EQ(ids.count(id), 1u) << id;
      }
    }
    EXPECT_EQ(AllRows(**last, "id >= 5 AND id < 1010"),
              AllRows(**last, "id >= 5 AND id < 1010", false));
    const auto versions = (*last)->ListVersions();
    ASSERT_THAT(versions, IsOk());
    for (const VersionInfo& version : *versions) {
      const auto checked = (*last)->Checkout(version.version);
      ASSERT_THAT(checked, IsOk());
      EXPECT_EQ(cli::VerifyVersion(**checked, true).problems, std::vector<std::string>());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(RowIds, MaintenanceWriters, ::testing::Bool());

}  // namespace
}  // namespace og::engine::dataset
