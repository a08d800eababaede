#include "format/tabular/tabular.h"

#include <utility>

#include "format/arrow/json.h"
#include "format/tabular/csv_read.h"
#include "format/tabular/csv_write.h"
#include "format/tabular/ipc_read.h"
#include "format/tabular/ipc_write.h"
#include "format/tabular/json_lines.h"

namespace og::format {
namespace {

class JsonLinesWriter final : public TabularWriter {
 public:
  void Append(const RecordBatch& batch, std::string& out) override {
    for (int64_t row = 0; row < batch.num_rows; ++row) {
      AppendJsonRow(batch, row, out);
      out += '\n';
    }
  }
  void Finish(std::string&) override {}
};

class IpcStreamWriter final : public TabularWriter {
 public:
  explicit IpcStreamWriter(SchemaPtr schema) : schema_(std::move(schema)) {}

  void Append(const RecordBatch& batch, std::string& out) override {
    Begin(out);
    AppendIpcBatch(batch, out);
  }
  void Finish(std::string& out) override {
    Begin(out);
    AppendIpcEnd(out);
  }

 private:
  void Begin(std::string& out) {
    if (!std::exchange(begun_, true)) AppendIpcSchema(*schema_, out);
  }

  const SchemaPtr schema_;
  bool begun_ = false;
};

class ArrowFileWriter final : public TabularWriter {
 public:
  explicit ArrowFileWriter(SchemaPtr schema) : file_(std::move(schema)) {}
  void Append(const RecordBatch& batch, std::string& out) override { file_.Append(batch, out); }
  void Finish(std::string& out) override { file_.Finish(out); }

 private:
  IpcFileWriter file_;
};

struct NamedFormat {
  std::string_view name;
  TabularFormat format;
};

template <size_t kCount>
std::optional<TabularFormat> Find(const NamedFormat (&formats)[kCount], std::string_view name) {
  for (const NamedFormat& known : formats) {
    if (known.name == name) return known.format;
  }
  return std::nullopt;
}

}  // namespace

std::optional<TabularFormat> TabularFormatNamed(std::string_view name) {
  static constexpr NamedFormat kNames[] = {
      {"jsonl", TabularFormat::kJsonLines},
      {"csv", TabularFormat::kCsv},
      {"arrow", TabularFormat::kArrowFile},
      {"arrow-stream", TabularFormat::kArrowStream},
  };
  return Find(kNames, name);
}

std::optional<TabularFormat> TabularFormatOfPath(std::string_view path) {
  static constexpr NamedFormat kEndings[] = {
      {"jsonl", TabularFormat::kJsonLines},
      {"ndjson", TabularFormat::kJsonLines},
      {"json", TabularFormat::kJsonLines},
      {"csv", TabularFormat::kCsv},
      {"tsv", TabularFormat::kCsv},
      {"arrow", TabularFormat::kArrowFile},
      {"feather", TabularFormat::kArrowFile},
      {"ipc", TabularFormat::kArrowFile},
      {"arrows", TabularFormat::kArrowStream},
  };
  const size_t point = path.rfind('.');
  if (point == std::string_view::npos) return std::nullopt;
  return Find(kEndings, path.substr(point + 1));
}

absl::StatusOr<std::unique_ptr<BatchStream>> OpenTabular(TabularFormat format,
                                                         std::unique_ptr<ByteInput> input,
                                                         const TabularReadOptions& options) {
  switch (format) {
    case TabularFormat::kJsonLines:
      return OpenJsonLines(std::move(input), options);
    case TabularFormat::kCsv:
      return OpenCsv(std::move(input), options);
    case TabularFormat::kArrowStream:
    case TabularFormat::kArrowFile:
      break;
  }
  return OpenIpc(std::move(input), options);
}

std::unique_ptr<TabularWriter> MakeTabularWriter(TabularFormat format, SchemaPtr schema,
                                                 const CsvOptions& csv) {
  switch (format) {
    case TabularFormat::kJsonLines:
      return std::make_unique<JsonLinesWriter>();
    case TabularFormat::kCsv:
      return MakeCsvWriter(std::move(schema), csv);
    case TabularFormat::kArrowStream:
      return std::make_unique<IpcStreamWriter>(std::move(schema));
    case TabularFormat::kArrowFile:
      break;
  }
  return std::make_unique<ArrowFileWriter>(std::move(schema));
}

}  // namespace og::format
