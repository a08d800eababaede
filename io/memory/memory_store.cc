#include "io/memory/memory_store.h"

#include <algorithm>
#include <utility>

#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/store/path.h"

namespace og::io {
namespace {

// Results that were there when the reads were submitted.
class FinishedReads : public PendingReads::State {
 public:
  explicit FinishedReads(absl::StatusOr<std::vector<Buffer>> result) : result_(std::move(result)) {}
  absl::StatusOr<std::vector<Buffer>> Wait() override { return std::move(result_); }

 private:
  absl::StatusOr<std::vector<Buffer>> result_;
};

}  // namespace

class MemoryStore::Stream : public WriteStream {
 public:
  Stream(MemoryStore* store, std::string_view path) : store_(store), path_(path) {}

  absl::Status Append(std::span<const std::byte> bytes) override {
    bytes_.Append(bytes);
    return absl::OkStatus();
  }
  uint64_t size() const override { return bytes_.size(); }
  absl::StatusOr<ObjectInfo> Finish() override {
    return store_->Publish(path_, std::move(bytes_).Share());
  }

 private:
  MemoryStore* const store_;
  const std::string path_;
  MutableBuffer bytes_;
};

MemoryStore::MemoryStore(std::string scheme_root, std::function<int64_t()> now_us, Objects objects)
    : scheme_root_(std::move(scheme_root)),
      now_us_(std::move(now_us)),
      objects_(std::move(objects)) {
  for (const auto& [path, object] : objects_)
    sequence_ = std::max(sequence_, object.sequence);
}

MemoryStore::Objects MemoryStore::objects() const {
  MutexLock lock(mutex_);
  return objects_;
}

std::optional<MemoryStore::Object> MemoryStore::Find(std::string_view path) const {
  MutexLock lock(mutex_);
  const auto it = objects_.find(path);
  if (it == objects_.end()) return std::nullopt;
  return it->second;
}

ObjectInfo MemoryStore::InfoOf(const std::string& path, const Object& object) {
  return {.path = path,
          .size = object.bytes.size(),
          .e_tag = StrCat(Hex(object.sequence), "-", Hex(static_cast<uint64_t>(object.modified_us)),
                          "-", Hex(object.bytes.size())),
          .modified_us = object.modified_us};
}

absl::StatusOr<MemoryStore::Object> MemoryStore::Get(std::string_view path) const {
  OG_RETURN_IF_ERROR(CheckPath(path));
  std::optional<Object> object = Find(path);
  if (!object.has_value()) return NoSuchObject(path);
  return *std::move(object);
}

absl::StatusOr<ObjectInfo> MemoryStore::Stat(std::string_view path) {
  OG_ASSIGN_OR_RETURN(const Object object, Get(path));
  return InfoOf(std::string(path), object);
}

PendingReads MemoryStore::Submit(std::vector<ReadRequest> requests) {
  const auto read_all = [&]() -> absl::StatusOr<std::vector<Buffer>> {
    std::vector<Buffer> buffers;
    buffers.reserve(requests.size());
    for (const ReadRequest& request : requests) {
      OG_ASSIGN_OR_RETURN(const Object object, Get(request.path));
      OG_RETURN_IF_ERROR(CheckRange(request.path, request.range, object.bytes.size()));
      buffers.push_back(object.bytes.Slice(request.range.offset, request.range.length));
    }
    return buffers;
  };
  return PendingReads(std::make_unique<FinishedReads>(read_all()));
}

absl::StatusOr<Buffer> MemoryStore::Read(std::string_view path) {
  OG_ASSIGN_OR_RETURN(const Object object, Get(path));
  return object.bytes;
}

absl::StatusOr<Buffer> MemoryStore::ReadTail(std::string_view path, uint64_t length,
                                             uint64_t* size) {
  OG_ASSIGN_OR_RETURN(const Object object, Get(path));
  *size = object.bytes.size();
  const uint64_t tail = std::min<uint64_t>(length, object.bytes.size());
  return object.bytes.Slice(object.bytes.size() - tail, tail);
}

absl::StatusOr<std::unique_ptr<WriteStream>> MemoryStore::OpenWrite(std::string_view path) {
  OG_RETURN_IF_ERROR(CheckPath(path));
  return std::make_unique<Stream>(this, path);
}

absl::StatusOr<ObjectInfo> MemoryStore::Publish(std::string_view path, Buffer bytes) {
  const int64_t now_us = now_us_();
  MutexLock lock(mutex_);
  Object& object = objects_[std::string(path)];
  object = {std::move(bytes), ++sequence_, now_us};
  return InfoOf(std::string(path), object);
}

absl::StatusOr<ObjectInfo> MemoryStore::Put(std::string_view path,
                                            std::span<const std::byte> bytes) {
  OG_RETURN_IF_ERROR(CheckPath(path));
  return Publish(path, Buffer::CopyOf(bytes));
}

absl::StatusOr<ObjectInfo> MemoryStore::PutIfAbsent(std::string_view path,
                                                    std::span<const std::byte> bytes) {
  OG_RETURN_IF_ERROR(CheckPath(path));
  const int64_t now_us = now_us_();
  MutexLock lock(mutex_);
  const auto [it, is_new] = objects_.try_emplace(std::string(path));
  if (!is_new) return ObjectExists(path);
  it->second = {Buffer::CopyOf(bytes), ++sequence_, now_us};
  return InfoOf(it->first, it->second);
}

absl::StatusOr<ObjectInfo> MemoryStore::PutIfMatch(std::string_view path,
                                                   std::span<const std::byte> bytes,
                                                   std::string_view e_tag) {
  OG_RETURN_IF_ERROR(CheckPath(path));
  const int64_t now_us = now_us_();
  MutexLock lock(mutex_);
  const auto it = objects_.find(path);
  if (it == objects_.end()) return TokenDiffers(path, "", e_tag);
  const std::string found = e_tag.starts_with(kContentTokenPrefix)
                                ? ContentToken(it->second.bytes.span())
                                : InfoOf(it->first, it->second).e_tag;
  if (found != e_tag) return TokenDiffers(path, found, e_tag);
  it->second = {Buffer::CopyOf(bytes), ++sequence_, now_us};
  return InfoOf(it->first, it->second);
}

absl::StatusOr<std::vector<ObjectInfo>> MemoryStore::List(std::string_view prefix,
                                                          const ListOptions& options) {
  OG_RETURN_IF_ERROR(CheckPrefix(prefix));
  const std::string folder = prefix.empty() ? std::string() : StrCat(prefix, "/");
  std::vector<ObjectInfo> infos;
  MutexLock lock(mutex_);
  for (auto it = objects_.lower_bound(folder); it != objects_.end(); ++it) {
    if (!it->first.starts_with(folder)) break;
    const std::string_view rest = std::string_view(it->first).substr(folder.size());
    if (!options.recursive && rest.find('/') != std::string_view::npos) continue;
    if (IsTemporaryName(rest)) continue;
    infos.push_back(InfoOf(it->first, it->second));
  }
  return infos;
}

absl::Status MemoryStore::Rename(std::string_view from, std::string_view to) {
  OG_RETURN_IF_ERROR(CheckPath(from));
  OG_RETURN_IF_ERROR(CheckPath(to));
  MutexLock lock(mutex_);
  const auto it = objects_.find(from);
  if (it == objects_.end()) return NoSuchObject(from);
  if (from == to) return absl::OkStatus();
  Object object = std::move(it->second);
  objects_.erase(it);
  objects_.insert_or_assign(std::string(to), std::move(object));
  return absl::OkStatus();
}

absl::Status MemoryStore::Copy(std::string_view from, std::string_view to) {
  OG_RETURN_IF_ERROR(CheckPath(to));
  OG_ASSIGN_OR_RETURN(const Object object, Get(from));
  return Publish(to, object.bytes).status();
}

absl::Status MemoryStore::Delete(std::string_view path) {
  OG_RETURN_IF_ERROR(CheckPath(path));
  MutexLock lock(mutex_);
  if (const auto it = objects_.find(path); it != objects_.end()) objects_.erase(it);
  return absl::OkStatus();
}

absl::Status MemoryStore::DeletePrefix(std::string_view prefix) {
  OG_RETURN_IF_ERROR(CheckPath(prefix));
  MutexLock lock(mutex_);
  const std::string folder = StrCat(prefix, "/");
  const auto first = objects_.lower_bound(folder);
  auto last = first;
  while (last != objects_.end() && last->first.starts_with(folder))
    ++last;
  objects_.erase(first, last);
  return absl::OkStatus();
}

absl::Status MemoryStore::Sync(std::span<const std::string> paths, Durability) {
  for (const std::string& path : paths)
    OG_RETURN_IF_ERROR(Get(path).status());
  return absl::OkStatus();
}

}  // namespace og::io
