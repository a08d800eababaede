// JSON text against lines that serde_json 1.0.150 wrote, and floats against a parser: every finite
// value reads back equal.

#include "io/base/json_writer.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/seed.h"

namespace og::io {
namespace {

template <typename T>
std::string FloatText(T value) {
  std::string out;
  AppendJsonFloat(out, value);
  return out;
}

TEST(JsonWriterTest, Floats) {
  const std::vector<std::pair<double, std::string>> kTexts = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {-1.5, "-1.5"},
      {0.1, "0.1"},
      {123456.789, "123456.789"},
      {1e15, "1000000000000000.0"},
      {9007199254740993.0, "9007199254740992.0"},
      {9999999999999998.0, "9999999999999998.0"},
      {1e16, "1e+16"},
      {1.2345678901234568e17, "1.2345678901234568e+17"},
      {1e-5, "0.00001"},
      {1.25e-5, "0.0000125"},
      {9.99e-6, "9.99e-6"},
      {1e-6, "1e-6"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {std::numeric_limits<double>::infinity(), "null"},
      {std::numeric_limits<double>::quiet_NaN(), "null"},
  };
  for (const auto& [value, text] : kTexts)
    EXPECT_EQ(FloatText(value), text);
  EXPECT_EQ(FloatText(0.1f), "0.1");
  EXPECT_EQ(FloatText(16777216.0f), "16777216.0");
  EXPECT_EQ(FloatText(1e-6f), "0.000001");
  EXPECT_EQ(FloatText(1e-7f), "1e-7");
  EXPECT_EQ(FloatText(1e12f), "1000000000000.0");
  EXPECT_EQ(FloatText(1e13f), "1e+13");
}

TEST(JsonWriterTest, FloatsReadBackEqual) {
  std::mt19937_64 random(tests::Seed());
  for (int i = 0; i < 100'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    const std::string text = FloatText(value);
    ASSERT_EQ(std::bit_cast<uint64_t>(std::strtod(text.c_str(), nullptr)),
              std::bit_cast<uint64_t>(value))
        << text;
    const auto narrow = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (!std::isfinite(narrow)) continue;
    ASSERT_EQ(std::strtof(FloatText(narrow).c_str(), nullptr), narrow);
  }
}

TEST(JsonWriterTest, Strings) {
  std::string out;
  AppendJsonString(out, std::string_view("a\"b\\c/\b\t\n\f\r\x01\x1f\x7f\0é", 17));
  EXPECT_EQ(out, "\"a\\\"b\\\\c/\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\\u0000é\"");
}

void WriteSample(JsonWriter& writer) {
  writer.BeginObject();
  writer.Key("z");
  writer.Int(-1);
  writer.Key("a");
  writer.BeginArray();
  writer.Uint(18446744073709551615u);
  writer.Bool(true);
  writer.Null();
  writer.BeginObject();
  writer.EndObject();
  writer.EndArray();
  writer.Key("e");
  writer.BeginArray();
  writer.EndArray();
  writer.Key("n");
  writer.BeginObject();
  writer.Key("r");
  writer.Raw("[1]");
  writer.Key("f");
  writer.Float(2.0);
  writer.EndObject();
  writer.EndObject();
}

TEST(JsonWriterTest, Compact) {
  JsonWriter writer;
  WriteSample(writer);
  EXPECT_EQ(std::move(writer).Finish(),
            R"({"z":-1,"a":[18446744073709551615,true,null,{}],"e":[],"n":{"r":[1],"f":2.0}})");
}

TEST(JsonWriterTest, Pretty) {
  JsonWriter writer(JsonWriter::Style::kPretty);
  WriteSample(writer);
  EXPECT_EQ(std::move(writer).Finish(), R"({
  "z": -1,
  "a": [
    18446744073709551615,
    true,
    null,
    {}
  ],
  "e": [],
  "n": {
    "r": [1],
    "f": 2.0
  }
})");
}

TEST(JsonWriterDeathTest, WrongNestingStopsTheProgram) {
  EXPECT_DEATH(
      {
        JsonWriter writer;
        writer.BeginObject();
        writer.EndArray();
      },
      "check failed");
  EXPECT_DEATH(
      {
        JsonWriter writer;
        writer.Int(1);
        writer.Int(2);
      },
      "check failed");
}

}  // namespace
}  // namespace og::io
