#include "engine/dataset/conflicts.h"

#include <algorithm>
#include <set>

#include "format/table/key_filter.h"

namespace og::engine::dataset {
namespace {

using format::AppendOperation;
using format::CarriedOperation;
using format::CloneOperation;
using format::CreateIndexOperation;
using format::DeleteOperation;
using format::Fragment;
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

template <typename T>
bool Is(const Operation& operation) {
  return std::holds_alternative<T>(operation);
}

void AddIds(const std::vector<Fragment>& fragments, std::set<uint64_t>& ids) {
  for (const Fragment& fragment : fragments) {
    ids.insert(fragment.id);
  }
}

// Existing fragments that an operation changes, replaces or removes.
std::set<uint64_t> TouchedFragments(const Operation& operation) {
  std::set<uint64_t> ids;
  if (const auto* deletion = std::get_if<DeleteOperation>(&operation)) {
    AddIds(deletion->updated_fragments, ids);
    ids.insert(deletion->deleted_fragment_ids.begin(), deletion->deleted_fragment_ids.end());
  } else if (const auto* update = std::get_if<UpdateOperation>(&operation)) {
    AddIds(update->updated_fragments, ids);
    ids.insert(update->removed_fragment_ids.begin(), update->removed_fragment_ids.end());
  } else if (const auto* rewrite = std::get_if<RewriteOperation>(&operation)) {
    for (const format::RewriteGroup& group : rewrite->groups) {
      AddIds(group.old_fragments, ids);
    }
  }
  return ids;
}

bool Overlap(const std::set<uint64_t>& a, const std::set<uint64_t>& b) {
  return std::ranges::any_of(a, [&](uint64_t id) { return b.contains(id); });
}

// Rows of keys inserted on both sides.
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

bool SameKeys(const std::optional<format::UpdateMap>& a,
              const std::optional<format::UpdateMap>& b) {
  if (!a || !b) {
    return false;
  }
  if (a->replace || b->replace) {
    return true;
  }
  return std::ranges::any_of(a->entries, [&](const auto& entry) {
    return std::ranges::any_of(b->entries, [&](const auto& other) {
      return entry.first == other.first && entry.second != other.second;
    });
  });
}

bool UpsertsClash(const UpdateConfigOperation& config, const OverwriteOperation& overwrite) {
  return config.config && std::ranges::any_of(config.config->entries, [&](const auto& entry) {
           return overwrite.config_upserts.contains(entry.first);
         });
}

bool SameIndexNames(const CreateIndexOperation& a, const CreateIndexOperation& b) {
  return std::ranges::any_of(a.new_indices, [&](const format::IndexMetadata& index) {
    return std::ranges::any_of(b.new_indices, [&](const format::IndexMetadata& other) {
      return index.name == other.name;
    });
  });
}

Conflict ClassifyRowChange(const format::Transaction& ours, const format::Transaction& theirs) {
  const Operation& other = theirs.operation;
  if (const auto* update = std::get_if<UpdateOperation>(&ours.operation);
      update != nullptr && KeysMayClash(*update, other)) {
    return Conflict::kRetryable;
  }
  if (Is<OverwriteOperation>(other) || Is<RestoreOperation>(other)) {
    return Conflict::kIncompatible;
  }
  if (Is<MergeOperation>(other) || Is<CarriedOperation>(other)) {
    return Conflict::kRetryable;
  }
  if (!Overlap(TouchedFragments(ours.operation), TouchedFragments(other))) {
    return Conflict::kNone;
  }
  return Is<RewriteOperation>(other) ? Conflict::kRetryable : Conflict::kOverlap;
}

Conflict ClassifyIndex(const CreateIndexOperation& ours, const Operation& other) {
  if (Is<OverwriteOperation>(other) || Is<RestoreOperation>(other) || Is<CarriedOperation>(other)) {
    return Conflict::kIncompatible;
  }
  if (const auto* create = std::get_if<CreateIndexOperation>(&other)) {
    return SameIndexNames(ours, *create) ? Conflict::kRetryable : Conflict::kNone;
  }
  return Is<RewriteOperation>(other) || Is<UpdateOperation>(other) ? Conflict::kRetryable
                                                                   : Conflict::kNone;
}

Conflict ClassifyConfig(const UpdateConfigOperation& ours, const Operation& other) {
  if (const auto* overwrite = std::get_if<OverwriteOperation>(&other)) {
    return ours.schema_metadata || !ours.field_metadata.empty() || UpsertsClash(ours, *overwrite)
               ? Conflict::kIncompatible
               : Conflict::kNone;
  }
  if (const auto* config = std::get_if<UpdateConfigOperation>(&other)) {
    const bool same_field = std::ranges::any_of(ours.field_metadata, [&](const auto& entry) {
      return config->field_metadata.contains(entry.first);
    });
    return same_field || SameKeys(ours.config, config->config) ||
                   (ours.schema_metadata && config->schema_metadata) ||
                   (ours.table_metadata && config->table_metadata)
               ? Conflict::kIncompatible
               : Conflict::kNone;
  }
  return Conflict::kNone;
}

}  // namespace

Conflict Classify(const format::Transaction& ours, const format::Transaction& theirs) {
  const Operation& operation = ours.operation;
  const Operation& other = theirs.operation;
  if (Is<CloneOperation>(operation) || Is<CloneOperation>(other)) {
    return Conflict::kNone;
  }
  const bool replaced = Is<OverwriteOperation>(other) || Is<RestoreOperation>(other);
  if (Is<AppendOperation>(operation) || Is<ReserveFragmentsOperation>(operation)) {
    return replaced                      ? Conflict::kIncompatible
           : Is<CarriedOperation>(other) ? Conflict::kRetryable
                                         : Conflict::kNone;
  }
  if (Is<DeleteOperation>(operation) || Is<UpdateOperation>(operation)) {
    return ClassifyRowChange(ours, theirs);
  }
  if (Is<OverwriteOperation>(operation)) {
    if (const auto* config = std::get_if<UpdateConfigOperation>(&other)) {
      return UpsertsClash(*config, std::get<OverwriteOperation>(operation))
                 ? Conflict::kIncompatible
                 : Conflict::kNone;
    }
    return Is<OverwriteOperation>(other) ? Conflict::kRetryable
           : Is<CarriedOperation>(other) ? Conflict::kIncompatible
                                         : Conflict::kNone;
  }
  if (const auto* create = std::get_if<CreateIndexOperation>(&operation)) {
    return ClassifyIndex(*create, other);
  }
  if (Is<RewriteOperation>(operation)) {
    if (replaced) {
      return Conflict::kIncompatible;
    }
    if (Is<MergeOperation>(other) || Is<CarriedOperation>(other) ||
        Is<CreateIndexOperation>(other)) {
      return Conflict::kRetryable;
    }
    return Overlap(TouchedFragments(operation), TouchedFragments(other)) ? Conflict::kRetryable
                                                                         : Conflict::kNone;
  }
  if (Is<MergeOperation>(operation)) {
    if (replaced || Is<ProjectOperation>(other)) {
      return Conflict::kIncompatible;
    }
    return Is<CreateIndexOperation>(other) || Is<ReserveFragmentsOperation>(other) ||
                   Is<UpdateConfigOperation>(other) || Is<UpdateBasesOperation>(other)
               ? Conflict::kNone
               : Conflict::kRetryable;
  }
  if (Is<ProjectOperation>(operation)) {
    return replaced ? Conflict::kIncompatible
           : Is<MergeOperation>(other) || Is<ProjectOperation>(other) || Is<CarriedOperation>(other)
               ? Conflict::kRetryable
               : Conflict::kNone;
  }
  if (Is<RestoreOperation>(operation)) {
    return Conflict::kNone;
  }
  if (const auto* config = std::get_if<UpdateConfigOperation>(&operation)) {
    return ClassifyConfig(*config, other);
  }
  if (const auto* bases = std::get_if<UpdateBasesOperation>(&operation)) {
    return Is<UpdateBasesOperation>(other) && !bases->new_bases.empty() ? Conflict::kIncompatible
                                                                        : Conflict::kNone;
  }
  return Conflict::kIncompatible;
}

}  // namespace og::engine::dataset
