// A disk that forgets what was not synced. Wraps a store in memory, remembers for every path the
// last state that is durable, and can show the disk as it may be after a loss of power.
//
// The model, adversarial within what journaling file systems do:
//   - a published object's bytes are durable after a Sync of kData or kFull, its name after kFull;
//   - PutIfAbsent and PutIfMatch are durable on return as the store's durability says;
//   - a Sync of kFull, and such a put at kFull, cover the removals from the folder of each of its
//     objects, since one sync of a folder covers all its names;
//   - without that, a new name may be gone, a replaced or deleted object may be the old one again,
//     and an object may be there with its bytes cut short or zero in part;
//   - a rename is lost or kept as a whole;
//   - each path meets its own fate: later changes may survive where earlier ones are lost.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/base/sync.h"
#include "io/memory/memory_store.h"
#include "io/store/hooked_store.h"

namespace og::io {

enum class PowerLoss : uint8_t {
  kNames,   // every change whose name is not durable never happened
  kBytes,   // names survive; bytes that are not durable are gone
  kRandom,  // the seed decides for each path
};

// Any thread may call any method.
class PowerLossStore : public HookedStore {
 public:
  // `durability` is what the conditional puts guarantee.
  PowerLossStore(std::shared_ptr<MemoryStore> disk, Durability durability);

  // A store with what is left when the power goes now, all of it durable. This store goes on
  // undisturbed, so that a test can try several losses at one moment.
  std::shared_ptr<MemoryStore> AfterPowerLoss(PowerLoss loss, uint64_t seed = 0) const;

  // The same if the changes of `paths` alone are lost, with the renames that they were part of.
  std::shared_ptr<MemoryStore> AfterLossOf(std::span<const std::string> paths) const;

  // Paths whose last change could be lost, in order.
  std::vector<std::string> Unsynced() const;

  absl::StatusOr<std::unique_ptr<WriteStream>> OpenWrite(std::string_view path) override;
  absl::StatusOr<ObjectInfo> Put(std::string_view path, std::span<const std::byte> bytes) override;
  absl::StatusOr<ObjectInfo> PutIfAbsent(std::string_view path,
                                         std::span<const std::byte> bytes) override;
  absl::StatusOr<ObjectInfo> PutIfMatch(std::string_view path, std::span<const std::byte> bytes,
                                        std::string_view e_tag) override;
  absl::Status Rename(std::string_view from, std::string_view to) override;
  absl::Status Copy(std::string_view from, std::string_view to) override;
  absl::Status Delete(std::string_view path) override;
  absl::Status DeletePrefix(std::string_view prefix) override;
  absl::Status Sync(std::span<const std::string> paths, Durability durability) override;

 private:
  struct Change {
    std::optional<MemoryStore::Object> durable;  // the state before; nullopt: no object
    bool are_bytes_durable = false;              // of what is there now
  };

  class Stream;

  // The disk with the changes that survive.
  using Survival = std::map<std::string, bool, std::less<>>;
  MemoryStore::Objects Left(Survival& survives) const OG_REQUIRES(mutex_);
  std::shared_ptr<MemoryStore> DiskOf(MemoryStore::Objects objects) const;

  // Notes that `path` has changed; it was `before`.
  void Note(std::string_view path, std::optional<MemoryStore::Object> before,
            bool are_bytes_durable) OG_REQUIRES(mutex_);
  // Everything about `path` is durable now, and with it the renames that brought it there.
  void Settle(const std::string& path) OG_REQUIRES(mutex_);
  // The objects that were removed from the folder of `path` stay removed.
  void SettleRemovalsBeside(std::string_view path) OG_REQUIRES(mutex_);
  // Makes the result of a conditional put as durable as promised.
  void SettlePut(std::string_view path) OG_REQUIRES(mutex_);

  const std::shared_ptr<MemoryStore> disk_;
  const Durability durability_;
  mutable Mutex mutex_;
  std::map<std::string, Change, std::less<>> changes_ OG_GUARDED_BY(mutex_);
  // Renames of which neither end is durable, oldest first.
  std::vector<std::pair<std::string, std::string>> renames_ OG_GUARDED_BY(mutex_);
};

}  // namespace og::io
