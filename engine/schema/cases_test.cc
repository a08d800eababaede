// Every schema and migration case of tests/data/lang_cases.jsonl: accept or refuse as the reference
// does, with its text, its hashes, its IR and its migration steps.
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "engine/schema/catalog.h"
#include "engine/schema/contract.h"
#include "engine/schema/identity.h"
#include "engine/schema/ir.h"
#include "engine/schema/migrate.h"
#include "engine/schema/parse.h"
#include "engine/schema/shape.h"
#include "io/base/json_value.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"

namespace og::engine::schema {
namespace {

using io::JsonValue;

constexpr std::string_view kDomain = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

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

std::string Field(const JsonValue& entry, std::string_view name) {
  const JsonValue* value = entry.Find(name);
  return value == nullptr ? std::string() : value->string();
}

absl::StatusOr<SchemaShape> Shape(const std::string& text) {
  OG_ASSIGN_OR_RETURN(const SchemaSource source, ParseSchema(text));
  OG_RETURN_IF_ERROR(BuildCatalog(source).status());
  return CompileShape(source);
}

absl::StatusOr<SchemaIr> Compile(const std::string& text) {
  OG_ASSIGN_OR_RETURN(const SchemaShape shape, Shape(text));
  OG_ASSIGN_OR_RETURN(SchemaResolution resolution, InitializeIr(kDomain, shape));
  return std::move(resolution.ir);
}

// The category that the text of an error starts with, as the cases call it.
std::string CodeOf(const absl::Status& status) {
  const std::string_view text = io::Message(status);
  return text.starts_with("parse error:")     ? "SCHEMA_PARSE"
         : text.starts_with("catalog error:") ? "SCHEMA_CATALOG"
                                              : "SCHEMA_IDENTITY";
}

void ExpectError(const JsonValue& entry, const absl::Status& status) {
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(CodeOf(status), Field(entry, "code")) << status.message();
  const std::string text(io::Message(status));
  EXPECT_NE(text.find(Field(entry, "error_contains")), std::string::npos) << text;
  if (const std::string message = Field(entry, "message"); !message.empty()) {
    EXPECT_EQ(text, message);
  }
}

// `value` with sorted keys, for comparison with the cases.
void WriteSorted(const JsonValue& value, io::JsonWriter& out) {
  switch (value.kind()) {
    case JsonValue::Kind::kObject: {
      std::vector<const JsonValue::Member*> members;
      for (const JsonValue::Member& member : value.members()) {
        members.push_back(&member);
      }
      std::sort(members.begin(), members.end(),
                [](const auto* a, const auto* b) { return a->first < b->first; });
      out.BeginObject();
      for (const JsonValue::Member* member : members) {
        out.Key(member->first);
        WriteSorted(member->second, out);
      }
      out.EndObject();
      return;
    }
    case JsonValue::Kind::kArray:
      out.BeginArray();
      for (const JsonValue& item : value.items()) {
        WriteSorted(item, out);
      }
      out.EndArray();
      return;
    case JsonValue::Kind::kString:
      out.String(value.string());
      return;
    case JsonValue::Kind::kBool:
      out.Bool(*value.AsBool());
      return;
    case JsonValue::Kind::kNull:
      out.Null();
      return;
    default:
      out.Float(*value.AsDouble());
  }
}

std::string Sorted(const JsonValue& value) {
  io::JsonWriter out;
  WriteSorted(value, out);
  return std::move(out).Finish();
}

TEST(SchemaCasesTest, Schemas) {
  const std::vector<JsonValue> cases = Cases("schema");
  ASSERT_EQ(cases.size(), 98u);
  std::map<std::string, std::string> group_hash;
  for (const JsonValue& entry : cases) {
    SCOPED_TRACE(Field(entry, "id") + ": " + Field(entry, "schema"));
    const absl::StatusOr<SchemaIr> ir = Compile(Field(entry, "schema"));
    if (Field(entry, "expect") == "error") {
      ExpectError(entry, ir.status());
      continue;
    }
    ASSERT_TRUE(ir.ok()) << ir.status().message();
    EXPECT_EQ(IrHash(*ir), Field(entry, "ir_hash"));
    EXPECT_EQ(ShapeHash(ShapeOfIr(*ir)), Field(entry, "shape_hash"));
    EXPECT_EQ(ShapeHash(*Shape(Field(entry, "schema"))), Field(entry, "shape_hash"));
    if (const std::string json = Field(entry, "ir_json"); !json.empty()) {
      EXPECT_EQ(CompactIrJson(*ir), json);
    }
    if (const std::string group = Field(entry, "group"); !group.empty()) {
      EXPECT_EQ(group_hash.try_emplace(group, IrHash(*ir)).first->second, IrHash(*ir));
    }

    const absl::StatusOr<SchemaIr> reread = ParseIr(PrettyIrJson(*ir));
    ASSERT_TRUE(reread.ok()) << reread.status().message();
    EXPECT_EQ(*reread, *ir);
    EXPECT_TRUE(CatalogFromIr(*ir).ok());
    EXPECT_TRUE(OpenContract({.source = Field(entry, "schema"),
                              .ir_json = PrettyIrJson(*ir),
                              .state_json = StateJson(StateOf(*ir))})
                    .ok());
  }
}

TEST(SchemaCasesTest, Migrations) {
  const std::vector<JsonValue> cases = Cases("migration");
  ASSERT_EQ(cases.size(), 41u);
  for (const JsonValue& entry : cases) {
    SCOPED_TRACE(Field(entry, "id") + ": " + Field(entry, "desired_schema"));
    const absl::StatusOr<SchemaIr> accepted = Compile(Field(entry, "schema"));
    ASSERT_TRUE(accepted.ok());
    const absl::StatusOr<SchemaShape> shape = Shape(Field(entry, "desired_schema"));
    const absl::StatusOr<SchemaResolution> desired =
        shape.ok() ? ResolveIr(*accepted, *shape) : shape.status();
    const std::string code = Field(entry, "code");
    if (code.starts_with("SCHEMA_")) {
      ExpectError(entry, desired.status());
      continue;
    }
    ASSERT_TRUE(desired.ok()) << desired.status().message();
    if (const std::string hash = Field(entry, "desired_ir_hash"); !hash.empty()) {
      EXPECT_EQ(IrHash(desired->ir), hash);
    }
    const absl::StatusOr<MigrationPlan> plan = PlanMigration(*accepted, desired->ir);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_EQ(plan->supported(), Field(entry, "expect") == "ok");
    io::JsonWriter out;
    WritePlan(*plan, "file:///g", out);
    const absl::StatusOr<JsonValue> document = JsonValue::Parse(std::move(out).Finish());
    ASSERT_TRUE(document.ok());
    EXPECT_EQ(Sorted(*document->Find("steps")), Sorted(*entry.Find("steps")));
    if (!plan->supported()) {
      const std::string refusal = plan->RefusalText();
      EXPECT_TRUE(Field(entry, "message").starts_with(refusal)) << refusal;
      EXPECT_EQ(code.starts_with("OG-"), refusal.starts_with("[" + code + "] "));
    }
  }
}

}  // namespace
}  // namespace og::engine::schema
