#include "engine/graph/load/line_blocks.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include <simdjson.h>

#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

// Newlines in `text`, and one more for a last line without its own.
uint64_t CountLines(std::string_view text) {
  uint64_t count = 0;
  while (!text.empty()) {
    ++count;
    const size_t newline = text.find('\n');
    if (newline == text.npos) break;
    text.remove_prefix(newline + 1);
  }
  return count;
}

}  // namespace

absl::StatusOr<std::optional<LineBlock>> LineBlocks::Next(io::MutableBuffer used) {
  LineBlock block{.bytes = std::move(used), .text_bytes = 0, .first_line = next_line_};
  io::MutableBuffer& bytes = block.bytes;
  bytes.Resize(0);
  bytes.Reserve(options_.block_bytes + simdjson::SIMDJSON_PADDING);
  bytes.Append(rest_.span());
  rest_.Resize(0);
  // What was read before has no newline.
  for (size_t searched = bytes.size(); block.text_bytes == 0;) {
    while (!at_end_ && bytes.size() < std::max(options_.block_bytes, searched + 1))
      OG_RETURN_IF_ERROR(Fill(bytes));
    if (at_end_) {
      if (bytes.size() == 0) return std::nullopt;
      block.text_bytes = bytes.size();
      break;
    }
    const std::string_view fresh(reinterpret_cast<const char*>(bytes.data()) + searched,
                                 bytes.size() - searched);
    if (const size_t newline = fresh.rfind('\n'); newline != fresh.npos) {
      block.text_bytes = searched + newline + 1;
    } else if (bytes.size() > options_.line_bytes_max) {
      return LineTooLong(next_line_, bytes.size(), options_.line_bytes_max);
    }
    searched = bytes.size();
  }
  rest_.Append(bytes.span().subspan(block.text_bytes));
  bytes.Resize(block.text_bytes + simdjson::SIMDJSON_PADDING);
  std::memset(bytes.data() + block.text_bytes, 0, simdjson::SIMDJSON_PADDING);
  next_line_ += CountLines(block.text());
  return block;
}

absl::Status LineBlocks::Fill(io::MutableBuffer& bytes) {
  const size_t before = bytes.size();
  // Of a line that is longer than a block as much again as there is.
  bytes.Resize(before < options_.block_bytes ? options_.block_bytes : 2 * before);
  const absl::StatusOr<size_t> got = source_.Read(bytes.data() + before, bytes.size() - before);
  bytes.Resize(before + (got.ok() ? *got : 0));
  OG_RETURN_IF_ERROR(got.status());
  at_end_ = *got == 0;
  bytes_read_ += *got;
  return absl::OkStatus();
}

absl::Status LineTooLong(uint64_t line, uint64_t actual, uint64_t limit) {
  return io::DetailedError(
      {io::ErrorKind::kResourceLimitExceeded,
       "",
       {{"resource", "graph_batch_line_bytes"},
        {"actual", std::to_string(actual)},
        {"limit", std::to_string(limit)}}},
      io::StrCat("line ", line, ": resource limit exceeded for graph_batch_line_bytes: actual ",
                 actual, ", limit ", limit));
}

}  // namespace og::engine::graph
