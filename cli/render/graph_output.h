// What the commands say about a graph: pretty JSON documents and lines for people. Each text ends
// with a line end.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/graph/graph.h"
#include "engine/query/lint.h"

namespace og::cli {

std::string SnapshotJson(const engine::graph::SnapshotInfo& snapshot);
std::string SnapshotText(const engine::graph::SnapshotInfo& snapshot);

std::string CommitJson(const engine::graph::CommitInfo& commit);
std::string CommitText(const engine::graph::CommitInfo& commit);

// `branch list`: the names, sorted.
std::string BranchListJson(std::span<const std::string> branches);
std::string BranchListText(std::span<const std::string> branches);

std::string CommitListJson(std::span<const engine::graph::CommitInfo> commits);
std::string CommitListText(std::span<const engine::graph::CommitInfo> commits);

// What a load wrote, and where to.
struct LoadReport {
  std::string uri;
  std::string branch;
  std::optional<std::string> base_branch = {};  // --from
  std::string mode;
  engine::graph::LoadResult result;
};
std::string LoadJson(const LoadReport& load);
std::string LoadText(const LoadReport& load);

// What a mutation did, and where.
struct ChangeReport {
  std::string branch;
  std::string query_name;
  std::optional<std::string> actor_id;
  engine::graph::MutationResult result;
};
std::string ChangeJson(const ChangeReport& change);
std::string ChangeText(const ChangeReport& change);

std::string SchemaJson(std::string_view schema_source);

// `source` is the text that was linted; errors say where in it they are.
std::string LintText(const engine::query::LintReport& report, std::string_view source);

}  // namespace og::cli
