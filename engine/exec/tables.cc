#include "engine/exec/tables.h"

#include <algorithm>
#include <utility>

#include "format/arrow/builder.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using format::RecordBatch;

// Reading all of a column costs about as much as picking every fourth of its values.
constexpr uint64_t kTakesPerScan = 4;

std::vector<ArrayPtr> ColumnsNamed(const RecordBatch& batch,
                                   const std::vector<std::string>& names) {
  std::vector<ArrayPtr> columns;
  for (const std::string& name : names) {
    const ArrayPtr column = batch.Column(name);
    columns.push_back(column == nullptr ? nullptr : DecodeDictionary(column));
  }
  return columns;
}

}  // namespace

absl::StatusOr<format::TypePtr> Table::TypeOf(std::string_view name) const {
  const std::optional<size_t> at = dataset_->schema()->IndexOf(name);
  if (!at.has_value()) {
    return io::InternalError(
        io::StrCat("table ", dataset_->root().path, " has no column '", name, "'"));
  }
  return dataset_->schema()->fields[*at].type;
}

absl::Status Table::ReadWhole(const std::vector<std::string>& names) {
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    if (!whole_.contains(name)) missing.push_back(name);
  }
  if (missing.empty()) return absl::OkStatus();
  dataset::ScanOptions options;
  options.columns = missing;
  OG_ASSIGN_OR_RETURN(const auto stream, dataset_->Scan(options));
  OG_ASSIGN_OR_RETURN(const RecordBatch batch, Collect(*stream));
  OG_ASSIGN_OR_RETURN(io::MemoryReservation memory, budget_->Reserve(MemoryBytes(batch)));
  whole_memory_.push_back(std::move(memory));
  std::vector<ArrayPtr> columns = ColumnsNamed(batch, missing);
  for (size_t i = 0; i < missing.size(); ++i)
    whole_[missing[i]] = std::move(columns[i]);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ArrayPtr>> Table::AtPositions(const std::vector<std::string>& names,
                                                         std::span<const uint32_t> positions) {
  num_taken_ += positions.size();
  if (num_taken_ * kTakesPerScan > num_rows()) {
    OG_RETURN_IF_ERROR(ReadWhole(names));
    const std::vector<int64_t> indices(positions.begin(), positions.end());
    std::vector<ArrayPtr> columns;
    for (const std::string& name : names)
      columns.push_back(Take(*whole_.at(name), indices));
    return columns;
  }
  dataset::TakeOptions options;
  options.columns = names;
  const std::vector<uint64_t> offsets(positions.begin(), positions.end());
  OG_ASSIGN_OR_RETURN(const RecordBatch batch, dataset_->TakeOffsets(offsets, options));
  return ColumnsNamed(batch, names);
}

absl::StatusOr<std::vector<ArrayPtr>> Table::AtAddresses(const std::vector<std::string>& names,
                                                         std::span<const uint64_t> addresses) {
  dataset::TakeOptions options;
  options.columns = names;
  OG_ASSIGN_OR_RETURN(const RecordBatch batch, dataset_->Take(addresses, options));
  return ColumnsNamed(batch, names);
}

absl::StatusOr<const topology::NodeIndex*> Table::Index() {
  if (index_ != nullptr) return index_.get();
  auto index = std::make_unique<topology::NodeIndex>(budget_);
  dataset::ScanOptions options;
  options.columns = {{"id"}};
  OG_ASSIGN_OR_RETURN(const auto stream, dataset_->Scan(options));
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
    if (!batch.has_value()) break;
    OG_RETURN_IF_ERROR(index->Add(batch->columns[0]));
  }
  index_ = std::move(index);
  return index_.get();
}

absl::StatusOr<Table*> Tables::Node(std::string_view type_name) {
  auto& table = nodes_[std::string(type_name)];
  if (table == nullptr) {
    OG_ASSIGN_OR_RETURN(dataset::DatasetPtr dataset, snapshot_.NodeTable(type_name));
    table = std::make_unique<Table>(budget_, std::move(dataset));
  }
  return table.get();
}

absl::StatusOr<Table*> Tables::Edge(std::string_view type_name) {
  auto& table = edges_[std::string(type_name)];
  if (table == nullptr) {
    OG_ASSIGN_OR_RETURN(dataset::DatasetPtr dataset, snapshot_.EdgeTable(type_name));
    table = std::make_unique<Table>(budget_, std::move(dataset));
  }
  return table.get();
}

void Tables::WillExpand(std::string_view edge_type, bool out, bool in) {
  const auto [wanted, is_new] =
      wanted_.try_emplace(std::string(edge_type), topology::TopologyOptions{.out = out, .in = in});
  if (is_new) return;
  wanted->second.out = wanted->second.out || out;
  wanted->second.in = wanted->second.in || in;
}

bool Tables::HasTopology(std::string_view edge_type) const {
  return topologies_.contains(edge_type);
}

absl::StatusOr<const topology::Topology*> Tables::TopologyOf(const schema::EdgeType& edge) {
  const auto known = topologies_.find(edge.name);
  if (known != topologies_.end()) return &known->second;
  OG_ASSIGN_OR_RETURN(Table* const table, Edge(edge.name));
  OG_ASSIGN_OR_RETURN(Table* const from, Node(edge.from));
  OG_ASSIGN_OR_RETURN(Table* const to, Node(edge.to));
  OG_ASSIGN_OR_RETURN(const topology::NodeIndex* const sources, from->Index());
  OG_ASSIGN_OR_RETURN(const topology::NodeIndex* const destinations, to->Index());
  topology::TopologyBuilder builder(budget_, sources, destinations, wanted_[edge.name]);
  dataset::ScanOptions options;
  options.columns = {{"src", "dst"}};
  options.dictionary_strings = true;
  OG_ASSIGN_OR_RETURN(const auto stream, table->dataset().Scan(options));
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
    if (!batch.has_value()) break;
    OG_RETURN_IF_ERROR(builder.Add(batch->columns[0], batch->columns[1]));
  }
  OG_ASSIGN_OR_RETURN(topology::Topology topology, builder.Finish());
  return &topologies_.emplace(edge.name, std::move(topology)).first->second;
}

}  // namespace og::engine::exec
