// Exports: each type of value as its JSON, and lines in the order of their keys in memory and over
// many spilled runs.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "engine/graph/export/record_lines.h"
#include "engine/graph/export/sorted_lines.h"
#include "format/arrow/builder.h"

namespace og::engine::graph {
namespace {

using format::ArrayPtr;

ArrayPtr Strings(const std::vector<std::string>& values) {
  format::StringBuilder builder(format::Utf8());
  for (const std::string& value : values)
    builder.Append(value);
  return builder.Finish();
}

template <typename T>
ArrayPtr Fixed(format::TypePtr type, T value) {
  format::FixedBuilder<T> builder(std::move(type));
  builder.Append(value);
  builder.AppendNull();
  return builder.Finish();
}

format::RecordBatch Batch(std::vector<std::pair<std::string, ArrayPtr>> columns) {
  auto schema = std::make_shared<format::Schema>();
  format::RecordBatch batch{nullptr, columns[0].second->length, {}};
  for (auto& [name, array] : columns) {
    schema->fields.push_back({name, array->type, true, {}});
    batch.columns.push_back(std::move(array));
  }
  batch.schema = std::move(schema);
  return batch;
}

TEST(RecordLinesTest, WritesEveryTypeAndItsNull) {
  format::ListBuilder list(format::ListOf(format::Utf8()));
  static_cast<format::StringBuilder&>(list.items()).Append("x");
  static_cast<format::StringBuilder&>(list.items()).Append("y\"");
  list.Append();
  list.AppendNull();
  format::ListBuilder vector(format::FixedSizeListOf(format::Float32(), 2));
  static_cast<format::FixedBuilder<float>&>(vector.items()).Append(1.5f);
  static_cast<format::FixedBuilder<float>&>(vector.items()).Append(0.1f);
  vector.Append();
  vector.AppendNull();
  const format::RecordBatch batch = Batch({{"id", Strings({"a\n", "b"})},
                                           {"i", Fixed<int32_t>(format::Int32(), -7)},
                                           {"u", Fixed<uint64_t>(format::Uint64(), UINT64_MAX)},
                                           {"f", Fixed<float>(format::Float32(), 0.1f)},
                                           {"d", Fixed<double>(format::Float64(), 2.0)},
                                           {"day", Fixed<int32_t>(format::Date32(), 19000)},
                                           {"at", Fixed<int64_t>(format::Date64(), 1700000000000)},
                                           {"l", list.Finish()},
                                           {"v", vector.Finish()}});
  const RecordLines lines(false, "T", {"i", "u", "f", "d", "day", "at", "l", "v", "absent"});
  std::string out;
  ASSERT_TRUE(lines.Append(batch, 0, out).ok());
  EXPECT_EQ(out,
            "{\"type\":\"T\",\"data\":{\"id\":\"a\\n\",\"i\":-7,\"u\":18446744073709551615,"
            "\"f\":0.10000000149011612,\"d\":2.0,\"day\":19000,\"at\":1700000000000,"
            "\"l\":[\"x\",\"y\\\"\"],\"v\":[1.5,0.10000000149011612],\"absent\":null}}\n");
  out.clear();
  ASSERT_TRUE(lines.Append(batch, 1, out).ok());
  EXPECT_EQ(out,
            "{\"type\":\"T\",\"data\":{\"id\":\"b\",\"i\":null,\"u\":null,\"f\":null,\"d\":null,"
            "\"day\":null,\"at\":null,\"l\":null,\"v\":null,\"absent\":null}}\n");
}

TEST(RecordLinesTest, EdgesHaveTheirEndsOutside) {
  const format::RecordBatch batch =
      Batch({{"id", Strings({"e"})}, {"src", Strings({"a"})}, {"dst", Strings({"b"})}});
  std::string out;
  ASSERT_TRUE(RecordLines(true, "Knows", {}).Append(batch, 0, out).ok());
  EXPECT_EQ(out, "{\"edge\":\"Knows\",\"from\":\"a\",\"to\":\"b\",\"data\":{\"id\":\"e\"}}\n");
}

TEST(RecordLinesTest, NamesAFloatThatIsNotFinite) {
  const format::RecordBatch batch =
      Batch({{"id", Strings({"a", "b"})}, {"x", Fixed<double>(format::Float64(), 1.0 / 0.0)}});
  std::string out;
  EXPECT_EQ(RecordLines(false, "T", {"x"}).Append(batch, 0, out).message(),
            "export of T 'a': property 'x': is not finite");
}

TEST(SortedLinesTest, OrdersByKeyInMemoryAndOverRuns) {
  for (const uint64_t budget : {uint64_t{1} << 30, uint64_t{1} << 10}) {
    SortedLines lines(io::MemoryBudget::NewRoot("test", budget));
    std::vector<std::pair<std::string, std::string>> expected;
    for (int i = 0; i < 60000; ++i) {
      std::string key = std::to_string(i * 7919 % 40009);
      std::string line = key + " " + std::to_string(i) + std::string(i % 97, '.') + "\n";
      ASSERT_TRUE(lines.Add(key, line).ok());
      expected.emplace_back(std::move(key), std::move(line));
    }
    EXPECT_EQ(lines.num_runs() > 1, budget < (1 << 20));
    std::stable_sort(expected.begin(), expected.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string wanted;
    for (const auto& [key, line] : expected)
      wanted += line;
    std::string got;
    ASSERT_TRUE(lines
                    .Finish([&got](std::string_view chunk) {
                      EXPECT_LE(chunk.size(), size_t{64} << 10);
                      EXPECT_EQ(chunk.back(), '\n');
                      got.append(chunk);
                      return absl::OkStatus();
                    })
                    .ok());
    EXPECT_EQ(got, wanted);
  }
}

}  // namespace
}  // namespace og::engine::graph
