// The printer of the syntax tree: the inverse of parse.cc.
#include <array>
#include <charconv>
#include <string>
#include <variant>

#include "engine/query/parse.h"
#include "io/base/text.h"

namespace og::engine::query {
namespace {

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  quoted += '"';
  return quoted;
}

// Digits on both sides of the point and no exponent, as the grammar wants them.
std::string FloatText(double value) {
  std::array<char, 400> digits;
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed)
          .ptr;
  std::string text(digits.data(), end);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

std::string ValueText(const MatchValue& value) {
  switch (value.kind) {
    case MatchValue::Kind::kLiteral:
      return FormatLiteral(value.literal);
    case MatchValue::Kind::kVariable:
      return io::StrCat("$", value.variable);
    case MatchValue::Kind::kNow:
      return "now()";
  }
  return "";
}

std::string AssignmentsText(const std::vector<PropertyValue>& assignments) {
  std::string text = "{ ";
  for (size_t i = 0; i < assignments.size(); ++i) {
    text += io::StrCat(i == 0 ? "" : ", ", assignments[i].property, ": ",
                       ValueText(assignments[i].value));
  }
  return text + " }";
}

std::string ClausesText(const std::vector<Clause>& clauses, std::string_view indent);

std::string TraversalText(const Traversal& traversal) {
  std::string text = io::StrCat("$", traversal.source, " ");
  if (traversal.edge_binding) {
    text += io::StrCat("$", *traversal.edge_binding, ": ");
  }
  text += traversal.undirected ? io::StrCat("<", traversal.edge_name, ">") : traversal.edge_name;
  if (traversal.min_hops != 1 || traversal.max_hops != 1) {
    text += io::StrCat("{", traversal.min_hops, ",");
    text += traversal.max_hops ? io::StrCat(*traversal.max_hops, "}") : "}";
  }
  return io::StrCat(text, " $", traversal.destination);
}

std::string ClauseText(const Clause& clause, std::string_view indent) {
  if (const auto* binding = std::get_if<Binding>(&clause.value)) {
    return io::StrCat("$", binding->variable, ": ", binding->type_name,
                      binding->matches.empty() ? "" : " ",
                      binding->matches.empty() ? "" : AssignmentsText(binding->matches));
  }
  if (const auto* traversal = std::get_if<Traversal>(&clause.value)) {
    return TraversalText(*traversal);
  }
  if (const auto* filter = std::get_if<Filter>(&clause.value)) {
    return io::StrCat(FormatExpr(filter->left), " ", CompareOpName(filter->op), " ",
                      FormatExpr(filter->right));
  }
  const std::string deeper = io::StrCat(indent, "  ");
  return io::StrCat("not {\n", ClausesText(std::get<Negation>(clause.value).clauses, deeper),
                    indent, "}");
}

std::string ClausesText(const std::vector<Clause>& clauses, std::string_view indent) {
  std::string text;
  for (const Clause& clause : clauses) {
    text += io::StrCat(indent, ClauseText(clause, indent), "\n");
  }
  return text;
}

std::string ReadText(const Query& query) {
  std::string text =
      io::StrCat("  match {\n", ClausesText(query.match, "    "), "  }\n  return {\n");
  for (const Projection& projection : query.projections) {
    text += io::StrCat("    ", FormatExpr(projection.expr));
    text += projection.alias ? io::StrCat(" as ", *projection.alias, ",\n") : ",\n";
  }
  text += "  }\n";
  if (!query.orderings.empty()) {
    text += "  order { ";
    for (size_t i = 0; i < query.orderings.size(); ++i) {
      text += io::StrCat(i == 0 ? "" : ", ", FormatExpr(query.orderings[i].expr),
                         query.orderings[i].descending ? " desc" : "");
    }
    text += " }\n";
  }
  if (query.limit) {
    text += io::StrCat("  limit ", *query.limit, "\n");
  }
  return text;
}

std::string MutationText(const Mutation& mutation) {
  std::string text;
  switch (mutation.kind) {
    case MutationKind::kInsert:
      text = io::StrCat("  insert ", mutation.type_name, " ");
      break;
    case MutationKind::kUpdate:
      text = io::StrCat("  update ", mutation.type_name, " set ");
      break;
    case MutationKind::kDelete:
      text = io::StrCat("  delete ", mutation.type_name);
      break;
  }
  if (mutation.kind != MutationKind::kDelete) {
    text += AssignmentsText(mutation.assignments);
  }
  if (mutation.predicate) {
    text += io::StrCat(" where ", mutation.predicate->property, " ",
                       CompareOpName(mutation.predicate->op), " ",
                       ValueText(mutation.predicate->value));
  }
  return text + "\n";
}

std::string QueryText(const Query& query) {
  std::string text = io::StrCat("query ", query.name, "(");
  for (size_t i = 0; i < query.params.size(); ++i) {
    text += io::StrCat(i == 0 ? "" : ", ", "$", query.params[i].name, ": ",
                       query.params[i].type_name, query.params[i].nullable ? "?" : "");
  }
  text += ")";
  if (query.description) {
    text += io::StrCat(" @description(", Quoted(*query.description), ")");
  }
  if (query.instruction) {
    text += io::StrCat(" @instruction(", Quoted(*query.instruction), ")");
  }
  text += " {\n";
  if (query.is_mutation()) {
    for (const Mutation& mutation : query.mutations) {
      text += MutationText(mutation);
    }
  } else {
    text += ReadText(query);
  }
  return text + "}\n";
}

std::string CallText(std::string_view name, const std::vector<Expr>& args) {
  std::string text = io::StrCat(name, "(");
  for (size_t i = 0; i < args.size(); ++i) {
    text += io::StrCat(i == 0 ? "" : ", ", FormatExpr(args[i]));
  }
  return text + ")";
}

}  // namespace

std::string FormatLiteral(const Literal& literal) {
  switch (literal.kind) {
    case LiteralKind::kNull:
      return "null";
    case LiteralKind::kString:
      return Quoted(literal.text);
    case LiteralKind::kInteger:
      return io::StrCat(literal.integer);
    case LiteralKind::kFloat:
      return FloatText(literal.number);
    case LiteralKind::kBool:
      return literal.flag ? "true" : "false";
    case LiteralKind::kDate:
      return io::StrCat("date(", Quoted(literal.text), ")");
    case LiteralKind::kDateTime:
      return io::StrCat("datetime(", Quoted(literal.text), ")");
    case LiteralKind::kList:
      break;
  }
  std::string text = "[";
  for (size_t i = 0; i < literal.items.size(); ++i) {
    text += io::StrCat(i == 0 ? "" : ", ", FormatLiteral(literal.items[i]));
  }
  return text + "]";
}

std::string FormatExpr(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNow:
      return "now()";
    case ExprKind::kProperty:
      return io::StrCat("$", expr.variable, ".", expr.property);
    case ExprKind::kNearest:
      return io::StrCat("nearest($", expr.variable, ".", expr.property, ", ",
                        FormatExpr(expr.args.front()), ")");
    case ExprKind::kSearch:
      return CallText("search", expr.args);
    case ExprKind::kFuzzy:
      return CallText("fuzzy", expr.args);
    case ExprKind::kMatchText:
      return CallText("match_text", expr.args);
    case ExprKind::kBm25:
      return CallText("bm25", expr.args);
    case ExprKind::kRrf:
      return CallText("rrf", expr.args);
    case ExprKind::kAggregate:
      return CallText(AggregateName(expr.function), expr.args);
    case ExprKind::kVariable:
    case ExprKind::kParameter:
      return io::StrCat("$", expr.variable);
    case ExprKind::kLiteral:
      return FormatLiteral(expr.literal);
    case ExprKind::kAlias:
      return expr.variable;
  }
  return "";
}

std::string FormatQueryFile(const QueryFile& file) {
  std::string text;
  for (const Query& query : file.queries) {
    text += io::StrCat(text.empty() ? "" : "\n", QueryText(query));
  }
  return text;
}

}  // namespace og::engine::query
