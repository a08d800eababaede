#include "format/tabular/csv_records.h"

#include <utility>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// A quoted cell's text with its doubled quotes made single, in place.
std::string_view Unescaped(std::span<char> text) {
  size_t out = 0;
  for (size_t in = 0; in < text.size(); ++in) {
    text[out++] = text[in];
    if (text[in] == '"') ++in;
  }
  return {text.data(), out};
}

}  // namespace

absl::StatusOr<bool> CsvRecords::Next() {
  input_.Skip(std::exchange(record_bytes_, 0));
  next_line_ += std::exchange(lines_in_record_, 0);
  if (std::exchange(is_first_, false)) {
    while (!input_.at_end() && input_.bytes().size() < kByteOrderMark.size()) {
      OG_RETURN_IF_ERROR(input_.Fill());
    }
    if (input_.view().starts_with(kByteOrderMark)) input_.Skip(kByteOrderMark.size());
  }
  line_ = next_line_;
  while (true) {
    if (input_.bytes().empty() && input_.at_end()) return false;
    OG_ASSIGN_OR_RETURN(const Scan scan, ScanRecord());
    if (scan == Scan::kRecord) return true;
    OG_RETURN_IF_ERROR(input_.Fill());
  }
}

absl::StatusOr<CsvRecords::Scan> CsvRecords::ScanRecord() {
  const std::span<char> bytes = input_.bytes();
  cells_.clear();
  lines_in_record_ = 0;
  // Doubled quotes are made single only when the whole record is there: a scan may start again.
  std::vector<std::pair<size_t, std::span<char>>> escaped;
  size_t at = 0;
  while (true) {
    if (at == bytes.size() && !input_.at_end()) return Scan::kNeedsMore;
    if (at < bytes.size() && bytes[at] == '"') {
      const size_t start = at + 1;
      OG_ASSIGN_OR_RETURN(const bool has_escapes, ScanQuoted(bytes, at));
      if (at > bytes.size()) return Scan::kNeedsMore;
      const std::span<char> text = bytes.subspan(start, at - 1 - start);
      if (has_escapes) escaped.emplace_back(cells_.size(), text);
      cells_.push_back({.text = {text.data(), text.size()}, .is_quoted = true});
    } else if (!ScanPlain(bytes, at)) {
      return Scan::kNeedsMore;
    }
    if (at < bytes.size() && bytes[at] == delimiter_) {
      ++at;
      continue;
    }
    break;
  }
  if (at < bytes.size() && bytes[at] == '\r') ++at;
  if (at < bytes.size()) {
    ++at;  // the line end
    ++lines_in_record_;
  }
  for (const auto& [cell, text] : escaped)
    cells_[cell].text = Unescaped(text);
  record_bytes_ = at;
  return Scan::kRecord;
}

// Leaves `at` behind the closing quote, or past the end of `bytes` if more of them are needed.
// Whether there are doubled quotes.
absl::StatusOr<bool> CsvRecords::ScanQuoted(std::span<char> bytes, size_t& at) {
  const size_t needs_more = bytes.size() + 1;
  bool has_escapes = false;
  size_t end = at + 1;
  while (true) {
    while (end < bytes.size() && bytes[end] != '"') {
      lines_in_record_ += bytes[end] == '\n' ? 1 : 0;
      ++end;
    }
    if (end + 1 >= bytes.size() && !input_.at_end()) {
      at = needs_more;
      return has_escapes;
    }
    if (end == bytes.size()) {
      return io::InvalidArgumentError(io::StrCat("line ", line_, ": a quoted cell does not end"));
    }
    if (end + 1 == bytes.size() || bytes[end + 1] != '"') break;
    has_escapes = true;
    end += 2;
  }
  at = end + 1;
  if (at == bytes.size() || bytes[at] == delimiter_ || bytes[at] == '\n') return has_escapes;
  if (bytes[at] == '\r') {
    if (at + 1 == bytes.size() && !input_.at_end()) at = needs_more;
    if (at == needs_more || at + 1 == bytes.size() || bytes[at + 1] == '\n') return has_escapes;
  }
  return io::InvalidArgumentError(io::StrCat("line ", line_ + lines_in_record_,
                                             ": text behind the closing quote of cell ",
                                             cells_.size() + 1));
}

// Appends the cell at `at` and leaves `at` behind it; false if more bytes are needed.
bool CsvRecords::ScanPlain(std::span<char> bytes, size_t& at) {
  const size_t start = at;
  while (at < bytes.size() && bytes[at] != delimiter_ && bytes[at] != '\n')
    ++at;
  if (at == bytes.size() && !input_.at_end()) return false;
  const bool ends_line = at == bytes.size() || bytes[at] == '\n';
  if (ends_line && at > start && bytes[at - 1] == '\r') --at;
  cells_.push_back({.text = {bytes.data() + start, at - start}, .is_quoted = false});
  return true;
}

}  // namespace og::format
