#include "cli/command/command.h"
#include "cli/render/graph_output.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

absl::StatusOr<int> RunList(Invocation& invocation) {
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadOnly));
  OG_ASSIGN_OR_RETURN(const std::vector<std::string> branches, graph->ListBranches());
  return invocation.Print(invocation.json() ? BranchListJson(branches) : BranchListText(branches));
}

}  // namespace

Command BranchListCommand() {
  return {.spec = {.path = "branch list",
                   .summary = "List the branches of a graph",
                   .examples = "  omnigraph branch list --uri people.omni",
                   .takes_actor = true,
                   .options = {{.name = "uri", .value_name = "URI", .help = "The graph"},
                               JsonOption()}},
          .run = RunList};
}

}  // namespace og::cli
