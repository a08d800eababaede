// Recovery records: what is written reads back, the text has the reference's shape, and a record in
// which anything that recovery relies on is changed is refused.

#include "engine/graph/recovery/record.h"

#include <string>

#include "gtest/gtest.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kRoot = "/data/g";
constexpr std::string_view kUri = "/data/g/__recovery/01OP.json";

RecoveryRecord Armed() {
  RecoveryRecord record;
  record.operation_id = "01OP";
  record.started_at_us = 1761000000000000;
  record.actor_id = "act-alice";
  record.kind = WriterKind::kLoad;
  record.tables.push_back({{1, 5},
                           "node:Person",
                           "/data/g/nodes/0000000000000001-0000000000000005",
                           3,
                           4,
                           std::nullopt,
                           EffectKind::kTransactions,
                           {{3, "omnigraph-01T"}},
                           std::nullopt,
                           std::nullopt,
                           std::nullopt});
  record.authority = {{}, "01H3", "01DOM", "sha256:x", 2};
  record.lineage = {"01C4", std::nullopt, "act-alice", std::nullopt, 1761000000000000};
  record.rollback_graph_commit_id = "01RB";
  return record;
}

RecoveryRecord Confirmed() {
  RecoveryRecord record = Armed();
  record.effects_confirmed = true;
  record.tables[0].confirmed = {4, std::nullopt, 17, {"/data/g/n/_versions/4", 99, "e", "V2"}};
  return record;
}

TEST(RecoveryRecordTest, ReadsBackWhatItWrites) {
  for (const RecoveryRecord& record : {Armed(), Confirmed()}) {
    const std::string text = EncodeRecoveryRecord(record);
    const auto read = DecodeRecoveryRecord(text, kUri, kRoot);
    ASSERT_TRUE(read.ok()) << read.status() << text;
    EXPECT_EQ(EncodeRecoveryRecord(*read), text);
    EXPECT_EQ(read->authority, record.authority);
    EXPECT_EQ(read->tables[0].planned, record.tables[0].planned);
  }
}

TEST(RecoveryRecordTest, HasTheShapeOfTheReference) {
  EXPECT_TRUE(EncodeRecoveryRecord(Armed()).starts_with(R"({
  "schema_version": 9,
  "operation_id": "01OP",
  "started_at": "1761000000000000",
  "branch": null,
  "actor_id": "act-alice",
  "writer_kind": "Load",
  "tables": [
    {
      "identity": {
        "stable_table_id": 1,
        "table_incarnation_id": 5
      },
      "table_key": "node:Person",)"));
}

TEST(RecoveryRecordTest, ALeaseHolderIsNoPath) {
  RecoveryRecord record = Armed();
  record.writer_lease = "01K8ZB";
  const auto read = DecodeRecoveryRecord(EncodeRecoveryRecord(record), kUri, kRoot);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->writer_lease, record.writer_lease);
  for (const char* const holder : {"", "../_refs/branches/b", "a/b", "a.b"}) {
    record.writer_lease = holder;
    EXPECT_FALSE(DecodeRecoveryRecord(EncodeRecoveryRecord(record), kUri, kRoot).ok()) << holder;
  }
}

// Each pair: a piece of a good record, and what to put in its place.
TEST(RecoveryRecordTest, RefusesAnythingThatDoesNotFitTogether) {
  const std::pair<std::string_view, std::string_view> kEdits[] = {
      {"\"schema_version\": 9", "\"schema_version\": 10"},
      {"\"schema_version\": 9", "\"schema_version\": 8"},
      {"/data/g/nodes/", "/data/h/nodes/"},
      {"\"expected_version\": 3", "\"expected_version\": 2"},
      {"\"read_version\": 3", "\"read_version\": 4"},
      {"\"EffectsConfirmed\"", "\"Armed\""},
      {"\"confirmed_version\": 4", "\"confirmed_version\": 5"},
      {"\"writer_kind\": \"Load\"", "\"writer_kind\": \"Loud\""},
      {"\"rollback_graph_commit_id\": \"01RB\"", "\"rollback_graph_commit_id\": \"01C4\""},
      {"\"schema_ir_hash\": \"sha256:x\"", "\"schema_ir_hash\": \"\""},
      {"\"branch\": null,\n  \"actor_id\": \"act-alice\"",
       "\"branch\": null,\n  \"actor_id\": null"},
      {"\"protocol_v3\"", "\"protocol_v4\""}};
  const std::string good = EncodeRecoveryRecord(Confirmed());
  for (const auto& [from, to] : kEdits) {
    std::string bad = good;
    const size_t at = bad.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    bad.replace(at, from.size(), to);
    const auto read = DecodeRecoveryRecord(bad, kUri, kRoot);
    EXPECT_FALSE(read.ok()) << from << " -> " << to;
    EXPECT_NE(read.status().message().find("/data/g/__recovery/01OP.json"), std::string::npos);
  }
  for (size_t cut = 0; cut < good.size(); cut += 7) {
    EXPECT_FALSE(DecodeRecoveryRecord(good.substr(0, cut), kUri, kRoot).ok());
  }
}

}  // namespace
}  // namespace og::engine::graph
