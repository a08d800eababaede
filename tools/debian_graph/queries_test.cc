// The schema and the queries of the demo, checked by the compilers that the engine uses.
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/query/ast.h"
#include "engine/query/check.h"
#include "engine/query/parse.h"
#include "engine/schema/catalog.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::tools {
namespace {

using engine::query::ParseQueryFile;

TEST(DebianQueriesTest, EveryQueryFitsTheSchema) {
  const std::string schema = tests::ReadFile("tools/debian_graph/debian.pg");
  OG_ASSERT_OK_AND_ASSIGN(const auto catalog, engine::schema::CatalogFromText(schema));
  OG_ASSERT_OK_AND_ASSIGN(const auto file,
                          ParseQueryFile(tests::ReadFile("tools/debian_graph/debian.gq")));
  std::set<std::string> names;
  for (const auto& query : file.queries) {
    EXPECT_THAT(engine::query::CheckQuery(*catalog, query), tests::IsOk()) << query.name;
    EXPECT_FALSE(query.description.value_or("").empty()) << query.name;
    names.insert(query.name);
  }
  EXPECT_THAT(names, testing::ElementsAre("direct", "four_steps", "maintainer", "maintainers",
                                          "most_needed", "package", "sections", "unneeded"));
}

}  // namespace
}  // namespace og::tools
