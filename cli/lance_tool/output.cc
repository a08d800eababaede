#include "cli/lance_tool/output.h"

#include <cerrno>
#include <cstring>

#include <unistd.h>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 16;

}  // namespace

absl::Status Output::Write(std::string_view text) {
  buffer_.append(text);
  return buffer_.size() >= kBufferBytes ? Flush() : absl::OkStatus();
}

absl::Status Output::Flush() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t written = write(fd_, left.data(), left.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      const int error = errno;
      buffer_.clear();
      return error == EPIPE
                 ? io::CancelledError("the reader of the output has left")
                 : io::UnavailableError(io::StrCat("writing the output: ", std::strerror(error)));
    }
    left.remove_prefix(static_cast<size_t>(written));
  }
  buffer_.clear();
  return absl::OkStatus();
}

}  // namespace og::cli
