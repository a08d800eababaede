#include "cli/command/console.h"

#include <cerrno>
#include <cstring>

#include <unistd.h>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

constexpr size_t kGatherBytes = size_t{64} << 10;

}  // namespace

absl::Status Console::Out(std::string_view text) {
  gathered_ += text;
  return gathered_.size() < kGatherBytes ? absl::OkStatus() : Flush();
}

absl::Status Console::Flush() {
  std::string_view left = gathered_;
  while (!left.empty()) {
    const ssize_t written = write(STDOUT_FILENO, left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      const int error = errno;
      stdout_closed_ = error == EPIPE;
      gathered_.clear();
      return io::UnavailableError(io::StrCat("cannot write to stdout: ", std::strerror(error)));
    }
  }
  gathered_.clear();
  return absl::OkStatus();
}

void Console::Err(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) {
      return;
    }
    text.remove_prefix(written < 0 ? 0 : static_cast<size_t>(written));
  }
}

bool Console::stderr_is_terminal() const {
  return isatty(STDERR_FILENO) == 1;
}

bool Console::stdin_is_terminal() const {
  return isatty(STDIN_FILENO) == 1;
}

std::string Console::ReadLine() {
  std::string line;
  char c = 0;
  while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n') {
    line += c;
  }
  return line;
}

}  // namespace og::cli
