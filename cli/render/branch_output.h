// What the commands that change branches say: pretty JSON documents and lines for people.
#pragma once

#include <optional>
#include <string>

#include "engine/graph/graph.h"

namespace og::cli {

// A branch that was created or deleted.
struct BranchChange {
  std::string uri;
  std::string from;  // created ones
  std::string name;
  std::optional<std::string> actor_id;
};
std::string BranchCreateJson(const BranchChange& change);
std::string BranchCreateText(const BranchChange& change);
std::string BranchDeleteJson(const BranchChange& change);
std::string BranchDeleteText(const BranchChange& change);

struct MergeReport {
  std::string source;
  std::string target;
  std::optional<std::string> actor_id;
  bool is_dry_run = false;
  engine::graph::MergeResult result;
  std::optional<bool> branch_deleted;  // if it was to be
  std::optional<std::string> branch_delete_error;
};
// A dry run also says what each table gets, and the conflicts.
std::string MergeJson(const MergeReport& report);
std::string MergeText(const MergeReport& report);

}  // namespace og::cli
