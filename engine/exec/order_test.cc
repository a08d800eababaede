// What may be left out of an order with a limit: what RowsWithin() and FirstKeyBound drop is never
// among the first rows.
#include "engine/exec/order.h"

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"
#include "tests/support/random_arrays.h"
#include "tests/support/seed.h"

namespace og::engine::exec {
namespace {

std::vector<SortKey> RandomKeys(int64_t num_rows, std::mt19937_64& random) {
  const format::TypePtr types[] = {format::Int32(), format::Utf8(),   format::Float64(),
                                   format::Bool(),  format::Uint64(), format::Int8()};
  std::vector<SortKey> keys;
  for (size_t key = 0; key < 1 + random() % 3; ++key) {
    const auto shape =
        random() % 2 == 0 ? tests::DataShape::kFewDistinct : tests::DataShape::kExtremes;
    keys.push_back({tests::RandomArray(types[random() % std::size(types)], num_rows,
                                       {.shape = shape, .null_fraction = 0.1}, random),
                    random() % 2 == 0});
  }
  return keys;
}

TEST(OrderTest, RowsWithinAreThoseThatFewComeBefore) {
  std::mt19937_64 random(tests::Seed());
  for (int round = 0; round < 300; ++round) {
    const auto num_rows = static_cast<int64_t>(random() % 200);
    const uint64_t limit = 1 + random() % 30;
    const std::vector<SortKey> keys = RandomKeys(num_rows, random);
    std::vector<int64_t> want;
    for (int64_t row = 0; row < num_rows; ++row) {
      uint64_t before = 0;
      for (int64_t other = 0; other < num_rows; ++other)
        before += CompareRows(keys, other, keys, row) < 0 ? 1 : 0;
      if (before < limit) want.push_back(row);
    }
    EXPECT_EQ(RowsWithin(keys, num_rows, limit), want);
  }
}

TEST(OrderTest, FirstKeyBoundKeepsTheFirstRowsFromAnyThread) {
  std::mt19937_64 random(tests::Seed());
  for (int round = 0; round < 100; ++round) {
    constexpr size_t kThreads = 3;
    const auto num_rows = static_cast<int64_t>(1 + random() % 3000);
    const uint64_t limit = 1 + random() % 30;
    const SortKey key = RandomKeys(num_rows, random)[0];
    FirstKeyBound bound(key.descending, limit);
    std::vector<std::vector<int64_t>> kept(kThreads);
    const auto look = [&](size_t thread) {
      for (int64_t start = static_cast<int64_t>(thread) * 100; start < num_rows;
           start += static_cast<int64_t>(kThreads) * 100) {
        std::vector<int64_t> rows;
        for (int64_t row = start; row < std::min(start + 100, num_rows); ++row)
          rows.push_back(row);
        for (const int64_t row : bound.Keep(*key.values, rows))
          kept[thread].push_back(row);
      }
    };
    std::vector<std::thread> threads;
    for (size_t thread = 0; thread < kThreads; ++thread)
      threads.emplace_back(look, thread);
    for (std::thread& thread : threads)
      thread.join();
    std::vector<int64_t> all;
    for (const std::vector<int64_t>& part : kept)
      all.insert(all.end(), part.begin(), part.end());
    std::sort(all.begin(), all.end());
    const std::vector<int64_t> want = RowsWithin({key}, num_rows, limit);
    EXPECT_TRUE(std::ranges::includes(all, want));
    // Little else is kept if there is much to choose from.
    if (num_rows > 2000 && want.size() < 60) {
      EXPECT_LT(std::ssize(all), num_rows);
    }
  }
}

}  // namespace
}  // namespace og::engine::exec
