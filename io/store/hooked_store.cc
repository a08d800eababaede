#include "io/store/hooked_store.h"

#include <utility>

#include "io/base/status_macros.h"

namespace og::io {

std::string_view StoreCallName(StoreCall call) {
  switch (call) {
    case StoreCall::kStat:
      return "stat";
    case StoreCall::kReadRange:
      return "read_range";
    case StoreCall::kRead:
      return "read";
    case StoreCall::kReadTail:
      return "read_tail";
    case StoreCall::kOpenWrite:
      return "open_write";
    case StoreCall::kAppend:
      return "append";
    case StoreCall::kFinish:
      return "finish";
    case StoreCall::kPut:
      return "put";
    case StoreCall::kPutIfAbsent:
      return "put_if_absent";
    case StoreCall::kPutIfMatch:
      return "put_if_match";
    case StoreCall::kList:
      return "list";
    case StoreCall::kRename:
      return "rename";
    case StoreCall::kCopy:
      return "copy";
    case StoreCall::kDelete:
      return "delete";
    case StoreCall::kDeletePrefix:
      return "delete_prefix";
    case StoreCall::kSync:
      break;
  }
  return "sync";
}

bool IsMutation(StoreCall call) {
  switch (call) {
    case StoreCall::kStat:
    case StoreCall::kReadRange:
    case StoreCall::kRead:
    case StoreCall::kReadTail:
    case StoreCall::kList:
    case StoreCall::kSync:
      return false;
    default:
      return true;
  }
}

absl::Status HookedStore::Before(StoreCall, std::string_view) {
  return absl::OkStatus();
}

absl::Status HookedStore::After(StoreCall, std::string_view, uint64_t, const absl::Status& status) {
  return status;
}

class HookedStore::Stream : public WriteStream {
 public:
  Stream(HookedStore* store, std::string_view path, std::unique_ptr<WriteStream> base)
      : store_(store), path_(path), base_(std::move(base)) {}

  absl::Status Append(std::span<const std::byte> bytes) override {
    OG_RETURN_IF_ERROR(store_->Before(StoreCall::kAppend, path_));
    return store_->After(StoreCall::kAppend, path_, bytes.size(), base_->Append(bytes));
  }
  uint64_t size() const override { return base_->size(); }
  absl::StatusOr<ObjectInfo> Finish() override {
    OG_RETURN_IF_ERROR(store_->Before(StoreCall::kFinish, path_));
    auto result = base_->Finish();
    OG_RETURN_IF_ERROR(store_->After(StoreCall::kFinish, path_, 0, result.status()));
    return result;
  }

 private:
  HookedStore* const store_;
  const std::string path_;
  const std::unique_ptr<WriteStream> base_;
};

class HookedStore::Reads : public PendingReads::State {
 public:
  Reads(HookedStore* store, std::vector<ReadRequest> requests)
      : store_(store), requests_(std::move(requests)) {
    for (const ReadRequest& request : requests_) {
      if (request.range.length > 0) status_ = store_->Before(StoreCall::kReadRange, request.path);
      if (!status_.ok()) return;
    }
    base_ = store_->base().Submit(requests_);
  }

  absl::StatusOr<std::vector<Buffer>> Wait() override {
    OG_RETURN_IF_ERROR(status_);
    auto result = base_.Wait();
    for (const ReadRequest& request : requests_) {
      if (request.range.length == 0) continue;
      OG_RETURN_IF_ERROR(store_->After(StoreCall::kReadRange, request.path, request.range.length,
                                       result.status()));
    }
    return result;
  }

 private:
  HookedStore* const store_;
  const std::vector<ReadRequest> requests_;
  absl::Status status_;
  PendingReads base_;
};

absl::StatusOr<ObjectInfo> HookedStore::Stat(std::string_view path) {
  OG_RETURN_IF_ERROR(Before(StoreCall::kStat, path));
  auto result = base_->Stat(path);
  OG_RETURN_IF_ERROR(After(StoreCall::kStat, path, 0, result.status()));
  return result;
}

PendingReads HookedStore::Submit(std::vector<ReadRequest> requests) {
  return PendingReads(std::make_unique<Reads>(this, std::move(requests)));
}

absl::StatusOr<Buffer> HookedStore::Read(std::string_view path) {
  OG_RETURN_IF_ERROR(Before(StoreCall::kRead, path));
  auto result = base_->Read(path);
  OG_RETURN_IF_ERROR(
      After(StoreCall::kRead, path, result.ok() ? result->size() : 0, result.status()));
  return result;
}

absl::StatusOr<Buffer> HookedStore::ReadTail(std::string_view path, uint64_t length,
                                             uint64_t* size) {
  OG_RETURN_IF_ERROR(Before(StoreCall::kReadTail, path));
  auto result = base_->ReadTail(path, length, size);
  OG_RETURN_IF_ERROR(
      After(StoreCall::kReadTail, path, result.ok() ? result->size() : 0, result.status()));
  return result;
}

absl::StatusOr<std::unique_ptr<WriteStream>> HookedStore::OpenWrite(std::string_view path) {
  OG_RETURN_IF_ERROR(Before(StoreCall::kOpenWrite, path));
  auto result = base_->OpenWrite(path);
  OG_RETURN_IF_ERROR(After(StoreCall::kOpenWrite, path, 0, result.status()));
  OG_RETURN_IF_ERROR(result.status());
  return std::make_unique<Stream>(this, path, *std::move(result));
}

absl::StatusOr<ObjectInfo> HookedStore::Put(std::string_view path,
                                            std::span<const std::byte> bytes) {
  OG_RETURN_IF_ERROR(Before(StoreCall::kPut, path));
  auto result = base_->Put(path, bytes);
  OG_RETURN_IF_ERROR(After(StoreCall::kPut, path, bytes.size(), result.status()));
  return result;
}

absl::StatusOr<ObjectInfo> HookedStore::PutIfAbsent(std::string_view path,
                                                    std::span<const std::byte> bytes) {
  OG_RETURN_IF_ERROR(Before(StoreCall::kPutIfAbsent, path));
  auto result = base_->PutIfAbsent(path, bytes);
  OG_RETURN_IF_ERROR(After(StoreCall::kPutIfAbsent, path, bytes.size(), result.status()));
  return result;
}

absl::StatusOr<ObjectInfo> HookedStore::PutIfMatch(std::string_view path,
                                                   std::span<const std::byte> bytes,
                                                   std::string_view e_tag) {
  OG_RETURN_IF_ERROR(Before(StoreCall::kPutIfMatch, path));
  auto result = base_->PutIfMatch(path, bytes, e_tag);
  OG_RETURN_IF_ERROR(After(StoreCall::kPutIfMatch, path, bytes.size(), result.status()));
  return result;
}

absl::StatusOr<std::vector<ObjectInfo>> HookedStore::List(std::string_view prefix,
                                                          const ListOptions& options) {
  OG_RETURN_IF_ERROR(Before(StoreCall::kList, prefix));
  auto result = base_->List(prefix, options);
  OG_RETURN_IF_ERROR(After(StoreCall::kList, prefix, 0, result.status()));
  return result;
}

absl::Status HookedStore::Rename(std::string_view from, std::string_view to) {
  OG_RETURN_IF_ERROR(Before(StoreCall::kRename, from));
  return After(StoreCall::kRename, from, 0, base_->Rename(from, to));
}

absl::Status HookedStore::Copy(std::string_view from, std::string_view to) {
  OG_RETURN_IF_ERROR(Before(StoreCall::kCopy, from));
  return After(StoreCall::kCopy, from, 0, base_->Copy(from, to));
}

absl::Status HookedStore::Delete(std::string_view path) {
  OG_RETURN_IF_ERROR(Before(StoreCall::kDelete, path));
  return After(StoreCall::kDelete, path, 0, base_->Delete(path));
}

absl::Status HookedStore::DeletePrefix(std::string_view prefix) {
  OG_RETURN_IF_ERROR(Before(StoreCall::kDeletePrefix, prefix));
  return After(StoreCall::kDeletePrefix, prefix, 0, base_->DeletePrefix(prefix));
}

absl::Status HookedStore::Sync(std::span<const std::string> paths, Durability durability) {
  for (const std::string& path : paths)
    OG_RETURN_IF_ERROR(Before(StoreCall::kSync, path));
  absl::Status status = base_->Sync(paths, durability);
  for (const std::string& path : paths)
    status = After(StoreCall::kSync, path, 0, status);
  return status;
}

}  // namespace og::io
