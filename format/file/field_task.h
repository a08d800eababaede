// Reading some rows of one top-level field. Internal to format/file.
//
// A task names what it needs to read, is given the bytes, names what it needs next, and so on; when
// it needs nothing more it decodes. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/file/file_source.h"
#include "format/page/row_range.h"
#include "io/base/buffer.h"

namespace og::format {

class FieldTask {
 public:
  virtual ~FieldTask() = default;

  struct Reads {
    std::vector<FileRange> ranges;
    // After these bytes the task only decodes; otherwise it has to be asked again.
    bool is_last = false;
  };

  // Bytes that are at hand, disjoint and ascending, for tasks that read by themselves. They outlive
  // the reads.
  virtual void UsePieces(std::span<const FilePiece>) {}

  // What to read now.
  virtual absl::StatusOr<Reads> NextReads() = 0;
  // The bytes of the ranges that NextReads() named.
  virtual absl::Status Supply(std::vector<io::Buffer> buffers) = 0;
  // The rows. Needs no I/O; may run on another thread.
  virtual absl::StatusOr<ArrayPtr> Decode() = 0;
};

// A top-level field of a request, ready to make tasks. Immutable; any thread may use it.
class FieldReader {
 public:
  virtual ~FieldReader() = default;

  // `rows` are ascending and disjoint and outlive the task.
  virtual std::unique_ptr<FieldTask> Read(std::span<const RowRange> rows) const = 0;

  // About how many bytes the row takes in memory, in 1/256 of a byte.
  virtual absl::StatusOr<uint64_t> RowBytes256(uint64_t row) const = 0;
};

}  // namespace og::format
