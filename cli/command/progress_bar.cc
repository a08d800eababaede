#include "cli/command/progress_bar.h"

#include <algorithm>

#include "io/base/text.h"

namespace og::cli {
namespace {

constexpr int64_t kSecondNs = 1000000000;
constexpr int64_t kDrawEveryNs = kSecondNs / 10;
constexpr uint64_t kBarWidth = 20;

// "48.1 MB": three digits or so, powers of 1000.
std::string BytesText(double bytes) {
  constexpr std::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(kUnits)) {
    bytes /= 1000;
    ++unit;
  }
  const auto tenths = static_cast<uint64_t>(bytes * 10);
  return io::StrCat(tenths / 10, ".", tenths % 10, " ", kUnits[unit]);
}

}  // namespace

std::string ProgressLine(std::string_view label, const engine::graph::Progress& progress,
                         int64_t elapsed_ns) {
  std::string line(label);
  if (!progress.stage.empty() && progress.stage != label) {
    line += io::StrCat(" ", progress.stage);
  }
  const double seconds =
      static_cast<double>(std::max<int64_t>(elapsed_ns, 1)) / static_cast<double>(kSecondNs);
  const double rate = static_cast<double>(progress.bytes) / seconds;
  if (progress.bytes_total > 0) {
    const uint64_t done = std::min(progress.bytes, progress.bytes_total);
    const auto share = static_cast<double>(done) / static_cast<double>(progress.bytes_total);
    const auto filled = static_cast<uint64_t>(share * static_cast<double>(kBarWidth));
    line += io::StrCat("  [", std::string(filled, '#'), std::string(kBarWidth - filled, ' '), "]  ",
                       static_cast<uint64_t>(share * 100), "%");
  }
  line += io::StrCat("  ", progress.rows, " ", progress.unit);
  if (progress.bytes > 0) {
    line += io::StrCat("  ", BytesText(rate), "/s");
  }
  if (progress.bytes_total > progress.bytes && rate > 0) {
    const auto left =
        static_cast<uint64_t>(static_cast<double>(progress.bytes_total - progress.bytes) / rate);
    line += io::StrCat("  eta ", left / 60, ":", io::ZeroPadded(left % 60, 2));
  }
  return line;
}

ProgressBar::ProgressBar(Console& console, io::Env& env, std::string_view label, bool wanted)
    : console_(console),
      env_(env),
      label_(label),
      drawing_(wanted && console.stderr_is_terminal()),
      started_ns_(env.MonotonicNs()) {}

ProgressBar::~ProgressBar() {
  if (drawn_ns_ != 0) {
    console_.Err("\r\033[K");
  }
}

engine::graph::ProgressFn ProgressBar::Callback() {
  if (!drawing_) {
    return {};
  }
  return [this](const engine::graph::Progress& progress) { Draw(progress); };
}

void ProgressBar::Draw(const engine::graph::Progress& progress) {
  const int64_t now_ns = env_.MonotonicNs();
  if (drawn_ns_ != 0 && now_ns - drawn_ns_ < kDrawEveryNs) {
    return;
  }
  drawn_ns_ = now_ns;
  console_.Err(io::StrCat("\r", ProgressLine(label_, progress, now_ns - started_ns_), "\033[K"));
}

}  // namespace og::cli
