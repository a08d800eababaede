#include "cli/lance_tool/dataset_arguments.h"

#include "engine/expr/filter_parse.h"
#include "format/arrow/json.h"
#include "io/base/status_macros.h"

namespace og::cli {

using engine::dataset::Dataset;
using engine::dataset::DatasetPtr;
using engine::dataset::ScanOptions;

void DatasetArguments::Declare(OptionSet& options) {
  options.Add("DATASET", dataset, "Path or URI of the dataset (/data/t.lance, s3://bucket/t.lance)")
      .Required();
  options.Flag("--json", json, "Print JSON");
}

void DatasetArguments::DeclareBranch(OptionSet& options) {
  options.Add("--branch", branch, "Branch of the dataset (default: main)");
}

void DatasetArguments::DeclareVersion(OptionSet& options) {
  options.Add("--version", version, "Version to read (default: the latest)");
  DeclareBranch(options);
}

absl::StatusOr<DatasetPtr> DatasetArguments::Open(const ToolContext& context) const {
  OG_ASSIGN_OR_RETURN(const io::Location root, context.env.Resolve(dataset));
  return OpenAt(context.env, root);
}

absl::StatusOr<DatasetPtr> DatasetArguments::OpenAt(io::Env& env, const io::Location& root) const {
  engine::dataset::OpenOptions options;
  options.version = version;
  options.branch = branch;
  return Dataset::Open(env, root, options);
}

void RowArguments::DeclareColumns(OptionSet& options) {
  options.Add("--columns", columns, "Columns, comma separated; members as a.b");
  options.Flag("--row-ids", row_ids, "Add _rowid and _rowaddr");
}

void RowArguments::DeclareFilter(OptionSet& options) {
  options.Add("--where", where, "Filter, as in \"age >= 18 and name like 'A%'\"");
}

void RowArguments::DeclareLimit(OptionSet& options) {
  options.Add("--limit", limit, "At most this many rows");
  options.Add("--offset", offset, "Rows to leave out first");
}

absl::StatusOr<std::shared_ptr<const engine::expr::Expr>> RowArguments::Filter() const {
  if (where.empty()) {
    return nullptr;
  }
  return engine::expr::ParseFilter(where);
}

absl::StatusOr<ScanOptions> RowArguments::Scan() const {
  ScanOptions options;
  options.columns = columns;
  OG_ASSIGN_OR_RETURN(options.filter, Filter());
  options.with_row_id = row_ids;
  options.with_row_address = row_ids;
  options.offset = offset;
  options.limit = limit;
  return options;
}

void DeclareYes(OptionSet& options, bool& yes) {
  options.Flag("-y,--yes", yes, "Do not ask before what cannot be undone");
}

absl::Status WriteRows(const format::RecordBatch& batch, Output& output) {
  std::string line;
  for (int64_t row = 0; row < batch.num_rows; ++row) {
    line.clear();
    format::AppendJsonRow(batch, row, line);
    line += '\n';
    OG_RETURN_IF_ERROR(output.Write(line));
  }
  return absl::OkStatus();
}

}  // namespace og::cli
