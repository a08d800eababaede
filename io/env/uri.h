// A URI as the parts that choose a store and a path.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace og::io {

struct ParsedUri {
  enum class Scheme : uint8_t { kLocal, kMemory, kS3 };

  Scheme scheme = Scheme::kLocal;
  std::string authority;  // bucket, or the name of a store in memory; empty for local paths
  std::string path;       // a store path, "" for the root of the store
};

// See Env::Resolve(). `working_folder` is absolute.
absl::StatusOr<ParsedUri> ParseUri(std::string_view uri, std::string_view working_folder);

}  // namespace og::io
