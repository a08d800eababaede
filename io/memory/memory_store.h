// Objects in memory: the reference model of the store contract, and the store of tests and of
// memory:// URIs. Nothing survives the process; Sync() does nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/base/sync.h"
#include "io/store/store.h"

namespace og::io {

// Tokens are "{sequence:x}-{modified_us:x}-{size:x}", the sequence growing with every publication,
// so that no token ever comes back.
class MemoryStore : public Store {
 public:
  struct Object {
    Buffer bytes;
    uint64_t sequence = 0;
    int64_t modified_us = 0;
  };
  using Objects = std::map<std::string, Object, std::less<>>;

  // `scheme_root` as Store::scheme_root(). `now_us` is the clock of modified_us, called under no
  // lock. `objects` are there from the start, with the tokens that they had.
  MemoryStore(std::string scheme_root, std::function<int64_t()> now_us, Objects objects = {});

  // All objects as they are now; cheap, for bytes are shared.
  Objects objects() const;

  // One object, if it is there.
  std::optional<Object> Find(std::string_view path) const;

  const std::function<int64_t()>& clock() const { return now_us_; }

  std::string_view scheme_root() const override { return scheme_root_; }
  absl::StatusOr<ObjectInfo> Stat(std::string_view path) override;
  PendingReads Submit(std::vector<ReadRequest> requests) override;
  absl::StatusOr<Buffer> Read(std::string_view path) override;
  absl::StatusOr<Buffer> ReadTail(std::string_view path, uint64_t length, uint64_t* size) override;
  absl::StatusOr<std::unique_ptr<WriteStream>> OpenWrite(std::string_view path) override;
  absl::StatusOr<ObjectInfo> Put(std::string_view path, std::span<const std::byte> bytes) override;
  absl::StatusOr<ObjectInfo> PutIfAbsent(std::string_view path,
                                         std::span<const std::byte> bytes) override;
  absl::StatusOr<ObjectInfo> PutIfMatch(std::string_view path, std::span<const std::byte> bytes,
                                        std::string_view e_tag) override;
  absl::StatusOr<std::vector<ObjectInfo>> List(std::string_view prefix,
                                               const ListOptions& options) override;
  absl::Status Rename(std::string_view from, std::string_view to) override;
  absl::Status Copy(std::string_view from, std::string_view to) override;
  absl::Status Delete(std::string_view path) override;
  absl::Status DeletePrefix(std::string_view prefix) override;
  absl::Status Sync(std::span<const std::string> paths, Durability durability) override;
  bool is_local() const override { return true; }

 private:
  class Stream;

  static ObjectInfo InfoOf(const std::string& path, const Object& object);

  // The object, or kNotFound.
  absl::StatusOr<Object> Get(std::string_view path) const;
  absl::StatusOr<ObjectInfo> Publish(std::string_view path, Buffer bytes);

  const std::string scheme_root_;
  const std::function<int64_t()> now_us_;
  mutable Mutex mutex_;
  uint64_t sequence_ OG_GUARDED_BY(mutex_) = 0;
  Objects objects_ OG_GUARDED_BY(mutex_);
};

}  // namespace og::io
