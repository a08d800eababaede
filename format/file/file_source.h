// The bytes of one data file: what the first read brought is kept, the rest is fetched. Internal to
// format/file.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/page/row_range.h"
#include "io/base/buffer.h"
#include "io/fetch/fetcher.h"
#include "io/store/store.h"

namespace og::format {

class FileSource;

// Bytes of a file that are at hand.
struct FilePiece {
  uint64_t offset = 0;
  io::Buffer bytes;
};

// What is read first of a file that is not on a local disk.
inline constexpr uint64_t kRemoteTailBytes = uint64_t{64} << 10;

// Ranges under way. Waits when destroyed.
class FileFetch {
 public:
  FileFetch() = default;

  // One buffer a range, in their order. REQUIRES: called once.
  absl::StatusOr<std::vector<io::Buffer>> Wait();

 private:
  friend class FileSource;

  // Bytes of a file that are at hand.
  struct FilePiece {
    uint64_t offset = 0;
    io::Buffer bytes;
  };

  std::vector<io::Buffer> buffers_;
  std::vector<size_t> fetched_;  // numbers of the buffers that come from the store
  std::optional<io::PendingFetch> pending_;
};

// Immutable after Open(); any thread may use it.
class FileSource {
 public:
  // Reads the last `tail_bytes` bytes. `file_bytes` 0: unknown.
  static absl::StatusOr<FileSource> Open(const io::Location& location, uint64_t file_bytes,
                                         uint64_t tail_bytes);

  const std::string& name() const { return name_; }
  uint64_t file_bytes() const { return file_bytes_; }
  bool is_local() const { return object_.location.store->is_local(); }
  const io::Buffer& tail() const { return tail_; }

  // Starts to read `ranges`; those that lie in one of `pieces`, which are disjoint and ascend, are
  // cut out of it. kDataLoss if one leaves the file.
  absl::StatusOr<FileFetch> Submit(std::span<const FileRange> ranges,
                                   std::span<const FilePiece> pieces = {}) const;

  // Reads one range as Submit() does and waits for it.
  absl::StatusOr<io::Buffer> Read(FileRange range, std::span<const FilePiece> pieces = {}) const;

  // kDataLoss if `range` leaves the file.
  absl::Status Check(FileRange range) const;

 private:
  io::FetchObject object_;
  std::string name_;
  uint64_t file_bytes_ = 0;
  uint64_t tail_start_ = 0;
  io::Buffer tail_;
  io::Fetcher fetcher_;
};

}  // namespace og::format
