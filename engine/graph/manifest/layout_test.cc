// What a history of any length costs: requests and bytes of an open and of a publish stay flat, the
// state is the same whether history is read or not, and a version that says nothing of its layout
// is read and sorted.
#include "engine/graph/manifest/layout.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "engine/graph/manifest/store.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "io/fault/counting_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;

constexpr TableIdentity kPerson{1, 3};
constexpr TableIdentity kKnows{2, 4};

struct Cost {
  uint64_t requests = 0;
  uint64_t bytes = 0;
};

class LayoutTest : public ::testing::Test {
 protected:
  LayoutTest() {
    io::SimEnvOptions options;
    options.wrap_store = [this](std::shared_ptr<io::Store> fresh) {
      store_ = std::make_shared<io::CountingStore>(std::move(fresh));
      return store_;
    };
    env_ = std::make_unique<io::SimEnv>(tests::Seed(), options);
    root_ = *env_->Resolve("memory://disk/g");
    manifest_ = std::make_unique<ManifestStore>(*env_, root_);
  }

  void SetUp() override {
    ManifestRows rows;
    for (const auto& [identity, key] :
         {std::pair(kPerson, "node:Person"), std::pair(kKnows, "edge:Knows")}) {
      rows.AddTable({identity, key, CanonicalTablePath(key, identity)});
      rows.AddVersion(VersionOf(identity, key, 1));
    }
    CommitInfo genesis;
    genesis.graph_commit_id = env_->NewUlid();
    genesis.graph_manifest_version = 1;
    genesis.created_at_us = env_->NowUs();
    rows.AddCommit(genesis);
    rows.AddHead(genesis);
    ASSERT_THAT(manifest_->Create(std::move(rows)), IsOk());
  }

  static TableVersion VersionOf(const TableIdentity& identity, std::string key, uint64_t version) {
    return {identity,
            key,
            version,
            std::nullopt,
            version * 10,
            {io::StrCat("/disk/g/", CanonicalTablePath(key, identity), "/_versions/",
                        io::ZeroPadded(~version, 20), ".manifest"),
             1000 + version, io::StrCat("e-", io::Hex(version)), "V2"}};
  }

  // What was asked of the store since the last call.
  Cost TakeCost() {
    const io::StoreCounts now = store_->counts();
    const io::StoreCounts since = now - std::exchange(taken_, now);
    return {since.reads() + since.writes() + since.calls_of(io::StoreCall::kStat) +
                since.calls_of(io::StoreCall::kList),
            since.bytes_read() + since.bytes_written()};
  }

  // Publishes the next version of one of the tables; what it cost.
  Cost Commit() {
    const auto view = manifest_->OpenPresent(std::nullopt);
    EXPECT_THAT(view, IsOk());
    const TableEntry& table = view->state.tables()[view->version() % 2];
    PublishRequest request;
    request.versions.push_back(VersionOf(table.identity, table.table_key, table.version + 1));
    request.expected[table.identity] = table.version;
    request.commit.graph_commit_id = env_->NewUlid();
    request.commit.created_at_us = env_->NowUs();
    request.precondition = ExactHead{view->identifier, view->head()};
    TakeCost();
    EXPECT_THAT(manifest_->Publish(request), IsOk());
    return TakeCost();
  }

  Cost Open() {
    TakeCost();
    // By a process that has seen nothing of it.
    EXPECT_THAT(ManifestStore(*env_, root_).OpenPresent(std::nullopt), IsOk());
    return TakeCost();
  }

  // The middle one of several commits: one in many gathers history.
  static Cost Median(std::vector<Cost> costs) {
    std::ranges::sort(costs, {}, &Cost::bytes);
    return costs[costs.size() / 2];
  }

  std::shared_ptr<io::CountingStore> store_;
  io::StoreCounts taken_;
  std::unique_ptr<io::SimEnv> env_;
  io::Location root_;
  std::unique_ptr<ManifestStore> manifest_;
};

TEST_F(LayoutTest, AHistoryOfAnyLengthCostsTheSame) {
  std::vector<Cost> commits;
  std::vector<Cost> opens;
  uint64_t done = 0;
  for (const uint64_t until : {10u, 200u, 1000u}) {
    while (done < until - 5) {
      Commit();
      ++done;
    }
    std::vector<Cost> samples;
    for (; done < until; ++done)
      samples.push_back(Commit());
    commits.push_back(Median(samples));
    opens.push_back(Open());
    std::printf("after %4llu commits: commit %llu requests, %llu bytes; open %llu, %llu\n",
                static_cast<unsigned long long>(until),
                static_cast<unsigned long long>(commits.back().requests),
                static_cast<unsigned long long>(commits.back().bytes),
                static_cast<unsigned long long>(opens.back().requests),
                static_cast<unsigned long long>(opens.back().bytes));
  }
  for (size_t i = 1; i < commits.size(); ++i) {
    EXPECT_LE(commits[i].requests * 2, commits[0].requests * 3);
    EXPECT_LE(commits[i].bytes * 2, commits[0].bytes * 3);
    EXPECT_LE(opens[i].requests * 2, opens[0].requests * 3);
    EXPECT_LE(opens[i].bytes * 2, opens[0].bytes * 3);
  }
  const auto whole = manifest_->Open(std::nullopt);
  ASSERT_THAT(whole, IsOk());
  EXPECT_EQ(whole->state.commits().size(), 1001u);
  EXPECT_LE(whole->dataset->manifest().fragments.size(), 25u);
}

TEST_F(LayoutTest, TheStateIsTheSameWithAndWithoutHistory) {
  for (int i = 0; i < 120; ++i) {
    Commit();
    const auto whole = manifest_->Open(std::nullopt);
    const auto present = manifest_->OpenPresent(std::nullopt);
    ASSERT_THAT(whole, IsOk());
    ASSERT_THAT(present, IsOk());
    ASSERT_EQ(present->head(), whole->head());
    ASSERT_EQ(present->state.NewestCommit()->graph_commit_id,
              whole->state.NewestCommit()->graph_commit_id);
    ASSERT_EQ(present->state.tables().size(), 2u);
    for (size_t t = 0; t < 2; ++t) {
      ASSERT_EQ(present->state.tables()[t].version, whole->state.tables()[t].version);
      ASSERT_TRUE(present->state.tables()[t].metadata == whole->state.tables()[t].metadata);
    }
    // Every commit once, each the child of the one before.
    ASSERT_EQ(whole->state.commits().size(), static_cast<size_t>(i) + 2);
    for (size_t c = 1; c < whole->state.commits().size(); ++c) {
      ASSERT_EQ(whole->state.commits()[c].parent_commit_id,
                whole->state.commits()[c - 1].graph_commit_id);
    }
  }
}

// Another program rewrites `__manifest`, as a compaction does.
TEST_F(LayoutTest, AVersionWithoutTheMarkIsReadWhole) {
  for (int i = 0; i < 60; ++i)
    Commit();
  const auto before = manifest_->Open(std::nullopt);
  ASSERT_THAT(before, IsOk());
  dataset::ScanOptions scan;
  scan.with_row_address = true;
  const auto rows = format::Collect(**before->dataset->Scan(scan));
  ASSERT_THAT(rows, IsOk());
  dataset::UpdateRequest update;
  format::RecordBatch plain = *rows;
  for (int64_t i = 0; i < plain.num_rows; ++i)
    update.removed_addresses.push_back(plain.columns.back()->Value<uint64_t>(i));
  plain.columns.pop_back();
  plain.schema = before->dataset->schema();
  const auto stream = format::MakeStream(plain.schema, {plain});
  update.rows = stream.get();
  update.write.max_rows_per_file = 7;
  const auto staged = before->dataset->StageUpdate(update);
  ASSERT_THAT(staged, IsOk());
  ASSERT_THAT(before->dataset->CommitExact(*staged), IsOk());
  const auto present = manifest_->OpenPresent(std::nullopt);
  ASSERT_THAT(present, IsOk());
  EXPECT_EQ(present->head(), before->head());
  EXPECT_EQ(present->state.commits().size(), before->state.commits().size());
  Commit();
  const auto after = manifest_->Open(std::nullopt);
  ASSERT_THAT(after, IsOk());
  EXPECT_EQ(after->state.commits().size(), before->state.commits().size() + 1);
  EXPECT_LE(after->dataset->manifest().fragments.size(), 3u);
}

}  // namespace
}  // namespace og::engine::graph
