#include <optional>

#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "engine/dataset/metadata.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

struct RestoreArguments {
  DatasetArguments dataset;
  std::optional<uint64_t> to_version;
  std::optional<std::string> at;
};

void Declare(OptionSet& options, RestoreArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareBranch(options);
  options.Add("--to-version", arguments.to_version, "The version whose content comes back");
  options
      .Add("--at", arguments.at,
           "The version that was the latest at this time (2026-11-21T08:18:31Z)")
      .Excludes("--to-version");
}

absl::Status Run(ToolContext& context, const RestoreArguments& arguments) {
  OG_ASSIGN_OR_RETURN(auto dataset, arguments.dataset.Open(context));
  if (!arguments.to_version && !arguments.at) {
    return io::InvalidArgumentError("say --to-version or --at");
  }
  uint64_t target = arguments.to_version.value_or(0);
  if (arguments.at) {
    const std::optional<int64_t> time_us = engine::dataset::ParseTimeUs(*arguments.at);
    if (!time_us) {
      return io::InvalidArgumentError(io::StrCat("no time: ", *arguments.at));
    }
    OG_ASSIGN_OR_RETURN(const auto then, engine::dataset::CheckoutAt(*dataset, *time_us));
    target = then->version();
  }
  OG_ASSIGN_OR_RETURN(const auto staged, dataset->StageRestore(target, {}));
  OG_ASSIGN_OR_RETURN(dataset, dataset->Commit(staged, {}));
  return context.output.Write(arguments.dataset.json
                                  ? io::StrCat("{\"version\":", dataset->version(),
                                               ",\"restored\":", target,
                                               ",\"num_rows\":", dataset->num_rows(), "}\n")
                                  : io::StrCat("version ", dataset->version(), " is version ",
                                               target, " again, ", dataset->num_rows(), " rows\n"));
}

}  // namespace

ToolCommand RestoreCommand() {
  return MakeToolCommand(
      {.path = "restore",
       .summary = "Make the content of an earlier version the latest one",
       .examples = "  lance-tool restore people.lance --to-version 3\n"
                   "  lance-tool restore people.lance --at 2026-11-21T08:00:00Z --json\n"},
      Declare, Run);
}

}  // namespace og::cli
