// Scans: fragments one after the other, the next one opened while the current one is consumed.
//
// With a filter its columns are read first. Where it keeps few rows (judged by the first batch of
// the fragment) the other columns are fetched for the survivors only; else all columns are read
// together.
#include <algorithm>
#include <deque>
#include <numeric>

#include "engine/dataset/blob_reader.h"
#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/output.h"
#include "engine/expr/expr.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::RecordBatch;
using format::RowRange;

// Above this share of surviving rows, reading everything is cheaper than fetching single rows.
constexpr double kLateShareMax = 0.2;

// Live rows as ranges are worth it up to this many rows per range; below, rows are dropped after
// reading.
constexpr uint64_t kRowsPerRangeMin = 64;

struct ScanPlan {
  std::shared_ptr<const DatasetHandle> dataset;
  Output output;
  std::shared_ptr<const expr::Expr> filter;
  Projection filter_fields;
  Projection all_fields;   // output and filter
  Projection late_fields;  // output without what the filter reads whole
  FragmentReadOptions read;
  uint64_t batch_rows = 0;
};

// Rows of one fragment in physical order, deleted ones left out.
class LiveRows {
 public:
  struct Rows {
    RecordBatch batch;
    std::vector<uint64_t> offsets;  // empty if nobody asked for them
  };

  static absl::StatusOr<LiveRows> Open(const FragmentReader& reader,
                                       const std::vector<RowRange>& ranges,
                                       format::DeletionVectorPtr dropped, bool with_offsets) {
    LiveRows rows;
    rows.with_offsets_ = with_offsets || dropped != nullptr;
    OG_ASSIGN_OR_RETURN(rows.stream_, reader.Scan(ranges));
    rows.ranges_ = ranges;
    rows.dropped_ = std::move(dropped);
    return rows;
  }

  absl::StatusOr<std::optional<Rows>> Next() {
    OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch, stream_->Next());
    if (!batch) {
      return std::nullopt;
    }
    Rows rows{.batch = *std::move(batch), .offsets = {}};
    if (with_offsets_) {
      OG_RETURN_IF_ERROR(AddOffsets(rows));
    }
    if (dropped_ != nullptr) {
      DropDeleted(rows);
    }
    return rows;
  }

 private:
  absl::Status AddOffsets(Rows& rows) {
    const auto num_rows = static_cast<uint64_t>(rows.batch.num_rows);
    rows.offsets.resize(num_rows);
    auto to = rows.offsets.begin();
    for (uint64_t left = num_rows; left > 0;) {
      if (range_ == ranges_.size()) {
        return io::InternalError("a data file gave more rows than were asked for");
      }
      const uint64_t begin = ranges_[range_].begin + done_;
      const uint64_t end = std::min(begin + left, ranges_[range_].end);
      const auto next = to + static_cast<ptrdiff_t>(end - begin);
      std::iota(to, next, begin);
      to = next;
      left -= end - begin;
      done_ += end - begin;
      if (end == ranges_[range_].end) {
        ++range_;
        done_ = 0;
      }
    }
    return absl::OkStatus();
  }

  void DropDeleted(Rows& rows) const {
    if (rows.offsets.empty()) {
      return;
    }
    auto deleted = dropped_->Between(rows.offsets.front(), rows.offsets.back() + 1);
    if (deleted.empty()) {
      return;
    }
    std::vector<int64_t> kept;
    std::vector<uint64_t> offsets;
    for (size_t i = 0; i < rows.offsets.size(); ++i) {
      while (!deleted.empty() && deleted.front() < rows.offsets[i]) {
        deleted = deleted.subspan(1);
      }
      if (deleted.empty() || deleted.front() != rows.offsets[i]) {
        kept.push_back(static_cast<int64_t>(i));
        offsets.push_back(rows.offsets[i]);
      }
    }
    rows.batch = format::Take(rows.batch, kept);
    rows.offsets = std::move(offsets);
  }

  std::unique_ptr<format::BatchStream> stream_;
  std::vector<RowRange> ranges_;
  size_t range_ = 0;
  uint64_t done_ = 0;  // rows of the current range that were given out
  format::DeletionVectorPtr dropped_;
  bool with_offsets_ = false;
};

// The live rows of `physical_rows` as ranges.
std::vector<RowRange> LiveRanges(uint64_t physical_rows, const format::DeletionVector* deletions) {
  std::vector<RowRange> ranges;
  uint64_t begin = 0;
  if (deletions != nullptr) {
    for (const uint32_t offset : deletions->offsets()) {
      if (offset > begin) {
        ranges.push_back({begin, offset});
      }
      begin = uint64_t{offset} + 1;
    }
  }
  if (begin < physical_rows) {
    ranges.push_back({begin, physical_rows});
  }
  return ranges;
}

// Leaves the first `skip` rows of `ranges` out and keeps at most `limit`.
void CutRanges(uint64_t skip, uint64_t limit, std::vector<RowRange>& ranges) {
  std::vector<RowRange> cut;
  for (RowRange range : ranges) {
    const uint64_t skipped = std::min(skip, range.end - range.begin);
    skip -= skipped;
    range.begin += skipped;
    range.end = std::min(range.end, range.begin + std::min(limit, range.end - range.begin));
    limit -= range.end - range.begin;
    if (range.begin < range.end) {
      cut.push_back(range);
    }
  }
  ranges = std::move(cut);
}

// The output batches of one fragment.
class FragmentScan {
 public:
  // Rows [skip, skip + limit) of the live rows; only without a filter.
  static absl::StatusOr<std::unique_ptr<FragmentScan>> Open(const ScanPlan& plan,
                                                            const format::Fragment& fragment,
                                                            uint64_t skip, uint64_t limit) {
    auto scan = std::make_unique<FragmentScan>(plan, fragment);
    OG_ASSIGN_OR_RETURN(const format::DeletionVectorPtr deletions,
                        plan.dataset->DeletionsOf(fragment));
    scan->ranges_ = LiveRanges(fragment.physical_rows, deletions.get());
    if (skip > 0 || limit < fragment.num_rows()) {
      CutRanges(skip, limit, scan->ranges_);
    } else if (deletions != nullptr &&
               scan->ranges_.size() > 1 + fragment.physical_rows / kRowsPerRangeMin) {
      scan->ranges_ = {{0, fragment.physical_rows}};
      scan->dropped_ = deletions;
    }
    OG_ASSIGN_OR_RETURN(scan->virtual_columns_, plan.output.OpenVirtual(*plan.dataset, fragment));
    if (plan.filter != nullptr) {
      OG_ASSIGN_OR_RETURN(scan->filter_reader_, scan->OpenReader(plan.filter_fields));
      OG_ASSIGN_OR_RETURN(scan->rows_, scan->OpenRows(*scan->filter_reader_));
      scan->state_ = State::kUndecided;
    } else {
      OG_ASSIGN_OR_RETURN(scan->all_reader_, scan->OpenReader(plan.output.fields));
      OG_ASSIGN_OR_RETURN(scan->rows_, scan->OpenRows(*scan->all_reader_));
      scan->state_ = State::kTogether;
    }
    return scan;
  }

  FragmentScan(const ScanPlan& plan, const format::Fragment& fragment)
      : plan_(plan), fragment_(fragment) {}

  // The next batch, never an empty one; nullopt at the end.
  absl::StatusOr<std::optional<RecordBatch>> Next() {
    while (true) {
      if (state_ == State::kUndecided) {
        OG_RETURN_IF_ERROR(Decide());
      }
      OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch,
                          state_ == State::kLate ? NextLate() : NextTogether());
      if (!batch || batch->num_rows > 0) {
        return batch;
      }
    }
  }

 private:
  enum class State : uint8_t { kUndecided, kTogether, kLate };

  absl::StatusOr<std::shared_ptr<const FragmentReader>> OpenReader(const Projection& fields) const {
    return FragmentReader::Open(*plan_.dataset->session(), plan_.dataset->folders(),
                                plan_.dataset->manifest(), fragment_, fields, plan_.read);
  }

  absl::StatusOr<LiveRows> OpenRows(const FragmentReader& reader) const {
    return LiveRows::Open(reader, ranges_, dropped_,
                          plan_.filter != nullptr || plan_.output.virtual_columns.any());
  }

  // Looks at the first batch of filter columns to choose how to go on.
  absl::Status Decide() {
    if (plan_.late_fields.empty()) {
      all_reader_ = filter_reader_;
      state_ = State::kTogether;
      return absl::OkStatus();
    }
    OG_ASSIGN_OR_RETURN(std::optional<LiveRows::Rows> rows, rows_->Next());
    std::vector<int64_t> kept;
    if (rows) {
      OG_ASSIGN_OR_RETURN(kept, expr::EvaluateFilter(*plan_.filter, rows->batch));
    }
    if (rows && static_cast<double>(kept.size()) >
                    kLateShareMax * static_cast<double>(rows->batch.num_rows)) {
      OG_ASSIGN_OR_RETURN(all_reader_, OpenReader(plan_.all_fields));
      OG_ASSIGN_OR_RETURN(rows_, OpenRows(*all_reader_));
      state_ = State::kTogether;
      return absl::OkStatus();
    }
    OG_ASSIGN_OR_RETURN(all_reader_, OpenReader(plan_.late_fields));
    state_ = State::kLate;
    if (rows) {
      Keep(*rows, kept);
    } else {
      ended_ = true;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<RecordBatch>> NextTogether() {
    OG_ASSIGN_OR_RETURN(std::optional<LiveRows::Rows> rows, rows_->Next());
    if (!rows) {
      return std::nullopt;
    }
    if (plan_.filter != nullptr) {
      OG_ASSIGN_OR_RETURN(const std::vector<int64_t> kept,
                          expr::EvaluateFilter(*plan_.filter, rows->batch));
      if (kept.size() != rows->offsets.size()) {
        Select(kept, *rows);
      }
    }
    return Finish({&rows->batch, &all_reader_->fields()}, {}, rows->batch.num_rows, rows->offsets);
  }

  absl::StatusOr<std::optional<RecordBatch>> NextLate() {
    while (!ended_ && kept_offsets_.size() < plan_.batch_rows) {
      OG_ASSIGN_OR_RETURN(std::optional<LiveRows::Rows> rows, rows_->Next());
      if (!rows) {
        ended_ = true;
        break;
      }
      OG_ASSIGN_OR_RETURN(const std::vector<int64_t> kept,
                          expr::EvaluateFilter(*plan_.filter, rows->batch));
      Keep(*rows, kept);
    }
    if (kept_offsets_.empty()) {
      return std::nullopt;
    }
    const size_t count = std::min<size_t>(kept_offsets_.size(), plan_.batch_rows);
    RecordBatch filtered = format::Concat(kept_batches_);
    kept_batches_.clear();
    std::vector<uint64_t> offsets(kept_offsets_.begin(),
                                  kept_offsets_.begin() + static_cast<ptrdiff_t>(count));
    kept_offsets_.erase(kept_offsets_.begin(),
                        kept_offsets_.begin() + static_cast<ptrdiff_t>(count));
    if (!kept_offsets_.empty()) {
      kept_batches_.push_back(format::Slice(filtered, static_cast<int64_t>(count),
                                            filtered.num_rows - static_cast<int64_t>(count)));
      filtered = format::Slice(filtered, 0, static_cast<int64_t>(count));
    }
    OG_ASSIGN_OR_RETURN(const RecordBatch late, all_reader_->Take(offsets));
    return Finish({&late, &all_reader_->fields()}, {&filtered, &filter_reader_->fields()},
                  static_cast<int64_t>(count), offsets);
  }

  static void Select(std::span<const int64_t> kept, LiveRows::Rows& rows) {
    rows.batch = format::Take(rows.batch, kept);
    std::vector<uint64_t> offsets;
    offsets.reserve(kept.size());
    for (const int64_t i : kept) {
      offsets.push_back(rows.offsets[static_cast<size_t>(i)]);
    }
    rows.offsets = std::move(offsets);
  }

  void Keep(LiveRows::Rows& rows, std::span<const int64_t> kept) {
    if (kept.empty()) {
      return;
    }
    Select(kept, rows);
    kept_offsets_.insert(kept_offsets_.end(), rows.offsets.begin(), rows.offsets.end());
    kept_batches_.push_back(std::move(rows.batch));
  }

  absl::StatusOr<std::optional<RecordBatch>> Finish(const ReadColumns& first,
                                                    const ReadColumns& second, int64_t num_rows,
                                                    std::span<const uint64_t> offsets) const {
    OG_ASSIGN_OR_RETURN(RecordBatch batch,
                        plan_.output.Assemble(*plan_.dataset, *all_reader_, first, second, num_rows,
                                              offsets, virtual_columns_));
    return batch;
  }

  const ScanPlan& plan_;
  const format::Fragment& fragment_;
  State state_ = State::kUndecided;
  std::vector<RowRange> ranges_;
  format::DeletionVectorPtr dropped_;
  VirtualColumns virtual_columns_;
  std::shared_ptr<const FragmentReader> filter_reader_;
  std::shared_ptr<const FragmentReader> all_reader_;
  std::optional<LiveRows> rows_;
  bool ended_ = false;
  std::vector<RecordBatch> kept_batches_;  // filter columns of rows that wait for the others
  std::vector<uint64_t> kept_offsets_;
};

class ScanStream final : public format::BatchStream {
 public:
  ScanStream(ScanPlan plan, const ScanOptions& options)
      : plan_(std::move(plan)),
        skip_(options.offset),
        limit_(options.limit.value_or(UINT64_MAX)),
        limited_(options.limit.has_value()) {
    for (const format::Fragment& fragment : plan_.dataset->manifest().fragments) {
      if (!options.fragment_ids ||
          std::ranges::find(*options.fragment_ids, fragment.id) != options.fragment_ids->end()) {
        fragments_.push_back(&fragment);
      }
    }
  }

  const format::SchemaPtr& schema() const override { return plan_.output.schema; }

  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    while (limit_ > 0) {
      OG_RETURN_IF_ERROR(OpenAhead());
      if (open_.empty()) {
        return std::nullopt;
      }
      OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch, open_.front()->Next());
      if (!batch) {
        open_.pop_front();
        continue;
      }
      if (plan_.filter != nullptr && skip_ > 0) {
        const auto skipped = std::min(skip_, static_cast<uint64_t>(batch->num_rows));
        skip_ -= skipped;
        batch = format::Slice(*batch, static_cast<int64_t>(skipped),
                              batch->num_rows - static_cast<int64_t>(skipped));
        if (batch->num_rows == 0) {
          continue;
        }
      }
      if (static_cast<uint64_t>(batch->num_rows) > limit_) {
        batch = format::Slice(*batch, 0, static_cast<int64_t>(limit_));
      }
      limit_ -= static_cast<uint64_t>(batch->num_rows);
      return batch;
    }
    return std::nullopt;
  }

 private:
  // Opens the next fragments: one, and one more ahead when all rows are wanted.
  absl::Status OpenAhead() {
    const size_t wanted = limited_ ? 1 : 2;
    while (open_.size() < wanted && next_ < fragments_.size()) {
      const format::Fragment& fragment = *fragments_[next_++];
      uint64_t skip = 0;
      uint64_t limit = UINT64_MAX;
      if (plan_.filter == nullptr) {
        if (skip_ >= fragment.num_rows()) {
          skip_ -= fragment.num_rows();
          continue;
        }
        skip = skip_;
        skip_ = 0;
        limit = limit_;
      }
      OG_ASSIGN_OR_RETURN(auto scan, FragmentScan::Open(plan_, fragment, skip, limit));
      open_.push_back(std::move(scan));
    }
    return absl::OkStatus();
  }

  const ScanPlan plan_;
  uint64_t skip_;
  uint64_t limit_;
  const bool limited_;
  std::vector<const format::Fragment*> fragments_;
  size_t next_ = 0;
  std::deque<std::unique_ptr<FragmentScan>> open_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<format::BatchStream>> DatasetHandle::Scan(
    const ScanOptions& options) const {
  if (options.batch_rows <= 0) {
    return io::InvalidArgumentError(io::StrCat("batches of ", options.batch_rows, " rows"));
  }
  ScanPlan plan;
  plan.dataset = std::static_pointer_cast<const DatasetHandle>(shared_from_this());
  OG_ASSIGN_OR_RETURN(plan.output,
                      MakeOutput(*this, options.columns,
                                 {.row_id = options.with_row_id,
                                  .row_address = options.with_row_address,
                                  .created_at_version = options.with_created_at_version,
                                  .last_updated_at_version = options.with_last_updated_at_version},
                                 options.blobs));
  plan.batch_rows = static_cast<uint64_t>(options.batch_rows);
  plan.read = {.batch_rows = plan.batch_rows,
               .dictionary_strings = options.dictionary_strings,
               .blob_contents = options.blobs == BlobHandling::kContents,
               .pool = options.threads == 1 ? nullptr : &env_->pool()};
  if (options.filter != nullptr) {
    plan.filter = options.filter;
    OG_RETURN_IF_ERROR(expr::CheckFilter(*options.filter, *schema_));
    OG_ASSIGN_OR_RETURN(plan.filter_fields,
                        ProjectPaths(lance_schema(), expr::ColumnsOf(*options.filter)));
    plan.all_fields = Union(lance_schema(), plan.output.fields, plan.filter_fields);
    for (const format::LanceField& field : plan.output.fields) {
      const auto in_filter = IndexOfField(plan.filter_fields, field.id);
      if (!in_filter || field.is_blob() || !(plan.filter_fields[*in_filter] == field)) {
        plan.late_fields.push_back(field);
      }
    }
  }
  return std::make_unique<ScanStream>(std::move(plan), options);
}

absl::StatusOr<uint64_t> DatasetHandle::CountRows(std::shared_ptr<const expr::Expr> filter) const {
  if (filter == nullptr) {
    return num_rows_;
  }
  ScanOptions options;
  options.columns.emplace();
  options.filter = std::move(filter);
  options.batch_rows = 65536;
  OG_ASSIGN_OR_RETURN(const auto stream, Scan(options));
  uint64_t rows = 0;
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
    if (!batch) {
      return rows;
    }
    rows += static_cast<uint64_t>(batch->num_rows);
  }
}

}  // namespace og::engine::dataset
