#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

struct CountArguments {
  DatasetArguments dataset;
  RowArguments rows;
};

void Declare(OptionSet& options, CountArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareVersion(options);
  arguments.dataset.DeclareCheck(options);
  arguments.rows.DeclareFilter(options);
}

absl::Status Run(ToolContext& context, const CountArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const auto dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const auto filter, arguments.rows.Filter());
  OG_ASSIGN_OR_RETURN(const uint64_t rows, dataset->CountRows(filter));
  return context.output.Write(arguments.dataset.json ? io::StrCat("{\"rows\":", rows, "}\n")
                                                     : io::StrCat(rows, "\n"));
}

}  // namespace

ToolCommand CountCommand() {
  return MakeToolCommand({.path = "count",
                          .summary = "The number of rows",
                          .examples = "  lance-tool count people.lance\n"
                                      "  lance-tool count people.lance --where \"age is null\"\n"},
                         Declare, Run);
}

}  // namespace og::cli
