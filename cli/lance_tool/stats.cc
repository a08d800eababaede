#include <algorithm>
#include <map>

#include "cli/lance_tool/command.h"
#include "cli/lance_tool/dataset_arguments.h"
#include "cli/lance_tool/text_table.h"
#include "engine/dataset/indices.h"
#include "format/table/manifest.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::dataset::Dataset;

void Declare(OptionSet& options, DatasetArguments& arguments) {
  arguments.Declare(options);
  arguments.DeclareVersion(options);
}

struct Amount {
  uint64_t files = 0;
  uint64_t bytes = 0;
};

// What lies below the root of the branch, by folder; other branches left out.
absl::StatusOr<std::map<std::string, Amount>> StoredAmounts(const Dataset& dataset) {
  std::map<std::string, Amount> amounts;
  for (const std::string_view folder :
       {std::string_view("_versions"), std::string_view("_transactions"), std::string_view("data"),
        std::string_view("_deletions"), std::string_view("_indices")}) {
    const io::Location place = dataset.branch_root().Child(folder);
    OG_ASSIGN_OR_RETURN(const auto objects,
                        place.store->List(place.path, {.recursive = true, .with_info = true}));
    Amount& amount = amounts[std::string(folder)];
    for (const io::ObjectInfo& object : objects) {
      ++amount.files;
      amount.bytes += object.size;
    }
  }
  return amounts;
}

struct FragmentStats {
  uint64_t count = 0;
  uint64_t rows = 0;
  uint64_t deleted_rows = 0;
  uint64_t data_files = 0;
  uint64_t data_bytes = 0;
  uint64_t smallest = 0;
  uint64_t median = 0;
  uint64_t largest = 0;
};

FragmentStats StatsOf(const format::Manifest& manifest) {
  FragmentStats stats;
  std::vector<uint64_t> sizes;
  for (const format::Fragment& fragment : manifest.fragments) {
    sizes.push_back(fragment.num_rows());
    stats.rows += fragment.num_rows();
    stats.deleted_rows += fragment.num_deleted_rows();
    for (const format::DataFile& file : fragment.files) {
      ++stats.data_files;
      stats.data_bytes += file.size_bytes;
    }
  }
  std::ranges::sort(sizes);
  stats.count = sizes.size();
  if (!sizes.empty()) {
    stats.smallest = sizes.front();
    stats.median = sizes[sizes.size() / 2];
    stats.largest = sizes.back();
  }
  return stats;
}

absl::Status Run(ToolContext& context, const DatasetArguments& arguments) {
  OG_ASSIGN_OR_RETURN(const auto dataset, arguments.Open(context));
  OG_ASSIGN_OR_RETURN(const auto stored, StoredAmounts(*dataset));
  OG_ASSIGN_OR_RETURN(const auto indices, engine::dataset::ListIndices(*dataset));
  OG_ASSIGN_OR_RETURN(const auto versions, dataset->ListVersions());
  const FragmentStats stats = StatsOf(dataset->manifest());
  if (arguments.json) {
    io::JsonWriter json(io::JsonWriter::Style::kPretty);
    json.BeginObject();
    json.Key("version");
    json.Uint(dataset->version());
    json.Key("num_versions");
    json.Uint(versions.size());
    json.Key("num_rows");
    json.Uint(stats.rows);
    json.Key("num_deleted_rows");
    json.Uint(stats.deleted_rows);
    json.Key("num_fragments");
    json.Uint(stats.count);
    json.Key("rows_in_fragment");
    json.BeginObject();
    json.Key("min");
    json.Uint(stats.smallest);
    json.Key("median");
    json.Uint(stats.median);
    json.Key("max");
    json.Uint(stats.largest);
    json.EndObject();
    json.Key("num_data_files");
    json.Uint(stats.data_files);
    json.Key("data_bytes");
    json.Uint(stats.data_bytes);
    json.Key("stored");
    json.BeginObject();
    for (const auto& [folder, amount] : stored) {
      json.Key(folder);
      json.BeginObject();
      json.Key("files");
      json.Uint(amount.files);
      json.Key("bytes");
      json.Uint(amount.bytes);
      json.EndObject();
    }
    json.EndObject();
    json.Key("num_indices");
    json.Uint(indices.size());
    json.EndObject();
    return context.output.Write(std::move(json).Finish() + "\n");
  }
  std::string text = io::StrCat("version          ", dataset->version(), " of ", versions.size(),
                                "\nrows             ", stats.rows, ", ", stats.deleted_rows,
                                " deleted\nfragments        ", stats.count, ", rows ",
                                stats.smallest, " / ", stats.median, " / ", stats.largest,
                                " (smallest, median, largest)\ndata files       ", stats.data_files,
                                ", ", ByteSizeText(stats.data_bytes), "\n");
  for (const auto& index : indices) {
    text +=
        io::StrCat("index            ", index.name, ", ", index.kind, ", ", index.num_indexed_rows,
                   " rows, ", index.num_unindexed_rows, " not covered\n");
  }
  TextTable table({"stored, all versions", ">files", ">bytes"});
  for (const auto& [folder, amount] : stored) {
    table.Add({folder, io::StrCat(amount.files), io::StrCat(amount.bytes)});
  }
  return context.output.Write(io::StrCat(text, "\n", table.Text()));
}

}  // namespace

ToolCommand StatsCommand() {
  return MakeToolCommand({.path = "stats",
                          .summary = "Sizes of fragments, files, indexes and of all that is stored",
                          .examples = "  lance-tool stats people.lance\n"
                                      "  lance-tool stats people.lance --branch dev --json\n"},
                         Declare, Run);
}

}  // namespace og::cli
