#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/measurement.h"
#include "format/arrow/array.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

struct ScanArguments {
  DatasetArguments dataset;
  RowArguments rows;
  uint64_t repeat = 1;
  int threads = 0;
  int64_t batch_rows = 8192;
};

void Declare(OptionSet& options, ScanArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareVersion(options);
  arguments.dataset.DeclareCheck(options);
  arguments.rows.DeclareColumns(options);
  arguments.rows.DeclareFilter(options);
  arguments.rows.DeclareLimit(options);
  arguments.rows.DeclareOrder(options);
  options.Add("--repeat", arguments.repeat, "Times to scan").Positive();
  options.Add("--threads", arguments.threads, "1: only this thread").NotNegative();
  options.Add("--batch-rows", arguments.batch_rows, "Rows in a batch").Positive();
}

absl::Status Run(ToolContext& context, const ScanArguments& arguments) {
  OG_ASSIGN_OR_RETURN(io::Location root, context.env.Resolve(arguments.dataset.dataset));
  Measurement measurement(context.env, root);
  OG_ASSIGN_OR_RETURN(const auto dataset, arguments.dataset.OpenAt(context.env, root));
  OG_ASSIGN_OR_RETURN(engine::dataset::ScanOptions options, arguments.rows.Scan());
  options.batch_rows = arguments.batch_rows;
  options.threads = arguments.threads;
  uint64_t rows = 0;
  uint64_t batches = 0;
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < arguments.repeat; ++i) {
    rows = batches = bytes = 0;
    measurement.Start();
    OG_ASSIGN_OR_RETURN(const auto stream, arguments.rows.Open(*dataset, options));
    while (true) {
      OG_ASSIGN_OR_RETURN(const auto batch, stream->Next());
      if (!batch) {
        break;
      }
      rows += static_cast<uint64_t>(batch->num_rows);
      bytes += format::MemoryBytes(*batch);
      ++batches;
    }
    measurement.Stop();
  }
  return measurement.Report(rows, batches, bytes, arguments.dataset.json, context.output);
}

}  // namespace

ToolCommand ScanCommand() {
  return MakeToolCommand(
      {.path = "scan",
       .summary = "Read rows and print the time it takes",
       .examples = "  lance-tool scan people.lance --columns age --repeat 5 --json\n"
                   "  lance-tool scan people.lance --where \"age < 3\" --threads 2\n"},
      Declare, Run);
}

}  // namespace og::cli
