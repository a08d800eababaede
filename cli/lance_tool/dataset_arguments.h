// Arguments that several commands take: which dataset, which of its rows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "cli/lance_tool/command.h"
#include "engine/dataset/dataset.h"

namespace og::cli {

// Which dataset and version. Commands that change it declare no version.
struct DatasetArguments {
  std::string dataset;
  std::string branch;
  std::optional<uint64_t> version;
  bool json = false;
  bool check_pages = false;

  void Declare(OptionSet& options);         // DATASET, --json
  void DeclareBranch(OptionSet& options);   // --branch
  void DeclareVersion(OptionSet& options);  // --version, --branch
  void DeclareCheck(OptionSet& options);    // --check-pages

  absl::StatusOr<engine::dataset::DatasetPtr> Open(const ToolContext& context) const;
  // The same with its root given, to read through another store.
  absl::StatusOr<engine::dataset::DatasetPtr> OpenAt(io::Env& env, const io::Location& root) const;
};

// Which rows and columns.
struct RowArguments {
  std::optional<std::vector<std::string>> columns;
  std::string where;
  std::optional<uint64_t> limit;
  uint64_t offset = 0;
  bool row_ids = false;
  bool row_versions = false;
  std::vector<std::string> order_by;

  void DeclareColumns(OptionSet& options);  // --columns, --row-ids
  void DeclareFilter(OptionSet& options);   // --where
  void DeclareLimit(OptionSet& options);    // --limit, --offset
  void DeclareOrder(OptionSet& options);    // --order-by, --row-versions

  absl::StatusOr<std::shared_ptr<const engine::expr::Expr>> Filter() const;
  absl::StatusOr<engine::dataset::ScanOptions> Scan() const;
  // The rows of `options`, in the order of --order-by.
  absl::StatusOr<std::unique_ptr<format::BatchStream>> Open(
      const engine::dataset::Dataset& dataset, const engine::dataset::ScanOptions& options) const;
};

// --yes.
void DeclareYes(OptionSet& options, bool& yes);

}  // namespace og::cli
