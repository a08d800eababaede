#include "engine/dataset/cleanup.h"

#include <optional>

#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/text_table.h"
#include "engine/dataset/auto_cleanup.h"
#include "engine/dataset/metadata.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::CleanupCandidate;
using engine::dataset::CleanupPlan;
using engine::dataset::CleanupPolicy;
using engine::dataset::CleanupStats;

constexpr std::string_view kDefaultAge = "14d";

struct CleanupArguments {
  DatasetArguments dataset;
  std::optional<std::string> older_than;
  std::optional<std::string> before;
  std::optional<uint64_t> before_version;
  std::optional<uint64_t> retain;
  bool delete_unverified = false;
  bool keep_tagged = false;
  std::optional<uint64_t> rate;
  bool dry_run = false;
  bool yes = false;
};

void Declare(OptionSet& options, CleanupArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareBranch(options);
  options.Add("--older-than", arguments.older_than,
              "Versions of this age: 14d, 36h, 90m, 2w (default without other conditions: 14d)");
  options.Add("--before", arguments.before, "Versions committed before this time (RFC 3339)")
      .Excludes("--older-than");
  options.Add("--before-version", arguments.before_version, "Versions below this number");
  options.Add("--retain", arguments.retain, "All versions but this many latest ones").Positive();
  options.Flag("--delete-unverified", arguments.delete_unverified,
               "Also files younger than 7 days that no version names: only when nobody writes");
  options.Flag("--keep-tagged", arguments.keep_tagged,
               "Keep old tagged versions; else they are an error");
  options.Add("--rate", arguments.rate, "At most this many deletions per second").Positive();
  options.Flag("--dry-run", arguments.dry_run, "Only list what would be removed");
  DeclareYes(options, arguments.yes);
}

absl::StatusOr<CleanupPolicy> PolicyOf(io::Env& env, const CleanupArguments& arguments) {
  CleanupPolicy policy;
  policy.before_version = arguments.before_version;
  policy.retain_versions = arguments.retain;
  policy.delete_unverified = arguments.delete_unverified;
  policy.error_if_tagged_old_versions = !arguments.keep_tagged;
  policy.deletes_per_second = arguments.rate;
  if (arguments.before) {
    policy.before_us = engine::dataset::ParseTimeUs(*arguments.before);
    if (!policy.before_us) {
      return io::InvalidArgumentError(io::StrCat("no time: ", *arguments.before));
    }
  } else if (arguments.older_than || (!arguments.before_version && !arguments.retain)) {
    const std::string age = arguments.older_than.value_or(std::string(kDefaultAge));
    const std::optional<int64_t> age_us = engine::dataset::ParseAgeUs(age);
    if (!age_us) {
      return io::InvalidArgumentError(io::StrCat("no age: ", age, " (14d, 36h, 90m, 2w)"));
    }
    policy.before_us = env.NowUs() - *age_us;
  }
  return policy;
}

void WriteStats(const CleanupStats& stats, io::JsonWriter& json) {
  json.Key("old_versions");
  json.Uint(stats.old_versions);
  json.Key("data_files_removed");
  json.Uint(stats.data_files_removed);
  json.Key("deletion_files_removed");
  json.Uint(stats.deletion_files_removed);
  json.Key("index_files_removed");
  json.Uint(stats.index_files_removed);
  json.Key("transaction_files_removed");
  json.Uint(stats.transaction_files_removed);
  json.Key("bytes_removed");
  json.Uint(stats.bytes_removed);
}

std::string StatsText(const CleanupStats& stats) {
  return io::StrCat(stats.old_versions, " versions, ", stats.data_files_removed, " data files, ",
                    stats.deletion_files_removed, " deletion files, ", stats.index_files_removed,
                    " index files, ", stats.transaction_files_removed, " transactions, ",
                    ByteSizeText(stats.bytes_removed));
}

absl::Status WritePlan(const CleanupPlan& plan, bool as_json, Output& output) {
  if (!as_json) {
    TextTable table({"kind", ">bytes", "path"});
    for (const CleanupCandidate& candidate : plan.candidates) {
      table.Add({std::string(engine::dataset::CleanupKindName(candidate.kind)),
                 io::StrCat(candidate.size_bytes), candidate.path});
    }
    return output.Write(io::StrCat(table.empty() ? "" : table.Text(), "would remove ",
                                   StatsText(plan.stats), "\n"));
  }
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginObject();
  json.Key("read_version");
  json.Uint(plan.read_version);
  WriteStats(plan.stats, json);
  json.Key("candidates");
  json.BeginArray();
  for (const CleanupCandidate& candidate : plan.candidates) {
    json.BeginObject();
    json.Key("path");
    json.String(candidate.path);
    json.Key("kind");
    json.String(engine::dataset::CleanupKindName(candidate.kind));
    json.Key("unverified");
    json.Bool(candidate.is_unverified);
    json.Key("size_bytes");
    json.Uint(candidate.size_bytes);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return output.Write(std::move(json).Finish() + "\n");
}

absl::Status Run(ToolContext& context, const CleanupArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const auto dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const CleanupPolicy policy, PolicyOf(context.env, arguments));
  if (arguments.dry_run || !arguments.yes) {
    OG_ASSIGN_OR_RETURN(const CleanupPlan plan, engine::dataset::PlanCleanup(*dataset, policy));
    if (arguments.dry_run) {
      return WritePlan(plan, arguments.dataset.json, context.output);
    }
    if (!plan.candidates.empty()) {
      OG_RETURN_IF_ERROR(context.terminal.Confirm(
          io::StrCat("Remove ", StatsText(plan.stats), " from ", dataset->branch_root().Uri(), "?"),
          arguments.yes));
    }
  }
  CleanupStats stats;
  {
    ToolProgressBar bar(context.terminal, context.env, "cleanup");
    OG_ASSIGN_OR_RETURN(stats, engine::dataset::Cleanup(*dataset, policy, bar.Callback()));
  }
  if (!arguments.dataset.json) {
    return context.output.Write(io::StrCat("removed ", StatsText(stats), "\n"));
  }
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginObject();
  WriteStats(stats, json);
  json.EndObject();
  return context.output.Write(std::move(json).Finish() + "\n");
}

}  // namespace

ToolCommand CleanupCommand() {
  return MakeToolCommand(
      {.path = "cleanup",
       .summary = "Remove old versions and files that no version needs",
       .examples = "  lance-tool cleanup people.lance --dry-run\n"
                   "  lance-tool cleanup people.lance --older-than 30d --keep-tagged --yes\n"
                   "  lance-tool cleanup people.lance --retain 10 --json --yes\n"},
      Declare, Run);
}

}  // namespace og::cli
