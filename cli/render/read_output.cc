#include "cli/render/read_output.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "cli/render/value.h"
#include "format/tabular/ipc_write.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

constexpr size_t kChunkBytes = size_t{64} << 10;
constexpr size_t kMinColumnWidth = 8;

// Text on its way to a sink.
class Writer {
 public:
  explicit Writer(const TextSink& sink) : sink_(sink) {}

  std::string& text() { return text_; }

  // Hands over what has gathered, if that is much.
  absl::Status Advance() { return text_.size() < kChunkBytes ? absl::OkStatus() : Flush(); }

  absl::Status Flush() {
    if (!text_.empty()) {
      OG_RETURN_IF_ERROR(sink_(text_));
      text_.clear();
    }
    return absl::OkStatus();
  }

 private:
  const TextSink& sink_;
  std::string text_;
};

// For each column the one whose values it shows: the last of its name.
std::vector<size_t> ShownColumns(const format::Schema& schema) {
  std::vector<size_t> shown;
  for (const format::Field& field : schema.fields) {
    size_t last = 0;
    for (size_t i = 0; i < schema.fields.size(); ++i) {
      last = schema.fields[i].name == field.name ? i : last;
    }
    shown.push_back(last);
  }
  return shown;
}

std::vector<std::string> ColumnNames(const format::Schema& schema) {
  std::vector<std::string> names;
  for (const format::Field& field : schema.fields) {
    names.push_back(field.name);
  }
  return names;
}

// Widths count code points.
bool StartsCodePoint(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

size_t WidthOf(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), StartsCodePoint));
}

// The bytes of the first `width` code points.
size_t BytesOf(std::string_view text, size_t width) {
  size_t at = 0;
  for (; at < text.size() && width > 0; --width) {
    do {
      ++at;
    } while (at < text.size() && !StartsCodePoint(text[at]));
  }
  return at;
}

void AppendPadded(std::string_view cell, size_t width, std::string& text) {
  const size_t used = WidthOf(cell);
  text += cell;
  text.append(used < width ? width - used : 0, ' ');
}

void AppendOptional(const std::optional<std::string>& value, std::string& text) {
  if (value) {
    io::AppendJsonString(text, *value);
  } else {
    text += "null";
  }
}

void AppendCsv(std::string_view cell, std::string& text) {
  if (cell.find_first_of(",\"\n\r") == std::string_view::npos) {
    text += cell;
    return;
  }
  text += '"';
  for (const char c : cell) {
    text += c == '"' ? "\"\"" : std::string_view(&c, 1);
  }
  text += '"';
}

// A list takes a line for each element.
void AppendPretty(std::string_view value, std::string& text) {
  if (value.front() != '[' || value == "[]") {
    text += value;
    return;
  }
  bool in_string = false;
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (in_string) {
      text += c;
      if (c == '\\') {
        text += value[++i];
      }
      in_string = c != '"';
    } else if (c == '[') {
      text += "[\n        ";
    } else if (c == ']') {
      text += "\n      ]";
    } else if (c == ',') {
      text += ",\n        ";
    } else {
      text += c;
      in_string = c == '"';
    }
  }
}

class Renderer {
 public:
  Renderer(const ReadHeader& header, const format::Schema& schema, const RowSource& rows,
           const RenderOptions& options, const TextSink& sink)
      : header_(header),
        names_(ColumnNames(schema)),
        shown_(ShownColumns(schema)),
        rows_(rows),
        num_rows_(rows.num_rows),
        options_(options),
        out_(sink) {}

  absl::Status Json() {
    std::string& text = out_.text();
    text += "{\n  \"query_name\": ";
    io::AppendJsonString(text, header_.query_name);
    text += ",\n  \"target\": {\n    \"branch\": ";
    AppendOptional(header_.branch, text);
    text += ",\n    \"snapshot\": ";
    AppendOptional(header_.snapshot, text);
    text += io::StrCat("\n  },\n  \"row_count\": ", num_rows_);
    if (!names_.empty()) {
      text += ",\n  \"columns\": [";
      for (size_t i = 0; i < names_.size(); ++i) {
        text += i == 0 ? "\n    " : ",\n    ";
        io::AppendJsonString(text, names_[i]);
      }
      text += "\n  ]";
    }
    text += ",\n  \"rows\": [";
    bool first = true;
    OG_RETURN_IF_ERROR(EachRow([&](const format::RecordBatch& batch, int64_t row) {
      text += first ? "\n    " : ",\n    ";
      first = false;
      AppendPrettyRow(batch, row, text);
    }));
    text += first ? "]" : "\n  ]";
    if (header_.graph_commit_id) {
      text += ",\n  \"graph_commit_id\": ";
      io::AppendJsonString(text, *header_.graph_commit_id);
    }
    text += "\n}\n";
    return out_.Flush();
  }

  absl::Status Jsonl() {
    std::string& text = out_.text();
    text += "{\"kind\":\"metadata\",\"query_name\":";
    io::AppendJsonString(text, header_.query_name);
    text += ",\"target\":{\"branch\":";
    AppendOptional(header_.branch, text);
    text += ",\"snapshot\":";
    AppendOptional(header_.snapshot, text);
    text += io::StrCat("},\"row_count\":", num_rows_, "}\n");
    OG_RETURN_IF_ERROR(EachRow([&](const format::RecordBatch& batch, int64_t row) {
      text += '{';
      bool first = true;
      for (size_t i = 0; i < names_.size(); ++i) {
        if (!IsFirstOfItsName(i)) {
          continue;
        }
        text += first ? "" : ",";
        first = false;
        io::AppendJsonString(text, names_[i]);
        text += ':';
        AppendJsonValue(*batch.columns[shown_[i]], row, text);
      }
      text += "}\n";
    }));
    return out_.Flush();
  }

  absl::Status Csv() {
    std::string& text = out_.text();
    for (size_t i = 0; i < names_.size(); ++i) {
      text += i == 0 ? "" : ",";
      AppendCsv(names_[i], text);
    }
    text += '\n';
    std::string cell;
    OG_RETURN_IF_ERROR(EachRow([&](const format::RecordBatch& batch, int64_t row) {
      for (size_t i = 0; i < names_.size(); ++i) {
        text += i == 0 ? "" : ",";
        cell.clear();
        AppendCellText(*batch.columns[shown_[i]], row, cell);
        AppendCsv(cell, text);
      }
      text += '\n';
    }));
    return out_.Flush();
  }

  absl::Status Kv() {
    std::string& text = out_.text();
    text += HeaderLine();
    if (num_rows_ == 0) {
      text += "(no rows)\n";
    }
    uint64_t number = 0;
    OG_RETURN_IF_ERROR(EachRow([&](const format::RecordBatch& batch, int64_t row) {
      text += io::StrCat(number == 0 ? "" : "\n", "row ", number + 1, "\n");
      ++number;
      for (size_t i = 0; i < names_.size(); ++i) {
        text += io::StrCat(names_[i], ": ");
        AppendCellText(*batch.columns[shown_[i]], row, text);
        text += '\n';
      }
    }));
    return out_.Flush();
  }

  absl::Status Table() {
    std::string& text = out_.text();
    text += HeaderLine();
    if (names_.empty()) {
      text += "(no rows)\n";
      return out_.Flush();
    }
    OG_RETURN_IF_ERROR(MeasureColumns());
    for (size_t i = 0; i < names_.size(); ++i) {
      text += i == 0 ? "" : " | ";
      AppendPadded(names_[i], widths_[i], text);
    }
    text += '\n';
    for (size_t i = 0; i < names_.size(); ++i) {
      text += io::StrCat(i == 0 ? "" : "-+-", std::string(widths_[i], '-'));
    }
    text += '\n';
    OG_RETURN_IF_ERROR(EachRow(
        [&](const format::RecordBatch& batch, int64_t row) { AppendTableRow(batch, row, text); }));
    return out_.Flush();
  }

 private:
  template <typename Visit>
  absl::Status EachRow(const Visit& visit) {
    return rows_.for_each_batch([&](const format::RecordBatch& batch) -> absl::Status {
      for (int64_t row = 0; row < batch.num_rows; ++row) {
        visit(batch, row);
        OG_RETURN_IF_ERROR(out_.Advance());
      }
      return absl::OkStatus();
    });
  }

  bool IsFirstOfItsName(size_t column) const {
    return std::find(names_.begin(), names_.end(), names_[column]) ==
           names_.begin() + static_cast<std::ptrdiff_t>(column);
  }

  void AppendPrettyRow(const format::RecordBatch& batch, int64_t row, std::string& text) const {
    text += '{';
    bool first = true;
    std::string value;
    for (size_t i = 0; i < names_.size(); ++i) {
      if (!IsFirstOfItsName(i)) {
        continue;
      }
      text += first ? "\n      " : ",\n      ";
      first = false;
      io::AppendJsonString(text, names_[i]);
      text += ": ";
      value.clear();
      AppendJsonValue(*batch.columns[shown_[i]], row, value);
      AppendPretty(value, text);
    }
    text += first ? "}" : "\n    }";
  }

  std::string HeaderLine() const {
    std::string from = "target";
    if (header_.snapshot) {
      from = io::StrCat("snapshot ", *header_.snapshot);
    } else if (header_.branch) {
      from = io::StrCat("branch ", *header_.branch);
    }
    return io::StrCat(num_rows_, " rows from ", from, " via ", header_.query_name, "\n");
  }

  static std::string TableCell(const format::Array& array, int64_t row) {
    std::string raw;
    AppendCellText(array, row, raw);
    std::string cell;
    cell.reserve(raw.size());
    for (const char c : raw) {
      cell += c == '\n' ? "\\n" : std::string_view(&c, 1);
    }
    return cell;
  }

  absl::Status MeasureColumns() {
    const size_t cap = std::max(options_.max_column_width, kMinColumnWidth);
    for (const std::string& name : names_)
      widths_.push_back(std::min(WidthOf(name), cap));
    return rows_.for_each_batch([&](const format::RecordBatch& batch) {
      for (size_t i = 0; i < names_.size(); ++i) {
        for (int64_t row = 0; row < batch.num_rows && widths_[i] < cap; ++row) {
          const size_t width = WidthOf(TableCell(*batch.columns[shown_[i]], row));
          widths_[i] = std::max(widths_[i], std::min(width, cap));
        }
      }
      return absl::OkStatus();
    });
  }

  void AppendTableRow(const format::RecordBatch& batch, int64_t row, std::string& text) const {
    std::vector<std::vector<std::string>> cells;
    size_t height = 1;
    for (size_t i = 0; i < names_.size(); ++i) {
      cells.push_back(SplitCell(TableCell(*batch.columns[shown_[i]], row), widths_[i]));
      height = std::max(height, cells.back().size());
    }
    for (size_t line = 0; line < height; ++line) {
      for (size_t i = 0; i < names_.size(); ++i) {
        text += i == 0 ? "" : " | ";
        AppendPadded(line < cells[i].size() ? std::string_view(cells[i][line]) : "", widths_[i],
                     text);
      }
      text += '\n';
    }
  }

  std::vector<std::string> SplitCell(std::string_view cell, size_t width) const {
    if (WidthOf(cell) <= width) {
      return {std::string(cell)};
    }
    if (!options_.wrap) {
      return {width <= 1 ? std::string(cell.substr(0, BytesOf(cell, width)))
                         : io::StrCat(cell.substr(0, BytesOf(cell, width - 1)), "…")};
    }
    std::vector<std::string> lines;
    while (!cell.empty()) {
      const size_t bytes = BytesOf(cell, std::max(width, size_t{1}));
      lines.emplace_back(cell.substr(0, bytes));
      cell.remove_prefix(bytes);
    }
    return lines;
  }

  const ReadHeader& header_;
  const std::vector<std::string> names_;
  const std::vector<size_t> shown_;
  const RowSource& rows_;
  const uint64_t num_rows_;
  const RenderOptions options_;
  std::vector<size_t> widths_;
  Writer out_;
};

// `type` with instants as timestamps: readers take date64 for whole days.
format::TypePtr ArrowTypeOf(const format::TypePtr& type) {
  if (type->id == format::TypeId::kDate64) {
    return format::Timestamp(format::TimeUnit::kMilli, "UTC");
  }
  if (type->children.empty()) return type;
  auto shown = std::make_shared<format::DataType>(*type);
  for (format::Field& child : shown->children)
    child.type = ArrowTypeOf(child.type);
  return shown;
}

absl::Status RenderArrow(const format::Schema& schema, const RowSource& rows,
                         const TextSink& sink) {
  format::Schema shown = schema;
  for (format::Field& field : shown.fields)
    field.type = ArrowTypeOf(field.type);
  std::string out;
  AppendIpcSchema(shown, out);
  const auto append = [&](const format::RecordBatch& batch) -> absl::Status {
    AppendIpcBatch(batch, out);
    OG_RETURN_IF_ERROR(sink(out));
    out.clear();
    return absl::OkStatus();
  };
  OG_RETURN_IF_ERROR(rows.for_each_batch(append));
  format::AppendIpcEnd(out);
  return sink(out);
}

}  // namespace

std::optional<ReadFormat> ReadFormatNamed(std::string_view name) {
  if (name == "table") return ReadFormat::kTable;
  if (name == "kv") return ReadFormat::kKv;
  if (name == "csv") return ReadFormat::kCsv;
  if (name == "jsonl") return ReadFormat::kJsonl;
  if (name == "json") return ReadFormat::kJson;
  if (name == "arrow") return ReadFormat::kArrow;
  return std::nullopt;
}

absl::Status RenderRead(const ReadHeader& header, const format::Schema& schema,
                        std::span<const format::RecordBatch> batches, ReadFormat format,
                        const RenderOptions& options, const TextSink& sink) {
  RowSource rows;
  for (const format::RecordBatch& batch : batches)
    rows.num_rows += static_cast<uint64_t>(batch.num_rows);
  rows.for_each_batch = [batches](const auto& visit) -> absl::Status {
    for (const format::RecordBatch& batch : batches)
      OG_RETURN_IF_ERROR(visit(batch));
    return absl::OkStatus();
  };
  return RenderRead(header, schema, rows, format, options, sink);
}

absl::Status RenderRead(const ReadHeader& header, const format::Schema& schema,
                        const RowSource& rows, ReadFormat format, const RenderOptions& options,
                        const TextSink& sink) {
  Renderer renderer(header, schema, rows, options, sink);
  switch (format) {
    case ReadFormat::kTable:
      return renderer.Table();
    case ReadFormat::kKv:
      return renderer.Kv();
    case ReadFormat::kCsv:
      return renderer.Csv();
    case ReadFormat::kJsonl:
      return renderer.Jsonl();
    case ReadFormat::kJson:
      return renderer.Json();
    case ReadFormat::kArrow:
      return RenderArrow(schema, rows, sink);
  }
  return absl::OkStatus();
}

}  // namespace og::cli
