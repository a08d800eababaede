// Every line of tests/data/lang_variants.jsonl: generated schemas, migrations, queries and
// parameters, most of them wrong in one place, each with the whole answer of omnigraph-compiler
// 0.10.0. Ours is the same: IR bytes, hashes, steps, lint report, the text of every error. Of
// syntax errors only the place is compared, since what is expected there is no interface.
#include <fstream>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"

#include "engine/query/lint.h"
#include "engine/query/params.h"
#include "engine/query/parse.h"
#include "engine/schema/catalog.h"
#include "engine/schema/identity.h"
#include "engine/schema/ir.h"
#include "engine/schema/migrate.h"
#include "engine/schema/parse.h"
#include "engine/schema/shape.h"
#include "io/base/json_value.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::query {
namespace {

using io::JsonValue;
using io::JsonWriter;

std::string Text(const JsonValue& entry, std::string_view name) {
  const JsonValue* value = entry.Find(name);
  return value == nullptr ? std::string() : value->string();
}

// "parse error: L:C" for a syntax error, `text` for any other.
std::string Essence(std::string_view text) {
  constexpr std::string_view kArrow = " --> ";
  const size_t arrow = text.find(kArrow);
  if (!text.starts_with("parse error: ") || arrow == std::string_view::npos) {
    return std::string(text);
  }
  const size_t begin = arrow + kArrow.size();
  return io::StrCat("parse error: ", text.substr(begin, text.find('\n', begin) - begin));
}

void WriteEssence(const JsonValue& value, JsonWriter& out) {
  switch (value.kind()) {
    case JsonValue::Kind::kObject:
      out.BeginObject();
      for (const auto& [name, member] : value.members()) {
        out.Key(name);
        WriteEssence(member, out);
      }
      out.EndObject();
      return;
    case JsonValue::Kind::kArray:
      out.BeginArray();
      for (const JsonValue& item : value.items())
        WriteEssence(item, out);
      out.EndArray();
      return;
    case JsonValue::Kind::kString:
      out.String(Essence(value.string()));
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

std::string EssenceOf(const JsonValue& value) {
  JsonWriter out;
  WriteEssence(value, out);
  return std::move(out).Finish();
}

absl::StatusOr<schema::SchemaShape> Shape(const std::string& text) {
  OG_ASSIGN_OR_RETURN(const schema::SchemaSource source, schema::ParseSchema(text));
  OG_RETURN_IF_ERROR(schema::BuildCatalog(source).status());
  return schema::CompileShape(source);
}

absl::StatusOr<schema::SchemaIr> Compile(const std::string& text) {
  OG_ASSIGN_OR_RETURN(const schema::SchemaShape shape, Shape(text));
  OG_ASSIGN_OR_RETURN(schema::SchemaResolution resolution,
                      schema::InitializeIr("01ARZ3NDEKTSV4RRFFQ69G5FAV", shape));
  return std::move(resolution.ir);
}

absl::Status AnswerSchema(const JsonValue& entry, JsonWriter& out) {
  OG_ASSIGN_OR_RETURN(const schema::SchemaIr ir, Compile(Text(entry, "schema")));
  OG_RETURN_IF_ERROR(schema::CatalogFromIr(ir).status());
  OG_ASSIGN_OR_RETURN(const schema::SchemaShape shape, Shape(Text(entry, "schema")));
  out.BeginObject();
  out.Key("ir_json");
  out.String(schema::CompactIrJson(ir));
  out.Key("ir_hash");
  out.String(schema::IrHash(ir));
  out.Key("shape_hash");
  out.String(schema::ShapeHash(shape));
  out.EndObject();
  return absl::OkStatus();
}

absl::Status AnswerMigration(const JsonValue& entry, JsonWriter& out) {
  OG_ASSIGN_OR_RETURN(const schema::SchemaIr accepted, Compile(Text(entry, "schema")));
  OG_ASSIGN_OR_RETURN(const schema::SchemaShape shape, Shape(Text(entry, "desired_schema")));
  OG_ASSIGN_OR_RETURN(const schema::SchemaResolution desired, schema::ResolveIr(accepted, shape));
  OG_ASSIGN_OR_RETURN(const schema::MigrationPlan plan,
                      schema::PlanMigration(accepted, desired.ir));
  out.BeginObject();
  out.Key("steps");
  out.BeginArray();
  for (const schema::MigrationStep& step : plan.steps)
    schema::WriteStep(step, out);
  out.EndArray();
  out.Key("supported");
  out.Bool(plan.supported());
  out.Key("message");
  out.String(plan.supported() ? "" : plan.RefusalText());
  out.Key("desired_ir_hash");
  out.String(schema::IrHash(desired.ir));
  out.EndObject();
  return absl::OkStatus();
}

void WriteLiteral(const Literal& literal, JsonWriter& out) {
  switch (literal.kind) {
    case LiteralKind::kNull:
      return out.Null();
    case LiteralKind::kInteger:
      return out.Int(literal.integer);
    case LiteralKind::kFloat:
      return out.Float(literal.number);
    case LiteralKind::kBool:
      return out.Bool(literal.flag);
    case LiteralKind::kString:
    case LiteralKind::kDate:
    case LiteralKind::kDateTime:
      return out.String(literal.text);
    case LiteralKind::kList:
      break;
  }
  out.BeginArray();
  for (const Literal& item : literal.items)
    WriteLiteral(item, out);
  out.EndArray();
}

absl::Status AnswerParams(const JsonValue& entry, JsonWriter& out) {
  OG_ASSIGN_OR_RETURN(const QueryFile file, ParseQueryFile(Text(entry, "query")));
  OG_ASSIGN_OR_RETURN(const ParamValues values,
                      BindParams(file.queries.front(), *entry.Find("params")));
  out.BeginObject();
  for (const auto& [name, literal] : values) {
    out.Key(name);
    WriteLiteral(literal, out);
  }
  out.EndObject();
  return absl::OkStatus();
}

absl::StatusOr<std::string> Answer(const JsonValue& entry) {
  const std::string kind = Text(entry, "kind");
  JsonWriter out;
  if (kind == "schema") {
    OG_RETURN_IF_ERROR(AnswerSchema(entry, out));
  } else if (kind == "migration") {
    OG_RETURN_IF_ERROR(AnswerMigration(entry, out));
  } else if (kind == "params") {
    OG_RETURN_IF_ERROR(AnswerParams(entry, out));
  } else {
    OG_ASSIGN_OR_RETURN(const schema::CatalogPtr catalog,
                        schema::CatalogFromText(Text(entry, "schema")));
    return LintJson(LintQueryFile(*catalog, Text(entry, "query"), "q.gq",
                                  {.kind = LintSchemaSource::Kind::kFile, .location = "s.pg"}));
  }
  return std::move(out).Finish();
}

TEST(LanguageVariants, AnswerAsTheReferenceDoes) {
  std::ifstream file("tests/data/lang_variants.jsonl");
  int num_cases = 0;
  for (std::string line; std::getline(file, line);) {
    ++num_cases;
    SCOPED_TRACE(line);
    const absl::StatusOr<JsonValue> entry = JsonValue::Parse(line);
    ASSERT_TRUE(entry.ok()) << entry.status();
    const absl::StatusOr<std::string> answer = Answer(*entry);
    if (const JsonValue* error = entry->Find("error"); error != nullptr) {
      ASSERT_FALSE(answer.ok()) << *answer;
      EXPECT_EQ(Essence(io::Message(answer.status())), Essence(error->string()));
      continue;
    }
    ASSERT_TRUE(answer.ok()) << answer.status();
    const absl::StatusOr<JsonValue> ours = JsonValue::Parse(*answer);
    ASSERT_TRUE(ours.ok()) << ours.status();
    EXPECT_EQ(EssenceOf(*ours), EssenceOf(*entry->Find("ok")));
  }
  EXPECT_GE(num_cases, 400);
}

}  // namespace
}  // namespace og::engine::query
