// Bytes kept in large blocks that never move: millions of texts without an allocation each, given
// back to the system together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "io/base/buffer.h"

namespace og::engine::exec {

// Thread-compatible.
class ByteBlocks {
 public:
  // A copy of `bytes`, which lives as long as this object and may be written to.
  std::span<char> Keep(std::string_view bytes);

  // Of what is kept.
  uint64_t num_bytes() const { return num_bytes_; }

 private:
  std::vector<io::MutableBuffer> blocks_;
  size_t block_left_ = 0;  // of the last block, not used yet
  uint64_t num_bytes_ = 0;
};

}  // namespace og::engine::exec
