// A source cut into blocks of whole lines, which can be parsed apart from each other.
//
//   LineBlocks blocks(source, {.block_bytes = size_t{4} << 20, .line_bytes_max = kLineBytesMax});
//   while (...) OG_ASSIGN_OR_RETURN(std::optional<LineBlock> block, blocks.Next({}));
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/graph/graph.h"
#include "io/base/buffer.h"

namespace og::engine::graph {

// Some lines in a row. The last line of a source may lack its newline.
struct LineBlock {
  io::MutableBuffer bytes;  // the text, then SIMDJSON_PADDING zeros
  size_t text_bytes = 0;
  uint64_t first_line = 1;  // its number in the source

  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), text_bytes};
  }
};

struct LineBlockOptions {
  // A block is a little shorter, or one long line.
  size_t block_bytes = 0;
  uint64_t line_bytes_max = 0;
};

// Thread-compatible.
class LineBlocks {
 public:
  // `source` outlives it.
  LineBlocks(ByteSource& source, const LineBlockOptions& options)
      : source_(source), options_(options) {}

  // The next block, in the memory of `used`; nullopt at the end. Errors are those of the source,
  // and LineTooLong for a line of which more than line_bytes_max and a block have been read.
  absl::StatusOr<std::optional<LineBlock>> Next(io::MutableBuffer used);

  uint64_t bytes_read() const { return bytes_read_; }

 private:
  // Appends what the source gives next.
  absl::Status Fill(io::MutableBuffer& bytes);

  ByteSource& source_;
  const LineBlockOptions options_;
  io::MutableBuffer rest_;  // of what was read: the start of a line
  bool at_end_ = false;
  uint64_t next_line_ = 1;
  uint64_t bytes_read_ = 0;
};

// kResourceLimitExceeded for graph_batch_line_bytes: `line` has at least `actual` bytes.
absl::Status LineTooLong(uint64_t line, uint64_t actual, uint64_t limit);

}  // namespace og::engine::graph
