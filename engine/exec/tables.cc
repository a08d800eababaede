#include "engine/exec/tables.h"

#include <algorithm>
#include <utility>

#include "engine/dataset/indices.h"
#include "engine/exec/held_memory.h"
#include "engine/exec/indexed_topology.h"
#include "engine/exec/key_groups.h"
#include "engine/exec/rows.h"
#include "format/arrow/builder.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using format::RecordBatch;

// Reading all of a column costs about as much as picking every n-th of its values: picking decodes
// the pieces of pages in which they lie. What is wide is better picked.
uint64_t TakesPerScan(const format::DataType& type) {
  if (type.is_variable()) return 16;
  return type.children.empty() ? 64 : 4;
}

// Rows of a batch of ids or edges: enough for two threads to be worth waking.
constexpr int64_t kBuildBatchRows = 65'536;

// Longest dictionary of a part of a column that is kept: those of all parts become one.
constexpr int64_t kWholeDictionaryMax = 16'384;

absl::StatusOr<std::vector<ArrayPtr>> ColumnsNamed(const RecordBatch& batch,
                                                   const std::vector<std::string>& names) {
  std::vector<ArrayPtr> columns;
  for (const std::string& name : names) {
    ArrayPtr& column = columns.emplace_back(batch.Column(name));
    if (column == nullptr) continue;
    OG_ASSIGN_OR_RETURN(column, TryDecodeDictionary(column));
  }
  return columns;
}

bool IsCoded(const ArrayPtr& part) {
  return part->type->id == format::TypeId::kDictionary;
}

// `part` with a dictionary, as short as can be.
ArrayPtr Coded(const ArrayPtr& part, const format::TypePtr& type) {
  if (IsCoded(part)) return part;
  const KeyGroups groups({part}, part->length);
  std::vector<int64_t> firsts;
  for (const KeyGroups::Group& group : groups.groups())
    firsts.push_back(group.row);
  format::FixedBuilder<int32_t> indices(format::Int32());
  for (const uint32_t group : groups.of_rows())
    indices.Append(static_cast<int32_t>(group));
  auto coded = std::make_shared<format::Array>(*indices.Finish());
  coded->type = type;
  coded->dictionary = Take(*part, firsts);
  return coded;
}

// The arrays one after the other, with a dictionary if some have one and none a long one: texts
// come with a dictionary from the pages that have one.
absl::StatusOr<ArrayPtr> ConcatCoded(std::vector<ArrayPtr> parts) {
  const auto some = std::ranges::find_if(parts, IsCoded);
  const format::TypePtr type = some == parts.end() ? nullptr : (*some)->type;
  bool is_short = type != nullptr && *type == *format::Dictionary(format::Int32(), format::Utf8());
  for (size_t i = 0; i < parts.size() && is_short; ++i) {
    const ArrayPtr coded = Coded(parts[i], type);
    is_short = *coded->type == *type && coded->dictionary->length <= kWholeDictionaryMax;
    if (is_short) parts[i] = coded;
  }
  if (!is_short) {
    for (ArrayPtr& part : parts) {
      OG_ASSIGN_OR_RETURN(part, TryDecodeDictionary(part));
    }
  }
  return TryConcat(parts);
}

}  // namespace

Table::Table(std::shared_ptr<io::MemoryBudget> budget, topology::TopologyCache* cache,
             dataset::DatasetPtr dataset)
    : budget_(std::move(budget)),
      cache_(cache),
      dataset_(std::move(dataset)),
      rows_(topology::RowSetOf(dataset_->manifest())) {}

absl::StatusOr<format::TypePtr> Table::TypeOf(std::string_view name) const {
  const std::optional<size_t> at = dataset_->schema()->IndexOf(name);
  if (!at.has_value()) {
    return io::InternalError(
        io::StrCat("table ", dataset_->root().path, " has no column '", name, "'"));
  }
  return dataset_->schema()->fields[*at].type;
}

absl::StatusOr<bool> Table::HasIndex(std::string_view column) const {
  if (dataset_->manifest().indices.empty()) return false;
  OG_ASSIGN_OR_RETURN(const auto indices, dataset::ListIndices(*dataset_));
  return std::ranges::any_of(indices, [&](const dataset::IndexDescription& index) {
    return index.is_used && index.columns.size() == 1 && index.columns[0] == column &&
           index.num_unindexed_rows == 0;
  });
}

absl::Status Table::ReadWhole(const std::vector<std::string>& names) {
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    if (!whole_.contains(name)) missing.push_back(name);
  }
  if (missing.empty()) return absl::OkStatus();
  dataset::ScanOptions options;
  options.columns = missing;
  options.dictionary_strings = true;
  options.batch_rows = kBuildBatchRows;
  OG_ASSIGN_OR_RETURN(const auto stream, dataset_->Scan(options));
  HeldMemory memory(budget_);
  std::vector<RecordBatch> batches;
  while (true) {
    OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch, stream->Next());
    if (!batch.has_value()) break;
    OG_RETURN_IF_ERROR(memory.Add(OwnBytes(*batch)));
    batches.push_back(*std::move(batch));
  }
  std::map<std::string, ArrayPtr> read;
  uint64_t num_bytes = 0;
  for (size_t i = 0; i < missing.size(); ++i) {
    std::vector<ArrayPtr> parts;
    for (const RecordBatch& batch : batches)
      parts.push_back(batch.columns[i]);
    ArrayPtr& column = read[missing[i]];
    if (parts.empty()) {
      column = format::EmptyArray(stream->schema()->fields[i].type);
    } else {
      OG_ASSIGN_OR_RETURN(column, ConcatCoded(std::move(parts)));
    }
    num_bytes += OwnBytes(*column);
  }
  OG_RETURN_IF_ERROR(memory.Set(num_bytes));
  whole_memory_.push_back(std::move(memory));
  for (auto& [name, column] : read)
    whole_[name] = std::move(column);
  return absl::OkStatus();
}

absl::StatusOr<bool> Table::KeepsWhole(const std::vector<std::string>& names,
                                       size_t num_positions) {
  num_taken_ += num_positions;
  uint64_t takes_per_scan = UINT64_MAX;
  for (const std::string& name : names) {
    OG_ASSIGN_OR_RETURN(const format::TypePtr type, TypeOf(name));
    takes_per_scan = std::min(takes_per_scan, TakesPerScan(*type));
  }
  if (!keeps_nothing_ && num_taken_ > num_rows() / takes_per_scan) {
    const absl::Status read = ReadWhole(names);
    keeps_nothing_ = absl::IsResourceExhausted(read);
    if (!keeps_nothing_) OG_RETURN_IF_ERROR(read);
  }
  return std::ranges::all_of(names, [&](const auto& name) { return whole_.contains(name); });
}

absl::StatusOr<ArrayPtr> Table::WholeColumn(const std::string& name, size_t num_positions) {
  OG_ASSIGN_OR_RETURN(const bool keeps, KeepsWhole({name}, num_positions));
  return keeps ? whole_.at(name) : nullptr;
}

absl::StatusOr<std::vector<ArrayPtr>> Table::AtPositions(const std::vector<std::string>& names,
                                                         std::span<const uint32_t> positions) {
  OG_ASSIGN_OR_RETURN(const bool keeps, KeepsWhole(names, positions.size()));
  if (keeps) {
    const std::vector<int64_t> indices(positions.begin(), positions.end());
    std::vector<ArrayPtr> columns;
    for (const std::string& name : names) {
      OG_ASSIGN_OR_RETURN(const ArrayPtr taken, TryTake(*whole_.at(name), indices));
      OG_ASSIGN_OR_RETURN(columns.emplace_back(), TryDecodeDictionary(taken));
    }
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
  const bool is_shared = cache_ != nullptr && is_stored();
  if (index_ == nullptr && is_shared) index_ = cache_->FindIndex(rows_);
  if (index_ != nullptr) return index_.get();
  auto index = std::make_shared<topology::NodeIndex>(budget_);
  OG_RETURN_IF_ERROR(index->Reserve(num_rows()));
  dataset::ScanOptions options;
  options.columns = {{"id"}};
  options.batch_rows = kBuildBatchRows;
  OG_ASSIGN_OR_RETURN(const auto stream, dataset_->Scan(options));
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
    if (!batch.has_value()) break;
    OG_RETURN_IF_ERROR(index->Add(batch->columns[0]));
  }
  index_ = std::move(index);
  if (is_shared) cache_->KeepIndex(rows_, index_);
  return index_.get();
}

absl::StatusOr<Table*> Tables::Node(std::string_view type_name) {
  auto& table = nodes_[std::string(type_name)];
  if (table == nullptr) {
    OG_ASSIGN_OR_RETURN(dataset::DatasetPtr dataset, snapshot_.NodeTable(type_name));
    table = std::make_unique<Table>(budget_, snapshot_.cache(), std::move(dataset));
  }
  return table.get();
}

absl::StatusOr<Table*> Tables::Edge(std::string_view type_name) {
  auto& table = edges_[std::string(type_name)];
  if (table == nullptr) {
    OG_ASSIGN_OR_RETURN(dataset::DatasetPtr dataset, snapshot_.EdgeTable(type_name));
    table = std::make_unique<Table>(budget_, snapshot_.cache(), std::move(dataset));
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

absl::StatusOr<topology::TopologyKey> Tables::KeyOf(const schema::EdgeType& edge) {
  OG_ASSIGN_OR_RETURN(Table* const from, Node(edge.from));
  OG_ASSIGN_OR_RETURN(Table* const to, Node(edge.to));
  OG_ASSIGN_OR_RETURN(Table* const edges, Edge(edge.name));
  return topology::TopologyKey{from->rows(), to->rows(), edges->rows()};
}

absl::StatusOr<std::string> Tables::CacheName(const schema::EdgeType& edge) {
  if (snapshot_.cache() == nullptr) return std::string();
  OG_ASSIGN_OR_RETURN(Table* const from, Node(edge.from));
  OG_ASSIGN_OR_RETURN(Table* const to, Node(edge.to));
  OG_ASSIGN_OR_RETURN(Table* const edges, Edge(edge.name));
  if (!from->is_stored() || !to->is_stored() || !edges->is_stored()) return std::string();
  return edges->dataset().root().Uri();
}

absl::StatusOr<topology::CachePlace> Tables::TopologyPlace(const schema::EdgeType& edge) {
  if (topologies_.contains(edge.name)) return topology::CachePlace::kMemory;
  OG_ASSIGN_OR_RETURN(const std::string name, CacheName(edge));
  if (name.empty()) return topology::CachePlace::kNowhere;
  OG_ASSIGN_OR_RETURN(const topology::TopologyKey key, KeyOf(edge));
  return snapshot_.cache()->PlaceOf(name, key, wanted_[edge.name]);
}

absl::StatusOr<double> Tables::SpentOnLookUps(const schema::EdgeType& edge) {
  OG_ASSIGN_OR_RETURN(const std::string name, CacheName(edge));
  return name.empty() ? 0 : snapshot_.cache()->SpentWithout(name);
}

absl::Status Tables::AddSpentOnLookUps(const schema::EdgeType& edge, double cost) {
  OG_ASSIGN_OR_RETURN(const std::string name, CacheName(edge));
  if (!name.empty()) snapshot_.cache()->AddSpentWithout(name, cost);
  return absl::OkStatus();
}

absl::StatusOr<const topology::Topology*> Tables::TopologyOf(const schema::EdgeType& edge) {
  if (const auto known = topologies_.find(edge.name); known != topologies_.end()) {
    return &known->second->topology;
  }
  OG_ASSIGN_OR_RETURN(const std::string name, CacheName(edge));
  OG_ASSIGN_OR_RETURN(const topology::TopologyKey key, KeyOf(edge));
  const topology::TopologyOptions& wanted = wanted_[edge.name];
  std::shared_ptr<const topology::StoredTopology> topology;
  if (!name.empty()) topology = snapshot_.cache()->Find(name, key, wanted);
  if (topology == nullptr) {
    std::shared_ptr<const topology::StoredTopology> base;
    if (!name.empty()) base = snapshot_.cache()->FindBase(name, key, wanted);
    OG_ASSIGN_OR_RETURN(topology::StoredTopology built, BuildTopology(edge, key, base.get()));
    topology = name.empty() ? std::make_shared<const topology::StoredTopology>(std::move(built))
                            : snapshot_.cache()->Keep(name, std::move(built));
  }
  return &topologies_.emplace(edge.name, std::move(topology)).first->second->topology;
}

absl::StatusOr<topology::StoredTopology> Tables::BuildTopology(
    const schema::EdgeType& edge, const topology::TopologyKey& key,
    const topology::StoredTopology* base) {
  OG_ASSIGN_OR_RETURN(Table* const table, Edge(edge.name));
  OG_ASSIGN_OR_RETURN(Table* const from, Node(edge.from));
  OG_ASSIGN_OR_RETURN(Table* const to, Node(edge.to));
  OG_ASSIGN_OR_RETURN(const topology::NodeIndex* const sources, from->Index());
  OG_ASSIGN_OR_RETURN(const topology::NodeIndex* const destinations, to->Index());
  if (base == nullptr && table->is_stored()) {
    absl::StatusOr<std::optional<topology::Topology>> indexed =
        TopologyFromIndexes(table->dataset(), *sources, *destinations, wanted_[edge.name], budget_);
    // Whatever is wrong with the indexes, the table says the same.
    if (indexed.ok() && indexed->has_value()) {
      return topology::StoredTopology{key, **std::move(indexed)};
    }
  }
  topology::TopologyBuilder builder(budget_, table->pool(), sources, destinations,
                                    wanted_[edge.name]);
  dataset::ScanOptions options;
  options.columns = {{"src", "dst"}};
  options.dictionary_strings = true;
  options.batch_rows = kBuildBatchRows;
  if (base != nullptr) {
    builder.ContinueFrom(&base->topology);
    options.fragment_ids.emplace();
    const auto& fragments = table->dataset().manifest().fragments;
    for (size_t i = base->key.edges.fragments.size(); i < fragments.size(); ++i) {
      options.fragment_ids->push_back(fragments[i].id);
    }
  }
  if (base == nullptr) OG_RETURN_IF_ERROR(builder.Reserve(table->num_rows()));
  OG_ASSIGN_OR_RETURN(const auto stream, table->dataset().Scan(options));
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
    if (!batch.has_value()) break;
    OG_RETURN_IF_ERROR(builder.Add(batch->columns[0], batch->columns[1]));
  }
  OG_ASSIGN_OR_RETURN(topology::Topology topology, builder.Finish());
  return topology::StoredTopology{key, std::move(topology)};
}

}  // namespace og::engine::exec
