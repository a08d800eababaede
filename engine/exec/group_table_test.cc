// The first and last texts of groups while they are replaced again and again.
#include "engine/exec/group_table.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using tests::IsOk;

struct Extremes {
  std::string least, greatest;
};

TEST(GroupTableTest, TextsThatAreReplaced) {
  std::mt19937_64 random(tests::Seed());
  const std::vector<AggregateSpec> aggregates = {{query::AggregateFunction::kMin, format::Utf8()},
                                                 {query::AggregateFunction::kMax, format::Utf8()}};
  const auto table = GroupTable::Make({format::Int64()}, aggregates);
  ASSERT_THAT(table, IsOk());
  std::map<int64_t, Extremes> expected;
  int64_t num_rows = 0;
  for (int batch = 0; batch < 40; ++batch) {
    format::FixedBuilder<int64_t> keys(format::Int64());
    format::StringBuilder texts(format::Utf8());
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < 200; ++row) {
      rows.push_back(row);
      const auto key = static_cast<int64_t>(random() % 5);
      keys.Append(key);
      if (random() % 10 == 0) {
        texts.AppendNull();
        continue;
      }
      std::string text(random() % 3 == 0 ? random() % 4 : random() % 20'000, 'm');
      for (size_t i = 0; i < std::min<size_t>(text.size(), 3); ++i)
        text[i] = static_cast<char>('a' + random() % 26);
      texts.Append(text);
      const auto [known, is_new] = expected.try_emplace(key, Extremes{text, text});
      known->second.least = std::min(known->second.least, text);
      known->second.greatest = std::max(known->second.greatest, text);
    }
    const KeyGroups groups({keys.Finish()}, std::ssize(rows));
    std::vector<uint32_t> of_rows;
    for (const uint32_t row : rows) {
      const KeyGroups::Group& group = groups.groups()[groups.of_rows()[row]];
      of_rows.push_back((*table)->GroupOf(groups, group, num_rows++, true));
    }
    const ArrayPtr values = texts.Finish();
    const std::vector<RowValues> arguments = {{values, rows}, {values, rows}};
    ASSERT_THAT((*table)->Accumulate(arguments, of_rows), IsOk());
  }
  // What was replaced does not pile up.
  EXPECT_LT((*table)->MemoryBytes(), uint64_t{5} << 20);
  const GroupTable::Columns columns = (*table)->Finish();
  ASSERT_EQ(columns.keys[0]->length, std::ssize(expected));
  for (int64_t i = 0; i < columns.keys[0]->length; ++i) {
    const Extremes& extremes = expected.at(columns.keys[0]->Value<int64_t>(i));
    EXPECT_EQ(columns.aggregates[0]->StringValue(i), extremes.least);
    EXPECT_EQ(columns.aggregates[1]->StringValue(i), extremes.greatest);
  }
}

}  // namespace
}  // namespace og::engine::exec
