#include "engine/graph/table_rewrite.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "format/arrow/array.h"
#include "io/base/status_macros.h"

namespace og::engine::graph {
namespace {

// Where each column of the new schema comes from.
struct Source {
  std::optional<std::string> column;  // of the old table; absent: nulls
};

class RewrittenRows final : public format::BatchStream {
 public:
  RewrittenRows(std::unique_ptr<format::BatchStream> rows, format::SchemaPtr schema,
                std::vector<Source> sources)
      : rows_(std::move(rows)), schema_(std::move(schema)), sources_(std::move(sources)) {}

  const format::SchemaPtr& schema() const override { return schema_; }

  absl::StatusOr<std::optional<format::RecordBatch>> Next() override {
    OG_ASSIGN_OR_RETURN(const std::optional<format::RecordBatch> batch, rows_->Next());
    if (!batch) return std::nullopt;
    // Columns keep the type in which they were read: a blob is read as its contents.
    auto schema = std::make_shared<format::Schema>(*schema_);
    format::RecordBatch rewritten{nullptr, batch->num_rows, {}};
    for (size_t i = 0; i < sources_.size(); ++i) {
      format::Field& field = schema->fields[i];
      format::ArrayPtr column = sources_[i].column ? batch->Column(*sources_[i].column)
                                                   : format::NullArray(field.type, batch->num_rows);
      field.type = column->type;
      rewritten.columns.push_back(std::move(column));
    }
    rewritten.schema = std::move(schema);
    return rewritten;
  }

 private:
  const std::unique_ptr<format::BatchStream> rows_;
  const format::SchemaPtr schema_;
  const std::vector<Source> sources_;
};

}  // namespace

absl::StatusOr<dataset::StagedTransaction> StageRewrite(const dataset::Dataset& table,
                                                        const std::vector<schema::Property>& former,
                                                        const std::vector<schema::Property>& wanted,
                                                        const format::SchemaPtr& schema,
                                                        const dataset::WriteOptions& options) {
  std::map<uint64_t, std::string> former_names;
  for (const schema::Property& property : former)
    former_names[property.property_id] = property.name;
  std::map<std::string, std::optional<std::string>, std::less<>> by_name;
  for (const schema::Property& property : wanted) {
    const auto found = former_names.find(property.property_id);
    by_name[property.name] =
        found == former_names.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<Source> sources;
  dataset::ScanOptions scan;
  scan.columns.emplace();
  for (const format::Field& field : schema->fields) {
    const auto property = by_name.find(field.name);
    // id, src and dst are no properties.
    sources.push_back({property == by_name.end() ? field.name : property->second});
    if (sources.back().column) scan.columns->push_back(*sources.back().column);
  }
  OG_ASSIGN_OR_RETURN(std::unique_ptr<format::BatchStream> rows, table.Scan(scan));
  RewrittenRows rewritten(std::move(rows), schema, std::move(sources));
  return table.StageOverwrite(schema, table.num_rows() == 0 ? nullptr : &rewritten, options);
}

}  // namespace og::engine::graph
