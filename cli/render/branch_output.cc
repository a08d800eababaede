#include "cli/render/branch_output.h"

#include <string_view>
#include <utility>

#include "cli/render/json_fields.h"
#include "io/base/json_writer.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::graph::MergeConflict;
using engine::graph::MergeConflictField;
using engine::graph::MergedTable;
using engine::graph::MergeOutcome;
using io::JsonWriter;

std::string_view OutcomeName(MergeOutcome outcome) {
  switch (outcome) {
    case MergeOutcome::kAlreadyUpToDate:
      return "already_up_to_date";
    case MergeOutcome::kFastForward:
      return "fast_forward";
    case MergeOutcome::kMerged:
      return "merged";
  }
  return "";
}

std::string_view KindOf(std::string_view table_key) {
  return table_key.substr(0, table_key.find(':'));
}

std::string_view TypeOf(std::string_view table_key) {
  return table_key.substr(table_key.find(':') + 1);
}

void WriteTable(JsonWriter& json, const MergedTable& table) {
  json.BeginObject();
  Write(json, "entity_kind", KindOf(table.table_key));
  Write(json, "type_name", TypeOf(table.table_key));
  json.Key("adopted");
  json.Bool(table.is_adopted);
  Write(json, "inserts", table.inserts);
  Write(json, "updates", table.updates);
  Write(json, "deletes", table.deletes);
  json.EndObject();
}

void WriteConflict(JsonWriter& json, const MergeConflict& conflict) {
  json.BeginObject();
  Write(json, "entity_kind", KindOf(conflict.table_key));
  Write(json, "type_name", TypeOf(conflict.table_key));
  Write(json, "entity_id", conflict.entity_id);
  Write(json, "kind", std::string_view(conflict.kind));
  Write(json, "message", std::string_view(conflict.message));
  json.Key("fields");
  json.BeginArray();
  for (const MergeConflictField& field : conflict.fields) {
    json.BeginObject();
    Write(json, "property", std::string_view(field.property));
    json.Key("base");
    json.Raw(field.base);
    json.Key("source");
    json.Raw(field.source);
    json.Key("target");
    json.Raw(field.target);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

std::string ConflictText(const MergeConflict& conflict) {
  std::string text = io::StrCat("conflict in ", KindOf(conflict.table_key), " type '",
                                TypeOf(conflict.table_key), "'");
  if (conflict.entity_id) {
    text += io::StrCat(", entity id '", *conflict.entity_id, "'");
  }
  text += io::StrCat(" (", conflict.kind, "): ", conflict.message, "\n");
  for (const MergeConflictField& field : conflict.fields) {
    text += io::StrCat("  ", field.property, ": base ", field.base, ", source ", field.source,
                       ", target ", field.target, "\n");
  }
  return text;
}

}  // namespace

std::string BranchCreateJson(const BranchChange& change) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  Write(json, "uri", std::string_view(change.uri));
  Write(json, "from", std::string_view(change.from));
  Write(json, "name", std::string_view(change.name));
  Write(json, "actor_id", change.actor_id);
  json.EndObject();
  return Document(std::move(json));
}

std::string BranchCreateText(const BranchChange& change) {
  return io::StrCat("created branch ", change.name, " from ", change.from, "\n");
}

std::string BranchDeleteJson(const BranchChange& change) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  Write(json, "uri", std::string_view(change.uri));
  Write(json, "name", std::string_view(change.name));
  Write(json, "actor_id", change.actor_id);
  json.EndObject();
  return Document(std::move(json));
}

std::string BranchDeleteText(const BranchChange& change) {
  return io::StrCat("deleted branch ", change.name, "\n");
}

std::string MergeJson(const MergeReport& report) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  Write(json, "source", std::string_view(report.source));
  Write(json, "target", std::string_view(report.target));
  Write(json, "outcome", OutcomeName(report.result.outcome));
  Write(json, "actor_id", report.actor_id);
  if (report.branch_deleted) {
    json.Key("branch_deleted");
    json.Bool(*report.branch_deleted);
  }
  if (report.branch_delete_error) {
    Write(json, "branch_delete_error", report.branch_delete_error);
  }
  if (report.is_dry_run) {
    json.Key("dry_run");
    json.Bool(true);
    json.Key("tables");
    json.BeginArray();
    for (const MergedTable& table : report.result.tables) {
      WriteTable(json, table);
    }
    json.EndArray();
    json.Key("conflicts");
    json.BeginArray();
    for (const MergeConflict& conflict : report.result.conflicts) {
      WriteConflict(json, conflict);
    }
    json.EndArray();
  }
  json.EndObject();
  return Document(std::move(json));
}

std::string MergeText(const MergeReport& report) {
  if (!report.is_dry_run) {
    std::string text = io::StrCat("merged ", report.source, " into ", report.target, ": ",
                                  OutcomeName(report.result.outcome), "\n");
    if (report.branch_deleted.value_or(false)) {
      text += io::StrCat("deleted branch ", report.source, "\n");
    }
    return text;
  }
  std::string text = io::StrCat("would merge ", report.source, " into ", report.target, ": ",
                                report.result.conflicts.empty() ? OutcomeName(report.result.outcome)
                                                                : "refused because of conflicts",
                                "\n");
  for (const MergedTable& table : report.result.tables) {
    text += io::StrCat(KindOf(table.table_key), " type '", TypeOf(table.table_key),
                       "': ", table.inserts, " inserted, ", table.updates, " updated, ",
                       table.deletes, " deleted", table.is_adopted ? " (adopted)" : "", "\n");
  }
  for (const MergeConflict& conflict : report.result.conflicts) {
    text += ConflictText(conflict);
  }
  return text;
}

}  // namespace og::cli
