#include "engine/query/lint.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "engine/query/parse.h"
#include "io/base/error_detail.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::engine::query {
namespace {

using io::JsonWriter;

// What the valid updates of one node type assign.
struct UpdateCoverage {
  std::set<std::string> query_names;
  std::set<std::string> properties;
};

using Coverage = std::map<std::string, UpdateCoverage>;

void Cover(const Query& query, Coverage& coverage) {
  for (const Mutation& mutation : query.mutations) {
    if (mutation.kind != MutationKind::kUpdate) {
      continue;
    }
    UpdateCoverage& covered = coverage[mutation.type_name];
    covered.query_names.insert(query.name);
    for (const PropertyValue& assignment : mutation.assignments) {
      covered.properties.insert(assignment.property);
    }
  }
}

LintResult LintQuery(const schema::Catalog& catalog, const Query& query, Coverage& coverage) {
  LintResult result;
  result.name = query.name;
  result.is_mutation = query.is_mutation();
  if (query.is_mutation() && query.params.empty()) {
    result.warnings.emplace_back(
        "mutation declares no params; hardcoded mutations are easy to miss");
  }
  absl::StatusOr<CheckedQuery> checked = CheckQuery(catalog, query);
  if (!checked.ok()) {
    result.error = std::string(io::Message(checked.status()));
    const std::optional<io::ErrorDetail> detail = io::DetailOf(checked.status());
    result.error_offset = detail ? io::ParseUint64(detail->field("offset")) : std::nullopt;
    return result;
  }
  Cover(query, coverage);
  result.operation = LintOperation{.result = std::move(checked->result),
                                   .reads = std::move(checked->reads),
                                   .writes = std::move(checked->writes)};
  return result;
}

// L201: updates exist, and none of them sets a property that could be set.
std::vector<LintFinding> UnsetProperties(const schema::Catalog& catalog, const Coverage& coverage) {
  std::vector<LintFinding> findings;
  for (const auto& [type_name, covered] : coverage) {
    const schema::NodeType* node = catalog.FindNode(type_name);
    for (size_t i = 0; i < node->properties.size(); ++i) {
      const schema::Property& property = node->properties[i];
      const bool is_key = std::find(node->key.begin(), node->key.end(), i) != node->key.end();
      if (!property.type.nullable || is_key || property.embed ||
          covered.properties.contains(property.name)) {
        continue;
      }
      findings.push_back({.severity = LintSeverity::kWarning,
                          .code = "L201",
                          .message = io::StrCat(type_name, ".", property.name,
                                                " exists in schema but no update query sets it"),
                          .type_name = type_name,
                          .property = property.name,
                          .query_names = {covered.query_names.begin(), covered.query_names.end()}});
    }
  }
  std::sort(findings.begin(), findings.end(), [](const LintFinding& a, const LintFinding& b) {
    return std::tie(a.severity, a.type_name, a.property, a.message) <
           std::tie(b.severity, b.type_name, b.property, b.message);
  });
  return findings;
}

void Count(LintReport& report) {
  report.queries_processed = report.results.size();
  for (const LintResult& result : report.results) {
    report.errors += result.error ? 1 : 0;
    report.warnings += result.warnings.size();
  }
  for (const LintFinding& finding : report.findings) {
    switch (finding.severity) {
      case LintSeverity::kError:
        ++report.errors;
        break;
      case LintSeverity::kWarning:
        ++report.warnings;
        break;
      case LintSeverity::kInfo:
        ++report.infos;
        break;
    }
  }
}

std::string_view SeverityName(LintSeverity severity) {
  switch (severity) {
    case LintSeverity::kError:
      return "error";
    case LintSeverity::kWarning:
      return "warning";
    case LintSeverity::kInfo:
      return "info";
  }
  return "";
}

void WriteStrings(JsonWriter& json, std::string_view key, const std::vector<std::string>& values) {
  if (values.empty()) {
    return;
  }
  json.Key(key);
  json.BeginArray();
  for (const std::string& value : values) {
    json.String(value);
  }
  json.EndArray();
}

void WriteText(JsonWriter& json, std::string_view key, std::string_view value) {
  json.Key(key);
  json.String(value);
}

void WriteUses(JsonWriter& json, std::string_view key, const std::vector<TypeUse>& uses) {
  json.Key(key);
  json.BeginArray();
  for (const TypeUse& use : uses) {
    json.BeginObject();
    WriteText(json, "kind", use.is_edge ? "edge" : "node");
    WriteText(json, "type_name", use.type_name);
    json.EndObject();
  }
  json.EndArray();
}

void WriteOperation(JsonWriter& json, const LintOperation& operation) {
  json.BeginObject();
  json.Key("result");
  json.BeginArray();
  for (const ResultColumn& column : operation.result) {
    json.BeginObject();
    WriteText(json, "name", column.name);
    WriteText(json, "kind", ResultKindName(column.kind));
    if (column.item_kind) {
      WriteText(json, "item_kind", ResultKindName(*column.item_kind));
    }
    if (column.vector_dim) {
      json.Key("vector_dim");
      json.Uint(*column.vector_dim);
    }
    json.Key("nullable");
    json.Bool(column.nullable);
    json.EndObject();
  }
  json.EndArray();
  WriteUses(json, "reads", operation.reads);
  WriteUses(json, "writes", operation.writes);
  json.EndObject();
}

void WriteResult(JsonWriter& json, const LintResult& result) {
  json.BeginObject();
  WriteText(json, "name", result.name);
  WriteText(json, "kind", result.is_mutation ? "mutation" : "read");
  WriteText(json, "status", result.error ? "error" : "ok");
  WriteStrings(json, "warnings", result.warnings);
  if (result.error) {
    WriteText(json, "error", *result.error);
  }
  if (result.operation) {
    json.Key("operation");
    WriteOperation(json, *result.operation);
  }
  json.EndObject();
}

void WriteFinding(JsonWriter& json, const LintFinding& finding) {
  json.BeginObject();
  WriteText(json, "severity", SeverityName(finding.severity));
  WriteText(json, "code", finding.code);
  WriteText(json, "message", finding.message);
  if (!finding.type_name.empty()) {
    WriteText(json, "type_name", finding.type_name);
  }
  if (!finding.property.empty()) {
    WriteText(json, "property", finding.property);
  }
  WriteStrings(json, "query_names", finding.query_names);
  json.EndObject();
}

void WriteCount(JsonWriter& json, std::string_view key, size_t count) {
  json.Key(key);
  json.Uint(count);
}

}  // namespace

LintReport LintQueryFile(const schema::Catalog& catalog, std::string_view source,
                         std::string query_path, LintSchemaSource schema_source) {
  LintReport report;
  report.schema_source = std::move(schema_source);
  report.query_path = std::move(query_path);
  const absl::StatusOr<QueryFile> file = ParseQueryFile(source);
  if (file.ok()) {
    Coverage coverage;
    for (const Query& query : file->queries) {
      report.results.push_back(LintQuery(catalog, query, coverage));
    }
    report.findings = UnsetProperties(catalog, coverage);
  } else {
    report.findings.push_back({.severity = LintSeverity::kError,
                               .code = "Q000",
                               .message = std::string(io::Message(file.status())),
                               .type_name = "",
                               .property = "",
                               .query_names = {}});
  }
  Count(report);
  return report;
}

std::string LintJson(const LintReport& report) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  WriteText(json, "status", report.ok() ? "ok" : "error");
  json.Key("schema_source");
  json.BeginObject();
  const bool is_file = report.schema_source.kind == LintSchemaSource::Kind::kFile;
  WriteText(json, "kind", is_file ? "file" : "graph");
  WriteText(json, is_file ? "path" : "uri", report.schema_source.location);
  json.EndObject();
  WriteText(json, "query_path", report.query_path);
  WriteCount(json, "queries_processed", report.queries_processed);
  WriteCount(json, "errors", report.errors);
  WriteCount(json, "warnings", report.warnings);
  WriteCount(json, "infos", report.infos);
  json.Key("results");
  json.BeginArray();
  for (const LintResult& result : report.results) {
    WriteResult(json, result);
  }
  json.EndArray();
  json.Key("findings");
  json.BeginArray();
  for (const LintFinding& finding : report.findings) {
    WriteFinding(json, finding);
  }
  json.EndArray();
  json.EndObject();
  return std::move(json).Finish();
}

}  // namespace og::engine::query
