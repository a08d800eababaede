#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/measurement.h"
#include "engine/dataset/indices.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

struct ExplainArguments {
  DatasetArguments dataset;
  RowArguments rows;
  bool analyze = false;
};

void Declare(OptionSet& options, ExplainArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareVersion(options);
  arguments.rows.DeclareColumns(options);
  arguments.rows.DeclareFilter(options);
  arguments.rows.DeclareLimit(options);
  options.Flag("--analyze", arguments.analyze, "Run the scan too: rows, requests, bytes");
}

absl::StatusOr<uint64_t> RunScan(const engine::dataset::Dataset& dataset,
                                 const engine::dataset::ScanOptions& options) {
  OG_ASSIGN_OR_RETURN(const auto stream, dataset.Scan(options));
  uint64_t rows = 0;
  while (true) {
    OG_ASSIGN_OR_RETURN(const auto batch, stream->Next());
    if (!batch) {
      return rows;
    }
    rows += static_cast<uint64_t>(batch->num_rows);
  }
}

absl::Status Run(ToolContext& context, const ExplainArguments& arguments) {
  OG_ASSIGN_OR_RETURN(io::Location root, context.env.Resolve(arguments.dataset.dataset));
  Measurement measurement(context.env, root);
  OG_ASSIGN_OR_RETURN(const auto dataset, arguments.dataset.OpenAt(context.env, root));
  OG_ASSIGN_OR_RETURN(const auto options, arguments.rows.Scan());
  OG_ASSIGN_OR_RETURN(const auto explanation, engine::dataset::ExplainScan(*dataset, options));
  uint64_t rows = 0;
  if (arguments.analyze) {
    measurement.Start();
    OG_ASSIGN_OR_RETURN(rows, RunScan(*dataset, options));
    measurement.Stop();
  }
  if (arguments.dataset.json) {
    io::JsonWriter json(io::JsonWriter::Style::kPretty);
    json.BeginObject();
    json.Key("plan");
    json.String(explanation.plan);
    json.Key("num_fragments");
    json.Uint(explanation.num_fragments);
    json.Key("num_fragments_pruned");
    json.Uint(explanation.num_fragments_pruned);
    json.Key("num_fragments_scanned");
    json.Uint(explanation.num_fragments_scanned);
    json.Key("num_rows_from_index");
    explanation.num_rows_from_index ? json.Uint(*explanation.num_rows_from_index) : json.Null();
    if (arguments.analyze) {
      json.Key("num_rows");
      json.Uint(rows);
      json.Key("requests");
      json.Uint(measurement.counts().reads());
      json.Key("bytes_read");
      json.Uint(measurement.counts().bytes_read());
    }
    json.EndObject();
    return context.output.Write(std::move(json).Finish() + "\n");
  }
  std::string text = io::StrCat(explanation.plan, explanation.plan.ends_with('\n') ? "" : "\n",
                                "fragments: ", explanation.num_fragments,
                                ", pruned: ", explanation.num_fragments_pruned,
                                ", scanned: ", explanation.num_fragments_scanned, "\n");
  if (explanation.num_rows_from_index) {
    text += io::StrCat("rows from the index: ", *explanation.num_rows_from_index, "\n");
  }
  if (arguments.analyze) {
    text += io::StrCat("rows: ", rows, ", requests: ", measurement.counts().reads(),
                       ", bytes read: ", measurement.counts().bytes_read(), "\n");
  }
  return context.output.Write(text);
}

}  // namespace

ToolCommand ExplainCommand() {
  return MakeToolCommand(
      {.path = "explain",
       .summary = "How a scan goes: plan, indexes, fragments pruned",
       .examples = "  lance-tool explain people.lance --where \"age = 42\"\n"
                   "  lance-tool explain people.lance --where \"age < 3\" --analyze --json\n"},
      Declare, Run);
}

}  // namespace og::cli
