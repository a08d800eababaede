// lance-tool file-info: one data file as its metadata describes it, and how well it is compressed.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "cli/lance_tool/command.h"
#include "format/arrow/array.h"
#include "format/file/reader.h"
#include "io/base/bits.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using format::Array;
using format::EncodingNode;
using format::FileInfo;
using format::LanceField;
using format::StoredColumn;
using format::StoredPage;

constexpr uint64_t kScanRows = 8192;

struct FileInfoArguments {
  std::string file;
  bool pages = false;
  bool decode = true;
  bool json = false;
};

void Declare(OptionSet& options, FileInfoArguments& arguments) {
  options.Add("FILE", arguments.file, "Path or URI of a data file").Required();
  options.Flag("--pages", arguments.pages, "Every page with its buffers and encodings");
  options.Flag("!--no-decode", arguments.decode,
               "Look at the metadata only: no sizes in memory, no ratios");
  options.Flag("--json", arguments.json, "Print JSON (with every page)");
}

// What decoding found out about one column.
struct Decoded {
  std::optional<uint64_t> bytes;  // of its arrays; absent: not decoded
  std::string problem;            // why not
};

// --- Sizes in memory -----------------------------------------------------------------------------

uint64_t OwnBytes(const Array& array) {
  const auto n = static_cast<uint64_t>(array.length);
  uint64_t bytes = array.null_count != 0 ? io::BytesForBits(n) : 0;
  if (array.type->is_variable()) {
    bytes += (n + 1) * (array.type->has_large_offsets() ? 8 : 4);
    if (n > 0) {
      bytes += static_cast<uint64_t>(array.OffsetAt(array.length) - array.OffsetAt(0));
    }
  } else if (array.type->is_list()) {
    bytes += (n + 1) * (array.type->has_large_offsets() ? 8 : 4);
  } else if (array.children.empty() && array.type->id != format::TypeId::kNull) {
    bytes += io::BytesForBits(n * static_cast<uint64_t>(array.type->bit_width()));
  }
  return bytes;
}

uint64_t TreeBytes(const Array& array) {
  uint64_t bytes = OwnBytes(array);
  for (const format::ArrayPtr& child : array.children) {
    bytes += TreeBytes(*child);
  }
  if (array.dictionary != nullptr) {
    bytes += TreeBytes(*array.dictionary);
  }
  return bytes;
}

// Adds the bytes of `array` to the columns that hold it: offsets and validity of a field without a
// column of its own count to its first leaf.
void AddBytes(const Array& array, const LanceField& field, format::FileVersion version,
              size_t& next, std::vector<Decoded>& columns) {
  const auto add = [&](uint64_t bytes) {
    if (next < columns.size()) {
      columns[next].bytes = columns[next].bytes.value_or(0) + bytes;
    }
  };
  if (!format::ChildrenHaveColumns(field) || field.children.empty()) {
    add(TreeBytes(array));
    ++next;
    return;
  }
  add(OwnBytes(array));
  if (format::OwnsColumn(field, version)) {
    ++next;
  }
  for (size_t i = 0; i < field.children.size() && i < array.children.size(); ++i) {
    AddBytes(*array.children[i], field.children[i], version, next, columns);
  }
}

absl::Status DecodeField(const format::FileReader& reader, const format::ColumnRequest& request,
                         std::vector<Decoded>& columns) {
  OG_ASSIGN_OR_RETURN(const auto stream,
                      reader.Scan({request}, {{0, reader.num_rows()}}, {.batch_rows = kScanRows}));
  while (true) {
    OG_ASSIGN_OR_RETURN(const auto batch, stream->Next());
    if (!batch.has_value()) {
      return absl::OkStatus();
    }
    auto next = static_cast<size_t>(request.column_indices[0]);
    AddBytes(*batch->columns[0], request.field, reader.version(), next, columns);
  }
}

std::vector<Decoded> DecodeColumns(const format::FileReader& reader) {
  std::vector<Decoded> columns(reader.num_columns());
  for (const format::ColumnRequest& request : reader.AllColumns()) {
    const absl::Status status = DecodeField(reader, request, columns);
    for (const int32_t index : request.column_indices) {
      if (index < 0 || static_cast<size_t>(index) >= columns.size()) {
        continue;
      }
      Decoded& column = columns[static_cast<size_t>(index)];
      if (!status.ok()) {
        column.bytes.reset();
        column.problem = io::Message(status);
      } else if (!column.bytes.has_value()) {
        column.bytes = 0;
      }
    }
  }
  return columns;
}

// What comparing the pages with their checksums found out.
struct Checksums {
  std::optional<uint64_t> num_pages;  // that match; absent: not compared, or there are none
  std::string problem;
};

Checksums CompareChecksums(const format::FileReader& reader) {
  Checksums found;
  const absl::StatusOr<format::PageCheck> check = reader.CheckPages();
  if (!check.ok()) {
    found.problem = io::Message(check.status());
  } else if (check->has_sums) {
    found.num_pages = check->num_pages;
  }
  return found;
}

// --- Text ----------------------------------------------------------------------------------------

std::string BytesText(uint64_t bytes) {
  return io::StrCat(bytes, bytes == 1 ? " byte" : " bytes");
}

std::string SizeText(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) {
    return io::StrCat(bytes, " B");
  }
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) {
    value /= 1024;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string RatioText(std::optional<uint64_t> decoded, uint64_t stored) {
  if (!decoded.has_value() || stored == 0) {
    return "-";
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.2f",
                static_cast<double>(*decoded) / static_cast<double>(stored));
  return text;
}

// Rows of cells as a table with one blank column between; cells of `right` columns are aligned to
// the right, the last column is not padded.
std::string TableText(const std::vector<std::vector<std::string>>& rows,
                      const std::vector<bool>& right) {
  std::vector<size_t> widths(right.size());
  for (const auto& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], row[c].size());
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line = " ";
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string pad(widths[c] - row[c].size(), ' ');
      line += right[c] ? io::StrCat(" ", pad, row[c], " ") : io::StrCat(" ", row[c], pad, " ");
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

void AppendTree(const EncodingNode& node, size_t indent, std::string& out) {
  out += std::string(indent, ' ');
  if (!node.role.empty()) {
    out += node.role + ": ";
  }
  out += node.name;
  for (const auto& [name, value] : node.facts) {
    out += io::StrCat(", ", name, " ", value);
  }
  out += '\n';
  for (const EncodingNode& child : node.children) {
    AppendTree(child, indent + 2, out);
  }
}

// The encodings of a column's pages, each kind once, and how many pages have it.
std::vector<std::pair<std::string, size_t>> EncodingKinds(const StoredColumn& column) {
  std::vector<std::pair<std::string, size_t>> kinds;
  for (const StoredPage& page : column.pages) {
    const std::string text = EncodingText(page.encoding);
    const auto found = std::ranges::find(kinds, text, &std::pair<std::string, size_t>::first);
    found == kinds.end() ? void(kinds.emplace_back(text, 1)) : void(++found->second);
  }
  return kinds;
}

std::string ColumnTable(const FileInfo& info, const std::vector<Decoded>& decoded) {
  std::vector<std::vector<std::string>> rows = {
      {"#", "column", "type", "pages", "stored", "in memory", "ratio", "encoding"}};
  uint64_t stored = 0;
  uint64_t pages = 0;
  std::optional<uint64_t> in_memory = 0;
  for (const StoredColumn& column : info.columns) {
    const Decoded& values = decoded[static_cast<size_t>(column.index)];
    const auto kinds = EncodingKinds(column);
    rows.push_back({io::StrCat(column.index), column.path, column.logical_type,
                    io::StrCat(column.pages.size()), SizeText(column.stored_bytes),
                    values.bytes.has_value() ? SizeText(*values.bytes) : "-",
                    RatioText(values.bytes, column.stored_bytes),
                    kinds.empty() ? "" : kinds[0].first});
    for (size_t k = 1; k < kinds.size(); ++k) {
      rows.push_back({"", "", "", io::StrCat(kinds[k].second), "", "", "", kinds[k].first});
    }
    stored += column.stored_bytes;
    pages += column.pages.size();
    in_memory = values.bytes.has_value() && in_memory.has_value()
                    ? std::optional(*in_memory + *values.bytes)
                    : std::nullopt;
  }
  rows.push_back({"", "all", "", io::StrCat(pages), SizeText(stored),
                  in_memory.has_value() ? SizeText(*in_memory) : "-", RatioText(in_memory, stored),
                  ""});
  return TableText(rows, {true, false, false, true, true, true, true, false});
}

std::string PagesText(const StoredColumn& column) {
  std::string text =
      io::StrCat("\n  column ", column.index, "  ", column.path, ": ", column.logical_type, "\n");
  for (size_t p = 0; p < column.pages.size(); ++p) {
    const StoredPage& page = column.pages[p];
    text += io::StrCat("    page ", p, "  from ", page.first_row, ", ", page.length, " values, ",
                       SizeText(page.stored_bytes), "\n");
    for (size_t b = 0; b < page.buffers.size(); ++b) {
      text += io::StrCat("      buffer ", b, "  ", BytesText(page.buffers[b].bytes), " at ",
                         page.buffers[b].offset, "\n");
    }
    AppendTree(page.encoding, 6, text);
  }
  return text;
}

std::string GlobalBufferText(const FileInfo& info, size_t i) {
  const bool is_sums = info.has_page_sums && i + 1 == info.global_buffers.size();
  return io::StrCat("  global buffer ", i,
                    i == 0    ? " (schema)  "
                    : is_sums ? " (checksums)  "
                              : "  ",
                    BytesText(info.global_buffers[i].bytes), " at ", info.global_buffers[i].offset,
                    "\n");
}

std::string InfoText(std::string_view name, const FileInfo& info,
                     const std::vector<Decoded>& decoded, const Checksums& checksums,
                     bool with_pages) {
  uint64_t metadata_bytes =
      format::kFooterBytes +
      format::kTableEntryBytes * (info.columns.size() + info.global_buffers.size());
  for (const StoredColumn& column : info.columns) {
    metadata_bytes += column.metadata_bytes;
  }
  std::string text =
      io::StrCat(name, "\n  file version    ", FileVersionText(info.footer.version),
                 "\n  size            ", BytesText(info.file_bytes), "\n  rows            ",
                 info.num_rows, "\n  columns         ", info.columns.size(), "\n  metadata        ",
                 BytesText(metadata_bytes), ", from ", info.footer.column_metadata_start, "\n");
  for (size_t i = 0; i < info.global_buffers.size(); ++i) {
    text += GlobalBufferText(info, i);
  }
  if (!checksums.problem.empty()) {
    text += io::StrCat("  checksums       DIFFER: ", checksums.problem, "\n");
  } else if (checksums.num_pages.has_value()) {
    text += io::StrCat("  checksums       all ", *checksums.num_pages, " pages match\n");
  }
  text += "\n" + ColumnTable(info, decoded);
  std::string last_problem;
  for (const Decoded& column : decoded) {
    if (!column.problem.empty() && column.problem != last_problem) {
      text += io::StrCat("\n  not decoded: ", column.problem, "\n");
      last_problem = column.problem;
    }
  }
  if (with_pages) {
    for (const StoredColumn& column : info.columns) {
      text += PagesText(column);
    }
  }
  return text;
}

// --- JSON ----------------------------------------------------------------------------------------

void WriteNode(const EncodingNode& node, io::JsonWriter& json) {
  json.BeginObject();
  if (!node.role.empty()) {
    json.Key("role");
    json.String(node.role);
  }
  json.Key("name");
  json.String(node.name);
  for (const auto& [name, value] : node.facts) {
    json.Key(name);
    const std::optional<uint64_t> number = io::ParseUint64(value);
    number.has_value() ? json.Uint(*number) : json.String(value);
  }
  if (!node.children.empty()) {
    json.Key("children");
    json.BeginArray();
    for (const EncodingNode& child : node.children) {
      WriteNode(child, json);
    }
    json.EndArray();
  }
  json.EndObject();
}

void WriteRanges(const std::vector<format::FileRange>& ranges, io::JsonWriter& json) {
  json.BeginArray();
  for (const format::FileRange& range : ranges) {
    json.BeginObject();
    json.Key("offset");
    json.Uint(range.offset);
    json.Key("bytes");
    json.Uint(range.bytes);
    json.EndObject();
  }
  json.EndArray();
}

void WriteColumn(const StoredColumn& column, const Decoded& decoded, io::JsonWriter& json) {
  json.BeginObject();
  json.Key("index");
  json.Int(column.index);
  json.Key("path");
  json.String(column.path);
  json.Key("type");
  json.String(column.logical_type);
  json.Key("blob");
  json.Bool(column.is_blob);
  json.Key("stored_bytes");
  json.Uint(column.stored_bytes);
  json.Key("metadata_bytes");
  json.Uint(column.metadata_bytes);
  json.Key("memory_bytes");
  decoded.bytes.has_value() ? json.Uint(*decoded.bytes) : json.Null();
  json.Key("ratio");
  decoded.bytes.has_value() && column.stored_bytes != 0
      ? json.Float(static_cast<double>(*decoded.bytes) / static_cast<double>(column.stored_bytes))
      : json.Null();
  if (!decoded.problem.empty()) {
    json.Key("problem");
    json.String(decoded.problem);
  }
  json.Key("pages");
  json.BeginArray();
  for (const StoredPage& page : column.pages) {
    json.BeginObject();
    json.Key("first");
    json.Uint(page.first_row);
    json.Key("length");
    json.Uint(page.length);
    json.Key("stored_bytes");
    json.Uint(page.stored_bytes);
    json.Key("buffers");
    WriteRanges(page.buffers, json);
    json.Key("encoding");
    WriteNode(page.encoding, json);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

std::string InfoJson(std::string_view name, const FileInfo& info,
                     const std::vector<Decoded>& decoded, const Checksums& checksums) {
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginObject();
  json.Key("uri");
  json.String(name);
  json.Key("file_version");
  json.String(FileVersionText(info.footer.version));
  json.Key("size_bytes");
  json.Uint(info.file_bytes);
  json.Key("num_rows");
  json.Uint(info.num_rows);
  json.Key("footer");
  json.BeginObject();
  json.Key("column_metadata_start");
  json.Uint(info.footer.column_metadata_start);
  json.Key("cmo_table_start");
  json.Uint(info.footer.cmo_table_start);
  json.Key("gbo_table_start");
  json.Uint(info.footer.gbo_table_start);
  json.Key("num_global_buffers");
  json.Uint(info.footer.num_global_buffers);
  json.Key("num_columns");
  json.Uint(info.footer.num_columns);
  json.EndObject();
  json.Key("global_buffers");
  WriteRanges(info.global_buffers, json);
  json.Key("checksums");
  json.BeginObject();
  json.Key("present");
  json.Bool(info.has_page_sums);
  json.Key("matching_pages");
  checksums.num_pages.has_value() ? json.Uint(*checksums.num_pages) : json.Null();
  if (!checksums.problem.empty()) {
    json.Key("problem");
    json.String(checksums.problem);
  }
  json.EndObject();
  json.Key("columns");
  json.BeginArray();
  for (const StoredColumn& column : info.columns) {
    WriteColumn(column, decoded[static_cast<size_t>(column.index)], json);
  }
  json.EndArray();
  json.EndObject();
  return std::move(json).Finish() + "\n";
}

// Unless the arguments say otherwise every value is decoded, for the sizes in memory; a column that
// cannot be decoded is named with the reason and does not fail the command.
absl::Status Run(ToolContext& context, const FileInfoArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const io::Location file, context.env.Resolve(arguments.file));
  if (const auto stat = file.store->Stat(file.path); !stat.ok()) {
    const auto inside = file.store->List(file.path, {.recursive = true, .with_info = false});
    if (inside.ok() && !inside->empty()) {
      return io::InvalidArgumentError(
          io::StrCat(file.Uri(), " is a folder; give one data file, such as those in its data/"));
    }
    return stat.status();
  }
  OG_ASSIGN_OR_RETURN(const auto reader, format::FileReader::Open(file, 0));
  OG_ASSIGN_OR_RETURN(const FileInfo info, reader->Info());
  const std::vector<Decoded> decoded =
      arguments.decode ? DecodeColumns(*reader) : std::vector<Decoded>(info.columns.size());
  const Checksums checksums = arguments.decode ? CompareChecksums(*reader) : Checksums();
  return context.output.Write(
      arguments.json ? InfoJson(file.Uri(), info, decoded, checksums)
                     : InfoText(file.Uri(), info, decoded, checksums, arguments.pages));
}

}  // namespace

ToolCommand FileInfoCommand() {
  return MakeToolCommand({.path = "file-info",
                          .summary = "What one data file consists of",
                          .examples = "  lance-tool file-info people.lance/data/*.lance\n"
                                      "  lance-tool file-info part.lance --pages\n"
                                      "  lance-tool file-info part.lance --no-decode --json\n"},
                         Declare, Run);
}

}  // namespace og::cli
