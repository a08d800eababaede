#include "engine/graph/table_upkeep.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "engine/dataset/indices.h"
#include "engine/dataset/metadata.h"
#include "engine/schema/type.h"
#include "format/table/transaction.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

using dataset::Dataset;
using dataset::DatasetPtr;
using dataset::StagedTransaction;
using schema::ScalarKind;

constexpr std::string_view kAutoCleanupPrefix = "lance.auto_cleanup.";
constexpr std::string_view kBtreeKind = "BTree";

void AddProperty(const schema::Property& property, IndexIntent& intent) {
  const schema::PropType& type = property.type;
  if (type.list || type.is_blob()) return;
  if (type.is_vector()) {
    intent.pending.push_back({property.name, "vector indexes are not built by this version"});
  } else if (type.scalar == ScalarKind::kString && !type.enum_values.has_value()) {
    intent.pending.push_back({property.name, "text indexes are not built by this version"});
  } else {
    intent.btree_columns.push_back(property.name);
  }
}

absl::StatusOr<std::optional<StagedTransaction>> StageConfig(const Dataset& dataset) {
  dataset::MetadataChange change;
  for (const auto& [key, value] : dataset.manifest().config) {
    if (key.starts_with(kAutoCleanupPrefix)) change.config.entries[key] = std::nullopt;
  }
  if (change.config.empty()) return std::optional<StagedTransaction>();
  return dataset::StageMetadata(dataset, change);
}

// Adds the files and changes of `part` to `all`.
void Join(StagedTransaction part, std::optional<StagedTransaction>& all) {
  if (!all.has_value()) {
    all = std::move(part);
    return;
  }
  auto& into = std::get<format::CreateIndexOperation>(all->transaction.operation);
  auto& from = std::get<format::CreateIndexOperation>(part.transaction.operation);
  std::ranges::move(from.new_indices, std::back_inserter(into.new_indices));
  std::ranges::move(from.removed_indices, std::back_inserter(into.removed_indices));
  std::ranges::move(part.files, std::back_inserter(all->files));
  all->num_bytes_written += part.num_bytes_written;
}

absl::StatusOr<bool> HasBtree(const Dataset& dataset, std::string_view column) {
  OG_ASSIGN_OR_RETURN(const auto indices, dataset::ListIndices(dataset));
  return std::ranges::any_of(indices, [&](const dataset::IndexDescription& index) {
    return index.kind == kBtreeKind && index.columns.size() == 1 && index.columns[0] == column;
  });
}

// The indexes of the table after `staged`.
std::vector<format::IndexMetadata> IndicesAfter(const Dataset& dataset,
                                                const std::optional<StagedTransaction>& staged) {
  std::vector<format::IndexMetadata> indices = dataset.manifest().indices;
  if (!staged.has_value()) return indices;
  const auto& operation = std::get<format::CreateIndexOperation>(staged->transaction.operation);
  std::erase_if(indices, [&](const format::IndexMetadata& index) {
    return std::ranges::find(operation.removed_indices, index.uuid, &format::IndexMetadata::uuid) !=
           operation.removed_indices.end();
  });
  indices.insert(indices.end(), operation.new_indices.begin(), operation.new_indices.end());
  return indices;
}

uint64_t RowsOf(std::span<const format::Fragment> fragments) {
  uint64_t rows = 0;
  for (const format::Fragment& fragment : fragments)
    rows += fragment.physical_rows;
  return rows;
}

// `staged` as a change of `now`, whose rows and schema are those that it was staged on.
absl::StatusOr<DatasetPtr> CommitOn(const DatasetPtr& now, StagedTransaction staged) {
  staged.transaction.read_version = now->version();
  return now->CommitExact(staged);
}

absl::Status StageInto(const IndexIntent& intent, const UpkeepProgressFn& progress,
                       StagedUpkeep& upkeep) {
  const Dataset& dataset = *upkeep.dataset;
  OG_ASSIGN_OR_RETURN(upkeep.config, StageConfig(dataset));
  if (dataset.num_rows() > 0) {
    OG_ASSIGN_OR_RETURN(upkeep.indices, dataset::StageOptimizeIndices(dataset, {}));
    for (const std::string& column : intent.btree_columns) {
      OG_ASSIGN_OR_RETURN(const bool has_index, HasBtree(dataset, column));
      if (has_index) continue;
      OG_ASSIGN_OR_RETURN(StagedTransaction built,
                          dataset::StageCreateIndex(dataset, {.column = column, .replace = true}));
      progress(dataset.num_rows(), built.num_bytes_written);
      Join(std::move(built), upkeep.indices);
    }
  }
  const dataset::CompactionOptions options;
  OG_ASSIGN_OR_RETURN(
      const dataset::CompactionPlan plan,
      dataset::PlanCompaction(dataset, options, IndicesAfter(dataset, upkeep.indices)));
  for (const dataset::CompactionTask& task : plan.tasks) {
    OG_ASSIGN_OR_RETURN(dataset::CompactedTask done,
                        dataset::RewriteFragments(dataset, task, options));
    progress(RowsOf(done.new_fragments), done.num_bytes_written);
    upkeep.compacted.push_back(std::move(done));
  }
  return absl::OkStatus();
}

}  // namespace

IndexIntent IndexIntentOf(const schema::NodeType& type) {
  IndexIntent intent{.btree_columns = {"id"}, .pending = {}};
  for (const schema::Property& property : type.properties) {
    const bool is_wanted =
        std::ranges::any_of(type.index_groups, [&](const schema::ColumnGroup& group) {
          return group.size() == 1 && group[0] == property.name;
        });
    if (is_wanted) AddProperty(property, intent);
  }
  return intent;
}

IndexIntent IndexIntentOf(const schema::EdgeType&) {
  return {.btree_columns = {"id", "src", "dst"}, .pending = {}};
}

uint64_t StagedUpkeep::num_fragments_removed() const {
  uint64_t count = 0;
  for (const dataset::CompactedTask& task : compacted)
    count += task.old_fragments.size();
  return count;
}

uint64_t StagedUpkeep::num_fragments_added() const {
  uint64_t count = 0;
  for (const dataset::CompactedTask& task : compacted)
    count += task.new_fragments.size();
  return count;
}

absl::StatusOr<StagedUpkeep> StageUpkeep(const DatasetPtr& dataset, const IndexIntent& intent,
                                         const UpkeepProgressFn& progress) {
  StagedUpkeep upkeep;
  upkeep.dataset = dataset;
  const absl::Status staged = StageInto(intent, progress, upkeep);
  if (staged.ok()) return upkeep;
  DiscardUpkeep(upkeep);
  return staged;
}

absl::StatusOr<DatasetPtr> CommitUpkeep(StagedUpkeep upkeep) {
  DatasetPtr now = upkeep.dataset;
  if (upkeep.config.has_value()) {
    OG_ASSIGN_OR_RETURN(now, CommitOn(now, *std::move(upkeep.config)));
  }
  if (upkeep.indices.has_value()) {
    OG_ASSIGN_OR_RETURN(now, CommitOn(now, *std::move(upkeep.indices)));
  }
  if (upkeep.compacted.empty()) return now;
  // The fragments are those of the version that the tasks read.
  for (dataset::CompactedTask& task : upkeep.compacted)
    task.read_version = now->version();
  OG_ASSIGN_OR_RETURN(dataset::CompactionResult compacted,
                      dataset::CommitCompaction(*now, std::move(upkeep.compacted), {}));
  return compacted.dataset;
}

void DiscardUpkeep(const StagedUpkeep& upkeep) {
  if (upkeep.indices.has_value()) upkeep.dataset->Discard(*upkeep.indices);
  dataset::DiscardCompaction(*upkeep.dataset, upkeep.compacted);
}

}  // namespace og::engine::graph
