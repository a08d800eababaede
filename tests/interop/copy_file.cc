// Reads a data file and writes its rows again, with a choice of options.
//
//   copy_file SOURCE TARGET [version=2.0|2.1|2.2] [compact] [codec=N] [layout=N] [page_bytes=N]
//             [page_rows=N] [columns=a.b,c] [rows=5,3,3] [ranges=0-5,9-12] [batch=N] [check]
//
// codec and layout are numbers of a ForcedCodec or ForcedLayout (format/page/page_options.h).
// `columns` leaves out all other fields, `rows` takes single rows, `ranges` scans only these, in
// batches of `batch` rows; `check` compares the pages with their checksums.
//
// Prints the size of TARGET in bytes and the seconds that writing took.

#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/arrow/array.h"
#include "format/file/footer.h"
#include "format/file/lance_schema.h"
#include "format/file/reader.h"
#include "format/file/writer.h"
#include "format/page/page_options.h"
#include "format/page/row_range.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/real_env.h"

namespace og {
namespace {

struct CopyOptions {
  format::WriterOptions writer;
  format::FileReaderOptions reader;
  uint64_t batch_rows = 65536;
  std::vector<std::string> columns;  // none: all
  std::optional<std::vector<uint64_t>> rows;
  std::optional<std::vector<format::RowRange>> ranges;
};

// Leaves out of `field`, which stands at `path`, the members that are not wanted. Whether anything
// is left.
bool KeepWanted(const std::vector<std::string>& wanted, const std::string& path,
                format::LanceField& field) {
  bool is_above = false;
  for (const std::string& want : wanted) {
    if (want == path) {
      return true;
    }
    is_above |= want.starts_with(path + ".");
  }
  if (is_above) {
    std::erase_if(field.children, [&](format::LanceField& child) {
      return !KeepWanted(wanted, io::StrCat(path, ".", child.name), child);
    });
  }
  return is_above;
}

std::vector<format::ColumnRequest> Requests(const format::FileReader& reader,
                                            const std::vector<std::string>& wanted) {
  std::vector<format::ColumnRequest> kept;
  for (format::ColumnRequest& request : reader.AllColumns()) {
    std::map<int32_t, int32_t> column_of;  // by the id of a field
    const std::vector<const format::LanceField*> owners =
        format::ColumnFields(std::span(&request.field, 1), reader.version());
    for (size_t i = 0; i < owners.size(); ++i) {
      column_of[owners[i]->id] = request.column_indices[i];
    }
    if (!wanted.empty() && !KeepWanted(wanted, request.field.name, request.field)) {
      continue;
    }
    request.column_indices.clear();
    for (const format::LanceField* owner :
         format::ColumnFields(std::span(&request.field, 1), reader.version())) {
      request.column_indices.push_back(column_of.at(owner->id));
    }
    request.blob_contents = true;
    kept.push_back(std::move(request));
  }
  return kept;
}

absl::StatusOr<std::vector<format::RecordBatch>> Read(const format::FileReader& reader,
                                                      std::vector<format::ColumnRequest> columns,
                                                      const CopyOptions& options) {
  std::vector<format::RecordBatch> batches;
  if (options.rows) {
    OG_ASSIGN_OR_RETURN(format::RecordBatch batch,
                        reader.Take(std::move(columns), *options.rows, options.writer.pool));
    batches.push_back(std::move(batch));
    return batches;
  }
  format::FileScanOptions scan;
  scan.batch_rows = options.batch_rows;
  scan.pool = options.writer.pool;
  const std::vector<format::RowRange> all = {{0, reader.num_rows()}};
  OG_ASSIGN_OR_RETURN(const auto stream,
                      reader.Scan(std::move(columns), options.ranges.value_or(all), scan));
  for (;;) {
    OG_ASSIGN_OR_RETURN(auto batch, stream->Next());
    if (!batch) {
      return batches;
    }
    batches.push_back(*std::move(batch));
  }
}

absl::Status Copy(const std::string& source, const std::string& target, CopyOptions options) {
  io::Env& env = io::RealEnv();
  options.writer.pool = &env.pool();
  OG_ASSIGN_OR_RETURN(const io::Location from, env.Resolve(source));
  OG_ASSIGN_OR_RETURN(const io::Location to, env.Resolve(target));
  OG_ASSIGN_OR_RETURN(const auto reader, format::FileReader::Open(from, 0, options.reader));
  const std::vector<format::ColumnRequest> columns = Requests(*reader, options.columns);
  OG_ASSIGN_OR_RETURN(const std::vector<format::RecordBatch> batches,
                      Read(*reader, columns, options));
  format::LanceSchema schema;
  schema.metadata = reader->schema().metadata;
  for (const format::ColumnRequest& column : columns) {
    schema.fields.push_back(column.field);
  }
  const int64_t start_ns = env.MonotonicNs();
  OG_ASSIGN_OR_RETURN(const auto writer, format::FileWriter::Open(to, schema, options.writer));
  for (const format::RecordBatch& batch : batches) {
    OG_RETURN_IF_ERROR(writer->Write(batch));
  }
  OG_ASSIGN_OR_RETURN(const format::FileSummary summary, writer->Finish());
  const auto seconds = static_cast<double>(env.MonotonicNs() - start_ns) * 1e-9;
  std::printf("%llu %.6f\n", static_cast<unsigned long long>(summary.size_bytes), seconds);
  return absl::OkStatus();
}

// "5,3,3"
std::optional<std::vector<uint64_t>> ParseRows(std::string_view text) {
  std::vector<uint64_t> rows;
  for (const std::string_view part : io::Split(text, ',')) {
    const std::optional<uint64_t> row = io::ParseUint64(part);
    if (!row) {
      return std::nullopt;
    }
    rows.push_back(*row);
  }
  return rows;
}

// "0-5,9-12"
std::optional<std::vector<format::RowRange>> ParseRanges(std::string_view text) {
  std::vector<format::RowRange> ranges;
  for (const std::string_view part : io::Split(text, ',')) {
    const std::vector<std::string_view> ends = io::Split(part, '-');
    const std::optional<uint64_t> begin = io::ParseUint64(ends.front());
    const std::optional<uint64_t> end = io::ParseUint64(ends.back());
    if (ends.size() != 2 || !begin || !end) {
      return std::nullopt;
    }
    ranges.push_back({*begin, *end});
  }
  return ranges;
}

// Takes one of the options above; false for anything else.
bool TakeOption(std::string_view argument, CopyOptions& options) {
  const auto equals = argument.find('=');
  const std::string_view name = argument.substr(0, equals);
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : argument.substr(equals + 1);
  const std::optional<uint64_t> number = io::ParseUint64(value);
  if (name == "compact") {
    options.writer.compact = true;
    return value.empty();
  }
  if (name == "check") {
    options.reader.check_pages = true;
    return value.empty();
  }
  if (name == "version") {
    const std::optional<format::FileVersion> version = format::ParseFileVersion(value);
    options.writer.version = version.value_or(options.writer.version);
    return version.has_value();
  }
  if (name == "columns") {
    for (const std::string_view column : io::Split(value, ',')) {
      options.columns.emplace_back(column);
    }
    return true;
  }
  if (name == "rows") {
    options.rows = ParseRows(value);
    return options.rows.has_value();
  }
  if (name == "ranges") {
    options.ranges = ParseRanges(value);
    return options.ranges.has_value();
  }
  if (!number) {
    return false;
  }
  if (name == "codec" && *number <= static_cast<uint64_t>(format::ForcedCodec::kFsstZstd)) {
    options.writer.forced_codec = static_cast<format::ForcedCodec>(*number);
    return true;
  }
  if (name == "layout" && *number <= static_cast<uint64_t>(format::ForcedLayout::kFullZip)) {
    options.writer.forced_layout = static_cast<format::ForcedLayout>(*number);
    return true;
  }
  if (name == "page_bytes") {
    options.writer.page_bytes = static_cast<size_t>(*number);
    return true;
  }
  if (name == "page_rows") {
    options.writer.page_rows = static_cast<int64_t>(*number);
    return true;
  }
  if (name == "batch") {
    options.batch_rows = *number;
    return true;
  }
  return false;
}

}  // namespace
}  // namespace og

int main(int argc, char** argv) {
  og::CopyOptions options;
  bool is_understood = argc >= 3;
  for (int i = 3; i < argc; ++i) {
    is_understood &= og::TakeOption(argv[i], options);
  }
  if (!is_understood) {
    std::fprintf(stderr,
                 "usage: copy_file SOURCE TARGET [version=2.0|2.1|2.2] [compact] [codec=N] "
                 "[layout=N] [page_bytes=N] [page_rows=N] [columns=a.b,c] [rows=5,3,3] "
                 "[ranges=0-5,9-12] [batch=N] [check]\n");
    return 2;
  }
  const absl::Status status = og::Copy(argv[1], argv[2], options);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(og::io::Message(status)).c_str());
    return 1;
  }
  return 0;
}
