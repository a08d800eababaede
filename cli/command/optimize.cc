#include "engine/graph/optimize.h"

#include <string>

#include "cli/command/command.h"
#include "cli/command/maintenance_arguments.h"
#include "cli/command/progress_bar.h"
#include "cli/render/maintenance_output.h"
#include "cli/target/target.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  OG_ASSIGN_OR_RETURN(const std::string uri, ResolveGraphUri(arguments));
  if (!arguments.Has("quiet")) {
    invocation.console().Err(WriteEcho("optimize", uri));
  }
  // Opening resolves unfinished writes first.
  OG_RETURN_IF_ERROR(invocation.OpenGraph(engine::graph::OpenMode::kReadWrite).status());
  OG_ASSIGN_OR_RETURN(io::Env* const env, invocation.Env());
  OG_ASSIGN_OR_RETURN(const io::Location root, env->Resolve(uri));
  engine::graph::OptimizeResult result;
  {
    ProgressBar progress(invocation.console(), *env, "optimize", !arguments.Has("quiet"));
    OG_ASSIGN_OR_RETURN(
        result, engine::graph::OptimizeGraph(
                    *env, root,
                    {.concurrency = MaintenanceConcurrency(), .progress = progress.Callback()}));
  }
  return invocation.Print(invocation.json() ? OptimizeJson(uri, result)
                                            : OptimizeText(uri, result));
}

}  // namespace

Command OptimizeCommand() {
  return {
      .spec = {.path = "optimize",
               .summary = "Compact small Lance fragments in every backing dataset of the graph",
               .details = "Joins small fragments, drops deleted rows, builds the indexes that the "
                          "schema\nasks for and takes new rows into those that there are: one "
                          "commit on main. No\nentity changes. A dataset that was changed past the "
                          "graph is skipped; see `repair`.",
               .examples = "  omnigraph optimize people.omni\n"
                           "  omnigraph optimize --json people.omni",
               .capability = Capability::kDirect,
               .options = {JsonOption(), GraphUriArgument()}},
      .run = Run};
}

}  // namespace og::cli
