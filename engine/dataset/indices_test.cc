// Indexes of a dataset: random histories with an index on two columns, where every filter is
// answered with and without the indexes and both answers must agree; building, replacing, dropping
// and merging; remapping after a rewrite; the cost of a look-up.
#include "engine/dataset/indices.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"

#include "engine/dataset/index_walk.h"
#include "engine/expr/expr.h"
#include "engine/expr/filter_parse.h"
#include "format/arrow/builder.h"
#include "format/file/lance_schema.h"
#include "format/table/roaring.h"
#include "io/base/text.h"
#include "io/env/memory_budget.h"
#include "io/env/sim_env.h"
#include "io/fault/counting_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using format::ArrayPtr;
using format::RecordBatch;
using tests::IsOk;
using tests::StatusIs;

format::SchemaPtr TheSchema() {
  static const auto schema =
      std::make_shared<const format::Schema>(format::Schema{{{"k", format::Int64(), true, {}},
                                                             {"s", format::Utf8(), true, {}},
                                                             {"n", format::Int32(), true, {}}},
                                                            {}});
  return schema;
}

RecordBatch RandomRows(int64_t count, std::mt19937_64& random) {
  format::FixedBuilder<int64_t> k(format::Int64());
  format::StringBuilder s(format::Utf8());
  format::FixedBuilder<int32_t> n(format::Int32());
  for (int64_t i = 0; i < count; ++i) {
    if (random() % 10 == 0) {
      k.AppendNull();
    } else {
      k.Append(static_cast<int64_t>(random() % 50) - 10);
    }
    if (random() % 10 == 0) {
      s.AppendNull();
    } else {
      s.Append(io::StrCat("key", random() % 40));
    }
    n.Append(static_cast<int32_t>(random() % 5));
  }
  return {TheSchema(), count, {k.Finish(), s.Finish(), n.Finish()}};
}

std::unique_ptr<format::BatchStream> Stream(RecordBatch batch) {
  return format::MakeStream(TheSchema(), {std::move(batch)});
}

// A condition of up to `depth` operators over k, s (indexed) and n (not).
std::string RandomFilter(int depth, std::mt19937_64& random) {
  const auto number = [&] { return io::StrCat(static_cast<int64_t>(random() % 60) - 15); };
  const auto text = [&] { return io::StrCat("'key", random() % 50, "'"); };
  if (depth > 0 && random() % 3 != 0) {
    const std::string left = RandomFilter(depth - 1, random);
    if (random() % 4 == 0) return io::StrCat("NOT (", left, ")");
    return io::StrCat("(", left, random() % 2 == 0 ? ") AND (" : ") OR (",
                      RandomFilter(depth - 1, random), ")");
  }
  constexpr const char* kOps[] = {"=", "!=", "<", "<=", ">", ">="};
  const char* op = kOps[random() % 6];
  switch (random() % 9) {
    case 0:
      return io::StrCat("k ", op, " ", number());
    case 1:
      return io::StrCat(number(), " ", op, " k");
    case 2:
      return io::StrCat("s ", op, " ", text());
    case 3:
      return io::StrCat("k IN (", number(), ", ", number(), random() % 4 == 0 ? ", NULL)" : ")");
    case 4:
      return io::StrCat(random() % 2 == 0 ? "k" : "s",
                        random() % 2 == 0 ? " IS NULL" : " IS NOT NULL");
    case 5:
      return io::StrCat("s LIKE 'key", random() % 5, random() % 3 == 0 ? "'" : "%'");
    case 6:
      return io::StrCat("starts_with(s, 'key", random() % 5, "')");
    case 7:
      return io::StrCat("k ", op, random() % 2 == 0 ? " 3.5" : " NULL");
    default:
      return io::StrCat("n ", op, " ", random() % 5);
  }
}

// Row addresses where `filter` is true.
std::vector<uint64_t> Addresses(const Dataset& table, const expr::ExprPtr& filter,
                                bool use_indices) {
  ScanOptions options;
  options.columns = {"s"};
  options.filter = filter;
  options.with_row_address = true;
  options.batch_rows = 7;
  options.use_indices = use_indices;
  const auto stream = table.Scan(options);
  EXPECT_THAT(stream, IsOk());
  const auto rows = format::Collect(**stream);
  EXPECT_THAT(rows, IsOk());
  const auto values = rows->Column("_rowaddr")->Values<uint64_t>();
  return {values.begin(), values.end()};
}

expr::ExprPtr Parse(std::string_view text) {
  const auto filter = expr::ParseFilter(text);
  EXPECT_THAT(filter, IsOk());
  return *filter;
}

DatasetPtr CommitOf(const DatasetPtr& table, const absl::StatusOr<StagedTransaction>& staged) {
  EXPECT_THAT(staged, IsOk());
  const auto committed = table->Commit(*staged, {});
  EXPECT_THAT(committed, IsOk());
  return *committed;
}

DatasetPtr NewTable(io::Env& env, bool stable_row_ids, int64_t rows, std::mt19937_64& random) {
  const auto root = env.Resolve("memory://indices/t.lance");
  const auto stream = Stream(RandomRows(rows, random));
  CreateOptions options;
  options.stable_row_ids = stable_row_ids;
  options.write.max_rows_per_file = 100;
  const auto staged = Dataset::StageCreate(env, *root, TheSchema(), stream.get(), options);
  EXPECT_THAT(staged, IsOk());
  return *Dataset::CommitCreate(env, *root, *staged);
}

// Whether an index over `column` covers all rows; the walk over it gives each of them then, where
// it stands and with its value.
bool WalkGivesTheColumn(const Dataset& table, const std::string& column) {
  const auto budget = io::MemoryBudget::NewRoot("test", uint64_t{1} << 30);
  const auto walk = IndexWalk::Start(table, column, budget);
  EXPECT_THAT(walk, IsOk());
  const auto index = FindIndex(table, column + "_idx");
  EXPECT_THAT(index, IsOk());
  const size_t num_fragments = table.manifest().fragments.size();
  const bool is_covered = num_fragments != 0 && index->fragment_ids.size() == num_fragments;
  EXPECT_EQ(*walk != nullptr, is_covered);
  if (*walk == nullptr) return false;
  ScanOptions options;
  options.columns = {column};
  const auto stream = table.Scan(options);
  EXPECT_THAT(stream, IsOk());
  const auto rows = format::Collect(**stream);
  EXPECT_THAT(rows, IsOk());
  std::vector<ArrayPtr> parts;
  std::vector<int64_t> entry_of(static_cast<size_t>(rows->num_rows), -1);
  int64_t num_entries = 0;
  while (true) {
    const auto entries = (*walk)->Next();
    EXPECT_THAT(entries, IsOk());
    if (!entries->has_value()) break;
    for (const uint32_t position : (*walk)->PositionsOf(**entries)) {
      if (position != kNoPosition) {
        EXPECT_EQ(entry_of[position], -1);
        entry_of[position] = num_entries;
      }
      ++num_entries;
    }
    parts.push_back(DecodeDictionary((*entries)->values));
  }
  EXPECT_EQ(std::ranges::count(entry_of, -1), 0);
  if (!parts.empty()) {
    EXPECT_TRUE(Equal(*Take(*Concat(parts), entry_of), *rows->columns[0]));
  }
  return true;
}

class IndexHistories : public testing::TestWithParam<bool> {};

TEST_P(IndexHistories, FiltersAgreeWithAScan) {
  std::mt19937_64 random(tests::Seed() + (GetParam() ? 1 : 0));
  for (int history = 0; history < 3; ++history) {
    io::SimEnv env(random());
    DatasetPtr table = NewTable(env, GetParam(), 350, random);
    for (const char* column : {"k", "s"}) {
      table = CommitOf(table, StageCreateIndex(*table, {.column = column, .page_rows = 16}));
    }
    size_t by_index = 0;
    size_t by_walk = 0;
    for (int step = 0; step < 14; ++step) {
      const std::vector<uint64_t> matches =
          Addresses(*table, Parse(RandomFilter(1, random)), step % 2 == 0);
      switch (random() % 5) {
        case 0: {
          const auto rows = Stream(RandomRows(static_cast<int64_t>(random() % 120 + 1), random));
          table = CommitOf(table, table->StageAppend(*rows, {}));
          break;
        }
        case 1:
          table = CommitOf(table, table->StageDelete(matches, "", {}));
          break;
        case 2: {
          // Rows move with new values of all columns.
          const auto ids = table->Take(matches, {.columns = {{"k"}}, .with_row_id = true});
          ASSERT_THAT(ids, IsOk());
          const auto kept = ids->Column("_rowid")->Values<uint64_t>();
          const auto rows = Stream(RandomRows(std::ssize(matches), random));
          UpdateRequest update;
          update.rows = rows.get();
          update.removed_addresses = matches;
          if (GetParam()) update.moved_row_ids.assign(kept.begin(), kept.end());
          for (const auto& field : table->lance_schema().fields) {
            update.fields_for_preserving_frag_bitmap.push_back(static_cast<uint32_t>(field.id));
          }
          table = CommitOf(table, table->StageUpdate(update));
          break;
        }
        default: {
          OptimizeIndicesRequest request;
          if (random() % 2 == 0) request.num_segments_to_merge = random() % 3;
          const auto staged = StageOptimizeIndices(*table, request);
          ASSERT_THAT(staged, IsOk());
          if (*staged) table = CommitOf(table, **staged);
        }
      }
      const auto indices = ListIndices(*table);
      ASSERT_THAT(indices, IsOk());
      for (const char* column : {"k", "s"}) {
        if (WalkGivesTheColumn(*table, column)) ++by_walk;
      }
      for (int probe = 0; probe < 12; ++probe) {
        const std::string text = RandomFilter(3, random);
        SCOPED_TRACE(text);
        const expr::ExprPtr filter = Parse(text);
        const std::vector<uint64_t> expected = Addresses(*table, filter, false);
        EXPECT_EQ(Addresses(*table, filter, true), expected);
        const auto count = table->CountRows(filter);
        ASSERT_THAT(count, IsOk());
        EXPECT_EQ(*count, expected.size());
        ScanOptions options;
        options.filter = filter;
        const auto explained = ExplainScan(*table, options);
        ASSERT_THAT(explained, IsOk());
        by_index += explained->num_rows_from_index ? 1 : 0;
        EXPECT_EQ(explained->num_fragments, table->manifest().fragments.size());
      }
    }
    EXPECT_GT(by_index, 10u);
    EXPECT_GT(by_walk, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(RowIds, IndexHistories, testing::Bool(),
                         [](const auto& given) { return given.param ? "Stable" : "Addresses"; });

TEST(IndicesTest, LifeCycle) {
  io::SimEnv env(1);
  std::mt19937_64 random(1);
  DatasetPtr table = NewTable(env, true, 250, random);
  EXPECT_THAT(StageCreateIndex(*table, {.column = "nope"}), StatusIs(absl::StatusCode::kNotFound));
  table = CommitOf(table, StageCreateIndex(*table, {.column = "k"}));
  const auto index = FindIndex(*table, "k_idx");
  ASSERT_THAT(index, IsOk());
  EXPECT_EQ(index->kind, "BTree");
  EXPECT_EQ(index->type_url, "/lance.table.BTreeIndexDetails");
  EXPECT_EQ(index->columns, std::vector<std::string>{"k"});
  EXPECT_EQ(index->fragment_ids, (std::vector<uint64_t>{0, 1, 2}));
  EXPECT_EQ(index->num_indexed_rows, 250u);
  EXPECT_EQ(index->num_unindexed_rows, 0u);
  EXPECT_TRUE(index->is_used);
  ASSERT_EQ(index->segments.size(), 1u);
  EXPECT_EQ(index->segments[0].files.size(), 2u);
  EXPECT_EQ(index->segments[0].index_version, 0);
  EXPECT_THAT(StageCreateIndex(*table, {.column = "k"}),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(StageCreateIndex(*table, {.column = "s", .name = "k_idx", .replace = true}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  table = CommitOf(table, StageCreateIndex(*table, {.column = "k", .replace = true}));
  EXPECT_NE(FindIndex(*table, "k_idx")->segments[0].uuid, index->segments[0].uuid);
  const auto nothing = StageOptimizeIndices(*table, {});
  ASSERT_THAT(nothing, IsOk());
  EXPECT_FALSE(nothing->has_value());
  const auto rows = Stream(RandomRows(30, random));
  table = CommitOf(table, table->StageAppend(*rows, {}));
  EXPECT_EQ(FindIndex(*table, "k_idx")->num_unindexed_rows, 30u);
  const auto delta = StageOptimizeIndices(*table, {.num_segments_to_merge = 0});
  ASSERT_TRUE(delta.ok() && delta->has_value());
  table = CommitOf(table, **delta);
  EXPECT_EQ(FindIndex(*table, "k_idx")->segments.size(), 2u);
  EXPECT_EQ(FindIndex(*table, "k_idx")->num_unindexed_rows, 0u);
  const auto merged = StageOptimizeIndices(*table, {.num_segments_to_merge = 2});
  ASSERT_TRUE(merged.ok() && merged->has_value());
  table = CommitOf(table, **merged);
  EXPECT_EQ(FindIndex(*table, "k_idx")->segments.size(), 1u);
  const auto statistics = ReadBtreeStatistics(*table, *FindIndex(*table, "k_idx"));
  ASSERT_THAT(statistics, IsOk());
  EXPECT_EQ((*statistics)[0].min, "NULL");
  EXPECT_EQ((*statistics)[0].max, "39");
  table = CommitOf(table, StageDropIndex(*table, "k_idx", {}));
  EXPECT_TRUE(ListIndices(*table)->empty());
  EXPECT_THAT(StageDropIndex(*table, "k_idx", {}), StatusIs(absl::StatusCode::kNotFound));
}

// A compaction by hand: two fragments become one whose rows stand the other way round.
TEST(IndicesTest, RemapsAddresses) {
  io::SimEnv env(1);
  std::mt19937_64 random(tests::Seed());
  DatasetPtr table = NewTable(env, false, 300, random);
  table = CommitOf(table, StageCreateIndex(*table, {.column = "k", .page_rows = 16}));
  std::vector<uint64_t> old_rows;
  for (uint64_t i = 200; i-- > 0;) {
    old_rows.push_back((i / 100) << 32 | i % 100);
  }
  const auto rows = table->Take(old_rows, {});
  ASSERT_THAT(rows, IsOk());
  const auto stream = format::MakeStream(rows->schema, {*rows});
  auto staged = table->StageAppend(*stream, {});
  ASSERT_THAT(staged, IsOk());
  auto fragments = std::get<format::AppendOperation>(staged->transaction.operation).fragments;
  fragments[0].id = 3;
  std::vector<std::pair<uint64_t, uint64_t>> moved;
  for (size_t i = 0; i < old_rows.size(); ++i) {
    moved.emplace_back(old_rows[i], uint64_t{3} << 32 | i);
  }
  std::ranges::sort(moved);
  const format::IndexMetadata& segment = table->manifest().indices[0];
  EXPECT_TRUE(CanRemapIndexSegment(segment));
  const auto rewritten = RemapIndexSegment(*table, segment, moved, staged->files);
  ASSERT_THAT(rewritten, IsOk());
  ASSERT_TRUE(rewritten->has_value());
  format::RewriteOperation rewrite;
  rewrite.groups.push_back(
      {{table->manifest().fragments[0], table->manifest().fragments[1]}, fragments});
  rewrite.rewritten_indices = {**rewritten};
  staged->transaction.operation = std::move(rewrite);
  table = CommitOf(table, staged);
  EXPECT_EQ(FindIndex(*table, "k_idx")->fragment_ids, (std::vector<uint64_t>{2, 3}));
  for (const char* text : {"k = 3", "k < -5", "k IS NULL", "k IN (1, 2, 30)"}) {
    const auto filter = Parse(text);
    EXPECT_EQ(Addresses(*table, filter, true), Addresses(*table, filter, false)) << text;
    ScanOptions options;
    options.filter = filter;
    EXPECT_TRUE(ExplainScan(*table, options)->num_rows_from_index.has_value());
  }
}

TEST(IndicesTest, ALookUpReadsFewFragments) {
  std::shared_ptr<io::CountingStore> counting;
  io::SimEnv env(1, {.wrap_store = [&](std::shared_ptr<io::Store> base) {
                   counting = std::make_shared<io::CountingStore>(std::move(base));
                   return counting;
                 }});
  std::mt19937_64 random(1);
  DatasetPtr table = NewTable(env, true, 2000, random);
  const auto one =
      Stream({TheSchema(),
              1,
              {[] {
                 format::FixedBuilder<int64_t> k(format::Int64());
                 k.Append(777);
                 return k.Finish();
               }(),
               format::NullArray(format::Utf8(), 1), format::NullArray(format::Int32(), 1)}});
  table = CommitOf(table, table->StageAppend(*one, {}));
  table = CommitOf(table, StageCreateIndex(*table, {.column = "k"}));
  const auto cold = Dataset::Open(env, table->root(), {});
  ASSERT_THAT(cold, IsOk());
  const io::StoreCounts before = counting->counts();
  EXPECT_EQ(Addresses(**cold, Parse("k = 777"), true), std::vector<uint64_t>{uint64_t{20} << 32});
  // The index: page_lookup, page_data (its tail holds all of it); the row: one data file.
  EXPECT_LE((counting->counts() - before).reads(), 3u) << (counting->counts() - before).Text();
  ScanOptions options;
  options.filter = Parse("k = 777");
  const auto explained = ExplainScan(**cold, options);
  ASSERT_THAT(explained, IsOk());
  EXPECT_EQ(explained->num_fragments_pruned, 20u);
  EXPECT_EQ(explained->num_fragments_scanned, 0u);
  EXPECT_EQ(explained->plan,
            "Take: all columns, 1 of 21 fragments\n  Index: k by k_idx (1 rows)\n");
}

}  // namespace
}  // namespace og::engine::dataset
