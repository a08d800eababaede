// The version that this program stands for.
#pragma once

#include <string_view>

namespace og::cli {

// The reference whose surfaces and formats this is.
inline constexpr std::string_view kVersion = "0.10.0";

}  // namespace og::cli
