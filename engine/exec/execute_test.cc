// The executor against a naive one: random queries over random small graphs, in every way of
// expansion and with small ceilings, must give the same rows in the same order. Then single cases.
#include "engine/exec/execute.h"

#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/dataset.h"
#include "engine/exec/explain.h"
#include "engine/exec/memory_dataset.h"
#include "engine/exec/naive_executor.h"
#include "engine/exec/stored_tables.h"
#include "engine/query/check.h"
#include "engine/query/parse.h"
#include "engine/topology/topology_cache.h"
#include "format/arrow/builder.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "io/fault/counting_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using format::RecordBatch;
using format::TypePtr;
using testing::HasSubstr;
using tests::StatusIs;

constexpr std::string_view kSchema = R"(
node Person {
  slug: String @key
  name: String?
  age: I32?
  score: F64?
  tags: [String]?
}
node Company {
  slug: String @key
  size: I64?
}
edge Knows: Person -> Person {
  since: I32?
  note: String?
}
edge WorksAt: Person -> Company {
  role: String?
}
)";

// A column of the tables that the tests build.
struct ColumnSpec {
  std::string name;
  TypePtr type;
};

std::vector<ColumnSpec> ColumnsOf(const std::string& type) {
  if (type == "Person") {
    return {{"id", format::Utf8()},   {"age", format::Int32()},
            {"name", format::Utf8()}, {"score", format::Float64()},
            {"slug", format::Utf8()}, {"tags", format::ListOf(format::Utf8())}};
  }
  if (type == "Company") {
    return {{"id", format::Utf8()}, {"size", format::Int64()}, {"slug", format::Utf8()}};
  }
  std::vector<ColumnSpec> columns = {
      {"id", format::Utf8()}, {"src", format::Utf8()}, {"dst", format::Utf8()}};
  if (type == "Knows") {
    columns.push_back({"note", format::Utf8()});
    columns.push_back({"since", format::Int32()});
  } else {
    columns.push_back({"role", format::Utf8()});
  }
  return columns;
}

void AppendValue(format::ArrayBuilder& builder, const NaiveValue& value) {
  if (std::holds_alternative<std::monostate>(value)) return builder.AppendNull();
  if (auto* ints = dynamic_cast<format::FixedBuilder<int32_t>*>(&builder)) {
    return ints->Append(static_cast<int32_t>(std::get<int64_t>(value)));
  }
  if (auto* longs = dynamic_cast<format::FixedBuilder<int64_t>*>(&builder)) {
    return longs->Append(std::get<int64_t>(value));
  }
  if (auto* doubles = dynamic_cast<format::FixedBuilder<double>*>(&builder)) {
    return doubles->Append(std::get<double>(value));
  }
  if (auto* texts = dynamic_cast<format::StringBuilder*>(&builder)) {
    return texts->Append(std::get<std::string>(value));
  }
  auto& lists = dynamic_cast<format::ListBuilder&>(builder);
  for (const std::string& item : std::get<std::vector<std::string>>(value)) {
    AppendValue(lists.items(), item);
  }
  lists.Append();
}

RecordBatch TableOf(const std::string& type, const std::vector<NaiveRow>& rows) {
  auto schema = std::make_shared<format::Schema>();
  RecordBatch batch{nullptr, std::ssize(rows), {}};
  for (const ColumnSpec& column : ColumnsOf(type)) {
    const auto builder = MakeBuilder(column.type);
    for (const NaiveRow& row : rows)
      AppendValue(*builder, row.at(column.name));
    schema->fields.push_back({column.name, column.type, true, {}});
    batch.columns.push_back(builder->Finish());
  }
  batch.schema = schema;
  return batch;
}

NaiveValue ValueAt(const format::Array& array, int64_t i) {
  if (array.IsNull(i)) return {};
  switch (array.type->id) {
    case format::TypeId::kInt32:
      return int64_t{array.Value<int32_t>(i)};
    case format::TypeId::kInt64:
      return array.Value<int64_t>(i);
    case format::TypeId::kFloat64:
      return array.Value<double>(i);
    case format::TypeId::kUtf8:
      return std::string(array.StringValue(i));
    default: {
      std::vector<std::string> items;
      for (int64_t k = array.OffsetAt(i); k < array.OffsetAt(i + 1); ++k) {
        items.emplace_back(array.children[0]->StringValue(k));
      }
      return items;
    }
  }
}

std::string TextOf(const std::vector<NaiveValue>& row) {
  std::string text;
  for (const NaiveValue& value : row)
    text += ToString(value) + " ";
  return text;
}

std::vector<std::string> RowsOf(const QueryResult& result) {
  std::vector<std::string> rows;
  const auto add = [&](const RecordBatch& batch) {
    EXPECT_EQ(batch.schema, result.schema);
    for (const ArrayPtr& column : batch.columns)
      EXPECT_TRUE(Validate(*column).ok());
    for (int64_t i = 0; i < batch.num_rows; ++i) {
      std::vector<NaiveValue> row;
      for (const ArrayPtr& column : batch.columns)
        row.push_back(ValueAt(*column, i));
      rows.push_back(TextOf(row));
    }
    return absl::OkStatus();
  };
  EXPECT_TRUE(result.ForEachBatch(add).ok());
  EXPECT_EQ(rows.size(), result.num_rows());
  return rows;
}

// A graph in both forms.
class TestGraph {
 public:
  TestGraph() {
    catalog_ = schema::CatalogFromText(kSchema).value();
    naive_.catalog = catalog_.get();
    for (const char* type : {"Person", "Company"})
      naive_.nodes[type];
    for (const char* type : {"Knows", "WorksAt"})
      naive_.edges[type];
  }

  void AddPerson(const std::string& id, NaiveValue name = {}, NaiveValue age = {},
                 NaiveValue score = {}, NaiveValue tags = {}) {
    naive_.nodes["Person"].push_back({{"id", id},
                                      {"slug", id},
                                      {"name", std::move(name)},
                                      {"age", std::move(age)},
                                      {"score", std::move(score)},
                                      {"tags", std::move(tags)}});
  }
  void AddCompany(const std::string& id, NaiveValue size = {}) {
    naive_.nodes["Company"].push_back({{"id", id}, {"slug", id}, {"size", std::move(size)}});
  }
  void AddKnows(const std::string& id, const std::string& src, const std::string& dst,
                NaiveValue since = {}, NaiveValue note = {}) {
    naive_.edges["Knows"].push_back({{"id", id},
                                     {"src", src},
                                     {"dst", dst},
                                     {"since", std::move(since)},
                                     {"note", std::move(note)}});
  }
  void AddWorksAt(const std::string& id, const std::string& src, const std::string& dst,
                  NaiveValue role = {}) {
    naive_.edges["WorksAt"].push_back(
        {{"id", id}, {"src", src}, {"dst", dst}, {"role", std::move(role)}});
  }

  // The tables as they are now, in batches of at most `batch_rows`.
  void Freeze(int64_t batch_rows) {
    snapshot_ = std::make_unique<MemorySnapshot>(catalog_);
    for (const auto& [type, rows] : naive_.nodes) {
      snapshot_->SetNodes(type, TableOf(type, rows), batch_rows);
    }
    for (const auto& [type, rows] : naive_.edges) {
      snapshot_->SetEdges(type, TableOf(type, rows), batch_rows);
    }
  }

  // The same tables in a store, with random fragments, deletions and indexes.
  std::unique_ptr<StoredSnapshot> Store(io::Env& env, topology::TopologyCache* cache,
                                        std::mt19937_64& random) const {
    auto stored = std::make_unique<StoredSnapshot>(catalog_, cache);
    const auto make = [&](const std::string& type, const std::vector<NaiveRow>& rows,
                          std::vector<std::string> columns) {
      StoredTableOptions options;
      for (std::string& column : columns) {
        if (random() % 4 != 0) options.indexed.push_back(std::move(column));
      }
      options.rows_per_fragment = 1 + static_cast<int64_t>(random() % 20);
      if (random() % 2 == 0) options.deletions = &random;
      options.index_before_last_fragment = random() % 3 == 0;
      const std::string uri = io::StrCat("memory://graph/", type, random());
      return MakeStoredTable(env, uri, TableOf(type, rows), options);
    };
    for (const auto& [type, rows] : naive_.nodes)
      stored->SetNodes(type, make(type, rows, {"id", "slug"}));
    for (const auto& [type, rows] : naive_.edges)
      stored->SetEdges(type, make(type, rows, {"id", "src", "dst"}));
    return stored;
  }

  const schema::Catalog& catalog() const { return *catalog_; }
  const schema::CatalogPtr& catalog_ptr() const { return catalog_; }
  const NaiveGraph& naive() const { return naive_; }
  MemorySnapshot& snapshot() { return *snapshot_; }

  absl::StatusOr<query::ReadPlan> Plan(const std::string& source) const {
    OG_ASSIGN_OR_RETURN(const query::QueryFile file, query::ParseQueryFile(source));
    OG_ASSIGN_OR_RETURN(const query::CheckedQuery checked,
                        query::CheckQuery(*catalog_, file.queries[0]));
    return query::PlanRead(*catalog_, checked);
  }

  absl::StatusOr<QueryResult> Execute(const std::string& source,
                                      const query::ParamValues& params = {},
                                      const ExecOptions& options = {}) {
    OG_ASSIGN_OR_RETURN(const query::ReadPlan plan, Plan(source));
    return ExecutePlan(budget_, *snapshot_, plan, params, options);
  }

  // Rows of a query that must succeed.
  std::vector<std::string> Rows(const std::string& source, const ExecOptions& options = {}) {
    const auto result = Execute(source, {}, options);
    EXPECT_TRUE(result.ok()) << result.status() << "\n" << source;
    return result.ok() ? RowsOf(*result) : std::vector<std::string>{"failed"};
  }

  const std::shared_ptr<io::MemoryBudget>& budget() const { return budget_; }

 private:
  schema::CatalogPtr catalog_;
  NaiveGraph naive_;
  std::unique_ptr<MemorySnapshot> snapshot_;
  std::shared_ptr<io::MemoryBudget> budget_ = io::MemoryBudget::NewRoot("test", uint64_t{1} << 30);
};

std::vector<std::string> NaiveRows(const TestGraph& graph, const query::ReadPlan& plan,
                                   const query::ParamValues& params) {
  std::vector<std::string> rows;
  for (const auto& row : ExecuteNaively(graph.naive(), plan, params))
    rows.push_back(TextOf(row));
  return rows;
}

// --- Random graphs and queries -------------------------------------------------------------------

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  std::mt19937_64& random() { return random_; }
  size_t Below(size_t n) { return static_cast<size_t>(random_() % n); }

  template <typename T>
  const T& OneOf(const std::vector<T>& choices) {
    return choices[Below(choices.size())];
  }

  void Fill(TestGraph& graph) {
    const size_t num_people = Below(4) == 0 ? Below(3) : 4 + Below(9);
    const size_t num_companies = Below(4);
    for (size_t i = 0; i < num_people; ++i) {
      graph.AddPerson("p" + std::to_string(i), Text(), Int(), Score(), Tags());
    }
    for (size_t i = 0; i < num_companies; ++i) {
      graph.AddCompany("c" + std::to_string(i), Int());
    }
    // One more id than there are nodes: edges that dangle.
    for (size_t i = Below(4) == 0 ? Below(5) : 10 + Below(30); i > 0; --i) {
      graph.AddKnows("k" + std::to_string(Below(1000)), Person(num_people), Person(num_people),
                     Int(), Text());
    }
    for (size_t i = Below(15); i > 0; --i) {
      graph.AddWorksAt("w" + std::to_string(Below(1000)), Person(num_people),
                       "c" + std::to_string(Below(num_companies + 1)), Text());
    }
  }

  std::string Query() {
    people_ = {"a"};
    companies_.clear();
    edges_.clear();
    std::string match = "$a: Person" + PersonMatch();
    // One scan alone has ways of its own to be grouped and cut.
    const bool only_scans = Below(6) == 0;
    for (size_t i = only_scans ? 0 : Below(4); i > 0; --i)
      match += "\n  " + Clause();
    for (size_t i = only_scans ? 0 : Below(3); i > 0; --i)
      match += "\n  " + Filter();
    if (!only_scans && Below(3) == 0) match += "\n  " + Negation();
    const bool aggregates = Below(3) == 0;
    std::vector<std::string> names;
    std::string projections;
    for (size_t i = 1 + Below(3); i > 0; --i) {
      const std::string name = "col" + std::to_string(i);
      const bool is_aggregate = aggregates && (i == 1 || Below(2) == 0);
      projections +=
          "    " + (is_aggregate ? Aggregate() : Value(aggregates)) + " as " + name + "\n";
      names.push_back(name);
    }
    std::string order;
    if (Below(2) == 0) {
      const std::string key =
          aggregates || Below(3) == 0 ? OneOf(names) : "$" + OneOf(people_) + "." + Property();
      order = "  order { " + key + OneOf<std::string>({"", " asc", " desc"}) + " }\n";
    }
    const std::string limit = Below(3) == 0 ? "  limit " + std::to_string(Below(6)) + "\n" : "";
    return "query q($n: I32, $s: String?) {\n  match { " + match + " }\n  return {\n" +
           projections + "  }\n" + order + limit + "}";
  }

  query::ParamValues Params() {
    query::ParamValues params;
    params["n"] = query::Literal::Integer(static_cast<int64_t>(Below(6)));
    params["s"] = Below(3) == 0 ? query::Literal::Null()
                                : query::Literal::String(OneOf<std::string>({"x", "y", "xy"}));
    return params;
  }

 private:
  std::string Person(size_t num_people) { return "p" + std::to_string(Below(num_people + 1)); }
  NaiveValue Int() {
    return Below(5) == 0 ? NaiveValue() : NaiveValue(static_cast<int64_t>(Below(6)));
  }
  NaiveValue Score() {
    return Below(5) == 0 ? NaiveValue() : NaiveValue(static_cast<double>(Below(12)) / 2);
  }
  NaiveValue Text() {
    return Below(5) == 0 ? NaiveValue()
                         : NaiveValue(OneOf<std::string>({"", "x", "xy", "y", "yx"}));
  }
  NaiveValue Tags() {
    if (Below(5) == 0) return {};
    std::vector<std::string> tags;
    for (size_t i = Below(3); i > 0; --i)
      tags.push_back(OneOf<std::string>({"x", "y", "z"}));
    return tags;
  }

  std::string Property() { return OneOf<std::string>({"age", "name", "score", "slug"}); }

  std::string PersonMatch() {
    switch (Below(7)) {
      case 0:
        return " { age: " + std::to_string(Below(6)) + " }";
      case 5:
        return " { slug: \"p" + std::to_string(Below(12)) + "\" }";
      case 1:
        return " { tags: \"x\" }";
      case 2:
        return Below(2) == 0 ? " { name: $s }" : "";
      default:
        return "";
    }
  }

  std::string Fresh(std::vector<std::string>& names, const std::string& prefix) {
    names.push_back(prefix + std::to_string(++num_names_));
    return names.back();
  }

  std::string Knows(bool may_bind) {
    switch (Below(may_bind ? 8 : 6)) {
      case 0:
        return "<knows>";
      case 1:
        return "knows{1,2}";
      case 2:
        return "knows{2,3}";
      case 3:
        return "<knows>{1,2}";
      case 6:
        return "$" + Fresh(edges_, "e") + ":knows";
      case 7:
        return "$" + Fresh(edges_, "e") + ":<knows>";
      default:
        return "knows";
    }
  }

  std::string Clause() {
    const std::string from = "$" + OneOf(people_);
    switch (Below(7)) {
      case 0: {
        const std::string edge = Below(4) == 0 ? "$" + Fresh(edges_, "w") + ":worksAt" : "worksAt";
        return from + " " + edge + " $" + Fresh(companies_, "c");
      }
      case 1: {  // against the edge's direction
        const std::string edge = Knows(true);
        return "$" + Fresh(people_, "p") + " " + edge + " " + from;
      }
      case 2: {  // the same company
        if (companies_.empty()) return from + " knows $_";
        const std::string company = OneOf(companies_);
        return "$" + Fresh(people_, "p") + " worksAt $" + company;
      }
      case 3: {  // two bound ends
        const std::string other = "$" + OneOf(people_);
        return from + " " + Knows(false) + " " + other;
      }
      case 4: {  // not connected
        const std::string name = Fresh(people_, "p");
        return "$" + name + ": Person" + PersonMatch();
      }
      case 5: {  // a destination with conditions
        const std::string edge = Knows(true);
        const std::string name = Fresh(people_, "p");
        return from + " " + edge + " $" + name + "\n  $" + name + ": Person" + PersonMatch();
      }
      default: {
        const std::string edge = Knows(true);
        return from + " " + edge + " $" + Fresh(people_, "p");
      }
    }
  }

  std::string Filter() {
    const std::string person = "$" + OneOf(people_);
    const std::string op = OneOf<std::string>({"=", "!=", "<", "<=", ">", ">="});
    switch (Below(8)) {
      case 0:
        return person + ".name starts_with \"x\"";
      case 1:
        return person + ".name contains \"y\"";
      case 2:
        return person + ".tags contains \"y\"";
      case 3:
        return person + ".age " + op + " $n";
      case 4:
        return person + ".age " + op + " $" + OneOf(people_) + ".age";
      case 5:
        return person + ".score " + op + " 2.5";
      case 6:
        if (!edges_.empty() && edges_.back()[0] == 'e') {
          return "$" + edges_.back() + ".since " + op + " " + std::to_string(Below(6));
        }
        return person + ".slug != \"p1\"";
      default:
        return person + ".name " + op + " $" + OneOf(people_) + ".name";
    }
  }

  std::string Negation() {
    const std::string person = "$" + OneOf(people_);
    switch (Below(5)) {
      case 0:
        return "not { " + person + " knows $_ }";
      case 1:
        return "not { " + person + " <knows> $nx $nx.age > " + std::to_string(Below(6)) + " }";
      case 2:
        return "not { " + person + " worksAt $nc not { $nc.size > 2 } }";
      case 3:
        return "not { " + person + " knows{2,2} $ny }";
      default:
        return "not { " + person + ".age > " + std::to_string(Below(6)) + " }";
    }
  }

  std::string Value(bool is_key) {
    switch (Below(7)) {
      case 0:
        return "$" + OneOf(people_);
      case 1:
        if (!companies_.empty()) return "$" + OneOf(companies_) + ".size";
        return "$" + OneOf(people_) + ".age";
      case 2:
        if (!edges_.empty()) {
          return "$" + edges_.back() + (edges_.back()[0] == 'e' ? ".since" : ".role");
        }
        return "$" + OneOf(people_) + ".score";
      case 3:
        if (!is_key) return OneOf<std::string>({"7", "\"text\"", "$n", "$s"});
        return "$" + OneOf(people_) + ".slug";
      case 4:
        if (!is_key) return "$" + OneOf(people_) + ".tags";
        return "$" + OneOf(people_) + ".name";
      default:
        return "$" + OneOf(people_) + "." + Property();
    }
  }

  std::string Aggregate() {
    const std::string person = "$" + OneOf(people_);
    return OneOf<std::string>({"count(" + person + ")", "count(" + person + ".age)",
                               "sum(" + person + ".age)", "avg(" + person + ".score)",
                               "min(" + person + ".name)", "max(" + person + ".age)",
                               "max(" + person + ".score)"});
  }

  std::mt19937_64 random_;
  std::vector<std::string> people_;
  std::vector<std::string> companies_;
  std::vector<std::string> edges_;
  size_t num_names_ = 0;
};

// Rounds of the property test; a slow suite asks for more.
int Rounds() {
  const char* const rounds = std::getenv("OG_EXECUTE_ROUNDS");
  return rounds == nullptr ? 500 : std::atoi(rounds);
}

// Runs `plan` over `snapshot` in each way of expansion, once with next to no memory, and compares.
void ExpectRows(const Snapshot& snapshot, const query::ReadPlan& plan,
                const query::ParamValues& params, const std::vector<std::string>& want,
                Generator& make) {
  ExecOptions small;
  small.indexed_frontier_max = make.Below(4);
  ExecOptions spilling;
  spilling.spill_result = true;
  const ExecOptions options[] = {
      {},
      {.traversal = TraversalMode::kIndexed},
      {.traversal = TraversalMode::kTopology},
      {.traversal = TraversalMode::kJoin},
      {.traversal = TraversalMode::kTopology, .reduction = ReductionMode::kAlways},
      small,
      spilling};
  for (const ExecOptions& option : options) {
    // What is given out in one piece has to fit all the same.
    const uint64_t limit = option.spill_result ? 2'000 + make.Below(8'000) : uint64_t{1} << 30;
    const auto budget = io::MemoryBudget::NewRoot("test", limit);
    const auto result = ExecutePlan(budget, snapshot, plan, params, option);
    if (!result.ok() && result.status().ToString().find("cannot order by") != std::string::npos) {
      continue;  // tags behind an alias
    }
    if (option.spill_result && absl::IsResourceExhausted(result.status())) continue;
    ASSERT_TRUE(result.ok()) << result.status() << "\n" << ToString(plan);
    ASSERT_EQ(RowsOf(*result), want)
        << ToString(plan) << "way " << static_cast<int>(option.traversal) << " memory " << limit;
    if (snapshot.cache() == nullptr) {
      ASSERT_EQ(budget->used(), 0u);
    }
  }
}

TEST(ExecutePropertyTest, AgreesWithNaiveExecutorInEveryWay) {
  Generator make(tests::Seed());
  int num_run = 0;
  int num_rows = 0;
  for (int round = 0; round < Rounds(); ++round) {
    TestGraph graph;
    make.Fill(graph);
    graph.Freeze(static_cast<int64_t>(1 + make.Below(8)));
    io::SimEnv env(make.random()());
    std::unique_ptr<topology::TopologyCache> cache;
    std::unique_ptr<StoredSnapshot> stored;
    if (make.Below(4) == 0) {
      topology::TopologyCacheOptions options{.stored_edges_min = 0};
      if (make.Below(2) == 0) options.folder = env.Resolve("memory://cache/topology").value();
      cache = std::make_unique<topology::TopologyCache>(env, options);
      stored = graph.Store(env, make.Below(3) == 0 ? nullptr : cache.get(), make.random());
    }
    for (int i = 0; i < 5; ++i) {
      const std::string source = make.Query();
      SCOPED_TRACE(source);
      const auto plan = graph.Plan(source);
      if (!plan.ok()) {  // the generator does not know every rule of the checker
        ASSERT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument) << plan.status();
        continue;
      }
      const query::ParamValues params = make.Params();
      const std::vector<std::string> want = NaiveRows(graph, *plan, params);
      if (want.size() > 3000) continue;
      ++num_run;
      num_rows += static_cast<int>(want.size());
      ExpectRows(graph.snapshot(), *plan, params, want, make);
      if (stored != nullptr) ExpectRows(*stored, *plan, params, want, make);
      if (HasFatalFailure()) return;
    }
  }
  std::cout << num_run << " queries, " << num_rows << " rows\n";
  EXPECT_GT(num_run, Rounds());
  EXPECT_GT(num_rows, 4 * Rounds());
}

// --- Single cases --------------------------------------------------------------------------------

// a -> b -> c -> a, b -> b, d alone; b and c work at x.
TestGraph Triangle() {
  TestGraph graph;
  graph.AddPerson("a", "Ann", int64_t{30}, 1.5);
  graph.AddPerson("b", "Bob", int64_t{20});
  graph.AddPerson("c", {}, int64_t{40}, 2.5);
  graph.AddPerson("d", "Dan");
  graph.AddCompany("x", int64_t{5});
  graph.AddKnows("k1", "a", "b", int64_t{1});
  graph.AddKnows("k2", "b", "c", int64_t{2});
  graph.AddKnows("k3", "c", "a", int64_t{3});
  graph.AddKnows("k4", "b", "b", int64_t{4});
  graph.AddKnows("k5", "a", "b", int64_t{5});
  graph.AddKnows("k6", "a", "gone");
  graph.AddWorksAt("w1", "b", "x", "dev");
  graph.AddWorksAt("w2", "c", "x");
  graph.Freeze(2);
  return graph;
}

TEST(ExecuteTest, CyclesDoNotComeBackAndLoopsCountOnce) {
  TestGraph graph = Triangle();
  for (const TraversalMode way :
       {TraversalMode::kIndexed, TraversalMode::kTopology, TraversalMode::kJoin}) {
    const ExecOptions options{.traversal = way};
    EXPECT_EQ(
        graph.Rows("query q() { match { $p: Person $p knows $q } return { $p $q } }", options),
        (std::vector<std::string>{"'a' 'b' ", "'b' 'c' ", "'b' 'b' ", "'c' 'a' "}));
    EXPECT_EQ(
        graph.Rows(
            "query q() { match { $p: Person { slug: \"a\" } $p knows{2,3} $q } return { $q } }",
            options),
        (std::vector<std::string>{"'c' ", "'b' "}));
    EXPECT_EQ(graph.Rows("query q() { match { $p: Person { slug: \"a\" } $p worksAt{1,3} $c } "
                         "return { $c } }",
                         options),
              std::vector<std::string>{});
    EXPECT_EQ(graph.Rows("query q() { match { $p: Person { slug: \"b\" } $p worksAt{1,3} $c } "
                         "return { $c } }",
                         options),
              std::vector<std::string>{"'x' "});
  }
}

TEST(ExecuteTest, EdgeBindingsGiveOneRowAnEdge) {
  TestGraph graph = Triangle();
  EXPECT_EQ(graph.Rows("query q() { match { $p: Person { slug: \"b\" } $p $w:<knows> $q } "
                       "return { $w.since $q } }"),
            (std::vector<std::string>{"1 'a' ", "2 'c' ", "4 'b' ", "5 'a' "}));
  EXPECT_EQ(graph.Rows("query q() { match { $p: Person $p $w:knows $q $w.since > 2 } "
                       "return { $p $w.since } }"),
            (std::vector<std::string>{"'a' 5 ", "'b' 4 ", "'c' 3 "}));
}

TEST(ExecuteTest, NullsSortFirstAscendingAndLastDescending) {
  TestGraph graph = Triangle();
  EXPECT_EQ(graph.Rows("query q() { match { $p: Person } return { $p.name } order { $p.name } }"),
            (std::vector<std::string>{"null ", "'Ann' ", "'Bob' ", "'Dan' "}));
  EXPECT_EQ(
      graph.Rows("query q() { match { $p: Person } return { $p.name } order { $p.name desc } }"),
      (std::vector<std::string>{"'Dan' ", "'Bob' ", "'Ann' ", "null "}));
  EXPECT_EQ(graph.Rows("query q() { match { $p: Person } return { $p.age as a $p } "
                       "order { a desc } limit 2 }"),
            (std::vector<std::string>{"40 'c' ", "30 'a' "}));
}

TEST(ExecuteTest, AggregatesOfNothing) {
  TestGraph graph = Triangle();
  const auto result = graph.Execute(
      "query q() { match { $p: Person { slug: \"zz\" } } return { count($p) sum($p.age) "
      "max($p.age) as top } }");
  ASSERT_THAT(result, tests::IsOk());
  EXPECT_EQ(RowsOf(*result), (std::vector<std::string>{"0 null null "}));
  ASSERT_EQ(result->schema->fields.size(), 3u);
  EXPECT_EQ(result->schema->fields[0].name, "?");
  EXPECT_EQ(result->schema->fields[1].name, "?");
  EXPECT_EQ(result->schema->fields[2].name, "top");
  EXPECT_EQ(result->schema->fields[2].type->id, format::TypeId::kFloat64);
  EXPECT_EQ(graph.Rows("query q() { match { $p: Person { slug: \"zz\" } } "
                       "return { $p.name count($p) } }"),
            std::vector<std::string>{});
}

TEST(ExecuteTest, ColumnsHaveTheNamesAndNullabilityOfTheResult) {
  TestGraph graph = Triangle();
  const auto result = graph.Execute(
      "query q($n: I32) { match { $p: Person $p.age > 25 } return { $p $p.name $p.age as years 1 "
      "$n } }",
      {{"n", query::Literal::Integer(7)}});
  ASSERT_THAT(result, tests::IsOk());
  std::vector<std::string> columns;
  for (const format::Field& field : result->schema->fields) {
    columns.push_back(
        io::StrCat(field.name, " ", field.type->ToString(), field.nullable ? " null" : ""));
  }
  EXPECT_EQ(columns, (std::vector<std::string>{"p utf8", "p.name utf8 null", "years int32",
                                               "literal int64", "n int64"}));
}

TEST(ExecuteTest, MissingParametersAndBadDatesAreNamed) {
  TestGraph graph = Triangle();
  EXPECT_THAT(
      graph.Execute("query q($n: I32) { match { $p: Person { age: $n } } return { $p } }"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("parameter 'n' not provided")));
  EXPECT_THAT(
      graph.Execute("query q() { match { $p: Person } return { date(\"soon\") as d } }"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("invalid Date literal 'soon'")));
}

TEST(ExecuteTest, SearchFunctionsAreNamed) {
  TestGraph graph = Triangle();
  EXPECT_THAT(graph.Execute("query q() { match { $p: Person search($p.name, \"x\") } "
                            "return { $p } }"),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("'search'")));
  EXPECT_THAT(graph.Execute("query q() { match { $p: Person } return { $p } "
                            "order { bm25($p.name, \"x\") } limit 3 }"),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("'bm25'")));
}

TEST(ExecuteTest, MemoryIsReservedAndGivenBack) {
  TestGraph graph = Triangle();
  const std::string source =
      "query q() { match { $p: Person $p knows{1,3} $q } return { $p $q } order { $p.age } }";
  ASSERT_FALSE(graph.Rows(source, {.traversal = TraversalMode::kTopology}).empty());
  EXPECT_GT(graph.budget()->peak(), 0u);
  EXPECT_EQ(graph.budget()->used(), 0u);
  const auto plan = graph.Plan(source);
  ASSERT_THAT(plan, tests::IsOk());
  EXPECT_THAT(ExecutePlan(io::MemoryBudget::NewRoot("tiny", 100), graph.snapshot(), *plan, {}, {}),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("tiny")));
}

// A graph of so many people, with unique names, who know each other at random.
void FillWithCrowd(TestGraph& graph, int num_people, int num_edges) {
  std::mt19937_64 random(7);  // always the same: limits of memory and costs are held to it
  for (int i = 0; i < num_people; ++i) {
    graph.AddPerson(io::StrCat("person-", i), io::StrCat("name of somebody ", random() % 1'000'000),
                    int64_t{i % 100}, static_cast<double>(random() % 1000) / 4);
  }
  for (int i = 0; i < num_edges; ++i) {
    const auto person = [&] {
      return io::StrCat("person-", random() % static_cast<uint64_t>(num_people));
    };
    const std::string src = person();
    graph.AddKnows(io::StrCat("k", i), src, person(), static_cast<int64_t>(random() % 1000));
  }
  graph.Freeze(1000);
}

TEST(ExecuteMemoryTest, QueriesOfDataEightTimesTheBudgetFinish) {
  TestGraph graph;
  FillWithCrowd(graph, 20'000, 40'000);
  const uint64_t data_bytes = MemoryBytes(TableOf("Person", graph.naive().nodes.at("Person"))) +
                              MemoryBytes(TableOf("Knows", graph.naive().edges.at("Knows")));
  const uint64_t limit = data_bytes / 8;
  const char* const queries[] = {
      "match { $p: Person } return { $p.name $p.age $p.slug } order { $p.name desc }",
      "match { $p: Person } return { $p.name $p.score } order { $p.age, $p.score desc } limit "
      "100000",
      "match { $p: Person } return { $p.name as n count($p) as c sum($p.score) as s max($p.slug) }",
      "match { $p: Person } return { $p.name as n avg($p.age) as a } order { a desc, n }",
      "match { $p: Person } return { $p.slug as s min($p.name) as m } order { m desc } limit 7",
      "match { $p: Person $p knows $q } return { $p.name $q.name } order { $q.slug }",
      "match { $p: Person $p knows{1,2} $q } return { $q.name as n count($p) as c }",
      "match { $p: Person not { $p knows $_ } } return { $p.slug } order { $p.slug }",
      "match { $p: Person $p $w:knows $q $w.since > 900 } return { $w.since $q.name }",
      "match { $p: Person { age: 7 } $q: Person { age: 8 } $p.score > $q.score } "
      "return { $p.slug as s count($q) as c } order { c desc }",
  };
  for (const char* query : queries) {
    SCOPED_TRACE(query);
    const auto plan = graph.Plan(io::StrCat("query q() { ", query, " }"));
    ASSERT_THAT(plan, tests::IsOk());
    const auto large = ExecutePlan(graph.budget(), graph.snapshot(), *plan, {}, {});
    ASSERT_THAT(large, tests::IsOk());
    const auto budget = io::MemoryBudget::NewRoot("small", limit);
    const auto small = ExecutePlan(budget, graph.snapshot(), *plan, {}, {.spill_result = true});
    ASSERT_THAT(small, tests::IsOk());
    EXPECT_LE(budget->peak(), limit);
    EXPECT_EQ(RowsOf(*small), RowsOf(*large));
  }
}

TEST(ExecuteLimitTest, RowsTimeAndCancellation) {
  TestGraph graph;
  FillWithCrowd(graph, 3000, 3000);
  const std::string all = "query q() { match { $p: Person } return { $p } }";
  EXPECT_THAT(graph.Execute(all, {}, {.rows_max = 3000}), tests::IsOk());
  for (const std::string& query :
       {all, std::string("query q() { match { $p: Person } return { $p } order { $p.age } }"),
        std::string("query q() { match { $p: Person } return { $p.slug count($p) } }")}) {
    EXPECT_THAT(graph.Execute(query, {}, {.rows_max = 2999}),
                StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("more than 2999 rows")));
  }
  // An interrupt ends even a query whose result would take for ever.
  int num_asked = 0;
  const auto interrupt = [&]() -> absl::Status {
    return ++num_asked == 10 ? absl::CancelledError("enough") : absl::OkStatus();
  };
  const std::string endless =
      "query q() { match { $p: Person $q: Person $r: Person $p.age > $r.age $q.age > $r.age } "
      "return { count($p) } }";
  EXPECT_THAT(graph.Execute(endless, {}, {.interrupt = interrupt}),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("enough")));
  io::SimEnv env(1);
  const auto deadline = DeadlineAfter(env, 20);
  EXPECT_THAT(deadline(), tests::IsOk());
  env.AdvanceUs(21'000);
  EXPECT_THAT(deadline(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("20 ms")));
}

// --- Explaining ----------------------------------------------------------------------------------

std::string Tree(const ExplainedOperator& op, const std::string& indent = "") {
  std::string text = io::StrCat(indent, op.name, " ", op.detail, " (", op.way, ")");
  if (op.actual.has_value()) text += io::StrCat(" ", op.actual->rows);
  text += "\n";
  for (const ExplainedOperator& input : op.inputs)
    text += Tree(input, indent + "  ");
  return text;
}

TEST(ExplainTest, PlansAndMeasuresEveryOperator) {
  TestGraph graph = Triangle();
  const auto plan = graph.Plan(
      "query q() { match { $p: Person $p knows $q $p.age != $q.age not { $q worksAt $_ } } "
      "return { $p.name $q } order { $p.age desc } limit 2 }");
  ASSERT_THAT(plan, tests::IsOk());
  const auto explained = ExplainPlan(graph.budget(), graph.snapshot(), *plan, {}, {});
  ASSERT_THAT(explained, tests::IsOk());
  EXPECT_EQ(Tree(*explained),
            "TopK $p.name, $q by $p.age desc limit 2 ()\n"
            "  AntiJoin $q ()\n"
            "    Filter $p.age != $q.age ()\n"
            "      Expand $p out Knows -> $q: Person (edge scan)\n"
            "        NodeScan $p: Person (scan)\n"
            "    Expand $q out WorksAt -> $_#1: Company (edge scan)\n"
            "      OuterRows  ()\n");
  EXPECT_EQ(graph.snapshot().counts("Person").num_scans, 0);
  int64_t clock = 0;
  const Probe probe = {.now_ns = [&] { return clock += 10; }, .io = [] { return IoCounts(); }};
  const auto analysis = AnalyzePlan(graph.budget(), graph.snapshot(), *plan, {}, {}, probe);
  ASSERT_THAT(analysis, tests::IsOk());
  EXPECT_EQ(Tree(analysis->plan),
            "TopK $p.name, $q by $p.age desc limit 2 () 1\n"
            "  AntiJoin $q () 1\n"
            "    Filter $p.age != $q.age () 3\n"
            "      Expand $p out Knows -> $q: Person (edge scan) 4\n"
            "        NodeScan $p: Person (scan) 4\n"
            "    Expand $q out WorksAt -> $_#1: Company (edge scan) 2\n"
            "      OuterRows  ()\n");
  EXPECT_EQ(RowsOf(analysis->result), (std::vector<std::string>{"null 'a' "}));
  EXPECT_GT(analysis->ns, 0);
  EXPECT_GT(analysis->plan.actual->ns, 0);
}

// --- Cost ----------------------------------------------------------------------------------------

TEST(ExecuteCostTest, OneHopFromAKeyBuildsNoTopology) {
  TestGraph graph = Triangle();
  graph.Rows("query q() { match { $p: Person { slug: \"a\" } $p knows $q } return { $q.name } }");
  EXPECT_EQ(graph.snapshot().counts("Knows").num_scans, 1);
  EXPECT_EQ(graph.snapshot().counts("Knows").num_filtered_scans, 1);
  EXPECT_EQ(graph.snapshot().counts("Person").num_scans, 2);  // the key, the neighbours
  EXPECT_EQ(graph.snapshot().counts("Person").num_filtered_scans, 2);
}

TEST(ExecuteCostTest, SeveralHopsReadTheEdgesOnce) {
  TestGraph graph = Triangle();
  graph.Rows(
      "query q() { match { $p: Person { slug: \"a\" } $p knows $q $q knows $r $r knows $s } "
      "return { $s.name } }");
  EXPECT_EQ(graph.snapshot().counts("Knows").num_scans, 1);
  EXPECT_EQ(graph.snapshot().counts("Knows").num_filtered_scans, 0);
}

TEST(ExecuteCostTest, ALimitStopsTheScanAndFetchesLate) {
  TestGraph graph;
  for (int i = 0; i < 100; ++i) {
    graph.AddPerson(io::StrCat("p", i), "n", int64_t{i});
  }
  graph.Freeze(10);
  graph.Rows("query q() { match { $p: Person } return { $p.name } order { $p.age desc } limit 3 }");
  EXPECT_EQ(graph.snapshot().counts("Person").num_scans, 1);
  EXPECT_EQ(graph.snapshot().counts("Person").num_rows_taken, 3u);
}

// Requests and bytes of queries over a compacted, indexed graph whose tables are opened anew.
class IndexedCrowd {
 public:
  IndexedCrowd() {
    FillWithCrowd(graph_, 20'000, 60'000);
    for (const auto& [type, rows] : graph_.naive().nodes) {
      MakeStoredTable(env_, io::StrCat("memory://crowd/", type), TableOf(type, rows),
                      {.indexed = {"id"}, .index_page_rows = 4096});
    }
    for (const auto& [type, rows] : graph_.naive().edges) {
      MakeStoredTable(env_, io::StrCat("memory://crowd/", type), TableOf(type, rows),
                      {.indexed = {"src", "dst"}, .index_page_rows = 4096});
    }
  }

  // What `query` reads from the opening of the tables on.
  io::StoreCounts CostOf(const std::string& query) {
    const io::StoreCounts before = store_->counts();
    const std::unique_ptr<StoredSnapshot> snapshot = Open();
    const auto plan = graph_.Plan(query);
    EXPECT_THAT(plan, tests::IsOk());
    const auto result = ExecutePlan(graph_.budget(), *snapshot, *plan, {}, {});
    EXPECT_THAT(result, tests::IsOk());
    EXPECT_EQ(RowsOf(*result), NaiveRows(graph_, *plan, {}));
    return store_->counts() - before;
  }

  std::unique_ptr<StoredSnapshot> Open() {
    auto snapshot = std::make_unique<StoredSnapshot>(graph_.catalog_ptr(), nullptr);
    const auto open = [&](const std::string& type) {
      const auto root = env_.Resolve(io::StrCat("memory://crowd/", type));
      return dataset::Dataset::Open(env_, *root, {}).value();
    };
    for (const char* type : {"Person", "Company"})
      snapshot->SetNodes(type, open(type));
    for (const char* type : {"Knows", "WorksAt"})
      snapshot->SetEdges(type, open(type));
    return snapshot;
  }

 private:
  TestGraph graph_;
  std::shared_ptr<io::CountingStore> store_;
  io::SimEnv env_{1, {.wrap_store = [this](std::shared_ptr<io::Store> base) {
                    if (store_ == nullptr) {
                      store_ = std::make_shared<io::CountingStore>(std::move(base));
                    }
                    return store_;
                  }}};
};

TEST(ExecuteCostTest, KeyedLookUpAndOneHopOfAnIndexedGraph) {
  IndexedCrowd crowd;
  const io::StoreCounts opening =
      crowd.CostOf("query q() { match { $c: Company } return { $c.slug } }");
  const auto beyond_opening = [&](const std::string& query) {
    return crowd.CostOf(query) - opening;
  };
  const io::StoreCounts keyed = beyond_opening(
      "query q() { match { $p: Person { slug: \"person-77\" } } return { $p.name $p.age } }");
  EXPECT_LE(keyed.reads(), 9u) << keyed.Text();
  EXPECT_LE(keyed.bytes_read(), 100'000u) << keyed.Text();
  const io::StoreCounts hop = beyond_opening(
      "query q() { match { $p: Person { slug: \"person-77\" } $p knows $q } return { $q.name } }");
  EXPECT_LE(hop.reads(), 34u) << hop.Text();
  EXPECT_LE(hop.bytes_read(), 550'000u) << hop.Text();
}

TEST(ExecuteCostTest, EqualitiesMakeOnlyPairsThatAreEqual) {
  TestGraph graph;
  constexpr int kPeople = 300;
  for (int i = 0; i < kPeople; ++i) {
    const std::string id = io::StrCat("p", i);
    const NaiveValue age = i % 7 == 0 ? NaiveValue() : NaiveValue(int64_t{i % 50});
    graph.AddPerson(id, i % 11 == 0 ? NaiveValue() : NaiveValue(io::StrCat("n", i % 40)), age);
  }
  graph.Freeze(100);
  for (const char* property : {"name", "age"}) {
    SCOPED_TRACE(property);
    const auto plan =
        graph.Plan(io::StrCat("query q() { match { $p: Person $q: Person $p.", property, " = $q.",
                              property, " } return { $p.slug as a, $q.slug as b } }"));
    ASSERT_THAT(plan, tests::IsOk());
    const std::vector<std::string> want = NaiveRows(graph, *plan, {});
    const Probe probe = {.now_ns = [] { return int64_t{0}; }, .io = [] { return IoCounts(); }};
    const auto analysis = AnalyzePlan(graph.budget(), graph.snapshot(), *plan, {}, {}, probe);
    ASSERT_THAT(analysis, tests::IsOk());
    EXPECT_EQ(RowsOf(analysis->result), want);
    const ExplainedOperator& scan = analysis->plan.inputs[0].inputs[0];
    EXPECT_EQ(scan.name, "NodeScan");
    EXPECT_EQ(scan.actual->rows, want.size());
    // Without memory for the nodes they are read in parts, for each chunk of the others.
    const auto small = io::MemoryBudget::NewRoot("test", 1000);
    ExecOptions spilling;
    spilling.spill_result = true;
    const auto slowly = ExecutePlan(small, graph.snapshot(), *plan, {}, spilling);
    ASSERT_THAT(slowly, tests::IsOk());
    EXPECT_THAT(RowsOf(*slowly), ::testing::UnorderedElementsAreArray(want));
  }
}

TEST(ExecuteCostTest, CyclesAreClosedWhileWalking) {
  TestGraph graph;
  constexpr int kPeople = 40;
  for (int i = 0; i < kPeople; ++i)
    graph.AddPerson(io::StrCat("p", i), "n", int64_t{i});
  for (int i = 0; i < kPeople; ++i) {
    for (const int step : {1, 2, 5, 13}) {
      graph.AddKnows(io::StrCat(i, " ", step), io::StrCat("p", i),
                     io::StrCat("p", (i + step) % kPeople));
    }
  }
  graph.Freeze(16);
  const auto plan = graph.Plan(
      "query q() { match { $p: Person $p knows $q $q knows $r $p knows $r } "
      "return { $p.slug as a, $q.slug as b, $r.slug as c } }");
  ASSERT_THAT(plan, tests::IsOk());
  const std::vector<std::string> want = NaiveRows(graph, *plan, {});
  ASSERT_FALSE(want.empty());
  const Probe probe = {.now_ns = [] { return int64_t{0}; }, .io = [] { return IoCounts(); }};
  for (const TraversalMode mode : {TraversalMode::kTopology, TraversalMode::kIndexed}) {
    const auto analysis =
        AnalyzePlan(graph.budget(), graph.snapshot(), *plan, {}, {.traversal = mode}, probe);
    ASSERT_THAT(analysis, tests::IsOk());
    EXPECT_EQ(RowsOf(analysis->result), want);
    const ExplainedOperator& filter = analysis->plan.inputs[0];
    ASSERT_EQ(filter.name, "Filter");
    if (mode == TraversalMode::kTopology) {
      EXPECT_EQ(filter.inputs[0].actual->rows, want.size());
    }
  }
}

// Somebody who knows everybody, and others who know three each; stored, compacted and indexed.
class Hub {
 public:
  Hub() {
    constexpr int kPeople = 20'000;
    for (int i = 0; i < kPeople; ++i) {
      graph_.AddPerson(Name(i), Name(i), int64_t{i});
      if (i == 0) continue;
      graph_.AddKnows(io::StrCat("hub ", i), Name(0), Name(i));
      for (int other = 1; other <= 3; ++other) {
        graph_.AddKnows(io::StrCat(i, " ", other), Name(i), Name((i + other * 7919) % kPeople));
      }
    }
    nodes_ = MakeStoredTable(env_, "memory://hub/Person",
                             TableOf("Person", graph_.naive().nodes.at("Person")),
                             {.indexed = {"id"}, .index_page_rows = 4096});
    edges_ = MakeStoredTable(env_, "memory://hub/Knows",
                             TableOf("Knows", graph_.naive().edges.at("Knows")),
                             {.indexed = {"src", "dst"}, .index_page_rows = 4096});
  }

  // The rows of two hops from `person`, after the way in which they were found.
  std::vector<std::string> Ask(int person, TraversalMode mode, topology::TopologyCache* cache) {
    return Ask(io::StrCat("$p: Person { slug: \"", Name(person), "\" } $p knows{1,2} $q"), mode,
               cache);
  }

  // Those whom the people of an age in [from, until) know.
  std::vector<std::string> AskMany(int from, int until, TraversalMode mode,
                                   topology::TopologyCache* cache) {
    return Ask(io::StrCat("$p: Person $p.age >= ", from, " $p.age < ", until, " $p knows $q"), mode,
               cache);
  }

  // The run of a query of `clauses` for $q.
  absl::StatusOr<Analysis> Analyze(const std::string& clauses, const ExecOptions& options,
                                   topology::TopologyCache* cache,
                                   std::shared_ptr<io::MemoryBudget> budget = nullptr) {
    if (budget == nullptr) budget = graph_.budget();
    StoredSnapshot snapshot(graph_.catalog_ptr(), cache);
    snapshot.SetNodes("Person", nodes_);
    snapshot.SetEdges("Knows", edges_);
    const auto plan =
        graph_.Plan(io::StrCat("query q() { match { ", clauses, " } return { $q.slug } }"));
    EXPECT_THAT(plan, tests::IsOk());
    const Probe probe = {.now_ns = [] { return int64_t{0}; }, .io = [] { return IoCounts(); }};
    return AnalyzePlan(budget, snapshot, *plan, {}, options, probe);
  }

  std::vector<std::string> Ask(const std::string& clauses, TraversalMode mode,
                               topology::TopologyCache* cache) {
    const auto analysis = Analyze(clauses, {.traversal = mode}, cache);
    EXPECT_THAT(analysis, tests::IsOk());
    way_ = analysis->plan.inputs[0].way;
    return RowsOf(analysis->result);
  }
  const std::string& way() const { return way_; }
  io::Env& env() { return env_; }

 private:
  static std::string Name(int i) { return io::StrCat("p", i); }

  TestGraph graph_;
  io::SimEnv env_{1};
  dataset::DatasetPtr nodes_;
  dataset::DatasetPtr edges_;
  std::string way_;
};

TEST(ExecuteCostTest, LookingUpStopsAtAHub) {
  Hub hub;
  const auto few = hub.Ask(5, TraversalMode::kAuto, nullptr);
  EXPECT_EQ(hub.way(), "index");
  EXPECT_EQ(few, hub.Ask(5, TraversalMode::kTopology, nullptr));
  const auto all = hub.Ask(0, TraversalMode::kAuto, nullptr);
  EXPECT_EQ(hub.way(), "index, topology");
  EXPECT_EQ(all, hub.Ask(0, TraversalMode::kTopology, nullptr));
}

TEST(ExecuteCostTest, ListsAreMadeOnceLookingUpHasCostAsMuch) {
  Hub hub;
  topology::TopologyCache cache(hub.env(), {});
  const auto rows = hub.Ask(5, TraversalMode::kAuto, &cache);
  EXPECT_EQ(hub.way(), "index");
  int num_asked = 1;
  for (; hub.way() == "index" && num_asked < 20; ++num_asked)
    EXPECT_EQ(hub.Ask(5, TraversalMode::kAuto, &cache), rows);
  EXPECT_EQ(hub.way(), "topology");
  EXPECT_GT(num_asked, 1);
  EXPECT_EQ(hub.Ask(5, TraversalMode::kAuto, &cache), rows);
  EXPECT_EQ(hub.way(), "topology");
}

TEST(ExecuteCostTest, ManyNodesAreJoinedWhereListsCostMore) {
  Hub hub;
  const auto some = hub.AskMany(100, 1600, TraversalMode::kAuto, nullptr);
  EXPECT_EQ(hub.way(), "semi-join");
  EXPECT_EQ(some, hub.AskMany(100, 1600, TraversalMode::kTopology, nullptr));
  EXPECT_EQ(some, hub.AskMany(100, 1600, TraversalMode::kIndexed, nullptr));
  // Too many nodes, or edges of the one who knows all.
  hub.AskMany(100, 19'000, TraversalMode::kAuto, nullptr);
  EXPECT_EQ(hub.way(), "topology");
  const auto all = hub.AskMany(0, 1500, TraversalMode::kAuto, nullptr);
  EXPECT_EQ(hub.way(), "topology");
  EXPECT_EQ(all, hub.AskMany(0, 1500, TraversalMode::kJoin, nullptr));
  EXPECT_EQ(hub.way(), "semi-join");
}

TEST(ExecuteCostTest, ASemiJoinIsCancelledAndStaysWithinItsMemory) {
  Hub hub;
  const std::string clauses = "$p: Person $p.age >= 100 $p.age < 1600 $p knows $q";
  ExecOptions options = {.traversal = TraversalMode::kJoin};
  const std::vector<std::string> want = hub.Ask(clauses, TraversalMode::kTopology, nullptr);
  // With less memory than it needs: other ways, or a refusal.
  for (const uint64_t memory : {800'000, 3'200'000, 64'000'000}) {
    const auto rows =
        hub.Analyze(clauses, options, nullptr, io::MemoryBudget::NewRoot("small", memory));
    if (absl::IsResourceExhausted(rows.status()) && memory < 64'000'000) continue;
    ASSERT_THAT(rows, tests::IsOk());
    EXPECT_EQ(RowsOf(rows->result), want) << memory;
  }
  for (int last = 0; last < 5; ++last) {
    options.interrupt = [num_asked = 0, last]() mutable {
      return num_asked++ < last ? absl::OkStatus() : absl::CancelledError("enough");
    };
    EXPECT_THAT(hub.Analyze(clauses, options, nullptr).status(),
                tests::StatusIs(absl::StatusCode::kCancelled));
  }
}

TEST(ExecuteCostTest, ListsThatLaterProcessesFindAreNotPutOff) {
  Hub hub;
  topology::TopologyCache cache(hub.env(), {.folder = *hub.env().Resolve("memory://hub/lists")});
  hub.AskMany(100, 1600, TraversalMode::kAuto, &cache);
  EXPECT_EQ(hub.way(), "topology");
  topology::TopologyCache in_memory(hub.env(), {});
  const auto rows = hub.AskMany(100, 1600, TraversalMode::kAuto, &in_memory);
  EXPECT_EQ(hub.way(), "semi-join");
  for (int i = 0; i < 20 && hub.way() == "semi-join"; ++i)
    EXPECT_EQ(hub.AskMany(100, 1600, TraversalMode::kAuto, &in_memory), rows);
  EXPECT_EQ(hub.way(), "topology");
}

TEST(ExecuteCostTest, FiltersOfLaterNodesThinOutEarlierOnes) {
  Hub hub;
  const std::string clauses = "$p: Person $p knows $q $q knows $r $r.age = 7";
  topology::TopologyCache cache(hub.env(), {});
  const auto analysis = hub.Analyze(clauses, {.reduction = ReductionMode::kNever}, &cache);
  ASSERT_THAT(analysis, tests::IsOk());
  const auto reduced = hub.Analyze(clauses, {}, &cache);
  ASSERT_THAT(reduced, tests::IsOk());
  EXPECT_EQ(RowsOf(reduced->result), RowsOf(analysis->result));
  EXPECT_GT(analysis->result.num_rows(), 0u);
  const auto to_q = [](const Analysis& of) { return of.plan.inputs[0].inputs[0]; };
  EXPECT_EQ(to_q(*reduced).way, "topology, reduced by $r");
  EXPECT_THAT(to_q(*reduced).access, testing::ElementsAre("Reduction: nodes that lead to $r"));
  EXPECT_EQ(to_q(*analysis).actual->rows, 79'996u);
  EXPECT_LT(to_q(*reduced).actual->rows, 100u);
  // Asking about everybody does not pay for one row.
  hub.Ask("$p: Person { slug: \"p5\" } $p knows $q $q.age = 7", TraversalMode::kAuto, &cache);
  EXPECT_EQ(hub.way(), "topology");
}

}  // namespace
}  // namespace og::engine::exec
