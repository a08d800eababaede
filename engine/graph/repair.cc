#include "engine/graph/repair.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "engine/graph/context.h"
#include "engine/graph/contract_store.h"
#include "engine/graph/errors.h"
#include "engine/graph/write_session.h"
#include "format/table/transaction.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kActor = "omnigraph:repair";
constexpr std::string_view kForceActor = "omnigraph:repair:force";

absl::Status CheckNoRecords(const GraphContext& context) {
  OG_ASSIGN_OR_RETURN(const std::vector<std::string> ids, context.records.List());
  if (ids.empty()) return absl::OkStatus();
  return Conflict(
      "repair requires a clean recovery state; reopen the graph to run the recovery sweep before "
      "repairing");
}

bool IsMaintenance(const format::Operation& operation) {
  return std::holds_alternative<format::RewriteOperation>(operation) ||
         std::holds_alternative<format::ReserveFragmentsOperation>(operation);
}

// What made the versions above the published one.
void Classify(const dataset::Dataset& head, RepairedTable& table) {
  table.kind = DriftKind::kVerifiedMaintenance;
  for (uint64_t version = table.published_version + 1; version <= table.head_version; ++version) {
    const absl::StatusOr<format::Transaction> transaction = head.TransactionOf(version);
    if (!transaction.ok()) {
      table.kind = DriftKind::kUnverifiable;
      table.error = absl::IsNotFound(transaction.status())
                        ? io::StrCat("missing Lance transaction for version ", version)
                        : io::StrCat("failed to read Lance transaction for version ", version, ": ",
                                     io::Message(transaction.status()));
      return;
    }
    table.operations.emplace_back(format::OperationName(transaction->operation));
    if (!IsMaintenance(transaction->operation)) table.kind = DriftKind::kSuspicious;
  }
}

RepairAction ActionFor(const RepairOptions& options, DriftKind kind) {
  if (!options.confirm) return RepairAction::kPreview;
  if (kind == DriftKind::kVerifiedMaintenance) return RepairAction::kHealed;
  return options.force ? RepairAction::kForced : RepairAction::kRefused;
}

}  // namespace

std::string_view DriftKindName(DriftKind kind) {
  switch (kind) {
    case DriftKind::kNoDrift:
      return "no_drift";
    case DriftKind::kVerifiedMaintenance:
      return "verified_maintenance";
    case DriftKind::kSuspicious:
      return "suspicious";
    case DriftKind::kUnverifiable:
      return "unverifiable";
  }
  return "";
}

std::string_view RepairActionName(RepairAction action) {
  switch (action) {
    case RepairAction::kNoOp:
      return "no_op";
    case RepairAction::kPreview:
      return "preview";
    case RepairAction::kHealed:
      return "healed";
    case RepairAction::kForced:
      return "forced";
    case RepairAction::kRefused:
      return "refused";
  }
  return "";
}

absl::StatusOr<RepairResult> RepairGraph(io::Env& env, const io::Location& root,
                                         const RepairOptions& options) {
  if (options.force && !options.confirm) {
    return BadRequest("repair --force requires --confirm");
  }
  const GraphContext context(env, root);
  const io::GateHold gate = context.gates->schema().Exclusive(env);
  OG_ASSIGN_OR_RETURN(const io::FolderHold hold, HoldRoot(context));
  OG_RETURN_IF_ERROR(CheckNoRecords(context));
  OG_ASSIGN_OR_RETURN(const WriteBase base, PrepareWrite(context, std::nullopt));

  RepairResult result;
  PublishRequest request;
  bool forced = false;
  for (const TableEntry& entry : base.manifest.state.tables()) {
    dataset::OpenOptions open;
    open.session = context.session;
    const absl::StatusOr<dataset::DatasetPtr> head =
        dataset::Dataset::Open(env, root.Child(entry.path), open);
    OG_RETURN_IF_ERROR(FromStorage(head.status()));
    RepairedTable table;
    table.table_key = entry.table_key;
    table.published_version = entry.version;
    table.head_version = (*head)->version();
    if (table.head_version < entry.version) {
      return InternalFault(io::StrCat("dataset for ", Subject(entry.table_key),
                                      " is at Lance HEAD version ", table.head_version,
                                      ", behind published dataset version ", entry.version));
    }
    if (table.head_version > entry.version) {
      Classify(**head, table);
      table.action = ActionFor(options, table.kind);
    }
    if (table.action == RepairAction::kHealed || table.action == RepairAction::kForced) {
      forced = forced || table.action == RepairAction::kForced;
      request.expected[entry.identity] = entry.version;
      request.versions.push_back({.identity = entry.identity,
                                  .table_key = entry.table_key,
                                  .version = table.head_version,
                                  .branch = std::nullopt,
                                  .row_count = (*head)->num_rows(),
                                  .metadata = MetadataOf(context, **head)});
    }
    result.tables.push_back(std::move(table));
  }
  if (request.versions.empty()) return result;
  request.commit.graph_commit_id = env.NewUlid();
  request.commit.actor_id = std::string(forced ? kForceActor : kActor);
  request.commit.created_at_us = env.NowUs();
  OG_ASSIGN_OR_RETURN(const ManifestView published, context.manifest.Publish(request));
  result.graph_manifest_version = published.version();
  return result;
}

}  // namespace og::engine::graph
