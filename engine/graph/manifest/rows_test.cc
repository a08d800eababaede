// Rows of `__manifest`: what is written reads back, and how versions, tombstones, commits and heads
// reduce to the state of a branch.

#include "engine/graph/manifest/rows.h"

#include "gtest/gtest.h"

#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

constexpr TableIdentity kPerson{1, 5};
constexpr TableIdentity kKnows{2, 6};

TableVersion Version(const TableIdentity& identity, std::string key, uint64_t version) {
  return {identity,     std::move(key), version,
          std::nullopt, version * 10,   {"/g/_versions/x.manifest", 123, "a-b-c", "V2"}};
}

ManifestRows Genesis() {
  ManifestRows rows;
  rows.AddTable({kPerson, "node:Person", "nodes/0000000000000001-0000000000000005"});
  rows.AddVersion(Version(kPerson, "node:Person", 1));
  rows.AddTable({kKnows, "edge:Knows", "edges/0000000000000002-0000000000000006"});
  rows.AddVersion(Version(kKnows, "edge:Knows", 1));
  CommitInfo commit;
  commit.graph_commit_id = "01C0";
  commit.graph_manifest_version = 1;
  commit.created_at_us = 7;
  rows.AddCommit(commit);
  rows.AddHead(commit);
  return rows;
}

TEST(ManifestRowsTest, WhatIsWrittenReduces) {
  ManifestRows rows = Genesis();
  EXPECT_EQ(rows.object_ids()[1],
            "table_version:0000000000000001:0000000000000005:00000000000000000001");
  const format::RecordBatch batch = rows.Finish();
  const auto state = ManifestState::Reduce(std::span(&batch, 1));
  ASSERT_TRUE(state.ok()) << state.status();
  ASSERT_EQ(state->tables().size(), 2u);
  EXPECT_EQ(state->tables()[0].table_key, "edge:Knows");
  EXPECT_EQ(state->tables()[1].type_name(), "Person");
  EXPECT_EQ(state->tables()[1].row_count, 10u);
  EXPECT_EQ(state->tables()[1].metadata.e_tag, "a-b-c");
  EXPECT_EQ(state->ExactHead("main"), "01C0");
  EXPECT_EQ(state->ExactHead("dev"), std::nullopt);
  ASSERT_EQ(state->commits().size(), 1u);
  EXPECT_EQ(state->commits()[0].created_at_us, 7);
}

TEST(ManifestRowsTest, GreatestVersionWinsAndTombstonesEndIt) {
  ManifestRows first = Genesis();
  ManifestRows second;
  second.AddVersion(Version(kPerson, "node:Person", 3));
  second.AddVersion(Version(kPerson, "node:Person", 2));
  second.AddTombstone({kKnows, "edge:Knows", 2});
  const format::RecordBatch batches[] = {first.Finish(), second.Finish()};
  const auto state = ManifestState::Reduce(batches);
  ASSERT_TRUE(state.ok()) << state.status();
  ASSERT_EQ(state->tables().size(), 1u);
  EXPECT_EQ(state->Find("node:Person")->version, 3u);
  EXPECT_EQ(state->Find(kKnows), nullptr);
  EXPECT_EQ(state->LatestVersion(kKnows), 2u);
  EXPECT_EQ(state->LatestVersion({9, 9}), 0u);
}

TEST(ManifestRowsTest, RefusesContradictions) {
  ManifestRows unregistered;
  unregistered.AddVersion(Version(kPerson, "node:Person", 1));
  const format::RecordBatch orphan = unregistered.Finish();
  EXPECT_EQ(ManifestState::Reduce(std::span(&orphan, 1)).status().code(),
            absl::StatusCode::kInternal);

  ManifestRows misplaced;
  misplaced.AddTable({kPerson, "node:Person", "nodes/elsewhere"});
  const format::RecordBatch moved = misplaced.Finish();
  EXPECT_EQ(ManifestState::Reduce(std::span(&moved, 1)).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(ManifestRowsTest, VersionMetadataIsByteStable) {
  const VersionMetadata metadata{"/g/a\"b", std::nullopt, std::nullopt, "V2"};
  const std::string json = EncodeVersionMetadata(metadata);
  EXPECT_EQ(
      json,
      R"({"manifest_path":"/g/a\"b","manifest_size":null,"e_tag":null,"naming_scheme":"V2"})");
  const auto decoded = DecodeVersionMetadata(json);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, metadata);
}

}  // namespace
}  // namespace og::engine::graph
