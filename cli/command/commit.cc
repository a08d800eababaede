#include "cli/command/command.h"
#include "cli/render/graph_output.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

absl::StatusOr<int> RunList(Invocation& invocation) {
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadOnly));
  OG_ASSIGN_OR_RETURN(const std::vector<engine::graph::CommitInfo> commits,
                      graph->ListCommits(invocation.arguments().Get("branch").value_or("main")));
  return invocation.Print(invocation.json() ? CommitListJson(commits) : CommitListText(commits));
}

absl::StatusOr<int> RunShow(Invocation& invocation) {
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadOnly));
  OG_ASSIGN_OR_RETURN(const engine::graph::CommitInfo commit,
                      graph->FindCommit(*invocation.arguments().Get("COMMIT")));
  return invocation.Print(invocation.json() ? CommitJson(commit) : CommitText(commit));
}

}  // namespace

Command CommitListCommand() {
  return {.spec = {.path = "commit list",
                   .summary = "List the commits of a branch, newest first",
                   .examples = "  omnigraph commit list people.omni",
                   .options = {BranchOption(), JsonOption(), GraphUriArgument()}},
          .run = RunList};
}

Command CommitShowCommand() {
  return {.spec = {.path = "commit show",
                   .summary = "Show one commit",
                   .examples = "  omnigraph commit show --uri people.omni "
                               "01JQ3ZB9V6M2X8K4T7N5R1C0DE",
                   .options = {{.name = "uri", .value_name = "URI", .help = "The graph"},
                               JsonOption(),
                               {.name = "COMMIT",
                                .help = "The commit's id",
                                .is_positional = true,
                                .is_required = true}}},
          .run = RunShow};
}

}  // namespace og::cli
