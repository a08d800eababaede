// A temporary file without a name, for work that is larger than its memory budget: it disappears
// with the process, whatever happens. In $TMPDIR, else /tmp.
//
//   kResourceExhausted  the disk is full
//   kUnavailable        any other failure of the file system
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace og::io {

// One thread appends; once it is done, any number may read.
class SpillFile {
 public:
  static absl::StatusOr<std::unique_ptr<SpillFile>> Create();
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  // Appends `bytes`; returns the offset at which they lie.
  absl::StatusOr<uint64_t> Append(std::span<const std::byte> bytes);

  // Fills `out` with the bytes from `offset` on. REQUIRES: they were appended.
  absl::Status Read(uint64_t offset, std::span<std::byte> out) const;

  uint64_t size() const { return size_; }

 private:
  explicit SpillFile(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
  uint64_t size_ = 0;
};

}  // namespace og::io
