#include "cli/render/schema_plan.h"

#include <optional>
#include <vector>

#include "io/base/json_writer.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::schema::Annotation;
using engine::schema::MigrationPlan;
using engine::schema::MigrationStep;
using engine::schema::PropType;
using engine::schema::StepKind;

std::string TypeText(const PropType& type) {
  PropType scalar;
  scalar.scalar = type.scalar;
  scalar.vector_dim = type.vector_dim;
  std::string text = type.enum_values.has_value()
                         ? io::StrCat("Enum(", io::Join(*type.enum_values, "|"), ")")
                         : scalar.ToString();
  if (type.list) text = io::StrCat("[", text, "]");
  return type.nullable ? text + "?" : text;
}

std::string AnnotationsText(const std::vector<Annotation>& annotations) {
  std::vector<std::string> texts;
  for (const Annotation& annotation : annotations) {
    std::vector<std::string> arguments;
    if (annotation.value) arguments.push_back(io::StrCat("\"", *annotation.value, "\""));
    for (const auto& [key, value] : annotation.kwargs)
      arguments.push_back(io::StrCat(key, "=\"", value, "\""));
    texts.push_back(arguments.empty()
                        ? io::StrCat("@", annotation.name)
                        : io::StrCat("@", annotation.name, "(", io::Join(arguments, ", "), ")"));
  }
  return io::Join(texts, ", ");
}

// How much a change that has this code endangers.
std::string_view TierOf(std::string_view code) {
  return code == "OG-MF-103" ? "validated" : "destructive";
}

// "node 'T'".
std::string TypeOf(const MigrationStep& step) {
  return io::StrCat(step.type_kind, " '", step.type_name, "'");
}

std::string PropertyOf(const MigrationStep& step, std::string_view name) {
  return io::StrCat("property '", step.type_name, ".", name, "'");
}

std::string_view ModeOf(const MigrationStep& step) {
  return step.hard ? " (hard mode)" : " (soft mode)";
}

std::string StepText(const MigrationStep& step) {
  switch (step.kind) {
    case StepKind::kAddType:
      return io::StrCat("add ", step.type_kind, " type '", step.type_name, "'");
    case StepKind::kRenameType:
      return io::StrCat("rename ", step.type_kind, " type '", step.from, "' -> '", step.to, "'");
    case StepKind::kAddProperty:
      return io::StrCat("add ", PropertyOf(step, step.property), " (", TypeText(step.property_type),
                        ") on ", TypeOf(step));
    case StepKind::kRenameProperty:
      return io::StrCat("rename ", PropertyOf(step, step.from), " -> '", step.type_name, ".",
                        step.to, "' on ", TypeOf(step));
    case StepKind::kAddConstraint:
      return io::StrCat("add constraint @index(", io::Join(step.constraint.columns, ", "), ") on ",
                        TypeOf(step));
    case StepKind::kExtendEnum:
      return io::StrCat("extend enum '", step.type_name, ".", step.property, "' (+",
                        io::Join(step.added_values, ", +"), ") on ", TypeOf(step));
    case StepKind::kUpdateTypeMetadata:
      return io::StrCat("update metadata on ", TypeOf(step), " (",
                        AnnotationsText(step.annotations), ")");
    case StepKind::kUpdatePropertyMetadata:
      return io::StrCat("update metadata on ", PropertyOf(step, step.property), " of ",
                        TypeOf(step), " (", AnnotationsText(step.annotations), ")");
    case StepKind::kDropType:
      return io::StrCat("drop ", step.type_kind, " type '", step.type_name, "'", ModeOf(step));
    case StepKind::kDropProperty:
      return io::StrCat("drop ", PropertyOf(step, step.property), " of ", TypeOf(step),
                        ModeOf(step));
    case StepKind::kUnsupportedChange:
      break;
  }
  const std::string code =
      step.code.empty() ? "" : io::StrCat(" [", step.code, ", ", TierOf(step.code), "]");
  return io::StrCat("unsupported change on ", step.entity, code, ": ", step.reason);
}

std::string StepLines(const MigrationPlan& plan) {
  if (plan.steps.empty()) return "no schema changes\n";
  std::string text;
  for (const MigrationStep& step : plan.steps)
    text += io::StrCat("- ", StepText(step), "\n");
  return text;
}

}  // namespace

std::string SchemaPlanJson(const MigrationPlan& plan, std::string_view uri) {
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  WritePlan(plan, uri, json);
  return std::move(json).Finish() + "\n";
}

std::string SchemaPlanText(const MigrationPlan& plan, std::string_view uri) {
  return io::StrCat("schema plan for ", uri, "\nsupported: ", plan.supported() ? "yes" : "no", "\n",
                    StepLines(plan));
}

std::string SchemaApplyJson(const engine::graph::SchemaApplyResult& result, std::string_view uri) {
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginObject();
  json.Key("uri");
  json.String(uri);
  json.Key("supported");
  json.Bool(result.plan.supported());
  json.Key("applied");
  json.Bool(result.applied);
  json.Key("step_count");
  json.Uint(result.plan.steps.size());
  json.Key("graph_manifest_version");
  json.Uint(result.graph_manifest_version);
  json.Key("steps");
  json.BeginArray();
  for (const MigrationStep& step : result.plan.steps)
    WriteStep(step, json);
  json.EndArray();
  json.EndObject();
  return std::move(json).Finish() + "\n";
}

std::string SchemaApplyText(const engine::graph::SchemaApplyResult& result, std::string_view uri) {
  return io::StrCat(
      "schema apply for ", uri, "\nsupported: ", result.plan.supported() ? "yes" : "no",
      "\napplied: ", result.applied ? "yes" : "no",
      "\ngraph_manifest_version: ", result.graph_manifest_version, "\n", StepLines(result.plan));
}

}  // namespace og::cli
