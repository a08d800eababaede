#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "format/table/manifest.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::Dataset;

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

void Declare(OptionSet& options, DatasetArguments& arguments) {
  arguments.Declare(options);
  arguments.DeclareVersion(options);
}

absl::Status Run(ToolContext& context, const DatasetArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const auto dataset, arguments.Open(context));
  if (!arguments.json) {
    return context.output.Write(InfoText(*dataset));
  }
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  WriteInfoJson(*dataset, json);
  return context.output.Write(std::move(json).Finish() + "\n");
}

}  // namespace

ToolCommand InfoCommand() {
  return MakeToolCommand({.path = "info",
                          .summary = "What a version consists of",
                          .examples = "  lance-tool info people.lance\n"
                                      "  lance-tool info people.lance --version 3 --json\n"},
                         Declare, Run);
}

}  // namespace og::cli
