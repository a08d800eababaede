// Standard output of a command: buffered, and quiet when the reader at the other end has left
// (`lance-tool dump x | head`). Thread-compatible.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace og::cli {

class Output {
 public:
  // Writes to file descriptor `fd`.
  explicit Output(int fd) : fd_(fd) {}

  // Appends `text`. kCancelled when the reader has left: the command ends without a word.
  absl::Status Write(std::string_view text);
  absl::Status Flush();

 private:
  const int fd_;
  std::string buffer_;
};

}  // namespace og::cli
