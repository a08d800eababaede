#include "engine/graph/load/mapped_source.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "engine/expr/expr.h"
#include "engine/graph/load/json_column.h"
#include "engine/graph/table_schema.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

using format::ArrayPtr;
using format::RecordBatch;
using format::TypeId;

// Some batches are on their way at once.
constexpr size_t kBatchBytes = size_t{4} << 20;

// The column in which CSV holds a property: a Blob is its text.
format::Field CsvField(const MappedColumn& column) {
  return {
      column.column, column.type.is_blob() ? format::Utf8() : StorageType(column.type), true, {}};
}

bool IsTemporal(TypeId id) {
  return id == TypeId::kDate32 || id == TypeId::kDate64 || id == TypeId::kTimestamp;
}

// Counts what is read.
class CountedInput final : public format::ByteInput {
 public:
  // `count` outlives it.
  CountedInput(std::unique_ptr<format::ByteInput> input, uint64_t& count)
      : input_(std::move(input)), count_(count) {}

  absl::StatusOr<size_t> Read(std::span<char> into) override {
    absl::StatusOr<size_t> size = input_->Read(into);
    if (size.ok()) count_ += *size;
    return size;
  }

 private:
  const std::unique_ptr<format::ByteInput> input_;
  uint64_t& count_;
};

class Source final : public MappedSource {
 public:
  Source(format::TabularFormat format, LoadMapping mapping, TableOpener open, std::string name,
         uint64_t size)
      : format_(format),
        mapping_(std::move(mapping)),
        open_(std::move(open)),
        name_(std::move(name)),
        size_(size) {}

  absl::StatusOr<size_t> Read(std::byte* out, size_t capacity) override {
    while (given_ == text_.size()) {
      OG_ASSIGN_OR_RETURN(const std::optional<SourceRows> rows, NextRows());
      if (!rows) return 0;
      text_.clear();
      given_ = 0;
      AppendLines(*rows, text_);
    }
    const size_t taken = std::min(capacity, text_.size() - given_);
    std::memcpy(out, text_.data() + given_, taken);
    given_ += taken;
    return taken;
  }

  absl::StatusOr<std::optional<SourceRows>> NextRows() override {
    while (table_ < mapping_.tables.size()) {
      if (rows_ == nullptr) OG_RETURN_IF_ERROR(OpenTable());
      absl::StatusOr<std::optional<RecordBatch>> batch = rows_->Next();
      if (!batch.ok()) return AtTable(batch.status());
      if (batch->has_value()) {
        if ((*batch)->num_rows > 0) return MappedRows(**batch);
        continue;
      }
      rows_.reset();
      ++table_;
    }
    return std::nullopt;
  }

  uint64_t bytes_read() const override { return bytes_read_; }

  absl::StatusOr<bool> Rewind() override {
    rows_.reset();
    bytes_read_ = 0;
    starts_.clear();
    text_.clear();
    given_ = 0;
    table_ = 0;
    num_lines_ = 0;
    return true;
  }

  uint64_t size() const override { return size_; }
  std::string_view name() const override { return name_; }

  std::optional<TableRow> RowOfLine(uint64_t line) const override {
    for (size_t i = starts_.size(); i-- > 0;) {
      if (starts_[i] >= line) continue;
      const std::string& file = mapping_.tables[i].file;
      return TableRow{.file = file.empty() ? name_ : file, .row = line - starts_[i]};
    }
    return std::nullopt;
  }

 private:
  const TableMapping& table() const { return mapping_.tables[table_]; }

  absl::Status AtTable(const absl::Status& status) const {
    return io::Annotate(status, table().file.empty() ? name_ : table().file);
  }

  absl::Status OpenTable() {
    starts_.push_back(num_lines_);
    OG_ASSIGN_OR_RETURN(auto input, open_(table().file));
    format::TabularReadOptions options;
    options.csv = mapping_.csv;
    options.csv.skip_others = table().names_columns;
    if (format_ == format::TabularFormat::kCsv) {
      auto schema = std::make_shared<format::Schema>();
      for (const MappedColumn& column : table().columns) {
        const auto same = [&](const format::Field& field) { return field.name == column.column; };
        if (std::any_of(schema->fields.begin(), schema->fields.end(), same)) {
          return AtTable(InputError(
              io::StrCat("mapping: column '", column.column, "' is mapped more than once")));
        }
        schema->fields.push_back(CsvField(column));
      }
      options.schema = std::move(schema);
      options.only_present = true;
    }
    options.batch_bytes = kBatchBytes;
    auto rows = OpenTabular(format_, std::make_unique<CountedInput>(std::move(input), bytes_read_),
                            options);
    if (!rows.ok()) return AtTable(rows.status());
    rows_ = *std::move(rows);
    const std::vector<format::Field>& fields = rows_->schema()->fields;
    places_.clear();
    for (const MappedColumn& column : table().columns) {
      const auto field = std::find_if(fields.begin(), fields.end(), [&](const format::Field& held) {
        return held.name == column.column;
      });
      if (field != fields.end()) {
        places_.push_back(static_cast<size_t>(field - fields.begin()));
        continue;
      }
      if (column.is_required) {
        return AtTable(InputError(io::StrCat("there is no column '", column.column, "'")));
      }
      places_.push_back(std::nullopt);
    }
    return CheckOthers(fields);
  }

  absl::Status CheckOthers(const std::vector<format::Field>& fields) const {
    if (table().names_columns) return absl::OkStatus();
    for (const format::Field& field : fields) {
      const auto maps = [&](const MappedColumn& column) { return column.column == field.name; };
      if (std::any_of(table().columns.begin(), table().columns.end(), maps)) continue;
      return AtTable(
          InputError(io::StrCat("column '", field.name, "' is no property of '", table().type_name,
                                "'; a mapping with 'columns' ", "passes over others")));
    }
    return absl::OkStatus();
  }

  // Instants of any unit become those of the property; other values keep their types, which the
  // load checks.
  static absl::StatusOr<ArrayPtr> InUnitOf(const MappedColumn& column, const ArrayPtr& values) {
    const format::TypePtr stored = CsvField(column).type;
    if (!IsTemporal(values->type->id) || !IsTemporal(stored->id)) return values;
    return expr::Cast(values, stored);
  }

  absl::StatusOr<SourceRows> MappedRows(const RecordBatch& batch) {
    SourceRows rows;
    rows.type_name = table().type_name;
    rows.is_edge = table().is_edge;
    rows.first_line = num_lines_ + 1;
    rows.num_rows = batch.num_rows;
    for (size_t i = 0; i < places_.size(); ++i) {
      if (!places_[i]) continue;
      const MappedColumn& column = table().columns[i];
      absl::StatusOr<ArrayPtr> values = InUnitOf(column, batch.columns[*places_[i]]);
      if (!values.ok()) return AtTable(values.status());
      rows.members.push_back({column.member, column.in_data, *std::move(values)});
    }
    num_lines_ += static_cast<uint64_t>(batch.num_rows);
    return rows;
  }

  const format::TabularFormat format_;
  const LoadMapping mapping_;
  const TableOpener open_;
  const std::string name_;
  const uint64_t size_;
  size_t table_ = 0;
  std::unique_ptr<format::BatchStream> rows_;
  std::vector<std::optional<size_t>> places_;  // of the table's columns in its batches
  std::vector<uint64_t> starts_;               // lines before each table
  uint64_t num_lines_ = 0;
  uint64_t bytes_read_ = 0;  // of all tables so far
  std::string text_;         // lines of which given_ bytes were read
  size_t given_ = 0;
};

}  // namespace

std::unique_ptr<MappedSource> MakeMappedSource(format::TabularFormat format, LoadMapping mapping,
                                               TableOpener open, std::string name, uint64_t size) {
  return std::make_unique<Source>(format, std::move(mapping), std::move(open), std::move(name),
                                  size);
}

}  // namespace og::engine::graph
