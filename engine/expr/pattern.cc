#include "engine/expr/pattern.h"

#include <utility>

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

}  // namespace

Pattern::Pattern(std::unique_ptr<re2::RE2> compiled) : compiled_(std::move(compiled)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

absl::StatusOr<Pattern> Pattern::Compile(std::string_view text) {
  OG_ASSIGN_OR_RETURN(const std::string translated, TranslatePattern(text));
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kProgramBytesMax);
  auto compiled = std::make_unique<re2::RE2>(Piece(translated), options);
  if (!compiled->ok()) {
    return io::UnimplementedError(io::StrCat("this pattern is not supported: ", compiled->error()));
  }
  return Pattern(std::move(compiled));
}

bool Pattern::Matches(std::string_view text) const {
  return re2::RE2::PartialMatch(Piece(text), *compiled_);
}

}  // namespace og::engine::expr
