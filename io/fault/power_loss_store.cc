#include "io/fault/power_loss_store.h"

#include <algorithm>
#include <random>
#include <utility>

#include "io/base/status_macros.h"
#include "io/store/path.h"

namespace og::io {
namespace {

// `object` with its bytes cut short, or with zeros from some place on.
MemoryStore::Object Torn(MemoryStore::Object object, std::mt19937_64& random) {
  const uint64_t kept = random() % (object.bytes.size() + 1);
  if (random() % 2 == 0) {
    object.bytes = object.bytes.Slice(0, kept);
    return object;
  }
  MutableBuffer zeroed(object.bytes.size());
  std::copy_n(object.bytes.data(), kept, zeroed.data());
  std::fill(zeroed.data() + kept, zeroed.data() + zeroed.size(), std::byte{0});
  object.bytes = std::move(zeroed).Share();
  return object;
}

}  // namespace

PowerLossStore::PowerLossStore(std::shared_ptr<MemoryStore> disk, Durability durability)
    : HookedStore(disk), disk_(std::move(disk)), durability_(durability) {}

class PowerLossStore::Stream : public WriteStream {
 public:
  Stream(PowerLossStore* store, std::string_view path) : store_(store), path_(path) {}

  absl::Status Append(std::span<const std::byte> bytes) override {
    bytes_.Append(bytes);
    return absl::OkStatus();
  }
  uint64_t size() const override { return bytes_.size(); }
  absl::StatusOr<ObjectInfo> Finish() override { return store_->Put(path_, bytes_.span()); }

 private:
  PowerLossStore* const store_;
  const std::string path_;
  MutableBuffer bytes_;
};

void PowerLossStore::Note(std::string_view path, std::optional<MemoryStore::Object> before,
                          bool are_bytes_durable) {
  changes_.try_emplace(std::string(path), Change{std::move(before), are_bytes_durable})
      .first->second.are_bytes_durable = are_bytes_durable;
}

void PowerLossStore::Settle(const std::string& path) {
  changes_.erase(path);
  for (;;) {
    const auto rename = std::find_if(renames_.begin(), renames_.end(), [&path](const auto& entry) {
      return entry.first == path || entry.second == path;
    });
    if (rename == renames_.end()) return;
    const auto [from, to] = *rename;
    renames_.erase(rename);
    // One journal transaction: what makes one end durable makes the other.
    Settle(from == path ? to : from);
  }
}

void PowerLossStore::SettleRemovalsBeside(std::string_view path) {
  const auto folder_of = [](std::string_view name) {
    const size_t slash = name.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
  };
  std::vector<std::string> removed;
  for (const auto& [name, change] : changes_) {
    if (folder_of(name) == folder_of(path) && !disk_->Find(name)) removed.push_back(name);
  }
  for (const std::string& name : removed)
    Settle(name);
}

void PowerLossStore::SettlePut(std::string_view path) {
  if (durability_ != Durability::kFull) return;
  Settle(std::string(path));
  SettleRemovalsBeside(path);
}

absl::StatusOr<std::unique_ptr<WriteStream>> PowerLossStore::OpenWrite(std::string_view path) {
  OG_RETURN_IF_ERROR(CheckPath(path));
  return std::make_unique<Stream>(this, path);
}

absl::StatusOr<ObjectInfo> PowerLossStore::Put(std::string_view path,
                                               std::span<const std::byte> bytes) {
  MutexLock lock(mutex_);
  auto before = disk_->Find(path);
  OG_ASSIGN_OR_RETURN(ObjectInfo info, disk_->Put(path, bytes));
  Note(path, std::move(before), false);
  return info;
}

absl::StatusOr<ObjectInfo> PowerLossStore::PutIfAbsent(std::string_view path,
                                                       std::span<const std::byte> bytes) {
  MutexLock lock(mutex_);
  OG_ASSIGN_OR_RETURN(ObjectInfo info, disk_->PutIfAbsent(path, bytes));
  Note(path, std::nullopt, durability_ != Durability::kNone);
  SettlePut(path);
  return info;
}

absl::StatusOr<ObjectInfo> PowerLossStore::PutIfMatch(std::string_view path,
                                                      std::span<const std::byte> bytes,
                                                      std::string_view e_tag) {
  MutexLock lock(mutex_);
  auto before = disk_->Find(path);
  OG_ASSIGN_OR_RETURN(ObjectInfo info, disk_->PutIfMatch(path, bytes, e_tag));
  Note(path, std::move(before), durability_ != Durability::kNone);
  SettlePut(path);
  return info;
}

absl::Status PowerLossStore::Rename(std::string_view from, std::string_view to) {
  MutexLock lock(mutex_);
  auto source = disk_->Find(from);
  auto target = disk_->Find(to);
  OG_RETURN_IF_ERROR(disk_->Rename(from, to));
  if (from == to) return absl::OkStatus();
  const auto change = changes_.find(from);
  const bool are_bytes_durable = change == changes_.end() || change->second.are_bytes_durable;
  Note(from, std::move(source), true);
  Note(to, std::move(target), are_bytes_durable);
  renames_.emplace_back(from, to);
  return absl::OkStatus();
}

absl::Status PowerLossStore::Copy(std::string_view from, std::string_view to) {
  MutexLock lock(mutex_);
  auto target = disk_->Find(to);
  OG_RETURN_IF_ERROR(disk_->Copy(from, to));
  Note(to, std::move(target), false);
  return absl::OkStatus();
}

absl::Status PowerLossStore::Delete(std::string_view path) {
  MutexLock lock(mutex_);
  auto before = disk_->Find(path);
  OG_RETURN_IF_ERROR(disk_->Delete(path));
  if (before.has_value()) Note(path, std::move(before), true);
  return absl::OkStatus();
}

absl::Status PowerLossStore::DeletePrefix(std::string_view prefix) {
  MutexLock lock(mutex_);
  const MemoryStore::Objects before = disk_->objects();
  OG_RETURN_IF_ERROR(disk_->DeletePrefix(prefix));
  for (const auto& [path, object] : before) {
    if (!disk_->Find(path).has_value()) Note(path, object, true);
  }
  return absl::OkStatus();
}

absl::Status PowerLossStore::Sync(std::span<const std::string> paths, Durability durability) {
  OG_RETURN_IF_ERROR(disk_->Sync(paths, durability));
  MutexLock lock(mutex_);
  for (const std::string& path : paths) {
    if (durability == Durability::kFull) {
      Settle(path);
      SettleRemovalsBeside(path);
    } else if (durability == Durability::kData) {
      if (const auto it = changes_.find(path); it != changes_.end()) {
        it->second.are_bytes_durable = true;
      }
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> PowerLossStore::Unsynced() const {
  MutexLock lock(mutex_);
  std::vector<std::string> paths;
  for (const auto& [path, change] : changes_)
    paths.push_back(path);
  return paths;
}

MemoryStore::Objects PowerLossStore::Left(Survival& survives) const {
  for (const auto& [from, to] : renames_)
    survives[from] = survives[to];
  MemoryStore::Objects left = disk_->objects();
  for (const auto& [path, change] : changes_) {
    if (survives[path]) continue;
    if (change.durable.has_value()) {
      left[path] = *change.durable;
    } else {
      left.erase(path);
    }
  }
  return left;
}

std::shared_ptr<MemoryStore> PowerLossStore::DiskOf(MemoryStore::Objects objects) const {
  return std::make_shared<MemoryStore>(std::string(disk_->scheme_root()), disk_->clock(),
                                       std::move(objects));
}

std::shared_ptr<MemoryStore> PowerLossStore::AfterPowerLoss(PowerLoss loss, uint64_t seed) const {
  MutexLock lock(mutex_);
  std::mt19937_64 random(seed);
  Survival survives;
  for (const auto& [path, change] : changes_) {
    survives[path] = loss == PowerLoss::kBytes || (loss == PowerLoss::kRandom && random() % 2 == 0);
  }
  MemoryStore::Objects left = Left(survives);
  for (const auto& [path, change] : changes_) {
    const auto it = left.find(path);
    if (!survives[path] || it == left.end() || change.are_bytes_durable) continue;
    if (loss == PowerLoss::kBytes) it->second.bytes = Buffer();
    if (loss == PowerLoss::kRandom && random() % 2 == 0) it->second = Torn(it->second, random);
  }
  return DiskOf(std::move(left));
}

std::shared_ptr<MemoryStore> PowerLossStore::AfterLossOf(std::span<const std::string> paths) const {
  MutexLock lock(mutex_);
  Survival survives;
  for (const auto& [path, change] : changes_)
    survives[path] = std::ranges::count(paths, path) == 0;
  for (const auto& [from, to] : renames_)
    survives[to] = survives[to] && std::ranges::count(paths, from) == 0;
  return DiskOf(Left(survives));
}

}  // namespace og::io
