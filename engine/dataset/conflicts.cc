#include "engine/dataset/conflicts.h"

#include <algorithm>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/dataset/index_coverage.h"
#include "format/table/carried.h"
#include "format/table/key_filter.h"
#include "io/base/status_macros.h"

namespace og::engine::dataset {
namespace {

using format::AppendOperation;
using format::CarriedOperation;
using format::CloneOperation;
using format::CreateIndexOperation;
using format::DeleteOperation;
using format::Fragment;
using format::IndexMetadata;
using format::MergeOperation;
using format::Operation;
using format::OverwriteOperation;
using format::ProjectOperation;
using format::ReserveFragmentsOperation;
using format::RestoreOperation;
using format::RewriteOperation;
using format::UpdateBasesOperation;
using format::UpdateConfigOperation;
using format::UpdateOperation;

constexpr std::string_view kFragmentReuseIndex = "__lance_frag_reuse";
constexpr std::string_view kMemWalIndex = "__lance_mem_wal";

template <typename T>
bool Is(const Operation& operation) {
  return std::holds_alternative<T>(operation);
}

bool IsCarried(const Operation& operation, uint32_t field_number) {
  const auto* carried = std::get_if<CarriedOperation>(&operation);
  return carried != nullptr && carried->field_number == field_number;
}

bool ReplacesAll(const Operation& operation) {
  return Is<OverwriteOperation>(operation) || Is<RestoreOperation>(operation);
}

bool IsMemWal(const Operation& operation) {
  return IsCarried(operation, format::kUpdateMemWalStateOperation);
}

// A carried operation of a kind that we do not know.
bool IsUnknown(const Operation& operation) {
  return Is<CarriedOperation>(operation) && !IsMemWal(operation) &&
         !IsCarried(operation, format::kDataReplacementOperation) &&
         !IsCarried(operation, format::kDataOverlayOperation);
}

// What both lists of deleted and updated fragments of an operation say.
struct RowChange {
  std::span<const Fragment> updated;
  std::span<const uint64_t> removed;
};
std::optional<RowChange> RowChangeOf(const Operation& operation) {
  if (const auto* deletion = std::get_if<DeleteOperation>(&operation)) {
    return RowChange{deletion->updated_fragments, deletion->deleted_fragment_ids};
  }
  if (const auto* update = std::get_if<UpdateOperation>(&operation)) {
    return RowChange{update->updated_fragments, update->removed_fragment_ids};
  }
  return std::nullopt;
}

// Existing fragments that an operation changes, replaces or removes.
absl::StatusOr<std::set<uint64_t>> TouchedFragments(const Operation& operation) {
  std::set<uint64_t> ids;
  if (const auto change = RowChangeOf(operation)) {
    for (const Fragment& fragment : change->updated) {
      ids.insert(fragment.id);
    }
    ids.insert(change->removed.begin(), change->removed.end());
  } else if (const auto* rewrite = std::get_if<RewriteOperation>(&operation)) {
    for (const format::RewriteGroup& group : rewrite->groups) {
      for (const Fragment& fragment : group.old_fragments) {
        ids.insert(fragment.id);
      }
    }
  } else if (IsCarried(operation, format::kDataReplacementOperation)) {
    OG_ASSIGN_OR_RETURN(const std::vector<format::DataReplacement> replacements,
                        DecodeDataReplacement(std::get<CarriedOperation>(operation)));
    for (const format::DataReplacement& replacement : replacements) {
      ids.insert(replacement.fragment_id);
    }
  } else if (IsCarried(operation, format::kDataOverlayOperation)) {
    OG_ASSIGN_OR_RETURN(const std::vector<uint64_t> fragments,
                        DecodeOverlaidFragments(std::get<CarriedOperation>(operation)));
    ids.insert(fragments.begin(), fragments.end());
  }
  return ids;
}

absl::StatusOr<bool> TouchCommonFragments(const Operation& a, const Operation& b) {
  OG_ASSIGN_OR_RETURN(const std::set<uint64_t> ours, TouchedFragments(a));
  OG_ASSIGN_OR_RETURN(const std::set<uint64_t> theirs, TouchedFragments(b));
  return std::ranges::any_of(ours, [&](uint64_t id) { return theirs.contains(id); });
}

Conflict RetryIf(bool conflicts) {
  return conflicts ? Conflict::kRetryable : Conflict::kNone;
}

Conflict GiveUpIf(bool conflicts) {
  return conflicts ? Conflict::kIncompatible : Conflict::kNone;
}

// --- Rows ----------------------------------------------------------------------------------------

// Whether keys that we insert may have been inserted by `theirs` as well.
bool KeysMayClash(const UpdateOperation& ours, const Operation& theirs) {
  if (!ours.inserted_rows) {
    return false;
  }
  if (Is<AppendOperation>(theirs)) {
    return true;
  }
  const auto* update = std::get_if<UpdateOperation>(&theirs);
  return update != nullptr && (!update->inserted_rows ||
                               update->inserted_rows->field_ids != ours.inserted_rows->field_ids ||
                               format::MayIntersect(*update->inserted_rows, *ours.inserted_rows));
}

// Tables of a write-ahead log that both sides say are part of the dataset now.
absl::StatusOr<Conflict> CheckCompactedTables(const std::vector<std::string>& ours,
                                              const CarriedOperation& theirs) {
  OG_ASSIGN_OR_RETURN(const std::vector<format::CompactedTable> committed,
                      DecodeMemWalState(theirs));
  for (const std::string& message : ours) {
    OG_ASSIGN_OR_RETURN(const format::CompactedTable table, format::DecodeCompactedTable(message));
    for (const format::CompactedTable& other : committed) {
      if (other.shard_id == table.shard_id) {
        return other.generation >= table.generation ? Conflict::kIncompatible
                                                    : Conflict::kRetryable;
      }
    }
  }
  return Conflict::kNone;
}

absl::StatusOr<Conflict> CheckRowChange(const StagedTransaction& ours, const Operation& theirs) {
  const Operation& operation = ours.transaction.operation;
  const auto* update = std::get_if<UpdateOperation>(&operation);
  if (update != nullptr && KeysMayClash(*update, theirs)) {
    return Conflict::kRetryable;
  }
  if (ReplacesAll(theirs) || IsUnknown(theirs)) {
    return Conflict::kIncompatible;
  }
  if (IsMemWal(theirs)) {
    return update == nullptr ? Conflict::kIncompatible
                             : CheckCompactedTables(update->compacted_sstables,
                                                    std::get<CarriedOperation>(theirs));
  }
  if (Is<MergeOperation>(theirs)) {
    return Conflict::kRetryable;
  }
  if (IsCarried(theirs, format::kDataOverlayOperation)) {
    // Rows that move were computed without the overlay; deleted ones do not miss it.
    if (update == nullptr || update->new_fragments.empty() ||
        update->mode == format::UpdateMode::kRewriteColumns) {
      return Conflict::kNone;
    }
    OG_ASSIGN_OR_RETURN(const bool common, TouchCommonFragments(operation, theirs));
    return RetryIf(common);
  }
  OG_ASSIGN_OR_RETURN(const bool common, TouchCommonFragments(operation, theirs));
  const std::optional<RowChange> change = RowChangeOf(theirs);
  if (!common || !change) {
    return RetryIf(common);
  }
  const RowChange mine = *RowChangeOf(operation);
  const bool removes_ours = std::ranges::any_of(mine.updated, [&](const Fragment& fragment) {
    return std::ranges::find(change->removed, fragment.id) != change->removed.end();
  });
  // Deletions can be merged where it is known which rows they are about.
  return !ours.affected_rows || mine.updated.empty() || removes_ours ? Conflict::kRetryable
                                                                     : Conflict::kOverlap;
}

// --- Indexes -------------------------------------------------------------------------------------

bool HasIndex(const std::vector<IndexMetadata>& indices, std::string_view name) {
  return std::ranges::find(indices, name, &IndexMetadata::name) != indices.end();
}

// Whether one of `indices` covers a fragment that `rewrite` replaces, or may cover any.
absl::StatusOr<bool> CoversRewritten(const std::vector<IndexMetadata>& indices,
                                     const Operation& rewrite) {
  OG_ASSIGN_OR_RETURN(const std::set<uint64_t> rewritten, TouchedFragments(rewrite));
  for (const IndexMetadata& index : indices) {
    OG_ASSIGN_OR_RETURN(const auto coverage, CoverageOf(index));
    if (!coverage || std::ranges::any_of(*coverage, [&](uint32_t fragment) {
          return rewritten.contains(fragment);
        })) {
      return true;
    }
  }
  return false;
}

absl::StatusOr<Conflict> CheckCreateIndex(CreateIndexOperation& ours, const Operation& theirs) {
  if (ReplacesAll(theirs) || IsUnknown(theirs)) {
    return Conflict::kIncompatible;
  }
  if (IsMemWal(theirs)) {
    return GiveUpIf(!HasIndex(ours.new_indices, kMemWalIndex));
  }
  if (const auto* create = std::get_if<CreateIndexOperation>(&theirs)) {
    return RetryIf(std::ranges::any_of(ours.new_indices, [&](const IndexMetadata& index) {
      return HasIndex(create->new_indices, index.name);
    }));
  }
  if (const auto* update = std::get_if<UpdateOperation>(&theirs)) {
    OG_RETURN_IF_ERROR(
        UncoverUpdated(update->fields_modified, update->updated_fragments, ours.new_indices));
    return Conflict::kNone;
  }
  if (Is<RewriteOperation>(theirs)) {
    OG_ASSIGN_OR_RETURN(const bool covers, CoversRewritten(ours.new_indices, theirs));
    return RetryIf(covers);
  }
  if (IsCarried(theirs, format::kDataReplacementOperation)) {
    OG_ASSIGN_OR_RETURN(const std::vector<format::DataReplacement> replacements,
                        DecodeDataReplacement(std::get<CarriedOperation>(theirs)));
    return RetryIf(std::ranges::any_of(replacements, [&](const format::DataReplacement& one) {
      return std::ranges::any_of(ours.new_indices, [&](const IndexMetadata& index) {
        return std::ranges::any_of(one.fields, [&](int32_t field) {
          return std::ranges::find(index.fields, field) != index.fields.end();
        });
      });
    }));
  }
  return Conflict::kNone;
}

absl::StatusOr<Conflict> CheckRewrite(const Operation& ours, const Operation& theirs) {
  if (ReplacesAll(theirs) || IsUnknown(theirs)) {
    return Conflict::kIncompatible;
  }
  if (Is<MergeOperation>(theirs)) {
    return Conflict::kRetryable;
  }
  if (const auto* create = std::get_if<CreateIndexOperation>(&theirs)) {
    if (HasIndex(create->new_indices, kFragmentReuseIndex)) {
      return GiveUpIf(create->new_indices.size() != 1 || create->removed_indices.size() != 1);
    }
    OG_ASSIGN_OR_RETURN(const bool covers, CoversRewritten(create->new_indices, ours));
    return RetryIf(covers);
  }
  OG_ASSIGN_OR_RETURN(const bool common, TouchCommonFragments(ours, theirs));
  return RetryIf(common);
}

// --- Schema, configuration, the whole table ------------------------------------------------------

Conflict CheckMerge(const Operation& theirs) {
  if (ReplacesAll(theirs) || Is<ProjectOperation>(theirs) || IsMemWal(theirs) ||
      IsUnknown(theirs)) {
    return Conflict::kIncompatible;
  }
  return RetryIf(!Is<CreateIndexOperation>(theirs) && !Is<ReserveFragmentsOperation>(theirs) &&
                 !Is<UpdateConfigOperation>(theirs) && !Is<UpdateBasesOperation>(theirs));
}

Conflict CheckProject(const Operation& theirs) {
  if (ReplacesAll(theirs) || IsMemWal(theirs) || IsUnknown(theirs)) {
    return Conflict::kIncompatible;
  }
  return RetryIf(Is<MergeOperation>(theirs) || Is<ProjectOperation>(theirs));
}

// Keys of the table's configuration that an operation sets or removes.
struct ConfigKeys {
  std::set<std::string> set;
  std::set<std::string> removed;
};
ConfigKeys ConfigKeysOf(const Operation& operation) {
  ConfigKeys keys;
  if (const auto* overwrite = std::get_if<OverwriteOperation>(&operation)) {
    for (const auto& [key, value] : overwrite->config_upserts) {
      keys.set.insert(key);
    }
  } else if (const auto* config = std::get_if<UpdateConfigOperation>(&operation);
             config != nullptr && config->config) {
    for (const auto& [key, value] : config->config->entries) {
      (value ? keys.set : keys.removed).insert(key);
    }
  }
  return keys;
}

bool SetSameConfigKeys(const Operation& a, const Operation& b) {
  const ConfigKeys ours = ConfigKeysOf(a);
  const ConfigKeys theirs = ConfigKeysOf(b);
  const auto meets = [](const std::set<std::string>& set, const ConfigKeys& other) {
    return std::ranges::any_of(set, [&](const std::string& key) {
      return other.set.contains(key) || other.removed.contains(key);
    });
  };
  return meets(ours.set, theirs) || meets(theirs.set, ours);
}

bool ChangeSameEntries(const std::optional<format::UpdateMap>& a,
                       const std::optional<format::UpdateMap>& b) {
  if (!a || !b) {
    return false;
  }
  return a->replace || b->replace || std::ranges::any_of(a->entries, [&](const auto& entry) {
           return std::ranges::any_of(
               b->entries, [&](const auto& other) { return entry.first == other.first; });
         });
}

Conflict CheckConfig(const Operation& operation, const Operation& theirs) {
  const auto& ours = std::get<UpdateConfigOperation>(operation);
  if (Is<OverwriteOperation>(theirs)) {
    return GiveUpIf(ours.schema_metadata || !ours.field_metadata.empty() ||
                    SetSameConfigKeys(operation, theirs));
  }
  const auto* config = std::get_if<UpdateConfigOperation>(&theirs);
  if (config == nullptr) {
    return Conflict::kNone;
  }
  const bool same_field = std::ranges::any_of(ours.field_metadata, [&](const auto& entry) {
    return config->field_metadata.contains(entry.first);
  });
  return GiveUpIf(same_field || SetSameConfigKeys(operation, theirs) ||
                  (ours.schema_metadata && config->schema_metadata) ||
                  ChangeSameEntries(ours.table_metadata, config->table_metadata));
}

Conflict CheckOverwrite(const Operation& ours, const Operation& theirs) {
  if (IsMemWal(theirs) || IsUnknown(theirs)) {
    return Conflict::kIncompatible;
  }
  const bool clashes = SetSameConfigKeys(ours, theirs);
  if (Is<OverwriteOperation>(theirs)) {
    return clashes ? Conflict::kIncompatible : Conflict::kRetryable;
  }
  return GiveUpIf(clashes);
}

Conflict CheckBases(const UpdateBasesOperation& ours, const Operation& theirs) {
  const auto* bases = std::get_if<UpdateBasesOperation>(&theirs);
  if (bases == nullptr) {
    return Conflict::kNone;
  }
  return GiveUpIf(std::ranges::any_of(ours.new_bases, [&](const format::BasePath& base) {
    return std::ranges::any_of(bases->new_bases, [&](const format::BasePath& other) {
      return (base.id != 0 && base.id == other.id) || (base.name && base.name == other.name) ||
             base.path == other.path;
    });
  }));
}

}  // namespace

absl::StatusOr<Conflict> CheckConflict(const format::Transaction& theirs_transaction,
                                       StagedTransaction& ours) {
  Operation& operation = ours.transaction.operation;
  const Operation& theirs = theirs_transaction.operation;
  if (Is<CloneOperation>(operation) || Is<CloneOperation>(theirs)) {
    return Conflict::kNone;
  }
  if (Is<AppendOperation>(operation)) {
    return GiveUpIf(ReplacesAll(theirs) || IsMemWal(theirs) || IsUnknown(theirs));
  }
  if (Is<ReserveFragmentsOperation>(operation)) {
    return GiveUpIf(ReplacesAll(theirs));
  }
  if (Is<DeleteOperation>(operation) || Is<UpdateOperation>(operation)) {
    return CheckRowChange(ours, theirs);
  }
  if (Is<OverwriteOperation>(operation)) {
    return CheckOverwrite(operation, theirs);
  }
  if (auto* create = std::get_if<CreateIndexOperation>(&operation)) {
    return CheckCreateIndex(*create, theirs);
  }
  if (Is<RewriteOperation>(operation)) {
    return CheckRewrite(operation, theirs);
  }
  if (Is<MergeOperation>(operation)) {
    return CheckMerge(theirs);
  }
  if (Is<ProjectOperation>(operation)) {
    return CheckProject(theirs);
  }
  if (Is<RestoreOperation>(operation)) {
    return GiveUpIf(IsMemWal(theirs) || IsUnknown(theirs));
  }
  if (Is<UpdateConfigOperation>(operation)) {
    return CheckConfig(operation, theirs);
  }
  if (const auto* bases = std::get_if<UpdateBasesOperation>(&operation)) {
    return CheckBases(*bases, theirs);
  }
  return Conflict::kIncompatible;
}

}  // namespace og::engine::dataset
