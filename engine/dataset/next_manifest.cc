#include "engine/dataset/next_manifest.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/dataset/index_coverage.h"
#include "engine/dataset/row_id_index.h"
#include "format/file/lance_schema.h"
#include "format/table/row_ids.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Fragment;
using format::IndexMetadata;
using format::Manifest;

constexpr std::string_view kLibrary = "omnigraph-cpp";
constexpr std::string_view kLibraryVersion = "0.10.0";
constexpr std::string_view kSystemIndexPrefix = "__lance_";
constexpr uint64_t kFragmentsMax = uint64_t{1} << 32;

bool IsSystemIndex(const IndexMetadata& index) {
  return index.name.starts_with(kSystemIndexPrefix);
}

bool IsVectorIndex(const IndexMetadata& index) {
  return index.details && index.details->type_url.ends_with("VectorIndexDetails");
}

// Numbers the fragments of a commit and gives their rows ids.
class Numbering {
 public:
  Numbering(const Manifest& manifest, bool stable_row_ids, bool overwrite)
      : stable_row_ids_(stable_row_ids), next_row_id_(manifest.next_row_id) {
    next_fragment_id_ =
        overwrite || !manifest.max_fragment_id ? 0 : uint64_t{*manifest.max_fragment_id} + 1;
  }

  uint64_t next_row_id() const { return next_row_id_; }

  absl::Status AssignFragmentIds(std::vector<Fragment>& fragments) {
    for (Fragment& fragment : fragments) {
      if (fragment.id == 0) {
        if (next_fragment_id_ >= kFragmentsMax - 1) {
          return io::ResourceExhaustedError("no fragment id is left");
        }
        fragment.id = next_fragment_id_++;
      }
    }
    return absl::OkStatus();
  }

  // Rows beyond those that have an id get the next free ones.
  absl::Status AssignRowIds(std::vector<Fragment>& fragments) {
    if (!stable_row_ids_) {
      return absl::OkStatus();
    }
    for (Fragment& fragment : fragments) {
      format::RowIdSequence sequence;
      if (fragment.row_ids) {
        OG_ASSIGN_OR_RETURN(
            sequence, format::RowIdSequence::Decode(*fragment.row_ids, fragment.physical_rows));
      }
      const uint64_t missing = fragment.physical_rows - sequence.size();
      if (missing == 0 && fragment.row_ids) {
        continue;
      }
      if (missing > UINT64_MAX - next_row_id_) {
        return io::ResourceExhaustedError("no row id is left");
      }
      if (sequence.size() == 0) {
        sequence = format::RowIdSequence(
            {format::RowIdSegment::Range(next_row_id_, next_row_id_ + missing)});
      } else {
        std::vector<uint64_t> ids = sequence.ToVector();
        for (uint64_t i = 0; i < missing; ++i) {
          ids.push_back(next_row_id_ + i);
        }
        sequence = format::RowIdSequence({format::MakeSegment(ids)});
      }
      next_row_id_ += missing;
      fragment.row_ids = sequence.Encode();
    }
    return absl::OkStatus();
  }

  // Every row of `fragments` was made by `version`.
  void StampNew(uint64_t version, std::vector<Fragment>& fragments) const {
    if (!stable_row_ids_) {
      return;
    }
    for (Fragment& fragment : fragments) {
      const std::string versions = format::RowVersions(fragment.physical_rows, version).Encode();
      fragment.created_versions = versions;
      fragment.last_updated_versions = versions;
    }
  }

 private:
  const bool stable_row_ids_;
  uint64_t next_row_id_;
  uint64_t next_fragment_id_ = 0;
};

void Append(std::vector<Fragment> fragments, Manifest& manifest) {
  manifest.fragments.insert(manifest.fragments.end(), std::make_move_iterator(fragments.begin()),
                            std::make_move_iterator(fragments.end()));
}

// Replaces fragments by their ids and takes the removed ones out.
absl::Status Replace(std::span<const Fragment> updated, std::span<const uint64_t> removed,
                     Manifest& manifest) {
  for (const Fragment& fragment : updated) {
    const auto at = std::ranges::find(manifest.fragments, fragment.id, &Fragment::id);
    if (at == manifest.fragments.end()) {
      return io::InvalidArgumentError(
          io::StrCat("the transaction changes fragment ", fragment.id, ", which does not exist"));
    }
    *at = fragment;
  }
  const std::set<uint64_t> gone(removed.begin(), removed.end());
  std::erase_if(manifest.fragments,
                [&](const Fragment& fragment) { return gone.contains(fragment.id); });
  return absl::OkStatus();
}

// Versions of the rows of an update: a moved row keeps the version that created it, found in the
// first fragment of `before` that lists its id; everything counts as updated now.
absl::Status StampUpdated(const Manifest& before, uint64_t first_new_row_id, uint64_t version,
                          std::vector<Fragment>& fragments) {
  std::vector<uint64_t> fragment_ids;
  std::vector<format::RowIdSequence> sequences;
  std::optional<RowIdIndex> index;
  std::map<uint64_t, format::RowVersions> created_of;
  std::vector<uint64_t> candidates;
  for (Fragment& fragment : fragments) {
    OG_ASSIGN_OR_RETURN(
        const format::RowIdSequence sequence,
        format::RowIdSequence::Decode(fragment.row_ids.value_or(""), fragment.physical_rows));
    format::RowVersions created;
    for (const uint64_t row_id : sequence.ToVector()) {
      if (row_id >= first_new_row_id) {
        created.Append(1, version);
        continue;
      }
      if (!index) {
        for (const Fragment& old : before.fragments) {
          if (old.row_ids) {
            OG_ASSIGN_OR_RETURN(format::RowIdSequence decoded,
                                format::RowIdSequence::Decode(*old.row_ids, old.physical_rows));
            fragment_ids.push_back(old.id);
            sequences.push_back(std::move(decoded));
          }
        }
        index.emplace(fragment_ids, std::move(sequences));
      }
      candidates.clear();
      index->AppendCandidates(row_id, candidates);
      if (candidates.empty()) {
        created.Append(1, version);
        continue;
      }
      const uint64_t address = std::ranges::min(candidates);
      auto known = created_of.find(address >> 32);
      if (known == created_of.end()) {
        const Fragment* old = before.FindFragment(address >> 32);
        format::RowVersions versions(old->physical_rows, 1);
        if (old->created_versions) {
          absl::StatusOr<format::RowVersions> decoded =
              format::RowVersions::Decode(*old->created_versions, old->physical_rows);
          if (decoded.ok() && decoded->size() == old->physical_rows) {
            versions = *std::move(decoded);
          }
        }
        known = created_of.emplace(address >> 32, std::move(versions)).first;
      }
      created.Append(1, known->second.Get(address & UINT32_MAX));
    }
    fragment.created_versions = created.Encode();
    fragment.last_updated_versions = format::RowVersions(fragment.physical_rows, version).Encode();
  }
  return absl::OkStatus();
}

// With stable row ids an index on untouched fields stays right for moved rows: it covers their new
// fragments if it covered all that they came from.
absl::Status ExtendCoverage(const format::UpdateOperation& update,
                            std::span<const Fragment> new_fragments, Manifest& manifest) {
  std::vector<uint32_t> sources(update.removed_fragment_ids.begin(),
                                update.removed_fragment_ids.end());
  for (const Fragment& fragment : update.updated_fragments) {
    sources.push_back(static_cast<uint32_t>(fragment.id));
  }
  for (IndexMetadata& index : manifest.indices) {
    if (new_fragments.empty() || HoldsAddresses(index) ||
        IndexesAny(index, update.fields_for_preserving_frag_bitmap)) {
      continue;
    }
    OG_ASSIGN_OR_RETURN(auto coverage, CoverageOf(index));
    if (!coverage || !std::ranges::all_of(sources, [&](uint32_t id) {
          return std::ranges::binary_search(*coverage, id);
        })) {
      continue;
    }
    for (const Fragment& fragment : new_fragments) {
      coverage->push_back(static_cast<uint32_t>(fragment.id));
    }
    SetCoverage(*std::move(coverage), index);
  }
  return absl::OkStatus();
}

// The data file behind each field of `fragment`.
std::map<int32_t, std::string_view> FieldFiles(const Fragment& fragment) {
  std::map<int32_t, std::string_view> files;
  for (const format::DataFile& file : fragment.files) {
    for (const int32_t field : file.fields) {
      if (field != format::kTombstoneField) {
        files[field] = file.path;
      }
    }
  }
  return files;
}

absl::Status ApplyMerge(const format::MergeOperation& merge, const Manifest& before,
                        bool stable_row_ids, uint64_t version, Manifest& manifest) {
  manifest.schema = merge.schema;
  manifest.fragments = merge.fragments;
  for (Fragment& fragment : manifest.fragments) {
    const Fragment* old = before.FindFragment(fragment.id);
    const bool rewritten = old == nullptr || FieldFiles(*old) != FieldFiles(fragment);
    if (!rewritten) {
      continue;
    }
    if (stable_row_ids) {
      fragment.last_updated_versions =
          format::RowVersions(fragment.physical_rows, version).Encode();
      if (old == nullptr) {
        fragment.created_versions = fragment.last_updated_versions;
      }
    }
    if (old == nullptr) {
      continue;
    }
    // Entries of fields that moved to another file are stale.
    const auto old_files = FieldFiles(*old);
    const auto new_files = FieldFiles(fragment);
    for (IndexMetadata& index : manifest.indices) {
      const bool stale = std::ranges::any_of(index.fields, [&](int32_t field) {
        const auto a = old_files.find(field);
        const auto b = new_files.find(field);
        return a != old_files.end() && b != new_files.end() && a->second != b->second;
      });
      if (stale) {
        OG_ASSIGN_OR_RETURN(auto coverage, CoverageOf(index));
        if (coverage) {
          std::erase(*coverage, static_cast<uint32_t>(fragment.id));
          SetCoverage(*std::move(coverage), index);
        }
      }
    }
  }
  RetainRelevantIndices(manifest);
  return absl::OkStatus();
}

void ApplyProject(const format::ProjectOperation& project, Manifest& manifest) {
  // The operation carries no metadata: those of the table stay.
  auto schema = std::make_shared<format::LanceSchema>(*project.schema);
  schema->metadata = manifest.schema->metadata;
  manifest.schema = std::move(schema);
  for (Fragment& fragment : manifest.fragments) {
    std::erase_if(fragment.files, [&](const format::DataFile& file) {
      return std::ranges::none_of(
          file.fields, [&](int32_t field) { return manifest.schema->FindId(field) != nullptr; });
    });
  }
  RetainRelevantIndices(manifest);
}

// The coverage of an index whose entries have followed the rows of `groups`, or not: then it covers
// what was left alone. Of a group that was followed it covered all fragments or none.
absl::Status FollowGroups(const std::vector<format::RewriteGroup>& groups, bool have_followed,
                          IndexMetadata& index) {
  OG_ASSIGN_OR_RETURN(auto coverage, CoverageOf(index));
  if (!coverage) {
    return absl::OkStatus();
  }
  std::set<uint32_t> ids(coverage->begin(), coverage->end());
  for (const format::RewriteGroup& group : groups) {
    size_t covered = 0;
    for (const Fragment& fragment : group.old_fragments) {
      covered += ids.erase(static_cast<uint32_t>(fragment.id));
    }
    if (covered == 0 || !have_followed) {
      continue;
    }
    if (covered != group.old_fragments.size()) {
      return io::InvalidArgumentError(
          "The compaction plan included a rewrite group that was a split of indexed and "
          "non-indexed data");
    }
    for (const Fragment& fragment : group.new_fragments) {
      ids.insert(static_cast<uint32_t>(fragment.id));
    }
  }
  SetCoverage({ids.begin(), ids.end()}, index);
  return absl::OkStatus();
}

absl::Status ApplyRewrite(const format::RewriteOperation& rewrite, bool stable_row_ids,
                          Numbering& numbering, Manifest& manifest) {
  std::vector<format::RewriteGroup> groups = rewrite.groups;
  for (format::RewriteGroup& group : groups) {
    OG_RETURN_IF_ERROR(numbering.AssignFragmentIds(group.new_fragments));
    std::vector<uint64_t> removed;
    for (const Fragment& fragment : group.old_fragments) {
      if (manifest.FindFragment(fragment.id) == nullptr) {
        return io::InvalidArgumentError(io::StrCat("the transaction rewrites fragment ",
                                                   fragment.id, ", which does not exist"));
      }
      removed.push_back(fragment.id);
    }
    OG_RETURN_IF_ERROR(Replace({}, removed, manifest));
    Append(group.new_fragments, manifest);
    std::ranges::sort(manifest.fragments, {}, &Fragment::id);
  }
  if (stable_row_ids) {
    // Entries hold row ids, which the rows keep.
    for (IndexMetadata& index : manifest.indices) {
      if (!IsSystemIndex(index)) {
        OG_RETURN_IF_ERROR(FollowGroups(groups, !HoldsAddresses(index), index));
      }
    }
  }
  for (const format::RewrittenIndex& rewritten : rewrite.rewritten_indices) {
    const auto index =
        std::ranges::find(manifest.indices, rewritten.old_uuid, &IndexMetadata::uuid);
    if (index == manifest.indices.end()) {
      continue;
    }
    index->uuid = rewritten.new_uuid;
    index->details = rewritten.new_details;
    index->index_version = static_cast<int32_t>(rewritten.new_index_version);
    index->files = rewritten.new_files;
    if (rewritten.new_uuid != rewritten.old_uuid) {
      index->base_id.reset();  // what was written again lies below our own root
    }
    OG_RETURN_IF_ERROR(FollowGroups(groups, true, *index));
  }
  return absl::OkStatus();
}

template <typename Map>
void ApplyUpdates(const format::UpdateMap& updates, Map& map) {
  if (updates.replace) {
    map.clear();
  }
  for (const auto& [key, value] : updates.entries) {
    if (value) {
      map[key] = *value;
    } else {
      map.erase(key);
    }
  }
}

format::LanceField* MutableField(std::vector<format::LanceField>& fields, int32_t id) {
  for (format::LanceField& field : fields) {
    if (field.id == id) {
      return &field;
    }
    if (format::LanceField* below = MutableField(field.children, id)) {
      return below;
    }
  }
  return nullptr;
}

bool IsReservedKey(std::string_view key) {
  return key == format::kPrimaryKeyKey || key == format::kPrimaryKeyPositionKey ||
         key == format::kClusteringKeyPositionKey;
}

absl::Status ApplyConfig(const format::UpdateConfigOperation& config, Manifest& manifest) {
  if (config.config) {
    ApplyUpdates(*config.config, manifest.config);
  }
  if (config.table_metadata) {
    ApplyUpdates(*config.table_metadata, manifest.table_metadata);
  }
  if (!config.schema_metadata && config.field_metadata.empty()) {
    return absl::OkStatus();
  }
  auto schema = std::make_shared<format::LanceSchema>(*manifest.schema);
  if (config.schema_metadata) {
    ApplyUpdates(*config.schema_metadata, schema->metadata);
  }
  for (const auto& [id, updates] : config.field_metadata) {
    format::LanceField* field = MutableField(schema->fields, id);
    if (field == nullptr) {
      return io::InvalidArgumentError(io::StrCat("no field has the id ", id));
    }
    for (const auto& [key, value] : updates.entries) {
      if (IsReservedKey(key)) {
        return io::InvalidArgumentError(
            "the unenforced primary key is a reserved key and cannot be changed once set");
      }
    }
    ApplyUpdates(updates, field->metadata);
  }
  manifest.schema = std::move(schema);
  return absl::OkStatus();
}

absl::Status ApplyBases(const format::UpdateBasesOperation& bases, Manifest& manifest) {
  for (format::BasePath base : bases.new_bases) {
    if (base.id == 0) {
      for (const format::BasePath& existing : manifest.base_paths) {
        base.id = std::max(base.id, existing.id);
      }
      ++base.id;
    }
    for (const format::BasePath& existing : manifest.base_paths) {
      if (existing.id == base.id || existing.path == base.path ||
          (existing.name && existing.name == base.name)) {
        return io::InvalidArgumentError(
            io::StrCat("base path ", base.path, " clashes with ", existing.path));
      }
    }
    manifest.base_paths.push_back(std::move(base));
  }
  return absl::OkStatus();
}

absl::Status ApplyUpdate(const format::UpdateOperation& update, const Manifest& before,
                         bool stable_row_ids, uint64_t version, Numbering& numbering,
                         Manifest& manifest) {
  OG_RETURN_IF_ERROR(Replace(update.updated_fragments, update.removed_fragment_ids, manifest));
  if (stable_row_ids && update.mode == format::UpdateMode::kRewriteColumns) {
    for (const auto& [id, offsets] : update.updated_fragment_offsets) {
      const auto at = std::ranges::find(manifest.fragments, id, &Fragment::id);
      if (at == manifest.fragments.end() || !at->last_updated_versions || offsets.empty()) {
        continue;
      }
      OG_ASSIGN_OR_RETURN(
          const format::RowVersions old,
          format::RowVersions::Decode(*at->last_updated_versions, at->physical_rows));
      format::RowVersions stamped;
      std::vector<uint32_t> sorted = offsets;
      std::ranges::sort(sorted);
      for (uint64_t row = 0; row < old.size(); ++row) {
        stamped.Append(1, std::ranges::binary_search(sorted, static_cast<uint32_t>(row))
                              ? version
                              : old.Get(row));
      }
      at->last_updated_versions = stamped.Encode();
    }
  }
  OG_RETURN_IF_ERROR(
      UncoverUpdated(update.fields_modified, update.updated_fragments, manifest.indices));
  std::vector<Fragment> fragments = update.new_fragments;
  OG_RETURN_IF_ERROR(numbering.AssignFragmentIds(fragments));
  const uint64_t first_new_row_id = numbering.next_row_id();
  OG_RETURN_IF_ERROR(numbering.AssignRowIds(fragments));
  if (stable_row_ids) {
    OG_RETURN_IF_ERROR(StampUpdated(before, first_new_row_id, version, fragments));
    if (update.mode == format::UpdateMode::kRewriteRows) {
      OG_RETURN_IF_ERROR(ExtendCoverage(update, fragments, manifest));
    }
  }
  Append(std::move(fragments), manifest);
  RetainRelevantIndices(manifest);
  return absl::OkStatus();
}

absl::Status CheckSchema(const Manifest& manifest) {
  std::set<int32_t> ids;
  std::vector<const format::LanceField*> open;
  for (const format::LanceField& field : manifest.schema->fields) {
    open.push_back(&field);
  }
  while (!open.empty()) {
    const format::LanceField* field = open.back();
    open.pop_back();
    if (field->id < 0 || !ids.insert(field->id).second) {
      return io::InvalidArgumentError(
          io::StrCat("field ", field->name, " has no id of its own: ", field->id));
    }
    for (const format::LanceField& child : field->children) {
      open.push_back(&child);
    }
  }
  return absl::OkStatus();
}

}  // namespace

void RetainRelevantIndices(Manifest& manifest) {
  std::erase_if(manifest.indices, [&](const IndexMetadata& index) {
    return !IsSystemIndex(index) && std::ranges::any_of(index.fields, [&](int32_t field) {
      return manifest.schema->FindId(field) == nullptr;
    });
  });
  // Whether a segment covers a fragment that still exists. An unreadable bitmap counts as covering.
  const auto is_empty = [&](const IndexMetadata& index) {
    const auto coverage = CoverageOf(index);
    if (!coverage.ok()) {
      return false;
    }
    return !*coverage || std::ranges::none_of(**coverage, [&](uint32_t id) {
      return manifest.FindFragment(id) != nullptr;
    });
  };
  std::ranges::sort(manifest.fragments, {}, &Fragment::id);
  std::map<std::string, std::vector<const IndexMetadata*>> by_name;
  for (const IndexMetadata& index : manifest.indices) {
    if (!IsSystemIndex(index)) {
      by_name[index.name].push_back(&index);
    }
  }
  std::set<std::string> dropped;
  for (const auto& [name, segments] : by_name) {
    std::vector<const IndexMetadata*> empty;
    std::ranges::copy_if(segments, std::back_inserter(empty),
                         [&](const IndexMetadata* index) { return is_empty(*index); });
    const bool all_empty = empty.size() == segments.size();
    const IndexMetadata* kept = nullptr;
    if (all_empty) {
      kept = *std::ranges::min_element(empty, {}, &IndexMetadata::dataset_version);
      if (IsVectorIndex(*kept)) {
        kept = nullptr;
      }
      // A lone segment whose coverage is not known may cover anything.
      if (segments.size() == 1 && segments.front()->fragment_bitmap.empty()) {
        kept = segments.front();
      }
    }
    for (const IndexMetadata* index : empty) {
      if (index != kept) {
        dropped.insert(index->uuid);
      }
    }
  }
  std::erase_if(manifest.indices,
                [&](const IndexMetadata& index) { return dropped.contains(index.uuid); });
}

absl::StatusOr<Manifest> NextManifest(const Manifest* current,
                                      const format::Transaction& transaction,
                                      const NextManifestOptions& options) {
  const auto& operation = transaction.operation;
  const auto* overwrite = std::get_if<format::OverwriteOperation>(&operation);
  if (current == nullptr && overwrite == nullptr) {
    return io::InvalidArgumentError("the first transaction of a dataset must be an Overwrite");
  }
  Manifest manifest;
  if (current != nullptr) {
    OG_RETURN_IF_ERROR(format::CheckWriterFlags(current->writer_feature_flags));
    manifest = *current;
  }
  if (overwrite != nullptr && !options.file_version.empty()) {
    manifest.data_format_version = options.file_version;
  }
  bool stable_row_ids = current != nullptr ? current->has_stable_row_ids() : options.stable_row_ids;
  if (const auto* restore = std::get_if<format::RestoreOperation>(&operation)) {
    if (options.restored == nullptr || options.restored->version != restore->version) {
      return io::InvalidArgumentError(io::StrCat("version ", restore->version, " was not read"));
    }
    manifest = *options.restored;
    stable_row_ids = options.restored->has_stable_row_ids();
    manifest.max_fragment_id =
        std::max(options.restored->max_fragment_id, current->max_fragment_id);
    // Row ids that were given out meanwhile must not come back with other rows.
    manifest.next_row_id = std::max(options.restored->next_row_id, current->next_row_id);
  }
  Numbering numbering(manifest, stable_row_ids, overwrite != nullptr);
  manifest.version = options.version;
  manifest.tag = transaction.tag;
  manifest.timestamp = {.seconds = options.now_us / 1'000'000,
                        .nanos = static_cast<int32_t>(options.now_us % 1'000'000 * 1000)};
  manifest.transaction_file = format::TransactionFileName(transaction);
  manifest.writer_version = {.library = std::string(kLibrary),
                             .version = std::string(kLibraryVersion),
                             .prerelease = std::nullopt,
                             .build_metadata = std::nullopt};

  absl::Status applied = absl::OkStatus();
  if (const auto* append = std::get_if<format::AppendOperation>(&operation)) {
    std::vector<Fragment> fragments = append->fragments;
    OG_RETURN_IF_ERROR(numbering.AssignFragmentIds(fragments));
    OG_RETURN_IF_ERROR(numbering.AssignRowIds(fragments));
    numbering.StampNew(options.version, fragments);
    Append(std::move(fragments), manifest);
  } else if (overwrite != nullptr) {
    std::vector<Fragment> fragments = overwrite->fragments;
    OG_RETURN_IF_ERROR(numbering.AssignFragmentIds(fragments));
    OG_RETURN_IF_ERROR(numbering.AssignRowIds(fragments));
    numbering.StampNew(options.version, fragments);
    manifest.fragments = std::move(fragments);
    manifest.schema = overwrite->schema;
    manifest.indices.clear();
    for (const auto& [key, value] : overwrite->config_upserts) {
      manifest.config[key] = value;
    }
    manifest.base_paths.insert(manifest.base_paths.end(), overwrite->initial_bases.begin(),
                               overwrite->initial_bases.end());
  } else if (const auto* deletion = std::get_if<format::DeleteOperation>(&operation)) {
    OG_RETURN_IF_ERROR(
        Replace(deletion->updated_fragments, deletion->deleted_fragment_ids, manifest));
    RetainRelevantIndices(manifest);
  } else if (const auto* update = std::get_if<format::UpdateOperation>(&operation)) {
    applied = ApplyUpdate(*update, *current, stable_row_ids, options.version, numbering, manifest);
  } else if (const auto* create = std::get_if<format::CreateIndexOperation>(&operation)) {
    std::set<std::string> replaced;
    for (const auto* list : {&create->new_indices, &create->removed_indices}) {
      for (const IndexMetadata& index : *list) {
        replaced.insert(index.uuid);
      }
    }
    std::erase_if(manifest.indices,
                  [&](const IndexMetadata& index) { return replaced.contains(index.uuid); });
    manifest.indices.insert(manifest.indices.end(), create->new_indices.begin(),
                            create->new_indices.end());
  } else if (const auto* rewrite = std::get_if<format::RewriteOperation>(&operation)) {
    applied = ApplyRewrite(*rewrite, stable_row_ids, numbering, manifest);
    if (options.fragment_reuse != nullptr) {
      std::erase_if(manifest.indices, [&](const IndexMetadata& index) {
        return index.name == options.fragment_reuse->name;
      });
      manifest.indices.push_back(*options.fragment_reuse);
    }
  } else if (const auto* merge = std::get_if<format::MergeOperation>(&operation)) {
    applied = ApplyMerge(*merge, *current, stable_row_ids, options.version, manifest);
  } else if (const auto* project = std::get_if<format::ProjectOperation>(&operation)) {
    ApplyProject(*project, manifest);
  } else if (const auto* config = std::get_if<format::UpdateConfigOperation>(&operation)) {
    applied = ApplyConfig(*config, manifest);
  } else if (const auto* bases = std::get_if<format::UpdateBasesOperation>(&operation)) {
    applied = ApplyBases(*bases, manifest);
  } else if (const auto* reserve = std::get_if<format::ReserveFragmentsOperation>(&operation)) {
    const uint64_t max = uint64_t{manifest.max_fragment_id.value_or(0)} + reserve->num_fragments;
    if (max >= kFragmentsMax - 1) {
      return io::ResourceExhaustedError("no fragment id is left");
    }
    manifest.max_fragment_id = static_cast<uint32_t>(max);
  } else if (!std::holds_alternative<format::RestoreOperation>(operation)) {
    return io::UnimplementedError(
        io::StrCat("committing a ", format::OperationName(operation), " transaction"));
  }
  OG_RETURN_IF_ERROR(applied);

  std::ranges::sort(manifest.fragments, {}, &Fragment::id);
  for (Fragment& fragment : manifest.fragments) {
    std::erase_if(fragment.files, [](const format::DataFile& file) {
      return !file.fields.empty() && std::ranges::all_of(file.fields, [](int32_t field) {
        return field == format::kTombstoneField;
      });
    });
  }
  if (!manifest.fragments.empty()) {
    const auto last = static_cast<uint32_t>(manifest.fragments.back().id);
    manifest.max_fragment_id = std::max(manifest.max_fragment_id.value_or(last), last);
  }
  if (stable_row_ids) {
    manifest.next_row_id = std::max(manifest.next_row_id, numbering.next_row_id());
  }
  OG_RETURN_IF_ERROR(CheckSchema(manifest));
  OG_RETURN_IF_ERROR(RecomputeFeatureFlags(manifest, stable_row_ids));
  return manifest;
}

}  // namespace og::engine::dataset
