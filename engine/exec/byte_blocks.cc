#include "engine/exec/byte_blocks.h"

#include <algorithm>
#include <cstring>

namespace og::engine::exec {
namespace {

constexpr size_t kFirstBlockBytes = 1024;
constexpr size_t kBlockBytesMax = size_t{256} << 10;

}  // namespace

std::span<char> ByteBlocks::Keep(std::string_view bytes) {
  num_bytes_ += bytes.size();
  if (bytes.empty()) return {};
  if (bytes.size() > block_left_) {
    const size_t last = blocks_.empty() ? 0 : blocks_.back().size();
    block_left_ = std::max(bytes.size(), std::clamp(2 * last, kFirstBlockBytes, kBlockBytesMax));
    blocks_.emplace_back(block_left_);
  }
  io::MutableBuffer& block = blocks_.back();
  char* const start = reinterpret_cast<char*>(block.data()) + (block.size() - block_left_);
  std::memcpy(start, bytes.data(), bytes.size());
  block_left_ -= bytes.size();
  return {start, bytes.size()};
}

}  // namespace og::engine::exec
