#include "format/file/batch_reader.h"

#include <algorithm>
#include <utility>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

// A step aims at this much memory, if need be with fewer rows than a batch may have: large enough
// to amortise its fixed cost, small enough that all that are under way stay in the last cache.
constexpr uint64_t kStepBytes = uint64_t{4} << 20;

constexpr uint64_t kStepRowsMax = uint64_t{1} << 18;

}  // namespace

ReadStep::ReadStep(const FileSource& source,
                   const std::vector<std::unique_ptr<FieldReader>>& fields,
                   std::vector<RowRange> rows, const RowCheck& check)
    : source_(source), check_(check), rows_(std::move(rows)) {
  for (const RowRange& range : rows_) {
    num_rows_ += range.end - range.begin;
  }
  for (const std::unique_ptr<FieldReader>& field : fields) {
    tasks_.push_back(field->Read(rows_));
  }
  columns_.resize(tasks_.size());
}

absl::Status ReadStep::Start(io::WorkerPool* pool) {
  if (check_) {
    OG_ASSIGN_OR_RETURN(pieces_, check_(rows_));
    for (const std::unique_ptr<FieldTask>& task : tasks_) {
      task->UsePieces(pieces_);
    }
  }
  std::vector<bool> is_done(tasks_.size(), false);
  num_ranges_.resize(tasks_.size());
  while (true) {
    std::vector<FileRange> ranges;
    bool is_last = true;
    for (size_t i = 0; i < tasks_.size(); ++i) {
      num_ranges_[i] = 0;
      if (is_done[i]) {
        continue;
      }
      OG_ASSIGN_OR_RETURN(FieldTask::Reads reads, tasks_[i]->NextReads());
      num_ranges_[i] = reads.ranges.size();
      is_done[i] = reads.is_last;
      is_last &= reads.is_last;
      ranges.insert(ranges.end(), reads.ranges.begin(), reads.ranges.end());
    }
    if (is_last) {
      for (const FileRange& range : ranges) {
        bytes_under_way_ += range.bytes;
      }
      if (pool == nullptr || !source_.is_local()) {
        return Submit(ranges);
      }
      group_.emplace(*pool);
      group_->Run([this, ranges = std::move(ranges)] { return Submit(ranges); });
      return absl::OkStatus();
    }
    OG_RETURN_IF_ERROR(Submit(ranges));
    OG_ASSIGN_OR_RETURN(std::vector<io::Buffer> buffers, fetch_.Wait());
    size_t next = 0;
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (num_ranges_[i] == 0) {
        continue;
      }
      OG_RETURN_IF_ERROR(tasks_[i]->Supply(
          {std::make_move_iterator(buffers.begin() + static_cast<ptrdiff_t>(next)),
           std::make_move_iterator(buffers.begin() +
                                   static_cast<ptrdiff_t>(next + num_ranges_[i]))}));
      next += num_ranges_[i];
    }
  }
}

absl::Status ReadStep::Submit(std::span<const FileRange> ranges) {
  auto fetch = source_.Submit(ranges, pieces_);
  if (!fetch.ok()) {
    return io::Annotate(fetch.status(), source_.name());
  }
  fetch_ = *std::move(fetch);
  return absl::OkStatus();
}

absl::Status ReadStep::Launch(io::WorkerPool* pool) {
  is_launched_ = true;
  if (group_.has_value()) {
    OG_RETURN_IF_ERROR(group_->Wait());
  }
  OG_ASSIGN_OR_RETURN(std::vector<io::Buffer> buffers, fetch_.Wait());
  pieces_.clear();
  size_t next = 0;
  for (size_t i = 0; i < tasks_.size(); ++i) {
    if (num_ranges_[i] == 0) {
      continue;  // it needs nothing, or a former round has supplied it
    }
    std::vector<io::Buffer> own(
        std::make_move_iterator(buffers.begin() + static_cast<ptrdiff_t>(next)),
        std::make_move_iterator(buffers.begin() + static_cast<ptrdiff_t>(next + num_ranges_[i])));
    next += num_ranges_[i];
    OG_RETURN_IF_ERROR(tasks_[i]->Supply(std::move(own)));
  }
  if (pool == nullptr) {
    return absl::OkStatus();
  }
  if (!group_.has_value()) {
    group_.emplace(*pool);
  }
  for (size_t i = 0; i < tasks_.size(); ++i) {
    group_->Run([this, i]() -> absl::Status {
      OG_ASSIGN_OR_RETURN(columns_[i], tasks_[i]->Decode());
      return absl::OkStatus();
    });
  }
  return absl::OkStatus();
}

absl::StatusOr<RecordBatch> ReadStep::Finish(const SchemaPtr& schema) {
  if (group_.has_value()) {
    OG_RETURN_IF_ERROR(group_->Wait());
  } else {
    for (size_t i = 0; i < tasks_.size(); ++i) {
      OG_ASSIGN_OR_RETURN(columns_[i], tasks_[i]->Decode());
    }
  }
  return RecordBatch{.schema = schema,
                     .num_rows = static_cast<int64_t>(num_rows_),
                     .columns = std::move(columns_)};
}

ScanStream::ScanStream(std::shared_ptr<const FileReader> owner, const FileSource& source,
                       SchemaPtr schema, std::vector<std::unique_ptr<FieldReader>> fields,
                       std::vector<RowRange> ranges, const FileScanOptions& options, RowCheck check)
    : owner_(std::move(owner)),
      source_(source),
      schema_(std::move(schema)),
      fields_(std::move(fields)),
      ranges_(std::move(ranges)),
      options_(options),
      check_(std::move(check)),
      step_rows_max_(std::clamp<uint64_t>(options.batch_rows, 1, kStepRowsMax)) {}

absl::StatusOr<std::vector<RowRange>> ScanStream::NextRows() {
  std::vector<RowRange> rows;
  if (next_range_ == ranges_.size()) {
    return rows;
  }
  // The row at which the step starts stands for all of them.
  uint64_t row_bytes256 = 256;
  const uint64_t first = ranges_[next_range_].begin + next_row_;
  for (const std::unique_ptr<FieldReader>& field : fields_) {
    OG_ASSIGN_OR_RETURN(const uint64_t bytes, field->RowBytes256(first));
    row_bytes256 += bytes;
  }
  const uint64_t batch_rows = std::max<uint64_t>(options_.batch_rows, 1);
  uint64_t wanted = kStepBytes * 256 / row_bytes256;
  if (wanted >= batch_rows) {
    wanted -= wanted % batch_rows;
  } else {
    wanted = std::max<uint64_t>(wanted, 1);
  }
  // The first steps are short, so that whoever wants few rows does not wait for many.
  wanted = std::min({wanted, step_rows_max_, kStepRowsMax});
  step_rows_max_ = std::min(step_rows_max_ * 4, kStepRowsMax);
  while (wanted != 0 && next_range_ < ranges_.size()) {
    const RowRange& range = ranges_[next_range_];
    const uint64_t count = std::min(wanted, range.end - range.begin - next_row_);
    rows.push_back({range.begin + next_row_, range.begin + next_row_ + count});
    wanted -= count;
    next_row_ += count;
    if (range.begin + next_row_ == range.end) {
      ++next_range_;
      next_row_ = 0;
    }
  }
  return rows;
}

absl::Status ScanStream::FillSteps() {
  const size_t decoding_max = options_.pool == nullptr ? 1 : options_.pool->num_threads() + 1;
  uint64_t bytes = 0;
  for (const std::unique_ptr<ReadStep>& step : steps_) {
    bytes += step->bytes_under_way();
  }
  while (steps_.empty() || steps_.size() < decoding_max ||
         (bytes < options_.readahead_bytes && steps_.size() < decoding_max + 2)) {
    OG_ASSIGN_OR_RETURN(std::vector<RowRange> rows, NextRows());
    if (rows.empty()) {
      break;
    }
    steps_.push_back(std::make_unique<ReadStep>(source_, fields_, std::move(rows), check_));
    OG_RETURN_IF_ERROR(steps_.back()->Start(options_.pool));
    bytes += steps_.back()->bytes_under_way();
  }
  for (size_t i = 0; i < std::min(steps_.size(), decoding_max); ++i) {
    if (!steps_[i]->is_launched()) {
      OG_RETURN_IF_ERROR(steps_[i]->Launch(options_.pool));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<RecordBatch>> ScanStream::Next() {
  if (!rows_.has_value()) {
    OG_RETURN_IF_ERROR(FillSteps());
    if (steps_.empty()) {
      return std::optional<RecordBatch>();
    }
    const std::unique_ptr<ReadStep> step = std::move(steps_.front());
    steps_.pop_front();
    OG_ASSIGN_OR_RETURN(rows_, step->Finish(schema_));
    given_ = 0;
  }
  const auto num_rows = static_cast<uint64_t>(rows_->num_rows);
  const uint64_t count = std::min(std::max<uint64_t>(options_.batch_rows, 1), num_rows - given_);
  if (given_ == 0 && count == num_rows) {
    return std::exchange(rows_, std::nullopt);
  }
  RecordBatch batch = Slice(*rows_, static_cast<int64_t>(given_), static_cast<int64_t>(count));
  given_ += count;
  if (given_ == num_rows) {
    rows_.reset();
  }
  return std::optional<RecordBatch>(std::move(batch));
}

}  // namespace og::format
