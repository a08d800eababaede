// The schema parser: where syntax errors are, the quirks of a grammar without word boundaries, and
// random schemas that survive being printed and parsed again.
#include "engine/schema/parse.h"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

#include "engine/schema/catalog.h"
#include "engine/schema/identity.h"
#include "engine/schema/schema_printer.h"
#include "engine/schema/shape.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "tests/support/seed.h"

namespace og::engine::schema {
namespace {

// "line:column" of the syntax error in `text`; the message if it is no syntax error.
std::string ErrorAt(std::string_view text) {
  const absl::Status status = ParseSchema(text).status();
  const auto detail = io::DetailOf(status);
  if (status.ok() || !detail.has_value() || detail->field("line").empty()) {
    return std::string(io::Message(status));
  }
  return io::StrCat(detail->field("line"), ":", detail->field("column"));
}

TEST(ParseSchemaTest, SyntaxErrorsAreAtTheFurthestFailedRule) {
  EXPECT_EQ(ErrorAt("node gizmo {}"), "1:6");
  EXPECT_EQ(ErrorAt("node Gizmo { a: Text }"), "1:17");
  EXPECT_EQ(ErrorAt("node Gizmo {\n  a: String\n  b: Wrong\n}"), "3:6");
  EXPECT_EQ(ErrorAt("node Gizmo {} what"), "1:15");
  EXPECT_EQ(ErrorAt("node Gizmo { a: String"), "1:23");
  // No named rule starts where the colon is missing, so the declaration as a whole is at fault.
  EXPECT_EQ(ErrorAt("edge E A -> B"), "1:1");
  // Columns count code points.
  EXPECT_EQ(ErrorAt("node A @d(\"\u00fc\u20ac\") x"), "1:17");
}

TEST(ParseSchemaTest, SyntaxErrorsShowTheLine) {
  const absl::Status status = ParseSchema("node Gizmo {\n  a: Text\n}").status();
  EXPECT_EQ(
      std::string(io::Message(status)),
      "parse error:  --> 2:6\n  |\n2 |   a: Text\n  |      ^---\n  |\n  = expected core_type");
}

TEST(ParseSchemaTest, SyntaxErrorsWinOverEarlierMeaning) {
  EXPECT_EQ(ErrorAt("node A { a: [Blob] } nope"), "1:22");
  EXPECT_EQ(ErrorAt("node A { a: [Blob] }"),
            "parse error: parse error: list of Blob is not supported");
}

TEST(ParseSchemaTest, KeywordsNeedNoBoundary) {
  const auto source = ParseSchema("nodeWidget{name:Stringy:I32}");
  ASSERT_TRUE(source.ok());
  const auto& node = std::get<NodeDecl>(source->declarations[0]);
  EXPECT_EQ(node.name, "Widget");
  ASSERT_EQ(node.properties.size(), 2u);
  EXPECT_EQ(node.properties[1].name, "y");
  EXPECT_EQ(node.properties[1].type.scalar, ScalarKind::kI32);
}

TEST(ParseSchemaTest, ALoneUpperBoundIsTheLowerOne) {
  const auto source = ParseSchema("node A { a: I32\n @range(a, ..5) }");
  ASSERT_TRUE(source.ok());
  const Constraint& range = std::get<NodeDecl>(source->declarations[0]).constraints[0];
  EXPECT_EQ(std::get<int64_t>(*range.min), 5);
  EXPECT_FALSE(range.max.has_value());
}

TEST(ParseSchemaTest, OnlyTheAcceptedModeTakesUniqueBlobs) {
  const std::string_view text = "node A { b: Blob\n @unique(b) }";
  EXPECT_FALSE(ParseSchema(text).ok());
  EXPECT_TRUE(ParseSchema(text, SourceMode::kAccepted).ok());
  EXPECT_FALSE(ParseSchema("node A { b: Blob @unique }", SourceMode::kAccepted).ok());
}

TEST(ParseSchemaTest, RefusesBrokenUtf8) {
  EXPECT_EQ(ErrorAt("node A {} // \xff"), "parse error: schema source is not valid UTF-8");
}

TEST(ParseSchemaTest, Checks) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"node A { a: String? @key }", "@key property A.a cannot be nullable"},
      {"node A { a: String @key b: String @key }",
       "node type A has multiple @key constraints; only one is supported"},
      {"node A { a: [String] @unique }", "@unique is not supported on list property A.a"},
      {"node A { a: String @key @key }", "property A.a declares @key multiple times"},
      {"node A { a: String @description(\"\u00a0\") }",
       "@description on property A.a requires a non-empty value"},
      {"node A { a: I32 v: Vector(2) @embed(a) }", "@embed source property A.a must be String"},
      {"node A { v: Vector(2) @embed }", "@embed on A.v requires a source property name"},
      {"node A { v: String @embed(v) }", "@embed is only supported on vector properties (A.v)"},
      {"node A { v: Vector(4294967296) }",
       "invalid Vector dimension: number too large to fit in target type"},
      {"node A { v: Vector(4294967295) }",
       "Vector dimension 4294967295 exceeds maximum supported 2147483647"},
      {"node A {} edge E: A -> A @card(4294967296..)", "invalid cardinality min: 4294967296"},
      {"interface I { x: String @rename_from(\"\") }",
       "@rename_from on property I.x requires exactly one non-empty positional value"},
  };
  for (const auto& [text, message] : kCases) {
    EXPECT_EQ(ErrorAt(text), io::StrCat("parse error: parse error: ", message)) << text;
  }
}

TEST(ParseSchemaTest, BoundsThatNoFloatHoldsAreRefused) {
  const std::string digits(400, '9');
  EXPECT_EQ(ErrorAt(io::StrCat("node A { f: F64\n @range(f, ", digits, "..) }")),
            io::StrCat("parse error: parse error: invalid constraint bound: ", digits));
}

TEST(CatalogTest, FindsEdgesByFoldedName) {
  const auto catalog = CatalogFromText("node A {} edge WorksAt: A -> A edge Knows: A -> A");
  ASSERT_TRUE(catalog.ok());
  EXPECT_EQ((*catalog)->FindEdge("worksat")->name, "WorksAt");
  EXPECT_EQ((*catalog)->FindEdge("WORKSAT")->name, "WorksAt");
  EXPECT_EQ((*catalog)->FindEdgeExactly("worksat"), nullptr);
  EXPECT_EQ((*catalog)->FindEdge("works_at"), nullptr);
  EXPECT_EQ((*catalog)->FindNode("a"), nullptr);
  EXPECT_EQ(std::string(
                io::Message(CatalogFromText("node A {} edge Ab: A -> A edge AB: A -> A").status())),
            "catalog error: edge name collision after case folding: 'AB' conflicts with 'Ab'");
  EXPECT_EQ(std::string(io::Message(CatalogFromText("node A {} edge E: A -> B").status())),
            "catalog error: edge E references unknown target type: B");
}

TEST(CatalogTest, KeyFollowsPropertyIdsAndPathsFollowIdentities) {
  const auto shape =
      CompileShape(*ParseSchema("node A { b: String a: I32\n @key(b, a) @index(b) }"));
  ASSERT_TRUE(shape.ok());
  auto first = InitializeIr("01ARZ3NDEKTSV4RRFFQ69G5FAV", *shape);
  ASSERT_TRUE(first.ok());
  // "a" becomes "z": its id stays the smaller one, its column moves behind "b".
  const auto renamed = CompileShape(
      *ParseSchema("node A { b: String z: I32 @rename_from(\"a\")\n @key(b, z) @index(b) }"));
  const auto second = ResolveIr(first->ir, *renamed);
  ASSERT_TRUE(second.ok());
  const auto catalog = CatalogFromIr(second->ir);
  ASSERT_TRUE(catalog.ok());
  const NodeType& node = (*catalog)->nodes()[0];
  ASSERT_EQ(node.key.size(), 2u);
  EXPECT_EQ(node.properties[node.key[0]].name, "z");
  EXPECT_EQ(node.properties[node.key[1]].name, "b");
  EXPECT_EQ(node.TableKey(), "node:A");
  EXPECT_EQ(node.TablePath(), "nodes/0000000000000001-0000000000000004");
  const std::vector<ColumnGroup> groups = {{"b"}, {"b", "z"}};
  EXPECT_EQ(node.index_groups, groups);
}

// Random schemas: every construct of the grammar, few names, so that things meet.
class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  std::string Schema() {
    std::string text;
    for (int i = Below(3); i > 0; --i) {
      interfaces_.push_back(io::StrCat("I", i));
      text += io::StrCat("interface I", i, " {");
      text += Properties(Below(3), io::StrCat("i", i), false) + "}\n";
    }
    const int num_nodes = 1 + Below(3);
    for (int i = 0; i < num_nodes; ++i) {
      text += io::StrCat("node N", i) + Annotations();
      text += Implements() + " {";
      text += Properties(1 + Below(5), "p", true);
      text += Constraints(true) + "}\n";
    }
    for (int i = Below(3); i > 0; --i) {
      text += io::StrCat("edge E", i, ": N", Below(num_nodes), " -> N", Below(num_nodes));
      text += Below(2) == 0 ? io::StrCat(" @card(", Below(3), "..)") : "";
      text += Annotations() + " {";
      text += Properties(Below(4), "q", true);
      text += Constraints(false) + "}\n";
    }
    return text;
  }

 private:
  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint64_t>(limit)); }

  std::string Text() {
    static constexpr std::string_view kTexts[] = {"a", "\\\"", "\\\\ x", "\u00fc", "//", "/*"};
    return io::StrCat("\"t", kTexts[Below(6)], "\"");
  }

  std::string Annotations() {
    static constexpr std::string_view kNames[] = {"custom", "keyword", "ranger", "zeta"};
    std::string text;
    for (int i = Below(3); i > 0; --i) {
      text += io::StrCat(" @", kNames[Below(4)]);
      text += Below(2) ? io::StrCat("(", Text(), Below(2) ? ", k=5" : "", ")") : "";
    }
    return text;
  }

  std::string Implements() {
    if (interfaces_.empty() || Below(2) == 0) {
      return "";
    }
    return io::StrCat(" implements ", io::Join(interfaces_, ", "));
  }

  std::string Properties(int count, std::string_view prefix, bool indexed) {
    static constexpr std::string_view kTypes[] = {"String",    "I32",          "F64",  "[I64]",
                                                  "Vector(3)", "enum(b, a-1)", "Bool", "U64",
                                                  "Date",      "[DateTime]?",  "Blob", "String?"};
    std::string text;
    strings_.clear();
    numbers_.clear();
    for (int i = 0; i < count; ++i) {
      const std::string name = io::StrCat(prefix, i);
      const int type = Below(12);
      text += io::StrCat("\n  ", name, ": ", kTypes[type]);
      if (type == 0 || type == 11) {
        strings_.push_back(name);
        text += indexed && Below(3) == 0 ? " @index" : "";
      } else if (type == 1 || type == 2) {
        numbers_.push_back(name);
      }
      text += Annotations();
    }
    return text + "\n";
  }

  std::string Constraints(bool node) {
    std::string text;
    if (!strings_.empty()) {
      text += io::StrCat("  @unique(", io::Join(strings_, ", "), ")\n");
      text += node ? io::StrCat("  @check(", strings_[0], ", ", Text(), ")\n") : "";
    }
    if (node && !numbers_.empty()) {
      text += io::StrCat("  @range(", numbers_[0], ", -", Below(9), ".25..", Below(9), ")\n");
      text += io::StrCat("  @range(", numbers_[0], ", 3..)\n");
    }
    return text;
  }

  std::mt19937_64 random_;
  std::vector<std::string> interfaces_;
  std::vector<std::string> strings_;
  std::vector<std::string> numbers_;
};

TEST(ParseSchemaTest, PrintedSchemasParseToTheSameShape) {
  for (uint64_t i = 0; i < 300; ++i) {
    const std::string text = Generator(tests::Seed() + i).Schema();
    SCOPED_TRACE(text);
    const auto source = ParseSchema(text);
    ASSERT_TRUE(source.ok()) << source.status().message();
    const std::string printed = PrintSchema(*source);
    SCOPED_TRACE(printed);
    const auto again = ParseSchema(printed);
    ASSERT_TRUE(again.ok()) << again.status().message();
    EXPECT_EQ(PrintSchema(*again), printed);
    const auto shape = CompileShape(*source);
    const auto shape_again = CompileShape(*again);
    ASSERT_TRUE(shape.ok()) << shape.status().message();
    ASSERT_TRUE(shape_again.ok());
    EXPECT_EQ(ShapeJson(*shape), ShapeJson(*shape_again));
  }
}

TEST(ParseSchemaTest, MutilatedTextNeverCrashes) {
  std::mt19937_64 random(tests::Seed());
  for (uint64_t i = 0; i < 500; ++i) {
    std::string text = Generator(tests::Seed() + i).Schema();
    for (int edit = 0; edit < 3 && !text.empty(); ++edit) {
      const size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text.erase(at, 1 + random() % 5);
      } else {
        text.insert(at, 1, static_cast<char>(random() % 96 + 32));
      }
    }
    const auto source = ParseSchema(text);
    if (source.ok()) {
      CompileShape(*source).IgnoreError();
    } else {
      EXPECT_TRUE(io::DetailOf(source.status()).has_value()) << source.status().message();
    }
  }
}

}  // namespace
}  // namespace og::engine::schema
