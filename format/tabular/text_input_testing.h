// Text and bytes as an input that comes in pieces of any size.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "format/tabular/tabular.h"

namespace og::format {

class TextInput final : public ByteInput {
 public:
  TextInput(std::string text, size_t piece_bytes)
      : text_(std::move(text)), piece_bytes_(piece_bytes) {}

  absl::StatusOr<size_t> Read(std::span<char> into) override {
    const size_t count = std::min({into.size(), piece_bytes_, text_.size() - at_});
    std::copy_n(text_.data() + at_, count, into.data());
    at_ += count;
    return count;
  }

  static std::unique_ptr<ByteInput> Of(std::string text, size_t piece_bytes = 1 << 20) {
    return std::make_unique<TextInput>(std::move(text), piece_bytes);
  }

 private:
  const std::string text_;
  const size_t piece_bytes_;
  size_t at_ = 0;
};

}  // namespace og::format
