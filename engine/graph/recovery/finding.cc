#include "engine/graph/recovery/finding.h"

#include <utility>
#include <variant>

#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "format/table/transaction.h"
#include "io/base/status_macros.h"

namespace og::engine::graph {
namespace {

constexpr uint64_t kHistoryVersionsMax = 1026;

bool Restores(const format::Transaction& transaction, uint64_t version) {
  const auto* restore = std::get_if<format::RestoreOperation>(&transaction.operation);
  return restore != nullptr && restore->version == version;
}

bool IsCreateIndex(const format::Transaction& transaction) {
  return std::holds_alternative<format::CreateIndexOperation>(transaction.operation);
}

// What a rollback of the table goes back to.
uint64_t ContentVersion(const TableFinding& finding) {
  return finding.is_published_ref ? finding.pin : finding.fork_version;
}

// Walks the versions that could be the write's, oldest first, and matches them with its plan.
// `is_fenced`: recovery may have taken the first of them before the write did.
void ProveChain(const RecordedTable& table, bool is_fenced, TableFinding& finding) {
  const uint64_t newest = finding.head_version();
  const uint64_t first = table.post_commit_pin;
  if (newest >= first + kHistoryVersionsMax) {
    finding.ownership = Ownership::kUnverifiable;
    return;
  }
  size_t matched = 0;
  bool unreadable = false;
  for (uint64_t version = first; version <= newest; ++version) {
    const absl::StatusOr<format::Transaction> transaction = finding.head->TransactionOf(version);
    if (!transaction.ok()) {
      unreadable = true;
      finding.ownership = Ownership::kUnverifiable;
      continue;
    }
    if (matched < table.planned.size() && transaction->uuid == table.planned[matched].uuid) {
      ++matched;
      finding.ownership = Ownership::kAtHead;
    } else if (version == newest && Restores(*transaction, ContentVersion(finding)) &&
               (matched > 0 || (is_fenced && version == first))) {
      finding.ownership = Ownership::kCompensatedAtHead;
    } else if (matched == table.planned.size() && version == newest &&
               IsCreateIndex(*transaction)) {
      finding.ownership = Ownership::kAtHead;  // the tail that early merges made
    } else if (matched > 0) {
      finding.ownership = Ownership::kBeforeHead;
    }
  }
  if (unreadable && finding.ownership == Ownership::kNone) {
    finding.ownership = Ownership::kUnverifiable;
  }
  finding.is_complete =
      finding.ownership == Ownership::kAtHead && matched == table.planned.size() && !unreadable;
}

}  // namespace

absl::StatusOr<TableFinding> FindTable(const GraphContext& context, const ManifestView& view,
                                       const RecordedTable& table, bool is_fenced) {
  TableFinding finding;
  finding.pin = view.state.LatestVersion(table.identity);
  const TableEntry* const entry = view.state.Find(table.identity);
  finding.is_published_ref = entry != nullptr && entry->branch == table.branch;
  if (!finding.is_published_ref) {
    finding.fork_version = table.source_fork_version.value_or(table.expected_version);
  }
  const io::Location root = context.root.Child(CanonicalTablePath(table.table_key, table.identity));
  dataset::OpenOptions options;
  options.branch = table.branch.value_or("");
  options.session = context.session;
  const absl::StatusOr<dataset::DatasetPtr> head =
      dataset::Dataset::Open(context.env, root, options);
  if (absl::IsNotFound(head.status()) && !finding.is_published_ref) return finding;
  OG_RETURN_IF_ERROR(FromStorage(head.status()));
  finding.head = *head;
  if (!finding.is_published_ref && table.branch.has_value()) {
    OG_ASSIGN_OR_RETURN(const auto ref, ReadBranchRef(root, *table.branch));
    if (ref.has_value()) finding.ref_identifier = ref->identifier;
  }
  switch (table.effect) {
    case EffectKind::kTransactions:
    case EffectKind::kCreate:
      ProveChain(table, is_fenced, finding);
      break;
    case EffectKind::kRefOnlyFork:
      finding.is_complete = finding.is_untouched_fork() && finding.ref_identifier.has_value();
      break;
    case EffectKind::kLoose:
      break;
  }
  return finding;
}

}  // namespace og::engine::graph
