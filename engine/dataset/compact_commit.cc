// Making a compaction visible: ids for the new fragments, indexes that follow the rows, one
// Rewrite.
#include <algorithm>

#include "engine/dataset/commit.h"
#include "engine/dataset/compact.h"
#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/indices.h"
#include "format/table/fragment_reuse.h"
#include "format/table/roaring.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Fragment;
using format::IndexMetadata;

constexpr std::string_view kSystemIndexPrefix = "__lance_";
constexpr uint64_t kFragmentsMax = uint64_t{1} << 32;

// Addresses of rows before and after, ascending by the first.
using MovedRows = std::vector<std::pair<uint64_t, uint64_t>>;

// Gives the new fragments ids of their own, with a commit: a later one cannot take them. The
// version that this made; null if there are no new fragments.
absl::StatusOr<DatasetPtr> ReserveIds(const DatasetHandle& dataset,
                                      const CompactionOptions& options,
                                      std::vector<CompactedTask>& tasks) {
  uint32_t count = 0;
  for (const CompactedTask& task : tasks) {
    count += static_cast<uint32_t>(task.new_fragments.size());
  }
  if (count == 0) {
    return nullptr;
  }
  StagedTransaction reserve;
  reserve.transaction.read_version = dataset.version();
  reserve.transaction.uuid = dataset.env().NewUuid();
  reserve.transaction.properties = options.properties;
  reserve.transaction.operation = format::ReserveFragmentsOperation{.num_fragments = count};
  OG_ASSIGN_OR_RETURN(DatasetPtr reserved, dataset.Commit(reserve, {}));
  uint64_t next = uint64_t{*reserved->manifest().max_fragment_id} + 1 - count;
  for (CompactedTask& task : tasks) {
    for (Fragment& fragment : task.new_fragments) {
      fragment.id = next++;
    }
  }
  return reserved;
}

// Appends where the live rows of `task` went.
absl::Status AppendMoved(const DatasetHandle& dataset, const CompactedTask& task,
                         MovedRows& moved) {
  std::vector<const Fragment*> fragments;
  for (const Fragment& fragment : task.old_fragments) {
    fragments.push_back(&fragment);
  }
  dataset.PrefetchDeletions(fragments);
  auto target = task.new_fragments.begin();
  uint64_t row = 0;
  for (const Fragment& fragment : task.old_fragments) {
    OG_ASSIGN_OR_RETURN(const format::DeletionVectorPtr deletions, dataset.DeletionsOf(fragment));
    for (uint64_t offset = 0; offset < fragment.physical_rows; ++offset) {
      if (deletions != nullptr && deletions->Contains(offset)) {
        continue;
      }
      moved.emplace_back(fragment.id << 32 | offset, target->id << 32 | row);
      if (++row == target->physical_rows) {
        ++target;
        row = 0;
      }
    }
  }
  return absl::OkStatus();
}

bool CoversAny(const std::vector<uint32_t>& covered, const std::vector<CompactedTask>& tasks) {
  return std::ranges::any_of(tasks, [&](const CompactedTask& task) {
    return std::ranges::any_of(task.old_fragments, [&](const Fragment& fragment) {
      return std::ranges::binary_search(covered, static_cast<uint32_t>(fragment.id));
    });
  });
}

// Writes the index segments again that cover fragments of `tasks`. Kinds that cannot follow keep
// their old coverage, of which the fragments that are gone count no longer.
absl::Status RemapIndices(const DatasetHandle& dataset, const std::vector<CompactedTask>& tasks,
                          format::RewriteOperation& rewrite, std::vector<std::string>& files) {
  MovedRows moved;
  for (const IndexMetadata& index : dataset.manifest().indices) {
    if (index.name.starts_with(kSystemIndexPrefix) || !CanRemapIndexSegment(index)) {
      continue;
    }
    if (index.fragment_bitmap.empty()) {
      return io::InvalidArgumentError(
          io::StrCat("cannot rewrite index ", index.uuid, " which did not store fragment bitmap"));
    }
    OG_ASSIGN_OR_RETURN(const std::vector<uint32_t> covered,
                        format::DecodeRoaring(index.fragment_bitmap, kFragmentsMax));
    if (!CoversAny(covered, tasks)) {
      continue;
    }
    if (moved.empty()) {
      for (const CompactedTask& task : tasks) {
        OG_RETURN_IF_ERROR(AppendMoved(dataset, task, moved));
      }
      std::ranges::sort(moved);
    }
    auto rewritten = RemapIndexSegment(dataset, index, moved, files);
    if (absl::IsUnimplemented(rewritten.status())) {
      continue;  // files of a release too old to be read
    }
    OG_RETURN_IF_ERROR(rewritten.status());
    if (*rewritten) {
      rewrite.rewritten_indices.push_back(**std::move(rewritten));
    }
  }
  return absl::OkStatus();
}

format::FragmentDigest DigestOf(const Fragment& fragment) {
  return {.id = fragment.id,
          .physical_rows = fragment.physical_rows,
          .num_deleted_rows = fragment.num_deleted_rows()};
}

// The fragment reuse index with this compaction added; nullopt where no index has to be led on.
absl::StatusOr<std::optional<IndexMetadata>> LeadOn(const DatasetHandle& dataset,
                                                    const std::vector<CompactedTask>& tasks,
                                                    std::vector<std::string>& files) {
  const format::Manifest& manifest = dataset.manifest();
  bool any_covered = false;
  const IndexMetadata* former = nullptr;
  for (const IndexMetadata& index : manifest.indices) {
    const bool is_former = index.name == format::kFragmentReuseIndexName;
    if (is_former) {
      former = &index;
    }
    if ((is_former || !index.name.starts_with(kSystemIndexPrefix)) &&
        !index.fragment_bitmap.empty()) {
      OG_ASSIGN_OR_RETURN(const std::vector<uint32_t> covered,
                          format::DecodeRoaring(index.fragment_bitmap, kFragmentsMax));
      any_covered = any_covered || CoversAny(covered, tasks);
    } else if (!index.name.starts_with(kSystemIndexPrefix)) {
      any_covered = true;  // coverage unknown
    }
  }
  if (!any_covered) {
    return std::nullopt;
  }
  std::vector<format::FragmentReuseVersion> versions;
  if (former != nullptr) {
    OG_ASSIGN_OR_RETURN(versions, ReadFragmentReuse(dataset, *former));
  }
  format::FragmentReuseVersion added{.dataset_version = dataset.version(), .groups = {}};
  std::vector<uint32_t> new_ids;
  for (const CompactedTask& task : tasks) {
    format::FragmentReuseGroup group;
    MovedRows moved;
    OG_RETURN_IF_ERROR(AppendMoved(dataset, task, moved));
    for (const auto& [before, now] : moved) {
      group.moved.push_back(before);
    }
    for (const Fragment& fragment : task.old_fragments) {
      group.old_fragments.push_back(DigestOf(fragment));
    }
    for (const Fragment& fragment : task.new_fragments) {
      group.new_fragments.push_back(DigestOf(fragment));
      new_ids.push_back(static_cast<uint32_t>(fragment.id));
    }
    added.groups.push_back(std::move(group));
  }
  versions.push_back(std::move(added));
  const std::string content = format::EncodeFragmentReuse(versions);
  IndexMetadata index;
  index.uuid = dataset.env().NewUuid();
  index.name = format::kFragmentReuseIndexName;
  index.dataset_version = dataset.version();
  std::ranges::sort(new_ids);
  index.fragment_bitmap = format::EncodeRoaring(new_ids);
  index.index_version = former == nullptr ? 0 : former->index_version;
  index.created_at_ms = static_cast<uint64_t>(dataset.env().NowUs() / 1000);
  if (content.size() <= format::kFragmentReuseInlineMax) {
    index.details = format::InlineFragmentReuse(content);
    return index;
  }
  const io::Location file = dataset.branch_root().Child(
      io::StrCat("_indices/", index.uuid, "/", format::kFragmentReuseDetailsFile));
  OG_RETURN_IF_ERROR(file.store->Put(file.path, io::AsBytes(content)).status());
  files.push_back(file.path);
  index.details =
      format::ExternalFragmentReuse({.path = std::string(format::kFragmentReuseDetailsFile),
                                     .offset = 0,
                                     .size = content.size()});
  return index;
}

CompactionMetrics MetricsOf(const std::vector<CompactedTask>& tasks) {
  CompactionMetrics metrics;
  const auto files_of = [](const Fragment& fragment) {
    return fragment.files.size() + (fragment.deletion_file ? 1 : 0);
  };
  for (const CompactedTask& task : tasks) {
    metrics.fragments_removed += task.old_fragments.size();
    metrics.fragments_added += task.new_fragments.size();
    for (const Fragment& fragment : task.old_fragments) {
      metrics.files_removed += files_of(fragment);
    }
    for (const Fragment& fragment : task.new_fragments) {
      metrics.files_added += files_of(fragment);
    }
    metrics.bytes_written += task.num_bytes_written;
  }
  return metrics;
}

absl::StatusOr<DatasetPtr> CommitTasks(const DatasetHandle& dataset,
                                       std::vector<CompactedTask>& tasks,
                                       const CompactionOptions& options,
                                       std::vector<std::string>& files) {
  OG_ASSIGN_OR_RETURN(const DatasetPtr reserved, ReserveIds(dataset, options, tasks));
  format::RewriteOperation rewrite;
  std::optional<IndexMetadata> fragment_reuse;
  if (options.defer_index_remap) {
    OG_ASSIGN_OR_RETURN(fragment_reuse, LeadOn(dataset, tasks, files));
  } else if (!dataset.manifest().has_stable_row_ids()) {
    OG_RETURN_IF_ERROR(RemapIndices(dataset, tasks, rewrite, files));
  }
  for (const CompactedTask& task : tasks) {
    rewrite.groups.push_back(
        {.old_fragments = task.old_fragments, .new_fragments = task.new_fragments});
  }
  StagedTransaction staged;
  staged.transaction.read_version = dataset.version();
  staged.transaction.uuid = dataset.env().NewUuid();
  staged.transaction.properties = options.properties;
  staged.transaction.operation = std::move(rewrite);
  staged.files = files;
  return CommitRebased(
      dataset, staged, {},
      {.fragment_reuse = fragment_reuse ? &*fragment_reuse : nullptr, .newest = reserved});
}

}  // namespace

absl::StatusOr<std::vector<format::FragmentReuseVersion>> ReadFragmentReuse(
    const DatasetHandle& dataset, const IndexMetadata& index) {
  if (!index.details) {
    return io::DataLossError(io::StrCat("index ", index.name, " has no details"));
  }
  OG_ASSIGN_OR_RETURN(const format::FragmentReuseDetails details,
                      format::ParseFragmentReuse(*index.details));
  if (details.content) {
    return format::DecodeFragmentReuse(*details.content);
  }
  const io::Location root = dataset.branch_root();
  const std::string name = io::StrCat("_indices/", index.uuid, "/", details.file->path);
  OG_ASSIGN_OR_RETURN(const io::Location file,
                      index.base_id ? dataset.folders().BelowBase(*index.base_id, name)
                                    : absl::StatusOr<io::Location>(root.Child(name)));
  OG_ASSIGN_OR_RETURN(const io::Buffer bytes, file.store->Read(file.path));
  if (details.file->offset > bytes.size() ||
      details.file->size > bytes.size() - details.file->offset) {
    return io::DataLossError(io::StrCat(file.Uri(), " has ", bytes.size(),
                                        " bytes, the manifest wants ", details.file->size, " at ",
                                        details.file->offset));
  }
  return format::DecodeFragmentReuse(bytes.view().substr(details.file->offset, details.file->size));
}

void DiscardCompaction(const Dataset& dataset, const std::vector<CompactedTask>& tasks) {
  for (const CompactedTask& task : tasks) {
    for (const std::string& file : task.files) {
      dataset.branch_root().store->Delete(file).IgnoreError();
    }
  }
}

absl::StatusOr<CompactionResult> CommitCompaction(const Dataset& dataset,
                                                  std::vector<CompactedTask> tasks,
                                                  const CompactionOptions& options) {
  if (tasks.empty()) {
    return CompactionResult{.dataset = dataset.shared_from_this(), .metrics = {}};
  }
  // Anchored where the rows were read: whoever changed them since then is found out.
  uint64_t read_version = tasks.front().read_version;
  for (const CompactedTask& task : tasks) {
    if (task.read_version != read_version) {
      return io::InvalidArgumentError(
          io::StrCat("tasks of versions ", read_version, " and ", task.read_version));
    }
  }
  OG_ASSIGN_OR_RETURN(const DatasetPtr read, dataset.Checkout(read_version));
  std::vector<std::string> files;
  for (const CompactedTask& task : tasks) {
    files.insert(files.end(), task.files.begin(), task.files.end());
  }
  absl::StatusOr<DatasetPtr> committed =
      CommitTasks(static_cast<const DatasetHandle&>(*read), tasks, options, files);
  if (!committed.ok()) {
    // What an unknown outcome may have made visible stays.
    if (committed.status().code() != absl::StatusCode::kUnknown) {
      for (const std::string& file : files) {
        dataset.branch_root().store->Delete(file).IgnoreError();
      }
    }
    return committed.status();
  }
  return CompactionResult{.dataset = *std::move(committed), .metrics = MetricsOf(tasks)};
}

absl::StatusOr<CompactionResult> Compact(const Dataset& dataset, const CompactionOptions& options,
                                         const ProgressFn& progress) {
  OG_ASSIGN_OR_RETURN(const CompactionPlan plan, PlanCompaction(dataset, options));
  Progress state{.unit = "fragments"};
  for (const CompactionTask& task : plan.tasks) {
    state.total += task.fragments.size();
  }
  std::vector<CompactedTask> done;
  for (const CompactionTask& task : plan.tasks) {
    absl::StatusOr<CompactedTask> rewritten = RewriteFragments(dataset, task, options);
    if (!rewritten.ok()) {
      DiscardCompaction(dataset, done);
      return rewritten.status();
    }
    state.done += task.fragments.size();
    state.bytes += rewritten->num_bytes_written;
    done.push_back(*std::move(rewritten));
    if (progress) {
      progress(state);
    }
  }
  return CommitCompaction(dataset, std::move(done), options);
}

}  // namespace og::engine::dataset
