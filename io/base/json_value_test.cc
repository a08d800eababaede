// JSON documents as values: kinds and ranges of numbers, member order, what is refused.

#include "io/base/json_value.h"

#include <string>

#include "gtest/gtest.h"

namespace og::io {
namespace {

TEST(JsonValueTest, KeepsKindsAndMemberOrder) {
  const auto value =
      JsonValue::Parse(R"({"b":[1,-2,18446744073709551615,1.5,true,null],"a":"x\n\u00e9"})");
  ASSERT_TRUE(value.ok()) << value.status();
  ASSERT_EQ(value->members().size(), 2u);
  EXPECT_EQ(value->members()[0].first, "b");
  const auto& items = value->Find("b")->items();
  ASSERT_EQ(items.size(), 6u);
  EXPECT_EQ(items[0].AsInt64(), 1);
  EXPECT_EQ(items[0].AsUint64(), 1u);
  EXPECT_EQ(items[1].AsUint64(), std::nullopt);
  EXPECT_EQ(items[2].AsUint64(), 18446744073709551615u);
  EXPECT_EQ(items[2].AsInt64(), std::nullopt);
  EXPECT_EQ(items[3].AsDouble(), 1.5);
  EXPECT_EQ(items[4].AsBool(), true);
  EXPECT_TRUE(items[5].is_null());
  EXPECT_EQ(value->Find("a")->string(), "x\n\xc3\xa9");
}

TEST(JsonValueTest, RefusesWhatIsNoDocument) {
  EXPECT_FALSE(JsonValue::Parse("").ok());
  EXPECT_FALSE(JsonValue::Parse("{\"a\":1").ok());
  EXPECT_FALSE(JsonValue::Parse("[1] 2").ok());
  EXPECT_FALSE(JsonValue::Parse(R"({"a":1,"b":2,"a":3})").ok());
  EXPECT_FALSE(JsonValue::Parse(std::string(100000, '[')).ok());
}

TEST(JsonValueTest, MemberErrorsNameTheMember) {
  const auto value = JsonValue::Parse(R"({"n":"x","m":null})");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value->Uint64Member("n").status().message(),
            "field `n`: expected an unsigned integer, got string");
  EXPECT_EQ(value->StringMember("q").status().message(), "missing field `q`");
  EXPECT_EQ(*value->OptionalStringMember("m"), std::nullopt);
  EXPECT_EQ(*value->OptionalStringMember("q"), std::nullopt);
}

}  // namespace
}  // namespace og::io
