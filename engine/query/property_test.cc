// Random trees (OG_SEED): printing and parsing gives the tree back, and every query that the
// checker accepts gets a plan that keeps the promises of plan.h.
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

#include "engine/query/parse.h"
#include "engine/query/plan.h"
#include "tests/support/seed.h"

namespace og::engine::query {
namespace {

constexpr std::string_view kSchema = R"(
node A { n: I32?  s: String?  tags: [String]?  v: Vector(2)? }
node B { n: F64?  s: String? }
edge Knows: A -> A { since: Date?  s: String? }
edge Has: A -> B
)";

// Trees in the words of kSchema, so that many of them pass the checker.
class TreeSource {
 public:
  explicit TreeSource(uint64_t seed) : random_(seed) {}

  Query Read() {
    Query query;
    query.name = Pick({"q", "_q1", "truth"});
    if (Chance(4)) query.description = Pick({"", "a \"b\" \\ c\n", "\xc3\xa4"});
    for (size_t i = Below(3); i > 0; --i)
      query.params.push_back(Parameter());
    query.match = Clauses(2, 4);
    for (size_t i = 1 + Below(3); i > 0; --i) {
      query.projections.push_back({.expr = Expression(2), .alias = {}, .span = {}});
      if (Chance(2)) query.projections.back().alias = Pick({"x", "as_", "desc"});
    }
    for (size_t i = Below(3); i > 0; --i) {
      Ordering ordering{.expr = Expression(1), .descending = Chance(2), .span = {}};
      ordering.descending &= ordering.expr.kind != ExprKind::kNearest;
      query.orderings.push_back(std::move(ordering));
    }
    if (Chance(2)) query.limit = random_();
    return query;
  }

  Query Write() {
    Query query;
    query.name = "m";
    for (size_t i = Below(3); i > 0; --i)
      query.params.push_back(Parameter());
    for (size_t i = 1 + Below(3); i > 0; --i) {
      Mutation mutation;
      mutation.kind = static_cast<MutationKind>(Below(3));
      mutation.type_name = Pick({"A", "B", "Knows", "Has"});
      if (mutation.kind != MutationKind::kDelete) mutation.assignments = Assignments();
      if (mutation.kind != MutationKind::kInsert) {
        mutation.predicate = MutationPredicate{.property = Property(),
                                               .op = static_cast<CompareOp>(Below(6)),
                                               .value = Value(),
                                               .span = {}};
      }
      query.mutations.push_back(std::move(mutation));
    }
    return query;
  }

 private:
  size_t Below(size_t bound) { return random_() % bound; }
  bool Chance(size_t one_in) { return Below(one_in) == 0; }
  std::string Pick(const std::vector<std::string_view>& words) {
    return std::string(words[Below(words.size())]);
  }
  std::string Variable() { return Pick({"a", "b", "c", "_", "p"}); }
  std::string Property() { return Pick({"n", "s", "tags", "since", "v", "from"}); }

  Param Parameter() {
    return {.name = Pick({"p", "r"}),
            .type_name = Pick({"String", "I32", "F64", "[String]", "Vector(2)", "Date"}),
            .nullable = Chance(2),
            .span = {}};
  }

  query::Literal Literal(int depth) {
    switch (Below(depth > 0 ? 7 : 6)) {
      case 0:
        return Literal::String(Pick({"", "x", "q\"\\\n\t", "// no comment", "\xe2\x82\xac"}));
      case 1:
        return Literal::Integer(static_cast<int64_t>(random_() >> 1));
      case 2:
        return Literal::Float(static_cast<double>(random_() >> 1) * (Chance(2)   ? 1e-30
                                                                     : Chance(2) ? 1e200
                                                                                 : 1));
      case 3:
        return Literal::Bool(Chance(2));
      case 4:
        return Literal::Date("2020-01-01");
      case 5:
        return Literal::DateTime("x");
      default:
        break;
    }
    std::vector<query::Literal> items;
    for (size_t i = Below(3); i > 0; --i)
      items.push_back(Literal(depth - 1));
    return Literal::List(std::move(items));
  }

  MatchValue Value() {
    MatchValue value;
    value.kind = static_cast<MatchValue::Kind>(Below(3));
    if (value.kind == MatchValue::Kind::kLiteral) value.literal = Literal(1);
    if (value.kind == MatchValue::Kind::kVariable) value.variable = Pick({"p", "r"});
    return value;
  }

  std::vector<PropertyValue> Assignments() {
    std::vector<PropertyValue> assignments;
    for (size_t i = 1 + Below(2); i > 0; --i) {
      assignments.push_back({.property = Property(), .value = Value(), .span = {}});
    }
    return assignments;
  }

  Expr Access() {
    Expr expr;
    expr.kind = ExprKind::kProperty;
    expr.variable = Variable();
    expr.property = Property();
    return expr;
  }

  Expr Rank() {
    Expr expr;
    if (Chance(2)) {
      expr = Access();
      expr.kind = ExprKind::kNearest;
      expr.args = {Expression(0)};
    } else {
      expr.kind = ExprKind::kBm25;
      expr.args = {Expression(0), Expression(0)};
    }
    return expr;
  }

  Expr Expression(int depth) {
    Expr expr;
    switch (Below(depth > 0 ? 11 : 5)) {
      case 0:
        expr.kind = ExprKind::kNow;
        return expr;
      case 1:
        expr.kind = ExprKind::kVariable;
        expr.variable = Variable();
        return expr;
      case 2:
        expr.literal = Literal(1);
        return expr;
      case 3:
        expr.kind = ExprKind::kAlias;
        expr.variable = Pick({"x", "counts", "nowhere", "dated", "nota"});
        return expr;
      case 4:
      case 5:
      case 6:
        return Access();
      case 7:
        expr.kind = ExprKind::kAggregate;
        expr.function = static_cast<AggregateFunction>(Below(5));
        expr.args = {Expression(depth - 1)};
        return expr;
      case 8:
        expr.kind = Chance(2) ? ExprKind::kSearch : ExprKind::kMatchText;
        expr.args = {Expression(depth - 1), Expression(depth - 1)};
        return expr;
      case 9:
        expr.kind = ExprKind::kFuzzy;
        expr.args = {Expression(depth - 1), Expression(depth - 1)};
        if (Chance(2)) expr.args.push_back(Expression(0));
        return expr;
      default:
        break;
    }
    if (Chance(2)) {
      return Rank();
    }
    expr.kind = ExprKind::kRrf;
    expr.args = {Rank(), Rank()};
    if (Chance(2)) expr.args.push_back(Expression(0));
    return expr;
  }

  // A bare variable before a word operator would read as a traversal.
  query::Filter Filter() {
    query::Filter filter;
    filter.left = Chance(2) ? Access() : Expression(1);
    const bool bare = filter.left.kind == ExprKind::kVariable;
    filter.op = static_cast<CompareOp>(Below(bare ? 6 : 8));
    filter.right = Chance(2) ? Access() : Expression(1);
    return filter;
  }

  query::Traversal Traversal() {
    query::Traversal traversal;
    traversal.source = Variable();
    traversal.destination = Variable();
    traversal.edge_name = Pick({"knows", "kNOWS", "has"});
    traversal.undirected = Chance(4);
    if (Chance(4)) {
      traversal.min_hops = static_cast<uint32_t>(1 + Below(2));
      traversal.max_hops = static_cast<uint32_t>(2 + Below(3));
    } else if (Chance(4)) {
      traversal.edge_binding = Pick({"w", "_", "b"});
    }
    return traversal;
  }

  std::vector<Clause> Clauses(int depth, size_t count) {
    std::vector<Clause> clauses;
    for (size_t i = 1 + Below(count); i > 0; --i) {
      const size_t kind = Below(depth > 0 ? 8 : 7);
      if (kind < 3) {
        Binding binding;
        binding.variable = Variable();
        binding.type_name = Pick({"A", "A", "B"});
        if (Chance(2)) binding.matches = Assignments();
        clauses.push_back({std::move(binding)});
      } else if (kind < 5) {
        clauses.push_back({Traversal()});
      } else if (kind < 7) {
        clauses.push_back({Filter()});
      } else {
        clauses.push_back({Negation{.clauses = Clauses(depth - 1, 3), .span = {}}});
      }
    }
    return clauses;
  }

  std::mt19937_64 random_;
};

TEST(Properties, PrintedTreesParseBack) {
  TreeSource source(tests::Seed());
  for (int i = 0; i < 3000; ++i) {
    QueryFile file;
    file.queries.push_back(source.Read());
    file.queries.push_back(source.Write());
    const std::string text = FormatQueryFile(file);
    const absl::StatusOr<QueryFile> parsed = ParseQueryFile(text);
    ASSERT_TRUE(parsed.ok()) << text << parsed.status();
    ASSERT_EQ(FormatQueryFile(*parsed), text);
    ASSERT_TRUE(*parsed == file) << text;
  }
}

void CollectVariables(const Expr& expr, std::set<std::string>& into) {
  EXPECT_NE(expr.kind, ExprKind::kNow);
  if (expr.kind == ExprKind::kProperty || expr.kind == ExprKind::kNearest ||
      expr.kind == ExprKind::kVariable) {
    into.insert(expr.variable);
  }
  for (const Expr& arg : expr.args)
    CollectVariables(arg, into);
}

std::set<std::string> VariablesOf(const Predicate& predicate) {
  std::set<std::string> variables;
  CollectVariables(predicate.left, variables);
  CollectVariables(predicate.right, variables);
  return variables;
}

// Checks the promises for `steps`, whose rows have the variables `bound`; adds those they bind.
void ExpectSound(const std::vector<PlanStep>& steps, std::set<std::string>& bound) {
  const auto expect_own = [](const std::vector<Predicate>& filters, const std::string& variable) {
    for (const Predicate& filter : filters) {
      EXPECT_EQ(VariablesOf(filter), std::set<std::string>{variable});
    }
  };
  for (const PlanStep& step : steps) {
    if (const auto* scan = std::get_if<NodeScan>(&step.value)) {
      EXPECT_TRUE(bound.insert(scan->variable).second) << scan->variable;
      expect_own(scan->filters, scan->variable);
    } else if (const auto* expand = std::get_if<Expand>(&step.value)) {
      EXPECT_TRUE(bound.contains(expand->source)) << expand->source;
      EXPECT_TRUE(bound.insert(expand->destination).second) << expand->destination;
      expect_own(expand->destination_filters, expand->destination);
      if (expand->edge_binding) {
        EXPECT_TRUE(bound.insert(*expand->edge_binding).second);
        EXPECT_EQ(expand->max_hops, 1u);
      }
    } else if (const auto* filter = std::get_if<FilterRows>(&step.value)) {
      for (const std::string& variable : VariablesOf(filter->predicate)) {
        EXPECT_TRUE(bound.contains(variable)) << variable;
      }
    } else {
      const auto& anti = std::get<AntiJoin>(step.value);
      for (const std::string& variable : anti.outer_variables) {
        EXPECT_TRUE(bound.contains(variable)) << variable;
      }
      // Inside, only the outer variables that are listed may be read.
      std::set<std::string> inner(anti.outer_variables.begin(), anti.outer_variables.end());
      ExpectSound(anti.inner, inner);
    }
  }
}

TEST(Properties, CheckedQueriesHaveSoundPlans) {
  const schema::CatalogPtr catalog = *schema::CatalogFromText(kSchema);
  TreeSource source(tests::Seed());
  int planned = 0;
  for (int i = 0; i < 20000; ++i) {
    const Query query = source.Read();
    const absl::StatusOr<CheckedQuery> checked = CheckQuery(*catalog, query);
    if (!checked.ok()) {
      continue;
    }
    const absl::StatusOr<ReadPlan> plan = PlanRead(*catalog, *checked);
    if (!plan.ok()) {
      continue;
    }
    ++planned;
    std::set<std::string> bound;
    ExpectSound(plan->pipeline, bound);
    for (const PlanProjection& projection : plan->projections) {
      std::set<std::string> read;
      CollectVariables(projection.expr, read);
      for (const std::string& variable : read)
        EXPECT_TRUE(bound.contains(variable));
    }
    ASSERT_FALSE(HasFailure()) << FormatQueryFile({{query}}) << ToString(*plan);
  }
  EXPECT_GT(planned, 100);
}

}  // namespace
}  // namespace og::engine::query
