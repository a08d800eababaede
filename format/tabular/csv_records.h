// CSV text cut into records of cells (CsvOptions in tabular.h says what they are).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "format/tabular/input_buffer.h"

namespace og::format {

struct CsvCell {
  std::string_view text;  // without its quotes
  bool is_quoted = false;
};

// Thread-compatible.
class CsvRecords {
 public:
  CsvRecords(std::unique_ptr<ByteInput> input, char delimiter)
      : input_(std::move(input)), delimiter_(delimiter) {}

  // Reads the next record, which may be an empty line (one empty cell); false at the end.
  // kInvalidArgument, starting "line N: ", for a quote that does not end and for text behind one.
  absl::StatusOr<bool> Next();

  // Those of the last record. Valid until the next call of Next.
  const std::vector<CsvCell>& cells() const { return cells_; }
  // Where the last record starts, from 1.
  uint64_t line() const { return line_; }

 private:
  enum class Scan : uint8_t { kRecord, kNeedsMore };

  absl::StatusOr<Scan> ScanRecord();
  absl::StatusOr<bool> ScanQuoted(std::span<char> bytes, size_t& at);
  bool ScanPlain(std::span<char> bytes, size_t& at);

  InputBuffer input_;
  const char delimiter_;
  std::vector<CsvCell> cells_;
  uint64_t line_ = 0;
  uint64_t next_line_ = 1;
  uint64_t lines_in_record_ = 0;
  size_t record_bytes_ = 0;  // of the last record, to be skipped
  bool is_first_ = true;
};

}  // namespace og::format
