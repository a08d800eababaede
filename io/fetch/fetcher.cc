#include "io/fetch/fetcher.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/fetch/fetch_totals.h"
#include "io/fetch/merge.h"

namespace og::io {
namespace {

constexpr uint64_t kLocalGapBytes = uint64_t{4} << 10;
constexpr uint64_t kRemoteGapBytes = uint64_t{64} << 10;

// Longer ranges belong to scans, which would drive everything else out of the cache.
constexpr uint64_t kMaxCachedRangeBytes = uint64_t{1} << 20;

constexpr size_t kNoWant = SIZE_MAX;

// Of all fetchers.
struct Totals {
  std::atomic<uint64_t> ranges = 0;
  std::atomic<uint64_t> bytes_requested = 0;
  std::atomic<uint64_t> requests = 0;
  std::atomic<uint64_t> bytes_read = 0;
  std::atomic<uint64_t> merged_ranges = 0;
  std::atomic<uint64_t> merged_bytes = 0;
  std::atomic<uint64_t> gap_bytes = 0;
  std::atomic<uint64_t> cached_pages = 0;
};
constinit Totals totals;

void Add(std::atomic<uint64_t>& sum, uint64_t amount) {
  if (amount > 0) sum.fetch_add(amount, std::memory_order_relaxed);
}

}  // namespace

FetchTotals FetchTotalsOfProcess() {
  return {.ranges = totals.ranges,
          .bytes_requested = totals.bytes_requested,
          .requests = totals.requests,
          .bytes_read = totals.bytes_read,
          .merged_ranges = totals.merged_ranges,
          .merged_bytes = totals.merged_bytes,
          .gap_bytes = totals.gap_bytes,
          .cached_pages = totals.cached_pages};
}

struct Fetcher::State {
  explicit State(FetchOptions options_in) : options(std::move(options_in)) {}

  // Takes `bytes` from the budget of bytes under way, or refuses.
  bool TryStart(uint64_t bytes) {
    if (bytes_in_flight.fetch_add(bytes) + bytes <= options.max_bytes_in_flight) return true;
    bytes_in_flight.fetch_sub(bytes);
    return false;
  }

  const FetchOptions options;
  std::atomic<uint64_t> bytes_in_flight = 0;
  std::atomic<uint64_t> requests = 0;
  std::atomic<uint64_t> bytes_read = 0;
  std::atomic<uint64_t> ranges = 0;
  std::atomic<uint64_t> bytes_requested = 0;
  std::atomic<uint64_t> cached_pages = 0;
};

// What was asked for, the parts that have to be read for it, and the reads that bring those.
class PendingFetch::Plan {
 public:
  Plan(std::shared_ptr<Fetcher::State> state, std::vector<FetchRequest> requests);
  ~Plan() { Leave(); }

  // Sends the reads, unless it has happened. Not `is_forced`: only if the budgets allow it now.
  absl::Status Start(bool is_forced);

  absl::StatusOr<std::vector<Buffer>> Finish();

 private:
  // One wanted range.
  struct Want {
    size_t object = 0;
    ByteRange range;
    size_t part = 0;            // that is this range, where the cache has no say
    std::vector<Buffer> pages;  // that cover it, where it has; empty ones are in the parts
  };

  // The reads of one store.
  struct Batch {
    Store* store = nullptr;
    std::vector<ReadRequest> requests;
    std::vector<size_t> reads;  // of which each request is a piece, in order
    PendingReads pending;
  };

  const FetchObject& object(size_t i) const { return requests_[i].object; }
  absl::Status AddWant(size_t object, const ByteRange& range);
  bool IsCacheable(size_t object, const ByteRange& range) const;
  void AddMissingPages(Want& want);
  void AddToBatches(size_t read);
  absl::Status CollectReads();
  Buffer BytesOfPart(size_t part) const;
  void KeepPages();
  Buffer CopyFromPages(const Want& want) const;
  void Leave();

  const std::shared_ptr<Fetcher::State> state_;
  const std::vector<FetchRequest> requests_;
  absl::Status status_;
  std::vector<Want> wants_;
  std::vector<ObjectRange> parts_;
  // For each part the wanted range that it fills pages of, or kNoWant.
  std::vector<size_t> want_of_part_;
  MergedRanges merged_;
  std::vector<Buffer> bytes_of_read_;
  std::vector<Batch> batches_;
  uint64_t num_bytes_ = 0;  // of all reads
  bool is_started_ = false;
  bool is_counted_ = false;  // in bytes_in_flight
  MemoryReservation memory_;
};

PendingFetch::Plan::Plan(std::shared_ptr<Fetcher::State> state, std::vector<FetchRequest> requests)
    : state_(std::move(state)), requests_(std::move(requests)) {
  for (size_t i = 0; i < requests_.size() && status_.ok(); ++i) {
    for (const ByteRange& range : requests_[i].ranges) {
      status_ = AddWant(i, range);
      if (!status_.ok()) return;
    }
  }
  merged_ = MergeRanges(parts_, state_->options.max_request_bytes, [this](size_t i) {
    return state_->options.merge_gap_bytes.value_or(
        object(i).location.store->is_local() ? kLocalGapBytes : kRemoteGapBytes);
  });
  for (const ObjectRange& read : merged_.reads)
    num_bytes_ += read.range.length;
  uint64_t bytes_requested = 0;
  uint64_t cached_pages = 0;
  for (const Want& want : wants_) {
    bytes_requested += want.range.length;
    cached_pages += static_cast<uint64_t>(
        std::ranges::count_if(want.pages, [](const Buffer& page) { return !page.empty(); }));
  }
  Add(state_->ranges, wants_.size());
  Add(state_->bytes_requested, bytes_requested);
  Add(state_->cached_pages, cached_pages);
  Add(totals.ranges, wants_.size());
  Add(totals.bytes_requested, bytes_requested);
  Add(totals.cached_pages, cached_pages);
}

absl::Status PendingFetch::Plan::AddWant(size_t object_index, const ByteRange& range) {
  if (range.length > UINT64_MAX - range.offset) {
    return OutOfRangeError(StrCat(object(object_index).location.path, ": ", range.length,
                                  " bytes at offset ", range.offset, " leave every object"));
  }
  Want& want = wants_.emplace_back();
  want.object = object_index;
  want.range = range;
  if (range.length == 0) return absl::OkStatus();
  if (IsCacheable(object_index, range)) {
    AddMissingPages(want);
    return absl::OkStatus();
  }
  want.part = parts_.size();
  parts_.push_back({object_index, range});
  want_of_part_.push_back(kNoWant);
  return absl::OkStatus();
}

bool PendingFetch::Plan::IsCacheable(size_t object_index, const ByteRange& range) const {
  const FetchObject& target = object(object_index);
  return state_->options.cache != nullptr && !target.identity.empty() &&
         !target.location.store->is_local() && range.length <= kMaxCachedRangeBytes &&
         range.offset + range.length <= target.size;
}

void PendingFetch::Plan::AddMissingPages(Want& want) {
  const FetchObject& target = object(want.object);
  const uint64_t first = want.range.offset / kCachePageBytes;
  const uint64_t last = (want.range.offset + want.range.length - 1) / kCachePageBytes;
  for (uint64_t page = first; page <= last; ++page) {
    want.pages.push_back(state_->options.cache->Find(target.identity, page));
    if (!want.pages.back().empty()) continue;
    const uint64_t offset = page * kCachePageBytes;
    parts_.push_back({want.object, {offset, std::min(kCachePageBytes, target.size - offset)}});
    want_of_part_.push_back(wants_.size() - 1);
  }
}

absl::Status PendingFetch::Plan::Start(bool is_forced) {
  if (!status_.ok() || is_started_) return status_;
  if (num_bytes_ > 0) {
    is_counted_ = state_->TryStart(num_bytes_);
    if (!is_counted_ && !is_forced) return absl::OkStatus();
    if (state_->options.memory != nullptr) {
      auto memory = state_->options.memory->Reserve(num_bytes_);
      if (!memory.ok()) {
        Leave();
        return is_forced ? memory.status() : absl::OkStatus();
      }
      memory_ = *std::move(memory);
    }
  }
  is_started_ = true;
  bytes_of_read_.resize(merged_.reads.size());
  for (size_t i = 0; i < merged_.reads.size(); ++i)
    AddToBatches(i);
  for (Batch& batch : batches_) {
    Add(state_->requests, batch.requests.size());
    Add(totals.requests, batch.requests.size());
    batch.pending = batch.store->Submit(std::move(batch.requests));
  }
  Add(state_->bytes_read, num_bytes_);
  Add(totals.bytes_read, num_bytes_);
  Add(totals.merged_ranges, merged_.merged_ranges);
  Add(totals.merged_bytes, merged_.merged_bytes);
  Add(totals.gap_bytes, merged_.gap_bytes);
  return absl::OkStatus();
}

void PendingFetch::Plan::AddToBatches(size_t read) {
  const ObjectRange& whole = merged_.reads[read];
  const Location& location = object(whole.object).location;
  auto batch = std::find_if(batches_.begin(), batches_.end(), [&location](const Batch& candidate) {
    return candidate.store == location.store.get();
  });
  if (batch == batches_.end()) {
    batch = batches_.insert(batches_.end(), Batch());
    batch->store = location.store.get();
  }
  const uint64_t step = state_->options.max_request_bytes;
  for (uint64_t done = 0; done < whole.range.length; done += step) {
    batch->requests.push_back(
        {.path = location.path,
         .range = {whole.range.offset + done, std::min(step, whole.range.length - done)},
         .is_immutable = true});
    batch->reads.push_back(read);
  }
}

absl::Status PendingFetch::Plan::CollectReads() {
  for (Batch& batch : batches_) {
    OG_ASSIGN_OR_RETURN(std::vector<Buffer> results, batch.pending.Wait());
    OG_CHECK(results.size() == batch.reads.size());
    for (size_t i = 0; i < results.size();) {
      const size_t read = batch.reads[i];
      if (results[i].size() == merged_.reads[read].range.length) {
        bytes_of_read_[read] = std::move(results[i++]);
        continue;
      }
      MutableBuffer whole;
      whole.Reserve(merged_.reads[read].range.length);
      for (; i < results.size() && batch.reads[i] == read; ++i) {
        whole.Append(std::exchange(results[i], Buffer()).span());
      }
      bytes_of_read_[read] = std::move(whole).Share();
    }
  }
  return absl::OkStatus();
}

Buffer PendingFetch::Plan::BytesOfPart(size_t part) const {
  const size_t read = merged_.read_of_range[part];
  const ByteRange& range = parts_[part].range;
  if (range.length == bytes_of_read_[read].size()) return bytes_of_read_[read];
  return bytes_of_read_[read].Slice(range.offset - merged_.reads[read].range.offset, range.length);
}

// Gives the pages that were missing to the wants and to the cache.
void PendingFetch::Plan::KeepPages() {
  for (size_t part = 0; part < parts_.size(); ++part) {
    if (want_of_part_[part] == kNoWant) continue;
    Want& want = wants_[want_of_part_[part]];
    const uint64_t page = parts_[part].range.offset / kCachePageBytes;
    const Buffer bytes = BytesOfPart(part);
    state_->options.cache->Add(object(want.object).identity, page, bytes.span());
    want.pages[page - want.range.offset / kCachePageBytes] = bytes;
  }
}

Buffer PendingFetch::Plan::CopyFromPages(const Want& want) const {
  const uint64_t start = want.range.offset % kCachePageBytes;
  if (want.pages.size() == 1) return want.pages[0].Slice(start, want.range.length);
  MutableBuffer whole;
  whole.Reserve(want.range.length);
  uint64_t skip = start;
  for (const Buffer& page : want.pages) {
    const uint64_t take = std::min(page.size() - skip, want.range.length - whole.size());
    whole.Append(page.span().subspan(skip, take));
    skip = 0;
  }
  return std::move(whole).Share();
}

absl::StatusOr<std::vector<Buffer>> PendingFetch::Plan::Finish() {
  OG_RETURN_IF_ERROR(Start(/*is_forced=*/true));
  OG_RETURN_IF_ERROR(CollectReads());
  Leave();
  KeepPages();
  std::vector<Buffer> buffers;
  buffers.reserve(wants_.size());
  for (const Want& want : wants_) {
    if (want.range.length == 0) {
      buffers.emplace_back();
    } else if (!want.pages.empty()) {
      buffers.push_back(CopyFromPages(want));
    } else {
      buffers.push_back(BytesOfPart(want.part));
    }
  }
  return buffers;
}

// Drops reads under way and gives the budgets back.
void PendingFetch::Plan::Leave() {
  batches_.clear();
  if (std::exchange(is_counted_, false)) state_->bytes_in_flight.fetch_sub(num_bytes_);
  memory_.Release();
}

PendingFetch::PendingFetch() = default;
PendingFetch::PendingFetch(PendingFetch&&) noexcept = default;
PendingFetch& PendingFetch::operator=(PendingFetch&&) noexcept = default;
PendingFetch::~PendingFetch() = default;
PendingFetch::PendingFetch(std::unique_ptr<Plan> plan) : plan_(std::move(plan)) {}

absl::StatusOr<std::vector<Buffer>> PendingFetch::Wait() {
  OG_CHECK(plan_ != nullptr);
  const std::unique_ptr<Plan> plan = std::move(plan_);
  return plan->Finish();
}

Fetcher::Fetcher(FetchOptions options) : state_(std::make_shared<State>(std::move(options))) {
  OG_CHECK(state_->options.max_request_bytes > 0);
}

PendingFetch Fetcher::Submit(const FetchObject& object, std::vector<ByteRange> ranges) const {
  std::vector<FetchRequest> requests;
  requests.push_back({object, std::move(ranges)});
  return Submit(std::move(requests));
}

PendingFetch Fetcher::Submit(const Location& object, std::vector<ByteRange> ranges) const {
  return Submit(FetchObject{.location = object, .identity = "", .size = 0}, std::move(ranges));
}

PendingFetch Fetcher::Submit(std::vector<FetchRequest> requests) const {
  auto plan = std::make_unique<PendingFetch::Plan>(state_, std::move(requests));
  // What keeps it from starting now is reported, or has passed, when the caller waits.
  static_cast<void>(plan->Start(/*is_forced=*/false));
  return PendingFetch(std::move(plan));
}

FetchCounters Fetcher::counters() const {
  return {.requests = state_->requests,
          .bytes_read = state_->bytes_read,
          .ranges = state_->ranges,
          .bytes_requested = state_->bytes_requested,
          .cached_pages = state_->cached_pages};
}

}  // namespace og::io
