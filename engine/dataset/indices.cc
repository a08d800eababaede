#include "engine/dataset/indices.h"

#include <algorithm>
#include <map>

#include "engine/dataset/data_writer.h"
#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/index_coverage.h"
#include "engine/dataset/index_plan.h"
#include "engine/dataset/staging.h"
#include "engine/expr/expr.h"
#include "format/table/roaring.h"
#include "index/scalar/btree_build.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::IndexMetadata;
using format::LanceField;

constexpr std::string_view kBtreeDetails = "/lance.table.BTreeIndexDetails";
constexpr std::string_view kSystemIndexPrefix = "__lance_";
constexpr int64_t kBuildBatchRows = 65536;

// The kind that the type of an index's details names.
std::string KindOf(const IndexMetadata& index) {
  if (!index.details) return "Unknown";
  std::string_view name = index.details->type_url;
  name = name.substr(name.find_last_of("./") + 1);
  constexpr std::string_view kEnd = "IndexDetails";
  if (!name.ends_with(kEnd)) return "Unknown";
  name.remove_suffix(kEnd.size());
  return std::string(name);
}

// Appends the path of the field with `id`; false if it is not below `fields`.
bool FindPath(const std::vector<LanceField>& fields, int32_t id, std::vector<std::string>& path) {
  for (const LanceField& field : fields) {
    path.push_back(field.name);
    if (field.id == id || FindPath(field.children, id, path)) return true;
    path.pop_back();
  }
  return false;
}

uint64_t RowsOf(const format::Manifest& manifest, const std::vector<uint64_t>& fragment_ids) {
  uint64_t rows = 0;
  for (const uint64_t id : fragment_ids) {
    rows += manifest.FindFragment(id)->num_rows();
  }
  return rows;
}

std::string EncodeCoverage(const std::vector<uint64_t>& fragment_ids) {
  std::vector<uint32_t> ids;
  for (const uint64_t id : fragment_ids) {
    ids.push_back(static_cast<uint32_t>(id));
  }
  return format::EncodeRoaring(ids);
}

std::vector<uint64_t> LiveFragments(const format::Manifest& manifest) {
  std::vector<uint64_t> ids;
  for (const format::Fragment& fragment : manifest.fragments) {
    ids.push_back(fragment.id);
  }
  return ids;
}

StagedTransaction NewTransaction(const Dataset& dataset, const WriteOptions& options) {
  StagedTransaction staged;
  staged.transaction.read_version = dataset.version();
  staged.transaction.uuid = options.uuid.empty() ? dataset.env().NewUuid() : options.uuid;
  staged.transaction.properties = options.properties;
  return staged;
}

// A new segment under way.
class SegmentBuild {
 public:
  static absl::StatusOr<std::unique_ptr<SegmentBuild>> Open(const DatasetHandle& dataset,
                                                            std::vector<std::string> path,
                                                            uint32_t page_rows) {
    auto build = std::make_unique<SegmentBuild>(dataset, std::move(path));
    const LanceField* field = dataset.lance_schema().Find(build->path_.front());
    for (size_t i = 1; i < build->path_.size() && field != nullptr; ++i) {
      field = field->is_struct() ? field->Child(build->path_[i]) : nullptr;
    }
    if (field == nullptr) {
      return io::NotFoundError(io::StrCat("no column ", io::Join(build->path_, ".")));
    }
    build->metadata_.fields = {field->id};
    build->metadata_.uuid = dataset.env().NewUuid();
    OG_ASSIGN_OR_RETURN(const format::TypePtr type, format::ArrowTypeOf(*field));
    const auto version = WritableVersion(dataset.manifest().data_format_version);
    OG_ASSIGN_OR_RETURN(
        build->builder_,
        index::BtreeBuilder::Open(
            dataset.branch_root().Child(io::StrCat("_indices/", build->metadata_.uuid)),
            {.type = type,
             // Tables of older files have indexes of the oldest version that we write.
             .version = version.ok() ? *version : format::FileVersion::kV2_1,
             .page_rows = page_rows,
             .pool = &dataset.env().pool(),
             .memory = dataset.env().memory()}));
    return build;
  }

  SegmentBuild(const DatasetHandle& dataset, std::vector<std::string> path)
      : dataset_(dataset), path_(std::move(path)) {}

  const std::vector<int32_t>& fields() const { return metadata_.fields; }

  // Indexes the live rows of these fragments.
  absl::Status AddFragments(const std::vector<uint64_t>& fragment_ids) {
    if (fragment_ids.empty()) return absl::OkStatus();
    ScanOptions options;
    options.columns = {io::Join(path_, ".")};
    options.with_row_id = true;
    options.batch_rows = kBuildBatchRows;
    options.fragment_ids = fragment_ids;
    OG_ASSIGN_OR_RETURN(const auto stream, dataset_.ScanStored(options));
    while (true) {
      OG_ASSIGN_OR_RETURN(const std::optional<format::RecordBatch> batch, stream->Next());
      if (!batch) return absl::OkStatus();
      const format::ArrayPtr ids = batch->Column("_rowid");
      const format::ArrayPtr values = expr::FindColumn(*batch, path_);
      if (ids == nullptr || values == nullptr) {
        return io::InternalError(io::StrCat("no values of ", io::Join(path_, ".")));
      }
      OG_RETURN_IF_ERROR(builder_->Add(values, ids->Values<uint64_t>()));
    }
  }

  // Takes over the entries of `segment` for rows that live in fragments that it covers.
  absl::Status AddSegment(const IndexMetadata& segment) {
    OG_ASSIGN_OR_RETURN(const auto btree, OpenSegment(dataset_, segment));
    OG_ASSIGN_OR_RETURN(std::vector<uint64_t> covered, LiveCoverage(dataset_.manifest(), segment));
    const bool stable = dataset_.manifest().has_stable_row_ids();
    const bool from_addresses = stable && HoldsAddresses(segment);
    return builder_->AddEntries(btree, [this, stable, from_addresses, covered = std::move(covered)](
                                           std::span<uint64_t> ids, std::span<uint8_t> kept) {
      if (stable && !from_addresses) return KeepLive(ids, covered, kept);
      FollowMoves(ids, kept);
      return from_addresses ? NameByRowIds(covered, ids, kept) : KeepCovered(ids, covered, kept);
    });
  }

  // The entries of `segment` with the addresses of rows that moved replaced.
  absl::Status AddMoved(const IndexMetadata& segment,
                        const std::vector<std::pair<uint64_t, uint64_t>>& moved) {
    OG_ASSIGN_OR_RETURN(const auto btree, OpenSegment(dataset_, segment));
    std::vector<uint64_t> fragments;
    for (const auto& [before, now] : moved) {
      if (fragments.empty() || fragments.back() != before >> 32) fragments.push_back(before >> 32);
    }
    return builder_->AddEntries(btree, [this, &moved, fragments = std::move(fragments)](
                                           std::span<uint64_t> ids, std::span<uint8_t> kept) {
      FollowMoves(ids, kept);
      for (size_t i = 0; i < ids.size(); ++i) {
        if (!std::ranges::binary_search(fragments, ids[i] >> 32)) continue;
        const auto at =
            std::ranges::lower_bound(moved, ids[i], {}, &std::pair<uint64_t, uint64_t>::first);
        kept[i] = at != moved.end() && at->first == ids[i] ? 1 : 0;
        if (kept[i] != 0) ids[i] = at->second;
      }
      return absl::OkStatus();
    });
  }

  // Writes the files; the metadata lacks what only the caller knows.
  absl::StatusOr<IndexMetadata> Finish(StagedTransaction& staged) {
    OG_ASSIGN_OR_RETURN(const index::BtreeFiles files, builder_->Finish());
    staged.files.insert(staged.files.end(), files.paths.begin(), files.paths.end());
    staged.num_rows_written += files.num_rows;
    staged.num_bytes_written += files.lookup_bytes + files.data_bytes;
    metadata_.dataset_version = dataset_.version();
    metadata_.details = format::AnyMessage{.type_url = std::string(kBtreeDetails), .value = ""};
    metadata_.index_version = 0;
    metadata_.created_at_ms = static_cast<uint64_t>(dataset_.env().NowUs() / 1000);
    metadata_.files = {{std::string(index::kBtreeLookupFile), files.lookup_bytes},
                       {std::string(index::kBtreeDataFile), files.data_bytes}};
    return std::move(metadata_);
  }

 private:
  // Entries of rows that are gone get an address that no fragment has, and are not kept.
  void FollowMoves(std::span<uint64_t> addresses, std::span<uint8_t> kept) const {
    const auto& moves = dataset_.row_moves();
    for (size_t i = 0; moves != nullptr && i < addresses.size(); ++i) {
      const std::optional<uint64_t> now = moves->Follow(addresses[i]);
      addresses[i] = now.value_or(UINT64_MAX);
      if (!now) kept[i] = 0;
    }
  }

  absl::Status KeepLive(std::span<const uint64_t> ids, const std::vector<uint64_t>& covered,
                        std::span<uint8_t> kept) const {
    OG_ASSIGN_OR_RETURN(const auto addresses, dataset_.AddressesOf(ids));
    for (size_t i = 0; i < ids.size(); ++i) {
      kept[i] = addresses[i] && std::ranges::binary_search(covered, *addresses[i] >> 32) ? 1 : 0;
    }
    return absl::OkStatus();
  }

  // Entries that name rows by address get their stable row ids, where the rows live.
  absl::Status NameByRowIds(const std::vector<uint64_t>& covered, std::span<uint64_t> ids,
                            std::span<uint8_t> kept) {
    for (size_t i = 0; i < ids.size(); ++i) {
      const uint64_t fragment_id = ids[i] >> 32;
      const auto offset = static_cast<uint32_t>(ids[i]);
      const format::Fragment* fragment = std::ranges::binary_search(covered, fragment_id)
                                             ? dataset_.manifest().FindFragment(fragment_id)
                                             : nullptr;
      kept[i] = fragment != nullptr && offset < fragment->physical_rows ? 1 : 0;
      if (kept[i] == 0) continue;
      auto known = row_ids_.find(fragment_id);
      if (known == row_ids_.end()) {
        OG_ASSIGN_OR_RETURN(format::RowIdSequence sequence, dataset_.RowIdsOf(*fragment));
        known = row_ids_.emplace(fragment_id, std::move(sequence)).first;
      }
      OG_ASSIGN_OR_RETURN(const format::DeletionVectorPtr deletions,
                          dataset_.DeletionsOf(*fragment));
      kept[i] = deletions == nullptr || !deletions->Contains(offset) ? 1 : 0;
      ids[i] = known->second.Get(offset);
    }
    return absl::OkStatus();
  }

  static absl::Status KeepCovered(std::span<const uint64_t> ids,
                                  const std::vector<uint64_t>& covered, std::span<uint8_t> kept) {
    for (size_t i = 0; i < ids.size(); ++i) {
      kept[i] = std::ranges::binary_search(covered, ids[i] >> 32) ? 1 : 0;
    }
    return absl::OkStatus();
  }

  const DatasetHandle& dataset_;
  const std::vector<std::string> path_;
  IndexMetadata metadata_;
  std::unique_ptr<index::BtreeBuilder> builder_;
  std::map<uint64_t, format::RowIdSequence> row_ids_;  // of fragments, for NameByRowIds()
};

// The path of `column`: a top-level name, which may have dots, or a path of members.
std::vector<std::string> PathOf(const format::LanceSchema& schema, std::string_view column) {
  if (schema.Find(column) != nullptr) return {std::string(column)};
  std::vector<std::string> path;
  for (const std::string_view part : io::Split(column, '.')) {
    path.emplace_back(part);
  }
  return path;
}

// Whether the index covers a fragment that has deletions.
bool HasDeletions(const format::Manifest& manifest, const std::vector<uint64_t>& fragment_ids) {
  return std::ranges::any_of(fragment_ids, [&](uint64_t id) {
    return manifest.FindFragment(id)->deletion_file.has_value();
  });
}

// What becomes of the index `index`; false if nothing.
absl::StatusOr<bool> OptimizeOne(const DatasetHandle& dataset, const IndexDescription& index,
                                 const OptimizeIndicesRequest& request, StagedTransaction& staged,
                                 format::CreateIndexOperation& operation) {
  const format::Manifest& manifest = dataset.manifest();
  std::vector<uint64_t> missing;
  std::ranges::set_difference(LiveFragments(manifest), index.fragment_ids,
                              std::back_inserter(missing));
  const std::vector<IndexMetadata>& segments = index.segments;
  const uint64_t wanted = request.num_segments_to_merge.value_or(1);
  if (missing.empty() && !(wanted > 1 && segments.size() > 1)) return false;
  std::vector<const IndexMetadata*> merged;
  for (size_t i = 0; i < segments.size(); ++i) {
    bool takes_part = segments.size() - i <= wanted;
    if (!takes_part && !request.num_segments_to_merge && manifest.has_stable_row_ids()) {
      OG_ASSIGN_OR_RETURN(const auto covered, LiveCoverage(manifest, segments[i]));
      takes_part = HasDeletions(manifest, covered);
    }
    if (takes_part) merged.push_back(&segments[i]);
  }
  std::vector<std::string> path;
  if (!FindPath(dataset.lance_schema().fields, index.field_ids.front(), path)) return false;
  uint32_t page_rows = index::kBtreePageRows;
  if (!segments.empty()) {
    OG_ASSIGN_OR_RETURN(const auto last, OpenSegment(dataset, segments.back()));
    page_rows = last->page_rows();
  }
  OG_ASSIGN_OR_RETURN(const auto build, SegmentBuild::Open(dataset, std::move(path), page_rows));
  std::vector<uint64_t> covered = missing;
  uint64_t version = dataset.version();
  for (const IndexMetadata* segment : merged) {
    OG_RETURN_IF_ERROR(build->AddSegment(*segment));
    OG_ASSIGN_OR_RETURN(const auto fragments, LiveCoverage(manifest, *segment));
    covered.insert(covered.end(), fragments.begin(), fragments.end());
    version = std::min(version, segment->dataset_version);
    operation.removed_indices.push_back(*segment);
  }
  OG_RETURN_IF_ERROR(build->AddFragments(missing));
  OG_ASSIGN_OR_RETURN(IndexMetadata metadata, build->Finish(staged));
  std::ranges::sort(covered);
  covered.erase(std::ranges::unique(covered).begin(), covered.end());
  metadata.name = index.name;
  metadata.dataset_version = version;
  metadata.fragment_bitmap = EncodeCoverage(covered);
  operation.new_indices.push_back(std::move(metadata));
  return true;
}

}  // namespace

absl::StatusOr<std::vector<IndexDescription>> ListIndices(const Dataset& dataset) {
  const format::Manifest& manifest = dataset.manifest();
  std::vector<IndexDescription> all;
  for (const IndexMetadata& segment : manifest.indices) {
    if (segment.name.starts_with(kSystemIndexPrefix)) continue;
    auto at = std::ranges::find(all, segment.name, &IndexDescription::name);
    if (at == all.end()) {
      IndexDescription index{.name = segment.name,
                             .kind = KindOf(segment),
                             .type_url = segment.details ? segment.details->type_url : "",
                             .field_ids = segment.fields,
                             .columns = {},
                             .segments = {},
                             .fragment_ids = {},
                             .is_used = true};
      for (const int32_t id : segment.fields) {
        std::vector<std::string> path;
        FindPath(dataset.lance_schema().fields, id, path);
        index.columns.push_back(io::Join(path, "."));
      }
      at = all.insert(all.end(), std::move(index));
    }
    OG_ASSIGN_OR_RETURN(const std::vector<uint64_t> covered, LiveCoverage(manifest, segment));
    std::vector<uint64_t> fragments;
    std::ranges::set_union(at->fragment_ids, covered, std::back_inserter(fragments));
    at->fragment_ids = std::move(fragments);
    at->is_used = at->is_used && IsReadableBtree(segment);
    at->segments.push_back(segment);
  }
  for (IndexDescription& index : all) {
    index.num_indexed_rows = RowsOf(manifest, index.fragment_ids);
    index.num_unindexed_rows = dataset.num_rows() - index.num_indexed_rows;
  }
  return all;
}

absl::StatusOr<IndexDescription> FindIndex(const Dataset& dataset, std::string_view name) {
  OG_ASSIGN_OR_RETURN(std::vector<IndexDescription> all, ListIndices(dataset));
  const auto at = std::ranges::find(all, name, &IndexDescription::name);
  if (at == all.end()) return io::NotFoundError(io::StrCat("no index named ", name));
  return std::move(*at);
}

absl::StatusOr<std::vector<BtreeSegmentStatistics>> ReadBtreeStatistics(
    const Dataset& dataset, const IndexDescription& index) {
  std::vector<BtreeSegmentStatistics> statistics;
  for (const IndexMetadata& segment : index.segments) {
    if (!IsReadableBtree(segment)) {
      return io::UnimplementedError(
          io::StrCat("statistics of index ", index.name, " of kind ", index.kind));
    }
    OG_ASSIGN_OR_RETURN(const auto btree, OpenSegment(HandleOf(dataset), segment));
    statistics.push_back({segment.uuid, btree->num_pages(), btree->MinText(), btree->MaxText()});
  }
  return statistics;
}

absl::StatusOr<StagedTransaction> StageCreateIndex(const Dataset& dataset,
                                                   const CreateIndexRequest& request) {
  const DatasetHandle& handle = HandleOf(dataset);
  if (request.column.empty()) return io::InvalidArgumentError("an index needs a column");
  OG_ASSIGN_OR_RETURN(const auto build,
                      SegmentBuild::Open(handle, PathOf(dataset.lance_schema(), request.column),
                                         request.page_rows));
  OG_ASSIGN_OR_RETURN(const std::vector<IndexDescription> all, ListIndices(dataset));
  StagedTransaction staged = NewTransaction(dataset, request.write);
  format::CreateIndexOperation operation;
  const std::vector<int32_t> fields = build->fields();
  const auto with_name = [&](std::string_view name) {
    return std::ranges::find(all, name, &IndexDescription::name);
  };
  std::string name = request.name;
  if (name.empty()) {
    // Another column's index may have the name that this one would get.
    const std::string base = io::StrCat(request.column, "_idx");
    name = base;
    for (int suffix = 2; with_name(name) != all.end() && with_name(name)->field_ids != fields;
         ++suffix) {
      name = io::StrCat(base, "_", suffix);
    }
  }
  if (const auto same = with_name(name); same != all.end()) {
    if (!request.replace) {
      return io::AlreadyExistsError(io::StrCat("index ", name, " exists already"));
    }
    if (same->field_ids != fields) {
      return io::InvalidArgumentError(
          io::StrCat("index ", name, " is over other columns and cannot be replaced"));
    }
    operation.removed_indices = same->segments;
  }
  const std::vector<uint64_t> fragments = LiveFragments(dataset.manifest());
  OG_RETURN_IF_ERROR(build->AddFragments(fragments));
  OG_ASSIGN_OR_RETURN(IndexMetadata metadata, build->Finish(staged));
  metadata.name = name;
  metadata.fragment_bitmap = EncodeCoverage(fragments);
  operation.new_indices = {std::move(metadata)};
  staged.transaction.operation = std::move(operation);
  return staged;
}

absl::StatusOr<StagedTransaction> StageDropIndex(const Dataset& dataset, std::string_view name,
                                                 const WriteOptions& options) {
  OG_ASSIGN_OR_RETURN(const IndexDescription index, FindIndex(dataset, name));
  StagedTransaction staged = NewTransaction(dataset, options);
  staged.transaction.operation =
      format::CreateIndexOperation{.new_indices = {}, .removed_indices = index.segments};
  return staged;
}

absl::StatusOr<std::optional<StagedTransaction>> StageOptimizeIndices(
    const Dataset& dataset, const OptimizeIndicesRequest& request) {
  OG_ASSIGN_OR_RETURN(const std::vector<IndexDescription> all, ListIndices(dataset));
  if (request.names) {
    for (const std::string& name : *request.names) {
      OG_RETURN_IF_ERROR(FindIndex(dataset, name).status());
    }
  }
  std::optional<StagedTransaction> staged = NewTransaction(dataset, request.write);
  format::CreateIndexOperation operation;
  bool any = false;
  for (const IndexDescription& index : all) {
    const bool is_wanted =
        !request.names || std::ranges::find(*request.names, index.name) != request.names->end();
    if (!is_wanted || !index.is_used) continue;
    OG_ASSIGN_OR_RETURN(const bool changed,
                        OptimizeOne(HandleOf(dataset), index, request, *staged, operation));
    any = any || changed;
  }
  if (!any) return std::optional<StagedTransaction>();
  staged->transaction.operation = std::move(operation);
  return staged;
}

bool CanRemapIndexSegment(const IndexMetadata& segment) {
  return IsReadableBtree(segment);
}

absl::StatusOr<std::optional<format::RewrittenIndex>> RemapIndexSegment(
    const Dataset& dataset, const IndexMetadata& segment,
    const std::vector<std::pair<uint64_t, uint64_t>>& moved, std::vector<std::string>& files) {
  const DatasetHandle& handle = HandleOf(dataset);
  std::vector<std::string> path;
  if (!IsReadableBtree(segment) ||
      !FindPath(dataset.lance_schema().fields, segment.fields.front(), path)) {
    return std::optional<format::RewrittenIndex>();
  }
  OG_ASSIGN_OR_RETURN(const auto old, OpenSegment(handle, segment));
  OG_ASSIGN_OR_RETURN(const auto build,
                      SegmentBuild::Open(handle, std::move(path), old->page_rows()));
  OG_RETURN_IF_ERROR(build->AddMoved(segment, moved));
  StagedTransaction staged;
  OG_ASSIGN_OR_RETURN(IndexMetadata metadata, build->Finish(staged));
  files.insert(files.end(), staged.files.begin(), staged.files.end());
  return format::RewrittenIndex{.old_uuid = segment.uuid,
                                .new_uuid = metadata.uuid,
                                .new_details = std::move(metadata.details),
                                .new_index_version = 0,
                                .new_files = std::move(metadata.files)};
}

}  // namespace og::engine::dataset
