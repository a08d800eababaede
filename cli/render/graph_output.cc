#include "cli/render/graph_output.h"

#include <optional>

#include "cli/render/error_text.h"
#include "cli/render/json_fields.h"
#include "io/base/json_writer.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::graph::CommitInfo;
using engine::graph::DatasetInfo;
using engine::graph::LoadedType;
using engine::query::LintFinding;
using engine::query::LintResult;
using engine::query::LintSeverity;
using io::JsonWriter;

void WriteCommit(JsonWriter& json, const CommitInfo& commit) {
  json.BeginObject();
  Write(json, "graph_commit_id", std::string_view(commit.graph_commit_id));
  Write(json, "graph_branch", commit.graph_branch);
  Write(json, "graph_manifest_version", commit.graph_manifest_version);
  Write(json, "parent_commit_id", commit.parent_commit_id);
  Write(json, "merged_parent_commit_id", commit.merged_parent_commit_id);
  Write(json, "actor_id", commit.actor_id);
  json.Key("created_at");
  json.Int(commit.created_at_us);
  json.EndObject();
}

std::string_view KindOf(const DatasetInfo& dataset) {
  return dataset.is_edge ? "edge" : "node";
}

void WriteTypes(JsonWriter& json, std::string_view key, const std::vector<LoadedType>& types) {
  json.Key(key);
  json.BeginArray();
  for (const LoadedType& type : types) {
    json.BeginObject();
    Write(json, "name", std::string_view(type.name));
    Write(json, "entities_loaded", type.entities_loaded);
    json.EndObject();
  }
  json.EndArray();
}

std::string OptionalLine(std::string_view name, const std::optional<std::string>& value) {
  return value ? io::StrCat(name, ": ", *value, "\n") : "";
}

std::string_view SeverityWord(LintSeverity severity) {
  switch (severity) {
    case LintSeverity::kError:
      return "ERROR";
    case LintSeverity::kWarning:
      return "WARN ";
    case LintSeverity::kInfo:
      return "INFO ";
  }
  return "";
}

}  // namespace

std::string SnapshotJson(const engine::graph::SnapshotInfo& snapshot) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  Write(json, "graph_branch", std::string_view(snapshot.graph_branch));
  Write(json, "graph_manifest_version", snapshot.graph_manifest_version);
  Write(json, "internal_schema_version", uint64_t{snapshot.internal_schema_version});
  json.Key("datasets");
  json.BeginArray();
  for (const DatasetInfo& dataset : snapshot.datasets) {
    json.BeginObject();
    Write(json, "entity_kind", KindOf(dataset));
    Write(json, "type_name", std::string_view(dataset.type_name));
    Write(json, "dataset_path", std::string_view(dataset.dataset_path));
    Write(json, "published_dataset_version", dataset.published_dataset_version);
    Write(json, "native_dataset_branch", dataset.native_dataset_branch);
    Write(json, "entity_count", dataset.entity_count);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return Document(std::move(json));
}

std::string SnapshotText(const engine::graph::SnapshotInfo& snapshot) {
  std::string text =
      io::StrCat("graph_branch: ", snapshot.graph_branch,
                 "\ngraph_manifest_version: ", snapshot.graph_manifest_version,
                 "\ninternal_schema_version: ", snapshot.internal_schema_version, "\n");
  for (const DatasetInfo& dataset : snapshot.datasets) {
    text += io::StrCat(KindOf(dataset), " type '", dataset.type_name,
                       "' published_dataset_version=", dataset.published_dataset_version,
                       " native_dataset_branch=", dataset.native_dataset_branch.value_or("main"),
                       " entities=", dataset.entity_count, "\n");
  }
  return text;
}

std::string CommitJson(const CommitInfo& commit) {
  JsonWriter json(JsonWriter::Style::kPretty);
  WriteCommit(json, commit);
  return Document(std::move(json));
}

std::string CommitText(const CommitInfo& commit) {
  return io::StrCat("graph_commit_id: ", commit.graph_commit_id,
                    "\ngraph_branch: ", commit.graph_branch.value_or("main"),
                    "\ngraph_manifest_version: ", commit.graph_manifest_version, "\n",
                    OptionalLine("parent_commit_id", commit.parent_commit_id),
                    OptionalLine("merged_parent_commit_id", commit.merged_parent_commit_id),
                    OptionalLine("actor_id", commit.actor_id), "created_at: ", commit.created_at_us,
                    "\n");
}

std::string BranchListJson(std::span<const std::string> branches) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  json.Key("branches");
  json.BeginArray();
  for (const std::string& branch : branches) {
    json.String(branch);
  }
  json.EndArray();
  json.EndObject();
  return Document(std::move(json));
}

std::string BranchListText(std::span<const std::string> branches) {
  std::string text;
  for (const std::string& branch : branches) {
    text.append(branch).push_back('\n');
  }
  return text;
}

std::string CommitListJson(std::span<const CommitInfo> commits) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  json.Key("commits");
  json.BeginArray();
  for (const CommitInfo& commit : commits) {
    WriteCommit(json, commit);
  }
  json.EndArray();
  json.EndObject();
  return Document(std::move(json));
}

std::string CommitListText(std::span<const CommitInfo> commits) {
  std::string text;
  for (const CommitInfo& commit : commits) {
    text +=
        io::StrCat(commit.graph_commit_id, " graph_branch=", commit.graph_branch.value_or("main"),
                   " graph_manifest_version=", commit.graph_manifest_version,
                   commit.actor_id ? io::StrCat(" actor=", *commit.actor_id) : "", "\n");
  }
  return text;
}

std::string LoadJson(const LoadReport& load) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  Write(json, "uri", std::string_view(load.uri));
  Write(json, "branch", std::string_view(load.branch));
  Write(json, "mode", std::string_view(load.mode));
  if (load.base_branch.has_value()) Write(json, "base_branch", std::string_view(*load.base_branch));
  json.Key("branch_created");
  json.Bool(load.result.branch_created);
  WriteTypes(json, "nodes", load.result.nodes);
  WriteTypes(json, "edges", load.result.edges);
  Write(json, "total_entities", load.result.total_entities);
  json.Key("commit");
  WriteCommit(json, load.result.commit);
  json.EndObject();
  return Document(std::move(json));
}

std::string LoadText(const LoadReport& load) {
  return io::StrCat("loaded ", load.uri, " on branch ", load.branch, " with ", load.mode, ": ",
                    load.result.total_entities, " entities across ", load.result.nodes.size(),
                    " node types and ", load.result.edges.size(), " edge types\n");
}

std::string ChangeJson(const ChangeReport& change) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  Write(json, "branch", std::string_view(change.branch));
  Write(json, "query_name", std::string_view(change.query_name));
  Write(json, "affected_nodes", change.result.affected_nodes);
  Write(json, "affected_edges", change.result.affected_edges);
  Write(json, "actor_id", change.actor_id);
  json.Key("commit");
  if (change.result.commit) {
    WriteCommit(json, *change.result.commit);
  } else {
    json.Null();
  }
  json.EndObject();
  return Document(std::move(json));
}

std::string ChangeText(const ChangeReport& change) {
  return io::StrCat("changed ", change.branch, " via ", change.query_name, ": ",
                    change.result.affected_nodes, " nodes, ", change.result.affected_edges,
                    " edges\n", OptionalLine("actor_id", change.actor_id));
}

std::string SchemaJson(std::string_view schema_source) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  Write(json, "schema_source", schema_source);
  json.EndObject();
  return Document(std::move(json));
}

std::string LintText(const engine::query::LintReport& report, std::string_view source) {
  std::string text;
  for (const LintResult& result : report.results) {
    text += result.error ? io::StrCat("ERROR query `", result.name, "`: ", *result.error, "\n")
                         : io::StrCat("OK    query `", result.name, "` (",
                                      result.is_mutation ? "mutation" : "read", ")\n");
    if (result.error_offset) {
      text +=
          io::StrCat("      at ", PlaceIn(source, report.query_path, *result.error_offset), "\n");
    }
    for (const std::string& warning : result.warnings) {
      text += io::StrCat("WARN  query `", result.name, "`: ", warning, "\n");
    }
  }
  for (const LintFinding& finding : report.findings) {
    text += io::StrCat(SeverityWord(finding.severity), " ", finding.message, "\n");
  }
  return io::StrCat(text, "INFO  Lint complete: ", report.queries_processed, " queries processed (",
                    report.errors, " error(s), ", report.warnings, " warning(s), ", report.infos,
                    " info item(s))\n");
}

}  // namespace og::cli
