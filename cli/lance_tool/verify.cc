#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/version_check.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::DatasetPtr;

struct VerifyArguments {
  DatasetArguments dataset;
  bool deep = false;
  bool all_versions = false;
};

void Declare(OptionSet& options, VerifyArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareVersion(options);
  options.Flag("--deep", arguments.deep, "Compare checksums and decode every value too");
  options.Flag("--all-versions", arguments.all_versions, "Every version of the branch");
}

absl::Status Run(ToolContext& context, const VerifyArguments& arguments) {
  DatasetArguments wanted = arguments.dataset;
  wanted.check_pages = arguments.deep;
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, wanted.Open(context));
  std::vector<uint64_t> versions = {dataset->version()};
  if (arguments.all_versions) {
    OG_ASSIGN_OR_RETURN(const auto all, dataset->ListVersions());
    versions.clear();
    for (const engine::dataset::VersionInfo& version : all) {
      versions.push_back(version.version);
    }
  }
  size_t problems = 0;
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginArray();
  std::string text;
  for (const uint64_t version : versions) {
    VerifyReport report;
    if (const absl::StatusOr<DatasetPtr> opened = dataset->Checkout(version); opened.ok()) {
      report = VerifyVersion(**opened, arguments.deep);
    } else {
      report.problems.push_back(std::string(io::Message(opened.status())));
    }
    problems += report.problems.size();
    text += io::StrCat("version ", version, ": ", report.num_rows, " rows, ", report.num_files,
                       " files, ", report.problems.size(), " problems\n");
    json.BeginObject();
    json.Key("version");
    json.Uint(version);
    json.Key("num_rows");
    json.Uint(report.num_rows);
    json.Key("num_fragments");
    json.Uint(report.num_fragments);
    json.Key("num_files");
    json.Uint(report.num_files);
    json.Key("num_summed_pages");
    json.Uint(report.num_summed_pages);
    json.Key("problems");
    json.BeginArray();
    for (const std::string& problem : report.problems) {
      json.String(problem);
      text += io::StrCat("  ", problem, "\n");
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  OG_RETURN_IF_ERROR(
      context.output.Write(arguments.dataset.json ? std::move(json).Finish() + "\n" : text));
  OG_RETURN_IF_ERROR(context.output.Flush());
  return problems == 0 ? absl::OkStatus()
                       : io::DataLossError(io::StrCat(problems, " problems found"));
}

}  // namespace

ToolCommand VerifyCommand() {
  return MakeToolCommand({.path = "verify",
                          .summary = "Check that a dataset is complete and consistent",
                          .examples = "  lance-tool verify people.lance\n"
                                      "  lance-tool verify people.lance --all-versions --deep\n"},
                         Declare, Run);
}

}  // namespace og::cli
