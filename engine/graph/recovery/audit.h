// What recovery did, as rows of `_graph_commit_recoveries.lance`, one for each resolved operation.
//
//   graph_commit_id utf8, recovery_kind utf8, recovery_for_actor utf8 (nullable), operation_id
//   utf8, sidecar_writer_kind utf8, per_table_outcomes_json utf8, created_at timestamp[us]
//
// The dataset is made by the first action. It is not part of the published state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/graph/recovery/record.h"
#include "io/env/env.h"
#include "io/store/store.h"

namespace og::engine::graph {

inline constexpr std::string_view kAuditFolder = "_graph_commit_recoveries.lance";

enum class RecoveryKind : uint8_t { kRolledForward, kRolledBack, kOrphanedBranchDiscarded };

struct AuditEntry {
  std::string graph_commit_id;
  RecoveryKind kind = RecoveryKind::kRolledForward;
  std::optional<std::string> actor_id;  // of the write that was resolved
  std::string operation_id;
  WriterKind writer = WriterKind::kLoad;
  std::vector<AuditOutcome> outcomes;
};

// Whether there is an entry of the operation.
absl::StatusOr<bool> HasAudit(io::Env& env, const io::Location& graph_root,
                              std::string_view operation_id);

// Appends the entry unless there is one of its operation already.
absl::Status AppendAudit(io::Env& env, const io::Location& graph_root, const AuditEntry& entry);

}  // namespace og::engine::graph
