#include "cli/command/command.h"
#include "cli/command/progress_bar.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  Console& console = invocation.console();
  if (arguments.Has("jsonl")) {
    console.Err("warning: --jsonl is deprecated\n");
  }
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadOnly));
  OG_ASSIGN_OR_RETURN(io::Env* const env, invocation.Env());
  ProgressBar progress(console, *env, "export", !arguments.Has("quiet"));
  OG_RETURN_IF_ERROR(graph->Export({.target = {.branch = arguments.Get("branch").value_or("main"),
                                               .snapshot = arguments.Get("snapshot")},
                                    .types = arguments.All("type"),
                                    .progress = progress.Callback()},
                                   [&](std::string_view lines) { return console.Out(lines); }));
  return kExitOk;
}

}  // namespace

Command ExportCommand() {
  return {.spec = {.path = "export",
                   .summary = "Print a graph as JSON lines that load takes back",
                   .examples = "  omnigraph export people.omni > people.jsonl\n"
                               "  omnigraph export --type Person --type Knows people.omni",
                   .takes_actor = true,
                   .options = {BranchOption(),
                               SnapshotOption(),
                               {.name = "type",
                                .value_name = "TYPE",
                                .help = "Only this node or edge type; may be repeated",
                                .is_repeatable = true},
                               {.name = "jsonl", .help = "The only format", .is_hidden = true},
                               GraphUriArgument()}},
          .run = Run};
}

}  // namespace og::cli
