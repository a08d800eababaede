// Batches of every type come back from their file, and merged runs are what a sort of all rows is.
#include <numeric>
#include <random>
#include <vector>

#include "gtest/gtest.h"

#include "engine/exec/batch_spill.h"
#include "engine/exec/order.h"
#include "engine/exec/sorted_runs.h"
#include "format/arrow/builder.h"
#include "tests/support/random_arrays.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using format::RecordBatch;
using tests::IsOk;

TEST(BatchSpillTest, EveryTypeComesBack) {
  std::mt19937_64 random(tests::Seed());
  for (const format::TypePtr& type : tests::AllTypes(true)) {
    SCOPED_TRACE(type->ToString());
    const ArrayPtr values =
        tests::RandomArray(type, 300, {.null_fraction = 0.2, .empty_fraction = 0.2}, random);
    const std::vector<RecordBatch> batches = {tests::SingleColumn(values),
                                              tests::SingleColumn(Slice(values, 17, 100)),
                                              tests::SingleColumn(Slice(values, 5, 0))};
    auto spill = BatchSpill::Create(batches[0].schema);
    ASSERT_THAT(spill, IsOk());
    for (const RecordBatch& batch : batches)
      ASSERT_THAT((*spill)->Append(batch), IsOk());
    EXPECT_EQ((*spill)->num_rows(), 400u);
    EXPECT_EQ((*spill)->has_null(0), values->null_count != 0);
    for (size_t i = batches.size(); i-- > 0;) {
      const auto read = (*spill)->Read(i);
      ASSERT_THAT(read, IsOk());
      ASSERT_THAT(Validate(*read->columns[0]), IsOk());
      EXPECT_TRUE(Equal(*read->columns[0], *DecodeDictionary(batches[i].columns[0])));
    }
  }
}

TEST(SortedRunsTest, MergeIsASortOfAllRows) {
  std::mt19937_64 random(tests::Seed());
  for (int round = 0; round < 60; ++round) {
    const format::TypePtr key_types[] = {format::Utf8(), format::Float64(), format::Int32()};
    const bool has_many_runs = round % 20 == 0;
    const int64_t num_rows = has_many_runs ? 2500 : static_cast<int64_t>(random() % 400);
    const uint64_t run_rows_max = has_many_runs ? 1 : 90;
    auto schema = std::make_shared<format::Schema>();
    std::vector<bool> descending;
    std::vector<ArrayPtr> all;
    for (size_t key = 0; key < 1 + random() % 3; ++key) {
      schema->fields.push_back({"", key_types[key], true, {}});
      descending.push_back(random() % 2 == 0);
      all.push_back(tests::RandomArray(
          key_types[key], num_rows, {.shape = tests::DataShape::kFewDistinct, .null_fraction = 0.2},
          random));
    }
    schema->fields.push_back({"row", format::Int64(), true, {}});
    format::FixedBuilder<int64_t> numbers(format::Int64());
    for (int64_t row = 0; row < num_rows; ++row)
      numbers.Append(row);
    all.push_back(numbers.Finish());
    const auto keys_of = [&](const std::vector<ArrayPtr>& columns) {
      std::vector<SortKey> keys;
      for (size_t key = 0; key < descending.size(); ++key)
        keys.push_back({columns[key], descending[key]});
      return keys;
    };
    SortedRuns runs(schema, descending);
    for (int64_t start = 0; start < num_rows;) {
      const int64_t count = std::min<int64_t>(num_rows - start, 1 + random() % run_rows_max);
      std::vector<ArrayPtr> part;
      for (const ArrayPtr& column : all)
        part.push_back(Slice(column, start, count));
      const std::vector<int64_t> order = SortRows(keys_of(part), count, std::nullopt);
      ASSERT_THAT(runs.StartRun(), IsOk());
      for (size_t at = 0; at < order.size(); at += 20) {
        const auto rows = std::span(order).subspan(at, std::min<size_t>(20, order.size() - at));
        std::vector<ArrayPtr> sorted;
        for (const ArrayPtr& column : part)
          sorted.push_back(Take(*column, rows));
        ASSERT_THAT(runs.Append(std::move(sorted)), IsOk());
      }
      start += count;
    }
    EXPECT_LT(runs.num_runs(), 3 * SortedRuns::kRunsOfLevel);
    const uint64_t limit = random() % 2 == 0 ? UINT64_MAX : random() % 300;
    std::vector<int64_t> merged;
    const auto collect = [&](std::vector<ArrayPtr> columns) {
      for (int64_t i = 0; i < columns[0]->length; ++i)
        merged.push_back(columns[0]->Value<int64_t>(i));
      return absl::OkStatus();
    };
    ASSERT_THAT(runs.Merge(limit, collect), IsOk());
    std::vector<int64_t> want = SortRows(keys_of(all), num_rows, std::nullopt);
    want.resize(std::min<size_t>(want.size(), limit));
    EXPECT_EQ(merged, want);
  }
}

}  // namespace
}  // namespace og::engine::exec
