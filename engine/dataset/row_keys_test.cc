// Tables of keys against comparing every row with every other.
#include "engine/dataset/row_keys.h"

#include <functional>
#include <optional>
#include <random>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"
#include "io/base/text.h"
#include "tests/support/seed.h"

namespace og::engine::dataset {
namespace {

using format::ArrayPtr;
using Values = std::vector<std::optional<int64_t>>;

// A key column of `values` in some type.
using Form = std::function<ArrayPtr(const Values&)>;

template <typename T>
ArrayPtr Numbers(const format::TypePtr& type, const Values& values) {
  format::FixedBuilder<T> builder(type);
  for (const auto& value : values)
    value ? builder.Append(static_cast<T>(*value)) : builder.AppendNull();
  return builder.Finish();
}

ArrayPtr Texts(const Values& values) {
  format::StringBuilder builder(format::Utf8());
  for (const auto& value : values)
    value ? builder.Append(io::StrCat("key ", *value)) : builder.AppendNull();
  return builder.Finish();
}

Values RandomValues(std::mt19937_64& random, size_t count, int64_t range) {
  Values values(count);
  for (auto& value : values) {
    if (random() % 20 != 0) value = static_cast<int64_t>(random()) % range;
  }
  return values;
}

// Compares Find() and Matching() of a table of some batches with a search of all rows.
void Check(const Form& form, std::mt19937_64& random, int64_t range) {
  std::vector<Values> added;
  KeyTable table;
  if (random() % 2 == 0) table.Reserve(1000);
  for (int batch = 0; batch < 3; ++batch) {
    added.push_back(RandomValues(random, random() % 400, range));
    const ArrayPtr column = form(added.back());
    table.Add(KeyBatch(std::span(&column, 1)));
  }
  const Values wanted = RandomValues(random, 1000, 2 * range);
  const ArrayPtr column = form(wanted);
  const KeyBatch keys(std::span(&column, 1));
  const std::vector<KeyTable::Match> found = table.Find(keys);
  std::vector<int64_t> rows;
  auto match = found.begin();
  for (size_t i = 0; i < wanted.size(); ++i) {
    bool has_match = false;
    for (uint32_t batch = 0; wanted[i] && batch < added.size(); ++batch) {
      for (uint32_t row = 0; row < added[batch].size(); ++row) {
        if (added[batch][row] != wanted[i]) continue;
        has_match = true;
        ASSERT_NE(match, found.end());
        EXPECT_EQ(match->row, static_cast<int64_t>(i));
        EXPECT_EQ(match->added, (RowRef{batch, row}));
        ++match;
      }
    }
    if (has_match) rows.push_back(static_cast<int64_t>(i));
  }
  EXPECT_EQ(match, found.end());
  EXPECT_EQ(table.Matching(keys), rows);
  EXPECT_TRUE(rows.empty() || table.MayMatch(std::span(&column, 1)));
}

TEST(RowKeysTest, TablesFindAllRowsOfAKey) {
  std::mt19937_64 random(tests::Seed());
  for (const int64_t range : {50, 100'000}) {
    for (int round = 0; round < 3; ++round) {
      Check([](const Values& v) { return Numbers<int64_t>(format::Int64(), v); }, random, range);
      Check([](const Values& v) { return Numbers<int32_t>(format::Int32(), v); }, random, range);
      Check(Texts, random, range);
    }
  }
}

TEST(RowKeysTest, NumbersOutOfRangeCannotMatch) {
  KeyTable table;
  const auto may_match = [&](const Values& values) {
    const ArrayPtr column = Numbers<int32_t>(format::Int32(), values);
    return table.MayMatch(std::span(&column, 1));
  };
  EXPECT_FALSE(may_match({1}));
  const ArrayPtr keys = Numbers<int32_t>(format::Int32(), {-5, 3, 10});
  table.Add(KeyBatch(std::span(&keys, 1)));
  EXPECT_TRUE(may_match({10}));
  EXPECT_TRUE(may_match({-5}));
  EXPECT_TRUE(may_match({-100, 100}));
  EXPECT_FALSE(may_match({11, 12}));
  EXPECT_FALSE(may_match({-7, -6}));
  // A slice has the range of its own rows.
  const ArrayPtr more = format::Slice(Numbers<int32_t>(format::Int32(), {3, 20, 21, 3}), 1, 2);
  EXPECT_FALSE(table.MayMatch(std::span(&more, 1)));
  const ArrayPtr text = Texts({11});
  EXPECT_TRUE(table.MayMatch(std::span(&text, 1)));
}

}  // namespace
}  // namespace og::engine::dataset
