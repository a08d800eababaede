// What the commands of lance-tool do. Each writes its result to `output`.
#pragma once

#include "absl/status/status.h"

#include "cli/lance_tool/arguments.h"
#include "cli/lance_tool/output.h"
#include "engine/dataset/dataset.h"
#include "io/env/env.h"

namespace og::cli {

// Runs `request`.
absl::Status RunTool(io::Env& env, const ToolRequest& request, Output& output);

// The rows of `dataset` that `request` selects, as canonical JSON lines.
absl::Status DumpRows(const engine::dataset::Dataset& dataset, const ToolRequest& request,
                      Output& output);

// "Error:" and one numbered line per cause.
std::string ToolErrorText(const absl::Status& status);

}  // namespace og::cli
