// The recovery record of a write under way: `{root}/__recovery/{operation_id}.json`, envelope
// version 9, pretty JSON.
//
// A record is made durable before the first effect of a write and says exactly which transactions
// the write will commit; after all are committed it is rewritten with what they became; after
// publishing it is deleted. Whoever finds it can therefore tell, table by table, how far the write
// came, and finish it or take it back.
//
//   envelope     schema_version, operation_id, started_at (us since the epoch, decimal text),
//                branch, actor_id, writer_kind, tables[], schema_apply_manifest_published,
//                protocol_v3 (Mutation, Load), _v4 (BranchMerge), _v7 (SchemaApply) or _v8
//                (EnsureIndices); none for Optimize
//   protocol     authority, lineage, rollback_graph_commit_id, rollback_audit_outcomes?,
//                target_schema_ir_hash (v7), effect_phase, effects[],
//                intended_delta{table_updates[], registrations?, renames?, tombstones?}
//
// Source: omnigraph 0.10.0, recovery sidecar schema version 9.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/graph/manifest/rows.h"

namespace og::engine::graph {

inline constexpr uint64_t kRecoveryRecordVersion = 9;

enum class WriterKind : uint8_t {
  kMutation,
  kLoad,
  kSchemaApply,
  kBranchMerge,
  kEnsureIndices,
  kOptimize,
};

// "Load", ...
std::string_view WriterKindName(WriterKind kind);

// The incarnation of a branch: pairs of (parent version, id), outermost first; main has none.
struct BranchIdentifier {
  std::vector<std::pair<uint64_t, std::string>> version_mapping;
  friend bool operator==(const BranchIdentifier&, const BranchIdentifier&) = default;
};

// What a write was prepared against; all of it must still hold when effects begin.
struct AuthorityToken {
  BranchIdentifier branch_identifier;
  std::optional<std::string> graph_head;  // exact head of the branch
  std::string schema_identity_domain;
  std::string schema_ir_hash;
  uint32_t schema_identity_version = 0;
  friend bool operator==(const AuthorityToken&, const AuthorityToken&) = default;
};

// The graph commit that the write is to become.
struct LineageIntent {
  std::string graph_commit_id;
  std::optional<std::string> branch;
  std::optional<std::string> actor_id;
  std::optional<std::string> merged_parent_commit_id;
  int64_t created_at_us = 0;
};

struct TransactionId {
  uint64_t read_version = 0;
  std::string uuid;
  friend bool operator==(const TransactionId&, const TransactionId&) = default;
};

// What a table became, as it is to be published.
struct ConfirmedTable {
  uint64_t version = 0;
  std::optional<std::string> branch;
  uint64_t row_count = 0;
  VersionMetadata metadata;
};

// What the write does to the dataset of a table.
enum class EffectKind : uint8_t {
  kTransactions,  // commits `planned`, one version each; one only, unless the kind is BranchMerge
  kRefOnlyFork,   // BranchMerge: makes the ref from version `source_fork_version`, commits nothing
  kCreate,        // SchemaApply: version 1 of a dataset that is not published yet
  kLoose,         // Optimize: any number of versions, not known before
};

// One table of the write: its pin, its effect and its slot of the intended change.
struct RecordedTable {
  TableIdentity identity;
  std::string table_key;
  std::string table_uri;  // {root}/{canonical path}
  uint64_t expected_version = 0;
  uint64_t post_commit_pin = 0;
  std::optional<std::string> branch;  // the table's ref
  EffectKind effect = EffectKind::kTransactions;
  std::vector<TransactionId> planned;
  // The write makes the ref, from this version; BranchMerge and EnsureIndices say so, in a Mutation
  // or Load it follows from the published ref being another one.
  std::optional<uint64_t> source_fork_version;
  std::optional<BranchIdentifier> confirmed_branch_identifier;  // with source_fork_version only
  std::optional<ConfirmedTable> confirmed;
};

// A table that a merge publishes as it is on the source: a slot without an effect.
struct RecordedPointer {
  TableIdentity identity;
  std::string table_key;
  uint64_t expected_version = 0;
  std::optional<std::string> branch;
  std::optional<ConfirmedTable> confirmed;
};

// What a schema change does to the catalog beside its tables' versions.
struct RecordedRegistration {
  TableIdentity identity;
  std::string table_key;
  std::string table_path;  // below the graph root
  std::optional<std::string> branch;
};
struct RecordedRename {
  TableIdentity identity;
  std::string expected_table_key;
  uint64_t expected_version = 0;
  std::string table_key;
  std::string table_path;
};

struct AuditOutcome {
  std::string table_key;
  uint64_t from_version = 0;
  uint64_t to_version = 0;
};

struct RecoveryRecord {
  std::string operation_id;
  int64_t started_at_us = 0;
  std::optional<std::string> branch;
  std::optional<std::string> actor_id;
  WriterKind kind = WriterKind::kLoad;
  std::vector<RecordedTable> tables;
  // Who has to be dead before the record is anybody else's; writer_lease.h.
  std::optional<std::string> writer_lease;

  // All kinds but Optimize, which has no protocol: nothing of it is decided beforehand.
  AuthorityToken authority;
  LineageIntent lineage;
  std::string rollback_graph_commit_id;
  std::vector<AuditOutcome> rollback_audit_outcomes;
  bool effects_confirmed = false;

  std::vector<RecordedPointer> pointers;  // BranchMerge
  // SchemaApply.
  std::string target_schema_ir_hash;
  std::vector<RecordedRegistration> registrations;
  std::vector<RecordedRename> renames;
  std::vector<TableTombstone> tombstones;

  bool has_protocol() const { return kind != WriterKind::kOptimize; }
};

// The record as pretty JSON.
std::string EncodeRecoveryRecord(const RecoveryRecord& record);

// Reads a record found at `uri` below the graph `root_uri`. Everything that recovery relies on is
// checked: pins, effects and slots agree one to one, transactions are unique, table URIs are
// canonical, confirmations are all there or all absent. kInternal, naming the file and the reason.
absl::StatusOr<RecoveryRecord> DecodeRecoveryRecord(std::string_view text, std::string_view uri,
                                                    std::string_view root_uri);

// {"version_mapping":[[1,"..."]]} as refs and tokens spell it, compact.
std::string EncodeBranchIdentifier(const BranchIdentifier& identifier);

}  // namespace og::engine::graph
