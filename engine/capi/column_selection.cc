#include "engine/capi/column_selection.h"

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "engine/expr/expr.h"
#include "format/file/lance_schema.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::capi {
namespace {

constexpr std::array<std::string_view, 4> kVirtualColumns = {
    "_rowid", "_rowaddr", "_row_created_at_version", "_row_last_updated_at_version"};

bool IsVirtual(std::string_view name) {
  return std::ranges::find(kVirtualColumns, name) != kVirtualColumns.end();
}

absl::Status NoColumn(std::string_view name) {
  return io::InvalidArgumentError(io::StrCat("no column named \"", name, "\""));
}

// A column of the result: its field, and where it lies in the engine's batches.
struct Selected {
  format::Field field;
  std::vector<std::string> path;
};

// The field at `path` of `schema`, nullable if one of its parents is.
absl::StatusOr<format::Field> FieldAt(const format::Schema& schema,
                                      std::span<const std::string> path) {
  const std::vector<format::Field>* fields = &schema.fields;
  std::optional<format::Field> found;
  bool nullable = false;
  for (const std::string& name : path) {
    const auto at = std::ranges::find(*fields, name, &format::Field::name);
    if (at == fields->end()) {
      return NoColumn(io::Join(path, "."));
    }
    nullable = nullable || at->nullable;
    found = *at;
    fields = &at->type->children;
  }
  found->nullable = nullable || IsVirtual(found->name);
  return *std::move(found);
}

class SelectedStream : public format::BatchStream {
 public:
  SelectedStream(std::unique_ptr<format::BatchStream> rows, std::vector<Selected> columns)
      : rows_(std::move(rows)), columns_(std::move(columns)) {
    auto schema = std::make_shared<format::Schema>();
    schema->metadata = rows_->schema()->metadata;
    for (const Selected& column : columns_) {
      schema->fields.push_back(column.field);
    }
    schema_ = std::move(schema);
  }

  const format::SchemaPtr& schema() const override { return schema_; }

  absl::StatusOr<std::optional<format::RecordBatch>> Next() override {
    OG_ASSIGN_OR_RETURN(const std::optional<format::RecordBatch> batch, rows_->Next());
    if (!batch.has_value()) {
      return std::nullopt;
    }
    format::RecordBatch selected{.schema = schema_, .num_rows = batch->num_rows, .columns = {}};
    for (const Selected& column : columns_) {
      selected.columns.push_back(expr::FindColumn(*batch, column.path));
    }
    return selected;
  }

 private:
  const std::unique_ptr<format::BatchStream> rows_;
  const std::vector<Selected> columns_;
  format::SchemaPtr schema_;
};

}  // namespace

std::vector<std::string> SplitColumn(const dataset::Dataset& table, const std::string& name) {
  if (table.lance_schema().Find(name) != nullptr) {
    return {name};
  }
  std::vector<std::string> path(1);
  bool quoted = false;
  for (const char c : name) {
    if (c == '`') {
      quoted = !quoted;
    } else if (c == '.' && !quoted) {
      path.emplace_back();
    } else {
      path.back() += c;
    }
  }
  return path;
}

absl::StatusOr<std::unique_ptr<format::BatchStream>> ScanColumns(const dataset::Dataset& table,
                                                                 dataset::ScanOptions options) {
  std::optional<std::vector<std::string>> names = std::move(options.columns);
  std::vector<std::vector<std::string>> paths;
  options.columns.reset();
  if (names.has_value()) {
    options.columns.emplace();
    for (size_t i = 0; i < names->size(); ++i) {
      const std::string& name = (*names)[i];
      if (std::ranges::find(names->begin(), names->begin() + static_cast<ptrdiff_t>(i), name) !=
          names->begin() + static_cast<ptrdiff_t>(i)) {
        return io::InvalidArgumentError(io::StrCat("column \"", name, "\" is named twice"));
      }
      paths.push_back(SplitColumn(table, name));
      const std::string path = io::Join(paths.back(), ".");
      if (paths.back().size() == 1 && IsVirtual(name)) {
        options.columns->push_back(name);
      } else if (table.lance_schema().Find(path) == nullptr &&
                 table.lance_schema().FindPath(path) == nullptr) {
        return NoColumn(name);
      } else {
        options.columns->push_back(path);
      }
    }
    if (options.with_row_id) {  // the last column, wherever the list has it
      if (const auto at = std::ranges::find(*names, "_rowid"); at != names->end()) {
        paths.erase(paths.begin() + (at - names->begin()));
        names->erase(at);
      }
      names->push_back("_rowid");
      paths.push_back({"_rowid"});
    }
  }
  OG_ASSIGN_OR_RETURN(std::unique_ptr<format::BatchStream> rows, table.Scan(options));
  if (!names.has_value()) {
    names.emplace();
    for (const format::Field& field : rows->schema()->fields) {
      names->push_back(field.name);
      paths.push_back({field.name});
    }
  }
  std::vector<Selected> columns;
  for (size_t i = 0; i < names->size(); ++i) {
    OG_ASSIGN_OR_RETURN(format::Field field, FieldAt(*rows->schema(), paths[i]));
    field.name = (*names)[i];
    columns.push_back({std::move(field), paths[i]});
  }
  return std::make_unique<SelectedStream>(std::move(rows), std::move(columns));
}

absl::StatusOr<format::RecordBatch> TakeColumns(
    const dataset::Dataset& table, const std::optional<std::vector<std::string>>& columns,
    const std::function<absl::StatusOr<format::RecordBatch>(const dataset::TakeOptions&)>& take) {
  dataset::TakeOptions options;
  options.blobs = dataset::BlobHandling::kDescriptions;
  std::vector<std::string> order;
  if (columns.has_value()) {
    options.columns.emplace();
    for (const std::string& name : *columns) {
      const std::vector<std::string> path = SplitColumn(table, name);
      const std::string joined = io::Join(path, ".");
      const bool is_row_place = name == "_rowid" || name == "_rowaddr";
      if (!is_row_place && table.lance_schema().Find(joined) == nullptr &&
          table.lance_schema().FindPath(joined) == nullptr) {
        return NoColumn(name);
      }
      options.columns->push_back(joined);
      if (std::ranges::find(order, path.front()) == order.end()) {
        order.push_back(path.front());
      }
    }
  }
  OG_ASSIGN_OR_RETURN(const format::RecordBatch rows, take(options));
  auto schema = std::make_shared<format::Schema>();
  schema->metadata = rows.schema->metadata;
  format::RecordBatch result{.schema = nullptr, .num_rows = rows.num_rows, .columns = {}};
  if (!columns.has_value()) {
    for (const format::Field& field : rows.schema->fields) {
      order.push_back(field.name);
    }
  }
  for (const std::string& name : order) {
    const size_t at = *rows.schema->IndexOf(name);
    schema->fields.push_back(rows.schema->fields[at]);
    schema->fields.back().nullable = schema->fields.back().nullable || IsVirtual(name);
    result.columns.push_back(rows.columns[at]);
  }
  result.schema = std::move(schema);
  return result;
}

}  // namespace og::engine::capi
