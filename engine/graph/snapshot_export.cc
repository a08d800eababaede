#include "engine/graph/snapshot_export.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/errors.h"
#include "engine/graph/export/record_lines.h"
#include "engine/graph/export/sorted_lines.h"
#include "engine/graph/table_schema.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/together.h"
#include "io/store/store.h"

namespace og::engine::graph {
namespace {

// A property by its catalog name, and the column that holds it in the exported version: the same
// property may have had another name then.
struct ExportedProperty {
  std::string name;
  std::string column;
};

struct ExportedTable {
  const TableEntry* entry = nullptr;
  std::string type_name;
  std::vector<schema::Property> properties;
};

// Tables of far storage whose first rows are asked for together: most have no others, and a round
// for each would be most of the time of an export.
constexpr uint64_t kTablesAhead = 8;

// Memory that a table takes for it: what its scan reads ahead, and the batch.
constexpr uint64_t kStartedBytes = uint64_t{64} << 20;

// A table whose scan has begun.
struct StartedTable {
  std::vector<ExportedProperty> properties;
  std::unique_ptr<format::BatchStream> stream;
  std::optional<format::RecordBatch> first;
};

std::vector<ExportedTable> TablesOf(const GraphSnapshot& snapshot) {
  std::vector<ExportedTable> tables;
  for (const schema::EdgeType& edge : snapshot.catalog()->edges()) {
    tables.push_back({snapshot.Find(edge), edge.name, edge.properties});
  }
  for (const schema::NodeType& node : snapshot.catalog()->nodes()) {
    tables.push_back({snapshot.Find(node), node.name, node.properties});
  }
  std::erase_if(tables, [](const ExportedTable& table) { return table.entry == nullptr; });
  return tables;
}

absl::Status CheckTypes(const std::vector<std::string>& wanted,
                        const std::vector<ExportedTable>& tables) {
  for (const std::string& type : wanted) {
    const bool known = std::any_of(tables.begin(), tables.end(), [&](const ExportedTable& table) {
      return table.type_name == type;
    });
    if (!known) return BadRequest(io::StrCat("unknown export type '", type, "'"));
  }
  return absl::OkStatus();
}

// The columns of `dataset` that hold `properties`: by stable id where the table carries them, else
// by name. Properties that this version does not have are left out.
std::vector<ExportedProperty> Match(const dataset::Dataset& dataset,
                                    const std::vector<schema::Property>& properties) {
  std::vector<ExportedProperty> matched;
  for (const schema::Property& property : properties) {
    const std::string id = io::StrCat(property.property_id);
    for (const format::Field& field : dataset.schema()->fields) {
      const auto mark = field.metadata.find(kPropertyIdMark);
      const bool same =
          mark == field.metadata.end() ? field.name == property.name : mark->second == id;
      if (same) {
        matched.push_back({property.name, field.name});
        break;
      }
    }
  }
  return matched;
}

class Exporter {
 public:
  Exporter(io::Env& env, const GraphSnapshot& snapshot, const ExportOptions& options,
           const ExportSink& sink)
      : env_(env), snapshot_(snapshot), options_(options), sink_(sink) {}

  absl::Status Run() {
    const std::vector<ExportedTable> tables = TablesOf(snapshot_);
    OG_RETURN_IF_ERROR(CheckTypes(options_.types, tables));
    std::vector<ExportedTable> wanted;
    std::vector<const TableEntry*> entries;
    for (const ExportedTable& table : tables) {
      if (!options_.types.empty() &&
          std::ranges::find(options_.types, table.type_name) == options_.types.end()) {
        continue;
      }
      wanted.push_back(table);
      entries.push_back(table.entry);
    }
    if (wanted.empty()) return absl::OkStatus();
    OG_RETURN_IF_ERROR(snapshot_.OpenTables(entries));
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr one, snapshot_.OpenTable(*entries[0]));
    const io::Store& store = *one->root().store;
    for (size_t next = 0; next < wanted.size();) {
      const size_t count = std::min<size_t>(TablesAhead(store), wanted.size() - next);
      OG_RETURN_IF_ERROR(ExportTogether(store, std::span(wanted).subspan(next, count)));
      next += count;
    }
    return absl::OkStatus();
  }

 private:
  uint64_t TablesAhead(const io::Store& store) const {
    if (store.is_local()) return 1;
    return std::clamp<uint64_t>(env_.memory()->limit() / kStartedBytes, 1, kTablesAhead);
  }

  absl::Status ExportTogether(const io::Store& store, std::span<const ExportedTable> tables) {
    std::vector<StartedTable> started(tables.size());
    std::vector<std::function<absl::Status()>> starts;
    for (size_t i = 0; i < tables.size(); ++i)
      starts.push_back([&, i] { return Start(tables[i], started[i]); });
    OG_RETURN_IF_ERROR(io::RunTogether(env_, store, starts));
    for (size_t i = 0; i < tables.size(); ++i)
      OG_RETURN_IF_ERROR(ExportRows(tables[i], std::exchange(started[i], {})));
    return absl::OkStatus();
  }

  absl::Status Start(const ExportedTable& table, StartedTable& started) const {
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr dataset, snapshot_.OpenTable(*table.entry));
    started.properties = Match(*dataset, table.properties);
    dataset::ScanOptions scan;
    scan.columns = {"id"};
    if (table.entry->is_edge()) {
      scan.columns->push_back("src");
      scan.columns->push_back("dst");
    }
    for (const ExportedProperty& property : started.properties)
      scan.columns->push_back(property.column);
    auto stream = dataset->Scan(scan);
    OG_RETURN_IF_ERROR(FromStorage(stream.status()));
    started.stream = *std::move(stream);
    auto first = started.stream->Next();
    OG_RETURN_IF_ERROR(FromStorage(first.status()));
    started.first = *std::move(first);
    return absl::OkStatus();
  }

  absl::Status ExportRows(const ExportedTable& table, StartedTable started) {
    std::vector<std::string> names;
    for (const schema::Property& property : table.properties)
      names.push_back(property.name);
    const RecordLines lines(table.entry->is_edge(), table.type_name, std::move(names));

    SortedLines sorted(env_.memory()->NewChild("export", env_.memory()->limit() / 4));
    const size_t first_property = table.entry->is_edge() ? 3 : 1;
    std::string line;
    for (std::optional<format::RecordBatch> batch = std::move(started.first); batch.has_value();) {
      const format::RecordBatch named = Rename(*batch, first_property, started.properties);
      for (int64_t i = 0; i < named.num_rows; ++i) {
        line.clear();
        const absl::Status written = lines.Append(named, i, line);
        if (!written.ok()) return BadRequest(io::Message(written));
        OG_RETURN_IF_ERROR(sorted.Add(named.columns[0]->StringValue(i), line));
      }
      num_rows_ += static_cast<uint64_t>(named.num_rows);
      Report();
      auto next = started.stream->Next();
      OG_RETURN_IF_ERROR(FromStorage(next.status()));
      batch = *std::move(next);
    }
    return sorted.Finish([this](std::string_view text) {
      num_bytes_ += text.size();
      return sink_(text);
    });
  }

  // `batch` with the columns of properties called as the catalog calls them.
  static format::RecordBatch Rename(const format::RecordBatch& batch, size_t first_property,
                                    const std::vector<ExportedProperty>& properties) {
    auto schema = std::make_shared<format::Schema>(*batch.schema);
    for (size_t i = 0; i < properties.size(); ++i)
      schema->fields[first_property + i].name = properties[i].name;
    return {schema, batch.num_rows, batch.columns};
  }

  void Report() const {
    if (options_.progress) options_.progress({"export", num_rows_, num_bytes_, 0});
  }

  io::Env& env_;
  const GraphSnapshot& snapshot_;
  const ExportOptions& options_;
  const ExportSink& sink_;
  uint64_t num_rows_ = 0;
  uint64_t num_bytes_ = 0;
};

}  // namespace

absl::Status ExportSnapshot(io::Env& env, const GraphSnapshot& snapshot,
                            const ExportOptions& options, const ExportSink& sink) {
  return Exporter(env, snapshot, options, sink).Run();
}

}  // namespace og::engine::graph
