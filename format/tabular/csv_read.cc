#include "format/tabular/csv_read.h"

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "format/tabular/csv_cells.h"
#include "format/tabular/csv_records.h"
#include "format/tabular/csv_types.h"
#include "format/tabular/sample.h"
#include "format/tabular/schema_fit.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

// A record that was read ahead.
struct KeptRecord {
  struct Cell {
    std::string text;
    bool is_quoted = false;
  };
  std::vector<Cell> cells;
  uint64_t line = 0;
};

class CsvRows final : public BatchStream {
 public:
  CsvRows(std::unique_ptr<ByteInput> input, TabularReadOptions options)
      : options_(std::move(options)), records_(std::move(input), options_.csv.delimiter) {}

  absl::Status Begin() {
    OG_RETURN_IF_ERROR(ReadNames());
    schema_ = options_.schema;
    if (schema_ == nullptr) {
      OG_RETURN_IF_ERROR(Guess());
    } else if (options_.only_present) {
      schema_ = PresentFields(*schema_, names_);
    }
    return MakeColumns();
  }

  const SchemaPtr& schema() const override { return schema_; }

  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    int64_t num_rows = 0;
    while (!IsFull()) {
      OG_ASSIGN_OR_RETURN(const bool more, NextRow());
      if (!more) break;
      ++num_rows;
    }
    if (num_rows == 0) return std::nullopt;
    RecordBatch batch{schema_, num_rows, {}};
    for (CsvColumn& column : columns_)
      batch.columns.push_back(column.Finish());
    return batch;
  }

 private:
  // The names of the cells: those of the header, or of the schema, or made up.
  absl::Status ReadNames() {
    OG_ASSIGN_OR_RETURN(bool more, NextRecord());
    if (!options_.csv.has_header) {
      if (options_.schema != nullptr) {
        for (const Field& field : options_.schema->fields)
          names_.push_back(field.name);
      } else {
        for (size_t i = 0; more && i < records_.cells().size(); ++i)
          names_.push_back(io::StrCat("f", i));
      }
      if (more) Keep();
      return absl::OkStatus();
    }
    if (!more) return io::InvalidArgumentError("line 1: no header");
    for (const CsvCell& cell : records_.cells()) {
      const std::string_view name = io::Trim(cell.text);
      if (name.empty()) {
        return AtLine(io::StrCat("cell ", names_.size() + 1, " of the header is empty"));
      }
      for (const std::string& other : names_) {
        if (other == name) return AtLine(io::StrCat("the header has '", name, "' twice"));
      }
      names_.emplace_back(name);
    }
    return absl::OkStatus();
  }

  absl::Status Guess() {
    std::vector<CsvTypeGuess> guesses(names_.size());
    for (const KeptRecord& record : kept_) {
      for (size_t i = 0; i < guesses.size() && i < record.cells.size(); ++i)
        guesses[i].Add({record.cells[i].text, record.cells[i].is_quoted}, options_.csv.null_text);
    }
    Sample sample;
    while (sample.wants_more()) {
      OG_ASSIGN_OR_RETURN(const bool more, NextRecord());
      if (!more) break;
      OG_RETURN_IF_ERROR(CheckCount(records_.cells().size()));
      for (size_t i = 0; i < guesses.size(); ++i) {
        guesses[i].Add(records_.cells()[i], options_.csv.null_text);
        sample.AddBytes(records_.cells()[i].text.size());
      }
      sample.AddRow();
      Keep();
    }
    auto schema = std::make_shared<Schema>();
    for (size_t i = 0; i < names_.size(); ++i) {
      schema->fields.push_back(
          {.name = names_[i], .type = guesses[i].Type(), .nullable = true, .metadata = {}});
    }
    schema_ = std::move(schema);
    return absl::OkStatus();
  }

  absl::Status MakeColumns() {
    for (const Field& field : schema_->fields)
      columns_.emplace_back(field, options_.csv.null_text);
    std::vector<bool> found(columns_.size());
    for (const std::string& name : names_) {
      const std::optional<size_t> at = schema_->IndexOf(name);
      column_of_cell_.push_back(at);
      if (at) {
        found[*at] = true;
      } else if (!options_.csv.skip_others) {
        return AtLine(io::StrCat("the header has '", name, "', which is no column"));
      }
    }
    for (size_t i = 0; i < found.size(); ++i) {
      if (found[i]) continue;
      if (!columns_[i].field().nullable) {
        return AtLine(
            io::StrCat("the header lacks '", columns_[i].field().name, "', which may not be null"));
      }
      absent_.push_back(i);
    }
    return absl::OkStatus();
  }

  bool IsFull() const {
    size_t bytes = 0;
    for (const CsvColumn& column : columns_) {
      if (column.full()) return true;
      bytes += column.MemoryBytes();
    }
    return bytes >= options_.batch_bytes;
  }

  absl::StatusOr<bool> NextRow() {
    if (!kept_.empty()) {
      const KeptRecord record = std::move(kept_.front());
      kept_.pop_front();
      std::vector<CsvCell> cells;
      for (const KeptRecord::Cell& cell : record.cells)
        cells.push_back({cell.text, cell.is_quoted});
      line_ = record.line;
      OG_RETURN_IF_ERROR(Append(cells));
      return true;
    }
    OG_ASSIGN_OR_RETURN(const bool more, NextRecord());
    if (more) {
      OG_RETURN_IF_ERROR(Append(records_.cells()));
    }
    return more;
  }

  absl::Status Append(const std::vector<CsvCell>& cells) {
    OG_RETURN_IF_ERROR(CheckCount(cells.size()));
    for (size_t i = 0; i < cells.size(); ++i) {
      if (!column_of_cell_[i]) continue;
      const absl::Status status = columns_[*column_of_cell_[i]].Append(cells[i]);
      if (!status.ok()) return Annotated(status);
    }
    for (const size_t i : absent_)
      columns_[i].AppendNull();
    return absl::OkStatus();
  }

  absl::Status Annotated(const absl::Status& status) const {
    const absl::Status at_line = io::Annotate(status, io::StrCat("line ", line_));
    if (options_.schema != nullptr) return at_line;
    return io::InvalidArgumentError(
        io::StrCat(io::Message(at_line),
                   "; the type comes from the first rows, a schema would "
                   "say another"));
  }

  // The next record that is no empty line, or the null of one column.
  absl::StatusOr<bool> NextRecord() {
    while (true) {
      OG_ASSIGN_OR_RETURN(const bool more, records_.Next());
      line_ = records_.line();
      if (!more) return false;
      const std::vector<CsvCell>& cells = records_.cells();
      const bool is_empty = cells.size() == 1 && cells[0].text.empty() && !cells[0].is_quoted;
      if (!is_empty || names_.size() == 1) return true;
    }
  }

  void Keep() {
    KeptRecord record;
    record.line = line_;
    for (const CsvCell& cell : records_.cells())
      record.cells.push_back({std::string(cell.text), cell.is_quoted});
    kept_.push_back(std::move(record));
  }

  absl::Status CheckCount(size_t count) const {
    if (count == names_.size()) return absl::OkStatus();
    return AtLine(io::StrCat(count, count == 1 ? " cell, " : " cells, ", names_.size(), " wanted"));
  }

  absl::Status AtLine(std::string_view what) const {
    return io::InvalidArgumentError(io::StrCat("line ", line_, ": ", what));
  }

  const TabularReadOptions options_;
  CsvRecords records_;
  SchemaPtr schema_;
  std::vector<std::string> names_;                     // of the cells
  std::vector<std::optional<size_t>> column_of_cell_;  // none: skipped
  std::vector<size_t> absent_;                         // columns that no cell has
  std::deque<CsvColumn> columns_;
  std::deque<KeptRecord> kept_;
  uint64_t line_ = 1;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BatchStream>> OpenCsv(std::unique_ptr<ByteInput> input,
                                                     const TabularReadOptions& options) {
  auto rows = std::make_unique<CsvRows>(std::move(input), options);
  OG_RETURN_IF_ERROR(rows->Begin());
  return rows;
}

}  // namespace og::format
