// Cells of CSV become columns.
//
//   type                    cell
//   text                    as it is
//   bool                    true, false, t, f, 1, 0, in any case
//   integers, durations     decimal digits
//   floats                  as C has them; NaN, inf, Infinity, in any case, with a sign
//   dates, times,           ISO 8601 (format/arrow/time_text.h); without an offset timestamps are
//   timestamps              in UTC
//   decimals                plain notation
//   binary                  hexadecimal digits
//   dictionaries            as their values
//   lists, structs, maps    canonical JSON (format/arrow/json.h)
//
// Blanks around numbers, bools and times do not count.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "format/arrow/array.h"
#include "format/arrow/builder.h"
#include "format/arrow/json.h"
#include "format/tabular/csv_records.h"

namespace og::format {

// One column under construction. Thread-compatible.
class CsvColumn {
 public:
  // `null_text` must outlive it.
  CsvColumn(Field field, const std::string& null_text);

  // kInvalidArgument for a cell that does not fit; the column must not be used after that.
  absl::Status Append(const CsvCell& cell);
  // A null of a column that the input lacks. REQUIRES: nullable.
  void AppendNull();

  bool full() const { return builder_ != nullptr && builder_->full(); }
  size_t MemoryBytes() const;
  const Field& field() const { return field_; }

  // The values so far; the column starts again empty.
  ArrayPtr Finish();

 private:
  absl::Status AppendJson(std::string_view text);
  absl::Status Misfit(std::string_view text) const;
  bool IsNull(const CsvCell& cell) const;

  const Field field_;
  const std::string& null_text_;
  const bool is_text_;
  const bool has_empty_;
  // One of the two: JSON for what has no builder of its own.
  std::unique_ptr<ArrayBuilder> builder_;
  std::unique_ptr<JsonRowReader> json_;
};

// Whether `cell` is null, see CsvOptions; `has_empty`: in a column that has empty values, which are
// quoted to be none.
bool IsCsvNull(const CsvCell& cell, std::string_view null_text, bool has_empty);

// Text and bytes, also behind a dictionary.
bool HasEmptyCsvValues(const DataType& type);

}  // namespace og::format
