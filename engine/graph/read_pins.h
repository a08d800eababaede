// The versions of tables that something reads at this moment: cleanup leaves them alone.
//
//   StateBinding binding = BindState(context);       before a state is looked up
//   OG_ASSIGN_OR_RETURN(view, context.manifest.OpenPresent(branch));
//   ReadPins::Pin pin = PinState(context, view);     until it is not read any more
//
// What is bound when a cleanup begins is waited for, so that it finds it pinned; what is bound
// later is the newest state of a branch, which cleanup keeps anyway, or an old one, which may be
// gone. Of other processes of a local root their locks on versions of `__manifest` are seen
// (retention.h); readers on other machines are not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/manifest/rows.h"
#include "io/base/sync.h"
#include "io/env/env.h"
#include "io/env/gate.h"
#include "io/local/folder_hold.h"

namespace og::engine::graph {

struct PinnedVersion {
  TableIdentity identity;
  std::optional<std::string> branch;  // of the table; null: main
  uint64_t version = 0;
};

// The pins of one root in this process. Any thread may call any method.
class ReadPins {
 public:
  // What is pinned until this is destroyed; a default-made one pins nothing. Move-only.
  class Pin {
   public:
    Pin() = default;
    Pin(Pin&&) noexcept = default;
    Pin& operator=(Pin&& other) noexcept {
      Release();
      pins_ = std::move(other.pins_);
      id_ = other.id_;
      hold_ = std::move(other.hold_);
      return *this;
    }
    ~Pin() { Release(); }

   private:
    friend class ReadPins;
    Pin(std::shared_ptr<ReadPins> pins, uint64_t id, io::FolderHold hold)
        : pins_(std::move(pins)), id_(id), hold_(std::move(hold)) {}

    void Release() {
      if (pins_ != nullptr) pins_->Remove(id_);
      pins_ = nullptr;
    }

    std::shared_ptr<ReadPins> pins_;
    uint64_t id_ = 0;
    io::FolderHold hold_;
  };

  // Held from before a state is looked up until it is pinned. Taken after all other gates.
  io::GateHold Bind(io::Env& env) { return binding_.Shared(env); }

  // `pins` stays, and is found by cleanups, as long as the pin. `hold`: what shows the pin to other
  // processes.
  static Pin Add(std::shared_ptr<ReadPins> pins, const std::vector<TableEntry>& tables,
                 io::FolderHold hold) {
    std::vector<PinnedVersion> versions;
    versions.reserve(tables.size());
    for (const TableEntry& table : tables)
      versions.push_back({table.identity, table.branch, table.version});
    const uint64_t id = pins->Insert(std::move(versions));
    return Pin(std::move(pins), id, std::move(hold));
  }

  // What is pinned once all that bind at the moment of the call have pinned or given up.
  std::vector<PinnedVersion> InUse(io::Env& env) {
    binding_.Exclusive(env).Release();
    std::vector<PinnedVersion> versions;
    io::MutexLock lock(mutex_);
    for (const auto& [id, pinned] : pinned_)
      versions.insert(versions.end(), pinned.begin(), pinned.end());
    return versions;
  }

 private:
  uint64_t Insert(std::vector<PinnedVersion> versions) {
    io::MutexLock lock(mutex_);
    pinned_.emplace(++last_id_, std::move(versions));
    return last_id_;
  }

  void Remove(uint64_t id) {
    io::MutexLock lock(mutex_);
    pinned_.erase(id);
  }

  io::Gate binding_;
  io::Mutex mutex_;
  uint64_t last_id_ OG_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::vector<PinnedVersion>> pinned_ OG_GUARDED_BY(mutex_);
};

}  // namespace og::engine::graph
