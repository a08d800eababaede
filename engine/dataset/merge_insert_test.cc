// Merge-insert against a model that joins by two nested loops: random tables, sources and policies,
// with and without stable row ids, indexes and null keys. Then sources beyond the memory budget,
// which have to give what an unlimited budget gives, and what is refused.
#include "engine/dataset/merge_insert.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/indices.h"
#include "engine/dataset/row_changes_testing.h"
#include "format/arrow/json.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using format::SchemaPtr;
using tests::StatusIs;

constexpr std::string_view kTable = "id int32?, grp utf8?, value int64?, note utf8?";
constexpr std::string_view kPartial = "id int32?, value int64?, grp utf8?";

struct Row {
  std::optional<int> id;
  std::optional<std::string> grp;
  std::optional<int> value;
  std::optional<std::string> note;
  uint64_t row_id = 0;
  uint64_t created = 0;
  uint64_t updated = 0;
};

std::string Text(const std::optional<int>& value) {
  return value ? std::to_string(*value) : "null";
}
std::string Text(const std::optional<std::string>& value) {
  return value ? io::StrCat("\"", *value, "\"") : "null";
}

std::string Json(const Row& row, bool is_partial = false) {
  return io::StrCat("{\"id\":", Text(row.id), ",\"grp\":", Text(row.grp),
                    ",\"value\":", Text(row.value),
                    is_partial ? "" : io::StrCat(",\"note\":", Text(row.note)), "}");
}

std::string Lines(const std::vector<Row>& rows, bool is_partial = false) {
  std::string lines;
  for (const Row& row : rows) {
    lines += Json(row, is_partial) + "\n";
  }
  return lines;
}

class RandomRows {
 public:
  explicit RandomRows(uint64_t seed) : random_(seed) {}
  uint64_t Below(uint64_t bound) { return random_() % bound; }

  Row Make() {
    Row row;
    if (Below(8) != 0) row.id = static_cast<int>(Below(12));
    if (Below(6) != 0) row.grp = std::string(1, static_cast<char>('a' + Below(3)));
    if (Below(5) != 0) row.value = static_cast<int>(Below(10));
    if (Below(3) != 0) row.note = io::StrCat("n", Below(1000));
    return row;
  }

  std::vector<Row> Many(uint64_t count) {
    std::vector<Row> rows;
    for (uint64_t i = 0; i < count; ++i)
      rows.push_back(Make());
    return rows;
  }

 private:
  std::mt19937_64 random_;
};

bool KeysMatch(const Row& a, const Row& b, size_t num_keys) {
  const bool ids = a.id && b.id && *a.id == *b.id;
  return ids && (num_keys == 1 || (a.grp && b.grp && *a.grp == *b.grp));
}

// What a merge makes of `table`; absent where it has to fail.
struct Outcome {
  std::vector<Row> rows;  // that were there; inserted ones follow in `inserted`
  std::vector<Row> inserted;
  MergeInsertStatistics statistics;
};
std::optional<Outcome> Model(const std::vector<Row>& table, const std::vector<Row>& source,
                             bool is_partial, const MergeInsertRequest& request, uint64_t version) {
  Outcome outcome;
  std::vector<bool> matched(source.size());
  for (const Row& row : table) {
    bool is_matched = false;
    std::vector<const Row*> acting;
    for (size_t s = 0; s < source.size(); ++s) {
      if (!KeysMatch(row, source[s], request.on.size())) continue;
      is_matched = true;
      matched[s] = true;
      const bool passes = request.when_matched != WhenMatchedRow::kUpdateIf ||
                          (source[s].value && row.value && *source[s].value > *row.value);
      if (passes) acting.push_back(&source[s]);
    }
    if (!is_matched) {
      const bool goes = request.when_not_matched_by_source == WhenNotMatchedBySource::kDelete ||
                        (request.when_not_matched_by_source == WhenNotMatchedBySource::kDeleteIf &&
                         row.value && *row.value > 5);
      if (goes) {
        ++outcome.statistics.num_deleted_rows;
      } else {
        outcome.rows.push_back(row);
      }
      continue;
    }
    if (request.when_matched == WhenMatchedRow::kDoNothing || acting.empty()) {
      outcome.rows.push_back(row);
      continue;
    }
    if (request.when_matched == WhenMatchedRow::kFail) return std::nullopt;
    if (acting.size() > 1) {
      if (request.duplicates == SourceDuplicates::kFail) return std::nullopt;
      outcome.statistics.num_skipped_duplicates += acting.size() - 1;
    }
    if (request.when_matched == WhenMatchedRow::kDelete) {
      ++outcome.statistics.num_deleted_rows;
      continue;
    }
    Row updated = *acting[0];
    if (is_partial) updated.note = row.note;
    updated.row_id = row.row_id;
    updated.created = row.created;
    updated.updated = version;
    ++outcome.statistics.num_updated_rows;
    outcome.rows.push_back(updated);
  }
  for (size_t s = 0; s < source.size(); ++s) {
    if (matched[s] || request.when_not_matched != WhenNotMatchedRow::kInsertAll) continue;
    Row inserted = source[s];
    if (is_partial) inserted.note.reset();
    inserted.created = version;
    inserted.updated = version;
    outcome.inserted.push_back(inserted);
    ++outcome.statistics.num_inserted_rows;
  }
  return outcome;
}

// The rows of the dataset with their ids and versions; inserted ones without an id, which has to be
// a fresh one.
std::multiset<std::string> Expected(const Outcome& outcome, bool is_stable) {
  std::multiset<std::string> rows;
  for (const Row& row : outcome.rows) {
    rows.insert(is_stable
                    ? io::StrCat(Json(row), " ", row.row_id, " ", row.created, " ", row.updated)
                    : Json(row));
  }
  for (const Row& row : outcome.inserted) {
    rows.insert(is_stable ? io::StrCat(Json(row), " new ", row.created, " ", row.updated)
                          : Json(row));
  }
  return rows;
}

// Reads the dataset, with the same spelling, and brings `table` up to date.
std::multiset<std::string> Found(const Dataset& dataset, uint64_t first_new_id, bool is_stable,
                                 std::vector<Row>& table) {
  ScanOptions options;
  options.with_row_id = is_stable;
  options.with_created_at_version = is_stable;
  options.with_last_updated_at_version = is_stable;
  std::multiset<std::string> rows;
  const auto stream = dataset.Scan(options);
  EXPECT_TRUE(stream.ok()) << stream.status();
  const auto collected = format::Collect(**stream);
  EXPECT_TRUE(collected.ok()) << collected.status();
  if (!collected.ok()) return rows;
  const format::RecordBatch& all = *collected;
  table.clear();
  for (int64_t i = 0; i < all.num_rows; ++i) {
    Row& row = table.emplace_back();
    if (all.columns[0]->IsValid(i)) row.id = all.columns[0]->Value<int32_t>(i);
    if (all.columns[1]->IsValid(i)) row.grp = std::string(all.columns[1]->StringValue(i));
    if (all.columns[2]->IsValid(i)) row.value = static_cast<int>(all.columns[2]->Value<int64_t>(i));
    if (all.columns[3]->IsValid(i)) row.note = std::string(all.columns[3]->StringValue(i));
    if (!is_stable) {
      rows.insert(Json(row));
      continue;
    }
    row.row_id = all.columns[4]->Value<uint64_t>(i);
    row.created = all.columns[5]->Value<uint64_t>(i);
    row.updated = all.columns[6]->Value<uint64_t>(i);
    rows.insert(io::StrCat(Json(row), " ",
                           row.row_id >= first_new_id ? "new" : std::to_string(row.row_id), " ",
                           row.created, " ", row.updated));
  }
  return rows;
}

MergeInsertRequest RandomRequest(RandomRows& random) {
  MergeInsertRequest request;
  request.on =
      random.Below(2) == 0 ? std::vector<std::string>{"id"} : std::vector<std::string>{"ID", "grp"};
  constexpr WhenMatchedRow kMatched[] = {WhenMatchedRow::kDoNothing, WhenMatchedRow::kUpdateAll,
                                         WhenMatchedRow::kUpdateIf, WhenMatchedRow::kFail,
                                         WhenMatchedRow::kDelete};
  request.when_matched = kMatched[random.Below(5)];
  request.update_if = "source.value > target.value";
  request.when_not_matched =
      random.Below(3) == 0 ? WhenNotMatchedRow::kDoNothing : WhenNotMatchedRow::kInsertAll;
  constexpr WhenNotMatchedBySource kBySource[] = {WhenNotMatchedBySource::kKeep,
                                                  WhenNotMatchedBySource::kDelete,
                                                  WhenNotMatchedBySource::kDeleteIf};
  request.when_not_matched_by_source = kBySource[random.Below(5) % 3];
  request.delete_if = "value > 5";
  request.duplicates =
      random.Below(3) == 0 ? SourceDuplicates::kFail : SourceDuplicates::kFirstSeen;
  request.use_index = random.Below(4) != 0;
  request.write.max_rows_per_file = 1 + random.Below(9);
  return request;
}

TEST(MergeInsertTest, RandomMergesMatchTheModel) {
  const SchemaPtr schema = SchemaOf(kTable);
  const SchemaPtr partial = SchemaOf(kPartial);
  int num_merges = 0;
  int num_refused = 0;
  for (uint64_t round = 0; round < 24; ++round) {
    RandomRows random(tests::Seed() + round);
    io::SimEnv env(tests::Seed() + round);
    const bool is_stable = round % 3 != 0;
    CreateOptions create;
    create.stable_row_ids = is_stable;
    create.write.max_rows_per_file = 5;
    create.file_version = round % 4 == 0 ? "2.0" : round % 4 == 1 ? "2.1" : "2.2";
    OG_ASSERT_OK_AND_ASSIGN(DatasetPtr dataset,
                            CreateTable(env, "memory://t", schema, Lines(random.Many(14)), create));
    if (round % 2 == 0) {
      OG_ASSERT_OK_AND_ASSIGN(const auto index, StageCreateIndex(*dataset, {.column = "id"}));
      OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->Commit(index, {}));
    }
    std::vector<Row> table;
    Found(*dataset, 0, is_stable, table);
    for (int step = 0; step < 12; ++step) {
      const MergeInsertRequest request = RandomRequest(random);
      const bool is_partial = random.Below(4) == 0;
      const std::vector<Row> source = random.Many(random.Below(10));
      const SchemaPtr& source_schema = is_partial ? partial : schema;
      const auto stream = StreamOf(source_schema, Lines(source, is_partial));
      const uint64_t first_new_id = dataset->manifest().next_row_id;
      const bool changes_nothing =
          request.when_matched == WhenMatchedRow::kDoNothing &&
          request.when_not_matched == WhenNotMatchedRow::kDoNothing &&
          request.when_not_matched_by_source == WhenNotMatchedBySource::kKeep;
      const auto want = changes_nothing
                            ? std::nullopt
                            : Model(table, source, is_partial, request, dataset->version() + 1);
      const auto merged = MergeInsert(*dataset, *stream, request);
      ASSERT_EQ(merged.ok(), want.has_value())
          << "round " << round << " step " << step << ": " << merged.status();
      ++num_merges;
      if (!want) {
        ++num_refused;
        continue;
      }
      dataset = merged->dataset;
      EXPECT_EQ(merged->statistics.num_inserted_rows, want->statistics.num_inserted_rows);
      EXPECT_EQ(merged->statistics.num_updated_rows, want->statistics.num_updated_rows);
      EXPECT_EQ(merged->statistics.num_deleted_rows, want->statistics.num_deleted_rows);
      EXPECT_EQ(merged->statistics.num_skipped_duplicates, want->statistics.num_skipped_duplicates);
      EXPECT_EQ(Found(*dataset, first_new_id, is_stable, table), Expected(*want, is_stable))
          << "round " << round << " step " << step;
      ASSERT_FALSE(testing::Test::HasFailure());
    }
  }
  EXPECT_GT(num_merges - num_refused, 100);
  EXPECT_GT(num_refused, 10);
}

// Sources and tables of many rows; keys that repeat, and nulls among them.
std::string BigSource(uint64_t seed, int num_rows) {
  std::mt19937_64 random(seed);
  std::string lines;
  for (int i = 0; i < num_rows; ++i) {
    const bool is_null = random() % 50 == 0;
    lines += io::StrCat("{\"id\":", is_null ? "null" : std::to_string(random() % 20000),
                        ",\"grp\":\"g", random() % 100, "\",\"value\":", random() % 1000,
                        ",\"note\":\"a note that takes some room ", i, "\"}\n");
  }
  return lines;
}

TEST(MergeInsertTest, ASourceBeyondTheBudgetGivesTheSame) {
  const SchemaPtr schema = SchemaOf(kTable);
  const uint64_t seed = tests::Seed();
  const std::string table = BigSource(seed, 12000);
  const std::string source = BigSource(seed + 1, 24000);
  MergeInsertRequest request;
  request.on = {"id"};
  request.when_matched = WhenMatchedRow::kUpdateIf;
  request.update_if = "source.value > target.value and target.value % 2 = 0";
  request.when_not_matched_by_source = WhenNotMatchedBySource::kDeleteIf;
  request.delete_if = "value > 500";
  request.duplicates = SourceDuplicates::kFirstSeen;
  std::vector<std::vector<std::string>> results;
  std::vector<MergeInsertStatistics> statistics;
  for (const uint64_t limit : {uint64_t{1} << 30, uint64_t{1} << 20}) {
    io::SimEnv env(seed, {.memory_limit = limit});
    OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset,
                            CreateTable(env, "memory://t", schema, table, {}));
    const auto stream = StreamOf(schema, source);
    OG_ASSERT_OK_AND_ASSIGN(const MergeInsertResult merged,
                            MergeInsert(*dataset, *stream, request));
    EXPECT_LE(env.memory()->peak(), limit);
    OG_ASSERT_OK_AND_ASSIGN(std::vector<std::string> rows, SortedRows(*merged.dataset));
    results.push_back(std::move(rows));
    statistics.push_back(merged.statistics);
  }
  EXPECT_TRUE(results[0] == results[1]);
  EXPECT_GT(statistics[0].num_updated_rows, 1000u);
  EXPECT_GT(statistics[0].num_inserted_rows, 1000u);
  EXPECT_GT(statistics[0].num_deleted_rows, 500u);
  EXPECT_GT(statistics[0].num_skipped_duplicates, 100u);
  EXPECT_EQ(statistics[0].num_updated_rows, statistics[1].num_updated_rows);
  EXPECT_EQ(statistics[0].num_inserted_rows, statistics[1].num_inserted_rows);
  EXPECT_EQ(statistics[0].num_deleted_rows, statistics[1].num_deleted_rows);
  EXPECT_EQ(statistics[0].num_skipped_duplicates, statistics[1].num_skipped_duplicates);
}

TEST(MergeInsertTest, ManyRowsOfOneKeyBeyondTheBudgetAreRefused) {
  io::SimEnv env(1, {.memory_limit = uint64_t{1} << 20});
  const SchemaPtr schema = SchemaOf("id int64, note utf8");
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset,
                          CreateTable(env, "memory://t", schema, "{\"id\":1,\"note\":\"\"}\n", {}));
  std::string lines;
  for (int i = 0; i < 20000; ++i) {
    lines += "{\"id\":1,\"note\":\"some forty bytes of text for every row\"}\n";
  }
  const auto stream = StreamOf(schema, lines);
  EXPECT_THAT(MergeInsert(*dataset, *stream, {.on = {"id"}}),
              StatusIs(absl::StatusCode::kResourceExhausted, "of one key"));
}

TEST(MergeInsertTest, KeysOfThePrimaryKeyStandInTheTransaction) {
  io::SimEnv env(1);
  const SchemaPtr schema =
      WithPrimaryKey(SchemaOf("id int64, grp utf8, value int64?"), {"grp", "id"});
  OG_ASSERT_OK_AND_ASSIGN(
      const DatasetPtr dataset,
      CreateTable(env, "memory://t", schema, "{\"id\":1,\"grp\":\"a\",\"value\":1}\n", {}));
  const auto stage = [&](const std::vector<std::string>& on) {
    const auto stream = StreamOf(schema, "{\"id\":2,\"grp\":\"a\",\"value\":1}\n");
    return StageMergeInsert(*dataset, *stream, {.on = on});
  };
  for (const std::vector<std::string>& on :
       {std::vector<std::string>{}, std::vector<std::string>{"grp", "id"}}) {
    OG_ASSERT_OK_AND_ASSIGN(const StagedMergeInsert staged, stage(on));
    const auto& update = std::get<format::UpdateOperation>(staged.staged.transaction.operation);
    ASSERT_TRUE(update.inserted_rows.has_value());
    EXPECT_EQ(update.inserted_rows->field_ids, (std::vector<int32_t>{1, 0}));
  }
  // Another order is another key.
  OG_ASSERT_OK_AND_ASSIGN(const StagedMergeInsert staged, stage({"id", "grp"}));
  EXPECT_FALSE(std::get<format::UpdateOperation>(staged.staged.transaction.operation)
                   .inserted_rows.has_value());

  // Two writers that insert one key: the second one finds the row of the first.
  OG_ASSERT_OK_AND_ASSIGN(const StagedMergeInsert first, stage({}));
  OG_ASSERT_OK_AND_ASSIGN(const StagedMergeInsert second, stage({}));
  OG_ASSERT_OK(dataset->Commit(first.staged, {}));
  EXPECT_THAT(dataset->Commit(second.staged, {}), StatusIs(absl::StatusCode::kAborted, "retry"));
  const auto stream = StreamOf(schema, "{\"id\":2,\"grp\":\"a\",\"value\":7}\n");
  OG_ASSERT_OK_AND_ASSIGN(
      const MergeInsertResult merged,
      MergeInsert(*dataset, *stream, {.when_matched = WhenMatchedRow::kUpdateAll}));
  EXPECT_EQ(merged.statistics.num_attempts, 2u);
  EXPECT_EQ(merged.statistics.num_updated_rows, 1u);
  OG_ASSERT_OK_AND_ASSIGN(const auto rows, SortedRows(*merged.dataset));
  EXPECT_THAT(rows, testing::ElementsAre("{\"id\":1,\"grp\":\"a\",\"value\":1}",
                                         "{\"id\":2,\"grp\":\"a\",\"value\":7}"));
}

TEST(MergeInsertTest, RefusesWhatDoesNotFit) {
  io::SimEnv env(1);
  const SchemaPtr schema = SchemaOf("id int64, name utf8, age int32?");
  OG_ASSERT_OK_AND_ASSIGN(
      const DatasetPtr dataset,
      CreateTable(env, "memory://t", schema, "{\"id\":1,\"name\":\"a\",\"age\":1}\n", {}));
  const auto merge = [&](std::string_view source, std::string_view lines,
                         const MergeInsertRequest& request) {
    const auto stream = StreamOf(SchemaOf(source), lines);
    return StageMergeInsert(*dataset, *stream, request).status();
  };
  const auto refused = [](std::string_view text) {
    return StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr(std::string(text)));
  };
  constexpr std::string_view kSame = "id int64, name utf8, age int32?";
  EXPECT_THAT(merge(kSame, "", {}), refused("requires join keys"));
  EXPECT_THAT(merge(kSame, "", {.on = {"nick"}}), refused("'nick' does not exist"));
  EXPECT_THAT(merge("name utf8", "", {.on = {"id"}}), refused("no key column id"));
  EXPECT_THAT(merge("id int32, name utf8", "", {.on = {"id"}}), refused("is int32"));
  EXPECT_THAT(merge("id int64, nick utf8", "", {.on = {"id"}}), refused("no column nick"));
  EXPECT_THAT(merge("id int64, age int32?", "", {.on = {"id"}}),
              refused("[\"name\"] are non-nullable"));
  EXPECT_THAT(merge(kSame, "", {.on = {"id"}, .when_not_matched = WhenNotMatchedRow::kDoNothing}),
              refused("not configured to change"));
  MergeInsertRequest update_if{.on = {"id"}, .when_matched = WhenMatchedRow::kUpdateIf};
  update_if.update_if = "age > 1";
  EXPECT_THAT(merge(kSame, "", update_if), refused("neither of the source nor of the target"));
  update_if.update_if = "source.age + target.age";
  EXPECT_THAT(merge(kSame, "", update_if), refused("condition wanted"));
  MergeInsertRequest delete_if{.on = {"id"},
                               .when_not_matched_by_source = WhenNotMatchedBySource::kDeleteIf};
  delete_if.delete_if = "shoe > 1";
  EXPECT_THAT(merge(kSame, "", delete_if), refused("no column 'shoe'"));
  // Nothing is left behind by any of them.
  OG_ASSERT_OK_AND_ASSIGN(const auto files,
                          dataset->root().store->List(dataset->root().Child("data").path, {}));
  EXPECT_EQ(files.size(), 1u);
  // Values that are null where none may be are found late; the files go away again.
  EXPECT_THAT(merge("id int64, name utf8?, age int32?", "{\"id\":9}\n", {.on = {"id"}}),
              refused("must not be null"));
  OG_ASSERT_OK_AND_ASSIGN(const auto left,
                          dataset->root().store->List(dataset->root().Child("data").path, {}));
  EXPECT_EQ(left.size(), 1u);
}

}  // namespace
}  // namespace og::engine::dataset
