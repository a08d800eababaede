#include "cli/lance_tool/row_input.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "cli/lance_tool/schema_json.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

class FileInput final : public format::ByteInput {
 public:
  // Closes `fd` in the end unless it is standard input.
  explicit FileInput(int fd) : fd_(fd) {}
  ~FileInput() override {
    if (fd_ != STDIN_FILENO) {
      close(fd_);
    }
  }
  FileInput(const FileInput&) = delete;
  FileInput& operator=(const FileInput&) = delete;

  absl::StatusOr<size_t> Read(std::span<char> into) override {
    while (true) {
      const ssize_t count = read(fd_, into.data(), into.size());
      if (count >= 0) {
        return static_cast<size_t>(count);
      }
      if (errno != EINTR) {
        return io::UnavailableError(io::StrCat("reading: ", std::strerror(errno)));
      }
    }
  }

 private:
  const int fd_;
};

// Errors say which input they are about.
class NamedRows final : public format::BatchStream {
 public:
  NamedRows(std::string name, std::unique_ptr<format::BatchStream> rows)
      : name_(std::move(name)), rows_(std::move(rows)) {}

  const format::SchemaPtr& schema() const override { return rows_->schema(); }

  absl::StatusOr<std::optional<format::RecordBatch>> Next() override {
    absl::StatusOr<std::optional<format::RecordBatch>> batch = rows_->Next();
    return batch.ok() ? std::move(batch) : io::Annotate(batch.status(), name_);
  }

 private:
  const std::string name_;
  const std::unique_ptr<format::BatchStream> rows_;
};

}  // namespace

void CsvArguments::Declare(OptionSet& options) {
  options.Add("--csv-delimiter", delimiter,
              "What stands between cells (default: a comma, .tsv: a tab)");
  options.Flag("--csv-no-header", no_header, "CSV without a line of column names");
  options.Add("--csv-null", null_text, "What stands for null in CSV (default: nothing)");
}

absl::StatusOr<format::CsvOptions> CsvArguments::Options(const std::string& path) const {
  format::CsvOptions options;
  options.has_header = !no_header;
  options.null_text = null_text;
  if (delimiter == "\\t" || (delimiter.empty() && path.ends_with(".tsv"))) {
    options.delimiter = '\t';
  } else if (delimiter.size() == 1) {
    options.delimiter = delimiter[0];
  } else if (!delimiter.empty()) {
    return io::InvalidArgumentError("--csv-delimiter is one character, or \\t");
  }
  if (options.delimiter == '"' || options.delimiter == '\n' || options.delimiter == '\r') {
    return io::InvalidArgumentError("--csv-delimiter cannot be a quote or a line end");
  }
  return options;
}

void InputArguments::Declare(OptionSet& options) {
  options.Add("--input", file, "Rows; - is standard input");
  DeclareForm(options);
}

void InputArguments::DeclareForm(OptionSet& options) {
  options
      .Add("--format", format, "Form of the rows (default: by the ending of --input, else jsonl)")
      .OneOf(FormatNames());
  csv.Declare(options);
}

absl::StatusOr<std::unique_ptr<format::BatchStream>> InputArguments::Open(
    format::SchemaPtr schema) const {
  return OpenWith({.schema = std::move(schema), .only_present = false, .csv = {}});
}

absl::StatusOr<std::unique_ptr<format::BatchStream>> InputArguments::OpenPresent(
    format::SchemaPtr schema) const {
  return OpenWith({.schema = std::move(schema), .only_present = true, .csv = {}});
}

absl::StatusOr<std::unique_ptr<format::BatchStream>> InputArguments::OpenWith(
    format::TabularReadOptions options) const {
  OG_ASSIGN_OR_RETURN(const format::TabularFormat known, FormatFrom(format, file));
  OG_ASSIGN_OR_RETURN(options.csv, csv.Options(file));
  const bool is_standard_input = file == "-";
  const int fd = is_standard_input ? STDIN_FILENO : open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return io::NotFoundError(io::StrCat("cannot read ", file, ": ", std::strerror(errno)));
  }
  std::string name = is_standard_input ? "standard input" : file;
  absl::StatusOr<std::unique_ptr<format::BatchStream>> rows =
      OpenTabular(known, std::make_unique<FileInput>(fd), options);
  if (!rows.ok()) {
    return io::Annotate(rows.status(), name);
  }
  return std::make_unique<NamedRows>(std::move(name), *std::move(rows));
}

format::SchemaPtr InputSchema(const format::Schema& schema) {
  auto input = std::make_shared<format::Schema>(schema);
  for (format::Field& field : input->fields) {
    const auto extension = field.metadata.find("ARROW:extension:name");
    if (extension != field.metadata.end() && extension->second == "lance.blob.v2") {
      field.type = format::LargeBinary();
    }
  }
  return input;
}

absl::StatusOr<format::SchemaPtr> ReadSchemaFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return io::NotFoundError(io::StrCat("cannot read the schema file ", path));
  }
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  absl::StatusOr<format::SchemaPtr> schema = ParseSchemaJson(text);
  return schema.ok() ? schema : io::Annotate(schema.status(), path);
}

absl::StatusOr<format::TabularFormat> FormatFrom(const std::string& name, const std::string& path) {
  const auto known =
      name.empty() ? format::TabularFormatOfPath(path) : format::TabularFormatNamed(name);
  if (!name.empty() && !known) {
    return io::InvalidArgumentError(io::StrCat("unknown format '", name, "'"));
  }
  return known.value_or(format::TabularFormat::kJsonLines);
}

std::vector<std::string> FormatNames() {
  return {"jsonl", "csv", "arrow", "arrow-stream"};
}

}  // namespace og::cli
