// Errors about names that are not declared: what may have been meant, or what there is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "engine/query/ast.h"

namespace og::engine::query {

// "did you mean `name`?" if one of `declared` is close to `name`, else "declared: age, name"; empty
// if nothing is declared.
std::string DidYouMean(std::string_view name, const std::vector<std::string_view>& declared);

// A type error of this text whose field "hint" is DidYouMean.
absl::Status UnknownName(const Span& span, std::string_view message, std::string_view name,
                         const std::vector<std::string_view>& declared);

}  // namespace og::engine::query
