#include "cli/lance_tool/dataset_arguments.h"

#include "engine/dataset/checking_session.h"
#include "engine/dataset/ordered_scan.h"
#include "engine/dataset/refs.h"
#include "engine/expr/filter_parse.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {

using engine::dataset::Dataset;
using engine::dataset::DatasetPtr;
using engine::dataset::ScanOptions;
using engine::dataset::SortKey;

namespace {

// "column[:asc|:desc][:nulls-first|:nulls-last]"
absl::StatusOr<SortKey> ParseSortKey(std::string_view text) {
  const std::vector<std::string_view> parts = io::Split(text, ':');
  SortKey key{.column = std::string(parts[0]), .descending = false, .nulls_first = false};
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i] == "desc" || parts[i] == "asc") {
      key.descending = parts[i] == "desc";
    } else if (parts[i] == "nulls-first" || parts[i] == "nulls-last") {
      key.nulls_first = parts[i] == "nulls-first";
    } else {
      return io::InvalidArgumentError(io::StrCat(
          "--order-by ", text, ": '", parts[i], "' is none of asc, desc, nulls-first, nulls-last"));
    }
  }
  return key;
}

// `status`, or that there is no such branch and which there are.
absl::Status NotOnBranch(const io::Location& root, const std::string& branch,
                         const absl::Status& status) {
  const auto branches = engine::dataset::ListBranches(root);
  if (!branches.ok()) {
    return status;
  }
  std::string names = "main";
  for (const engine::dataset::BranchInfo& known : *branches) {
    if (known.name == branch) {
      return status;
    }
    names += io::StrCat(", ", known.name);
  }
  return io::NotFoundError(
      io::StrCat("no branch '", branch, "' of ", root.Uri(), ", there are: ", names));
}

}  // namespace

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

void DatasetArguments::DeclareCheck(OptionSet& options) {
  options.Flag("--check-pages", check_pages,
               "Compare each page with its checksum when it is first read");
}

absl::StatusOr<DatasetPtr> DatasetArguments::Open(const ToolContext& context) const {
  OG_ASSIGN_OR_RETURN(const io::Location root, context.env.Resolve(dataset));
  return OpenAt(context.env, root);
}

absl::StatusOr<DatasetPtr> DatasetArguments::OpenAt(io::Env& env, const io::Location& root) const {
  engine::dataset::OpenOptions options;
  options.version = version;
  options.branch = branch;
  if (check_pages) {
    options.session = engine::dataset::MakeCheckingSession();
  }
  absl::StatusOr<DatasetPtr> opened = Dataset::Open(env, root, options);
  return absl::IsNotFound(opened.status()) && !branch.empty()
             ? NotOnBranch(root, branch, opened.status())
             : std::move(opened);
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

void RowArguments::DeclareOrder(OptionSet& options) {
  options.Add("--order-by", order_by,
              "Columns, comma separated, first one first; with :desc descending, with :nulls-first "
              "or :nulls-last (default)");
  options.Flag("--row-versions", row_versions,
               "Add _row_created_at_version and _row_last_updated_at_version");
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
  options.with_created_at_version = row_versions;
  options.with_last_updated_at_version = row_versions;
  return options;
}

absl::StatusOr<std::unique_ptr<format::BatchStream>> RowArguments::Open(
    const Dataset& dataset, const ScanOptions& options) const {
  if (order_by.empty()) {
    return dataset.Scan(options);
  }
  std::vector<SortKey> keys;
  for (const std::string& text : order_by) {
    OG_ASSIGN_OR_RETURN(SortKey key, ParseSortKey(text));
    keys.push_back(std::move(key));
  }
  return ScanOrdered(dataset, options, keys);
}

void DeclareYes(OptionSet& options, bool& yes) {
  options.Flag("-y,--yes", yes, "Do not ask before what cannot be undone");
}

}  // namespace og::cli
