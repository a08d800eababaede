#include "engine/expr/pattern.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <re2/re2.h>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

constexpr int64_t kProgramBytesMax = 64 << 20;

re2::StringPiece Piece(std::string_view text) {
  return {text.data(), text.size()};
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsOfName(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

size_t CharacterBytes(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0u) == 0x80u)
    ++end;
  return end - at;
}

// A reference to a group at the start of `text`: its name, and how many bytes it takes; 0: none.
struct Reference {
  std::string_view name;
  size_t bytes = 0;
};

Reference ReferenceAt(std::string_view text) {
  if (text.size() < 2 || (text[0] != '$' && text[0] != '\\')) return {};
  const bool is_braced = text[0] == '$' && text[1] == '{';
  const size_t start = is_braced ? 2 : 1;
  size_t end = start;
  if (is_braced) {
    end = text.find('}');
    if (end == std::string_view::npos) return {};
    return {text.substr(start, end - start), end + 1};
  }
  while (end < text.size() && (text[0] == '$' ? IsOfName(text[end]) : IsDigit(text[end])))
    ++end;
  return {text.substr(start, end - start), end == start ? 0 : end};
}

}  // namespace

Pattern::Pattern(std::unique_ptr<re2::RE2> compiled, std::vector<std::string> group_names)
    : compiled_(std::move(compiled)), group_names_(std::move(group_names)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

absl::StatusOr<Pattern> Pattern::Compile(std::string_view text) {
  OG_ASSIGN_OR_RETURN(TranslatedPattern translated, TranslatePattern(text));
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kProgramBytesMax);
  auto compiled = std::make_unique<re2::RE2>(Piece(translated.text), options);
  if (!compiled->ok()) {
    return io::UnimplementedError(io::StrCat("this pattern is not supported: ", compiled->error()));
  }
  return Pattern(std::move(compiled), std::move(translated.group_names));
}

bool Pattern::Matches(std::string_view text) const {
  return re2::RE2::PartialMatch(Piece(text), *compiled_);
}

std::optional<size_t> Pattern::GroupOf(std::string_view name) const {
  if (!name.empty() && std::ranges::all_of(name, IsDigit)) {
    const auto number = io::ParseUint64(name);
    return number && *number <= group_names_.size() ? std::optional<size_t>(*number) : std::nullopt;
  }
  const auto found = std::ranges::find(group_names_, name);
  if (name.empty() || found == group_names_.end()) return std::nullopt;
  return static_cast<size_t>(found - group_names_.begin()) + 1;
}

std::string Pattern::Replace(std::string_view text, std::string_view by, bool all) const {
  std::string result;
  std::vector<re2::StringPiece> groups(group_names_.size() + 1);
  const auto expand = [&] {
    for (size_t i = 0; i < by.size();) {
      const bool is_dollar = by.substr(i).starts_with("$$");
      const Reference reference = ReferenceAt(by.substr(i));
      if (is_dollar || reference.bytes == 0) {
        result += by[i];
        i += is_dollar ? 2 : 1;
        continue;
      }
      const std::optional<size_t> group = GroupOf(reference.name);
      if (group && groups[*group].data() != nullptr) {
        result.append(groups[*group].data(), groups[*group].size());
      }
      i += reference.bytes;
    }
  };
  size_t copied = 0;  // of `text`
  size_t at = 0;      // where the search goes on
  bool is_first = true;
  while (at <= text.size() && compiled_->Match(Piece(text), at, text.size(), re2::RE2::UNANCHORED,
                                               groups.data(), static_cast<int>(groups.size()))) {
    const auto start = static_cast<size_t>(groups[0].data() - text.data());
    const size_t end = start + groups[0].size();
    // An empty match right behind another one is none.
    const bool counts = is_first || end > start || start > copied;
    if (counts) {
      result += text.substr(copied, start - copied);
      expand();
      copied = end;
      is_first = false;
      if (!all) break;
    }
    if (end > start) {
      at = end;
    } else if (end < text.size()) {
      at = end + CharacterBytes(text, end);
    } else {
      break;
    }
  }
  return result += text.substr(copied);
}

}  // namespace og::engine::expr
