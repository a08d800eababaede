// The types of CSV columns that nobody declared, from the first rows.
//
// A column is of the first of these types that all its cells have: bool (true, false), int64,
// float64, date32, timestamp[us] (without offsets), timestamp[us,UTC] (with Z or an offset), else
// utf8, as is one without any value. Digits behind a leading zero ("007") are text; "NaN" and
// "Infinity" are numbers beside others only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "format/tabular/csv_records.h"

namespace og::format {

// What the cells of one column may still be.
class CsvTypeGuess {
 public:
  void Add(const CsvCell& cell, std::string_view null_text);
  TypePtr Type() const;

 private:
  unsigned possible_ = ~0u;
  bool has_values_ = false;
};

}  // namespace og::format
