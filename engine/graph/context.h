// What everything that works on one graph root shares: where it is, its stores, its gates.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/graph/live_writes.h"
#include "engine/graph/manifest/store.h"
#include "engine/graph/read_pins.h"
#include "engine/graph/recovery/record_store.h"
#include "engine/graph/recovery/writer_lease.h"
#include "engine/graph/table_handles.h"
#include "io/base/sync.h"
#include "io/env/env.h"
#include "io/env/gate.h"
#include "io/local/folder_hold.h"
#include "io/store/store.h"

namespace og::engine::graph {

// Locks of the effect windows of one root, shared by all handles of the process, and who is in
// them.
//
// Order: schema, then branch. A data write, and recovery of one, holds the schema gate shared and
// its branch exclusively; changes of the schema or of branches hold the schema gate exclusively.
class RootGates {
 public:
  RootGates(io::Env& env, const io::Location& root) : lease_(env, root) {}

  // The gates of `root`, spelt `root_uri`, in this Env.
  static std::shared_ptr<RootGates> For(io::Env& env, const io::Location& root,
                                        const std::string& root_uri);

  io::Gate& schema() { return schema_; }
  io::Gate& branch(std::string_view name);
  LiveWrites& live() { return live_; }
  ReadPins& pins() { return pins_; }
  WriterLease& lease() { return lease_; }

 private:
  io::Gate schema_;
  LiveWrites live_;
  ReadPins pins_;
  WriterLease lease_;
  io::Mutex mutex_;
  std::map<std::string, std::unique_ptr<io::Gate>, std::less<>> branches_ OG_GUARDED_BY(mutex_);
};

// "/tmp/g" for local roots, "s3://bucket/g" for others: how recovery records spell a root.
std::string RootUri(const io::Location& root);

// `path` of the store below `root` as `__manifest` spells it: with a leading '/' for local stores.
std::string RecordedPath(const io::Location& root, std::string_view path);

class ContractCache;

struct GraphContext {
  GraphContext(io::Env& environment, const io::Location& graph_root);

  io::Env& env;
  const io::Location root;
  const std::string root_uri;
  const ManifestStore manifest;
  const RecordStore records;
  const std::shared_ptr<RootGates> gates;
  const std::shared_ptr<ContractCache> contract;
  const std::shared_ptr<TableHandles> tables;
  const std::shared_ptr<dataset::Session> session;
};

// How long a hold waits for the others: effect windows are short, and one that lasts this long
// belongs to a process that is stopped.
inline constexpr int64_t kHoldTimeoutMs = 60'000;

// Who of other processes writes is known from locks on a local root, and from leases on one that
// several machines share. A root in memory has no other processes.
bool HasLocks(const GraphContext& context);
bool HasLeases(const GraphContext& context);

// Holds a local root against the writers of other processes of this machine: changes of the schema
// and of branches from start to end, and recovery of such. So none of them meets a writer that
// lives, and what a dead one left is free at once. Roots in memory and on S3 are not held.
absl::StatusOr<io::FolderHold> HoldRoot(const GraphContext& context,
                                        int64_t timeout_ms = kHoldTimeoutMs);

// What a data write to one branch, and its recovery, holds: the root together with the writers of
// other branches, and the branch alone. kUnavailable after `timeout_ms`.
struct BranchHold {
  io::FolderHold root;
  io::FolderHold branch;
};
absl::StatusOr<BranchHold> HoldBranch(const GraphContext& context,
                                      const std::optional<std::string>& branch,
                                      int64_t timeout_ms = kHoldTimeoutMs);

// From before a state is looked up until it is pinned; see read_pins.h. Locks of other processes
// that cannot be had are done without.
struct StateBinding {
  io::GateHold gate;
  io::FolderHold hold;
};
StateBinding BindState(const GraphContext& context);
ReadPins::Pin PinState(const GraphContext& context, const ManifestView& view);

// The folder of a local root that is held shared by who binds a state.
std::string BindingFolder(const GraphContext& context);

// The published form of a table's version that `committed` holds.
VersionMetadata MetadataOf(const GraphContext& context, const dataset::Dataset& committed);

}  // namespace og::engine::graph
