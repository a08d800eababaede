// The bytes of an input that have been read and not been used yet, in one piece.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

#include "format/tabular/tabular.h"
#include "io/base/buffer.h"
#include "io/base/status_macros.h"

namespace og::format {

// Thread-compatible.
class InputBuffer {
 public:
  explicit InputBuffer(std::unique_ptr<ByteInput> input) : input_(std::move(input)) {}

  // What is at hand. Valid until the next call of Fill.
  std::span<char> bytes() { return {Data() + begin_, bytes_.size() - begin_}; }
  std::string_view view() { return {Data() + begin_, bytes_.size() - begin_}; }
  // Whether all of the input is at hand.
  bool at_end() const { return at_end_; }

  void Skip(size_t count) { begin_ += count; }

  // Brings more bytes, or the end.
  absl::Status Fill() {
    // What was used makes room, once it is the larger part.
    if (begin_ > bytes_.size() / 2) {
      const size_t left = bytes_.size() - begin_;
      std::copy_n(Data() + begin_, left, Data());
      bytes_.Resize(left);
      begin_ = 0;
    }
    // As much again as there is: who starts over with each piece reads all of it twice at most.
    const size_t before = bytes_.size();
    const size_t wanted = std::max(kChunkBytes, before - begin_);
    bytes_.Resize(before + wanted);
    const absl::StatusOr<size_t> count = input_->Read({Data() + before, wanted});
    bytes_.Resize(before + (count.ok() ? *count : 0));
    OG_RETURN_IF_ERROR(count.status());
    at_end_ = *count == 0;
    return absl::OkStatus();
  }

 private:
  static constexpr size_t kChunkBytes = size_t{256} << 10;

  char* Data() { return reinterpret_cast<char*>(bytes_.data()); }

  const std::unique_ptr<ByteInput> input_;
  io::MutableBuffer bytes_;
  size_t begin_ = 0;
  bool at_end_ = false;
};

}  // namespace og::format
