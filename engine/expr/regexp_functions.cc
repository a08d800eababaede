// Functions of regular expressions.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/expr/functions.h"
#include "engine/expr/pattern.h"
#include "engine/expr/row_values.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

using format::ArrayPtr;

// The expressions of the rows, mostly one for all: the last one is kept.
class Patterns {
 public:
  // `text` with `flags`; null after a failure.
  const Pattern* Compiled(std::string_view text, std::string_view flags) {
    const std::string whole =
        flags.empty() ? std::string(text) : io::StrCat("(?", flags, ")", text);
    if (!status_.ok()) return nullptr;
    if (!pattern_ || whole != compiled_) {
      compiled_ = whole;
      pattern_.reset();
      absl::StatusOr<Pattern> next = Pattern::Compile(whole);
      if (next.ok()) {
        pattern_.emplace(*std::move(next));
      } else {
        status_ = io::DetailedError(
            {io::ErrorKind::kBadRequest, "", {}},
            io::StrCat("regular expression '", whole, "': ", io::Message(next.status())));
      }
    }
    return pattern_ ? &*pattern_ : nullptr;
  }

  const absl::Status& status() const { return status_; }

 private:
  std::optional<Pattern> pattern_;
  std::string compiled_;
  absl::Status status_;
};

absl::StatusOr<ArrayPtr> Matches(std::span<const ArrayPtr> args) {
  Patterns patterns;
  ArrayPtr result = MakeBools(args, [&](int64_t i) {
    const Pattern* const pattern = patterns.Compiled(
        args[1]->StringValue(i), args.size() > 2 ? args[2]->StringValue(i) : std::string_view());
    return pattern != nullptr && pattern->Matches(args[0]->StringValue(i));
  });
  OG_RETURN_IF_ERROR(patterns.status());
  return result;
}

absl::StatusOr<ArrayPtr> Replaced(std::span<const ArrayPtr> args) {
  Patterns patterns;
  OG_ASSIGN_OR_RETURN(
      ArrayPtr result, MakeTexts(args[0]->type, args, [&](int64_t i) {
        std::string flags(args.size() > 3 ? args[3]->StringValue(i) : std::string_view());
        const bool all = std::erase(flags, 'g') > 0;
        const Pattern* const pattern = patterns.Compiled(args[1]->StringValue(i), flags);
        return pattern == nullptr
                   ? std::string()
                   : pattern->Replace(args[0]->StringValue(i), args[2]->StringValue(i), all);
      }));
  OG_RETURN_IF_ERROR(patterns.status());
  return result;
}

}  // namespace

absl::StatusOr<ArrayPtr> CallRegexpFunction(Function function, std::span<const ArrayPtr> args) {
  std::vector<ArrayPtr> texts;
  for (const ArrayPtr& arg : args) {
    OG_ASSIGN_OR_RETURN(ArrayPtr text, AsText(arg));
    texts.push_back(std::move(text));
  }
  return function == Function::kRegexpLike ? Matches(texts) : Replaced(texts);
}

}  // namespace og::engine::expr
