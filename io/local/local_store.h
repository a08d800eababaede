// The local file system as a store.
//
// Reads: the caller's thread first tries the page cache (preadv2 with RWF_NOWAIT); what is not
// there goes to the thread's own ring of the kernel, or to a few threads where io_uring is absent
// or forbidden. Scans of more than the page cache holds pass by it (scan_meter.h). Descriptors are
// kept in a bounded set. mmap is not used: a truncated file must be an error, not a signal.
//
// Writes: a file gets its name when it is complete, see new_file.h. PutIfAbsent is link(2). Writers
// of an existing name (Put, PutIfMatch, Rename, Delete, streams) hold flock(2) on its folder while
// they compare and replace, so that PutIfMatch is a compare-and-set among all our processes on
// this machine.
//
// After fork() only the child that execs may go on: rings and threads do not survive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "io/local/descriptor.h"
#include "io/local/folder_names.h"
#include "io/local/folder_sync.h"
#include "io/local/io_engine.h"
#include "io/local/new_file.h"
#include "io/local/scan_meter.h"
#include "io/store/far_calls.h"
#include "io/store/store.h"

namespace og::io {

enum class LocalIo : uint8_t {
  kAuto,     // io_uring where the kernel lets us, else threads
  kUring,    // refuse to work without
  kThreads,  // never use io_uring
};

struct LocalStoreOptions {
  // What PutIfAbsent and PutIfMatch guarantee on return.
  Durability durability = Durability::kFull;
  LocalIo io = LocalIo::kAuto;
  size_t num_io_threads = 8;  // of the fallback
  // See scan_meter.h.
  DirectReads direct_reads = DirectReads::kAuto;
  uint64_t page_cache_bytes = 0;
};

class LocalStore : public Store, public FarCalls {
 public:
  // kFailedPrecondition if io_uring is demanded and cannot be had.
  static absl::StatusOr<std::unique_ptr<LocalStore>> Open(const LocalStoreOptions& options);

  std::string_view scheme_root() const override { return "file:///"; }
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
  std::vector<absl::StatusOr<Buffer>> ReadEach(std::span<const std::string> paths) override;
  // Looks at all names, but keeps and asks about `limit` of them only; at none while the folder
  // has not changed (folder_names.h).
  absl::StatusOr<std::vector<ObjectInfo>> ListFirst(std::string_view prefix, size_t limit) override;
  absl::Status Rename(std::string_view from, std::string_view to) override;
  absl::Status Copy(std::string_view from, std::string_view to) override;
  absl::Status Delete(std::string_view path) override;
  absl::Status DeletePrefix(std::string_view prefix) override;
  absl::Status Sync(std::span<const std::string> paths, Durability durability) override;
  bool is_local() const override { return true; }

 private:
  class Stream;

  LocalStore(const LocalStoreOptions& options, std::shared_ptr<IoEngine> threads);

  // Publishes `file` as `path`, replacing what is there.
  absl::StatusOr<ObjectInfo> Publish(std::string_view path, NewFile& file);

  // Syncs the bytes of some objects together.
  absl::Status SyncObjects(std::span<const std::string> paths);

  const LocalStoreOptions options_;
  const IoEngines engines_;
  DescriptorCache descriptors_;
  ScanMeter meter_;
  FolderSync folders_;
  FolderNames first_names_;
};

}  // namespace og::io
