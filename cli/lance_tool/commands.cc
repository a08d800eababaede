#include "cli/lance_tool/commands.h"

#include <algorithm>
#include <fstream>
#include <iostream>

#include "cli/lance_tool/file_info.h"
#include "cli/lance_tool/schema_json.h"
#include "cli/lance_tool/verify.h"
#include "engine/dataset/refs.h"
#include "engine/expr/filter_parse.h"
#include "format/arrow/json.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/fault/counting_store.h"

namespace og::cli {
namespace {

using engine::dataset::Dataset;
using engine::dataset::DatasetPtr;
using engine::dataset::ScanOptions;
using engine::dataset::StagedTransaction;
using engine::dataset::TakeOptions;
using format::RecordBatch;

// Rows that are read from JSON before they go to the writer.
constexpr size_t kWriteBatchBytes = size_t{8} << 20;

absl::StatusOr<std::shared_ptr<const engine::expr::Expr>> FilterOf(const ToolRequest& request) {
  if (request.where.empty()) {
    return nullptr;
  }
  return engine::expr::ParseFilter(request.where);
}

absl::StatusOr<ScanOptions> ScanOf(const ToolRequest& request) {
  ScanOptions options;
  options.columns = request.columns;
  OG_ASSIGN_OR_RETURN(options.filter, FilterOf(request));
  options.with_row_id = request.row_ids;
  options.with_row_address = request.row_ids;
  options.batch_rows = request.batch_rows;
  options.offset = request.offset;
  options.limit = request.limit;
  options.threads = request.threads;
  return options;
}

absl::StatusOr<DatasetPtr> OpenDataset(io::Env& env, const io::Location& root,
                                       const ToolRequest& request) {
  engine::dataset::OpenOptions options;
  options.version = request.version;
  options.branch = request.branch;
  return Dataset::Open(env, root, options);
}

absl::Status WriteRows(const RecordBatch& batch, Output& output) {
  std::string line;
  for (int64_t row = 0; row < batch.num_rows; ++row) {
    line.clear();
    format::AppendJsonRow(batch, row, line);
    line += '\n';
    OG_RETURN_IF_ERROR(output.Write(line));
  }
  return absl::OkStatus();
}

void WriteInfoJson(const Dataset& dataset, io::JsonWriter& json) {
  const format::Manifest& manifest = dataset.manifest();
  json.BeginObject();
  json.Key("uri");
  json.String(dataset.branch_root().Uri());
  json.Key("branch");
  dataset.branch().empty() ? json.Null() : json.String(dataset.branch());
  json.Key("version");
  json.Uint(dataset.version());
  json.Key("num_rows");
  json.Uint(dataset.num_rows());
  json.Key("file_version");
  json.String(manifest.data_format_version);
  json.Key("stable_row_ids");
  json.Bool(manifest.has_stable_row_ids());
  json.Key("next_row_id");
  json.Uint(manifest.next_row_id);
  json.Key("manifest");
  json.BeginObject();
  json.Key("path");
  json.String(dataset.manifest_location().path);
  json.Key("size");
  json.Uint(dataset.manifest_location().size);
  json.Key("naming");
  json.String(format::ManifestNamingText(dataset.manifest_location().naming));
  json.EndObject();
  json.Key("fragments");
  json.BeginArray();
  for (const format::Fragment& fragment : manifest.fragments) {
    json.BeginObject();
    json.Key("id");
    json.Uint(fragment.id);
    json.Key("physical_rows");
    json.Uint(fragment.physical_rows);
    json.Key("num_deletions");
    json.Uint(fragment.num_deleted_rows());
    json.Key("files");
    json.BeginArray();
    for (const format::DataFile& file : fragment.files) {
      json.BeginObject();
      json.Key("path");
      json.String(file.path);
      json.Key("size_bytes");
      json.Uint(file.size_bytes);
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  json.Key("indices");
  json.BeginArray();
  for (const format::IndexMetadata& index : manifest.indices) {
    json.BeginObject();
    json.Key("name");
    json.String(index.name);
    json.Key("uuid");
    json.String(index.uuid);
    json.Key("type_url");
    index.details ? json.String(index.details->type_url) : json.Null();
    json.EndObject();
  }
  json.EndArray();
  json.Key("config");
  json.BeginObject();
  for (const auto& [key, value] : manifest.config) {
    json.Key(key);
    json.String(value);
  }
  json.EndObject();
  json.EndObject();
}

std::string InfoText(const Dataset& dataset) {
  const format::Manifest& manifest = dataset.manifest();
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t deleted = 0;
  for (const format::Fragment& fragment : manifest.fragments) {
    deleted += fragment.num_deleted_rows();
    for (const format::DataFile& file : fragment.files) {
      ++files;
      bytes += file.size_bytes;
    }
  }
  std::string text = io::StrCat(
      dataset.branch_root().Uri(), "\n  version       ", dataset.version(), "\n  branch        ",
      dataset.branch().empty() ? "main" : dataset.branch(), "\n  rows          ",
      dataset.num_rows(), "\n  deleted rows  ", deleted, "\n  fragments     ",
      manifest.fragments.size(), "\n  data files    ", files, " (", bytes, " bytes)",
      "\n  file version  ", manifest.data_format_version, "\n  row ids       ",
      manifest.has_stable_row_ids() ? "stable" : "addresses", "\n");
  for (const format::IndexMetadata& index : manifest.indices) {
    text += io::StrCat("  index         ", index.name, " ", index.uuid, "\n");
  }
  for (const format::Field& field : dataset.schema()->fields) {
    text += io::StrCat("  column        ", field.name, ": ", field.type->ToString(),
                       field.nullable ? "" : " not null", "\n");
  }
  return text;
}

absl::Status RunInfo(const Dataset& dataset, const ToolRequest& request, Output& output) {
  if (!request.json) {
    return output.Write(InfoText(dataset));
  }
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  WriteInfoJson(dataset, json);
  return output.Write(std::move(json).Finish() + "\n");
}

absl::Status RunSchema(const Dataset& dataset, Output& output) {
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  WriteSchemaJson(*dataset.schema(), json);
  return output.Write(std::move(json).Finish() + "\n");
}

absl::Status RunVersions(const Dataset& dataset, const ToolRequest& request, Output& output) {
  OG_ASSIGN_OR_RETURN(const auto versions, dataset.ListVersions());
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginArray();
  std::string text;
  for (const engine::dataset::VersionInfo& version : versions) {
    const absl::StatusOr<format::Transaction> transaction = dataset.TransactionOf(version.version);
    const std::string_view operation =
        transaction.ok() ? format::OperationName(transaction->operation) : "unknown";
    text += io::StrCat(version.version, "  ", operation, "  ",
                       transaction.ok() ? transaction->uuid : "", "\n");
    json.BeginObject();
    json.Key("version");
    json.Uint(version.version);
    json.Key("operation");
    json.String(operation);
    json.Key("uuid");
    transaction.ok() ? json.String(transaction->uuid) : json.Null();
    json.Key("read_version");
    transaction.ok() ? json.Uint(transaction->read_version) : json.Null();
    json.Key("size");
    json.Uint(version.size);
    json.EndObject();
  }
  json.EndArray();
  return output.Write(request.json ? std::move(json).Finish() + "\n" : text);
}

// Times of repeated runs, and what one run asked of the store.
class Measurement {
 public:
  Measurement(io::Env& env, const io::CountingStore& store) : env_(env), store_(store) {}

  void Start() {
    before_ = store_.counts();
    start_ns_ = env_.MonotonicNs();
  }
  void Stop() {
    times_ns_.push_back(env_.MonotonicNs() - start_ns_);
    counts_ = store_.counts() - before_;
  }

  absl::Status Report(uint64_t rows, uint64_t batches, uint64_t bytes, bool as_json,
                      Output& output) {
    std::vector<int64_t> sorted = times_ns_;
    std::ranges::sort(sorted);
    const int64_t median = sorted[sorted.size() / 2];
    if (!as_json) {
      return output.Write(
          io::StrCat(rows, " rows, ", bytes, " bytes of arrays, ", batches, " batches; median ",
                     median / 1000, " us, best ", sorted.front() / 1000, " us of ", sorted.size(),
                     "; ", counts_.reads(), " requests, ", counts_.bytes_read(), " bytes read\n"));
    }
    io::JsonWriter json(io::JsonWriter::Style::kPretty);
    json.BeginObject();
    json.Key("rows");
    json.Uint(rows);
    json.Key("batches");
    json.Uint(batches);
    json.Key("bytes");
    json.Uint(bytes);
    json.Key("repeat");
    json.Uint(times_ns_.size());
    json.Key("median_us");
    json.Float(static_cast<double>(median) / 1000);
    json.Key("min_us");
    json.Float(static_cast<double>(sorted.front()) / 1000);
    json.Key("times_us");
    json.BeginArray();
    for (const int64_t time : times_ns_) {
      json.Float(static_cast<double>(time) / 1000);
    }
    json.EndArray();
    json.Key("storage");
    json.BeginObject();
    json.Key("requests");
    json.Uint(counts_.reads());
    json.Key("bytes_read");
    json.Uint(counts_.bytes_read());
    json.Key("calls");
    json.String(counts_.Text());
    json.EndObject();
    json.EndObject();
    return output.Write(std::move(json).Finish() + "\n");
  }

 private:
  io::Env& env_;
  const io::CountingStore& store_;
  io::StoreCounts before_;
  io::StoreCounts counts_;
  int64_t start_ns_ = 0;
  std::vector<int64_t> times_ns_;
};

absl::Status RunScan(io::Env& env, const io::CountingStore& store, const Dataset& dataset,
                     const ToolRequest& request, Output& output) {
  OG_ASSIGN_OR_RETURN(const ScanOptions options, ScanOf(request));
  Measurement measurement(env, store);
  uint64_t rows = 0;
  uint64_t batches = 0;
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < request.repeat; ++i) {
    rows = batches = bytes = 0;
    measurement.Start();
    OG_ASSIGN_OR_RETURN(const auto stream, dataset.Scan(options));
    while (true) {
      OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
      if (!batch) {
        break;
      }
      rows += static_cast<uint64_t>(batch->num_rows);
      bytes += format::MemoryBytes(*batch);
      ++batches;
    }
    measurement.Stop();
  }
  return measurement.Report(rows, batches, bytes, request.json, output);
}

absl::Status RunTake(io::Env& env, const io::CountingStore& store, const Dataset& dataset,
                     const ToolRequest& request, Output& output) {
  TakeOptions options;
  options.columns = request.columns;
  options.with_row_id = request.row_ids;
  options.with_row_address = request.row_ids;
  Measurement measurement(env, store);
  RecordBatch rows;
  for (uint64_t i = 0; i < request.repeat; ++i) {
    measurement.Start();
    if (request.rows_by == "address") {
      OG_ASSIGN_OR_RETURN(rows, dataset.Take(request.rows, options));
    } else if (request.rows_by == "id") {
      OG_ASSIGN_OR_RETURN(rows, dataset.TakeRowIds(request.rows, options));
    } else {
      OG_ASSIGN_OR_RETURN(rows, dataset.TakeOffsets(request.rows, options));
    }
    measurement.Stop();
  }
  if (request.repeat == 1 && !request.json) {
    return WriteRows(rows, output);
  }
  return measurement.Report(static_cast<uint64_t>(rows.num_rows), 1, format::MemoryBytes(rows),
                            request.json, output);
}

absl::Status RunCount(const Dataset& dataset, const ToolRequest& request, Output& output) {
  OG_ASSIGN_OR_RETURN(const auto filter, FilterOf(request));
  OG_ASSIGN_OR_RETURN(const uint64_t rows, dataset.CountRows(filter));
  return output.Write(request.json ? io::StrCat("{\"rows\":", rows, "}\n")
                                   : io::StrCat(rows, "\n"));
}

// Lines of canonical JSON as batches.
class JsonLines final : public format::BatchStream {
 public:
  JsonLines(std::istream& input, format::SchemaPtr schema)
      : input_(input), schema_(schema), reader_(std::move(schema)) {}

  const format::SchemaPtr& schema() const override { return schema_; }

  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    std::string line;
    while (reader_.MemoryBytes() < kWriteBatchBytes && std::getline(input_, line)) {
      ++line_number_;
      if (io::Trim(line).empty()) {
        continue;
      }
      if (const absl::Status status = reader_.Append(line); !status.ok()) {
        return io::Annotate(status, io::StrCat("line ", line_number_));
      }
    }
    if (reader_.num_rows() == 0) {
      return std::nullopt;
    }
    return reader_.Finish();
  }

 private:
  std::istream& input_;
  const format::SchemaPtr schema_;
  format::JsonRowReader reader_;
  uint64_t line_number_ = 0;
};

// `schema` as rows spell it: a blob column is given by its contents, in hexadecimal digits.
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

absl::StatusOr<DatasetPtr> WriteDataset(io::Env& env, const io::Location& root,
                                        const ToolRequest& request, std::istream& input) {
  format::SchemaPtr schema;
  if (!request.schema_file.empty()) {
    OG_ASSIGN_OR_RETURN(schema, ReadSchemaFile(request.schema_file));
  }
  engine::dataset::WriteOptions write;
  write.max_rows_per_file = request.max_rows_per_file;
  if (request.mode == WriteMode::kCreate) {
    if (schema == nullptr) {
      return io::InvalidArgumentError("--mode create needs --schema");
    }
    JsonLines rows(input, InputSchema(*schema));
    engine::dataset::CreateOptions options;
    options.write = write;
    options.file_version = request.file_version;
    options.stable_row_ids = request.stable_row_ids;
    OG_ASSIGN_OR_RETURN(const StagedTransaction staged,
                        Dataset::StageCreate(env, root, schema, &rows, options));
    return Dataset::CommitCreate(env, root, staged);
  }
  engine::dataset::OpenOptions open;
  open.branch = request.branch;
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, Dataset::Open(env, root, open));
  if (schema == nullptr) {
    schema = dataset->schema();
  }
  JsonLines rows(input, InputSchema(*schema));
  if (request.mode == WriteMode::kAppend) {
    OG_ASSIGN_OR_RETURN(const StagedTransaction staged, dataset->StageAppend(rows, write));
    return dataset->Commit(staged, {});
  }
  OG_ASSIGN_OR_RETURN(const StagedTransaction staged,
                      dataset->StageOverwrite(schema, &rows, write));
  return dataset->Commit(staged, {});
}

absl::Status RunWrite(io::Env& env, const io::Location& root, const ToolRequest& request,
                      Output& output) {
  std::ifstream file;
  if (request.input_file != "-") {
    file.open(request.input_file, std::ios::binary);
    if (!file) {
      return io::NotFoundError(io::StrCat("cannot read ", request.input_file));
    }
  }
  OG_ASSIGN_OR_RETURN(
      const DatasetPtr dataset,
      WriteDataset(env, root, request, request.input_file == "-" ? std::cin : file));
  return output.Write(request.json ? io::StrCat("{\"version\":", dataset->version(),
                                                ",\"num_rows\":", dataset->num_rows(), "}\n")
                                   : io::StrCat("version ", dataset->version(), ", ",
                                                dataset->num_rows(), " rows\n"));
}

absl::Status RunVerify(const Dataset& dataset, const ToolRequest& request, Output& output) {
  std::vector<uint64_t> versions = {dataset.version()};
  if (request.all_versions) {
    OG_ASSIGN_OR_RETURN(const auto all, dataset.ListVersions());
    versions.clear();
    for (const engine::dataset::VersionInfo& version : all) {
      versions.push_back(version.version);
    }
  }
  size_t problems = 0;
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginArray();
  std::string text;
  for (const uint64_t version : versions) {
    VerifyReport report;
    if (const absl::StatusOr<DatasetPtr> opened = dataset.Checkout(version); opened.ok()) {
      report = VerifyVersion(**opened, request.deep);
    } else {
      report.problems.push_back(std::string(io::Message(opened.status())));
    }
    problems += report.problems.size();
    text += io::StrCat("version ", version, ": ", report.num_rows, " rows, ", report.num_files,
                       " files, ", report.problems.size(), " problems\n");
    json.BeginObject();
    json.Key("version");
    json.Uint(version);
    json.Key("num_rows");
    json.Uint(report.num_rows);
    json.Key("num_fragments");
    json.Uint(report.num_fragments);
    json.Key("num_files");
    json.Uint(report.num_files);
    json.Key("problems");
    json.BeginArray();
    for (const std::string& problem : report.problems) {
      json.String(problem);
      text += io::StrCat("  ", problem, "\n");
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  OG_RETURN_IF_ERROR(output.Write(request.json ? std::move(json).Finish() + "\n" : text));
  OG_RETURN_IF_ERROR(output.Flush());
  return problems == 0 ? absl::OkStatus()
                       : io::DataLossError(io::StrCat(problems, " problems found"));
}

}  // namespace

absl::Status DumpRows(const Dataset& dataset, const ToolRequest& request, Output& output) {
  OG_ASSIGN_OR_RETURN(const ScanOptions options, ScanOf(request));
  OG_ASSIGN_OR_RETURN(const auto stream, dataset.Scan(options));
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
    if (!batch) {
      return absl::OkStatus();
    }
    OG_RETURN_IF_ERROR(WriteRows(*batch, output));
  }
}

absl::Status RunTool(io::Env& env, const ToolRequest& request, Output& output) {
  if (request.command == ToolCommand::kFileInfo) {
    return RunFileInfo(env, request, output);
  }
  OG_ASSIGN_OR_RETURN(io::Location root, env.Resolve(request.dataset));
  if (request.command == ToolCommand::kWrite) {
    OG_RETURN_IF_ERROR(RunWrite(env, root, request, output));
    return output.Flush();
  }
  const bool measured =
      request.command == ToolCommand::kScan || request.command == ToolCommand::kTake;
  const auto counting = std::make_shared<io::CountingStore>(root.store);
  if (measured) {
    root.store = counting;
  }
  OG_ASSIGN_OR_RETURN(const DatasetPtr dataset, OpenDataset(env, root, request));
  absl::Status status;
  switch (request.command) {
    case ToolCommand::kInfo:
      status = RunInfo(*dataset, request, output);
      break;
    case ToolCommand::kSchema:
      status = RunSchema(*dataset, output);
      break;
    case ToolCommand::kVersions:
      status = RunVersions(*dataset, request, output);
      break;
    case ToolCommand::kDump:
      status = DumpRows(*dataset, request, output);
      break;
    case ToolCommand::kScan:
      status = RunScan(env, *counting, *dataset, request, output);
      break;
    case ToolCommand::kTake:
      status = RunTake(env, *counting, *dataset, request, output);
      break;
    case ToolCommand::kCount:
      status = RunCount(*dataset, request, output);
      break;
    case ToolCommand::kVerify:
      status = RunVerify(*dataset, request, output);
      break;
    case ToolCommand::kWrite:
    case ToolCommand::kFileInfo:
      break;  // handled above
  }
  OG_RETURN_IF_ERROR(status);
  return output.Flush();
}

std::string ToolErrorText(const absl::Status& status) {
  return io::StrCat("Error:\n   0: ", io::Message(status), "\n");
}

}  // namespace og::cli
