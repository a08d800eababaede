// The file that a writer appends to. Internal to format/file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "io/store/store.h"

namespace og::format {

// Gathers small pieces into larger appends and knows the position.
class FileSink {
 public:
  explicit FileSink(std::unique_ptr<io::WriteStream> stream) : stream_(std::move(stream)) {}

  uint64_t position() const { return position_; }

  absl::Status Append(std::span<const std::byte> bytes);
  absl::Status AppendText(std::string_view text);
  // Pads to a multiple of 64 bytes.
  absl::Status Align();
  // Publishes the file.
  absl::Status Finish();

 private:
  absl::Status Flush();

  std::unique_ptr<io::WriteStream> stream_;
  std::string staged_;
  uint64_t position_ = 0;
};

}  // namespace og::format
