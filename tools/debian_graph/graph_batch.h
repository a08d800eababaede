// An archive as JSON lines that `omnigraph load` takes under the schema debian.pg: nodes first,
// then edges, one line each.
#pragma once

#include <functional>
#include <string_view>

#include "absl/status/status.h"

#include "tools/debian_graph/archive.h"

namespace og::tools {

// Takes the next bytes of the output.
using TextSink = std::function<absl::Status(std::string_view)>;

// Hands the lines to `sink`, many at a time. The only errors are those of `sink`, passed on.
absl::Status WriteGraphBatch(const Archive& archive, const TextSink& sink);

}  // namespace og::tools
