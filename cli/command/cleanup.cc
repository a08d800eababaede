#include "engine/graph/cleanup.h"

#include <cstdint>
#include <optional>
#include <string>

#include "cli/command/command.h"
#include "cli/command/maintenance_arguments.h"
#include "cli/command/progress_bar.h"
#include "cli/render/maintenance_output.h"
#include "cli/target/target.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

absl::StatusOr<CleanupReport> ReportOf(const Arguments& arguments) {
  CleanupReport report;
  OG_ASSIGN_OR_RETURN(report.uri, ResolveGraphUri(arguments));
  if (const auto age = arguments.Get("older-than")) {
    OG_ASSIGN_OR_RETURN(report.older_than_s, ParseAgeSeconds(*age));
  }
  if (const auto keep = arguments.Get("keep")) {
    report.keep_versions = static_cast<uint32_t>(io::ParseUint64(*keep).value_or(0));
  }
  if (report.keep_versions || report.older_than_s) return report;
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}},
                           "cleanup requires at least one of --keep or --older-than");
}

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  Console& console = invocation.console();
  OG_ASSIGN_OR_RETURN(CleanupReport report, ReportOf(arguments));
  if (!arguments.Has("confirm")) {
    console.Err(CleanupPreviewText(report));
    return kExitOk;
  }
  const Consent consent = {.given = arguments.Has("yes"),
                           .can_ask = console.stdin_is_terminal() && !invocation.json(),
                           .ask = [&](std::string_view prompt) {
                             console.Err(prompt);
                             return console.ReadLine();
                           }};
  OG_RETURN_IF_ERROR(ConfirmDestructive("cleanup", report.uri, consent));
  if (!arguments.Has("quiet")) {
    console.Err(WriteEcho("cleanup", report.uri));
  }
  // Opening resolves unfinished writes first.
  OG_RETURN_IF_ERROR(invocation.OpenGraph(engine::graph::OpenMode::kReadWrite).status());
  OG_ASSIGN_OR_RETURN(io::Env* const env, invocation.Env());
  OG_ASSIGN_OR_RETURN(const io::Location root, env->Resolve(report.uri));
  {
    ProgressBar progress(console, *env, "cleanup", !arguments.Has("quiet"));
    engine::graph::CleanupOptions options;
    options.keep_versions = report.keep_versions;
    options.older_than_s = report.older_than_s;
    options.concurrency = MaintenanceConcurrency();
    options.progress = progress.Callback();
    OG_ASSIGN_OR_RETURN(report.result, engine::graph::CleanupGraph(*env, root, options));
  }
  return invocation.Print(invocation.json() ? CleanupJson(report) : CleanupText(report));
}

}  // namespace

Command CleanupCommand() {
  return {
      .spec = {.path = "cleanup",
               .summary = "Remove old versions of every backing dataset of the graph",
               .details = "A version goes if it is not among the newest --keep ones and older than "
                          "--older-than, and no\nbranch, merge or reader needs it; what reads a "
                          "commit that needs it is told that it was\nreclaimed. Without --confirm "
                          "only says what it would do by. Keep 10 or so: fewer than 3 may\ntake "
                          "what a rollback could use.",
               .examples = "  omnigraph cleanup people.omni --keep 10\n"
                           "  omnigraph cleanup people.omni --keep 10 --older-than 7d --confirm",
               .capability = Capability::kDirect,
               .options = {{.name = "keep",
                            .value_name = "KEEP",
                            .help = "Number of recent versions to keep per dataset",
                            .number_max = UINT32_MAX},
                           {.name = "older-than",
                            .value_name = "OLDER_THAN",
                            .help = "Only remove versions older than this: 7d, 24h, 90m, 30s, 2w"},
                           {.name = "confirm", .help = "Remove them"},
                           JsonOption(),
                           GraphUriArgument()}},
      .run = Run};
}

}  // namespace og::cli
