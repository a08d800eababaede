// Help texts, made from the command specs.
#pragma once

#include <span>
#include <string>

#include "cli/arguments/spec.h"

namespace og::cli {

// `omnigraph --help`: the commands, the global options, which command needs what.
std::string TopLevelHelp(std::span<const CommandSpec> commands);

// `omnigraph commit --help`: the commands of one group.
std::string GroupHelp(const GroupSpec& group, std::span<const CommandSpec> commands);

// `omnigraph load --help`.
std::string CommandHelp(const CommandSpec& command);

// "Usage: omnigraph load [OPTIONS] --data <FILE> [URI]".
std::string UsageLine(const CommandSpec& command);

}  // namespace og::cli
