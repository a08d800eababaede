#include "io/fault/metered_store.h"

#include <numeric>
#include <optional>
#include <utility>

#include "io/base/status_macros.h"

namespace og::io {

int64_t StoreMeter::total_wait_ns() const {
  return std::accumulate(wait_ns.begin(), wait_ns.end(), int64_t{0});
}

// A call that is under way.
class MeteredStore::Round {
 public:
  explicit Round(MeteredStore& store) : store_(store) {
    if (store_.num_under_way_.fetch_add(1) == 0) store_.num_rounds_.fetch_add(1);
  }
  ~Round() { store_.num_under_way_.fetch_sub(1); }
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;

 private:
  MeteredStore& store_;
};

// A caller that waits in a call.
class MeteredStore::Wait {
 public:
  Wait(MeteredStore& store, StoreCall call)
      : store_(store), call_(call), start_ns_(store.monotonic_ns_()) {}
  ~Wait() {
    store_.wait_ns_[static_cast<size_t>(call_)].fetch_add(store_.monotonic_ns_() - start_ns_,
                                                          std::memory_order_relaxed);
  }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

 private:
  MeteredStore& store_;
  const StoreCall call_;
  const int64_t start_ns_;
};

class MeteredStore::Reads : public PendingReads::State {
 public:
  Reads(MeteredStore& store, std::vector<ReadRequest> requests) : store_(store) {
    round_.emplace(store);
    const class Wait wait(store, StoreCall::kReadRange);
    base_ = store.CountingStore::Submit(std::move(requests));
  }

  absl::StatusOr<std::vector<Buffer>> Wait() override {
    const class Wait wait(store_, StoreCall::kReadRange);
    auto buffers = base_.Wait();
    round_.reset();
    return buffers;
  }

 private:
  MeteredStore& store_;
  std::optional<Round> round_;
  PendingReads base_;
};

class MeteredStore::Stream : public WriteStream {
 public:
  Stream(MeteredStore& store, std::unique_ptr<WriteStream> base)
      : store_(store), base_(std::move(base)) {}

  absl::Status Append(std::span<const std::byte> bytes) override {
    const Round round(store_);
    const Wait wait(store_, StoreCall::kAppend);
    return base_->Append(bytes);
  }
  uint64_t size() const override { return base_->size(); }
  absl::StatusOr<ObjectInfo> Finish() override {
    const Round round(store_);
    const Wait wait(store_, StoreCall::kFinish);
    return base_->Finish();
  }

 private:
  MeteredStore& store_;
  const std::unique_ptr<WriteStream> base_;
};

MeteredStore::MeteredStore(std::shared_ptr<Store> base, std::function<int64_t()> monotonic_ns)
    : CountingStore(std::move(base)), monotonic_ns_(std::move(monotonic_ns)) {}

StoreMeter MeteredStore::meter() const {
  StoreMeter meter;
  meter.counts = counts();
  for (size_t i = 0; i < kNumStoreCalls; ++i)
    meter.wait_ns[i] = wait_ns_[i].load(std::memory_order_relaxed);
  meter.num_failed = num_failed_.load(std::memory_order_relaxed);
  meter.num_rounds = num_rounds_.load(std::memory_order_relaxed);
  return meter;
}

absl::Status MeteredStore::After(StoreCall call, std::string_view path, uint64_t bytes,
                                 const absl::Status& status) {
  if (!status.ok()) num_failed_.fetch_add(1, std::memory_order_relaxed);
  return CountingStore::After(call, path, bytes, status);
}

absl::StatusOr<ObjectInfo> MeteredStore::Stat(std::string_view path) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kStat);
  return CountingStore::Stat(path);
}

PendingReads MeteredStore::Submit(std::vector<ReadRequest> requests) {
  return PendingReads(std::make_unique<Reads>(*this, std::move(requests)));
}

absl::StatusOr<Buffer> MeteredStore::Read(std::string_view path) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kRead);
  return CountingStore::Read(path);
}

std::vector<absl::StatusOr<Buffer>> MeteredStore::ReadEach(std::span<const std::string> paths) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kRead);
  std::vector<absl::StatusOr<Buffer>> objects = io::ReadEach(base(), paths);
  for (size_t i = 0; i < paths.size(); ++i) {
    const uint64_t bytes = objects[i].ok() ? objects[i]->size() : 0;
    After(StoreCall::kRead, paths[i], bytes, objects[i].status()).IgnoreError();
  }
  return objects;
}

absl::StatusOr<Buffer> MeteredStore::ReadTail(std::string_view path, uint64_t length,
                                              uint64_t* size) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kReadTail);
  return CountingStore::ReadTail(path, length, size);
}

absl::StatusOr<std::unique_ptr<WriteStream>> MeteredStore::OpenWrite(std::string_view path) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kOpenWrite);
  OG_ASSIGN_OR_RETURN(std::unique_ptr<WriteStream> stream, CountingStore::OpenWrite(path));
  return std::make_unique<Stream>(*this, std::move(stream));
}

absl::StatusOr<ObjectInfo> MeteredStore::Put(std::string_view path,
                                             std::span<const std::byte> bytes) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kPut);
  return CountingStore::Put(path, bytes);
}

absl::StatusOr<ObjectInfo> MeteredStore::PutIfAbsent(std::string_view path,
                                                     std::span<const std::byte> bytes) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kPutIfAbsent);
  return CountingStore::PutIfAbsent(path, bytes);
}

absl::StatusOr<ObjectInfo> MeteredStore::PutIfMatch(std::string_view path,
                                                    std::span<const std::byte> bytes,
                                                    std::string_view e_tag) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kPutIfMatch);
  return CountingStore::PutIfMatch(path, bytes, e_tag);
}

absl::StatusOr<std::vector<ObjectInfo>> MeteredStore::List(std::string_view prefix,
                                                           const ListOptions& options) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kList);
  return CountingStore::List(prefix, options);
}

absl::StatusOr<std::vector<ObjectInfo>> MeteredStore::ListFirst(std::string_view prefix,
                                                                size_t limit) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kList);
  auto infos = io::ListFirst(base(), prefix, limit);
  After(StoreCall::kList, prefix, 0, infos.status()).IgnoreError();
  return infos;
}

absl::Status MeteredStore::Rename(std::string_view from, std::string_view to) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kRename);
  return CountingStore::Rename(from, to);
}

absl::Status MeteredStore::Copy(std::string_view from, std::string_view to) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kCopy);
  return CountingStore::Copy(from, to);
}

absl::Status MeteredStore::Delete(std::string_view path) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kDelete);
  return CountingStore::Delete(path);
}

absl::Status MeteredStore::DeletePrefix(std::string_view prefix) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kDeletePrefix);
  return CountingStore::DeletePrefix(prefix);
}

absl::Status MeteredStore::Sync(std::span<const std::string> paths, Durability durability) {
  const Round round(*this);
  const Wait wait(*this, StoreCall::kSync);
  return CountingStore::Sync(paths, durability);
}

}  // namespace og::io
