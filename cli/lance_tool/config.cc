#include <map>

#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/text_table.h"
#include "engine/dataset/metadata.h"
#include "format/file/lance_schema.h"
#include "format/table/manifest.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::Dataset;

struct ConfigArguments {
  DatasetArguments dataset;
  std::string of = "config";
  std::string field;
  std::vector<std::string> set;
  std::vector<std::string> unset;
};

void Declare(OptionSet& options, ConfigArguments& arguments) {
  arguments.dataset.Declare(options);
  arguments.dataset.DeclareBranch(options);
  options
      .Add("--of", arguments.of,
           "Which keys: config (of the table), table (free metadata), schema (its metadata)")
      .OneOf({"config", "table", "schema"});
  options.Add("--field", arguments.field, "The metadata of this column instead; members as a.b");
  options.AddEach("--set", arguments.set, "KEY=VALUE to set; may be given several times");
  options.AddEach("--unset", arguments.unset, "KEY to remove; may be given several times");
}

absl::StatusOr<engine::dataset::MapChange> ChangeOf(const ConfigArguments& arguments) {
  engine::dataset::MapChange change;
  for (const std::string& pair : arguments.set) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return io::InvalidArgumentError(io::StrCat("--set wants KEY=VALUE, not ", pair));
    }
    change.entries[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  for (const std::string& key : arguments.unset) {
    change.entries[key] = std::nullopt;
  }
  return change;
}

absl::StatusOr<std::map<std::string, std::string>> KeysOf(const Dataset& dataset,
                                                          const ConfigArguments& arguments) {
  if (!arguments.field.empty()) {
    const auto parts = io::Split(arguments.field, '.');
    const format::LanceField* field = dataset.lance_schema().Find(parts.front());
    for (size_t i = 1; i < parts.size() && field != nullptr; ++i) {
      field = field->Child(parts[i]);
    }
    if (field == nullptr) {
      return io::NotFoundError(io::StrCat("no column ", arguments.field));
    }
    return std::map<std::string, std::string>(field->metadata.begin(), field->metadata.end());
  }
  const format::Manifest& manifest = dataset.manifest();
  if (arguments.of == "table") {
    return manifest.table_metadata;
  }
  if (arguments.of == "schema") {
    return std::map<std::string, std::string>(manifest.schema->metadata.begin(),
                                              manifest.schema->metadata.end());
  }
  return manifest.config;
}

absl::Status Run(ToolContext& context, const ConfigArguments& arguments) {
  OG_ASSIGN_OR_RETURN(auto dataset, arguments.dataset.Open(context));
  if (!arguments.set.empty() || !arguments.unset.empty()) {
    OG_ASSIGN_OR_RETURN(engine::dataset::MapChange change, ChangeOf(arguments));
    engine::dataset::MetadataChange all;
    if (!arguments.field.empty()) {
      all.field_metadata[arguments.field] = std::move(change);
    } else if (arguments.of == "table") {
      all.table_metadata = std::move(change);
    } else if (arguments.of == "schema") {
      all.schema_metadata = std::move(change);
    } else {
      all.config = std::move(change);
    }
    OG_ASSIGN_OR_RETURN(const auto staged, engine::dataset::StageMetadata(*dataset, all));
    OG_ASSIGN_OR_RETURN(dataset, dataset->Commit(staged, {}));
  }
  OG_ASSIGN_OR_RETURN(const auto keys, KeysOf(*dataset, arguments));
  if (arguments.dataset.json) {
    io::JsonWriter json(io::JsonWriter::Style::kPretty);
    json.BeginObject();
    for (const auto& [key, value] : keys) {
      json.Key(key);
      json.String(value);
    }
    json.EndObject();
    return context.output.Write(std::move(json).Finish() + "\n");
  }
  std::string text;
  for (const auto& [key, value] : keys) {
    text += io::StrCat(key, "=", value, "\n");
  }
  return context.output.Write(text);
}

}  // namespace

ToolCommand ConfigCommand() {
  return MakeToolCommand(
      {.path = "config",
       .summary = "Show, set and remove configuration and metadata",
       .examples = "  lance-tool config people.lance\n"
                   "  lance-tool config people.lance --set lance.auto_cleanup.interval=20\n"
                   "  lance-tool config people.lance --of table --set owner=me --unset old\n"
                   "  lance-tool config people.lance --field name --json\n"},
      Declare, Run);
}

}  // namespace og::cli
