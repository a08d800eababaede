// Ranges of rows and of bytes in a file.
#pragma once

#include <cstdint>

namespace og::format {

// Rows [begin, end).
struct RowRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  friend bool operator==(const RowRange&, const RowRange&) = default;
};

// Bytes [offset, offset + bytes) of a file.
struct FileRange {
  uint64_t offset = 0;
  uint64_t bytes = 0;
  friend bool operator==(const FileRange&, const FileRange&) = default;
};

}  // namespace og::format
