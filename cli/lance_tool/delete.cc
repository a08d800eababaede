#include "engine/dataset/delete.h"

#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::DatasetPtr;
using engine::dataset::DeleteResult;

struct DeleteArguments {
  DatasetArguments dataset;
  std::string where;
};

void Declare(OptionSet& options, DeleteArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareBranch(options);
  options.Add("--where", arguments.where, "The rows to delete, as in \"age > 65\"; true: all")
      .Required();
}

absl::Status Run(ToolContext& context, const DeleteArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, arguments.dataset.Open(context));
  OG_ASSIGN_OR_RETURN(const DeleteResult result,
                      DeleteWhere(*dataset, {.predicate = arguments.where}));
  const uint64_t version = result.dataset->version();
  return context.output.Write(
      arguments.dataset.json
          ? io::StrCat("{\"version\":", version, ",\"num_deleted_rows\":", result.num_deleted_rows,
                       "}\n")
          : io::StrCat("version ", version, ", ", result.num_deleted_rows, " rows deleted\n"));
}

}  // namespace

ToolCommand DeleteCommand() {
  return MakeToolCommand({.path = "delete",
                          .summary = "Delete the rows that a condition names",
                          .examples = "  lance-tool delete people.lance --where \"age > 65\"\n"},
                         Declare, Run);
}

}  // namespace og::cli
