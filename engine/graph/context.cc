#include "engine/graph/context.h"

#include <utility>

#include "engine/graph/contract_store.h"
#include "engine/graph/errors.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kLocalScheme = "file:///";

bool IsLocal(const io::Location& root) {
  return root.store->scheme_root() == kLocalScheme;
}

struct GateRegistry {
  io::Mutex mutex;
  std::map<std::pair<const io::Env*, std::string>, std::weak_ptr<RootGates>> roots
      OG_GUARDED_BY(mutex);
};

GateRegistry& Registry() {
  static GateRegistry* const registry = new GateRegistry();
  return *registry;
}

}  // namespace

std::shared_ptr<RootGates> RootGates::For(io::Env& env, const io::Location& root,
                                          const std::string& root_uri) {
  GateRegistry& registry = Registry();
  io::MutexLock lock(registry.mutex);
  std::weak_ptr<RootGates>& slot = registry.roots[{&env, root_uri}];
  std::shared_ptr<RootGates> gates = slot.lock();
  if (gates == nullptr) {
    gates = std::make_shared<RootGates>(env, root);
    slot = gates;
  }
  return gates;
}

io::Gate& RootGates::branch(std::string_view name) {
  io::MutexLock lock(mutex_);
  std::unique_ptr<io::Gate>& gate = branches_[std::string(name)];
  if (gate == nullptr) gate = std::make_unique<io::Gate>();
  return *gate;
}

std::string RootUri(const io::Location& root) {
  return IsLocal(root) ? io::StrCat("/", root.path) : root.Uri();
}

std::string RecordedPath(const io::Location& root, std::string_view path) {
  return IsLocal(root) ? io::StrCat("/", path) : std::string(path);
}

GraphContext::GraphContext(io::Env& environment, const io::Location& graph_root)
    : env(environment),
      root(graph_root),
      root_uri(RootUri(graph_root)),
      manifest(environment, graph_root),
      records(environment, graph_root, root_uri),
      gates(RootGates::For(environment, graph_root, root_uri)),
      contract(std::make_shared<ContractCache>()),
      tables(std::make_shared<TableHandles>()),
      session(dataset::MakeSession()) {}

bool HasLocks(const GraphContext& context) {
  return IsLocal(context.root);
}

bool HasLeases(const GraphContext& context) {
  return !HasLocks(context) && !context.root.store->is_local();
}

// The folders that are locked are such in which no object is ever replaced: a local store locks a
// folder while it does that.

absl::StatusOr<io::FolderHold> HoldRoot(const GraphContext& context, int64_t timeout_ms) {
  if (!HasLocks(context)) return io::FolderHold();
  auto hold =
      io::FolderHold::Acquire(io::StrCat(context.root_uri, "/", kManifestFolder), timeout_ms);
  OG_RETURN_IF_ERROR(FromStorage(hold.status()));
  return hold;
}

absl::StatusOr<BranchHold> HoldBranch(const GraphContext& context,
                                      const std::optional<std::string>& branch,
                                      int64_t timeout_ms) {
  BranchHold hold;
  if (!HasLocks(context)) return hold;
  const std::string manifest = io::StrCat(context.root_uri, "/", kManifestFolder);
  auto root = io::FolderHold::Acquire(manifest, timeout_ms, io::HoldMode::kShared);
  OG_RETURN_IF_ERROR(FromStorage(root.status()));
  hold.root = *std::move(root);
  // Of a branch the folder of its versions and files; if it is gone, so is the branch, which the
  // write finds out.
  const std::string folder =
      branch.has_value() ? io::StrCat(manifest, "/tree/", *branch) : io::StrCat(manifest, "/data");
  auto own = io::FolderHold::Acquire(folder, timeout_ms);
  if (absl::IsNotFound(own.status())) return hold;
  OG_RETURN_IF_ERROR(FromStorage(own.status()));
  hold.branch = *std::move(own);
  return hold;
}

std::string BindingFolder(const GraphContext& context) {
  return io::StrCat(context.root_uri, "/", kManifestFolder, "/_transactions");
}

StateBinding BindState(const GraphContext& context) {
  StateBinding binding;
  binding.gate = context.gates->pins().Bind(context.env);
  if (!HasLocks(context)) return binding;
  auto hold =
      io::FolderHold::Acquire(BindingFolder(context), kHoldTimeoutMs, io::HoldMode::kShared);
  if (hold.ok()) binding.hold = *std::move(hold);
  return binding;
}

ReadPins::Pin PinState(const GraphContext& context, const ManifestView& view) {
  io::FolderHold hold;
  if (HasLocks(context)) {
    auto shown = io::FolderHold::Acquire(io::StrCat("/", view.dataset->manifest_location().path),
                                         kHoldTimeoutMs, io::HoldMode::kShared);
    if (shown.ok()) hold = *std::move(shown);
  }
  // The gates of a root stay as long as a pin.
  return ReadPins::Add(std::shared_ptr<ReadPins>(context.gates, &context.gates->pins()),
                       view.state.tables(), std::move(hold));
}

VersionMetadata MetadataOf(const GraphContext& context, const dataset::Dataset& committed) {
  const dataset::ManifestLocation& location = committed.manifest_location();
  VersionMetadata metadata;
  metadata.manifest_path = RecordedPath(context.root, location.path);
  metadata.manifest_size = location.size;
  if (!location.e_tag.empty()) metadata.e_tag = location.e_tag;
  metadata.naming_scheme = std::string(format::ManifestNamingText(location.naming));
  return metadata;
}

}  // namespace og::engine::graph
