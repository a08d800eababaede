// Scans with a filter, read in parts, against the rows that the filter keeps: few, many, all at
// first and few later, with deleted rows between them.
#include "engine/dataset/late_part.h"

#include <algorithm>
#include <functional>
#include <random>

#include "gtest/gtest.h"

#include "engine/dataset/dataset.h"
#include "engine/dataset/delete.h"
#include "engine/expr/filter_parse.h"
#include "format/arrow/builder.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "io/memory/memory_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using format::RecordBatch;
using tests::IsOk;

constexpr int64_t kFragmentRows = 420'000;  // more than three parts
constexpr int64_t kRows = kFragmentRows + 80'000;

struct Row {
  int64_t id = 0;
  int32_t dice = 0;
  std::string kind;  // in pages with a dictionary and without
  std::string name;
};

RecordBatch BatchOf(std::span<const Row> rows) {
  auto schema = std::make_shared<format::Schema>();
  schema->fields = {
      {.name = "id", .type = format::Int64(), .nullable = false, .metadata = {}},
      {.name = "dice", .type = format::Int32(), .nullable = false, .metadata = {}},
      {.name = "kind", .type = format::Utf8(), .nullable = false, .metadata = {}},
      {.name = "name", .type = format::Utf8(), .nullable = true, .metadata = {}},
  };
  format::FixedBuilder<int64_t> ids(format::Int64());
  format::FixedBuilder<int32_t> dice(format::Int32());
  format::StringBuilder kinds(format::Utf8());
  format::StringBuilder names(format::Utf8());
  for (const Row& row : rows) {
    ids.Append(row.id);
    dice.Append(row.dice);
    kinds.Append(row.kind);
    row.name.empty() ? names.AppendNull() : names.Append(row.name);
  }
  return {schema, std::ssize(rows), {ids.Finish(), dice.Finish(), kinds.Finish(), names.Finish()}};
}

class LatePartTest : public testing::Test {
 protected:
  LatePartTest()
      : env_(*io::NewRealEnv({.durability = io::Durability::kNone})),
        root_{std::make_shared<io::MemoryStore>("memory://test/", [] { return int64_t{0}; }), "t"} {
    std::mt19937_64 random(tests::Seed());
    for (int64_t i = 0; i < kRows; ++i) {
      Row row{.id = i, .dice = static_cast<int32_t>(random() % 1000), .kind = {}, .name = {}};
      row.kind = i < kFragmentRows ? io::StrCat("kind ", random() % 20) : io::StrCat("kind ", i);
      row.name = i % 7 == 0 ? std::string() : io::StrCat("name-", i);
      rows_.push_back(std::move(row));
    }
    const std::span<const Row> rows = rows_;
    const auto first = Stream(rows.first(kFragmentRows));
    const auto staged = Dataset::StageCreate(*env_, root_, first->schema(), first.get(), {});
    EXPECT_THAT(staged, IsOk());
    table_ = *Dataset::CommitCreate(*env_, root_, *staged);
    const auto second = Stream(rows.subspan(kFragmentRows));
    table_ = *table_->Commit(*table_->StageAppend(*second, {}), {});
  }

  static std::unique_ptr<format::BatchStream> Stream(std::span<const Row> rows) {
    RecordBatch batch = BatchOf(rows);
    const format::SchemaPtr schema = batch.schema;
    return format::MakeStream(schema, {std::move(batch)});
  }

  // Compares all that a scan for `where` gives with the rows for which `is_wanted`.
  void Check(std::string_view where, const std::function<bool(const Row&)>& is_wanted,
             ScanOptions options = {}) {
    SCOPED_TRACE(where);
    options.filter = *expr::ParseFilter(where);
    options.with_row_address = true;
    const auto stream = table_->Scan(options);
    ASSERT_THAT(stream, IsOk());
    auto row = rows_.begin();
    const auto skip = [&] {
      row = std::find_if(row, rows_.end(), [&](const Row& r) {
        return is_wanted(r) && !(is_deleted_ && is_deleted_(r));
      });
    };
    while (true) {
      const auto next = (*stream)->Next();
      ASSERT_THAT(next, IsOk());
      if (!next->has_value()) break;
      const RecordBatch& batch = **next;
      ASSERT_GT(batch.num_rows, 0);
      ASSERT_LE(batch.num_rows, options.batch_rows);
      const auto kind = format::DecodeDictionary(batch.Column("kind"));
      const auto id = batch.Column("id");
      const auto name = batch.Column("name");
      const auto address = batch.Column("_rowaddr");
      for (int64_t i = 0; i < batch.num_rows; ++i, ++row) {
        skip();
        ASSERT_NE(row, rows_.end());
        const auto number = static_cast<uint64_t>(row->id);
        const bool is_equal =
            id->Value<int64_t>(i) == row->id && kind->StringValue(i) == row->kind &&
            name->IsNull(i) == row->name.empty() && name->StringValue(i) == row->name &&
            address->Value<uint64_t>(i) == (number / kFragmentRows << 32 | number % kFragmentRows);
        ASSERT_TRUE(is_equal) << "row " << row->id << " is row " << id->Value<int64_t>(i);
      }
    }
    skip();
    EXPECT_EQ(row, rows_.end());
  }

  void CheckAll() {
    Check("dice < 10", [](const Row& row) { return row.dice < 10; });
    Check("dice < 600", [](const Row& row) { return row.dice < 600; });
    Check("id = 300000", [](const Row& row) { return row.id == 300'000; });
    Check("id < 0", [](const Row&) { return false; });
    // Dense parts first, last, and in the middle.
    Check("id < 400000 AND dice < 900",
          [](const Row& row) { return row.id < 400'000 && row.dice < 900; });
    Check("id > 100000 AND (id < 300000 OR dice = 7)",
          [](const Row& row) { return row.id > 100'000 && (row.id < 300'000 || row.dice == 7); });
    // Few in the first rows of each part, many in the others.
    Check("dice < 10 OR id % 131072 > 70000",
          [](const Row& row) { return row.dice < 10 || row.id % 131'072 > 70'000; });
  }

  const std::unique_ptr<io::Env> env_;
  const io::Location root_;
  std::vector<Row> rows_;
  DatasetPtr table_;
  std::function<bool(const Row&)> is_deleted_;
};

TEST_F(LatePartTest, RowsComeInOrder) {
  CheckAll();
  const auto few = [](const Row& row) { return row.dice < 10; };
  Check("dice < 10", few, {.batch_rows = 100});
  Check("dice < 10", few, {.batch_rows = 100'000});
  Check("dice < 10", few, {.threads = 1});
  Check("kind = 'kind 3' OR id = 450000",
        [](const Row& row) { return row.kind == "kind 3" || row.id == 450'000; },
        {.dictionary_strings = true});
}

TEST_F(LatePartTest, DeletedRowsAreLeftOut) {
  const auto one_in_a_thousand = [](const Row& row) { return row.dice == 3; };
  table_ = DeleteWhere(*table_, {.predicate = "dice = 3"})->dataset;
  is_deleted_ = one_in_a_thousand;
  CheckAll();
  table_ = DeleteWhere(*table_, {.predicate = "dice % 20 = 0"})->dataset;
  is_deleted_ = [&](const Row& row) { return one_in_a_thousand(row) || row.dice % 20 == 0; };
  CheckAll();
}

// Rows of a filter's columns alone are counted in parts too.
TEST_F(LatePartTest, RowsAreCounted) {
  for (const int32_t limit : {10, 600}) {
    const auto count = table_->CountRows(*expr::ParseFilter(io::StrCat("dice < ", limit)));
    ASSERT_THAT(count, IsOk());
    EXPECT_EQ(*count, static_cast<uint64_t>(std::ranges::count_if(
                          rows_, [&](const Row& row) { return row.dice < limit; })));
  }
}

}  // namespace
}  // namespace og::engine::dataset
