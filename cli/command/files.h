// Files that the user names: sources of schemas, queries and parameters, and the data of a load.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "engine/graph/graph.h"

namespace og::cli {

// The whole of `path`. kBadRequest says which file and why; so does text that is not UTF-8.
absl::StatusOr<std::string> ReadTextFile(std::string_view path);

// `path` as the input of a load, or stdin for "-".
absl::StatusOr<std::unique_ptr<engine::graph::ByteSource>> OpenDataFile(std::string_view path);

}  // namespace og::cli
