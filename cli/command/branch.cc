#include <optional>
#include <string>
#include <utility>

#include "cli/command/command.h"
#include "cli/render/branch_output.h"
#include "cli/render/graph_output.h"
#include "cli/target/target.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::graph::MergeOutcome;
using engine::graph::OpenMode;

OptionSpec UriOption() {
  return {.name = "uri", .value_name = "URI", .help = "The graph"};
}

OptionSpec NameArgument(std::string_view name, std::string_view help) {
  return {.name = name, .help = help, .is_positional = true, .is_required = true};
}

void Echo(Invocation& invocation, std::string_view label, std::string_view uri) {
  if (!invocation.arguments().Has("quiet")) {
    invocation.console().Err(WriteEcho(label, uri));
  }
}

absl::StatusOr<int> RunList(Invocation& invocation) {
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(OpenMode::kReadOnly));
  OG_ASSIGN_OR_RETURN(const std::vector<std::string> branches, graph->ListBranches());
  return invocation.Print(invocation.json() ? BranchListJson(branches) : BranchListText(branches));
}

absl::StatusOr<int> RunCreate(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  BranchChange change;
  change.name = *arguments.Get("NAME");
  change.from = arguments.Get("from").value_or("main");
  change.actor_id = arguments.Get("as");
  OG_ASSIGN_OR_RETURN(change.uri, ResolveGraphUri(arguments));
  Echo(invocation, "branch create", change.uri);
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(OpenMode::kReadWrite));
  OG_RETURN_IF_ERROR(graph->CreateBranch(change.name, change.from));
  return invocation.Print(invocation.json() ? BranchCreateJson(change) : BranchCreateText(change));
}

absl::StatusOr<int> RunDelete(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  Console& console = invocation.console();
  BranchChange change;
  change.name = *arguments.Get("NAME");
  change.actor_id = arguments.Get("as");
  OG_ASSIGN_OR_RETURN(change.uri, ResolveGraphUri(arguments));
  const Consent consent = {.given = arguments.Has("yes"),
                           .can_ask = console.stdin_is_terminal() && !invocation.json(),
                           .ask = [&](std::string_view prompt) {
                             console.Err(prompt);
                             return console.ReadLine();
                           }};
  OG_RETURN_IF_ERROR(ConfirmDestructive("branch delete", change.uri, consent));
  Echo(invocation, "branch delete", change.uri);
  OG_ASSIGN_OR_RETURN(const auto graph, invocation.OpenGraph(OpenMode::kReadWrite));
  OG_RETURN_IF_ERROR(graph->DeleteBranch(change.name));
  return invocation.Print(invocation.json() ? BranchDeleteJson(change) : BranchDeleteText(change));
}

// Deletes the merged branch; a failure is part of the report.
void DeleteMerged(engine::graph::Graph& graph, Invocation& invocation, MergeReport& report) {
  const absl::Status deleted = graph.DeleteBranch(report.source);
  report.branch_deleted = deleted.ok();
  if (!deleted.ok()) {
    report.branch_delete_error = std::string(io::Message(deleted));
    invocation.console().Err(io::StrCat("warning: merged, but could not delete branch '",
                                        report.source, "': ", *report.branch_delete_error, "\n"));
  }
}

absl::StatusOr<int> RunMerge(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  MergeReport report;
  report.source = *arguments.Get("SOURCE");
  report.target = arguments.Get("into").value_or("main");
  report.actor_id = arguments.Get("as");
  report.is_dry_run = arguments.Has("dry-run");
  OG_ASSIGN_OR_RETURN(const std::string uri, ResolveGraphUri(arguments));
  if (!report.is_dry_run) {
    Echo(invocation, "branch merge", uri);
  }
  OG_ASSIGN_OR_RETURN(
      const auto graph,
      invocation.OpenGraph(report.is_dry_run ? OpenMode::kReadOnly : OpenMode::kReadWrite));
  OG_ASSIGN_OR_RETURN(report.result, graph->MergeBranch({.source = report.source,
                                                         .target = report.target,
                                                         .actor_id = report.actor_id,
                                                         .dry_run = report.is_dry_run}));
  if (arguments.Has("delete-branch")) {
    DeleteMerged(*graph, invocation, report);
  }
  OG_RETURN_IF_ERROR(
      invocation.Print(invocation.json() ? MergeJson(report) : MergeText(report)).status());
  return report.result.conflicts.empty() ? kExitOk : kExitError;
}

}  // namespace

Command BranchListCommand() {
  return {.spec = {.path = "branch list",
                   .summary = "List the branches of a graph",
                   .examples = "  omnigraph branch list --uri people.omni",
                   .takes_actor = true,
                   .options = {UriOption(), JsonOption()}},
          .run = RunList};
}

Command BranchCreateCommand() {
  return {.spec = {.path = "branch create",
                   .summary = "Create a branch",
                   .details = "A branch costs nothing until it is written: its tables are those of "
                              "the branch that it was made from.",
                   .examples = "  omnigraph branch create --uri people.omni review\n"
                               "  omnigraph branch create --uri people.omni --from review fix",
                   .takes_actor = true,
                   .options = {UriOption(),
                               {.name = "from",
                                .value_name = "BRANCH",
                                .help = "The branch to fork [default: main]"},
                               JsonOption(),
                               NameArgument("NAME", "The name of the new branch")}},
          .run = RunCreate};
}

Command BranchDeleteCommand() {
  return {.spec = {.path = "branch delete",
                   .summary = "Delete a branch",
                   .examples = "  omnigraph branch delete --uri people.omni review",
                   .takes_actor = true,
                   .options = {UriOption(), JsonOption(), NameArgument("NAME", "The branch")}},
          .run = RunDelete};
}

Command BranchMergeCommand() {
  return {
      .spec = {.path = "branch merge",
               .summary = "Merge a branch into another one",
               .details = "What the source changed since the two parted becomes one commit on the "
                          "target. Where both changed\nthe same entity differently nothing is "
                          "merged, and every conflict is named.",
               .examples = "  omnigraph branch merge --uri people.omni review\n"
                           "  omnigraph branch merge --uri people.omni review --dry-run\n"
                           "  omnigraph branch merge --uri people.omni review --into staging "
                           "--delete-branch",
               .takes_actor = true,
               .options = {UriOption(),
                           {.name = "into",
                            .value_name = "BRANCH",
                            .help = "The branch that takes the changes [default: main]"},
                           {.name = "delete-branch", .help = "Delete the source afterwards"},
                           {.name = "dry-run",
                            .help = "Say what would change and what is in conflict; exit code 1 "
                                    "with conflicts",
                            .excludes = {"delete-branch"}},
                           JsonOption(),
                           NameArgument("SOURCE", "The branch whose changes are taken")}},
      .run = RunMerge};
}

}  // namespace og::cli
