// lance-tool file-info: one data file as its metadata describes it, and how well it is compressed.
#pragma once

#include "absl/status/status.h"

#include "cli/lance_tool/arguments.h"
#include "cli/lance_tool/output.h"
#include "io/env/env.h"

namespace og::cli {

// Prints footer, columns, pages and encodings of the data file `request` names. Unless the request
// says otherwise every value is decoded, for the sizes in memory; a column that cannot be decoded
// is named with the reason and does not fail the command.
//
//   kNotFound         no such file
//   kInvalidArgument  a folder
//   others            as FileReader::Open
absl::Status RunFileInfo(io::Env& env, const ToolRequest& request, Output& output);

}  // namespace og::cli
