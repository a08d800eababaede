#include "index/scalar/btree.h"

#include <algorithm>
#include <optional>

#include "format/arrow/json.h"
#include "index/scalar/window_store.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/worker_pool.h"

namespace og::index {
namespace {

using format::ArrayPtr;
using format::ColumnRequest;
using format::FileReader;
using format::RecordBatch;
using format::RowRange;
using format::TypeId;

constexpr uint32_t kPageRowsMax = uint32_t{1} << 24;
// page_lookup is read as a whole up to this size; larger ones have their pages read as usual.
constexpr uint64_t kLookupTailMax = uint64_t{4} << 20;
// What the first read of page_data brings: footer and column metadata, or all of a small index. The
// metadata of what btree_build.cc writes is below one part in 256.
constexpr uint64_t kDataTailBytes = uint64_t{64} << 10;
constexpr uint64_t kDataTailShare = 256;
constexpr uint64_t kReadRows = 65536;
// Of batches with dictionaries, which should not be cut.
constexpr uint64_t kBatchRows = uint64_t{1} << 18;

absl::Status Wrong(const io::Location& folder, std::string_view what) {
  return io::DataLossError(io::StrCat("index ", folder.Uri(), ": ", what));
}

// The requests for the columns `names`, which the file must have.
absl::StatusOr<std::vector<ColumnRequest>> Columns(const io::Location& folder,
                                                   const FileReader& file,
                                                   std::span<const std::string_view> names) {
  std::vector<ColumnRequest> all = file.AllColumns();
  std::vector<ColumnRequest> wanted;
  for (const std::string_view name : names) {
    const auto at =
        std::ranges::find_if(all, [&](const ColumnRequest& c) { return c.field.name == name; });
    if (at == all.end()) return Wrong(folder, io::StrCat("no column ", name));
    wanted.push_back(*at);
  }
  return wanted;
}

std::optional<std::string_view> MetadataOf(const FileReader& file, std::string_view key) {
  for (const auto& [name, value] : file.schema().metadata) {
    if (name == key) return value;
  }
  return std::nullopt;
}

std::string TextOf(const ArrayPtr& values, int64_t i) {
  if (values->IsNull(i)) return "NULL";
  if (values->type->is_variable() && values->type->id != TypeId::kBinary &&
      values->type->id != TypeId::kLargeBinary) {
    return std::string(values->StringValue(i));
  }
  std::string text;
  format::AppendJsonValue(*values, i, text);
  if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

// The rows of `ranges`, which hold `num_pages` pages. A scan also brings what the pages behind
// need: for few pages that are requests too many.
absl::StatusOr<std::unique_ptr<format::BatchStream>> StreamOf(
    const FileReader& file, const std::vector<ColumnRequest>& columns, std::vector<RowRange> ranges,
    size_t num_pages, io::WorkerPool* pool) {
  constexpr size_t kTakenPagesMax = 4;
  if (num_pages > kTakenPagesMax) {
    return file.Scan(columns, std::move(ranges), {.batch_rows = kReadRows, .pool = pool});
  }
  std::vector<uint64_t> rows;
  for (const RowRange& range : ranges) {
    for (uint64_t row = range.begin; row < range.end; ++row) {
      rows.push_back(row);
    }
  }
  OG_ASSIGN_OR_RETURN(RecordBatch batch, file.Take(columns, rows, pool));
  format::SchemaPtr schema = batch.schema;
  return format::MakeStream(std::move(schema), {std::move(batch)});
}

// The first position of `words`, which ascend, from which on they are not below `word`. Begins
// where it would be if they were spread evenly, or at `guess`, and looks further away from there:
// in a page that no cache holds every step of a plain search waits for memory.
size_t LowerBoundNear(std::span<const uint64_t> words, uint64_t word, size_t guess) {
  const auto is_below = [&](size_t i) { return words[i] < word; };
  size_t low = 0;  // all before are below
  size_t high = words.size();
  if (guess < high && is_below(guess)) {
    low = guess + 1;
    for (size_t step = 1; low + step < high; step *= 2) {
      if (!is_below(low + step)) {
        high = low + step;
        break;
      }
      low += step + 1;
    }
  } else {
    high = std::min(guess, high);
    for (size_t step = 1; step < high; step *= 2) {
      if (is_below(high - step)) {
        low = high - step + 1;
        break;
      }
      high -= step;
    }
  }
  return static_cast<size_t>(std::lower_bound(words.begin() + static_cast<ptrdiff_t>(low),
                                              words.begin() + static_cast<ptrdiff_t>(high), word) -
                             words.begin());
}

size_t LowerBound(std::span<const uint64_t> words, uint64_t word) {
  if (words.empty() || word <= words.front()) return 0;
  if (word > words.back()) return words.size();
  const double share =
      static_cast<double>(word - words.front()) / static_cast<double>(words.back() - words.front());
  const auto last = static_cast<double>(words.size() - 1);
  return LowerBoundNear(words, word, static_cast<size_t>(share * last));
}

// Appends the ids of the entries in [low, high) of `range`.
void AppendMatches(const BtreeEntries& entries, const KeyRange& range, std::vector<uint64_t>& ids) {
  const KeyColumn& keys = entries.keys;
  const size_t count = keys.size();
  // First position whose key is at or behind the cut, which is not before `start`.
  const auto position = [&](const Cut& cut, size_t start) -> size_t {
    if (cut.place == Cut::Place::kStart) return 0;
    if (cut.place == Cut::Place::kEnd) return count;
    if (keys.form == KeyForm::kWord) {
      if (cut.after && cut.key.word == UINT64_MAX) return count;
      const uint64_t word = cut.key.word + (cut.after ? 1 : 0);
      // Mostly one value, once.
      return start != 0 ? LowerBoundNear(keys.words, word, start) : LowerBound(keys.words, word);
    }
    size_t low = start;
    size_t high = count;
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      const std::string_view value = keys.Bytes(middle);
      if (value < cut.key.bytes || (cut.after && value == cut.key.bytes)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  };
  const size_t begin = position(range.low, 0);
  const size_t end = position(range.high, begin);
  if (begin < end) {
    const auto first = entries.ids.begin() + static_cast<ptrdiff_t>(entries.num_nulls);
    ids.insert(ids.end(), first + static_cast<ptrdiff_t>(begin),
               first + static_cast<ptrdiff_t>(end));
  }
}

}  // namespace

size_t BtreeIndex::Page::MemoryBytes() const {
  return entries.keys.MemoryBytes() + entries.ids.capacity() * sizeof(uint64_t) + sizeof(*this);
}

BtreeIndex::~BtreeIndex() {
  if (shrinker_) memory_->RemoveShrinker(*shrinker_);
}

absl::StatusOr<std::shared_ptr<const BtreeIndex>> BtreeIndex::Open(
    const io::Location& folder, const BtreeOpenOptions& options) {
  const io::Location lookup = folder.Child(kBtreeLookupFile);
  OG_ASSIGN_OR_RETURN(const auto file,
                      FileReader::Open(lookup, options.lookup_bytes,
                                       {.tail_bytes = std::clamp(options.lookup_bytes,
                                                                 kDataTailBytes, kLookupTailMax),
                                        .check_pages = options.check_pages}));
  if (const auto parted = MetadataOf(*file, "range_partitioned"); parted && *parted == "true") {
    return io::UnimplementedError(io::StrCat("index ", folder.Uri(), ": made in parts"));
  }
  std::shared_ptr<BtreeIndex> index(new BtreeIndex());
  index->folder_ = folder;
  index->memory_ = options.memory;
  index->data_bytes_ = options.data_bytes;
  index->check_pages_ = options.check_pages;
  if (const auto text = MetadataOf(*file, "batch_size")) {
    const auto rows = io::ParseUint64(*text);
    if (!rows || *rows == 0 || *rows > kPageRowsMax) {
      return Wrong(folder, io::StrCat("batch_size is '", *text, "'"));
    }
    index->page_rows_ = static_cast<uint32_t>(*rows);
  }
  constexpr std::string_view kNames[] = {"min", "max", "null_count", "page_idx"};
  OG_ASSIGN_OR_RETURN(const auto columns, Columns(folder, *file, kNames));
  OG_ASSIGN_OR_RETURN(const auto stream,
                      file->Scan(columns, {{0, file->num_rows()}}, {.batch_rows = kReadRows}));
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
    if (!batch) break;
    const ArrayPtr min = DecodeDictionary(batch->columns[0]);
    const ArrayPtr max = DecodeDictionary(batch->columns[1]);
    const ArrayPtr& null_counts = batch->columns[2];
    const ArrayPtr& page_numbers = batch->columns[3];
    if (!(*min->type == *max->type) || null_counts->type->id != TypeId::kUint32 ||
        page_numbers->type->id != TypeId::kUint32 || null_counts->null_count != 0 ||
        page_numbers->null_count != 0) {
      return Wrong(folder, "page_lookup has columns of other types");
    }
    if (batch->num_rows == 0) continue;
    if (index->pages_.empty()) index->min_text_ = TextOf(min, 0);
    index->max_text_ = TextOf(max, batch->num_rows - 1);
    OG_ASSIGN_OR_RETURN(const KeyColumn min_keys, KeysOf(min));
    OG_ASSIGN_OR_RETURN(const KeyColumn max_keys, KeysOf(max));
    for (int64_t i = 0, a = 0, b = 0; i < batch->num_rows; ++i) {
      PageStats stats{.min = StartCut(),
                      .max = StartCut(),
                      .null_count = null_counts->Value<uint32_t>(i),
                      .page = page_numbers->Value<uint32_t>(i)};
      if (min->IsValid(i)) stats.min = Before(min_keys.At(static_cast<size_t>(a++)));
      if (max->IsValid(i)) stats.max = After(max_keys.At(static_cast<size_t>(b++)));
      index->pages_.push_back(std::move(stats));
    }
  }
  OG_ASSIGN_OR_RETURN(const format::Field value, format::ToArrow(columns[0].field));
  index->type_ = value.type->id == TypeId::kDictionary ? value.type->value_type : value.type;
  const std::optional<KeyForm> form = KeyFormOf(*index->type_);
  if (!form) {
    return io::UnimplementedError(
        io::StrCat("index ", folder.Uri(), ": values of type ", value.type->ToString()));
  }
  index->form_ = *form;
  std::ranges::sort(index->pages_, {}, &PageStats::page);
  for (size_t i = 0; i < index->pages_.size(); ++i) {
    if (index->pages_[i].page != i) {
      return Wrong(folder, io::StrCat("no page ", i, " in page_lookup, or twice"));
    }
  }
  {
    io::MutexLock lock(index->mutex_);
    index->kept_.resize(index->pages_.size());
  }
  if (index->memory_ != nullptr) {
    index->shrinker_ = index->memory_->AddShrinker(
        [raw = index.get()](uint64_t bytes) { return raw->DropPages(bytes); });
  }
  return index;
}

std::string BtreeIndex::MinText() const {
  return min_text_;
}

std::string BtreeIndex::MaxText() const {
  return max_text_;
}

absl::StatusOr<std::shared_ptr<const FileReader>> BtreeIndex::DataFile() const {
  {
    io::MutexLock lock(mutex_);
    if (data_ != nullptr) return data_;
  }
  io::Location location = folder_.Child(kBtreeDataFile);
  uint64_t bytes = data_bytes_;
  if (!location.store->is_local()) {
    if (bytes == 0) {
      OG_ASSIGN_OR_RETURN(const io::ObjectInfo info, location.store->Stat(location.path));
      bytes = info.size;
    }
    location.store = std::make_shared<WindowStore>(location.store, bytes);
  }
  OG_ASSIGN_OR_RETURN(
      std::shared_ptr<const FileReader> file,
      FileReader::Open(location, bytes,
                       {.tail_bytes = std::max(kDataTailBytes, bytes / kDataTailShare),
                        .check_pages = check_pages_}));
  const uint64_t rows = file->num_rows();
  const uint64_t pages = rows / page_rows_ + (rows % page_rows_ != 0 ? 1 : 0);
  if (pages != pages_.size()) {
    return Wrong(folder_, io::StrCat(rows, " rows for ", pages_.size(), " pages"));
  }
  io::MutexLock lock(mutex_);
  if (data_ == nullptr) data_ = std::move(file);
  return data_;
}

std::vector<size_t> BtreeIndex::PagesOf(const ValueSet& set) const {
  std::vector<size_t> wanted;
  const auto ranges = set.ranges();
  for (size_t i = 0; i < pages_.size(); ++i) {
    const PageStats& page = pages_[i];
    bool may_hold = set.has_nulls() && page.null_count > 0;
    if (!may_hold && !ranges.empty() && page.max.place != Cut::Place::kStart) {
      const size_t at = set.FirstEndingAfter(page.min);
      may_hold = at < ranges.size() && ranges[at].low < page.max;
    }
    if (may_hold) wanted.push_back(i);
  }
  return wanted;
}

uint64_t BtreeIndex::CountAtMost(const ValueSet& set) const {
  uint64_t rows = 0;
  for (const size_t at : PagesOf(set)) {
    // Points cannot match more rows than a page holds each, nor can nulls.
    rows += set.ranges().empty() ? pages_[at].null_count : page_rows_;
  }
  return rows;
}

absl::Status BtreeIndex::CheckTypes(const RecordBatch& batch) const {
  const format::DataType& stored = *batch.columns[0]->type;
  const format::DataType& values = stored.id == TypeId::kDictionary ? *stored.value_type : stored;
  const format::Array& ids = *batch.columns[1];
  if (values == *type_ && ids.type->id == TypeId::kUint64 && ids.null_count == 0) {
    return absl::OkStatus();
  }
  return Wrong(folder_, "page_data has columns of other types");
}

absl::StatusOr<BtreeEntries> BtreeIndex::EntriesOf(const RecordBatch& batch) const {
  OG_RETURN_IF_ERROR(CheckTypes(batch));
  BtreeEntries entries;
  const ArrayPtr values = DecodeDictionary(batch.columns[0]);
  const ArrayPtr& ids = batch.columns[1];
  entries.num_nulls = static_cast<size_t>(values->null_count);
  for (int64_t i = 0; i < values->null_count; ++i) {
    if (values->IsValid(i)) return Wrong(folder_, "a null stands behind a value");
  }
  OG_ASSIGN_OR_RETURN(entries.keys, KeysOf(values));
  entries.ids.reserve(static_cast<size_t>(ids->length));
  for (int64_t i = 0; i < ids->length; ++i) {
    entries.ids.push_back(ids->Value<uint64_t>(i));
  }
  return entries;
}

void BtreeIndex::Keep(size_t at, const PagePtr& page) const {
  if (memory_ == nullptr) return;
  // Not under the lock: the budget may ask this index to give pages back.
  absl::StatusOr<io::MemoryReservation> memory = memory_->Reserve(page->MemoryBytes());
  if (!memory.ok()) return;
  io::MutexLock lock(mutex_);
  if (kept_[at].page == nullptr) kept_[at] = {page, *std::move(memory)};
}

uint64_t BtreeIndex::DropPages(uint64_t bytes) const {
  uint64_t dropped = 0;
  io::MutexLock lock(mutex_);
  for (size_t seen = 0; seen < kept_.size() && dropped < bytes; ++seen) {
    KeptPage& kept = kept_[next_to_drop_];
    next_to_drop_ = (next_to_drop_ + 1) % kept_.size();
    dropped += kept.memory.bytes();
    kept = {};
  }
  return dropped;
}

absl::StatusOr<std::vector<BtreeIndex::PagePtr>> BtreeIndex::ReadPages(
    std::span<const size_t> wanted, io::WorkerPool* pool) const {
  std::vector<PagePtr> pages(wanted.size());
  std::vector<size_t> missing;
  {
    io::MutexLock lock(mutex_);
    for (size_t i = 0; i < wanted.size(); ++i) {
      pages[i] = kept_[wanted[i]].page;
      if (pages[i] == nullptr) missing.push_back(i);
    }
  }
  if (missing.empty()) return pages;
  OG_ASSIGN_OR_RETURN(const auto file, DataFile());
  constexpr std::string_view kNames[] = {"values", "ids"};
  OG_ASSIGN_OR_RETURN(const auto columns, Columns(folder_, *file, kNames));
  std::vector<RowRange> ranges;
  for (const size_t i : missing) {
    const uint64_t begin = uint64_t{page_rows_} * wanted[i];
    const uint64_t end = std::min(begin + page_rows_, file->num_rows());
    if (!ranges.empty() && ranges.back().end == begin) {
      ranges.back().end = end;
    } else {
      ranges.push_back({begin, end});
    }
  }
  OG_ASSIGN_OR_RETURN(const auto stream,
                      StreamOf(*file, columns, std::move(ranges), missing.size(), pool));
  // Batches end anywhere: rows wait until their page is complete.
  std::vector<RecordBatch> waiting;
  int64_t num_waiting = 0;
  for (const size_t i : missing) {
    const uint64_t begin = uint64_t{page_rows_} * wanted[i];
    const auto rows = static_cast<int64_t>(std::min(begin + page_rows_, file->num_rows()) - begin);
    while (num_waiting < rows) {
      OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch, stream->Next());
      if (!batch) return Wrong(folder_, "page_data ends early");
      num_waiting += batch->num_rows;
      waiting.push_back(*std::move(batch));
    }
    if (waiting.size() > 1) {
      // Runs of one file have equal schemas but dictionaries may differ.
      for (RecordBatch& batch : waiting) {
        batch.columns[0] = DecodeDictionary(batch.columns[0]);
        batch.schema = waiting.front().schema;
      }
      waiting = {format::Concat(waiting)};
    }
    const RecordBatch& all = waiting.front();
    auto page = std::make_shared<Page>();
    OG_ASSIGN_OR_RETURN(page->entries, EntriesOf(format::Slice(all, 0, rows)));
    if (form_ == KeyForm::kBytes && page->entries.keys.size() != 0) {
      // A copy: the slice would keep the whole batch alive.
      page->entries.keys.bytes = format::Concat(std::vector<ArrayPtr>{
          page->entries.keys.bytes, format::EmptyArray(page->entries.keys.bytes->type)});
    }
    num_waiting -= rows;
    waiting = num_waiting == 0 ? std::vector<RecordBatch>()
                               : std::vector<RecordBatch>{format::Slice(all, rows, num_waiting)};
    Keep(wanted[i], page);
    pages[i] = std::move(page);
  }
  return pages;
}

absl::StatusOr<std::vector<uint64_t>> BtreeIndex::Search(const ValueSet& set,
                                                         io::WorkerPool* pool) const {
  constexpr size_t kPagesAtOnce = 512;  // bounds what is decoded at one time
  constexpr size_t kPagesATask = 64;    // searched in the pool
  std::vector<uint64_t> ids;
  const std::vector<size_t> wanted = PagesOf(set);
  const auto ranges = set.ranges();
  for (size_t begin = 0; begin < wanted.size(); begin += kPagesAtOnce) {
    const auto part =
        std::span(wanted).subspan(begin, std::min(kPagesAtOnce, wanted.size() - begin));
    OG_ASSIGN_OR_RETURN(const std::vector<PagePtr> pages, ReadPages(part, pool));
    const auto search = [&](size_t from, size_t to, std::vector<uint64_t>& found) {
      for (size_t i = from; i < to; ++i) {
        const BtreeEntries& entries = pages[i]->entries;
        if (set.has_nulls()) {
          found.insert(found.end(), entries.ids.begin(),
                       entries.ids.begin() + static_cast<ptrdiff_t>(entries.num_nulls));
        }
        const PageStats& stats = pages_[part[i]];
        for (size_t at = set.FirstEndingAfter(stats.min);
             at < ranges.size() && ranges[at].low < stats.max; ++at) {
          AppendMatches(entries, ranges[at], found);
        }
      }
    };
    if (pool == nullptr || pages.size() < 2 * kPagesATask) {
      search(0, pages.size(), ids);
      continue;
    }
    std::vector<std::vector<uint64_t>> found((pages.size() - 1) / kPagesATask + 1);
    OG_RETURN_IF_ERROR(pool->ParallelFor(found.size(), [&](size_t task) {
      search(task * kPagesATask, std::min(pages.size(), (task + 1) * kPagesATask), found[task]);
      return absl::OkStatus();
    }));
    for (const std::vector<uint64_t>& of_task : found) {
      ids.insert(ids.end(), of_task.begin(), of_task.end());
    }
  }
  if (!std::ranges::is_sorted(ids)) std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  return ids;
}

// The entries of a whole index.
class BtreeIndex::Source final : public BtreeEntrySource {
 public:
  Source(std::shared_ptr<const BtreeIndex> index, std::unique_ptr<format::BatchStream> stream)
      : index_(std::move(index)), stream_(std::move(stream)) {}

  absl::StatusOr<BtreeEntries> Next() override {
    while (true) {
      OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream_->Next());
      if (!batch) return BtreeEntries{.keys = {.form = index_->form_}};
      if (batch->num_rows == 0) continue;
      OG_ASSIGN_OR_RETURN(BtreeEntries entries, index_->EntriesOf(*batch));
      if (seen_keys_ && entries.num_nulls != 0) {
        return Wrong(index_->folder_, "a null stands behind a value");
      }
      seen_keys_ = entries.keys.size() != 0;
      return entries;
    }
  }

 private:
  const std::shared_ptr<const BtreeIndex> index_;
  const std::unique_ptr<format::BatchStream> stream_;
  bool seen_keys_ = false;
};

// The rows of page_data, whose types have been looked at.
class BtreeIndex::CheckedStream final : public format::BatchStream {
 public:
  CheckedStream(std::shared_ptr<const BtreeIndex> index,
                std::unique_ptr<format::BatchStream> stream)
      : index_(std::move(index)), stream_(std::move(stream)) {}

  const format::SchemaPtr& schema() const override { return stream_->schema(); }
  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch, stream_->Next());
    if (batch.has_value()) OG_RETURN_IF_ERROR(index_->CheckTypes(*batch));
    return batch;
  }

 private:
  const std::shared_ptr<const BtreeIndex> index_;
  const std::unique_ptr<format::BatchStream> stream_;
};

absl::StatusOr<std::unique_ptr<format::BatchStream>> BtreeIndex::Batches(
    io::WorkerPool* pool) const {
  OG_ASSIGN_OR_RETURN(const auto file, DataFile());
  constexpr std::string_view kNames[] = {"values", "ids"};
  OG_ASSIGN_OR_RETURN(const auto columns, Columns(folder_, *file, kNames));
  OG_ASSIGN_OR_RETURN(auto stream, file->Scan(columns, {{0, file->num_rows()}},
                                              {.batch_rows = kBatchRows,
                                               .dictionary_strings = true,
                                               .join_dictionaries = true,
                                               .pool = pool}));
  return std::make_unique<CheckedStream>(shared_from_this(), std::move(stream));
}

absl::StatusOr<std::unique_ptr<BtreeEntrySource>> BtreeIndex::Entries(io::WorkerPool* pool) const {
  OG_ASSIGN_OR_RETURN(const auto file, DataFile());
  constexpr std::string_view kNames[] = {"values", "ids"};
  OG_ASSIGN_OR_RETURN(const auto columns, Columns(folder_, *file, kNames));
  OG_ASSIGN_OR_RETURN(auto stream, file->Scan(columns, {{0, file->num_rows()}},
                                              {.batch_rows = kReadRows, .pool = pool}));
  return std::make_unique<Source>(shared_from_this(), std::move(stream));
}

}  // namespace og::index
