// Writing the rows of one compaction task, and carrying ids and versions over.
#include <algorithm>

#include "engine/dataset/compact.h"
#include "engine/dataset/data_writer.h"
#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/moved_blobs.h"
#include "format/table/row_ids.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Fragment;

constexpr int64_t kBatchRows = 8192;
constexpr int64_t kBlobBatchRows = 64;  // blobs of version 1 come with their contents

// The live rows of `task`, as a DataWriter takes them.
absl::StatusOr<std::unique_ptr<format::BatchStream>> LiveRows(const DatasetHandle& dataset,
                                                              const CompactionTask& task,
                                                              const CompactionOptions& options) {
  const bool has_blobs = std::ranges::any_of(
      dataset.lance_schema().fields, [](const format::LanceField& f) { return f.is_blob(); });
  const bool has_blobs_v2 = HasBlobsV2(dataset.lance_schema());
  ScanOptions scan;
  scan.fragment_ids.emplace();
  for (const Fragment& fragment : task.fragments) {
    scan.fragment_ids->push_back(fragment.id);
  }
  scan.threads = options.threads;
  scan.batch_rows = static_cast<int64_t>(options.batch_rows.value_or(
      static_cast<uint64_t>(has_blobs && !has_blobs_v2 ? kBlobBatchRows : kBatchRows)));
  scan.dictionary_strings = false;
  if (has_blobs_v2) {
    scan.blobs = BlobHandling::kDescriptions;
    scan.with_row_address = true;
  }
  OG_ASSIGN_OR_RETURN(std::unique_ptr<format::BatchStream> rows, dataset.ScanStored(scan));
  return has_blobs_v2 ? WithBlobContents(dataset, std::move(rows)) : std::move(rows);
}

// The segments of several sequences one after the other, cut into the rows of new fragments.
std::vector<format::RowIdSequence> Rechunk(const std::vector<format::RowIdSequence>& sequences,
                                           const std::vector<Fragment>& fragments) {
  std::vector<format::RowIdSegment> segments;
  for (const format::RowIdSequence& sequence : sequences) {
    segments.insert(segments.end(), sequence.segments().begin(), sequence.segments().end());
  }
  std::vector<format::RowIdSequence> chunks;
  size_t at = 0;
  uint64_t taken = 0;  // of segments[at]
  for (const Fragment& fragment : fragments) {
    std::vector<format::RowIdSegment> chunk;
    for (uint64_t missing = fragment.physical_rows; missing > 0;) {
      const format::RowIdSegment& segment = segments[at];
      const uint64_t count = std::min(missing, segment.size() - taken);
      if (count == segment.size()) {
        chunk.push_back(segment);
      } else if (count > 0) {
        std::vector<uint64_t> ids;
        segment.AppendTo(taken, count, ids);
        chunk.push_back(format::MakeSegment(ids));
      }
      missing -= count;
      taken += count;
      if (taken == segment.size()) {
        ++at;
        taken = 0;
      }
    }
    chunks.emplace_back(std::move(chunk));
  }
  return chunks;
}

// The runs of several sequences, cut into the rows of new fragments.
std::vector<format::RowVersions> Rechunk(const std::vector<format::RowVersions>& sequences,
                                         const std::vector<Fragment>& fragments) {
  std::vector<format::RowVersions::Run> runs;
  for (const format::RowVersions& sequence : sequences) {
    runs.insert(runs.end(), sequence.runs().begin(), sequence.runs().end());
  }
  std::vector<format::RowVersions> chunks;
  size_t at = 0;
  uint64_t taken = 0;
  for (const Fragment& fragment : fragments) {
    format::RowVersions chunk;
    for (uint64_t missing = fragment.physical_rows; missing > 0;) {
      const uint64_t count = std::min(missing, runs[at].length - taken);
      chunk.Append(count, runs[at].version);
      missing -= count;
      taken += count;
      if (taken == runs[at].length) {
        ++at;
        taken = 0;
      }
    }
    chunks.push_back(std::move(chunk));
  }
  return chunks;
}

// Gives the new fragments the ids and versions of their rows.
absl::Status CarryIds(const DatasetHandle& dataset, const std::vector<Fragment>& old_fragments,
                      std::vector<Fragment>& new_fragments) {
  std::vector<format::RowIdSequence> ids;
  std::vector<format::RowVersions> created;
  std::vector<format::RowVersions> updated;
  for (const Fragment& fragment : old_fragments) {
    OG_ASSIGN_OR_RETURN(const format::DeletionVectorPtr deletions, dataset.DeletionsOf(fragment));
    const auto deleted = deletions == nullptr ? std::span<const uint32_t>() : deletions->offsets();
    OG_ASSIGN_OR_RETURN(const format::RowIdSequence sequence, dataset.RowIdsOf(fragment));
    OG_ASSIGN_OR_RETURN(const format::RowVersions created_at, dataset.CreatedVersionsOf(fragment));
    // A row whose update is not recorded has not changed since it was made.
    format::RowVersions updated_at = created_at;
    if (fragment.last_updated_versions || fragment.external_last_updated_versions) {
      OG_ASSIGN_OR_RETURN(updated_at, dataset.LastUpdatedVersionsOf(fragment));
    }
    ids.push_back(deleted.empty() ? sequence : format::WithoutRows(sequence, deleted));
    created.push_back(deleted.empty() ? created_at : format::WithoutRows(created_at, deleted));
    updated.push_back(deleted.empty() ? updated_at : format::WithoutRows(updated_at, deleted));
  }
  const auto id_chunks = Rechunk(ids, new_fragments);
  const auto created_chunks = Rechunk(created, new_fragments);
  const auto updated_chunks = Rechunk(updated, new_fragments);
  for (size_t i = 0; i < new_fragments.size(); ++i) {
    new_fragments[i].row_ids = id_chunks[i].Encode();
    new_fragments[i].created_versions = created_chunks[i].Encode();
    new_fragments[i].last_updated_versions = updated_chunks[i].Encode();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CompactedTask> RewriteFragments(const Dataset& dataset, const CompactionTask& task,
                                               const CompactionOptions& options) {
  const auto& handle = static_cast<const DatasetHandle&>(dataset);
  uint64_t live_rows = 0;
  for (const Fragment& fragment : task.fragments) {
    if (!fragment.overlays.empty()) {
      return io::UnimplementedError(
          io::StrCat("fragment ", fragment.id, " has data overlay files"));
    }
    live_rows += fragment.num_rows();
  }
  WriteOptions write;
  write.max_rows_per_file = options.target_rows_per_fragment;
  write.max_bytes_per_file = options.max_bytes_per_file;
  OG_ASSIGN_OR_RETURN(const auto rows, LiveRows(handle, task, options));
  OG_ASSIGN_OR_RETURN(const auto writer,
                      DataWriter::Open(handle.env(), handle.branch_root(), handle.manifest().schema,
                                       handle.manifest().data_format_version, write));
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<format::RecordBatch> batch, rows->Next());
    if (!batch) {
      break;
    }
    OG_RETURN_IF_ERROR(writer->Write(*batch));
  }
  OG_ASSIGN_OR_RETURN(DataWriter::Written written, writer->Finish());
  CompactedTask done{.read_version = handle.version(),
                     .old_fragments = task.fragments,
                     .new_fragments = std::move(written.fragments),
                     .files = std::move(written.files),
                     .num_bytes_written = written.num_bytes};
  absl::Status status = absl::OkStatus();
  if (written.num_rows != live_rows) {
    status = io::DataLossError(io::StrCat("the fragments have ", written.num_rows,
                                          " live rows, the manifest says ", live_rows));
  } else if (handle.manifest().has_stable_row_ids()) {
    status = CarryIds(handle, done.old_fragments, done.new_fragments);
  }
  if (!status.ok()) {
    DiscardCompaction(dataset, {done});
    return status;
  }
  return done;
}

}  // namespace og::engine::dataset
