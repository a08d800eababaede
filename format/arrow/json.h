// Canonical JSON lines: rows as text that is equal for equal rows, whoever wrote them. The form in
// which lance-tool dumps datasets and reads rows to write.
//
// One object a row, members in schema order, no white space outside strings. Values:
//
//   null of any type           null
//   bool, integers             true, false; decimal, full 64-bit range
//   floats                     shortest round-trip digits in scientific form, at the type's width:
//                              1e+00, -1.5e-03, 0e+00; "NaN", "Infinity", "-Infinity"
//   utf8                       string; \" \\ \b \f \n \r \t, \u00xx below U+0020, else raw
//   binary                     string of lower-case hexadecimal digits
//   dates, times, timestamps,  the stored integer
//   durations
//   decimals                   string, plain notation, exactly `scale` fraction digits
//   dictionary                 the decoded value
//   struct                     object, members in field order
//   lists                      array
//   map                        array of [key,value] arrays in stored order
//
// Reading accepts what writing gives, members in any order, missing members as null, any JSON
// spelling of a number that the type holds exactly (floats: rounded), and the text of dates, times
// and timestamps (time_text.h). Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "format/arrow/array.h"

namespace og::format {

// Appends value i of `array` to `out`. REQUIRES: a valid array.
void AppendJsonValue(const Array& array, int64_t i, std::string& out);

// Appends row `row` of `batch` as one object, without a line end.
void AppendJsonRow(const RecordBatch& batch, int64_t row, std::string& out);

// Appends `text` as a JSON string with its quotes.
void AppendJsonString(std::string_view text, std::string& out);

// Lines of canonical JSON become batches.
//
//   JsonRowReader reader(schema);
//   OG_RETURN_IF_ERROR(reader.Append(line));
//   RecordBatch batch = reader.Finish();
class JsonRowReader {
 public:
  // REQUIRES: types of `schema` that Validate accepts.
  explicit JsonRowReader(SchemaPtr schema);
  ~JsonRowReader();

  // Adds the row that `line` holds. kInvalidArgument for what is not JSON, names the schema lacks,
  // duplicate members, and values that do not fit; the reader must not be used after an error.
  absl::Status Append(std::string_view line);

  int64_t num_rows() const;
  // Bytes held so far.
  size_t MemoryBytes() const;

  // The rows so far; the reader starts again empty.
  RecordBatch Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace og::format
