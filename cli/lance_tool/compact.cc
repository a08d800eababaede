#include "engine/dataset/compact.h"

#include <optional>

#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/text_table.h"
#include "format/table/manifest.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::CompactionOptions;
using engine::dataset::CompactionPlan;
using engine::dataset::CompactionResult;
using engine::dataset::DatasetPtr;

struct CompactArguments {
  DatasetArguments dataset;
  std::optional<uint64_t> target_rows;
  std::optional<uint64_t> max_bytes;
  double threshold = -1;  // below 0: as the table is configured
  bool materialize_deletions = true;
  bool defer_index_remap = false;
  std::optional<uint64_t> max_fragments;
  std::optional<uint64_t> batch_rows;
  int threads = 0;
  uint64_t retries = 3;
  bool dry_run = false;
};

void Declare(OptionSet& options, CompactArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareBranch(options);
  options
      .Add("--target-rows", arguments.target_rows,
           "Rows of a fragment; smaller ones are joined (default: 1048576)")
      .Positive();
  options.Add("--max-bytes", arguments.max_bytes, "Bytes of a data file").Positive();
  options
      .Add("--threshold", arguments.threshold,
           "Share of deleted rows above which a fragment is written again (default: 0.1)")
      .NotNegative();
  options.Flag("!--keep-deletions", arguments.materialize_deletions,
               "Do not write fragments again for their deletions alone");
  options.Flag("--defer-index-remap", arguments.defer_index_remap,
               "Leave the indexes, note how rows moved (tables without stable row ids)");
  options.Add("--max-fragments", arguments.max_fragments, "Compact at most this many fragments")
      .Positive();
  options.Add("--batch-rows", arguments.batch_rows, "Rows that are read at a time").Positive();
  options.Add("--threads", arguments.threads, "1: only this thread").NotNegative();
  options.Add("--retries", arguments.retries,
              "Times to plan anew when fragments were changed meanwhile (default: 3)");
  options.Flag("--dry-run", arguments.dry_run, "Only say which fragments would be compacted");
}

absl::StatusOr<CompactionOptions> OptionsOf(const engine::dataset::Dataset& dataset,
                                            const CompactArguments& arguments) {
  OG_ASSIGN_OR_RETURN(CompactionOptions options,
                      engine::dataset::CompactionOptionsOf(dataset.manifest().config));
  options.target_rows_per_fragment =
      arguments.target_rows.value_or(options.target_rows_per_fragment);
  options.max_bytes_per_file = arguments.max_bytes.value_or(options.max_bytes_per_file);
  if (arguments.threshold >= 0) {
    options.materialize_deletions_threshold = static_cast<float>(arguments.threshold);
  }
  options.materialize_deletions = options.materialize_deletions && arguments.materialize_deletions;
  options.defer_index_remap = options.defer_index_remap || arguments.defer_index_remap;
  if (arguments.max_fragments) {
    options.max_source_fragments = arguments.max_fragments;
  }
  if (arguments.batch_rows) {
    options.batch_rows = arguments.batch_rows;
  }
  options.threads = arguments.threads;
  return options;
}

absl::Status WritePlan(const CompactionPlan& plan, bool as_json, Output& output) {
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginArray();
  TextTable table({">task", ">fragments", ">rows", ">deleted", "ids"});
  for (size_t i = 0; i < plan.tasks.size(); ++i) {
    const auto& fragments = plan.tasks[i].fragments;
    uint64_t rows = 0;
    uint64_t deleted = 0;
    json.BeginObject();
    json.Key("fragments");
    json.BeginArray();
    for (const format::Fragment& fragment : fragments) {
      rows += fragment.num_rows();
      deleted += fragment.num_deleted_rows();
      json.Uint(fragment.id);
    }
    json.EndArray();
    json.Key("num_rows");
    json.Uint(rows);
    json.Key("num_deletions");
    json.Uint(deleted);
    json.EndObject();
    table.Add({io::StrCat(i + 1), io::StrCat(fragments.size()), io::StrCat(rows),
               io::StrCat(deleted), io::StrCat(fragments.front().id, "..", fragments.back().id)});
  }
  json.EndArray();
  return output.Write(as_json         ? std::move(json).Finish() + "\n"
                      : table.empty() ? std::string("nothing to compact\n")
                                      : table.Text());
}

absl::Status WriteResult(const CompactionResult& result, bool as_json, Output& output) {
  const auto& metrics = result.metrics;
  if (!as_json) {
    return output.Write(
        metrics.fragments_removed == 0
            ? io::StrCat("version ", result.dataset->version(), ", nothing to compact\n")
            : io::StrCat("version ", result.dataset->version(), ", ", metrics.fragments_removed,
                         " fragments became ", metrics.fragments_added, ", ", metrics.files_removed,
                         " files became ", metrics.files_added, " (",
                         ByteSizeText(metrics.bytes_written), ")\n"));
  }
  return output.Write(io::StrCat("{\"version\":", result.dataset->version(),
                                 ",\"fragments_removed\":", metrics.fragments_removed,
                                 ",\"fragments_added\":", metrics.fragments_added,
                                 ",\"files_removed\":", metrics.files_removed,
                                 ",\"files_added\":", metrics.files_added,
                                 ",\"bytes_written\":", metrics.bytes_written, "}\n"));
}

absl::Status Run(ToolContext& context, const CompactArguments& arguments) {
  OG_ASSIGN_OR_RETURN(DatasetPtr dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const CompactionOptions options, OptionsOf(*dataset, arguments));
  if (arguments.dry_run) {
    OG_ASSIGN_OR_RETURN(const CompactionPlan plan,
                        engine::dataset::PlanCompaction(*dataset, options));
    return WritePlan(plan, arguments.dataset.json, context.output);
  }
  for (uint64_t attempt = 0;; ++attempt) {
    absl::StatusOr<CompactionResult> result = [&] {
      ToolProgressBar bar(context.terminal, context.env, "compact");
      return engine::dataset::Compact(*dataset, options, bar.Callback());
    }();
    if (result.ok()) {
      return WriteResult(*result, arguments.dataset.json, context.output);
    }
    if (result.status().code() != absl::StatusCode::kAborted || attempt >= arguments.retries) {
      return result.status();
    }
    OG_ASSIGN_OR_RETURN(dataset, dataset->Latest());
  }
}

}  // namespace

ToolCommand CompactCommand() {
  return MakeToolCommand(
      {.path = "compact",
       .summary = "Join small fragments and drop deleted rows",
       .examples = "  lance-tool compact people.lance\n"
                   "  lance-tool compact people.lance --dry-run\n"
                   "  lance-tool compact people.lance --target-rows 100000 --json\n"
                   "  lance-tool compact people.lance --threshold 0 --branch dev\n"},
      Declare, Run);
}

}  // namespace og::cli
