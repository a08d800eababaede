// Counts the calls to a store, how long their callers waited, and how many rounds they came in:
// what
// `--stats` prints.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/fault/counting_store.h"
#include "io/store/far_calls.h"

namespace og::io {

// Sums since the store was made.
struct StoreMeter {
  StoreCounts counts;
  // Time that callers spent in each kind of call. A batch of ranges counts while it is submitted
  // and while it is waited for, not between: what the caller does meanwhile costs it nothing.
  std::array<int64_t, kNumStoreCalls> wait_ns{};
  uint64_t num_failed = 0;  // calls that ended in an error, missing objects included
  // How often a call began while none was under way. Calls that depend on each other cannot
  // overlap, so for one thread these are the round trips to a far store.
  uint64_t num_rounds = 0;

  int64_t total_wait_ns() const;
};

// Any thread may call any method.
class MeteredStore : public CountingStore, public FarCalls {
 public:
  MeteredStore(std::shared_ptr<Store> base, std::function<int64_t()> monotonic_ns);

  StoreMeter meter() const;

  absl::StatusOr<ObjectInfo> Stat(std::string_view path) override;
  PendingReads Submit(std::vector<ReadRequest> requests) override;
  absl::StatusOr<Buffer> Read(std::string_view path) override;
  std::vector<absl::StatusOr<Buffer>> ReadEach(std::span<const std::string> paths) override;
  absl::StatusOr<Buffer> ReadTail(std::string_view path, uint64_t length, uint64_t* size) override;
  absl::StatusOr<std::unique_ptr<WriteStream>> OpenWrite(std::string_view path) override;
  absl::StatusOr<ObjectInfo> Put(std::string_view path, std::span<const std::byte> bytes) override;
  absl::StatusOr<ObjectInfo> PutIfAbsent(std::string_view path,
                                         std::span<const std::byte> bytes) override;
  absl::StatusOr<ObjectInfo> PutIfMatch(std::string_view path, std::span<const std::byte> bytes,
                                        std::string_view e_tag) override;
  absl::StatusOr<std::vector<ObjectInfo>> List(std::string_view prefix,
                                               const ListOptions& options) override;
  absl::StatusOr<std::vector<ObjectInfo>> ListFirst(std::string_view prefix, size_t limit) override;
  absl::Status Rename(std::string_view from, std::string_view to) override;
  absl::Status Copy(std::string_view from, std::string_view to) override;
  absl::Status Delete(std::string_view path) override;
  absl::Status DeletePrefix(std::string_view prefix) override;
  absl::Status Sync(std::span<const std::string> paths, Durability durability) override;

 protected:
  absl::Status After(StoreCall call, std::string_view path, uint64_t bytes,
                     const absl::Status& status) override;

 private:
  class Reads;
  class Stream;
  class Round;
  class Wait;

  const std::function<int64_t()> monotonic_ns_;
  std::array<std::atomic<int64_t>, kNumStoreCalls> wait_ns_{};
  std::atomic<uint64_t> num_failed_ = 0;
  std::atomic<uint64_t> num_rounds_ = 0;
  std::atomic<uint64_t> num_under_way_ = 0;
};

}  // namespace og::io
