#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/measurement.h"
#include "cli/lance_tool/row_output.h"
#include "format/arrow/array.h"
#include "io/base/status_macros.h"

namespace og::cli {
namespace {

struct TakeArguments {
  DatasetArguments dataset;
  RowArguments rows;
  OutputArguments output;
  std::vector<uint64_t> positions;
  std::string by = "offset";
  uint64_t repeat = 1;
};

void Declare(OptionSet& options, TakeArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareVersion(options);
  arguments.dataset.DeclareCheck(options);
  arguments.rows.DeclareColumns(options);
  options.Add("--rows", arguments.positions, "Rows, comma separated").Required();
  options.Add("--by", arguments.by, "What --rows names: offset, address or id")
      .OneOf({"offset", "address", "id"});
  arguments.output.Declare(options);
  options.Add("--repeat", arguments.repeat, "Times to take; prints timings instead of rows")
      .Positive();
}

absl::Status Run(ToolContext& context, const TakeArguments& arguments) {
  OG_ASSIGN_OR_RETURN(io::Location root, context.env.Resolve(arguments.dataset.dataset));
  Measurement measurement(context.env, root);
  OG_ASSIGN_OR_RETURN(const auto dataset, arguments.dataset.OpenAt(context.env, root));
  engine::dataset::TakeOptions options;
  options.columns = arguments.rows.columns;
  options.with_row_id = arguments.rows.row_ids;
  options.with_row_address = arguments.rows.row_ids;
  format::RecordBatch rows;
  for (uint64_t i = 0; i < arguments.repeat; ++i) {
    measurement.Start();
    if (arguments.by == "address") {
      OG_ASSIGN_OR_RETURN(rows, dataset->Take(arguments.positions, options));
    } else if (arguments.by == "id") {
      OG_ASSIGN_OR_RETURN(rows, dataset->TakeRowIds(arguments.positions, options));
    } else {
      OG_ASSIGN_OR_RETURN(rows, dataset->TakeOffsets(arguments.positions, options));
    }
    measurement.Stop();
  }
  if (arguments.repeat == 1 && !arguments.dataset.json) {
    OG_ASSIGN_OR_RETURN(const auto output,
                        RowOutput::Open(arguments.output, rows.schema, context.output));
    OG_RETURN_IF_ERROR(output->Write(rows));
    return output->Finish();
  }
  return measurement.Report(static_cast<uint64_t>(rows.num_rows), 1, format::MemoryBytes(rows),
                            arguments.dataset.json, context.output);
}

}  // namespace

ToolCommand TakeCommand() {
  return MakeToolCommand(
      {.path = "take",
       .summary = "Read single rows",
       .examples = "  lance-tool take people.lance --rows 5,1,99\n"
                   "  lance-tool take people.lance --rows 4294967296 --by address\n"
                   "  lance-tool take people.lance --rows 17,4 --repeat 100 --json\n"},
      Declare, Run);
}

}  // namespace og::cli
