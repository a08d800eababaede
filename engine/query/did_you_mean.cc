#include "engine/query/did_you_mean.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "engine/query/types.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::engine::query {
namespace {

// Names beyond this are not listed.
constexpr size_t kListedMax = 12;

char Lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`, the case
// of letters left aside.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
                           Lower(a[i - 2]) == Lower(b[j - 1]);
      if (swapped) current[j] = std::min(current[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, current);
  }
  return last[b.size()];
}

}  // namespace

std::string DidYouMean(std::string_view name, const std::vector<std::string_view>& declared) {
  std::string_view closest;
  size_t least = std::max<size_t>(1, name.size() / 3) + 1;
  for (const std::string_view candidate : declared) {
    const size_t distance = Distance(name, candidate);
    if (distance < least) {
      least = distance;
      closest = candidate;
    }
  }
  if (!closest.empty()) return io::StrCat("did you mean `", closest, "`?");
  if (declared.empty()) return "";
  std::string text = "declared: ";
  for (size_t i = 0; i < std::min(declared.size(), kListedMax); ++i)
    text += io::StrCat(i == 0 ? "" : ", ", declared[i]);
  return declared.size() > kListedMax ? text + ", ..." : text;
}

absl::Status UnknownName(const Span& span, std::string_view message, std::string_view name,
                         const std::vector<std::string_view>& declared) {
  const absl::Status status = TypeError(span, message);
  io::ErrorDetail detail = io::DetailOf(status).value_or(io::ErrorDetail{});
  std::string hint = DidYouMean(name, declared);
  if (!hint.empty()) detail.fields.emplace_back("hint", std::move(hint));
  return io::DetailedError(std::move(detail), io::Message(status));
}

}  // namespace og::engine::query
