// Publishing versions of tables that were made past the graph: by a maintenance tool, or by a write
// whose recovery record was lost. Only main; no data is written.
//
//   no drift                   nothing
//   only compaction            published when confirmed
//   anything else, unreadable  refused; published when forced and confirmed
//
// Source: engine.md 7.3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "io/env/env.h"
#include "io/store/store.h"

namespace og::engine::graph {

struct RepairOptions {
  bool confirm = false;
  bool force = false;  // REQUIRES: confirm
};

enum class DriftKind : uint8_t { kNoDrift, kVerifiedMaintenance, kSuspicious, kUnverifiable };
enum class RepairAction : uint8_t { kNoOp, kPreview, kHealed, kForced, kRefused };

// "verified_maintenance", "no_op", ...
std::string_view DriftKindName(DriftKind kind);
std::string_view RepairActionName(RepairAction action);

struct RepairedTable {
  std::string table_key;
  uint64_t published_version = 0;
  uint64_t head_version = 0;
  DriftKind kind = DriftKind::kNoDrift;
  RepairAction action = RepairAction::kNoOp;
  std::vector<std::string> operations;  // of the versions between, oldest first
  std::optional<std::string> error;     // why they cannot be verified
};

struct RepairResult {
  std::optional<uint64_t> graph_manifest_version;  // of the commit, if one was made
  std::vector<RepairedTable> tables;               // by key
};

// kBadRequest for force without confirm; kConflict while a recovery record is pending. The Env must
// outlive the call.
absl::StatusOr<RepairResult> RepairGraph(io::Env& env, const io::Location& root,
                                         const RepairOptions& options);

}  // namespace og::engine::graph
