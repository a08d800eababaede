// Every query and lint case of tests/data/lang_cases.jsonl: accepted or refused as the reference
// does, with its text, its static result schema, its reads and writes, its findings.
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

#include "engine/query/lint.h"
#include "engine/query/parse.h"
#include "engine/query/plan.h"
#include "engine/schema/catalog.h"
#include "io/base/json_value.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::engine::query {
namespace {

using io::JsonValue;

std::vector<JsonValue> Cases(std::string_view kind) {
  std::ifstream file("tests/data/lang_cases.jsonl");
  std::vector<JsonValue> cases;
  for (std::string line; std::getline(file, line);) {
    absl::StatusOr<JsonValue> parsed = JsonValue::Parse(line);
    EXPECT_TRUE(parsed.ok()) << line;
    if (parsed.ok() && parsed->Find("kind")->string() == kind) {
      cases.push_back(*std::move(parsed));
    }
  }
  return cases;
}

std::string Text(const JsonValue& entry, std::string_view name) {
  const JsonValue* value = entry.Find(name);
  return value == nullptr ? std::string() : value->string();
}

schema::CatalogPtr CatalogOf(const JsonValue& entry) {
  absl::StatusOr<schema::CatalogPtr> catalog = schema::CatalogFromText(Text(entry, "schema"));
  EXPECT_TRUE(catalog.ok()) << catalog.status();
  return catalog.ok() ? *catalog : nullptr;
}

LintReport Lint(const JsonValue& entry, const schema::Catalog& catalog) {
  return LintQueryFile(catalog, Text(entry, "query"), "q.gq",
                       {.kind = LintSchemaSource::Kind::kFile, .location = "s.pg"});
}

// "Q000: text | text": what a report complains about, in the form of the cases.
std::string Complaints(const LintReport& report) {
  std::string text;
  for (const LintResult& result : report.results) {
    if (result.error) {
      text += io::StrCat(text.empty() ? "" : " | ", *result.error);
    }
  }
  for (const LintFinding& finding : report.findings) {
    if (finding.severity == LintSeverity::kError) {
      text += io::StrCat(text.empty() ? "" : " | ", finding.code, ": ", finding.message);
    }
  }
  return text;
}

// The code at the start of a complaint: "T7", "Q000", or "TYPE" for a type error without one.
std::string CodeOf(std::string_view complaint) {
  if (complaint.starts_with("Q000")) {
    return "Q000";
  }
  constexpr std::string_view kPrefix = "type error: ";
  if (!complaint.starts_with(kPrefix)) {
    return "";
  }
  complaint.remove_prefix(kPrefix.size());
  const size_t colon = complaint.find(':');
  const bool coded = complaint.starts_with('T') && colon != std::string_view::npos && colon <= 3;
  return coded ? std::string(complaint.substr(0, colon)) : "TYPE";
}

std::string UsesText(const JsonValue& uses) {
  std::string text;
  for (const JsonValue& use : uses.items()) {
    text += io::StrCat(Text(use, "kind"), ":", Text(use, "type_name"), " ");
  }
  return text;
}

std::string UsesText(const std::vector<TypeUse>& uses) {
  std::string text;
  for (const TypeUse& use : uses) {
    text += io::StrCat(use.is_edge ? "edge" : "node", ":", use.type_name, " ");
  }
  return text;
}

void ExpectOperation(const JsonValue& expected, const LintOperation& operation) {
  EXPECT_EQ(UsesText(operation.reads), UsesText(*expected.Find("reads")));
  EXPECT_EQ(UsesText(operation.writes), UsesText(*expected.Find("writes")));
  const std::vector<JsonValue>& columns = expected.Find("result")->items();
  ASSERT_EQ(operation.result.size(), columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    const ResultColumn& column = operation.result[i];
    EXPECT_EQ(column.name, Text(columns[i], "name"));
    EXPECT_EQ(ResultKindName(column.kind), Text(columns[i], "kind"));
    EXPECT_EQ(column.nullable, columns[i].Find("nullable")->AsBool());
    EXPECT_EQ(column.item_kind ? ResultKindName(*column.item_kind) : "",
              Text(columns[i], "item_kind"));
    const JsonValue* dim = columns[i].Find("vector_dim");
    EXPECT_EQ(column.vector_dim.value_or(0), dim == nullptr ? 0 : dim->AsUint64());
  }
}

void ExpectOutcome(const JsonValue& entry, const LintReport& report) {
  EXPECT_EQ(report.ok() ? "ok" : "error", Text(entry, "expect")) << Complaints(report);
  if (report.ok()) {
    return;
  }
  const std::string complaints = Complaints(report);
  if (const std::string code = Text(entry, "code"); !code.empty()) {
    EXPECT_EQ(CodeOf(complaints), code) << complaints;
  }
  EXPECT_NE(complaints.find(Text(entry, "error_contains")), std::string::npos) << complaints;
  // Two properties are missing there, and the reference names either.
  constexpr std::string_view kTwoTexts = "query-0509";
  const std::string message = Text(entry, "message");
  if (!message.empty() && Text(entry, "id") != kTwoTexts) {
    EXPECT_EQ(complaints, message);
  }
}

TEST(LanguageCases, Queries) {
  const std::vector<JsonValue> cases = Cases("query");
  EXPECT_EQ(cases.size(), 163u);
  for (const JsonValue& entry : cases) {
    SCOPED_TRACE(Text(entry, "id") + ": " + Text(entry, "query"));
    const schema::CatalogPtr catalog = CatalogOf(entry);
    ASSERT_NE(catalog, nullptr);
    const LintReport report = Lint(entry, *catalog);
    ExpectOutcome(entry, report);
    if (const JsonValue* operations = entry.Find("operations"); operations != nullptr) {
      ASSERT_EQ(report.results.size(), operations->items().size());
      for (size_t i = 0; i < report.results.size(); ++i) {
        ASSERT_TRUE(report.results[i].operation.has_value());
        ExpectOperation(operations->items()[i], *report.results[i].operation);
      }
    }
  }
}

TEST(LanguageCases, Lint) {
  const std::vector<JsonValue> cases = Cases("lint");
  EXPECT_EQ(cases.size(), 7u);
  for (const JsonValue& entry : cases) {
    SCOPED_TRACE(Text(entry, "id") + ": " + Text(entry, "query"));
    const schema::CatalogPtr catalog = CatalogOf(entry);
    ASSERT_NE(catalog, nullptr);
    const LintReport report = Lint(entry, *catalog);
    ExpectOutcome(entry, report);
    const JsonValue& counts = *entry.Find("result_counts");
    EXPECT_EQ(report.queries_processed, counts.Find("queries_processed")->AsUint64());
    EXPECT_EQ(report.errors, counts.Find("errors")->AsUint64());
    EXPECT_EQ(report.warnings, counts.Find("warnings")->AsUint64());
    EXPECT_EQ(report.infos, counts.Find("infos")->AsUint64());
    const std::vector<JsonValue>& findings = entry.Find("findings")->items();
    ASSERT_EQ(report.findings.size(), findings.size());
    for (size_t i = 0; i < findings.size(); ++i) {
      EXPECT_EQ(report.findings[i].code, Text(findings[i], "code"));
      EXPECT_EQ(report.findings[i].message, Text(findings[i], "message"));
      EXPECT_EQ(report.findings[i].property, Text(findings[i], "property"));
    }
  }
}

// Every accepted read has a plan, or is refused by name for what no executor can run.
TEST(LanguageCases, AcceptedQueriesHavePlans) {
  int planned = 0;
  for (const JsonValue& entry : Cases("query")) {
    if (Text(entry, "expect") != "ok") {
      continue;
    }
    SCOPED_TRACE(Text(entry, "id") + ": " + Text(entry, "query"));
    const schema::CatalogPtr catalog = CatalogOf(entry);
    const absl::StatusOr<QueryFile> file = ParseQueryFile(Text(entry, "query"));
    ASSERT_TRUE(file.ok()) << file.status();
    for (const Query& query : file->queries) {
      const absl::StatusOr<CheckedQuery> checked = CheckQuery(*catalog, query);
      ASSERT_TRUE(checked.ok()) << checked.status();
      if (query.is_mutation()) {
        planned += PlanMutation(*checked).ok() ? 1 : 0;
        continue;
      }
      const absl::StatusOr<ReadPlan> plan = PlanRead(*catalog, *checked);
      if (plan.ok()) {
        ++planned;
        EXPECT_EQ(plan->projections.size(), checked->result.size());
      } else {
        const std::string text(io::Message(plan.status()));
        EXPECT_TRUE(text.starts_with("unsupported projection expression: ") ||
                    text.starts_with("alias '"))
            << text;
      }
    }
  }
  EXPECT_GE(planned, 55);
}

}  // namespace
}  // namespace og::engine::query
