#include <optional>

#include "cli/command/command.h"
#include "cli/command/files.h"
#include "cli/command/progress_bar.h"
#include "cli/render/error_text.h"
#include "cli/render/graph_output.h"
#include "cli/target/target.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::graph::LoadMode;

LoadMode ModeNamed(std::string_view name) {
  if (name == "overwrite") {
    return LoadMode::kOverwrite;
  }
  return name == "merge" ? LoadMode::kMerge : LoadMode::kAppend;
}

// Whether the input is what is wrong, and not the storage or the limits.
bool IsAboutInput(const absl::Status& status) {
  const std::optional<io::ErrorDetail> detail = io::DetailOf(status);
  return detail && (detail->kind == io::ErrorKind::kBadRequest ||
                    detail->kind == io::ErrorKind::kKeyConflict);
}

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  Console& console = invocation.console();
  LoadReport report;
  report.mode = *arguments.Get("mode");
  report.branch = arguments.Get("branch").value_or("main");
  report.base_branch = arguments.Get("from");
  OG_ASSIGN_OR_RETURN(report.uri, ResolveGraphUri(arguments));
  if (report.mode == "overwrite") {
    const Consent consent = {.given = arguments.Has("yes"),
                             .can_ask = console.stdin_is_terminal() && !invocation.json(),
                             .ask = [&](std::string_view prompt) {
                               console.Err(prompt);
                               return console.ReadLine();
                             }};
    OG_RETURN_IF_ERROR(ConfirmDestructive("load --mode overwrite", report.uri, consent));
  }
  if (!arguments.Has("quiet")) {
    console.Err(WriteEcho("load", report.uri));
  }
  const std::string data_path = *arguments.Get("data");
  OG_ASSIGN_OR_RETURN(const auto source, OpenDataFile(data_path));
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(engine::graph::OpenMode::kReadWrite));
  OG_ASSIGN_OR_RETURN(io::Env* const env, invocation.Env());
  absl::StatusOr<engine::graph::LoadResult> result;
  {
    ProgressBar progress(console, *env, "load", !arguments.Has("quiet"));
    result = graph->Load(*source, {.branch = report.branch,
                                   .from = report.base_branch,
                                   .mode = ModeNamed(report.mode),
                                   .actor_id = arguments.Get("as"),
                                   .progress = progress.Callback()});
  }
  if (!result.ok()) {
    return IsAboutInput(result.status()) ? AtSource(result.status(), data_path, "")
                                         : result.status();
  }
  report.result = *std::move(result);
  return invocation.Print(invocation.json() ? LoadJson(report) : LoadText(report));
}

}  // namespace

Command LoadCommand() {
  return {
      .spec = {.path = "load",
               .summary = "Load JSON lines into a graph as one commit",
               .details = "Each line is a node {\"type\": \"T\", \"data\": {...}} or an edge "
                          "{\"edge\": \"E\", \"from\": ID, \"to\": ID, \"data\": {...}}.\nA line "
                          "that is wrong leaves the graph as it was.",
               .examples = "  omnigraph load --mode append --data people.jsonl people.omni\n"
                           "  zcat people.jsonl.gz | omnigraph load --mode overwrite --data - "
                           "people.omni\n"
                           "  omnigraph load --mode merge --branch draft --from main --data "
                           "people.jsonl people.omni",
               .takes_actor = true,
               .options = {{.name = "data",
                            .value_name = "FILE",
                            .help = "The JSON lines; - for stdin",
                            .is_required = true},
                           BranchOption(),
                           {.name = "from",
                            .value_name = "BRANCH",
                            .help = "Fork the branch from this one if it is not there yet"},
                           {.name = "mode",
                            .value_name = "MODE",
                            .help = "How existing entities are handled: overwrite replaces each "
                                    "type in the input, append refuses ids that exist, merge "
                                    "replaces the entities of the same ids",
                            .is_required = true,
                            .choices = {"overwrite", "append", "merge"}},
                           JsonOption(),
                           GraphUriArgument()}},
      .run = Run};
}

}  // namespace og::cli
