#include "cli/lance_tool/terminal.h"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "io/base/status.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

constexpr int64_t kSecondNs = 1000000000;
constexpr int64_t kDrawEveryNs = kSecondNs / 10;
constexpr uint64_t kBarWidth = 20;

}  // namespace

std::string ByteSizeText(uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  if (bytes < 1000) {
    return io::StrCat(bytes, " B");
  }
  auto size = static_cast<double>(bytes);
  size_t unit = 0;
  while (size >= 1000 && unit + 1 < std::size(kUnits)) {
    size /= 1000;
    ++unit;
  }
  const auto tenths = static_cast<uint64_t>(size * 10);
  return io::StrCat(tenths / 10, ".", tenths % 10, " ", kUnits[unit]);
}

std::string ToolProgressLine(std::string_view label, const engine::dataset::Progress& progress,
                             int64_t elapsed_ns) {
  std::string line(label);
  if (progress.total > 0) {
    const uint64_t done = std::min(progress.done, progress.total);
    const uint64_t filled = done * kBarWidth / progress.total;
    line += io::StrCat("  [", std::string(filled, '#'), std::string(kBarWidth - filled, ' '), "]  ",
                       done * 100 / progress.total, "%  ", done, " of ", progress.total, " ",
                       progress.unit);
  } else {
    line += io::StrCat("  ", progress.done, " ", progress.unit);
  }
  if (progress.bytes > 0) {
    line += io::StrCat("  ", ByteSizeText(progress.bytes));
  }
  if (progress.done > 0 && progress.done < progress.total) {
    const double seconds = static_cast<double>(elapsed_ns) / static_cast<double>(kSecondNs);
    const auto left = static_cast<uint64_t>(seconds / static_cast<double>(progress.done) *
                                            static_cast<double>(progress.total - progress.done));
    line += io::StrCat("  eta ", left / 60, ":", io::ZeroPadded(left % 60, 2));
  }
  return line;
}

absl::Status Terminal::Confirm(std::string_view question, bool yes) {
  if (yes) {
    return absl::OkStatus();
  }
  if (isatty(input_fd_) != 1 || isatty(error_fd_) != 1) {
    return io::FailedPreconditionError(
        io::StrCat(question, " This cannot be undone: say --yes to go on."));
  }
  Write(io::StrCat(question, " [y/N] "));
  const std::string answer = ReadLine();
  if (answer != "y" && answer != "Y" && answer != "yes") {
    return io::FailedPreconditionError("not confirmed, nothing was changed");
  }
  return absl::OkStatus();
}

bool Terminal::shows_progress() const {
  return isatty(error_fd_) == 1;
}

void Terminal::Write(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t written = write(error_fd_, text.data(), text.size());
    if (written < 0 && errno != EINTR) {
      return;
    }
    text.remove_prefix(written < 0 ? 0 : static_cast<size_t>(written));
  }
}

std::string Terminal::ReadLine() const {
  std::string line;
  char c = 0;
  while (read(input_fd_, &c, 1) == 1 && c != '\n') {
    line += c;
  }
  return line;
}

ToolProgressBar::ToolProgressBar(const Terminal& terminal, io::Env& env, std::string_view label)
    : terminal_(terminal),
      env_(env),
      label_(label),
      drawing_(terminal.shows_progress()),
      started_ns_(env.MonotonicNs()) {}

ToolProgressBar::~ToolProgressBar() {
  if (drawn_ns_ != 0) {
    terminal_.Write("\r\033[K");
  }
}

engine::dataset::ProgressFn ToolProgressBar::Callback() {
  if (!drawing_) {
    return {};
  }
  return [this](const engine::dataset::Progress& progress) { Draw(progress); };
}

void ToolProgressBar::Draw(const engine::dataset::Progress& progress) {
  const int64_t now_ns = env_.MonotonicNs();
  if (drawn_ns_ != 0 && now_ns - drawn_ns_ < kDrawEveryNs) {
    return;
  }
  drawn_ns_ = now_ns;
  terminal_.Write(
      io::StrCat("\r", ToolProgressLine(label_, progress, now_ns - started_ns_), "\033[K"));
}

}  // namespace og::cli
