#include "cli/render/maintenance_output.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "cli/render/json_fields.h"
#include "io/base/json_writer.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::graph::CleanedTable;
using engine::graph::OptimizedTable;
using engine::graph::PendingIndex;
using engine::graph::RepairAction;
using engine::graph::RepairedTable;
using engine::graph::Severity;
using engine::graph::VerifyFinding;
using io::JsonWriter;

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

// "node type 'T'".
std::string SubjectOf(std::string_view table_key) {
  const size_t colon = table_key.find(':');
  if (colon == std::string_view::npos) return std::string(table_key);
  return io::StrCat(table_key.substr(0, colon), " type '", table_key.substr(colon + 1), "'");
}

std::string_view SeverityName(Severity severity) {
  return severity == Severity::kDamage ? "damage" : "notice";
}

}  // namespace

size_t NumRefused(const engine::graph::RepairResult& result) {
  return static_cast<size_t>(
      std::ranges::count(result.tables, RepairAction::kRefused, &RepairedTable::action));
}

std::string OptimizeJson(std::string_view uri, const engine::graph::OptimizeResult& result) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  Write(json, "uri", uri);
  json.Key("datasets");
  json.BeginArray();
  for (const OptimizedTable& table : result.tables) {
    json.BeginObject();
    Write(json, "type_key", std::string_view(table.table_key));
    Write(json, "fragments_removed", table.fragments_removed);
    Write(json, "fragments_added", table.fragments_added);
    WriteFlag(json, "committed", table.committed);
    json.Key("skipped");
    table.is_skipped() ? json.String("drift_needs_repair") : json.Null();
    Write(json, "published_dataset_version", table.published_version);
    Write(json, "lance_head_version", table.head_version);
    json.Key("pending_indexes");
    json.BeginArray();
    for (const PendingIndex& index : table.pending_indexes) {
      json.BeginObject();
      Write(json, "property", std::string_view(index.property));
      Write(json, "reason", std::string_view(index.reason));
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return Document(std::move(json));
}

std::string OptimizeText(std::string_view uri, const engine::graph::OptimizeResult& result) {
  std::string text = io::StrCat("optimize ", uri, " — ", result.tables.size(), " datasets\n");
  for (const OptimizedTable& table : result.tables) {
    const bool is_type = table.table_key.find(':') != std::string::npos;
    const std::string subject =
        is_type ? SubjectOf(table.table_key) : io::StrCat("dataset '", table.table_key, "'");
    text += io::StrCat("  ", Padded(subject, 40), " ");
    if (table.is_skipped()) {
      text += "skipped (published dataset/Lance HEAD drift — run omnigraph repair)\n";
    } else if (table.committed) {
      text += io::StrCat("frags ", table.fragments_removed, " → ", table.fragments_added, " ✓\n");
    } else {
      text += "no-op\n";
    }
    for (const PendingIndex& index : table.pending_indexes) {
      text += io::StrCat("    ↳ index pending on property '", index.property, "': ", index.reason,
                         "\n");
    }
  }
  return text;
}

std::string CleanupPolicyText(const CleanupReport& report) {
  std::vector<std::string> limits;
  if (report.keep_versions)
    limits.push_back(io::StrCat("keep ", *report.keep_versions, " versions"));
  if (report.older_than_s) {
    limits.push_back(io::StrCat("remove anything older than ", *report.older_than_s,
                                *report.older_than_s == 0 ? "ns" : "s"));
  }
  return io::Join(limits, ", ");
}

std::string CleanupPreviewText(const CleanupReport& report) {
  return io::StrCat("cleanup is destructive — rerun with --confirm. Policy for ", report.uri, ": ",
                    CleanupPolicyText(report), "\n");
}

std::string CleanupJson(const CleanupReport& report) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  Write(json, "uri", std::string_view(report.uri));
  Write(json, "keep_versions", std::optional<uint64_t>(report.keep_versions));
  Write(json, "older_than_secs", report.older_than_s);
  json.Key("datasets");
  json.BeginArray();
  for (const CleanedTable& table : report.result.tables) {
    json.BeginObject();
    Write(json, "type_key", std::string_view(table.table_key));
    Write(json, "bytes_removed", table.bytes_removed);
    Write(json, "old_versions_removed", table.old_versions_removed);
    Write(json, "error", table.error);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return Document(std::move(json));
}

std::string CleanupText(const CleanupReport& report) {
  uint64_t versions = 0;
  uint64_t bytes = 0;
  std::vector<std::string> failed;
  for (const CleanedTable& table : report.result.tables) {
    versions += table.old_versions_removed;
    bytes += table.bytes_removed;
    if (table.error) failed.push_back(SubjectOf(table.table_key));
  }
  std::string text = io::StrCat("cleanup ", report.uri, " (", CleanupPolicyText(report),
                                ") — removed ", versions, " versions (", bytes, " bytes) across ",
                                report.result.tables.size() - failed.size(), " datasets\n");
  if (!failed.empty()) {
    text += io::StrCat("  ", failed.size(),
                       " dataset(s) failed and will be retried on the next cleanup: ",
                       io::Join(failed, ", "), "\n");
  }
  return text;
}

std::string RepairJson(const RepairReport& report) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  Write(json, "uri", std::string_view(report.uri));
  WriteFlag(json, "confirm", report.options.confirm);
  WriteFlag(json, "force", report.options.force);
  Write(json, "graph_manifest_version", report.result.graph_manifest_version);
  json.Key("datasets");
  json.BeginArray();
  for (const RepairedTable& table : report.result.tables) {
    json.BeginObject();
    Write(json, "type_key", std::string_view(table.table_key));
    Write(json, "published_dataset_version", table.published_version);
    Write(json, "lance_head_version", table.head_version);
    Write(json, "classification", DriftKindName(table.kind));
    Write(json, "action", RepairActionName(table.action));
    json.Key("operations");
    json.BeginArray();
    for (const std::string& operation : table.operations) {
      json.String(operation);
    }
    json.EndArray();
    Write(json, "error", table.error);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return Document(std::move(json));
}

std::string RepairText(const RepairReport& report) {
  std::string text =
      io::StrCat("repair ", report.uri, " — ", report.options.confirm ? "confirm" : "preview",
                 " mode, ", report.result.tables.size(), " datasets\n");
  for (const RepairedTable& table : report.result.tables) {
    const std::string drift = table.published_version == table.head_version
                                  ? io::StrCat(table.published_version)
                                  : io::StrCat(table.published_version, " → ", table.head_version);
    text += io::StrCat(
        "  ", Padded(SubjectOf(table.table_key), 40), " ",
        Padded(std::string(RepairActionName(table.action)), 12), " ",
        Padded(std::string(DriftKindName(table.kind)), 22), " ", drift,
        table.operations.empty() ? "" : io::StrCat(" [", io::Join(table.operations, ", "), "]"),
        table.error ? io::StrCat(" (", *table.error, ")") : "", "\n");
  }
  if (!report.options.confirm) {
    text += "rerun with --confirm to publish verified maintenance drift\n";
  }
  return text;
}

std::string VerifyJson(std::string_view uri, const engine::graph::VerifyReport& report) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  Write(json, "uri", uri);
  WriteFlag(json, "ok", report.findings.empty());
  json.Key("branches");
  json.BeginArray();
  for (const std::string& branch : report.branches) {
    json.String(branch);
  }
  json.EndArray();
  Write(json, "tables", report.num_tables);
  Write(json, "fragments", report.num_fragments);
  Write(json, "rows", report.num_rows);
  json.Key("findings");
  json.BeginArray();
  for (const VerifyFinding& finding : report.findings) {
    json.BeginObject();
    Write(json, "severity", SeverityName(finding.severity));
    Write(json, "branch", std::string_view(finding.branch));
    Write(json, "subject", std::string_view(finding.subject));
    Write(json, "check", std::string_view(finding.check));
    Write(json, "message", std::string_view(finding.message));
    Write(json, "remedy", std::string_view(finding.remedy));
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return Document(std::move(json));
}

std::string VerifyText(std::string_view uri, const engine::graph::VerifyReport& report) {
  std::string text =
      io::StrCat("verify ", uri, " — ", report.branches.size(), " branches, ", report.num_tables,
                 " tables, ", report.num_fragments, " fragments, ", report.num_rows, " rows\n");
  for (const VerifyFinding& finding : report.findings) {
    text += io::StrCat(SeverityName(finding.severity), ": ", finding.branch, ": ",
                       SubjectOf(finding.subject), ": ", finding.check, ": ", finding.message,
                       "\n  remedy: ", finding.remedy, "\n");
  }
  return text + (report.findings.empty() ? "nothing found\n" : "");
}

}  // namespace og::cli
