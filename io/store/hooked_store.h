// A store that passes every call on to another one and lets a subclass look, refuse, or change the
// answer. The fault store, the request counter and the simulation are made of it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/store/store.h"

namespace og::io {

enum class StoreCall : uint8_t {
  kStat,
  kReadRange,  // one for each request of Submit() that is not empty
  kRead,
  kReadTail,
  kOpenWrite,
  kAppend,
  kFinish,
  kPut,
  kPutIfAbsent,
  kPutIfMatch,
  kList,
  kRename,  // path: from
  kCopy,    // path: from
  kDelete,
  kDeletePrefix,
  kSync,  // one for each path
};
inline constexpr size_t kNumStoreCalls = 16;

// "put_if_absent".
std::string_view StoreCallName(StoreCall call);

// Whether the call changes the store.
bool IsMutation(StoreCall call);

// Any thread may call any method; so must the hooks allow.
class HookedStore : public Store {
 public:
  explicit HookedStore(std::shared_ptr<Store> base) : base_(std::move(base)) {}

  std::string_view scheme_root() const override { return base_->scheme_root(); }
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
  bool is_local() const override { return base_->is_local(); }

 protected:
  // Before a call: an error is returned instead of making it.
  virtual absl::Status Before(StoreCall call, std::string_view path);

  // After a call that had `status` and moved `bytes` of data: the status that the caller gets. An
  // error here hides a call that took effect: a lost answer.
  virtual absl::Status After(StoreCall call, std::string_view path, uint64_t bytes,
                             const absl::Status& status);

  Store& base() { return *base_; }

 private:
  class Stream;
  class Reads;

  const std::shared_ptr<Store> base_;
};

}  // namespace og::io
