// Dates, floats and canonical text. Expected values: arrow-cast 58 for what is read, Rust's Display
// for floats.
#include "engine/expr/text.h"

#include <cmath>
#include <limits>
#include <random>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::expr {
namespace {

using format::ArrayPtr;

TEST(DateTest, Reads) {
  EXPECT_EQ(ParseDate("1970-01-01"), 0);
  EXPECT_EQ(ParseDate("1969-12-31"), -1);
  EXPECT_EQ(ParseDate("2020-02-29"), 18321);
  EXPECT_EQ(ParseDate("2020-2-9"), 18301);
  EXPECT_EQ(ParseDate("20200209"), 18301);
  EXPECT_EQ(ParseDate("0001-01-01"), -719162);
  EXPECT_EQ(ParseDate("+10999-12-31"), 3298139);
  EXPECT_EQ(ParseDate("-0012-05-06"), ParseDate("-0012-5-6"));
  EXPECT_EQ(ParseDate("2020-01-01T23:30:00-01:00"), 18263);  // the UTC day
  EXPECT_EQ(ParseDate("1969-12-31T23:59:59.999Z"), -1);
}

TEST(DateTest, Refuses) {
  for (const char* text :
       {"", "2020", "2020-13-01", "2020-00-01", "2020-01-00", "2019-02-29", "1900-02-29",
        "2020-01-001", "2020/01/01", "202-01-01", "2020-01-1x", "+999-01-01", "-2020-01",
        "2020-01-01x", "99999999", "+999999999-01-01", "２020-01-01"}) {
    EXPECT_EQ(ParseDate(text), std::nullopt) << text;
  }
}

TEST(DateTest, EveryDayOfManyYearsComesBack) {
  for (int32_t day = -800'000; day < 800'000; day += 7) {
    const std::string text = FormatDate(day);
    ASSERT_EQ(ParseDate(text), day) << text;
  }
  EXPECT_EQ(FormatDate(18321), "2020-02-29");
  EXPECT_EQ(FormatDate(2932897), "+10000-01-01");
  EXPECT_EQ(FormatDate(-719529), "-0001-12-31");
}

TEST(DateTimeTest, Reads) {
  EXPECT_EQ(ParseDateTime("1970-01-01"), 0);
  EXPECT_EQ(ParseDateTime("1970-01-02 00:00:01"), 86'401'000);
  EXPECT_EQ(ParseDateTime("1970-01-01T00:00:00.1"), 100);
  EXPECT_EQ(ParseDateTime("1970-01-01t00:00:00.123456789z"), 123);
  EXPECT_EQ(ParseDateTime("1970-01-01T01:00:00+01:00"), 0);
  EXPECT_EQ(ParseDateTime("1970-01-01T01:00:00 +0100"), 0);
  EXPECT_EQ(ParseDateTime("1970-01-01T00:00:00-08"), 8 * 3'600'000);
  EXPECT_EQ(ParseDateTime("1970-01-01 010203"), 3'723'000);
  EXPECT_EQ(ParseDateTime("1970-01-01 010203Z"), 3'723'000);
  EXPECT_EQ(ParseDateTime("1969-12-31T23:59:60Z"), 0);
  EXPECT_EQ(ParseDateTime("1969-12-31T23:59:59.9999Z"), -1);
}

TEST(DateTimeTest, Refuses) {
  for (const char* text :
       {"1970-01-01T", "1970-01-01T00:00", "1970-01-01T24:00:00", "1970-01-01T00:60:00",
        "1970-01-01T00:00:61", "1970-01-01T00:00:00.", "1970-01-01T00:00:00+1",
        "1970-01-01T00:00:00+24:00", "1970-01-01T00:00:00 Europe/Berlin", "1970-01-01X00:00:00",
        "1970-1-01T00:00:00", "1970-01-01 0102034", "1970-01-01T00:00:00Zx"}) {
    EXPECT_EQ(ParseDateTime(text), std::nullopt) << text;
  }
}

TEST(DateTimeTest, Prints) {
  EXPECT_EQ(FormatDateTime(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatDateTime(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatDateTime(1'600'000'000'123), "2020-09-13T12:26:40.123Z");
}

TEST(FloatTextTest, IsShortestAndHasNoExponent) {
  EXPECT_EQ(FloatText(0.1), "0.1");
  EXPECT_EQ(FloatText(0.1f), "0.1");
  EXPECT_EQ(FloatText(1.0), "1");
  EXPECT_EQ(FloatText(-0.0), "-0");
  EXPECT_EQ(FloatText(1e23), "100000000000000000000000");
  EXPECT_EQ(FloatText(1.5e-7), "0.00000015");
  EXPECT_EQ(FloatText(123456.789), "123456.789");
  EXPECT_EQ(FloatText(16777216.0f), "16777216");
  EXPECT_EQ(FloatText(std::numeric_limits<double>::denorm_min()).size(), 326u);
  EXPECT_EQ(FloatText(std::numeric_limits<double>::max()).substr(0, 18), "179769313486231570");
  EXPECT_EQ(FloatText(std::nan("")), "NaN");
  EXPECT_EQ(FloatText(-std::numeric_limits<float>::infinity()), "-inf");
}

TEST(FloatTextTest, ReadsBackAsItself) {
  std::mt19937_64 random(tests::Seed());
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(std::strtod(FloatText(value).c_str(), nullptr), value);
    const float narrow = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (!std::isfinite(narrow)) continue;
    ASSERT_EQ(std::strtof(FloatText(narrow).c_str(), nullptr), narrow);
  }
}

template <typename T>
std::string KeyOf(format::TypePtr type, T value) {
  format::FixedBuilder<T> builder(std::move(type));
  builder.Append(value);
  return CanonicalText(*builder.Finish(), 0).value().value();
}

TEST(CanonicalTextTest, KeysOfEachType) {
  EXPECT_EQ(KeyOf<double>(format::Float64(), -0.0), "0");
  EXPECT_EQ(KeyOf<float>(format::Float32(), 2.5f), "2.5");
  EXPECT_EQ(KeyOf<uint64_t>(format::Uint64(), ~uint64_t{0}), "18446744073709551615");
  EXPECT_EQ(KeyOf<int32_t>(format::Date32(), -5), "-5");
  EXPECT_EQ(KeyOf<int64_t>(format::Date64(), 1000), "1000");
  EXPECT_EQ(CanonicalText(*format::NullArray(format::Utf8(), 1), 0).value(), std::nullopt);
  format::FixedBuilder<double> builder(format::Float64());
  builder.Append(std::nan(""));
  EXPECT_THAT(CanonicalText(*builder.Finish(), 0),
              tests::StatusIs(absl::StatusCode::kInvalidArgument,
                              testing::HasSubstr("non-finite Float64 value NaN")));
  const ArrayPtr list = format::NullArray(format::ListOf(format::Utf8()), 0);
  auto valid = std::make_shared<format::Array>(*list);
  valid->length = 1;
  valid->offsets = io::Buffer::Zeros(8);
  EXPECT_FALSE(CanonicalText(*valid, 0).ok());
}

}  // namespace
}  // namespace og::engine::expr
