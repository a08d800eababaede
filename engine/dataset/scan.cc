// Scans: fragments one after the other, the next one opened while the current one is consumed.
//
// With a filter its columns are read first. Where it keeps few rows (judged by the first batch of
// the fragment, or of a part of it) the other columns are fetched for the survivors only; else all
// columns are read together. Files on this machine are read in parts (late_part.h), from others the
// next rows are fetched while these are tested.
#include <algorithm>
#include <deque>
#include <iterator>
#include <numeric>
#include <utility>

#include "engine/dataset/blob_reader.h"
#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/index_plan.h"
#include "engine/dataset/indices.h"
#include "engine/dataset/json_columns.h"
#include "engine/dataset/late_part.h"
#include "engine/dataset/live_rows.h"
#include "engine/dataset/output.h"
#include "engine/dataset/picked_scan.h"
#include "engine/dataset/sieved_scan.h"
#include "engine/dataset/staging.h"
#include "engine/dataset/tail_prefetch.h"
#include "engine/expr/bind.h"
#include "engine/expr/expr.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"
#include "io/env/worker_pool.h"

namespace og::engine::dataset {
namespace {

using format::RecordBatch;
using format::RowRange;

// Live rows as ranges are worth it up to this many rows per range; below, rows are dropped after
// reading.
constexpr uint64_t kRowsPerRangeMin = 64;

// Rows of filter columns that are tested at once, if every row will be.
constexpr uint64_t kTestedRows = 65536;

// Rows of a part of a fragment; a whole number of chunks of most pages.
constexpr uint64_t kPartRows = 2 * kTestedRows;

// Batches of single parts are put together up to this size.
constexpr uint64_t kGatheredBytesMax = uint64_t{1} << 20;

struct ScanPlan {
  std::shared_ptr<const DatasetHandle> dataset;
  Output output;
  RowPicker pick;  // tests the filter; empty: there is none
  Projection filter_fields;
  Projection all_fields;   // output and filter
  Projection late_fields;  // output without what the filter reads whole
  FragmentReadOptions read;
  FragmentReadOptions read_filter;  // the same for filter columns alone
  uint64_t batch_rows = 0;
  size_t tests_ahead = 1;  // batches that are tested at once
  size_t takes_ahead = 1;  // batches of rows found whose other columns are read at once
  bool can_read_in_parts = false;
  // What indexes said about the filter; null: nothing.
  std::shared_ptr<const IndexAnswer> answer;
  Projection rest_fields;       // what answer->rest reads
  Projection late_rest_fields;  // output without what answer->rest reads whole
};

// The fields of `output` that are not read whole as part of `read`.
Projection Without(const Projection& output, const Projection& read) {
  Projection late;
  for (const format::LanceField& field : output) {
    const auto at = IndexOfField(read, field.id);
    if (!at || field.is_blob() || !(read[*at] == field)) {
      late.push_back(field);
    }
  }
  return late;
}

// A batch whose rows are tested in the pool.
class RowTest {
 public:
  // All must outlive the test, `pool` may be null.
  RowTest(const RowPicker& pick, LiveRows::Rows rows, io::WorkerPool* pool)
      : pick_(pick), rows_(std::move(rows)) {
    if (pool != nullptr) {
      group_.emplace(*pool);
      group_->Run([this] { return Run(); });
    }
  }

  // Waits for the rows that have passed.
  absl::StatusOr<LiveRows::Rows> Finish() {
    OG_RETURN_IF_ERROR(group_.has_value() ? group_->Wait() : Run());
    return std::move(rows_);
  }

 private:
  absl::Status Run() {
    OG_ASSIGN_OR_RETURN(const std::vector<int64_t> kept, pick_(rows_.batch));
    rows_.Select(kept);
    return absl::OkStatus();
  }

  const RowPicker& pick_;
  LiveRows::Rows rows_;
  std::optional<io::TaskGroup> group_;  // last: waits before the rest goes
};

// Whether what `reader` reads lies on this machine.
bool IsLocal(const FragmentReader& reader) {
  for (size_t i = 0; i < reader.fields().size(); ++i) {
    const io::Location* const file = reader.file_of(i);
    if (file != nullptr && !file->store->is_local()) {
      return false;
    }
  }
  return true;
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
    if (plan.pick) {
      OG_ASSIGN_OR_RETURN(const bool is_in_parts, scan->OpenParts());
      if (is_in_parts) {
        return scan;
      }
      OG_ASSIGN_OR_RETURN(scan->filter_reader_,
                          scan->OpenReader(plan.filter_fields, plan.read_filter));
      OG_ASSIGN_OR_RETURN(scan->rows_, scan->OpenRows(*scan->filter_reader_));
      scan->state_ = State::kUndecided;
    } else {
      OG_ASSIGN_OR_RETURN(scan->all_reader_, scan->OpenReader(plan.output.fields, plan.read));
      OG_ASSIGN_OR_RETURN(scan->rows_, scan->OpenRows(*scan->all_reader_));
      scan->state_ = State::kTogether;
    }
    return scan;
  }

  // The rows at `offsets`, live and ascending, as far as they fulfil the rest of the filter.
  static absl::StatusOr<std::unique_ptr<FragmentScan>> OpenOffsets(
      const ScanPlan& plan, const format::Fragment& fragment,
      const std::vector<uint64_t>& offsets) {
    auto scan = std::make_unique<FragmentScan>(plan, fragment);
    scan->wanted_ = offsets;
    scan->state_ = State::kOffsets;
    OG_ASSIGN_OR_RETURN(scan->virtual_columns_, plan.output.OpenVirtual(*plan.dataset, fragment));
    if (plan.answer->rest != nullptr) {
      OG_ASSIGN_OR_RETURN(scan->filter_reader_, scan->OpenReader(plan.rest_fields, plan.read));
    }
    OG_ASSIGN_OR_RETURN(scan->all_reader_, scan->OpenReader(plan.late_rest_fields, plan.read));
    return scan;
  }

  FragmentScan(const ScanPlan& plan, const format::Fragment& fragment)
      : plan_(plan), fragment_(fragment) {}

  // The next batch, never an empty one; nullopt at the end.
  absl::StatusOr<std::optional<RecordBatch>> Next() {
    while (!rest_ || rest_->num_rows == 0) {
      if (state_ == State::kUndecided) {
        OG_RETURN_IF_ERROR(Decide());
      }
      OG_ASSIGN_OR_RETURN(rest_, NextRows());
      if (!rest_) {
        return std::nullopt;
      }
    }
    const auto batch_rows = static_cast<int64_t>(plan_.batch_rows);
    if (rest_->num_rows <= batch_rows) {
      return std::exchange(rest_, std::nullopt);
    }
    RecordBatch batch = format::Slice(*rest_, 0, batch_rows);
    rest_ = format::Slice(*rest_, batch_rows, rest_->num_rows - batch_rows);
    return batch;
  }

  // Starts to read what is known to be wanted.
  absl::Status Start() {
    switch (state_) {
      case State::kOffsets:
        return StartLate();
      case State::kParts:
        return StartParts();
      default:
        return absl::OkStatus();
    }
  }

  // Whether all that is known to be wanted is being read, so that another fragment may start.
  bool has_started_all() const {
    return (state_ == State::kOffsets && wanted_.empty()) ||
           (state_ == State::kParts && unstarted_.empty() && !is_dense_);
  }

 private:
  enum class State : uint8_t { kUndecided, kTogether, kLate, kOffsets, kParts };

  // Rows that were found, whose other columns are being read.
  struct LateRows {
    RecordBatch filtered;  // columns of the filter
    std::vector<uint64_t> offsets;
    std::unique_ptr<format::PendingRows> rest;
  };

  absl::StatusOr<std::shared_ptr<const FragmentReader>> OpenReader(
      const Projection& fields, const FragmentReadOptions& options) const {
    return FragmentReader::Open(*plan_.dataset->session(), plan_.dataset->folders(),
                                plan_.dataset->manifest(), fragment_, fields, options);
  }

  absl::StatusOr<LiveRows> OpenRows(const FragmentReader& reader) const {
    return LiveRows::Open(reader, ranges_, dropped_);
  }

  absl::StatusOr<std::optional<RecordBatch>> NextRows() {
    if (state_ == State::kParts) {
      OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch, NextOfParts());
      if (batch || state_ == State::kParts) {
        return batch;
      }
    }
    return state_ == State::kTogether ? NextTogether() : NextLate();
  }

  // Opens what parts of the fragment read, if it is to be read in parts.
  absl::StatusOr<bool> OpenParts() {
    if (!plan_.can_read_in_parts) {
      return false;
    }
    FragmentReadOptions read = plan_.read_filter;
    read.pool = nullptr;
    OG_ASSIGN_OR_RETURN(readers_.filter, OpenReader(plan_.filter_fields, read));
    if (!plan_.late_fields.empty()) {
      OG_ASSIGN_OR_RETURN(readers_.others, OpenReader(plan_.late_fields, read));
    }
    if (!IsLocal(*readers_.filter) || (readers_.others != nullptr && !IsLocal(*readers_.others))) {
      return false;
    }
    readers_.pick = plan_.pick;
    readers_.dropped = dropped_;
    readers_.batch_rows = plan_.batch_rows;
    unstarted_ = ranges_;
    state_ = State::kParts;
    return true;
  }

  // Cuts the rows of the next part off `unstarted_`.
  std::vector<RowRange> RangesOfPart() {
    std::vector<RowRange> part = unstarted_;
    CutRanges(0, kPartRows, part);
    CutRanges(kPartRows, UINT64_MAX, unstarted_);
    return part;
  }

  absl::Status StartParts() {
    while (!is_dense_ && parts_.size() < plan_.tests_ahead && !unstarted_.empty()) {
      parts_.push_back(std::make_unique<LatePart>(readers_, RangesOfPart(), *plan_.read.pool));
    }
    return absl::OkStatus();
  }

  // The next batch of rows that parts have found; nullopt at the end, and where so many rows pass
  // that the state changes.
  absl::StatusOr<std::optional<RecordBatch>> NextOfParts() {
    std::vector<RecordBatch> gathered;
    uint64_t rows = 0;
    uint64_t bytes = 0;
    while (rows < plan_.batch_rows && bytes < kGatheredBytesMax) {
      if (found_.empty()) {
        OG_ASSIGN_OR_RETURN(const bool has_found, FinishPart());
        if (!has_found) {
          break;
        }
        continue;
      }
      const FoundRows found = std::move(found_.front());
      found_.pop_front();
      const FragmentReader& others =
          readers_.others != nullptr ? *readers_.others : *readers_.filter;
      const ReadColumns filtered{&found.filtered, &readers_.filter->fields()};
      OG_ASSIGN_OR_RETURN(
          RecordBatch batch,
          plan_.output.Assemble(
              *plan_.dataset, others,
              readers_.others == nullptr ? filtered : ReadColumns{&found.others, &others.fields()},
              readers_.others == nullptr ? ReadColumns{} : filtered, std::ssize(found.offsets),
              found.offsets, virtual_columns_));
      rows += found.offsets.size();
      bytes += MemoryBytes(batch);
      gathered.push_back(std::move(batch));
    }
    if (!gathered.empty()) {
      OG_RETURN_IF_ERROR(DecodeMixedDictionaries(gathered));
      return format::TryConcat(gathered);
    }
    if (is_dense_) {
      OG_ASSIGN_OR_RETURN(all_reader_, OpenReader(plan_.all_fields, plan_.read));
      ranges_ = std::move(unstarted_);
      OG_ASSIGN_OR_RETURN(rows_, OpenRows(*all_reader_));
      state_ = State::kTogether;
    }
    return std::nullopt;
  }

  // Waits for the next part; false if there is none.
  absl::StatusOr<bool> FinishPart() {
    if (is_dense_) {
      return false;
    }
    OG_RETURN_IF_ERROR(StartParts());
    if (parts_.empty()) {
      return false;
    }
    OG_ASSIGN_OR_RETURN(LatePart::Found part, parts_.front()->Finish());
    parts_.pop_front();
    if (part.is_dense) {
      is_dense_ = true;
      for (const std::unique_ptr<LatePart>& next : parts_)
        part.left.insert(part.left.end(), next->ranges().begin(), next->ranges().end());
      unstarted_.insert(unstarted_.begin(), part.left.begin(), part.left.end());
      parts_.clear();
      return false;
    }
    if (!part.left.empty()) {
      parts_.push_front(
          std::make_unique<LatePart>(readers_, std::move(part.left), *plan_.read.pool));
    }
    OG_RETURN_IF_ERROR(StartParts());
    found_.assign(std::make_move_iterator(part.rows.begin()),
                  std::make_move_iterator(part.rows.end()));
    return true;
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
      OG_ASSIGN_OR_RETURN(kept, plan_.pick(rows->batch));
    }
    if (rows && static_cast<double>(kept.size()) >
                    kLateShareMax * static_cast<double>(rows->batch.num_rows)) {
      OG_ASSIGN_OR_RETURN(all_reader_, OpenReader(plan_.all_fields, plan_.read));
      OG_ASSIGN_OR_RETURN(rows_, OpenRows(*all_reader_));
      state_ = State::kTogether;
      return absl::OkStatus();
    }
    OG_ASSIGN_OR_RETURN(all_reader_, OpenReader(plan_.late_fields, plan_.read));
    state_ = State::kLate;
    if (rows) {
      rows->Select(kept);
      Keep(*std::move(rows));
    } else {
      ended_ = true;
    }
    return absl::OkStatus();
  }

  // The rows of the next batch that pass the filter; nullopt at the end. Some batches are tested
  // ahead.
  absl::StatusOr<std::optional<LiveRows::Rows>> NextTested() {
    while (!ended_ && tests_.size() < plan_.tests_ahead) {
      OG_ASSIGN_OR_RETURN(std::optional<LiveRows::Rows> rows, rows_->Next());
      ended_ = !rows.has_value();
      if (rows) {
        tests_.push_back(std::make_unique<RowTest>(plan_.pick, *std::move(rows), plan_.read.pool));
      }
    }
    if (tests_.empty()) {
      return std::nullopt;
    }
    const std::unique_ptr<RowTest> test = std::move(tests_.front());
    tests_.pop_front();
    return test->Finish();
  }

  absl::StatusOr<std::optional<RecordBatch>> NextTogether() {
    OG_ASSIGN_OR_RETURN(std::optional<LiveRows::Rows> rows,
                        plan_.pick ? NextTested() : rows_->Next());
    if (!rows) {
      return std::nullopt;
    }
    if (plan_.output.virtual_columns.any()) {
      rows->ListOffsets();
    }
    return Finish({&rows->batch, &all_reader_->fields()}, {}, rows->batch.num_rows, rows->offsets);
  }

  // The next rows that pass the filter, as many as a batch may have.
  absl::StatusOr<std::optional<LateRows>> NextKept() {
    while (kept_offsets_.size() < plan_.batch_rows) {
      OG_ASSIGN_OR_RETURN(std::optional<LiveRows::Rows> rows, NextTested());
      if (!rows) {
        break;
      }
      Keep(*std::move(rows));
    }
    if (kept_offsets_.empty()) {
      return std::nullopt;
    }
    const size_t count = std::min<size_t>(kept_offsets_.size(), plan_.batch_rows);
    OG_RETURN_IF_ERROR(DecodeMixedDictionaries(kept_batches_));
    LateRows rows;
    OG_ASSIGN_OR_RETURN(rows.filtered, format::TryConcat(kept_batches_));
    kept_batches_.clear();
    const auto end = kept_offsets_.begin() + static_cast<ptrdiff_t>(count);
    rows.offsets.assign(kept_offsets_.begin(), end);
    kept_offsets_.erase(kept_offsets_.begin(), end);
    if (!kept_offsets_.empty()) {
      kept_batches_.push_back(format::Slice(rows.filtered, static_cast<int64_t>(count),
                                            rows.filtered.num_rows - static_cast<int64_t>(count)));
      rows.filtered = format::Slice(rows.filtered, 0, static_cast<int64_t>(count));
    }
    return rows;
  }

  // The next rows that an index has found.
  absl::StatusOr<std::optional<LateRows>> NextWanted() {
    if (wanted_.empty()) {
      return std::nullopt;
    }
    const size_t count = std::min<size_t>(wanted_.size(), plan_.batch_rows);
    LiveRows::Rows rows{
        .batch = {}, .ranges = {}, .offsets = {wanted_.begin(), wanted_.begin() + count}};
    wanted_ = wanted_.subspan(count);
    if (filter_reader_ != nullptr) {
      OG_ASSIGN_OR_RETURN(rows.batch, filter_reader_->Take(rows.offsets));
      OG_ASSIGN_OR_RETURN(const std::vector<int64_t> kept,
                          expr::EvaluateFilter(*plan_.answer->rest, rows.batch));
      rows.Select(kept);
    }
    return LateRows{
        .filtered = std::move(rows.batch), .offsets = std::move(rows.offsets), .rest = {}};
  }

  // Starts to read the other columns of rows that were found, of some batches at once.
  absl::Status StartLate() {
    while (late_.size() < plan_.takes_ahead) {
      OG_ASSIGN_OR_RETURN(std::optional<LateRows> rows,
                          state_ == State::kOffsets ? NextWanted() : NextKept());
      if (!rows) {
        break;
      }
      OG_ASSIGN_OR_RETURN(rows->rest, all_reader_->StartTake(rows->offsets));
      late_.push_back(*std::move(rows));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<RecordBatch>> NextLate() {
    OG_RETURN_IF_ERROR(StartLate());
    if (late_.empty()) {
      return std::nullopt;
    }
    for (size_t i = 0; i < std::min<size_t>(late_.size(), 2); ++i) {
      OG_RETURN_IF_ERROR(late_[i].rest->Decode());
    }
    const LateRows rows = std::move(late_.front());
    late_.pop_front();
    OG_ASSIGN_OR_RETURN(const RecordBatch rest, rows.rest->Wait());
    const ReadColumns filtered = filter_reader_ == nullptr
                                     ? ReadColumns{}
                                     : ReadColumns{&rows.filtered, &filter_reader_->fields()};
    return Finish({&rest, &all_reader_->fields()}, filtered, std::ssize(rows.offsets),
                  rows.offsets);
  }

  // Lets rows that pass the filter wait for the other columns.
  void Keep(LiveRows::Rows rows) {
    if (rows.batch.num_rows == 0) {
      return;
    }
    rows.ListOffsets();
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
  std::deque<std::unique_ptr<RowTest>> tests_;
  std::deque<LateRows> late_;
  std::optional<RecordBatch> rest_;        // rows to give out, more than a batch may have
  std::vector<RecordBatch> kept_batches_;  // filter columns of rows that wait for the others
  std::vector<uint64_t> kept_offsets_;
  std::span<const uint64_t> wanted_;  // kOffsets: rows that are left
  // kParts:
  LateReaders readers_;
  std::vector<RowRange> unstarted_;
  std::deque<FoundRows> found_;
  bool is_dense_ = false;  // the rest, which is unstarted_, is to be read together
  std::deque<std::unique_ptr<LatePart>> parts_;
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
        if (!Answered(fragment) || plan_.answer->offsets.contains(fragment.id)) {
          fragments_.push_back(&fragment);
        }
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
      if (plan_.pick && skip_ > 0) {
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
  // Whether the rows to read of `fragment` are known from an index.
  bool Answered(const format::Fragment& fragment) const {
    return plan_.answer != nullptr &&
           std::ranges::binary_search(plan_.answer->fragment_ids, fragment.id);
  }

  // Fetches the ends and the deletions of the files that are opened next, if every fragment will
  // be.
  void PrefetchFrom(size_t first) {
    const bool skips_fragments = skip_ > 0 && !plan_.pick;
    if (limited_ || skips_fragments || first < prefetched_) {
      return;
    }
    prefetched_ = std::min(first + kFragmentsOfPrefetch, fragments_.size());
    PrefetchTails(plan_.dataset->folders(),
                  std::span(fragments_).subspan(first, prefetched_ - first),
                  !plan_.pick ? plan_.output.fields : plan_.all_fields);
    plan_.dataset->PrefetchDeletions(std::span(fragments_).subspan(first, prefetched_ - first));
  }

  // Opens the next fragments: one, and one more ahead when all rows are wanted.
  absl::Status OpenAhead() {
    const size_t wanted = limited_ ? 1 : 2;
    while (open_.size() < wanted && next_ < fragments_.size()) {
      PrefetchFrom(next_);
      const format::Fragment& fragment = *fragments_[next_++];
      uint64_t skip = 0;
      uint64_t limit = UINT64_MAX;
      if (!plan_.pick) {
        if (skip_ >= fragment.num_rows()) {
          skip_ -= fragment.num_rows();
          continue;
        }
        skip = skip_;
        skip_ = 0;
        limit = limit_;
      }
      OG_ASSIGN_OR_RETURN(
          auto scan,
          Answered(fragment)
              ? FragmentScan::OpenOffsets(plan_, fragment, plan_.answer->offsets.at(fragment.id))
              : FragmentScan::Open(plan_, fragment, skip, limit));
      open_.push_back(std::move(scan));
    }
    for (const std::unique_ptr<FragmentScan>& scan : open_) {
      OG_RETURN_IF_ERROR(scan->Start());
      if (!scan->has_started_all()) {
        break;
      }
    }
    return absl::OkStatus();
  }

  const ScanPlan plan_;
  uint64_t skip_;
  uint64_t limit_;
  const bool limited_;
  std::vector<const format::Fragment*> fragments_;
  size_t next_ = 0;
  size_t prefetched_ = 0;  // fragments before this one need no fetch of their ends
  std::deque<std::unique_ptr<FragmentScan>> open_;
};

// A plan without a filter.
absl::StatusOr<ScanPlan> PlanScan(const DatasetHandle& dataset, const ScanOptions& options,
                                  JsonForm json) {
  if (options.batch_rows <= 0) {
    return io::InvalidArgumentError(io::StrCat("batches of ", options.batch_rows, " rows"));
  }
  ScanPlan plan;
  plan.dataset = std::static_pointer_cast<const DatasetHandle>(dataset.shared_from_this());
  OG_ASSIGN_OR_RETURN(plan.output,
                      MakeOutput(dataset, options.columns,
                                 {.row_id = options.with_row_id,
                                  .row_address = options.with_row_address,
                                  .created_at_version = options.with_created_at_version,
                                  .last_updated_at_version = options.with_last_updated_at_version},
                                 options.blobs, json));
  plan.batch_rows = static_cast<uint64_t>(options.batch_rows);
  plan.read = {.batch_rows = plan.batch_rows,
               .dictionary_strings = options.dictionary_strings,
               .blob_contents = options.blobs == BlobHandling::kContents,
               .pool = options.threads == 1 ? nullptr : &dataset.env().pool()};
  plan.read_filter = plan.read;
  if (!options.limit && plan.read.pool != nullptr) {
    plan.read_filter.batch_rows = std::max(plan.batch_rows, kTestedRows);
    plan.tests_ahead = plan.read.pool->num_threads() + 1;
    plan.takes_ahead = 3;
    plan.can_read_in_parts = true;
  }
  return plan;
}

// `fields`: what the filter reads.
void PlanFilter(Projection fields, ScanPlan& plan) {
  const format::LanceSchema& schema = plan.dataset->lance_schema();
  plan.filter_fields = std::move(fields);
  plan.all_fields = Union(schema, plan.output.fields, plan.filter_fields);
  plan.late_fields = Without(plan.output.fields, plan.filter_fields);
}

// `filter` as the dataset understands it now.
absl::StatusOr<expr::ExprPtr> BoundFilter(const Dataset& dataset, const expr::ExprPtr& filter) {
  const format::Schema& schema = *HandleOf(dataset).stored_schema();
  expr::ExprPtr bound = expr::Bind(filter, schema, dataset.env().NowUs());
  OG_RETURN_IF_ERROR(RefuseJsonAsText(*bound, dataset.lance_schema()));
  OG_RETURN_IF_ERROR(expr::CheckFilter(*bound, schema));
  return bound;
}

// Plans for rows that pass `filter`, which is bound, found by indexes where these are to be used.
absl::Status PlanFilter(const expr::ExprPtr& filter, const ScanOptions& options, ScanPlan& plan) {
  const format::LanceSchema& schema = plan.dataset->lance_schema();
  OG_ASSIGN_OR_RETURN(Projection fields, ProjectPaths(schema, expr::ColumnsOf(*filter)));
  PlanFilter(std::move(fields), plan);
  plan.pick = [filter](const RecordBatch& batch) { return expr::EvaluateFilter(*filter, batch); };
  if (options.use_indices) {
    OG_ASSIGN_OR_RETURN(plan.answer, SearchIndices(*plan.dataset, filter));
  }
  if (plan.answer != nullptr && plan.answer->rest != nullptr) {
    OG_ASSIGN_OR_RETURN(plan.rest_fields,
                        ProjectPaths(schema, expr::ColumnsOf(*plan.answer->rest)));
  }
  plan.late_rest_fields = Without(plan.output.fields, plan.rest_fields);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<format::BatchStream>> DatasetHandle::Scan(
    const ScanOptions& options) const {
  return ScanAs(options, JsonForm::kText);
}

absl::StatusOr<std::unique_ptr<format::BatchStream>> DatasetHandle::ScanStored(
    const ScanOptions& options) const {
  return ScanAs(options, JsonForm::kStored);
}

absl::StatusOr<std::unique_ptr<format::BatchStream>> DatasetHandle::ScanAs(
    const ScanOptions& options, JsonForm json) const {
  OG_ASSIGN_OR_RETURN(ScanPlan plan, PlanScan(*this, options, json));
  if (options.filter != nullptr) {
    OG_ASSIGN_OR_RETURN(const expr::ExprPtr filter, BoundFilter(*this, options.filter));
    OG_RETURN_IF_ERROR(PlanFilter(filter, options, plan));
  }
  return std::make_unique<ScanStream>(std::move(plan), options);
}

absl::StatusOr<std::unique_ptr<format::BatchStream>> ScanSieved(const Dataset& dataset,
                                                                const ScanOptions& options,
                                                                const std::string& column,
                                                                RowSieve sieve) {
  const DatasetHandle& handle = HandleOf(dataset);
  OG_ASSIGN_OR_RETURN(ScanPlan plan, PlanScan(handle, options, JsonForm::kText));
  OG_ASSIGN_OR_RETURN(Projection fields,
                      ProjectColumns(handle.lance_schema(), std::span(&column, 1)));
  if (options.filter == nullptr) {
    plan.pick = [](const RecordBatch& batch) {
      std::vector<int64_t> rows(static_cast<size_t>(batch.num_rows));
      std::iota(rows.begin(), rows.end(), 0);
      return rows;
    };
  } else {
    OG_ASSIGN_OR_RETURN(const expr::ExprPtr filter, BoundFilter(dataset, options.filter));
    OG_RETURN_IF_ERROR(PlanFilter(filter, options, plan));
    fields = Union(handle.lance_schema(), fields, plan.filter_fields);
  }
  PlanFilter(std::move(fields), plan);
  plan.pick = [column, filter = std::move(plan.pick), sieve = std::move(sieve)](
                  const RecordBatch& batch) -> absl::StatusOr<std::vector<int64_t>> {
    OG_ASSIGN_OR_RETURN(std::vector<int64_t> rows, filter(batch));
    return sieve(*format::DecodeDictionary(batch.Column(column)), std::move(rows));
  };
  return std::make_unique<ScanStream>(std::move(plan), options);
}

absl::StatusOr<std::unique_ptr<format::BatchStream>> ScanPicked(
    const DatasetHandle& dataset, const ScanOptions& options,
    const std::vector<std::string>& columns, RowPicker pick) {
  OG_ASSIGN_OR_RETURN(ScanPlan plan, PlanScan(dataset, options, JsonForm::kStored));
  OG_ASSIGN_OR_RETURN(Projection fields, ProjectColumns(dataset.lance_schema(), columns));
  PlanFilter(std::move(fields), plan);
  plan.pick = std::move(pick);
  return std::make_unique<ScanStream>(std::move(plan), options);
}

absl::StatusOr<uint64_t> DatasetHandle::CountRows(std::shared_ptr<const expr::Expr> filter) const {
  if (filter == nullptr) {
    return num_rows_;
  }
  ScanOptions options;
  options.columns.emplace();
  options.batch_rows = 65536;
  uint64_t rows = 0;
  OG_ASSIGN_OR_RETURN(options.filter, BoundFilter(*this, filter));
  OG_ASSIGN_OR_RETURN(const auto answer, SearchIndices(*this, options.filter));
  if (answer != nullptr && answer->rest == nullptr) {
    rows = answer->num_rows;
    options.fragment_ids.emplace();
    for (const format::Fragment& fragment : manifest().fragments) {
      if (!std::ranges::binary_search(answer->fragment_ids, fragment.id)) {
        options.fragment_ids->push_back(fragment.id);
      }
    }
    options.use_indices = false;
  }
  OG_ASSIGN_OR_RETURN(const auto stream, Scan(options));
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
    if (!batch) {
      return rows;
    }
    rows += static_cast<uint64_t>(batch->num_rows);
  }
}

absl::StatusOr<ScanExplanation> ExplainScan(const Dataset& dataset, const ScanOptions& options) {
  const auto& handle = static_cast<const DatasetHandle&>(dataset);
  ScanExplanation explanation;
  std::shared_ptr<const IndexAnswer> answer;
  expr::ExprPtr filter;
  if (options.filter != nullptr) {
    OG_ASSIGN_OR_RETURN(filter, BoundFilter(dataset, options.filter));
    if (options.use_indices) {
      OG_ASSIGN_OR_RETURN(answer, SearchIndices(handle, filter));
    }
  }
  const auto selected = [&](const format::Fragment& fragment) {
    return !options.fragment_ids ||
           std::ranges::find(*options.fragment_ids, fragment.id) != options.fragment_ids->end();
  };
  uint64_t by_index = 0;
  for (const format::Fragment& fragment : dataset.manifest().fragments) {
    if (!selected(fragment)) {
      continue;
    }
    ++explanation.num_fragments;
    if (answer == nullptr || !std::ranges::binary_search(answer->fragment_ids, fragment.id)) {
      ++explanation.num_fragments_scanned;
    } else if (answer->offsets.contains(fragment.id)) {
      ++by_index;
    } else {
      ++explanation.num_fragments_pruned;
    }
  }
  std::string columns = "all columns";
  if (options.columns) {
    columns = io::StrCat("columns [", io::Join(*options.columns, ", "), "]");
  }
  std::string indent;
  const auto line = [&](std::string_view text) {
    explanation.plan += io::StrCat(indent, text, "\n");
    indent += "  ";
  };
  if (options.limit || options.offset > 0) {
    line(io::StrCat("Limit: ", options.limit ? io::StrCat(*options.limit) : "none", " after ",
                    options.offset));
  }
  const std::string deeper = indent;
  if (explanation.num_fragments_scanned > 0 || answer == nullptr) {
    line(io::StrCat("Scan: ", columns, ", ", explanation.num_fragments_scanned, " of ",
                    explanation.num_fragments, " fragments",
                    filter != nullptr ? io::StrCat(", where ", filter->ToString()) : ""));
    indent = deeper;
  }
  if (answer != nullptr) {
    explanation.num_rows_from_index = answer->num_rows;
    line(io::StrCat(
        "Take: ", columns, ", ", by_index, " of ", explanation.num_fragments, " fragments",
        answer->rest != nullptr ? io::StrCat(", where ", answer->rest->ToString()) : ""));
    line(io::StrCat("Index: ", answer->text));
  }
  return explanation;
}

}  // namespace og::engine::dataset
