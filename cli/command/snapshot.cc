#include "cli/command/command.h"
#include "cli/render/graph_output.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadOnly));
  OG_ASSIGN_OR_RETURN(
      const engine::graph::SnapshotInfo snapshot,
      graph->DescribeSnapshot({.branch = invocation.arguments().Get("branch").value_or("main"),
                               .snapshot = invocation.arguments().Get("snapshot")}));
  return invocation.Print(invocation.json() ? SnapshotJson(snapshot) : SnapshotText(snapshot));
}

}  // namespace

Command SnapshotCommand() {
  return {.spec = {.path = "snapshot",
                   .summary = "Show the published state of a graph",
                   .examples = "  omnigraph snapshot people.omni\n"
                               "  omnigraph snapshot --store people.omni --json",
                   .takes_actor = true,
                   .options = {BranchOption(), SnapshotOption(), JsonOption(), GraphUriArgument()}},
          .run = Run};
}

}  // namespace og::cli
