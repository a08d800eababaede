// Suggestions for names that are not declared.
#include "engine/query/did_you_mean.h"

#include <string>

#include "gtest/gtest.h"

#include "engine/query/check.h"
#include "engine/query/parse.h"
#include "io/base/error_detail.h"

namespace og::engine::query {
namespace {

TEST(DidYouMeanTest, NamesTheClosestOrAll) {
  EXPECT_EQ(DidYouMean("nmae", {"age", "name"}), "did you mean `name`?");
  EXPECT_EQ(DidYouMean("Perso", {"Person", "Parson"}), "did you mean `Person`?");
  EXPECT_EQ(DidYouMean("WRITES", {"Writes"}), "did you mean `Writes`?");
  EXPECT_EQ(DidYouMean("x", {"age", "name"}), "declared: age, name");
  EXPECT_EQ(DidYouMean("x", {}), "");
}

std::string HintOf(const std::string& source) {
  const auto catalog = schema::CatalogFromText(
      "node Person { name: String @key age: I32? } edge Knows: Person -> Person { since: I32? }");
  EXPECT_TRUE(catalog.ok());
  const auto file = ParseQueryFile(source);
  EXPECT_TRUE(file.ok()) << file.status();
  const auto checked = CheckQuery(**catalog, file->queries[0]);
  EXPECT_FALSE(checked.ok());
  const auto detail = io::DetailOf(checked.status());
  return detail.has_value() ? std::string(detail->field("hint")) : "";
}

TEST(DidYouMeanTest, ErrorsOfTheCheckerCarryIt) {
  EXPECT_EQ(HintOf("query q() { match { $p: Persn } return { $p.name } }"),
            "did you mean `Person`?");
  EXPECT_EQ(HintOf("query q() { match { $p: Person { nme: \"x\" } } return { $p.name } }"),
            "did you mean `name`?");
  EXPECT_EQ(HintOf("query q() { match { $p: Person $p kows $q } return { $p.name } }"),
            "did you mean `Knows`?");
  EXPECT_EQ(HintOf("query q() { match { $p: Person $p $w:knows $q } return { $w.sinec } }"),
            "did you mean `since`?");
  EXPECT_EQ(HintOf("query q() { match { $p: Person } return { $p.height } }"),
            "declared: name, age");
  EXPECT_EQ(HintOf("query q() { delete Prson where name = \"x\" }"), "did you mean `Person`?");
}

}  // namespace
}  // namespace og::engine::query
