// Verify and repair: nothing is found in good graphs, each kind of trouble is found and told with
// its remedy, and drift is published only as far as it was asked for.
#include "engine/graph/verify/verify.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/indices.h"
#include "engine/dataset/refs.h"
#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/merge/merge_testing.h"
#include "engine/graph/repair.h"
#include "format/file/lance_schema.h"
#include "format/table/manifest.h"
#include "format/table/roaring.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class VerifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    env_ = std::make_unique<io::SimEnv>(tests::Seed());
    root_ = *env_->Resolve("memory://disk/g");
    ASSERT_THAT(Graph::Init(*env_, root_, kPeopleSchema, {}), IsOk());
    graph_ = *Graph::Open(*env_, root_, OpenMode::kReadWrite);
    ASSERT_THAT(LoadText(*graph_, kPeople, LoadMode::kAppend), IsOk());
    ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
    ASSERT_THAT(LoadText(*graph_, "{\"type\":\"Team\",\"data\":{\"slug\":\"t2\"}}\n",
                         LoadMode::kAppend, "b"),
                IsOk());
    context_ = std::make_unique<GraphContext>(*env_, root_);
  }

  VerifyReport Verify(bool deep = true) {
    auto report = VerifyGraph(*env_, root_, {.deep = deep, .branch = "main", .all_branches = true});
    EXPECT_THAT(report, IsOk());
    return *std::move(report);
  }

  // "severity branch subject check" of each finding.
  static std::vector<std::string> Found(const VerifyReport& report) {
    std::vector<std::string> texts;
    for (const VerifyFinding& finding : report.findings) {
      texts.push_back(io::StrCat(finding.severity == Severity::kDamage ? "damage " : "notice ",
                                 finding.branch, " ", finding.subject, " ", finding.check));
      EXPECT_FALSE(finding.message.empty());
      EXPECT_FALSE(finding.remedy.empty());
    }
    return texts;
  }

  std::string PathOf(std::string_view type, const std::string& branch = "main") {
    const auto info = graph_->DescribeSnapshot({.branch = branch, .snapshot = std::nullopt});
    for (const DatasetInfo& dataset : info->datasets) {
      if (dataset.type_name == type) return dataset.dataset_path;
    }
    return "";
  }

  // Commits a version of a table of main behind the graph's back.
  void Drift(const std::string& type) {
    const auto table = dataset::Dataset::Open(*env_, root_.Child(PathOf(type)), {});
    ASSERT_THAT(table, IsOk());
    const format::RecordBatch batch = BatchOf(**table, {{{"id", "zz", {}}, {"slug", "zz", {}}}});
    const auto stream = format::MakeStream(batch.schema, {batch});
    const auto staged = (*table)->StageAppend(*stream, {});
    ASSERT_THAT(staged, IsOk());
    ASSERT_THAT((*table)->CommitExact(*staged), IsOk());
  }

  std::unique_ptr<io::SimEnv> env_;
  io::Location root_;
  std::shared_ptr<Graph> graph_;
  std::unique_ptr<GraphContext> context_;
};

TEST_F(VerifyTest, FindsNothingInAGoodGraph) {
  for (const bool deep : {false, true}) {
    const VerifyReport report = Verify(deep);
    EXPECT_THAT(Found(report), IsEmpty());
    EXPECT_THAT(report.branches, ElementsAre("main", "b"));
    EXPECT_EQ(report.num_tables, 5u);  // four of main, one of b
  }
  EXPECT_EQ(VerifyGraph(*env_, root_, {.branch = "nowhere"}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(VerifyTest, FindsAFragmentWhoseFileIsGone) {
  const std::string folder = io::StrCat("g/", PathOf("Person"), "/data");
  const auto files = root_.store->List(folder, {});
  ASSERT_THAT(files, IsOk());
  ASSERT_FALSE(files->empty());
  ASSERT_THAT(root_.store->Delete(files->front().path), IsOk());
  const VerifyReport report = Verify(false);
  EXPECT_TRUE(report.has_damage());
  EXPECT_THAT(Found(report), ::testing::Contains("damage main node:Person fragments"));
}

TEST_F(VerifyTest, FindsWhatBreaksTheSchema) {
  // Past every check: an edge to nobody.
  ASSERT_THAT(Upsert(*context_, std::nullopt, "edge:Knows",
                     {{{"id", "k9", {}}, {"src", "ann", {}}, {"dst", "nobody", {}}}}),
              IsOk());
  const VerifyReport report = Verify();
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].check, "integrity");
  EXPECT_THAT(report.findings[0].message, HasSubstr("dst 'nobody' not found in Person"));
}

TEST_F(VerifyTest, FindsUnfinishedWritesAndTheirDrift) {
  env_->crash_points().Fail("mutation.post_table_commit");
  EXPECT_FALSE(
      LoadText(*graph_, "{\"type\":\"Team\",\"data\":{\"slug\":\"t7\"}}\n", LoadMode::kAppend)
          .ok());
  const VerifyReport report = Verify(false);
  EXPECT_FALSE(report.has_damage());
  ASSERT_EQ(report.findings.size(), 2u);
  EXPECT_EQ(report.findings[0].check, "records");
  EXPECT_EQ(report.findings[1].check, "head");
  EXPECT_THAT(report.findings[1].message, HasSubstr("the pending recovery operation owns"));
  const absl::Status refused = RepairGraph(*env_, root_, {}).status();
  EXPECT_THAT(std::string(io::Message(refused)), HasSubstr("requires a clean recovery state"));
  ASSERT_THAT(Graph::Open(*env_, root_, OpenMode::kReadWrite), IsOk());
  EXPECT_THAT(Found(Verify()), IsEmpty());
}

TEST_F(VerifyTest, FindsARecordThatCannotBeUnderstood) {
  ASSERT_THAT(root_.store->Put("g/__recovery/01X.json", io::AsBytes(std::string("{}"))), IsOk());
  EXPECT_THAT(Found(Verify(false)), ElementsAre("damage main __recovery/01X.json records"));
}

TEST_F(VerifyTest, FindsAManifestThatCannotBeRead) {
  for (const char* folder : {"g/__manifest/tree/b/_versions", "g/__manifest/_versions"}) {
    const auto versions = root_.store->List(folder, {});
    ASSERT_THAT(versions, IsOk());
    ASSERT_THAT(root_.store->Put(versions->front().path, io::AsBytes(std::string("short"))),
                IsOk());
  }
  EXPECT_THAT(Found(Verify(false)),
              ElementsAre("damage main graph manifest", "damage b graph manifest"));
}

TEST_F(VerifyTest, FindsLeftOvers) {
  const std::string file = io::StrCat("g/", PathOf("Person"), "/data/0123.lance");
  ASSERT_THAT(root_.store->Put(file, io::AsBytes(std::string("x"))), IsOk());
  env_->crash_points().Fail("branch_delete.before_table_cleanup");
  EXPECT_FALSE(graph_->DeleteBranch("b").ok());
  const VerifyReport report = Verify();
  EXPECT_FALSE(report.has_damage());
  EXPECT_THAT(Found(report),
              ElementsAre(io::StrCat("notice main ", file.substr(2), " left_overs"),
                          io::StrCat("notice main ", PathOf("Team"), " left_overs")));
}

TEST_F(VerifyTest, DriftIsRepairedAsFarAsItWasAskedFor) {
  Drift("Team");
  EXPECT_THAT(Found(Verify(false)), ElementsAre("notice main node:Team head"));
  const absl::Status blocked =
      LoadText(*graph_, "{\"type\":\"Team\",\"data\":{\"slug\":\"t7\"}}\n", LoadMode::kAppend)
          .status();
  EXPECT_THAT(std::string(io::Message(blocked)), HasSubstr("run `omnigraph repair`"));

  const auto team_of = [](const RepairResult& result) {
    return *std::ranges::find(result.tables, "node:Team", &RepairedTable::table_key);
  };
  const auto preview = RepairGraph(*env_, root_, {});
  ASSERT_THAT(preview, IsOk());
  EXPECT_EQ(team_of(*preview).kind, DriftKind::kSuspicious);
  EXPECT_EQ(team_of(*preview).action, RepairAction::kPreview);
  EXPECT_THAT(team_of(*preview).operations, ElementsAre("Append"));
  const auto refused = RepairGraph(*env_, root_, {.confirm = true});
  ASSERT_THAT(refused, IsOk());
  EXPECT_EQ(team_of(*refused).action, RepairAction::kRefused);
  EXPECT_FALSE(refused->graph_manifest_version.has_value());
  EXPECT_FALSE(RepairGraph(*env_, root_, {.force = true}).ok());
  const auto forced = RepairGraph(*env_, root_, {.confirm = true, .force = true});
  ASSERT_THAT(forced, IsOk());
  EXPECT_EQ(team_of(*forced).action, RepairAction::kForced);
  EXPECT_TRUE(forced->graph_manifest_version.has_value());
  EXPECT_EQ(graph_->ListCommits("main")->front().actor_id, "omnigraph:repair:force");
  EXPECT_THAT(ExportText(*graph_), HasSubstr("\"zz\""));
  EXPECT_THAT(Found(Verify()), IsEmpty());
}

// What each kind of damage is found as. Each is planted past every check of the writers.
class PlantedDamageTest : public VerifyTest {
 protected:
  void SetUp() override {
    constexpr std::string_view kSchema =
        "node Person { name: String @key\n  age: I64?\n  mood: enum(calm, wild)?\n"
        "  email: String? @unique\n  @range(age, 0..150) }\n"
        "node Team { slug: String @key }\n"
        "edge Knows: Person -> Person { since: I32 }\n"
        "edge MemberOf: Person -> Team @card(0..1)\n";
    env_ = std::make_unique<io::SimEnv>(tests::Seed());
    root_ = *env_->Resolve("memory://disk/g");
    ASSERT_THAT(Graph::Init(*env_, root_, kSchema, {}), IsOk());
    graph_ = *Graph::Open(*env_, root_, OpenMode::kReadWrite);
    ASSERT_THAT(LoadText(*graph_, kPeople, LoadMode::kAppend), IsOk());
    context_ = std::make_unique<GraphContext>(*env_, root_);
  }

  void Plant(const std::string& table_key, const std::vector<Row>& rows) {
    ASSERT_THAT(Upsert(*context_, std::nullopt, table_key, rows), IsOk());
  }

  absl::Status LoadTeam(const std::string& slug) {
    return LoadText(*graph_, io::StrCat("{\"type\":\"Team\",\"data\":{\"slug\":\"", slug, "\"}}\n"),
                    LoadMode::kAppend)
        .status();
  }

  // Changes the manifest of a table's newest version where it lies; nobody remembers the former
  // one.
  void Edit(const std::string& type, const std::function<void(format::Manifest&)>& change) {
    const std::vector<std::string> files = FilesOf(type, "_versions");
    const std::string& newest = *std::ranges::min_element(files);
    const auto bytes = root_.store->Read(newest);
    ASSERT_THAT(bytes, IsOk());
    auto file = format::DecodeManifestFile(bytes->span(), newest);
    ASSERT_THAT(file, IsOk());
    change(file->manifest);
    ASSERT_THAT(
        root_.store->Put(newest, io::AsBytes(format::EncodeManifestFile(file->manifest, {}))),
        IsOk());
    context_ = std::make_unique<GraphContext>(*env_, root_);
  }

  // The one finding, as "severity branch subject check: message".
  std::string Finding(bool deep = true) {
    const VerifyReport report = Verify(deep);
    const std::vector<std::string> found = Found(report);
    if (found.empty()) return "nothing";
    return io::StrCat(found.front(), ": ", report.findings.front().message);
  }

  std::vector<std::string> FilesOf(const std::string& type, const std::string& folder) {
    std::vector<std::string> paths;
    const auto files = root_.store->List(io::StrCat("g/", PathOf(type), "/", folder), {});
    EXPECT_THAT(files, IsOk());
    for (const io::ObjectInfo& file : *files)
      paths.push_back(file.path);
    return paths;
  }
};

TEST_F(PlantedDamageTest, RowIdsThatRepeat) {
  ASSERT_THAT(LoadTeam("t2"), IsOk());
  Edit("Team", [](format::Manifest& manifest) {
    ASSERT_EQ(manifest.fragments.size(), 2u);
    manifest.fragments[1].row_ids = manifest.fragments[0].row_ids;
  });
  EXPECT_THAT(Finding(false),
              HasSubstr("damage main node:Team row_ids: row id 0 belongs to two rows"));
}

TEST_F(PlantedDamageTest, RowIdsThatWillBeGivenAgain) {
  Edit("Team", [](format::Manifest& manifest) { manifest.next_row_id = 0; });
  EXPECT_THAT(Finding(false), HasSubstr("damage main node:Team row_ids: row id 0 is not below"));
}

TEST_F(PlantedDamageTest, RequiredValues) {
  const auto set_nullable = [this](bool nullable) {
    Edit("Knows", [nullable](format::Manifest& manifest) {
      auto schema = std::make_shared<format::LanceSchema>(*manifest.schema);
      for (format::LanceField& field : schema->fields) {
        if (field.name == "since") field.nullable = nullable;
      }
      manifest.schema = std::move(schema);
    });
  };
  set_nullable(true);
  Plant("edge:Knows", {{{"id", "k9", {}}, {"src", "ann", {}}, {"dst", "ann", {}}}});
  set_nullable(false);
  EXPECT_THAT(Finding(), HasSubstr("damage main edge:Knows nulls: required property 'since' is "
                                   "null in 1 rows"));
}

class PlantedIndexTest : public PlantedDamageTest {
 protected:
  // Two teams, each a fragment of its own, and an index of them.
  void SetUp() override {
    PlantedDamageTest::SetUp();
    ASSERT_THAT(LoadTeam("t2"), IsOk());
    ASSERT_THAT(Change(*context_, std::nullopt, "node:Team",
                       [](const dataset::Dataset& table) {
                         return dataset::StageCreateIndex(table, {.column = "slug"});
                       }),
                IsOk());
    ASSERT_EQ(Finding(), "nothing");
  }
};

TEST_F(PlantedIndexTest, ThatLacksRowsOfItsFragments) {
  ASSERT_THAT(LoadTeam("t3"), IsOk());
  ASSERT_EQ(Finding(), "nothing");
  Edit("Team", [](format::Manifest& manifest) {
    ASSERT_EQ(manifest.indices.size(), 1u);
    manifest.indices[0].fragment_bitmap = format::EncodeRoaring(std::vector<uint32_t>{0, 1, 2});
  });
  EXPECT_THAT(Finding(), HasSubstr("damage main node:Team indexes: index slug_idx finds 2 rows "
                                   "where a scan finds 3"));
}

TEST_F(PlantedIndexTest, ThatNamesTheWrongRows) {
  Edit("Team", [](format::Manifest& manifest) {
    std::swap(manifest.fragments[0].files, manifest.fragments[1].files);
  });
  EXPECT_THAT(Finding(), HasSubstr("damage main node:Team indexes: index slug_idx: "));
}

TEST_F(PlantedIndexTest, WhoseFilesAreGone) {
  ASSERT_THAT(root_.store->DeletePrefix(io::StrCat("g/", PathOf("Team"), "/_indices")), IsOk());
  EXPECT_THAT(Finding(), HasSubstr("damage main node:Team indexes: index slug_idx: "));
}

TEST_F(PlantedDamageTest, Enums) {
  Plant("node:Person", {{{"id", "eve", {}}, {"name", "eve", {}}, {"mood", "angry", {}}}});
  EXPECT_THAT(Finding(), HasSubstr("damage main node:Person values"));
}

TEST_F(PlantedDamageTest, Ranges) {
  Plant("node:Person", {{{"id", "eve", {}}, {"name", "eve", {}}, {"age", {}, 151}}});
  EXPECT_THAT(Finding(), HasSubstr("damage main node:Person values"));
}

TEST_F(PlantedDamageTest, UniqueValues) {
  Plant("node:Person", {{{"id", "eve", {}}, {"name", "eve", {}}, {"email", "a@x", {}}}});
  EXPECT_THAT(Finding(), HasSubstr("damage main graph integrity: @unique violation"));
}

TEST_F(PlantedDamageTest, Keys) {
  Plant("node:Person", {{{"id", "eve", {}}, {"name", "somebody else", {}}}});
  EXPECT_THAT(Finding(),
              HasSubstr("damage main node:Person keys: id 'eve' is not its key 'somebody else'"));
}

TEST_F(PlantedDamageTest, Cardinalities) {
  Plant("edge:MemberOf", {{{"id", "m2", {}}, {"src", "bob", {}}, {"dst", "t1", {}}}});
  EXPECT_THAT(Finding(), HasSubstr("damage main graph integrity: @card violation"));
}

TEST_F(PlantedDamageTest, IdsThatRepeat) {
  const auto twice = Change(
      *context_, std::nullopt, "node:Team",
      [](const dataset::Dataset& table) -> absl::StatusOr<dataset::StagedTransaction> {
        const format::RecordBatch batch = BatchOf(table, {{{"id", "t1", {}}, {"slug", "t1", {}}}});
        const auto stream = format::MakeStream(batch.schema, {batch});
        return table.StageAppend(*stream, {});
      });
  ASSERT_THAT(twice, IsOk());
  EXPECT_THAT(Finding(), HasSubstr("damage main graph integrity"));
}

TEST_F(PlantedDamageTest, RowCounts) {
  const auto view = context_->manifest.OpenPresent(std::nullopt);
  ASSERT_THAT(view, IsOk());
  Drift("Team");
  const TableEntry entry = *view->state.Find("node:Team");
  const auto team = dataset::Dataset::Open(*env_, root_.Child(entry.path), {});
  PublishRequest request;
  request.commit.graph_commit_id = env_->NewUlid();
  request.versions.push_back({.identity = entry.identity,
                              .table_key = entry.table_key,
                              .version = (*team)->version(),
                              .branch = std::nullopt,
                              .row_count = 999,
                              .metadata = MetadataOf(*context_, **team)});
  ASSERT_THAT(context_->manifest.Publish(request), IsOk());
  EXPECT_THAT(Finding(false),
              HasSubstr("damage main node:Team row_count: has 2 rows, 999 are published"));
}

TEST_F(PlantedDamageTest, VersionsThatAreGone) {
  ASSERT_THAT(root_.store->DeletePrefix(io::StrCat("g/", PathOf("Team"), "/_versions")), IsOk());
  EXPECT_THAT(Finding(false), HasSubstr("damage main node:Team open"));
}

TEST_F(PlantedDamageTest, DeletionVectors) {
  ASSERT_THAT(LoadText(*graph_,
                       "{\"type\":\"Team\",\"data\":{\"slug\":\"t2\"}}\n"
                       "{\"type\":\"Team\",\"data\":{\"slug\":\"t3\"}}\n",
                       LoadMode::kAppend),
              IsOk());
  ASSERT_THAT(Remove(*context_, std::nullopt, "node:Team", "t2"), IsOk());
  const std::vector<std::string> files = FilesOf("Team", "_deletions");
  ASSERT_EQ(files.size(), 1u);
  ASSERT_THAT(root_.store->Put(files[0], io::AsBytes(std::string("not arrow"))), IsOk());
  EXPECT_THAT(Finding(false), HasSubstr("damage main node:Team"));
}

TEST_F(PlantedDamageTest, DataFilesThatAreCutShort) {
  const std::vector<std::string> files = FilesOf("Team", "data");
  ASSERT_FALSE(files.empty());
  ASSERT_THAT(root_.store->Put(files[0], io::AsBytes(std::string("short"))), IsOk());
  EXPECT_THAT(Finding(false), HasSubstr("damage main node:Team fragments"));
}

TEST_F(PlantedDamageTest, TheSchema) {
  ASSERT_THAT(root_.store->Put("g/_schema.pg", io::AsBytes(std::string("node Person {"))), IsOk());
  EXPECT_THAT(Finding(false), HasSubstr("damage main graph schema: "));
}

TEST_F(PlantedDamageTest, RefsOfBranches) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  ASSERT_THAT(root_.store->DeletePrefix("g/__manifest/tree/b"), IsOk());
  EXPECT_THAT(Finding(false), HasSubstr("damage b graph manifest"));
}

TEST_F(PlantedDamageTest, StagedSchemas) {
  ASSERT_THAT(root_.store->Put("g/_schema.pg.staging", io::AsBytes(std::string("x"))), IsOk());
  EXPECT_THAT(Finding(false), HasSubstr("notice main graph schema_apply"));
}

TEST_F(PlantedDamageTest, SchemaLocks) {
  const auto manifest = dataset::Dataset::Open(*env_, root_.Child("__manifest"), {});
  ASSERT_THAT(dataset::CreateBranch(**manifest, "__schema_apply_lock__", {}), IsOk());
  EXPECT_THAT(Finding(false), HasSubstr("notice main graph schema_apply"));
}

}  // namespace
}  // namespace og::engine::graph
