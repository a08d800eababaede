// Shell completion of commands, options and their values, made from the command specs.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/arguments/spec.h"

namespace og::cli {

// The script for `shell`: "bash", "zsh" or "fish". REQUIRES: one of these.
std::string CompletionScript(std::string_view shell, std::span<const CommandSpec> commands);

}  // namespace og::cli
