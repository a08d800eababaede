// Queries over tables of many pages, worked on by several threads, give what one thread gives over
// tables in memory: groups in the order of their first rows, sums of floats to the last bit, first
// rows with their ties, neighbourhoods of nodes with many and with parallel edges.
#include <bit>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/exec/execute.h"
#include "engine/exec/memory_dataset.h"
#include "engine/exec/stored_tables.h"
#include "engine/query/check.h"
#include "engine/query/parse.h"
#include "engine/topology/topology_cache.h"
#include "format/arrow/builder.h"
#include "format/arrow/json.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::exec {
namespace {

using format::RecordBatch;
using tests::IsOk;

constexpr std::string_view kSchema = R"(
node Person {
  slug: String @key
  city: String?
  age: I32?
  score: F64?
}
edge Knows: Person -> Person
)";

constexpr size_t kPeople = 16'000;
constexpr size_t kHubEdges = 3'000;

RecordBatch Batch(std::vector<std::string> names, std::vector<format::ArrayPtr> columns) {
  auto schema = std::make_shared<format::Schema>();
  for (size_t i = 0; i < names.size(); ++i)
    schema->fields.push_back({names[i], columns[i]->type, true, {}});
  const int64_t num_rows = columns[0]->length;
  return {schema, num_rows, std::move(columns)};
}

std::string IdOf(size_t person) {
  // Some ids are long.
  return io::StrCat(person % 3 == 0 ? "a person with quite a long name and number " : "p", person);
}

RecordBatch People(std::mt19937_64& random) {
  format::StringBuilder ids(format::Utf8());
  format::StringBuilder cities(format::Utf8());
  format::FixedBuilder<int32_t> ages(format::Int32());
  format::FixedBuilder<double> scores(format::Float64());
  for (size_t i = 0; i < kPeople; ++i) {
    ids.Append(IdOf(i));
    // The last quarter lives alone: pages without a dictionary.
    i > kPeople * 3 / 4 ? cities.Append(io::StrCat("a village that is number ", i * 7919))
                        : cities.Append(io::StrCat("city-", random() % 30));
    random() % 10 == 0 ? ages.AppendNull() : ages.Append(static_cast<int32_t>(random() % 90));
    scores.Append(std::ldexp(static_cast<double>(random()), -static_cast<int>(random() % 100)));
  }
  const format::ArrayPtr id = ids.Finish();
  return Batch({"id", "slug", "city", "age", "score"},
               {id, id, cities.Finish(), ages.Finish(), scores.Finish()});
}

// The first person knows many, some twice, and a few of these know each other.
RecordBatch Edges(std::mt19937_64& random) {
  format::StringBuilder ids(format::Utf8());
  format::StringBuilder from(format::Utf8());
  format::StringBuilder to(format::Utf8());
  const auto add = [&](size_t a, size_t b) {
    ids.Append(io::StrCat("e", ids.length()));
    from.Append(IdOf(a));
    to.Append(IdOf(b));
  };
  for (size_t i = 0; i < kHubEdges; ++i)
    add(0, random() % 1000);
  for (size_t i = 0; i < 4 * kPeople; ++i)
    add(random() % kPeople, random() % (random() % 2 == 0 ? 2000 : kPeople + 5));
  return Batch({"id", "src", "dst"}, {ids.Finish(), from.Finish(), to.Finish()});
}

std::vector<std::string> RowsOf(const QueryResult& result) {
  std::vector<std::string> rows;
  const auto add = [&](const RecordBatch& batch) {
    for (int64_t i = 0; i < batch.num_rows; ++i) {
      std::string& row = rows.emplace_back();
      for (const format::ArrayPtr& column : batch.columns) {
        row += ' ';
        if (column->type->id == format::TypeId::kFloat64 && column->IsValid(i)) {
          row += io::StrCat(std::bit_cast<uint64_t>(column->Value<double>(i)));
        } else {
          AppendJsonValue(*column, i, row);
        }
      }
    }
    return absl::OkStatus();
  };
  EXPECT_THAT(result.ForEachBatch(add), IsOk());
  return rows;
}

std::vector<std::string> RowsFrom(const Snapshot& snapshot, const std::string& source,
                                  uint64_t memory, const ExecOptions& options) {
  const auto file = query::ParseQueryFile(source);
  EXPECT_THAT(file, IsOk());
  const auto checked = query::CheckQuery(snapshot.catalog(), file->queries[0]);
  EXPECT_THAT(checked, IsOk()) << source;
  if (!checked.ok()) return {"refused"};
  const auto plan = query::PlanRead(snapshot.catalog(), *checked);
  EXPECT_THAT(plan, IsOk());
  const auto result =
      ExecutePlan(io::MemoryBudget::NewRoot("test", memory), snapshot, *plan, {}, options);
  EXPECT_THAT(result, IsOk()) << source;
  return result.ok() ? RowsOf(*result) : std::vector<std::string>{"failed"};
}

TEST(ThreadsTest, GiveTheRowsOfOneThread) {
  std::mt19937_64 random(tests::Seed());
  const auto env = io::NewRealEnv({.num_threads = 3});
  ASSERT_THAT(env, IsOk());
  const schema::CatalogPtr catalog = schema::CatalogFromText(kSchema).value();
  const RecordBatch people = People(random);
  const RecordBatch edges = Edges(random);
  MemorySnapshot in_memory(catalog);
  in_memory.SetNodes("Person", people, 8192);
  in_memory.SetEdges("Knows", edges, 8192);
  topology::TopologyCache cache(**env, {});
  StoredSnapshot stored(catalog, &cache);
  stored.SetNodes("Person", MakeStoredTable(**env, "memory://threads/people", people,
                                            {.rows_per_fragment = 6'000}));
  stored.SetEdges("Knows", MakeStoredTable(**env, "memory://threads/knows", edges,
                                           {.indexed = {"src", "dst"}, .index_page_rows = 4096}));
  const std::string hub = io::StrCat("$p: Person { slug: \"", IdOf(0), "\" }");
  const std::string queries[] = {
      "match { $p: Person } return { $p.city as c, count($p) as n, sum($p.score) as s, "
      "avg($p.age) as a, min($p.slug) as m }",
      "match { $p: Person $p.age > 20 } return { $p.city as c, $p.age as a, sum($p.score) as s } "
      "order { s desc }",
      "match { $p: Person } return { $p.slug as c, avg($p.score) as s } order { c } limit 30",
      "match { $p: Person } return { count($p) as n, sum($p.score) as s, max($p.age) as m }",
      "match { $p: Person } return { $p.slug, $p.age } order { $p.age desc } limit 20",
      "match { $p: Person } return { $p.slug, $p.age } order { $p.age } limit 4000",
      "match { $p: Person $p.score > 1.0 } return { $p.slug, $p.city } "
      "order { $p.score desc, $p.city } limit 7",
      "match { $p: Person } return { $p.slug, $p.city } order { $p.city desc, $p.age } limit 9",
      "match { " + hub + " $p knows $q } return { $q.slug }",
      "match { " + hub + " $p knows{1,2} $q } return { count($q) as n, sum($q.score) as s }",
      "match { " + hub + " $p knows $q $q knows $r $p knows $r } return { $q.slug, $r.slug }",
      "match { $p: Person $p knows $q $q knows $p } return { $p.slug, $q.slug }",
      "match { $p: Person $p knows $q } return { $q.city as c, count($p) as n, "
      "sum($q.score) as s, min($q.city) as m, max($p.slug) as l }",
      "match { $p: Person $p knows $q } return { $q.city as c, $p.age as a, sum($q.score) as s } "
      "order { s } limit 50",
      "match { $p: Person $p knows $q $q knows $r $r.age = 30 $r.score > 2.0 } "
      "return { $p.city as c, count($q) as n }",
  };
  for (const std::string& body : queries) {
    const std::string source = "query q() { " + body + " }";
    const std::vector<std::string> want = RowsFrom(in_memory, source, uint64_t{1} << 30, {});
    EXPECT_GT(want.size(), 0u) << source;
    for (const TraversalMode way :
         {TraversalMode::kAuto, TraversalMode::kTopology, TraversalMode::kJoin}) {
      const ExecOptions options{.traversal = way, .spill_result = true};
      EXPECT_EQ(RowsFrom(stored, source, uint64_t{1} << 30, options), want) << source;
    }
  }
  // With little memory, groups and runs go to files.
  for (const size_t query : {0u, 1u, 5u, 7u}) {
    const std::string source = "query q() { " + queries[query] + " }";
    EXPECT_EQ(RowsFrom(stored, source, uint64_t{3} << 20, {.spill_result = true}),
              RowsFrom(in_memory, source, uint64_t{1} << 30, {}))
        << source;
  }
}

}  // namespace
}  // namespace og::engine::exec
