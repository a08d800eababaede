#include "cli/render/error_text.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "io/base/error_detail.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

constexpr std::string_view kCauseField = "cause";
constexpr std::string_view kViolationField = "violation";
constexpr std::string_view kHintField = "hint";

bool StartsCodePoint(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

struct Place {
  size_t line;             // from 1
  size_t column;           // from 1, in code points
  std::string_view shown;  // the text of the line
};

Place Locate(std::string_view source, size_t offset) {
  offset = std::min(offset, source.size());
  const std::string_view before = source.substr(0, offset);
  const size_t line_end = before.rfind('\n');
  const size_t start = line_end == std::string_view::npos ? 0 : line_end + 1;
  const std::string_view left = before.substr(start);
  const std::string_view rest = source.substr(start);
  return {
      .line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n')),
      .column = 1 + static_cast<size_t>(std::count_if(left.begin(), left.end(), StartsCodePoint)),
      .shown = rest.substr(0, rest.find_first_of("\r\n"))};
}

// The place and its line with a mark below the byte at `offset`.
std::string ShownPlace(std::string_view source, std::string_view path, size_t offset) {
  const Place place = Locate(source, offset);
  const std::string number = io::StrCat(place.line);
  const std::string margin(number.size(), ' ');
  return io::StrCat(PlaceIn(source, path, offset), "\n", margin, " |\n", number, " | ", place.shown,
                    "\n", margin, " | ", std::string(place.column - 1, ' '), "^---");
}

// The N of a message that starts with "line N".
std::optional<uint64_t> LeadingLine(std::string_view message) {
  constexpr std::string_view kWord = "line ";
  if (!message.starts_with(kWord)) {
    return std::nullopt;
  }
  message.remove_prefix(kWord.size());
  return io::ParseUint64(message.substr(0, message.find_first_not_of("0123456789")));
}

// Further lines stand below the first one's text.
void AppendCause(size_t number, std::string_view message, std::string& text) {
  bool first = true;
  for (const std::string_view line : io::Split(message, '\n')) {
    text += first ? io::StrCat("   ", number, ": ", line, "\n")
                  : io::StrCat(line.empty() ? "" : "      ", line, "\n");
    first = false;
  }
}

}  // namespace

absl::Status AtSource(const absl::Status& status, std::string_view path, std::string_view source) {
  if (status.ok()) {
    return status;
  }
  io::ErrorDetail detail = io::DetailOf(status).value_or(io::ErrorDetail{});
  std::string place(path);
  if (const std::string_view line = detail.field("line"); !line.empty()) {
    place += io::StrCat(":", line, ":", detail.field("column"));
  } else if (const auto offset = io::ParseUint64(detail.field("offset"))) {
    place = ShownPlace(source, path, *offset);
  } else if (const auto number = LeadingLine(io::Message(status))) {
    place += io::StrCat(":", *number);
  }
  detail.fields.emplace_back(kCauseField, std::move(place));
  return io::DetailedError(std::move(detail), io::Message(status));
}

std::string PlaceIn(std::string_view source, std::string_view path, size_t offset) {
  const Place place = Locate(source, offset);
  return io::StrCat(path, ":", place.line, ":", place.column);
}

std::string ErrorText(const absl::Status& status) {
  std::string text = "Error:\n";
  AppendCause(0, io::Message(status), text);
  if (const std::optional<io::ErrorDetail> detail = io::DetailOf(status)) {
    size_t number = 0;
    for (const auto& [name, value] : detail->fields) {
      if (name == kCauseField || name == kViolationField) {
        AppendCause(++number, value, text);
      }
    }
    const std::string_view hint = detail->field(kHintField);
    if (!hint.empty()) {
      AppendCause(++number, hint, text);
    }
    const std::string_view all = detail->field("num_violations");
    if (!all.empty()) {
      AppendCause(++number, io::StrCat("violations in all: ", all), text);
    }
  }
  return text;
}

std::string PreconditionJson(const absl::Status& status) {
  const io::ErrorDetail detail = io::DetailOf(status).value_or(io::ErrorDetail{});
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginObject();
  json.Key("error");
  json.String(io::Message(status));
  json.Key("precondition_failure");
  json.BeginObject();
  json.Key("expected");
  json.String(detail.field("expected"));
  if (const std::string_view actual = detail.field("actual"); !actual.empty()) {
    json.Key("actual");
    json.String(actual);
  }
  json.EndObject();
  json.EndObject();
  return std::move(json).Finish() + "\n";
}

}  // namespace og::cli
