#include "engine/graph/verify/verify.h"

#include "cli/command/command.h"
#include "cli/render/maintenance_output.h"
#include "cli/target/target.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

constexpr int kExitNotices = 1;
constexpr int kExitDamage = 2;

absl::StatusOr<int> Run(Invocation& invocation) {
  const Arguments& arguments = invocation.arguments();
  OG_ASSIGN_OR_RETURN(const std::string uri, ResolveGraphUri(arguments));
  OG_ASSIGN_OR_RETURN(io::Env* const env, invocation.Env());
  OG_ASSIGN_OR_RETURN(const io::Location root, env->Resolve(uri));
  OG_ASSIGN_OR_RETURN(
      const engine::graph::VerifyReport report,
      engine::graph::VerifyGraph(*env, root,
                                 {.deep = arguments.Has("deep"),
                                  .branch = arguments.Get("branch").value_or("main"),
                                  .all_branches = arguments.Has("all")}));
  OG_RETURN_IF_ERROR(
      invocation.Print(invocation.json() ? VerifyJson(uri, report) : VerifyText(uri, report))
          .status());
  if (report.findings.empty()) return kExitOk;
  return report.has_damage() ? kExitDamage : kExitNotices;
}

}  // namespace

Command VerifyCommand() {
  OptionSpec branch = BranchOption();
  branch.excludes = {"all"};
  return {.spec = {.path = "verify",
                   .summary = "Check that a graph can be read and agrees with itself",
                   .details = "Exit code 0: nothing found; 1: something that a command brings in "
                              "order; 2: damage. Nothing is written.",
                   .examples = "  omnigraph verify people.omni\n"
                               "  omnigraph verify people.omni --all --deep --json",
                   .capability = Capability::kDirect,
                   .options = {{.name = "deep",
                                .help = "Read every value, compare indexes with scans, look for "
                                        "files that nothing refers to"},
                               branch,
                               {.name = "all", .help = "All branches"},
                               JsonOption(),
                               GraphUriArgument()}},
          .run = Run};
}

}  // namespace og::cli
