#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "engine/dataset/clone.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::CopyResult;
using engine::dataset::DatasetPtr;

struct CopyArguments {
  DatasetArguments dataset;
  std::string target;
  bool all_versions = false;
  bool verify = true;
};

void Declare(OptionSet& options, CopyArguments& arguments) {
  arguments.dataset.Declare(options);
  options.Add("TARGET", arguments.target, "Path or URI of the copy").Required();
  arguments.dataset.DeclareVersion(options);
  options.Flag("--all-versions", arguments.all_versions,
               "Every version up to that one which the copy does not have yet");
  options.Flag("!--no-verify", arguments.verify, "Do not read back what was copied");
}

// The versions to copy, ascending.
absl::StatusOr<std::vector<DatasetPtr>> SourcesOf(const DatasetPtr& dataset,
                                                  const io::Location& target, bool all_versions) {
  if (!all_versions) {
    return std::vector<DatasetPtr>{dataset};
  }
  uint64_t present = 0;
  if (const auto former = engine::dataset::Dataset::Open(dataset->env(), target, {}); former.ok()) {
    present = (*former)->version();
  }
  OG_ASSIGN_OR_RETURN(const auto versions, dataset->ListVersions());
  std::vector<DatasetPtr> sources;
  for (const engine::dataset::VersionInfo& version : versions) {
    if (version.version > present && version.version < dataset->version()) {
      OG_ASSIGN_OR_RETURN(DatasetPtr earlier, dataset->Checkout(version.version));
      sources.push_back(std::move(earlier));
    }
  }
  sources.push_back(dataset);
  return sources;
}

absl::Status Run(ToolContext& context, const CopyArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const io::Location target, context.env.Resolve(arguments.target));
  OG_ASSIGN_OR_RETURN(const auto sources, SourcesOf(dataset, target, arguments.all_versions));
  CopyResult total;
  for (const DatasetPtr& source : sources) {
    ToolProgressBar bar(context.terminal, context.env, "copy");
    OG_ASSIGN_OR_RETURN(CopyResult copied,
                        engine::dataset::CopyDataset(*source, target, {.verify = arguments.verify},
                                                     bar.Callback()));
    total.files_copied += copied.files_copied;
    total.files_present += copied.files_present;
    total.bytes_copied += copied.bytes_copied;
    total.dataset = std::move(copied.dataset);
  }
  return context.output.Write(
      arguments.dataset.json ? io::StrCat("{\"version\":", total.dataset->version(),
                                          ",\"num_rows\":", total.dataset->num_rows(),
                                          ",\"versions_copied\":", sources.size(),
                                          ",\"files_copied\":", total.files_copied,
                                          ",\"files_present\":", total.files_present,
                                          ",\"bytes_copied\":", total.bytes_copied, "}\n")
                             : io::StrCat("version ", total.dataset->version(), ", ",
                                          total.dataset->num_rows(), " rows: ", total.files_copied,
                                          " files copied (", ByteSizeText(total.bytes_copied),
                                          "), ", total.files_present, " were there\n"));
}

}  // namespace

ToolCommand CopyCommand() {
  return MakeToolCommand(
      {.path = "copy",
       .summary = "Copy a dataset with all its files; again: only what is new",
       .examples = "  lance-tool copy people.lance s3://backup/people.lance\n"
                   "  lance-tool copy s3://backup/people.lance restored.lance --version 3\n"
                   "  lance-tool copy people.lance mirror.lance --all-versions --json\n"},
      Declare, Run);
}

}  // namespace og::cli
