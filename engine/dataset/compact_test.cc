// Compaction: what is planned; rows, ids, versions and answers of indexes before and after it, over
// random histories; indexes that follow now or later; blobs; what others commit meanwhile.
#include "engine/dataset/compact.h"

#include <algorithm>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/blobs.h"
#include "engine/dataset/indices.h"
#include "engine/dataset/row_moves.h"
#include "engine/dataset/table_testing.h"
#include "engine/expr/filter_parse.h"
#include "format/arrow/builder.h"
#include "format/file/lance_schema.h"
#include "format/table/fragment_reuse.h"
#include "format/table/roaring.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using ::testing::ElementsAre;
using tests::IsOk;
using tests::StatusIs;

class CompactTest : public ::testing::Test {
 protected:
  CompactTest() : env_(tests::Seed()), root_(*env_.Resolve("memory://disk/t.lance")) {}

  DatasetPtr Indexed(const DatasetPtr& table) {
    return CommitStaged(table, StageCreateIndex(*table, {.column = "id"}));
  }

  DatasetPtr Compacted(const DatasetPtr& table, const CompactionOptions& options) {
    const auto result = Compact(*table, options, {});
    EXPECT_THAT(result, IsOk());
    return result.ok() ? result->dataset : table;
  }

  std::vector<uint64_t> CoverageOf(const Dataset& table) {
    const auto index = FindIndex(table, "id_idx");
    EXPECT_THAT(index, IsOk());
    return index->fragment_ids;
  }

  io::SimEnv env_;
  const io::Location root_;
};

std::vector<std::vector<uint64_t>> Ids(const CompactionPlan& plan) {
  std::vector<std::vector<uint64_t>> ids;
  for (const CompactionTask& task : plan.tasks) {
    ids.emplace_back();
    for (const format::Fragment& fragment : task.fragments) {
      ids.back().push_back(fragment.id);
    }
  }
  return ids;
}

TEST_F(CompactTest, PlansNeighboursAndFragmentsWithDeletions) {
  DatasetPtr table = NumberedTable(env_, root_, true, 5, 10);
  const auto plan = [&](const CompactionOptions& options) {
    const auto made = PlanCompaction(*table, options);
    EXPECT_THAT(made, IsOk());
    return Ids(*made);
  };
  EXPECT_THAT(plan({}), ElementsAre(ElementsAre(0, 1, 2, 3, 4)));
  EXPECT_THAT(plan({.target_rows_per_fragment = 10}), ElementsAre());
  EXPECT_THAT(plan({.target_rows_per_fragment = 20}),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3, 4)));
  EXPECT_THAT(plan({.target_rows_per_fragment = 20, .max_source_fragments = 4}),
              ElementsAre(ElementsAre(0, 1)));
  table = DeleteWhere(table, "id IN (20, 21)");  // 20 % of fragment 2
  EXPECT_THAT(plan({.target_rows_per_fragment = 10}), ElementsAre(ElementsAre(2)));
  EXPECT_THAT(plan({.target_rows_per_fragment = 10, .materialize_deletions_threshold = 0.2F}),
              ElementsAre());
  EXPECT_THAT(plan({.target_rows_per_fragment = 10, .materialize_deletions = false}),
              ElementsAre());
  // An index over some fragments parts them from the others.
  table = CommitStaged(table, StageCreateIndex(*table, {.column = "id"}));
  const auto more = NumberedRows(50, 10);
  table = CommitStaged(table, table->StageAppend(*more, {}));
  EXPECT_THAT(plan({}), ElementsAre(ElementsAre(0, 1, 2, 3, 4)));
  const auto again = NumberedRows(60, 10);
  table = CommitStaged(table, table->StageAppend(*again, {}));
  EXPECT_THAT(plan({}), ElementsAre(ElementsAre(0, 1, 2, 3, 4), ElementsAre(5, 6)));
  EXPECT_THAT(PlanCompaction(*table, {.defer_index_remap = true}),
              StatusIs(absl::StatusCode::kInvalidArgument, "nothing to defer"));
  EXPECT_THAT(PlanCompaction(*table, {.target_rows_per_fragment = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CompactTest, NothingToDoMakesNoVersion) {
  const DatasetPtr table = NumberedTable(env_, root_, true, 1, 10);
  const auto result = Compact(*table, {}, {});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->dataset->version(), 1u);
  EXPECT_EQ(result->metrics, CompactionMetrics());
}

TEST_F(CompactTest, OptionsComeFromTheConfiguration) {
  OG_ASSERT_OK_AND_ASSIGN(
      const CompactionOptions options,
      CompactionOptionsOf({{"lance.compaction.target_rows_per_fragment", "7"},
                           {"lance.compaction.materialize_deletions", "FALSE"},
                           {"lance.compaction.max_rows_per_group", "3"},
                           {"lance.compaction.materialize_deletions_threshold", "0.5"},
                           {"lance.auto_cleanup.interval", "x"}}));
  EXPECT_EQ(options.target_rows_per_fragment, 7u);
  EXPECT_FALSE(options.materialize_deletions);
  EXPECT_EQ(options.materialize_deletions_threshold, 0.5F);
  for (const auto& [key, value] :
       std::map<std::string, std::string>{{"target_rows_per_fragment", "-1"},
                                          {"materialize_deletions", "yes"},
                                          {"materialize_deletions_threshold", "a"},
                                          {"max_rows_per_group", ""}}) {
    EXPECT_THAT(CompactionOptionsOf({{io::StrCat("lance.compaction.", key), value}}),
                StatusIs(absl::StatusCode::kInvalidArgument, key));
  }
}

std::vector<std::string> SortedRows(const Dataset& table) {
  std::vector<std::string> rows = AllRows(table);
  std::ranges::sort(rows);
  return rows;
}

class CompactHistories : public CompactTest, public ::testing::WithParamInterface<bool> {};

TEST_P(CompactHistories, KeepRowsIdsVersionsAndAnswers) {
  std::mt19937_64 random(tests::Seed());
  const bool stable = GetParam();
  DatasetPtr table = Indexed(NumberedTable(env_, root_, stable, 3, 20));
  int64_t next = 60;
  for (int step = 0; step < 40; ++step) {
    SCOPED_TRACE(step);
    switch (random() % 5) {
      case 0:
      case 1: {
        const auto count = static_cast<int64_t>(random() % 15 + 1);
        const auto rows = NumberedRows(next, count);
        next += count;
        table = CommitStaged(table, table->StageAppend(*rows, {}));
        break;
      }
      case 2:
        table = DeleteWhere(table, io::StrCat("id >= ", random() % static_cast<uint64_t>(next),
                                              " AND id % ", random() % 7 + 2, " = 0"));
        break;
      case 3: {
        const auto staged = StageOptimizeIndices(*table, {});
        ASSERT_THAT(staged, IsOk());
        if (*staged) {
          table = CommitStaged(table, **staged);
        }
        break;
      }
      default: {
        CompactionOptions options;
        options.target_rows_per_fragment = random() % 60 + 5;
        options.materialize_deletions_threshold = random() % 2 == 0 ? 0.0F : 0.3F;
        options.defer_index_remap = !stable && random() % 3 == 0;
        const auto plan = PlanCompaction(*table, options);
        ASSERT_THAT(plan, IsOk());
        const DatasetPtr compacted = Compacted(table, options);
        // What was written again stands behind what was not.
        ASSERT_EQ(SortedRows(*compacted), SortedRows(*table));
        EXPECT_EQ(compacted->version(), table->version() + (plan->tasks.empty() ? 0 : 2));
        if (stable) {
          // No row lost its index.
          EXPECT_EQ(FindIndex(*compacted, "id_idx")->num_indexed_rows,
                    FindIndex(*table, "id_idx")->num_indexed_rows);
        }
        table = compacted;
      }
    }
    const std::string filter = io::StrCat("id >= ", random() % 50, " AND id < ", random() % 120);
    ASSERT_EQ(AllRows(*table, filter), AllRows(*table, filter, false)) << filter;
    const auto reopened = Dataset::Open(env_, root_, {});
    ASSERT_THAT(reopened, IsOk());
    ASSERT_EQ(AllRows(**reopened), AllRows(*table));
  }
}

INSTANTIATE_TEST_SUITE_P(RowIds, CompactHistories, ::testing::Bool());

TEST_F(CompactTest, FilesAndDeletionsBecomeFewer) {
  DatasetPtr table = DeleteWhere(NumberedTable(env_, root_, true, 4, 10), "id % 3 = 0");
  const auto result = Compact(*table, {.target_rows_per_fragment = 12}, {});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->metrics.fragments_removed, 4u);
  EXPECT_EQ(result->metrics.files_removed, 8u);  // deletion files count
  ASSERT_EQ(result->dataset->manifest().fragments.size(), result->metrics.fragments_added);
  for (const format::Fragment& fragment : result->dataset->manifest().fragments) {
    EXPECT_FALSE(fragment.deletion_file.has_value());
    EXPECT_LE(fragment.physical_rows, 12u);
    EXPECT_GT(fragment.id, 3u);
  }
  EXPECT_EQ(result->dataset->version(), table->version() + 2);
  EXPECT_EQ(*result->dataset->manifest().max_fragment_id,
            result->dataset->manifest().fragments.back().id);
}

TEST_F(CompactTest, SegmentsOfAnIndexFollowOnlyTheirOwnGroups) {
  DatasetPtr table = Indexed(NumberedTable(env_, root_, false, 2, 10));
  for (int64_t first : {20, 30}) {
    const auto rows = NumberedRows(first, 10);
    table = CommitStaged(table, table->StageAppend(*rows, {}));
  }
  const auto segment = StageOptimizeIndices(*table, {.num_segments_to_merge = 0});
  ASSERT_THAT(segment, IsOk());
  table = CommitStaged(table, **segment);
  const std::vector<std::string> before = AllRows(*table);
  table = Compacted(table, {});
  ASSERT_EQ(table->manifest().fragments.size(), 2u);
  const auto index = FindIndex(*table, "id_idx");
  ASSERT_THAT(index, IsOk());
  ASSERT_EQ(index->segments.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    OG_ASSERT_OK_AND_ASSIGN(const auto covered,
                            format::DecodeRoaring(index->segments[i].fragment_bitmap, 10));
    EXPECT_THAT(covered, ElementsAre(table->manifest().fragments[i].id));
  }
  EXPECT_EQ(AllRows(*table), before);
  EXPECT_EQ(AllRows(*table, "id = 25").size(), 1u);
  EXPECT_EQ(AllRows(*table, "id = 5").size(), 1u);
}

TEST_F(CompactTest, DeferredCompactionsLeadIndexesOn) {
  DatasetPtr table = Indexed(NumberedTable(env_, root_, false, 3, 10));
  const std::string uuid = FindIndex(*table, "id_idx")->segments[0].uuid;
  const CompactionOptions deferred = {.materialize_deletions_threshold = 0.0F,
                                      .defer_index_remap = true};
  const auto versions_of = [](const Dataset& dataset) {
    std::vector<format::FragmentReuseVersion> versions;
    for (const format::IndexMetadata& index : dataset.manifest().indices) {
      if (index.name == format::kFragmentReuseIndexName) {
        EXPECT_TRUE(versions.empty());
        const auto details = format::ParseFragmentReuse(*index.details);
        EXPECT_THAT(details, IsOk());
        const auto decoded = format::DecodeFragmentReuse(*details->content);
        EXPECT_THAT(decoded, IsOk());
        versions = *decoded;
      }
    }
    return versions;
  };
  std::vector<std::string> rows = AllRows(*table);
  table = Compacted(table, deferred);
  EXPECT_EQ(AllRows(*table), rows);
  EXPECT_EQ(FindIndex(*table, "id_idx")->segments[0].uuid, uuid);
  auto versions = versions_of(*table);
  ASSERT_EQ(versions.size(), 1u);
  ASSERT_EQ(versions[0].groups.size(), 1u);
  EXPECT_EQ(versions[0].groups[0].moved.size(), 30u);
  // What the first one made is compacted again.
  table = DeleteWhere(table, "id >= 7 AND id < 12");
  rows = AllRows(*table);
  table = Compacted(table, deferred);
  EXPECT_EQ(AllRows(*table), rows);
  versions = versions_of(*table);
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions[1].groups[0].moved.size(), 25u);
  EXPECT_EQ(versions[1].groups[0].old_fragments[0].id, versions[0].groups[0].new_fragments[0].id);
  // The index answers for the rows where they are now, also for writers who go on, until it is
  // written again.
  const auto answers = [&](std::string_view when) {
    SCOPED_TRACE(when);
    const auto explained = ExplainScan(*table, {.filter = *expr::ParseFilter("id = 20")});
    EXPECT_THAT(explained, IsOk());
    EXPECT_EQ(explained->num_rows_from_index, 1u);
    EXPECT_EQ(AllRows(*table, "id = 20").size(), 1u);
    EXPECT_EQ(AllRows(*table, "id = 8").size(), 0u);
    EXPECT_EQ(CoverageOf(*table).back(), versions_of(*table).back().groups[0].new_fragments[0].id);
  };
  answers("deferred");
  OG_ASSERT_OK_AND_ASSIGN(table, Dataset::Open(env_, root_, {}));
  answers("opened again");
  const auto more = NumberedRows(30, 10);
  table = CommitStaged(table, table->StageAppend(*more, {}));
  OG_ASSERT_OK_AND_ASSIGN(table, Dataset::Open(env_, root_, {}));
  answers("with other rows");
  OG_ASSERT_OK_AND_ASSIGN(const auto optimized, StageOptimizeIndices(*table, {}));
  ASSERT_TRUE(optimized.has_value());
  OG_ASSERT_OK_AND_ASSIGN(table, table->Commit(*optimized, {}));
  EXPECT_NE(FindIndex(*table, "id_idx")->segments[0].uuid, uuid);
  EXPECT_EQ(AllRows(*table, "id = 20").size(), 1u);
  EXPECT_EQ(AllRows(*table, "id = 35").size(), 1u);
  table = Compacted(table, {});
  EXPECT_EQ(AllRows(*table, "id = 20").size(), 1u);
  EXPECT_EQ(AllRows(*table, "id = 8").size(), 0u);
  // Fragments that no index knows need no trace.
  const DatasetPtr plain = NumberedTable(env_, *env_.Resolve("memory://disk/p"), false, 2, 10);
  EXPECT_TRUE(versions_of(*Compacted(plain, deferred)).empty());
}

TEST(RowMovesTest, AddressesAndCoveragesFollow) {
  const RowMoves moves(
      {{.dataset_version = 3,
        .groups = {{.moved = {0, 2, (1ull << 32), (1ull << 32) + 1},
                    .old_fragments = {{0, 3, 1}, {1, 2, 0}},
                    .new_fragments = {{4, 3, 0}, {5, 1, 0}}}}},
       {.dataset_version = 5,
        .groups = {
            {.moved = {5ull << 32}, .old_fragments = {{5, 1, 0}}, .new_fragments = {{6, 1, 0}}}}}});
  EXPECT_EQ(moves.Follow(0), 4ull << 32);
  EXPECT_EQ(moves.Follow(1), std::nullopt);
  EXPECT_EQ(moves.Follow(2), (4ull << 32) + 1);
  EXPECT_EQ(moves.Follow((1ull << 32) + 1), 6ull << 32);
  EXPECT_EQ(moves.Follow((9ull << 32) + 7), (9ull << 32) + 7);
  EXPECT_THAT(moves.FollowAll(std::vector<uint64_t>{1, 2}), ElementsAre((4ull << 32) + 1));
  std::vector<format::IndexMetadata> indices(3);
  indices[0].fragment_bitmap = format::EncodeRoaring(std::vector<uint32_t>{0, 1, 2});
  indices[1].fragment_bitmap = format::EncodeRoaring(std::vector<uint32_t>{0, 2});
  OG_ASSERT_OK(moves.LeadOn(indices));
  EXPECT_THAT(*format::DecodeRoaring(indices[0].fragment_bitmap, 10), ElementsAre(2, 4, 6));
  EXPECT_THAT(*format::DecodeRoaring(indices[1].fragment_bitmap, 10), ElementsAre(2));
  EXPECT_TRUE(indices[2].fragment_bitmap.empty());
  // A group may claim less room than it moves rows to.
  const RowMoves damaged(
      {{.dataset_version = 1,
        .groups = {
            {.moved = {0, 1}, .old_fragments = {{0, 2, 0}}, .new_fragments = {{4, 1, 0}}}}}});
  EXPECT_EQ(damaged.Follow(1), std::nullopt);
}

TEST_F(CompactTest, WhatOthersCommitMeanwhile) {
  for (const bool stable : {false, true}) {
    const io::Location root = *env_.Resolve(io::StrCat("memory://disk/meanwhile", stable));
    DatasetPtr table = Indexed(NumberedTable(env_, root, stable, 3, 10));
    const auto rewrite = [&] {
      const auto plan = PlanCompaction(*table, {});
      EXPECT_THAT(plan, IsOk());
      std::vector<CompactedTask> tasks;
      for (const CompactionTask& task : plan->tasks) {
        const auto done = RewriteFragments(*table, task, {});
        EXPECT_THAT(done, IsOk());
        tasks.push_back(*done);
      }
      return tasks;
    };
    // A deletion in a fragment that is rewritten: nothing of it may come back.
    std::vector<CompactedTask> tasks = rewrite();
    DatasetPtr latest = DeleteWhere(table, "id = 5");
    EXPECT_THAT(CommitCompaction(*table, tasks, {}), StatusIs(absl::StatusCode::kAborted));
    for (const CompactedTask& task : tasks) {
      for (const std::string& file : task.files) {
        EXPECT_THAT(root.store->Stat(file), StatusIs(absl::StatusCode::kNotFound)) << file;
      }
    }
    table = *latest->Latest();
    EXPECT_EQ(AllRows(*table).size(), 29u);
    // An append goes beside it.
    tasks = rewrite();
    latest = CommitStaged(table, table->StageAppend(*NumberedRows(100, 5), {}));
    const auto committed = CommitCompaction(*table, tasks, {});
    ASSERT_THAT(committed, IsOk());
    std::vector<std::string> found = AllRows(*committed->dataset);
    std::vector<std::string> expected = AllRows(*latest);
    std::ranges::sort(found);
    std::ranges::sort(expected);
    EXPECT_EQ(found, expected);
    // And a writer that read before the compaction is told to try again.
    const auto late = table->StageDelete(std::vector<uint64_t>{0}, "", {});
    ASSERT_THAT(late, IsOk());
    EXPECT_THAT(table->Commit(*late, {}), StatusIs(absl::StatusCode::kAborted));
  }
}

TEST_F(CompactTest, IndexesOfAddressesStandBack) {
  // Version 1 of a BTREE holds addresses, also where row ids are stable: they do not follow.
  DatasetPtr table = NumberedTable(env_, root_, true, 3, 10);
  auto staged = StageCreateIndex(*table, {.column = "id"});
  ASSERT_THAT(staged, IsOk());
  std::get<format::CreateIndexOperation>(staged->transaction.operation)
      .new_indices[0]
      .index_version = 1;
  table = CommitStaged(table, staged);
  EXPECT_EQ(FindIndex(*table, "id_idx")->num_indexed_rows, 30u);
  table = Compacted(table, {});
  EXPECT_EQ(FindIndex(*table, "id_idx")->num_indexed_rows, 0u);
  EXPECT_EQ(AllRows(*table, "id = 12").size(), 1u);
}

TEST_F(CompactTest, AnIndexOfOtherFragmentsMayAppearMeanwhile) {
  const DatasetPtr table = NumberedTable(env_, root_, false, 3, 10);
  const auto rewrite = [&](const DatasetPtr& base, uint64_t max_fragments) {
    CompactionOptions options;
    options.target_rows_per_fragment = 15;
    options.max_source_fragments = max_fragments;
    const auto plan = PlanCompaction(*base, options);
    EXPECT_THAT(plan, IsOk());
    std::vector<CompactedTask> tasks;
    for (const CompactionTask& task : plan->tasks) {
      const auto done = RewriteFragments(*base, task, options);
      EXPECT_THAT(done, IsOk());
      tasks.push_back(*done);
    }
    return tasks;
  };
  const std::vector<CompactedTask> tasks = rewrite(table, 3);
  ASSERT_EQ(tasks.size(), 1u);
  // One that covers what is rewritten would hold addresses of rows that are gone.
  const auto staged = StageCreateIndex(*table, {.column = "id"});
  ASSERT_THAT(staged, IsOk());
  CommitStaged(table, staged);
  EXPECT_THAT(CommitCompaction(*table, tasks, {}), StatusIs(absl::StatusCode::kAborted));
  // The other way round as well.
  const DatasetPtr latest = *table->Latest();
  const auto late = StageCreateIndex(*latest, {.column = "s"});
  ASSERT_THAT(late, IsOk());
  const auto compacted = Compact(*latest, {}, {});
  ASSERT_THAT(compacted, IsOk());
  EXPECT_THAT(latest->Commit(*late, {}), StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(AllRows(*compacted->dataset, "id = 12").size(), 1u);
}

// A blob column of version 2 with small limits, so that each kind of place is taken.
format::SchemaPtr BlobSchema() {
  auto schema = std::make_shared<format::Schema>();
  schema->fields = {{"id", format::Int64(), true, {}},
                    {"b",
                     format::Struct({{"data", format::LargeBinary(), true, {}},
                                     {"uri", format::Utf8(), true, {}}}),
                     true,
                     {{"ARROW:extension:name", "lance.blob.v2"},
                      {"lance-encoding:blob-inline-size-threshold", "16"},
                      {"lance-encoding:blob-dedicated-size-threshold", "64"}}}};
  return schema;
}

TEST_F(CompactTest, BlobsMoveWithTheirRows) {
  const io::Location outside = *env_.Resolve("memory://disk/outside.bin");
  ASSERT_THAT(outside.store->Put(outside.path, io::AsBytes("0123456789")), IsOk());
  const auto rows = [&](int64_t first) {
    format::FixedBuilder<int64_t> id(format::Int64());
    format::StructBuilder blobs(BlobSchema()->fields[1].type);
    auto& data = static_cast<format::StringBuilder&>(blobs.child(0));
    auto& uri = static_cast<format::StringBuilder&>(blobs.child(1));
    for (int64_t i = first; i < first + 6; ++i) {
      id.Append(i);
      const int64_t kind = i - first;
      if (kind == 4) {
        blobs.AppendNull();
        continue;
      }
      if (kind == 5) {
        data.AppendNull();
        uri.Append(outside.Uri());
      } else {
        constexpr size_t kSizes[] = {0, 9, 40, 100};  // empty, inline, packed, dedicated
        data.Append(std::string(kSizes[kind], static_cast<char>('a' + i)));
        uri.AppendNull();
      }
      blobs.Append();
    }
    return format::MakeStream(BlobSchema(), {{BlobSchema(), 6, {id.Finish(), blobs.Finish()}}});
  };
  const auto first = rows(0);
  const auto staged = Dataset::StageCreate(env_, root_, BlobSchema(), first.get(), {});
  ASSERT_THAT(staged, IsOk());
  DatasetPtr table = *Dataset::CommitCreate(env_, root_, *staged);
  for (const int64_t next : {6, 12}) {
    const auto more = rows(next);
    table = CommitStaged(table, table->StageAppend(*more, {}));
  }
  table = DeleteWhere(table, "id IN (7, 13)");
  const auto contents = [](const Dataset& dataset, BlobHandling handling) {
    ScanOptions options;
    options.blobs = handling;
    const auto stream = dataset.Scan(options);
    EXPECT_THAT(stream, IsOk());
    const auto collected = format::Collect(**stream);
    EXPECT_THAT(collected, IsOk());
    return *collected;
  };
  const format::RecordBatch before = contents(*table, BlobHandling::kContents);
  table = Compacted(table, {});
  ASSERT_EQ(table->manifest().fragments.size(), 1u);
  const format::RecordBatch after = contents(*table, BlobHandling::kContents);
  ASSERT_TRUE(format::Equal(before, after));
  // What lies outside stays there, what was beside the old files is beside the new one.
  const format::RecordBatch places = contents(*table, BlobHandling::kDescriptions);
  const format::Array& descriptors = *places.columns[1];
  size_t outside_rows = 0;
  for (int64_t i = 0; i < places.num_rows; ++i) {
    const int64_t row = descriptors.offset + i;
    if (descriptors.IsValid(i) && descriptors.children[0]->Value<uint8_t>(row) == 3) {
      ++outside_rows;
      EXPECT_EQ(descriptors.children[4]->StringValue(row), outside.Uri());
    }
  }
  EXPECT_EQ(outside_rows, 3u);
  // Parts of them, wherever they lie.
  std::vector<uint64_t> addresses;
  for (uint64_t row = 0; row < 6; ++row) {
    addresses.push_back(table->manifest().fragments[0].id << 32 | row);
  }
  const auto located = LocateBlobs(*table, "b", addresses);
  ASSERT_THAT(located, IsOk());
  std::vector<std::string> parts;
  for (const std::optional<BlobPlace>& place : *located) {
    if (!place) {
      parts.emplace_back("null");
      continue;
    }
    const auto part = ReadBlob(*place, std::min<uint64_t>(3, place->size), 4);
    ASSERT_THAT(part, IsOk());
    parts.push_back(io::StrCat(place->size, ":", part->view()));
    EXPECT_THAT(ReadBlob(*place, place->size + 1, 1), StatusIs(absl::StatusCode::kOutOfRange));
  }
  EXPECT_THAT(parts, ElementsAre("0:", "9:bbbb", "40:cccc", "100:dddd", "null", "10:3456"));
  EXPECT_THAT(LocateBlobs(*table, "id", addresses), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(LocateBlobs(*table, "nope", addresses), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace og::engine::dataset
