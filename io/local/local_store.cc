#include "io/local/local_store.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/local/errno_status.h"
#include "io/local/pending_local_reads.h"
#include "io/store/path.h"

namespace og::io {
namespace {

// Small appends are gathered up to this size.
constexpr size_t kStreamBufferBytes = size_t{128} << 10;

// A stream that will be synced asks for write-back every so often, so that the sync at the end
// finds little left.
constexpr uint64_t kWriteBackBytes = uint64_t{8} << 20;

// Folders inside folders below a listed prefix; deeper ones are no layout of ours.
constexpr int kMaxListDepth = 64;

std::string FileOf(std::string_view path) {
  return StrCat("/", path);
}

// The folder of a prefix.
std::string FolderOf(std::string_view prefix) {
  return StrCat("/", prefix);
}

// Reads from `offset` until `out` is full.
absl::Status ReadFully(const OpenFile& file, uint64_t offset, std::span<std::byte> out,
                       std::string_view path) {
  while (!out.empty()) {
    const ssize_t got =
        pread(file.descriptor.fd(), out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, path, "read");
    }
    if (got == 0) {
      return DataLossError(
          StrCat(FailedCall("read", path), ": the file was cut to ", offset, " bytes meanwhile"));
    }
    offset += static_cast<uint64_t>(got);
    out = out.subspan(static_cast<size_t>(got));
  }
  return absl::OkStatus();
}

// Holds flock(2) on a folder for a scope; other processes and threads wait.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder)
      : descriptor_(OpenDescriptor(folder, O_RDONLY | O_DIRECTORY)) {
    if (!descriptor_.is_open()) {
      error_ = errno;
      return;
    }
    while (flock(descriptor_.fd(), LOCK_EX) != 0) {
      if (errno == EINTR) continue;
      error_ = errno;
      return;
    }
  }

  // Why the lock is not held; 0 if it is.
  int error() const { return error_; }

  // The same for writers that compare nothing, which go on where folders cannot be locked: by the
  // file system, for want of the right to read them, or because they are not there.
  absl::Status ForReplacing(const std::string& name) const {
    constexpr int kCannotBeLocked[] = {0,      ENOLCK, EOPNOTSUPP, ENOSYS,
                                       EACCES, EPERM,  ENOENT,     ENOTDIR};
    if (std::ranges::find(kCannotBeLocked, error_) != std::end(kCannotBeLocked))
      return absl::OkStatus();
    return ErrnoStatus(error_, name, "lock folder");
  }

 private:
  Descriptor descriptor_;
  int error_ = 0;
};

// Gives `file` a modification time that no earlier object of this name had, however coarse the
// clock of the file system: tokens contain it, and inode numbers come back.
absl::Status StampAfter(const NewFile& file, int64_t previous_us, std::string_view path) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  int64_t us = int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  us = std::max(us, previous_us + 1);
  const timespec stamp{us / 1'000'000, us % 1'000'000 * 1000};
  const timespec times[2] = {stamp, stamp};
  if (futimens(file.fd(), times) != 0) return ErrnoStatus(errno, path, "set time");
  return absl::OkStatus();
}

// Collects the objects of one folder, then those below it.
absl::Status ListFolder(const std::string& folder, const std::string& object_prefix,
                        const ListOptions& options, int depth, std::vector<ObjectInfo>& infos) {
  const bool is_recursive = options.recursive;
  OG_ASSIGN_OR_RETURN(Folder directory, OpenFolder(folder));
  if (directory == nullptr) return absl::OkStatus();
  std::vector<std::string> folders;
  for (;;) {
    errno = 0;
    const dirent* const entry = readdir(directory.get());
    if (entry == nullptr) {
      if (errno != 0) return ErrnoStatus(errno, folder, "list");
      break;
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (entry->d_type == DT_DIR) {
      if (is_recursive) folders.emplace_back(name);
      continue;
    }
    if (IsTemporaryName(name)) continue;
    if (!options.with_info && entry->d_type == DT_REG) {
      infos.push_back({.path = StrCat(object_prefix, name), .e_tag = {}});
      continue;
    }
    struct stat info;
    if (fstatat(dirfd(directory.get()), entry->d_name, &info, 0) != 0) {
      if (errno == ENOENT || errno == ELOOP) continue;  // removed meanwhile, or a dangling link
      return ErrnoStatus(errno, StrCat(folder, "/", name), "list");
    }
    // A folder behind a symbolic link is not entered: it may lead back up.
    const bool is_link = entry->d_type == DT_LNK;
    if (S_ISDIR(info.st_mode) && !is_link && is_recursive) folders.emplace_back(name);
    if (S_ISREG(info.st_mode)) infos.push_back(ObjectInfoOf(StrCat(object_prefix, name), info));
  }
  directory.reset();  // before those below take descriptors
  for (const std::string& name : folders) {
    if (depth == kMaxListDepth) {
      return InvalidArgumentError(
          StrCat(FailedCall("list", folder), ": more than ", kMaxListDepth, " folders deep"));
    }
    OG_RETURN_IF_ERROR(ListFolder(StrCat(folder == "/" ? "" : folder, "/", name),
                                  StrCat(object_prefix, name, "/"), options, depth + 1, infos));
  }
  return absl::OkStatus();
}

// Copies all bytes of `from` into `to` inside the kernel where it can.
absl::Status CopyBytes(const OpenFile& from, NewFile& to, std::string_view path) {
  auto left = static_cast<size_t>(from.size);
  off_t offset = 0;
  while (left > 0) {
    const ssize_t copied =
        copy_file_range(from.descriptor.fd(), &offset, to.fd(), nullptr, left, 0);
    if (copied > 0) {
      left -= static_cast<size_t>(copied);
      continue;
    }
    if (copied < 0 && errno == EINTR) continue;
    if (copied < 0 && errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS) {
      return ErrnoStatus(errno, path, "copy");
    }
    MutableBuffer chunk(std::min(left, size_t{1} << 20));
    OG_RETURN_IF_ERROR(ReadFully(from, static_cast<uint64_t>(offset), chunk.span(), path));
    OG_RETURN_IF_ERROR(to.Write(chunk.span()));
    offset += static_cast<off_t>(chunk.size());
    left -= chunk.size();
  }
  return absl::OkStatus();
}

}  // namespace

class LocalStore::Stream : public WriteStream {
 public:
  Stream(LocalStore* store, std::string_view path, NewFile file)
      : store_(store), path_(path), file_(std::move(file)) {}

  absl::Status Append(std::span<const std::byte> bytes) override {
    size_ += bytes.size();
    if (gathered_.size() + bytes.size() <= kStreamBufferBytes) {
      gathered_.Reserve(kStreamBufferBytes);
      gathered_.Append(bytes);
      return absl::OkStatus();
    }
    OG_RETURN_IF_ERROR(Flush());
    if (bytes.size() <= kStreamBufferBytes) {
      gathered_.Append(bytes);
      return absl::OkStatus();
    }
    OG_RETURN_IF_ERROR(file_.Write(bytes));
    return StartWriteBack(size_);
  }

  uint64_t size() const override { return size_; }

  absl::StatusOr<ObjectInfo> Finish() override {
    OG_RETURN_IF_ERROR(Flush());
    return store_->Publish(path_, file_);
  }

 private:
  absl::Status Flush() {
    OG_RETURN_IF_ERROR(file_.Write(gathered_.span()));
    written_ += gathered_.size();
    gathered_.Resize(0);
    return StartWriteBack(written_);
  }

  absl::Status StartWriteBack(uint64_t written) {
    written_ = written;
    if (store_->options_.durability == Durability::kNone) return absl::OkStatus();
    if (written_ - started_ < kWriteBackBytes) return absl::OkStatus();
    // Advice only: what it cannot do, the sync does.
    static_cast<void>(sync_file_range(file_.fd(), static_cast<off_t>(started_),
                                      static_cast<off_t>(written_ - started_),
                                      SYNC_FILE_RANGE_WRITE));
    started_ = written_;
    return absl::OkStatus();
  }

  LocalStore* const store_;
  const std::string path_;
  NewFile file_;
  MutableBuffer gathered_;
  uint64_t size_ = 0;
  uint64_t written_ = 0;
  uint64_t started_ = 0;  // of write-back
};

LocalStore::LocalStore(const LocalStoreOptions& options, std::shared_ptr<IoEngine> threads)
    : options_(options),
      engines_(options.io != LocalIo::kThreads, std::move(threads)),
      descriptors_(DescriptorCache::DefaultCapacity()),
      meter_(options.direct_reads, options.page_cache_bytes) {}

absl::StatusOr<std::unique_ptr<LocalStore>> LocalStore::Open(const LocalStoreOptions& options) {
  if (options.io == LocalIo::kUring && UringEngineOfThisThread() == nullptr) {
    return FailedPreconditionError("io_uring is absent or forbidden here");
  }
  return std::unique_ptr<LocalStore>(
      new LocalStore(options, NewThreadEngine(options.num_io_threads)));
}

absl::StatusOr<ObjectInfo> LocalStore::Stat(std::string_view path) {
  OG_RETURN_IF_ERROR(CheckPath(path));
  const std::string file = FileOf(path);
  struct stat info;
  if (stat(file.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return NoSuchObject(file);
    return ErrnoStatus(errno, file, "stat");
  }
  if (!S_ISREG(info.st_mode)) return NoSuchObject(file);
  return ObjectInfoOf(path, info);
}

PendingReads LocalStore::Submit(std::vector<ReadRequest> requests) {
  return PendingReads(
      std::make_unique<PendingLocalReads>(std::move(requests), descriptors_, meter_, engines_));
}

absl::StatusOr<Buffer> LocalStore::Read(std::string_view path) {
  uint64_t size = 0;
  return ReadTail(path, UINT64_MAX, &size);
}

absl::StatusOr<Buffer> LocalStore::ReadTail(std::string_view path, uint64_t length,
                                            uint64_t* size) {
  OG_RETURN_IF_ERROR(CheckPath(path));
  const std::string name = FileOf(path);
  OG_ASSIGN_OR_RETURN(const std::shared_ptr<const OpenFile> file,
                      OpenForReading(name, WhenScarce::kWait));
  *size = static_cast<uint64_t>(file->size);
  MutableBuffer tail(std::min(length, *size));
  OG_RETURN_IF_ERROR(ReadFully(*file, *size - tail.size(), tail.span(), name));
  // Whoever reads the tail reads more of the file next.
  if (tail.size() < *size) descriptors_.Add(path, file);
  return std::move(tail).Share();
}

absl::StatusOr<std::unique_ptr<WriteStream>> LocalStore::OpenWrite(std::string_view path) {
  OG_RETURN_IF_ERROR(CheckPath(path));
  OG_ASSIGN_OR_RETURN(NewFile file, NewFile::Create(FileOf(path)));
  return std::make_unique<Stream>(this, path, std::move(file));
}

absl::StatusOr<ObjectInfo> LocalStore::Publish(std::string_view path, NewFile& file) {
  const absl::Status linked = file.PublishIfAbsent();
  if (linked.ok()) return file.Info(path);
  // Without hard links a named temporary file can still be renamed.
  if (!absl::IsAlreadyExists(linked) && !absl::IsUnimplemented(linked)) return linked;
  const FolderLock lock(ParentFolder(FileOf(path)));
  OG_RETURN_IF_ERROR(lock.ForReplacing(FileOf(path)));
  auto replacing = NewFile::Replacing::kByRename;
  if (const auto replaced = Stat(path); replaced.ok()) {
    OG_RETURN_IF_ERROR(StampAfter(file, replaced->modified_us, FileOf(path)));
    if (options_.durability == Durability::kNone) replacing = NewFile::Replacing::kBySwap;
  }
  OG_RETURN_IF_ERROR(file.PublishReplacing(replacing));
  return file.Info(path);
}

absl::StatusOr<ObjectInfo> LocalStore::Put(std::string_view path,
                                           std::span<const std::byte> bytes) {
  OG_RETURN_IF_ERROR(CheckPath(path));
  OG_ASSIGN_OR_RETURN(NewFile file, NewFile::Create(FileOf(path)));
  OG_RETURN_IF_ERROR(file.Write(bytes));
  return Publish(path, file);
}

absl::StatusOr<ObjectInfo> LocalStore::PutIfAbsent(std::string_view path,
                                                   std::span<const std::byte> bytes) {
  OG_RETURN_IF_ERROR(CheckPath(path));
  const std::string name = FileOf(path);
  OG_ASSIGN_OR_RETURN(NewFile file, NewFile::Create(name));
  OG_RETURN_IF_ERROR(file.Write(bytes));
  if (options_.durability != Durability::kNone) OG_RETURN_IF_ERROR(file.SyncData());
  OG_RETURN_IF_ERROR(file.PublishIfAbsent());
  if (options_.durability == Durability::kFull) {
    OG_RETURN_IF_ERROR(folders_.SyncNames(ParentFolder(name)));
  }
  return file.Info(path);
}

absl::StatusOr<ObjectInfo> LocalStore::PutIfMatch(std::string_view path,
                                                  std::span<const std::byte> bytes,
                                                  std::string_view e_tag) {
  OG_ASSIGN_OR_RETURN(const ObjectInfo before, [&]() -> absl::StatusOr<ObjectInfo> {
    auto info = Stat(path);
    if (absl::IsNotFound(info.status())) return TokenDiffers(path, "", e_tag);
    return info;
  }());
  const bool is_content_token = e_tag.starts_with(kContentTokenPrefix);
  if (!is_content_token && before.e_tag != e_tag) return TokenDiffers(path, before.e_tag, e_tag);

  const std::string name = FileOf(path);
  OG_ASSIGN_OR_RETURN(NewFile file, NewFile::Create(name));
  OG_RETURN_IF_ERROR(file.Write(bytes));
  if (options_.durability != Durability::kNone) OG_RETURN_IF_ERROR(file.SyncData());
  {
    const FolderLock lock(ParentFolder(name));
    if (lock.error() != 0) return ErrnoStatus(lock.error(), name, "lock folder");
    const absl::StatusOr<ObjectInfo> info = Stat(path);
    if (absl::IsNotFound(info.status())) return TokenDiffers(path, "", e_tag);
    OG_RETURN_IF_ERROR(info.status());
    std::string found = info->e_tag;
    if (is_content_token) {
      OG_ASSIGN_OR_RETURN(const Buffer content, Read(path));
      found = ContentToken(content.span());
    }
    if (found != e_tag) return TokenDiffers(path, found, e_tag);
    OG_RETURN_IF_ERROR(StampAfter(file, info->modified_us, name));
    OG_RETURN_IF_ERROR(file.PublishReplacing(NewFile::Replacing::kByRename));
  }
  if (options_.durability == Durability::kFull) {
    OG_RETURN_IF_ERROR(folders_.SyncNames(ParentFolder(name)));
  }
  return file.Info(path);
}

absl::StatusOr<std::vector<ObjectInfo>> LocalStore::List(std::string_view prefix,
                                                         const ListOptions& options) {
  OG_RETURN_IF_ERROR(CheckPrefix(prefix));
  std::vector<ObjectInfo> infos;
  const std::string object_prefix = prefix.empty() ? std::string() : StrCat(prefix, "/");
  OG_RETURN_IF_ERROR(ListFolder(FolderOf(prefix), object_prefix, options, 0, infos));
  std::sort(infos.begin(), infos.end(),
            [](const ObjectInfo& a, const ObjectInfo& b) { return a.path < b.path; });
  return infos;
}

std::vector<absl::StatusOr<Buffer>> LocalStore::ReadEach(std::span<const std::string> paths) {
  std::vector<absl::StatusOr<Buffer>> objects;
  objects.reserve(paths.size());
  for (const std::string& path : paths)
    objects.push_back(Read(path));
  return objects;
}

absl::StatusOr<std::vector<ObjectInfo>> LocalStore::ListFirst(std::string_view prefix,
                                                              size_t limit) {
  OG_RETURN_IF_ERROR(CheckPrefix(prefix));
  OG_ASSIGN_OR_RETURN(std::vector<FolderName> names, first_names_.First(FolderOf(prefix), limit));
  std::vector<ObjectInfo> infos;
  for (FolderName& name : names) {
    std::string path = prefix.empty() ? std::move(name.name) : StrCat(prefix, "/", name.name);
    if (name.is_regular && !infos.empty()) {
      infos.push_back({.path = std::move(path), .e_tag = {}});
      continue;
    }
    absl::StatusOr<ObjectInfo> info = Stat(path);
    if (info.ok()) {
      infos.push_back(*std::move(info));
    } else if (info.status().code() != absl::StatusCode::kNotFound) {
      return info.status();
    } else {
      // Removed meanwhile, or no object: others come after it.
      OG_ASSIGN_OR_RETURN(infos, List(prefix, {.recursive = false}));
      infos.resize(std::min(infos.size(), limit));
      return infos;
    }
  }
  return infos;
}

absl::Status LocalStore::Rename(std::string_view from, std::string_view to) {
  OG_RETURN_IF_ERROR(CheckPath(to));
  OG_RETURN_IF_ERROR(Stat(from).status());
  const std::string source = FileOf(from);
  const std::string target = FileOf(to);
  OG_RETURN_IF_ERROR(MakeFolders(ParentFolder(target)));
  const FolderLock lock(ParentFolder(target));
  OG_RETURN_IF_ERROR(lock.ForReplacing(target));
  if (rename(source.c_str(), target.c_str()) != 0) {
    return ErrnoStatus(errno, source, "rename");
  }
  descriptors_.Forget(from);
  descriptors_.Forget(to);
  return absl::OkStatus();
}

absl::Status LocalStore::Copy(std::string_view from, std::string_view to) {
  OG_RETURN_IF_ERROR(CheckPath(from));
  OG_RETURN_IF_ERROR(CheckPath(to));
  OG_ASSIGN_OR_RETURN(const std::shared_ptr<const OpenFile> source,
                      OpenForReading(FileOf(from), WhenScarce::kWait));
  OG_ASSIGN_OR_RETURN(NewFile file, NewFile::Create(FileOf(to)));
  OG_RETURN_IF_ERROR(CopyBytes(*source, file, FileOf(from)));
  return Publish(to, file).status();
}

absl::Status LocalStore::Delete(std::string_view path) {
  OG_RETURN_IF_ERROR(CheckPath(path));
  const std::string name = FileOf(path);
  descriptors_.Forget(path);
  const FolderLock lock(ParentFolder(name));
  OG_RETURN_IF_ERROR(lock.ForReplacing(name));
  if (unlink(name.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR && errno != EISDIR) {
    return ErrnoStatus(errno, name, "delete");
  }
  return absl::OkStatus();
}

absl::Status LocalStore::DeletePrefix(std::string_view prefix) {
  OG_RETURN_IF_ERROR(CheckPath(prefix));
  const std::string folder = FolderOf(prefix);
  struct stat info;
  if (stat(folder.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return absl::OkStatus();
    return ErrnoStatus(errno, folder, "delete folder");
  }
  if (!S_ISDIR(info.st_mode)) return absl::OkStatus();  // an object of that name
  descriptors_.Clear();
  folders_.Forget(folder);
  // The folder may be a symbolic link: its content goes first, then whatever it is itself.
  const int failure = RetryWhileScarce(WhenScarce::kWait, [&folder] {
    std::error_code error;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
      std::filesystem::remove_all(it->path(), error);
      if (error) break;
    }
    if (!error) std::filesystem::remove(folder, error);
    return error.value();
  });
  if (failure != 0 && failure != ENOENT) return ErrnoStatus(failure, folder, "delete folder");
  return absl::OkStatus();
}

absl::Status LocalStore::SyncObjects(std::span<const std::string> paths) {
  const std::shared_ptr<IoEngine> engine = engines_.OfThisThread();
  while (!paths.empty()) {
    IoGroup group;
    while (group.calls.size() < std::min(paths.size(), descriptors_.max_files_of_batch())) {
      // Out of descriptors, what is open is synced first.
      const bool is_first = group.calls.empty();
      auto file = descriptors_.Acquire(paths[group.calls.size()], /*is_immutable=*/false,
                                       is_first ? WhenScarce::kWait : WhenScarce::kFail);
      if (absl::IsResourceExhausted(file.status()) && !is_first) break;
      OG_RETURN_IF_ERROR(file.status());
      IoCall& call = group.calls.emplace_back();
      call.kind = IoCall::Kind::kSyncData;
      call.fd = (*file)->descriptor.fd();
      call.file = *std::move(file);
    }
    engine->Start(group, 0);
    engine->Wait(group);
    for (size_t i = 0; i < group.calls.size(); ++i) {
      if (group.calls[i].error != 0) {
        return ErrnoStatus(group.calls[i].error, FileOf(paths[i]), "sync");
      }
    }
    paths = paths.subspan(group.calls.size());
  }
  return absl::OkStatus();
}

absl::Status LocalStore::Sync(std::span<const std::string> paths, Durability durability) {
  for (const std::string& path : paths)
    OG_RETURN_IF_ERROR(CheckPath(path));
  if (durability == Durability::kNone) return absl::OkStatus();
  const std::set<std::string> distinct(paths.begin(), paths.end());
  OG_RETURN_IF_ERROR(SyncObjects(std::vector<std::string>(distinct.begin(), distinct.end())));
  if (durability != Durability::kFull) return absl::OkStatus();
  std::set<std::string> folders;
  for (const std::string& path : distinct)
    folders.insert(ParentFolder(FileOf(path)));
  for (const std::string& folder : folders)
    OG_RETURN_IF_ERROR(folders_.SyncNames(folder));
  return absl::OkStatus();
}

}  // namespace og::io
