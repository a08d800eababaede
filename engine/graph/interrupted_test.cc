// The writes of omnigraph 0.10 that were killed, stopped at every other step as well: the recorded
// states are edited to what its writer leaves when it dies earlier or later. Each is healed as the
// reference does: forward once all tables are confirmed, else back, and an audit row says which.
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/dataset/dataset.h"
#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/recovery/audit.h"
#include "engine/graph/recovery/record.h"
#include "engine/graph/verify/verify.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/support/reference_graph.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::og::tests::ReferenceGraph;
namespace fs = std::filesystem;

constexpr std::string_view kHealer =
    "{\"type\":\"Person\",\"data\":{\"name\":\"healer\",\"age\":1,\"active\":true,"
    "\"level\":\"junior\"}}\n";

std::map<std::string, std::string> Branches(Graph& graph) {
  std::map<std::string, std::string> branches;
  const auto names = graph.ListBranches();
  EXPECT_THAT(names, IsOk());
  for (const std::string& name : *names)
    branches[name] = ExportText(graph, {.branch = name, .snapshot = std::nullopt});
  return branches;
}

class InterruptedTest : public ::testing::TestWithParam<const char*> {
 protected:
  // Unpacked once.
  static const ReferenceGraph& Unpacked(const std::string& name) {
    static std::map<std::string, std::unique_ptr<ReferenceGraph>> graphs;
    auto& graph = graphs[name];
    if (graph == nullptr) graph = std::make_unique<ReferenceGraph>(name);
    return *graph;
  }

  InterruptedTest() : graph_(Unpacked(GetParam())) {
    graph_.Restore();
    for (const auto& file : fs::directory_iterator(graph_.root() + "/__recovery"))
      record_file_ = file.path();
    text_ = tests::ReadFile(record_file_);
    record_ = Decoded();
    before_ = Branches(**graph_.Open(OpenMode::kReadOnly));
    after_ = Branches(**graph_.Open(OpenMode::kReadWrite));
    EXPECT_NE(before_, after_);
    graph_.Restore();
  }

  RecoveryRecord Decoded() const {
    const auto record = DecodeRecoveryRecord(text_, record_file_, graph_.root());
    EXPECT_THAT(record, IsOk());
    return *record;
  }

  void Write(const RecoveryRecord& record) const {
    tests::WriteFile(record_file_, EncodeRecoveryRecord(record));
  }

  // The record as it was before the write confirmed it.
  RecoveryRecord Armed() const {
    RecoveryRecord record = record_;
    record.effects_confirmed = false;
    for (RecordedTable& table : record.tables) {
      table.confirmed.reset();
      table.confirmed_branch_identifier.reset();
    }
    for (RecordedPointer& pointer : record.pointers)
      pointer.confirmed.reset();
    return record;
  }

  // The writer had not come to this table.
  void TakeBack(const RecordedTable& table) const {
    std::string folder = table.table_uri;
    if (table.branch.has_value()) folder += "/tree/" + *table.branch;
    for (uint64_t version = table.expected_version + 1; version <= table.expected_version + 64;
         ++version) {
      fs::remove(
          io::StrCat(folder, "/_versions/", io::ZeroPadded(UINT64_MAX - version, 20), ".manifest"));
    }
  }

  // Opens what there is, and writes on. `commit_id`: of the commit that recovery has to make, or
  // empty. `audited`: "RolledForward", ..., or empty.
  void ExpectHealed(const std::map<std::string, std::string>& wanted, const std::string& commit_id,
                    const std::string& audited) const {
    {
      const auto reader = graph_.Open(OpenMode::kReadOnly);
      ASSERT_THAT(reader, IsOk());
      const auto read = Branches(**reader);
      EXPECT_TRUE(read == before_ || read == after_);
    }
    const auto graph = graph_.Open(OpenMode::kReadWrite);
    ASSERT_THAT(graph, IsOk());
    EXPECT_EQ(Branches(**graph), wanted);
    EXPECT_TRUE(fs::is_empty(graph_.root() + "/__recovery"));
    const auto commits = (*graph)->ListCommits(record_.branch.value_or("main"));
    ASSERT_THAT(commits, IsOk());
    for (const std::string& id :
         {record_.lineage.graph_commit_id, record_.rollback_graph_commit_id}) {
      if (id.empty()) continue;
      EXPECT_EQ(std::ranges::count(*commits, id, &CommitInfo::graph_commit_id), id == commit_id)
          << id;
    }
    ExpectAudit(audited, commit_id);
    ASSERT_THAT(LoadText(**graph, kHealer, LoadMode::kMerge), IsOk());
    const auto again = graph_.Open(OpenMode::kReadWrite);
    ASSERT_THAT(again, IsOk());
    const auto root = io::RealEnv().Resolve(graph_.root());
    const auto report =
        VerifyGraph(io::RealEnv(), *root, {.deep = true, .branch = "main", .all_branches = true});
    ASSERT_THAT(report, IsOk());
    for (const VerifyFinding& finding : report->findings)
      EXPECT_EQ(finding.check, "left_overs") << finding.subject << ": " << finding.message;
  }

  void ExpectAudit(const std::string& kind, const std::string& commit_id) const {
    io::Env& env = io::RealEnv();
    const auto root = env.Resolve(io::StrCat(graph_.root(), "/", kAuditFolder));
    const auto audit = dataset::Dataset::Open(env, *root, {});
    if (kind.empty()) {
      EXPECT_TRUE(absl::IsNotFound(audit.status()));
      return;
    }
    ASSERT_THAT(audit, IsOk());
    const auto stream = (*audit)->Scan({});
    ASSERT_THAT(stream, IsOk());
    const auto rows = (*stream)->Next();
    ASSERT_THAT(rows, IsOk());
    ASSERT_TRUE(rows->has_value());
    EXPECT_EQ((*rows)->num_rows, 1);
    EXPECT_EQ((*rows)->columns[0]->StringValue(0), commit_id);
    EXPECT_EQ((*rows)->columns[1]->StringValue(0), kind);
    EXPECT_EQ((*rows)->columns[3]->StringValue(0), record_.operation_id);
  }

  const ReferenceGraph& graph_;
  std::string record_file_;
  std::string text_;
  RecoveryRecord record_;
  std::map<std::string, std::string> before_;
  std::map<std::string, std::string> after_;
};

TEST_P(InterruptedTest, ConfirmedGoesForward) {
  ExpectHealed(after_, record_.lineage.graph_commit_id, "RolledForward");
}

// After each of its tables, and before the first.
TEST_P(InterruptedTest, ArmedGoesBack) {
  for (size_t done = 0; done <= record_.tables.size(); ++done) {
    SCOPED_TRACE(io::StrCat(done, " tables committed"));
    graph_.Restore();
    Write(Armed());
    for (size_t i = done; i < record_.tables.size(); ++i)
      TakeBack(record_.tables[i]);
    ExpectHealed(before_, done == 0 ? "" : record_.rollback_graph_commit_id,
                 done == 0 ? "" : "RolledBack");
  }
}

// The writer published and died before it removed its record; or recovery did.
TEST_P(InterruptedTest, APublishedOneIsOnlyTidiedUp) {
  ASSERT_THAT(graph_.Open(OpenMode::kReadWrite), IsOk());
  for (const bool audited : {true, false}) {
    if (!audited) fs::remove_all(io::StrCat(graph_.root(), "/", kAuditFolder));
    tests::WriteFile(record_file_, text_);
    ASSERT_THAT(graph_.Open(OpenMode::kReadWrite), IsOk());
    ExpectAudit("RolledForward", record_.lineage.graph_commit_id);
  }
  ExpectHealed(after_, record_.lineage.graph_commit_id, "RolledForward");
}

TEST_P(InterruptedTest, ARollbackThatWasPublishedIsOnlyTidiedUp) {
  Write(Armed());
  io::RealEnvOptions options;
  const auto env = io::NewRealEnv(options);
  (*env)->crash_points().Fail("recovery.sidecar_delete");
  EXPECT_FALSE(graph_.Open(OpenMode::kReadWrite, **env).ok());
  EXPECT_FALSE(fs::is_empty(graph_.root() + "/__recovery"));
  ExpectHealed(before_, record_.rollback_graph_commit_id, "RolledBack");
}

// Recovery of the reference, or ours, dies on its way.
TEST_P(InterruptedTest, RecoveryMayDie) {
  for (const char* point : {"recovery.sidecar_confirm", "recovery.post_table_restore_pre_publish",
                            "graph_publish.before_commit_append",
                            "recovery.post_rollback_publish_pre_audit", "recovery.record_audit"}) {
    SCOPED_TRACE(point);
    graph_.Restore();
    Write(Armed());
    const auto env = io::NewRealEnv(io::RealEnvOptions{});
    (*env)->crash_points().Fail(point);
    EXPECT_FALSE(graph_.Open(OpenMode::kReadWrite, **env).ok());
    ExpectHealed(before_, record_.rollback_graph_commit_id, "RolledBack");
  }
}

// Somebody has published since: the confirmed effects must not go over it.
TEST_P(InterruptedTest, AnotherHeadTakesItBack) {
  RecoveryRecord record = record_;
  record.authority.graph_head = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  Write(record);
  ExpectHealed(before_, record_.rollback_graph_commit_id, "RolledBack");
}

TEST_P(InterruptedTest, AnotherSchemaTakesItBack) {
  RecoveryRecord record = record_;
  record.authority.schema_ir_hash = "sha256:0000";
  Write(record);
  ExpectHealed(before_, record_.rollback_graph_commit_id, "RolledBack");
}

// A foreign write on top: nothing is touched, and the record stays for its operator.
TEST_P(InterruptedTest, ABuriedEffectIsRefused) {
  {
    const RecordedTable& table = record_.tables[0];
    io::Env& env = io::RealEnv();
    const auto foreign = dataset::Dataset::Open(env, *env.Resolve(table.table_uri), {});
    ASSERT_THAT(foreign, IsOk());
    const auto restore = (*foreign)->StageRestore(table.expected_version - 1, {});
    ASSERT_THAT(restore, IsOk());
    ASSERT_THAT((*foreign)->CommitExact(*restore), IsOk());
  }
  const auto graph = graph_.Open(OpenMode::kReadWrite);
  EXPECT_EQ(io::Message(graph.status()).find("recovery sidecar '") != std::string_view::npos, true)
      << graph.status();
  EXPECT_TRUE(fs::exists(record_file_));
  const auto reader = graph_.Open(OpenMode::kReadOnly);
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ(Branches(**reader), before_);
}

// Records that cannot be believed are refused by who writes, with the file's name; reading goes on.
TEST_P(InterruptedTest, UnreadableRecordsAreRefused) {
  const std::string foreign = "/somewhere/else";
  std::string moved = text_;
  for (size_t at; (at = moved.find(graph_.root())) != std::string::npos;)
    moved.replace(at, graph_.root().size(), foreign);
  std::string newer = text_;
  newer.replace(newer.find("\"schema_version\": 9"), 19, "\"schema_version\": 10");
  const std::pair<std::string, const char*> kTexts[] = {
      {text_.substr(0, text_.size() / 2), "is not valid JSON"},
      {"", "is not valid JSON"},
      {"{}", "failed to deserialize"},
      {newer,
       "declares schema_version=10, newer than the maximum this binary supports "
       "(schema_version=9); refusing to interpret"},
      {moved, "to foreign or non-canonical URI '/somewhere/else"}};
  for (const auto& [text, message] : kTexts) {
    SCOPED_TRACE(message);
    tests::WriteFile(record_file_, text);
    const auto graph = graph_.Open(OpenMode::kReadWrite);
    ASSERT_FALSE(graph.ok());
    EXPECT_NE(io::Message(graph.status()).find(message), std::string_view::npos) << graph.status();
    EXPECT_NE(io::Message(graph.status()).find(record_file_), std::string_view::npos);
    const auto reader = graph_.Open(OpenMode::kReadOnly);
    ASSERT_THAT(reader, IsOk());
    EXPECT_EQ(Branches(**reader), before_);
    EXPECT_EQ(tests::ReadFile(record_file_), text);
  }
}

INSTANTIATE_TEST_SUITE_P(Graphs, InterruptedTest,
                         ::testing::Values("interrupted_load", "interrupted_overwrite",
                                           "interrupted_mutate", "interrupted_merge"),
                         [](const auto& graph) { return std::string(graph.param).substr(12); });

}  // namespace
}  // namespace og::engine::graph
