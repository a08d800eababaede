// Ordered scans against sorting in memory.
#include "engine/dataset/ordered_scan.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"

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
using tests::StatusIs;

struct Row {
  int64_t id = 0;
  std::optional<double> price;
  std::string name;
};

RecordBatch BatchOf(const std::vector<Row>& rows) {
  auto schema = std::make_shared<format::Schema>();
  schema->fields = {
      {.name = "id", .type = format::Int64(), .nullable = false, .metadata = {}},
      {.name = "price", .type = format::Float64(), .nullable = true, .metadata = {}},
      {.name = "name", .type = format::Utf8(), .nullable = false, .metadata = {}},
      {.name = "tags", .type = format::ListOf(format::Utf8()), .nullable = true, .metadata = {}},
  };
  format::FixedBuilder<int64_t> ids(format::Int64());
  format::FixedBuilder<double> prices(format::Float64());
  format::StringBuilder names(format::Utf8());
  for (const Row& row : rows) {
    ids.Append(row.id);
    row.price ? prices.Append(*row.price) : prices.AppendNull();
    names.Append(row.name);
  }
  const auto count = std::ssize(rows);
  return {schema,
          count,
          {ids.Finish(), prices.Finish(), names.Finish(),
           format::NullArray(format::ListOf(format::Utf8()), count)}};
}

class OrderedScanTest : public testing::Test {
 protected:
  OrderedScanTest()
      : env_(*io::NewRealEnv({.durability = io::Durability::kNone})),
        root_{std::make_shared<io::MemoryStore>("memory://test/", [] { return int64_t{0}; }), "t"} {
    std::mt19937_64 random(tests::Seed());
    for (int64_t i = 0; i < 3000; ++i) {
      Row row{.id = i, .price = {}, .name = io::StrCat("n", random() % 40)};
      if (random() % 5 != 0) row.price = static_cast<double>(random() % 20) / 2 - 3;
      rows_.push_back(std::move(row));
    }
    const RecordBatch batch = BatchOf(rows_);
    const auto stream = format::MakeStream(batch.schema, {batch});
    CreateOptions options;
    options.write.max_rows_per_file = 700;
    auto staged = Dataset::StageCreate(*env_, root_, batch.schema, stream.get(), options);
    EXPECT_THAT(staged.status(), IsOk());
    auto made = Dataset::CommitCreate(*env_, root_, *staged);
    EXPECT_THAT(made.status(), IsOk());
    table_ = *made;
  }

  std::vector<int64_t> Ids(const ScanOptions& options, const std::vector<SortKey>& keys) {
    auto stream = ScanOrdered(*table_, options, keys);
    EXPECT_THAT(stream.status(), IsOk());
    auto all = format::Collect(**stream);
    EXPECT_THAT(all.status(), IsOk());
    std::vector<int64_t> ids;
    const format::ArrayPtr column = all->Column("id");
    for (int64_t i = 0; i < all->num_rows; ++i)
      ids.push_back(column->Value<int64_t>(i));
    return ids;
  }

  std::unique_ptr<io::Env> env_;
  io::Location root_;
  std::vector<Row> rows_;
  DatasetPtr table_;
};

TEST_F(OrderedScanTest, IsTheSortedScan) {
  const auto filter = *expr::ParseFilter("id % 3 <> 0");
  for (const bool descending : {false, true}) {
    for (const bool nulls_first : {false, true}) {
      for (const uint64_t limit : {uint64_t{0}, uint64_t{17}, uint64_t{100000}}) {
        std::vector<Row> want;
        for (const Row& row : rows_) {
          if (row.id % 3 != 0) want.push_back(row);
        }
        std::ranges::stable_sort(want, [&](const Row& a, const Row& b) {
          if (a.price.has_value() != b.price.has_value()) {
            return a.price.has_value() != nulls_first;
          }
          if (a.price != b.price) return descending ? *a.price > *b.price : *a.price < *b.price;
          return a.name < b.name;
        });
        std::vector<int64_t> ids;
        for (size_t i = 5; i < want.size() && ids.size() < limit; ++i)
          ids.push_back(want[i].id);
        const ScanOptions options{.columns = {{"name", "id"}},
                                  .filter = filter,
                                  .batch_rows = 100,
                                  .offset = 5,
                                  .limit = limit};
        EXPECT_EQ(Ids(options, {{"price", descending, nulls_first}, {.column = "name"}}), ids)
            << descending << nulls_first << limit;
      }
    }
  }
}

TEST_F(OrderedScanTest, RefusesWhatHasNoOrder) {
  EXPECT_THAT(ScanOrdered(*table_, {}, {}).status(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ScanOrdered(*table_, {}, {{.column = "tags"}}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ScanOrdered(*table_, {}, {{.column = "nope"}}).status(),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(OrderedScanTest, HasTheColumnsOfAScan) {
  ScanOptions options{.columns = {{"name"}}, .with_row_id = true, .limit = 1};
  options.with_created_at_version = true;
  OG_ASSERT_OK_AND_ASSIGN(const auto ordered, ScanOrdered(*table_, options, {{.column = "id"}}));
  ASSERT_EQ(ordered->schema()->fields.size(), 3u);
  EXPECT_EQ(ordered->schema()->fields[0].name, "name");
  OG_ASSERT_OK_AND_ASSIGN(const auto scanned, table_->Scan(options));
  EXPECT_EQ(*ordered->schema(), *scanned->schema());
}

}  // namespace
}  // namespace og::engine::dataset
