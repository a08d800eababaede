// Rows have one group iff their keys are equal, for every type, with and without dictionaries.
#include "engine/exec/key_groups.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"
#include "tests/support/random_arrays.h"
#include "tests/support/seed.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;

// `values` behind a dictionary that has each value as often as there are rows with it, nulls too.
ArrayPtr Coded(const ArrayPtr& values, std::mt19937_64& random) {
  auto coded = std::make_shared<format::Array>();
  coded->type = format::Dictionary(format::Int32(), values->type);
  coded->length = values->length;
  format::FixedBuilder<int32_t> indices(format::Int32());
  std::vector<int64_t> order;
  for (int32_t row = 0; row < values->length; ++row) {
    order.push_back(row);
    indices.Append(row);
  }
  std::shuffle(order.begin(), order.end(), random);
  std::vector<int64_t> place(order.size());
  for (size_t i = 0; i < order.size(); ++i)
    place[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  coded->values = Take(*indices.Finish(), place)->values;
  coded->dictionary = Take(*values, order);
  return coded;
}

TEST(KeyGroupsTest, RowsAreGroupedByTheirKeys) {
  std::mt19937_64 random(tests::Seed());
  const std::vector<format::TypePtr> types = {
      format::Utf8(),    format::Bool(),    format::Int32(),     format::Int64(),
      format::Float32(), format::Float64(), format::Date32(),    format::Uint32(),
      format::Uint64(),  format::Date64(),  format::LargeUtf8(), format::ListOf(format::Utf8())};
  for (int round = 0; round < 100; ++round) {
    const int64_t num_rows =
        static_cast<int64_t>(random() % 3 == 0 ? random() % 2000 : random() % 60);
    std::vector<ArrayPtr> plain;
    std::vector<ArrayPtr> keys;
    bool has_duplicates = false;
    for (size_t key = 0; key < 1 + random() % 3; ++key) {
      const auto shape =
          random() % 3 == 0 ? tests::DataShape::kUnique : tests::DataShape::kFewDistinct;
      plain.push_back(tests::RandomArray(types[random() % types.size()], num_rows,
                                         {.shape = shape, .null_fraction = 0.1}, random));
      const bool coded = random() % 3 == 0;
      keys.push_back(coded ? Coded(plain.back(), random) : plain.back());
      has_duplicates = has_duplicates || coded;
    }
    const KeyGroups groups(keys, num_rows);
    ASSERT_EQ(std::ssize(groups.of_rows()), num_rows);
    std::vector<int64_t> firsts;
    std::map<std::string, int64_t> first_with;  // by bytes
    for (int64_t row = 0; row < num_rows; ++row) {
      const uint32_t number = groups.of_rows()[static_cast<size_t>(row)];
      ASSERT_LE(number, firsts.size()) << "numbers are in order of first appearance";
      if (number == firsts.size()) firsts.push_back(row);
      const KeyGroups::Group& group = groups.groups()[number];
      ASSERT_EQ(group.row, firsts[number]);
      for (const ArrayPtr& key : plain) {
        ASSERT_TRUE(Equal(*Slice(key, row, 1), *Slice(key, group.row, 1))) << key->type->ToString();
      }
      // Bytes and keys are equal together.
      const int64_t other = first_with.try_emplace(std::string(group.bytes), row).first->second;
      for (const ArrayPtr& key : plain)
        ASSERT_TRUE(Equal(*Slice(key, row, 1), *Slice(key, other, 1)));
    }
    ASSERT_EQ(firsts.size(), groups.groups().size());
    if (!has_duplicates) {
      ASSERT_EQ(first_with.size(), firsts.size());
    }
    if (first_with.size() > 40) continue;
    for (const auto& [bytes, row] : first_with) {
      for (const auto& [other_bytes, other] : first_with) {
        if (row >= other) continue;
        bool equal = true;
        for (const ArrayPtr& key : plain)
          equal = equal && Equal(*Slice(key, row, 1), *Slice(key, other, 1));
        ASSERT_FALSE(equal);
      }
    }
  }
}

}  // namespace
}  // namespace og::engine::exec
