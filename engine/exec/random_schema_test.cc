// The executor against a naive one on random schemas: node types with properties of every type and
// edge types between any of them, random graphs and random queries that the types allow, over
// tables in memory and stored, with and without indexes, kept adjacency lists and memory to spare.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/dataset/dataset.h"
#include "engine/exec/execute.h"
#include "engine/exec/memory_dataset.h"
#include "engine/exec/naive_executor.h"
#include "engine/exec/stored_tables.h"
#include "engine/query/check.h"
#include "engine/query/parse.h"
#include "engine/topology/topology_cache.h"
#include "format/arrow/builder.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"

namespace og::engine::exec {
namespace {

using format::RecordBatch;
using format::TypeId;
using format::TypePtr;

// Types that a property may have here, as the schema language spells them.
const std::vector<std::string> kTypes = {"String", "Bool",     "I32",        "I64",
                                         "U32",    "U64",      "F32",        "F64",
                                         "Date",   "DateTime", "enum(x, y)", "[String]"};

TypePtr ColumnType(const std::string& type) {
  if (type == "Bool") return format::Bool();
  if (type == "I32") return format::Int32();
  if (type == "I64") return format::Int64();
  if (type == "U32") return format::Uint32();
  if (type == "U64") return format::Uint64();
  if (type == "F32") return format::Float32();
  if (type == "F64") return format::Float64();
  if (type == "Date") return format::Date32();
  if (type == "DateTime") return format::Date64();
  return type == "[String]" ? format::ListOf(format::Utf8()) : format::Utf8();
}

bool IsNumeric(const std::string& type) {
  return type[0] == 'I' || type[0] == 'U' || type[0] == 'F';
}
bool IsText(const std::string& type) {
  return type == "String" || type[0] == 'e';
}

struct PropertySpec {
  std::string name;
  std::string type;
};

struct TypeSpec {
  std::string name;
  std::string from;  // of an edge
  std::string to;
  std::vector<PropertySpec> properties;

  std::string word() const { return io::StrCat(static_cast<char>(name[0] + 32), name.substr(1)); }
};

void AppendValue(format::ArrayBuilder& builder, const NaiveValue& value) {
  if (std::holds_alternative<std::monostate>(value)) return builder.AppendNull();
  const auto whole = [&] { return std::get<int64_t>(value); };
  const auto number = [&] { return std::get<double>(value); };
  switch (builder.type()->id) {
    case TypeId::kBool:
      return dynamic_cast<format::BoolBuilder&>(builder).Append(whole() != 0);
    case TypeId::kInt32:
    case TypeId::kDate32:
      return dynamic_cast<format::FixedBuilder<int32_t>&>(builder).Append(
          static_cast<int32_t>(whole()));
    case TypeId::kInt64:
    case TypeId::kDate64:
      return dynamic_cast<format::FixedBuilder<int64_t>&>(builder).Append(whole());
    case TypeId::kUint32:
      return dynamic_cast<format::FixedBuilder<uint32_t>&>(builder).Append(
          static_cast<uint32_t>(whole()));
    case TypeId::kUint64:
      return dynamic_cast<format::FixedBuilder<uint64_t>&>(builder).Append(
          static_cast<uint64_t>(whole()));
    case TypeId::kFloat32:
      return dynamic_cast<format::FixedBuilder<float>&>(builder).Append(
          static_cast<float>(number()));
    case TypeId::kFloat64:
      return dynamic_cast<format::FixedBuilder<double>&>(builder).Append(number());
    case TypeId::kUtf8:
      return dynamic_cast<format::StringBuilder&>(builder).Append(std::get<std::string>(value));
    default: {
      auto& lists = dynamic_cast<format::ListBuilder&>(builder);
      for (const std::string& item : std::get<std::vector<std::string>>(value))
        AppendValue(lists.items(), item);
      lists.Append();
    }
  }
}

NaiveValue ValueAt(const format::Array& array, int64_t i) {
  if (array.IsNull(i)) return {};
  switch (array.type->id) {
    case TypeId::kBool:
      return int64_t{array.BoolValue(i)};
    case TypeId::kInt32:
    case TypeId::kDate32:
      return int64_t{array.Value<int32_t>(i)};
    case TypeId::kInt64:
    case TypeId::kDate64:
      return array.Value<int64_t>(i);
    case TypeId::kUint32:
      return int64_t{array.Value<uint32_t>(i)};
    case TypeId::kUint64:
      return static_cast<int64_t>(array.Value<uint64_t>(i));
    case TypeId::kFloat32:
      return double{array.Value<float>(i)};
    case TypeId::kFloat64:
      return array.Value<double>(i);
    case TypeId::kUtf8:
      return std::string(array.StringValue(i));
    default: {
      std::vector<std::string> items;
      for (int64_t k = array.OffsetAt(i); k < array.OffsetAt(i + 1); ++k)
        items.emplace_back(array.children[0]->StringValue(k));
      return items;
    }
  }
}

RecordBatch TableOf(const TypeSpec& type, const std::vector<NaiveRow>& rows) {
  std::vector<PropertySpec> columns = {{"id", "String"}};
  if (!type.from.empty()) {
    columns.push_back({"src", "String"});
    columns.push_back({"dst", "String"});
  }
  std::vector<PropertySpec> properties = type.properties;
  std::sort(properties.begin(), properties.end(),
            [](const PropertySpec& a, const PropertySpec& b) { return a.name < b.name; });
  columns.insert(columns.end(), properties.begin(), properties.end());
  auto schema = std::make_shared<format::Schema>();
  RecordBatch batch{nullptr, std::ssize(rows), {}};
  for (const PropertySpec& column : columns) {
    const auto builder = MakeBuilder(ColumnType(column.type));
    for (const NaiveRow& row : rows)
      AppendValue(*builder, row.at(column.name));
    schema->fields.push_back({column.name, builder->type(), true, {}});
    batch.columns.push_back(builder->Finish());
  }
  batch.schema = schema;
  return batch;
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
    for (int64_t i = 0; i < batch.num_rows; ++i) {
      std::vector<NaiveValue> row;
      for (const format::ArrayPtr& column : batch.columns)
        row.push_back(ValueAt(*column, i));
      rows.push_back(TextOf(row));
    }
    return absl::OkStatus();
  };
  EXPECT_TRUE(result.ForEachBatch(add).ok());
  return rows;
}

class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {
    MakeTypes();
    catalog_ = schema::CatalogFromText(Source()).value();
    naive_.catalog = catalog_.get();
    Fill();
  }

  std::string Source() const {
    std::string source;
    const auto add_properties = [&](const TypeSpec& type) {
      source += " {\n";
      for (const PropertySpec& property : type.properties)
        source += io::StrCat("  ", property.name, ": ", property.type, "?\n");
      source += "}\n";
    };
    for (const TypeSpec& node : nodes_) {
      source += "node " + node.name;
      add_properties(node);
    }
    for (const TypeSpec& edge : edges_) {
      source += io::StrCat("edge ", edge.name, ": ", edge.from, " -> ", edge.to);
      add_properties(edge);
    }
    return source;
  }

  std::unique_ptr<MemorySnapshot> InMemory() {
    auto snapshot = std::make_unique<MemorySnapshot>(catalog_);
    for (const TypeSpec& node : nodes_)
      snapshot->SetNodes(node.name, TableOf(node, naive_.nodes.at(node.name)), 1 + Int64(8));
    for (const TypeSpec& edge : edges_)
      snapshot->SetEdges(edge.name, TableOf(edge, naive_.edges.at(edge.name)), 1 + Int64(8));
    return snapshot;
  }

  std::unique_ptr<StoredSnapshot> Stored(io::Env& env, topology::TopologyCache* cache) {
    auto snapshot = std::make_unique<StoredSnapshot>(catalog_, cache);
    for (const TypeSpec& node : nodes_)
      snapshot->SetNodes(node.name, Store(env, node, naive_.nodes.at(node.name)));
    for (const TypeSpec& edge : edges_)
      snapshot->SetEdges(edge.name, Store(env, edge, naive_.edges.at(edge.name)));
    return snapshot;
  }

  std::string Query() {
    bound_.clear();
    num_names_ = 0;
    std::string match = NewNode();
    for (size_t i = Below(4); i > 0; --i)
      match += "\n  " + Clause();
    for (size_t i = Below(3); i > 0; --i)
      match += "\n  " + Filter();
    if (Below(3) == 0) match += "\n  " + Negation();
    const bool aggregates = Below(3) == 0;
    std::string projections;
    const size_t num_columns = 1 + Below(3);
    for (size_t i = num_columns; i > 0; --i) {
      const bool folds = aggregates && (i == 1 || Below(2) == 0);
      projections += io::StrCat("    ", folds ? Aggregate() : Value(aggregates), " as c", i, "\n");
    }
    std::string order;
    if (Below(2) == 0) {
      const std::string key =
          aggregates || Below(3) == 0 ? io::StrCat("c", 1 + Below(num_columns)) : Access();
      order = io::StrCat("  order { ", key, OneOf({"", " asc", " desc"}), " }\n");
    }
    const std::string limit = Below(3) == 0 ? io::StrCat("  limit ", Below(6), "\n") : "";
    return io::StrCat("query q($n: I64, $s: String?) {\n  match { ", match, " }\n  return {\n",
                      projections, "  }\n", order, limit, "}");
  }

  query::ParamValues Params() {
    query::ParamValues params;
    params["n"] = query::Literal::Integer(Int64(7) - 1);
    params["s"] = Below(3) == 0 ? query::Literal::Null() : query::Literal::String(Word());
    return params;
  }

  absl::StatusOr<query::ReadPlan> Plan(const std::string& source) const {
    const absl::StatusOr<query::QueryFile> file = query::ParseQueryFile(source);
    EXPECT_TRUE(file.ok()) << file.status();
    const auto checked = query::CheckQuery(*catalog_, file->queries[0]);
    if (!checked.ok()) return checked.status();
    return query::PlanRead(*catalog_, *checked);
  }

  const NaiveGraph& naive() const { return naive_; }
  std::mt19937_64& random() { return random_; }
  size_t Below(size_t n) { return static_cast<size_t>(random_() % n); }

 private:
  struct Bound {
    std::string variable;
    const TypeSpec* type;
  };

  int64_t Int64(size_t n) { return static_cast<int64_t>(Below(n)); }
  std::string OneOf(const std::vector<std::string>& choices) {
    return choices[Below(choices.size())];
  }
  std::string Word() { return OneOf({"", "x", "xy", "y", "yx"}); }

  void MakeTypes() {
    const size_t num_nodes = 1 + Below(4);
    for (size_t i = 0; i < num_nodes; ++i)
      nodes_.push_back({.name = io::StrCat("N", i),
                        .from = "",
                        .to = "",
                        .properties = MakeProperties(1 + Below(5))});
    const size_t num_edges = 1 + Below(4);
    for (size_t i = 0; i < num_edges; ++i) {
      edges_.push_back({.name = io::StrCat("E", i),
                        .from = nodes_[Below(num_nodes)].name,
                        .to = nodes_[Below(num_nodes)].name,
                        .properties = MakeProperties(Below(3))});
    }
  }

  std::vector<PropertySpec> MakeProperties(size_t n) {
    std::vector<PropertySpec> properties;
    for (size_t i = 0; i < n; ++i)
      properties.push_back({io::StrCat(OneOf({"a", "k", "z"}), i), OneOf(kTypes)});
    return properties;
  }

  NaiveValue MakeValue(const std::string& type) {
    if (Below(5) == 0) return {};
    if (type == "Bool") return Int64(2);
    if (type[0] == 'F') return static_cast<double>(Int64(12)) / 2;
    if (type == "DateTime") return Int64(6) * 86'400'000;
    if (type[0] == 'e') return OneOf({"x", "y"});
    if (type == "String") return Word();
    if (type != "[String]") return Int64(6);
    std::vector<std::string> items;
    for (size_t i = Below(3); i > 0; --i)
      items.push_back(OneOf({"x", "y", "z"}));
    return items;
  }

  NaiveRow MakeRow(const TypeSpec& type, std::string id) {
    NaiveRow row = {{"id", std::move(id)}};
    for (const PropertySpec& property : type.properties)
      row[property.name] = MakeValue(property.type);
    return row;
  }

  void Fill() {
    for (const TypeSpec& node : nodes_) {
      std::vector<NaiveRow>& rows = naive_.nodes[node.name];
      const size_t num_rows = Below(4) == 0 ? Below(3) : 2 + Below(9);
      // The types have ids in common: an edge must find its end in the right one.
      for (size_t i = 0; i < num_rows; ++i)
        rows.push_back(MakeRow(node, io::StrCat("i", i)));
    }
    for (const TypeSpec& edge : edges_) {
      std::vector<NaiveRow>& rows = naive_.edges[edge.name];
      const auto end = [&](const std::string& type) {
        return io::StrCat("i", Below(naive_.nodes.at(type).size() + 1));
      };
      for (size_t i = Below(4) == 0 ? Below(4) : 5 + Below(25); i > 0; --i) {
        NaiveRow row = MakeRow(edge, io::StrCat("e", Below(1000)));
        row["src"] = end(edge.from);
        row["dst"] = end(edge.to);
        rows.push_back(std::move(row));
      }
    }
  }

  dataset::DatasetPtr Store(io::Env& env, const TypeSpec& type, const std::vector<NaiveRow>& rows) {
    StoredTableOptions options;
    std::vector<std::string> columns = {"id"};
    if (!type.from.empty()) columns.insert(columns.end(), {"src", "dst"});
    for (const PropertySpec& property : type.properties) {
      if (property.type != "[String]") columns.push_back(property.name);
    }
    for (std::string& column : columns) {
      if (Below(4) != 0) options.indexed.push_back(std::move(column));
    }
    options.rows_per_fragment = 1 + Int64(20);
    if (Below(2) == 0) options.deletions = &random_;
    options.index_before_last_fragment = Below(3) == 0;
    return MakeStoredTable(env, io::StrCat("memory://graph/", type.name, random_()),
                           TableOf(type, rows), options);
  }

  // --- queries

  const TypeSpec& NodeNamed(const std::string& name) const {
    return *std::find_if(nodes_.begin(), nodes_.end(),
                         [&](const TypeSpec& type) { return type.name == name; });
  }

  std::string Fresh() { return io::StrCat("v", ++num_names_); }

  std::vector<Bound> BoundNodes() const {
    std::vector<Bound> nodes;
    for (const Bound& bound : bound_) {
      if (bound.type->from.empty()) nodes.push_back(bound);
    }
    return nodes;
  }

  std::string Literal(const std::string& type) {
    if (type == "Bool") return OneOf({"true", "false"});
    if (type == "Date") return io::StrCat("date(\"1970-01-0", 1 + Below(6), "\")");
    if (type == "DateTime") {
      return io::StrCat("datetime(\"1970-01-0", 1 + Below(6), "T00:00:00Z\")");
    }
    if (IsText(type)) return OneOf({"\"x\"", "\"y\"", type == "String" ? "$s" : "\"x\""});
    return OneOf({io::StrCat(Below(6)), io::StrCat(Below(6), ".5"), "$n"});
  }

  std::string Matches(const TypeSpec& type) {
    if (type.properties.empty() || Below(2) == 0) return "";
    const PropertySpec& property = type.properties[Below(type.properties.size())];
    const bool list = property.type[0] == '[';
    return io::StrCat(" { ", property.name, ": ", Literal(list ? "String" : property.type), " }");
  }

  std::string NewNode() {
    const TypeSpec& type = nodes_[Below(nodes_.size())];
    bound_.push_back({Fresh(), &type});
    return io::StrCat("$", bound_.back().variable, ": ", type.name, Matches(type));
  }

  std::string Clause() {
    if (Below(7) == 0) return NewNode();
    const std::vector<Bound> nodes = BoundNodes();
    const Bound source = nodes[Below(nodes.size())];
    std::vector<const TypeSpec*> fitting;
    for (const TypeSpec& edge : edges_) {
      if (edge.from == source.type->name || edge.to == source.type->name) fitting.push_back(&edge);
    }
    if (fitting.empty()) return NewNode();
    const TypeSpec& edge = *fitting[Below(fitting.size())];
    const TypeSpec& other = NodeNamed(edge.from == source.type->name ? edge.to : edge.from);
    std::string word = edge.word();
    if (edge.from == edge.to && Below(4) == 0) word = io::StrCat("<", word, ">");
    const size_t kind = Below(6);
    std::string binding;
    if (kind == 0) binding = Fresh();
    if (kind == 1) word += OneOf({"{1,2}", "{2,3}", "{1,3}"});
    if (kind == 0) word = io::StrCat("$", binding, ":", word);
    std::string end;
    std::string conditions;
    std::vector<Bound> ends;
    for (const Bound& node : nodes) {
      if (node.type == &other && node.variable != source.variable) ends.push_back(node);
    }
    if (!ends.empty() && Below(4) == 0) {
      end = ends[Below(ends.size())].variable;
    } else if (Below(8) == 0) {
      end = "_";
    } else {
      end = Fresh();
      bound_.push_back({end, &other});
      if (Below(3) == 0) {
        conditions = io::StrCat("\n  $", end, ": ", other.name, Matches(other));
      }
    }
    if (!binding.empty()) bound_.push_back({binding, &edge});
    const bool turned = Below(3) == 0 && edge.from != edge.to;
    return io::StrCat("$", turned ? end : source.variable, " ", word, " $",
                      turned ? source.variable : end, conditions);
  }

  // `$v.p` of a random bound variable that has a property of this kind, or the empty text.
  template <typename Wanted>
  std::string AccessTo(const Wanted& wanted, std::string* type = nullptr) {
    std::vector<std::pair<std::string, std::string>> found;
    for (const Bound& bound : bound_) {
      for (const PropertySpec& property : bound.type->properties) {
        if (!wanted(property.type)) continue;
        found.emplace_back(io::StrCat("$", bound.variable, ".", property.name), property.type);
      }
    }
    if (found.empty()) return "";
    const auto& [text, spelled] = found[Below(found.size())];
    if (type != nullptr) *type = spelled;
    return text;
  }

  std::string Access() {
    const std::string access = AccessTo([](const std::string& type) { return type[0] != '['; });
    return access.empty() ? io::StrCat("c", 1) : access;
  }

  std::string Filter() {
    std::string type;
    const std::string access = AccessTo([](const std::string&) { return true; }, &type);
    if (access.empty()) return NewNode();
    if (type == "[String]") return access + " contains " + OneOf({"\"x\"", "\"y\"", "$s"});
    if (IsText(type) && Below(3) == 0) {
      return io::StrCat(access, OneOf({" contains ", " starts_with "}), OneOf({"\"x\"", "$s"}));
    }
    const std::string op = OneOf({" = ", " != ", " < ", " <= ", " > ", " >= "});
    if (Below(3) == 0) {
      const std::string other = AccessTo([&](const std::string& wanted) {
        return wanted == type || (IsText(wanted) && IsText(type)) ||
               (IsNumeric(wanted) && IsNumeric(type));
      });
      return access + op + other;
    }
    return access + op + Literal(type);
  }

  std::string Negation() {
    const std::vector<Bound> outer = bound_;
    std::string inner = Clause();
    // A block that introduces an unconnected node has to mention an outer one.
    if (Below(2) == 0) inner += " " + Filter();
    if (Below(4) == 0) {
      const std::vector<Bound> between = bound_;
      inner += " not { " + Clause() + " }";
      bound_ = between;
    }
    bound_ = outer;
    return "not { " + inner + " }";
  }

  std::string Value(bool is_key) {
    if (Below(5) == 0) {
      const std::vector<Bound> nodes = BoundNodes();
      return "$" + nodes[Below(nodes.size())].variable;
    }
    if (!is_key && Below(8) == 0) return OneOf({"7", "\"text\"", "$n", "$s"});
    const std::string access =
        AccessTo([&](const std::string& type) { return !is_key || type[0] != '['; });
    return access.empty() ? "$" + bound_.front().variable : access;
  }

  std::string Aggregate() {
    const std::string number = AccessTo(IsNumeric);
    const std::string text = AccessTo([](const std::string& type) { return IsText(type); });
    const std::string any = AccessTo([](const std::string&) { return true; });
    std::vector<std::string> choices = {"count($" + BoundNodes().front().variable + ")"};
    if (!any.empty()) choices.push_back("count(" + any + ")");
    if (!text.empty()) choices.push_back(OneOf({"min(", "max("}) + text + ")");
    if (!number.empty()) choices.push_back(OneOf({"min(", "max(", "sum(", "avg("}) + number + ")");
    return OneOf(choices);
  }

  std::mt19937_64 random_;
  std::vector<TypeSpec> nodes_;
  std::vector<TypeSpec> edges_;
  schema::CatalogPtr catalog_;
  NaiveGraph naive_;
  std::vector<Bound> bound_;
  int num_names_ = 0;
};

// Rounds of the test, each with a schema, a graph and ten queries; a slow suite asks for more.
int Rounds() {
  const char* const rounds = std::getenv("OG_EXECUTE_ROUNDS");
  return rounds == nullptr ? 250 : std::atoi(rounds);
}

void ExpectRows(const Snapshot& snapshot, const query::ReadPlan& plan,
                const query::ParamValues& params, const std::vector<std::string>& want,
                World& world) {
  ExecOptions small;
  small.indexed_frontier_max = world.Below(4);
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
    const uint64_t limit = option.spill_result ? 2'000 + world.Below(8'000) : uint64_t{1} << 30;
    const auto budget = io::MemoryBudget::NewRoot("test", limit);
    const auto result = ExecutePlan(budget, snapshot, plan, params, option);
    if (!result.ok() && result.status().ToString().find("cannot order by") != std::string::npos) {
      continue;  // a list behind an alias
    }
    if (option.spill_result && absl::IsResourceExhausted(result.status())) continue;
    ASSERT_TRUE(result.ok()) << result.status() << "\n" << ToString(plan);
    ASSERT_EQ(RowsOf(*result), want)
        << ToString(plan) << "way " << static_cast<int>(option.traversal) << " memory " << limit;
  }
}

TEST(ExecutePropertyTest, AgreesWithNaiveExecutorOnRandomSchemas) {
  std::mt19937_64 seeds(tests::Seed());
  int num_run = 0;
  int num_rows = 0;
  for (int round = 0; round < Rounds(); ++round) {
    World world(seeds());
    SCOPED_TRACE(world.Source());
    const std::unique_ptr<MemorySnapshot> in_memory = world.InMemory();
    io::SimEnv env(seeds());
    std::unique_ptr<topology::TopologyCache> cache;
    std::unique_ptr<StoredSnapshot> stored;
    if (world.Below(3) == 0) {
      topology::TopologyCacheOptions options{.stored_edges_min = 0};
      if (world.Below(2) == 0) options.folder = env.Resolve("memory://cache/topology").value();
      cache = std::make_unique<topology::TopologyCache>(env, options);
      stored = world.Stored(env, world.Below(3) == 0 ? nullptr : cache.get());
    }
    for (int i = 0; i < 10; ++i) {
      const std::string source = world.Query();
      SCOPED_TRACE(source);
      const auto plan = world.Plan(source);
      if (!plan.ok()) {  // the generator does not know every rule of the checker
        ASSERT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument) << plan.status();
        continue;
      }
      const query::ParamValues params = world.Params();
      std::vector<std::string> want;
      for (const auto& row : ExecuteNaively(world.naive(), *plan, params))
        want.push_back(TextOf(row));
      if (want.size() > 2000) continue;
      ++num_run;
      num_rows += static_cast<int>(want.size());
      ExpectRows(*in_memory, *plan, params, want, world);
      if (stored != nullptr) ExpectRows(*stored, *plan, params, want, world);
      if (HasFatalFailure()) return;
    }
  }
  std::cout << num_run << " queries, " << num_rows << " rows\n";
  EXPECT_GT(num_run, 5 * Rounds());
  EXPECT_GT(num_rows, 5 * Rounds());
}

}  // namespace
}  // namespace og::engine::exec
