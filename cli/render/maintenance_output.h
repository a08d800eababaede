// What `optimize`, `verify` and `repair` say: pretty JSON documents and lines for people.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/graph/optimize.h"
#include "engine/graph/repair.h"
#include "engine/graph/verify/verify.h"

namespace og::cli {

std::string OptimizeJson(std::string_view uri, const engine::graph::OptimizeResult& result);
std::string OptimizeText(std::string_view uri, const engine::graph::OptimizeResult& result);

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
