#include "engine/graph/repair.h"

#include <string>

#include "cli/command/command.h"
#include "cli/render/maintenance_output.h"
#include "cli/target/target.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  RepairReport report;
  report.options = {.confirm = arguments.Has("confirm"), .force = arguments.Has("force")};
  OG_ASSIGN_OR_RETURN(report.uri, ResolveGraphUri(arguments));
  if (!arguments.Has("quiet")) {
    invocation.console().Err(WriteEcho("repair", report.uri));
  }
  // Opening resolves unfinished writes first: what they own is no drift.
  OG_RETURN_IF_ERROR(invocation.OpenGraph(engine::graph::OpenMode::kReadWrite).status());
  OG_ASSIGN_OR_RETURN(io::Env* const env, invocation.Env());
  OG_ASSIGN_OR_RETURN(const io::Location root, env->Resolve(report.uri));
  OG_ASSIGN_OR_RETURN(report.result, engine::graph::RepairGraph(*env, root, report.options));
  OG_RETURN_IF_ERROR(
      invocation.Print(invocation.json() ? RepairJson(report) : RepairText(report)).status());
  const size_t refused = NumRefused(report.result);
  if (refused == 0) return kExitOk;
  return io::DetailedError(
      {.kind = io::ErrorKind::kConflict, .code = "", .fields = {}},
      io::StrCat("repair refused ", refused,
                 " suspicious or unverifiable dataset(s); review the preview output and rerun with "
                 "--force --confirm only if publishing that drift is intentional"));
}

}  // namespace

Command RepairCommand() {
  return {
      .spec = {.path = "repair",
               .summary = "Publish versions of datasets that were made past the graph",
               .details = "Without --confirm only says what it finds. Compaction is published "
                          "when confirmed; anything else only with --force.",
               .examples = "  omnigraph repair people.omni\n"
                           "  omnigraph repair people.omni --confirm",
               .capability = Capability::kDirect,
               .options = {{.name = "confirm", .help = "Publish verified maintenance"},
                           {.name = "force", .help = "Publish whatever was made; needs --confirm"},
                           JsonOption(),
                           GraphUriArgument()}},
      .run = Run};
}

}  // namespace og::cli
