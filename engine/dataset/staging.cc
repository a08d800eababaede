#include "engine/dataset/staging.h"

#include <algorithm>

#include "format/table/deletion_vector.h"
#include "format/table/row_ids.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {

const DatasetHandle& HandleOf(const Dataset& dataset) {
  return static_cast<const DatasetHandle&>(dataset);
}

StagedTransaction NewTransaction(io::Env& env, uint64_t read_version, const WriteOptions& options) {
  StagedTransaction staged;
  staged.transaction.read_version = read_version;
  staged.transaction.uuid = options.uuid.empty() ? env.NewUuid() : options.uuid;
  staged.transaction.properties = options.properties;
  return staged;
}

absl::Status RowWriter::Write(const format::RecordBatch& batch) {
  if (writer_ == nullptr) {
    OG_ASSIGN_OR_RETURN(writer_, DataWriter::Open(env_, root_, schema_, file_version_, options_));
  }
  num_rows_ += static_cast<uint64_t>(batch.num_rows);
  return writer_->Write(batch);
}

absl::StatusOr<std::vector<format::Fragment>> RowWriter::Finish() {
  if (writer_ == nullptr) {
    return std::vector<format::Fragment>();
  }
  OG_ASSIGN_OR_RETURN(DataWriter::Written written, writer_->Finish());
  staged_.files.insert(staged_.files.end(), written.files.begin(), written.files.end());
  staged_.num_rows_written += written.num_rows;
  staged_.num_bytes_written += written.num_bytes;
  return std::move(written.fragments);
}

RowWriter WriterOf(const DatasetHandle& dataset, const WriteOptions& options,
                   StagedTransaction& staged) {
  return RowWriter(dataset.env(), dataset.branch_root(), dataset.manifest().schema,
                   dataset.manifest().data_format_version, options, staged);
}

void KeepRowIds(std::span<const uint64_t> moved, std::vector<format::Fragment>& fragments) {
  for (format::Fragment& fragment : fragments) {
    const auto ids = moved.first(std::min<size_t>(moved.size(), fragment.physical_rows));
    moved = moved.subspan(ids.size());
    if (!ids.empty()) {
      fragment.row_ids = format::RowIdSequence({format::MakeSegment(ids)}).Encode();
    }
  }
}

absl::StatusOr<Removal> RemoveRows(const DatasetHandle& dataset, std::span<const uint64_t> sorted,
                                   StagedTransaction& staged) {
  Removal removal;
  dataset.PrefetchDeletionsAt(sorted);
  for (auto first = sorted.begin(); first != sorted.end();) {
    const uint64_t id = *first >> 32;
    const auto last = std::ranges::upper_bound(first, sorted.end(), id << 32 | UINT32_MAX);
    const format::Fragment* fragment = dataset.manifest().FindFragment(id);
    if (fragment == nullptr) {
      return io::NotFoundError(io::StrCat("row address ", *first, ": no fragment ", id));
    }
    OG_ASSIGN_OR_RETURN(const format::DeletionVectorPtr before, dataset.DeletionsOf(*fragment));
    std::vector<uint32_t> offsets;
    for (; first != last; ++first) {
      const auto offset = static_cast<uint32_t>(*first);
      if (offset >= fragment->physical_rows || (before != nullptr && before->Contains(offset))) {
        return io::NotFoundError(
            io::StrCat("row address ", *first, " does not exist or is deleted"));
      }
      offsets.push_back(offset);
    }
    if (before != nullptr) {
      offsets.insert(offsets.end(), before->offsets().begin(), before->offsets().end());
    }
    if (offsets.size() == fragment->physical_rows) {
      removal.removed.push_back(id);
      continue;
    }
    OG_ASSIGN_OR_RETURN(format::Fragment updated,
                        WithDeletions(dataset, *fragment, std::move(offsets), staged.files));
    removal.updated.push_back(std::move(updated));
  }
  return removal;
}

absl::StatusOr<std::vector<uint64_t>> SortedAddresses(std::span<const uint64_t> addresses) {
  std::vector<uint64_t> sorted(addresses.begin(), addresses.end());
  if (!std::ranges::is_sorted(sorted)) {
    std::ranges::sort(sorted);
  }
  if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end()) {
    return io::InvalidArgumentError(io::StrCat("row address ", *twice, " is given twice"));
  }
  return sorted;
}

void AppendFieldIds(std::span<const format::LanceField> fields, std::vector<uint32_t>& ids) {
  for (const format::LanceField& field : fields) {
    ids.push_back(static_cast<uint32_t>(field.id));
    AppendFieldIds(field.children, ids);
  }
}

}  // namespace og::engine::dataset
