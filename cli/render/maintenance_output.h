// What `optimize`, `cleanup`, `verify` and `repair` say: pretty JSON documents and lines for
// people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/graph/cleanup.h"
#include "engine/graph/optimize.h"
#include "engine/graph/repair.h"
#include "engine/graph/verify/verify.h"

namespace og::cli {

std::string OptimizeJson(std::string_view uri, const engine::graph::OptimizeResult& result);
std::string OptimizeText(std::string_view uri, const engine::graph::OptimizeResult& result);

struct CleanupReport {
  std::string uri;
  std::optional<uint32_t> keep_versions;
  std::optional<uint64_t> older_than_s;
  engine::graph::CleanupResult result;
};
// "keep 3 versions, remove anything older than 604800s".
std::string CleanupPolicyText(const CleanupReport& report);
// What is said instead of cleaning up.
std::string CleanupPreviewText(const CleanupReport& report);
std::string CleanupJson(const CleanupReport& report);
std::string CleanupText(const CleanupReport& report);

struct RepairReport {
  std::string uri;
  engine::graph::RepairOptions options;
  engine::graph::RepairResult result;
};
size_t NumRefused(const engine::graph::RepairResult& result);
std::string RepairJson(const RepairReport& report);
std::string RepairText(const RepairReport& report);

std::string VerifyJson(std::string_view uri, const engine::graph::VerifyReport& report);
std::string VerifyText(std::string_view uri, const engine::graph::VerifyReport& report);

}  // namespace og::cli
