#include "index/scalar/btree_build.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <utility>

#include "format/arrow/builder.h"
#include "format/file/writer.h"
#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/worker_pool.h"
#include "io/local/spill_file.h"

namespace og::index {
namespace {

using format::ArrayPtr;
using format::FileWriter;
using format::RecordBatch;

constexpr size_t kBatchEntries = 65536;
// Pages of the data file, so small that a probe on a far store reads one of each column at once:
// window_store.h.
constexpr int64_t kFilePageRows = 16384;
constexpr size_t kFilePageBytes = size_t{256} << 10;
constexpr uint64_t kReserveStep = uint64_t{8} << 20;
// Bounds the strings of one batch.
constexpr size_t kBatchBytes = size_t{32} << 20;

// --- Sorting a run -------------------------------------------------------------------------------

struct WordEntry {
  uint64_t key;
  uint64_t id;
};

// Runs body(i) for every i below `count`, in `pool` if there is one.
void ForEach(io::WorkerPool* pool, size_t count, const std::function<void(size_t)>& body) {
  if (pool == nullptr) {
    for (size_t i = 0; i < count; ++i) {
      body(i);
    }
    return;
  }
  OG_CHECK(pool->ParallelFor(count,
                             [&](size_t i) {
                               body(i);
                               return absl::OkStatus();
                             })
               .ok());
}

// Stable, by the bits of `differ` below `num_bits`, 11 of them a pass. `other` is as long.
void SortByLowBits(std::span<WordEntry> entries, std::span<WordEntry> other, uint64_t differ,
                   int num_bits) {
  constexpr int kBits = 11;
  constexpr size_t kBuckets = size_t{1} << kBits;
  std::span<WordEntry> from = entries;
  std::span<WordEntry> to = other;
  for (int shift = 0; shift < num_bits; shift += kBits) {
    const uint64_t mask = std::min(kBuckets, size_t{1} << std::min(num_bits - shift, kBits)) - 1;
    if (((differ >> shift) & mask) == 0) continue;
    std::array<uint32_t, kBuckets> starts{};
    for (const WordEntry& entry : from) {
      ++starts[(entry.key >> shift) & mask];
    }
    uint32_t start = 0;
    for (size_t i = 0; i <= mask; ++i) {
      start += std::exchange(starts[i], start);
    }
    for (const WordEntry& entry : from) {
      to[starts[(entry.key >> shift) & mask]++] = entry;
    }
    std::swap(from, to);
  }
  if (from.data() != entries.data()) std::ranges::copy(from, entries.begin());
}

// The entries of `blocks`, stable by key. They are dealt to parts by the leading bits in which keys
// differ; each part, which mostly fits a cache, is then sorted by the others.
std::vector<WordEntry> SortWords(std::vector<std::vector<WordEntry>> blocks, io::WorkerPool* pool) {
  constexpr int kPartBits = 8;
  constexpr size_t kNumParts = size_t{1} << kPartBits;
  std::vector<uint64_t> differ_of(blocks.size());
  std::vector<uint8_t> is_sorted(blocks.size());
  const uint64_t some_key = blocks.empty() ? 0 : blocks.front().front().key;
  ForEach(pool, blocks.size(), [&](size_t i) {
    uint64_t before = i == 0 ? 0 : blocks[i - 1].back().key;
    uint64_t differ = 0;
    bool ascends = true;
    for (const WordEntry& entry : blocks[i]) {
      differ |= entry.key ^ some_key;
      ascends &= before <= entry.key;
      before = entry.key;
    }
    differ_of[i] = differ;
    is_sorted[i] = ascends ? 1 : 0;
  });
  uint64_t differ = 0;
  for (const uint64_t bits : differ_of) {
    differ |= bits;
  }
  const bool sorted = std::ranges::find(is_sorted, 0) == is_sorted.end();
  const int num_bits =
      sorted ? 0 : std::max(static_cast<int>(std::bit_width(differ)) - kPartBits, 0);
  const auto part_of = [&](const WordEntry& entry) {
    return sorted ? 0 : (entry.key >> num_bits) & (kNumParts - 1);
  };

  // Where the entries of each block start in each part.
  std::vector<std::array<size_t, kNumParts>> starts(blocks.size());
  ForEach(pool, blocks.size(), [&](size_t i) {
    for (const WordEntry& entry : blocks[i]) {
      ++starts[i][part_of(entry)];
    }
  });
  std::array<size_t, kNumParts + 1> parts{};
  size_t start = 0;
  for (size_t part = 0; part < kNumParts; ++part) {
    parts[part] = start;
    for (std::array<size_t, kNumParts>& of_block : starts) {
      start += std::exchange(of_block[part], start);
    }
  }
  parts[kNumParts] = start;
  std::vector<WordEntry> entries(start);
  ForEach(pool, blocks.size(), [&](size_t i) {
    for (const WordEntry& entry : blocks[i]) {
      entries[starts[i][part_of(entry)]++] = entry;
    }
    blocks[i] = {};
  });
  if (sorted) return entries;
  ForEach(pool, kNumParts, [&](size_t part) {
    const auto of_part = std::span(entries).subspan(parts[part], parts[part + 1] - parts[part]);
    std::vector<WordEntry> other(of_part.size());
    SortByLowBits(of_part, other, differ, num_bits);
  });
  return entries;
}

// A string of a run: its first 8 bytes decide most comparisons.
struct BytesEntry {
  uint64_t prefix;  // big-endian, padded with zeros
  uint64_t start;   // in the run's bytes
  uint64_t length;
  uint64_t id;
};

uint64_t PrefixOf(std::string_view bytes) {
  unsigned char padded[8] = {};
  if (!bytes.empty()) std::memcpy(padded, bytes.data(), std::min<size_t>(bytes.size(), 8));
  uint64_t prefix = 0;
  for (const unsigned char byte : padded) {
    prefix = prefix << 8 | byte;
  }
  return prefix;
}

// Builds a KeyColumn key by key.
class KeyAppender {
 public:
  explicit KeyAppender(KeyForm form) : builder_(format::LargeBinary()) { keys_.form = form; }

  void AppendBytes(std::string_view bytes) {
    builder_.Append(bytes);
    num_bytes_ += bytes.size();
  }
  // Keys [from, to) of `keys`.
  void AppendRange(const KeyColumn& keys, size_t from, size_t to) {
    if (keys_.form == KeyForm::kWord) {
      keys_.words.insert(keys_.words.end(), keys.words.begin() + static_cast<ptrdiff_t>(from),
                         keys.words.begin() + static_cast<ptrdiff_t>(to));
      return;
    }
    for (size_t i = from; i < to; ++i) {
      AppendBytes(keys.Bytes(i));
    }
  }
  size_t size() const {
    return keys_.form == KeyForm::kWord ? keys_.words.size()
                                        : static_cast<size_t>(builder_.length());
  }
  bool full() const { return size() >= kBatchEntries || num_bytes_ >= kBatchBytes; }

  KeyColumn Finish() {
    KeyColumn done{.form = keys_.form, .words = std::exchange(keys_.words, {})};
    if (keys_.form == KeyForm::kBytes) done.bytes = builder_.Finish();
    num_bytes_ = 0;
    return done;
  }

 private:
  KeyColumn keys_;
  format::StringBuilder builder_;
  size_t num_bytes_ = 0;
};

// --- Runs ----------------------------------------------------------------------------------------

// Rows in memory, in the order in which they came until Sort().
class MemoryRun final : public BtreeEntrySource {
 public:
  MemoryRun(KeyForm form, io::WorkerPool* pool) : form_(form), pool_(pool) {}

  absl::Status Add(const ArrayPtr& values, std::span<const uint64_t> ids) {
    OG_ASSIGN_OR_RETURN(const KeyColumn keys, KeysOf(values));
    size_t next = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (values->null_count != 0 && values->IsNull(static_cast<int64_t>(i))) {
        null_ids_.push_back(ids[i]);
      } else if (form_ == KeyForm::kWord) {
        if (blocks_.empty() || blocks_.back().size() == kBatchEntries) {
          blocks_.emplace_back().reserve(kBatchEntries);
        }
        blocks_.back().push_back({keys.words[next++], ids[i]});
        ++num_words_;
      } else {
        const std::string_view bytes = keys.Bytes(next++);
        strings_.push_back({PrefixOf(bytes), text_.size(), bytes.size(), ids[i]});
        text_.insert(text_.end(), bytes.begin(), bytes.end());
      }
    }
    return absl::OkStatus();
  }

  bool empty() const { return null_ids_.empty() && num_words_ == 0 && strings_.empty(); }

  // What the run holds, and what sorting needs beside it.
  uint64_t MemoryBytes() const {
    return null_ids_.size() * 8 + num_words_ * sizeof(WordEntry) * 2 +
           strings_.size() * sizeof(BytesEntry) + text_.size();
  }

  void Sort() {
    words_ = SortWords(std::move(blocks_), pool_);
    std::ranges::stable_sort(strings_, [this](const BytesEntry& a, const BytesEntry& b) {
      return a.prefix != b.prefix ? a.prefix < b.prefix : TextOf(a) < TextOf(b);
    });
  }

  absl::StatusOr<BtreeEntries> Next() override {
    BtreeEntries entries{.keys = {.form = form_}};
    if (next_null_ < null_ids_.size()) {
      const size_t end = std::min(null_ids_.size(), next_null_ + kBatchEntries);
      entries.ids.assign(null_ids_.begin() + static_cast<ptrdiff_t>(next_null_),
                         null_ids_.begin() + static_cast<ptrdiff_t>(end));
      entries.num_nulls = entries.ids.size();
      next_null_ = end;
      return entries;
    }
    if (form_ == KeyForm::kWord) {
      const size_t count = std::min(words_.size() - next_, kBatchEntries);
      const auto batch = std::span(words_).subspan(next_, count);
      entries.keys.words.resize(count);
      std::ranges::transform(batch, entries.keys.words.begin(), &WordEntry::key);
      entries.ids.resize(count);
      std::ranges::transform(batch, entries.ids.begin(), &WordEntry::id);
      next_ += count;
      return entries;
    }
    KeyAppender keys(form_);
    for (; next_ < strings_.size() && !keys.full(); ++next_) {
      keys.AppendBytes(TextOf(strings_[next_]));
      entries.ids.push_back(strings_[next_].id);
    }
    entries.keys = keys.Finish();
    return entries;
  }

 private:
  std::string_view TextOf(const BytesEntry& entry) const {
    return {text_.data() + entry.start, entry.length};
  }

  const KeyForm form_;
  io::WorkerPool* const pool_;
  std::vector<uint64_t> null_ids_;
  std::vector<std::vector<WordEntry>> blocks_;  // of kBatchEntries, the last one of fewer
  size_t num_words_ = 0;
  std::vector<WordEntry> words_;  // sorted
  std::vector<BytesEntry> strings_;
  std::vector<char> text_;
  size_t next_null_ = 0;
  size_t next_ = 0;
};

// A sorted run in the temporary file: batches, each a header of three u64 (nulls, keys, bytes of
// keys), ids, then words, or the lengths (u64) and bytes of strings.
class SpilledRun final : public BtreeEntrySource {
 public:
  SpilledRun(KeyForm form, std::shared_ptr<io::SpillFile> file, uint64_t begin, uint64_t end)
      : form_(form), file_(std::move(file)), at_(begin), end_(end) {}

  // Writes what `run` gives; returns the place in the file.
  static absl::StatusOr<std::pair<uint64_t, uint64_t>> Write(BtreeEntrySource& run,
                                                             io::SpillFile& file) {
    const uint64_t begin = file.size();
    while (true) {
      OG_ASSIGN_OR_RETURN(const BtreeEntries entries, run.Next());
      if (entries.ids.empty()) return std::pair(begin, file.size());
      std::vector<uint64_t> words = {entries.num_nulls, entries.keys.size(), 0};
      words.insert(words.end(), entries.ids.begin(), entries.ids.end());
      std::string bytes;
      if (entries.keys.form == KeyForm::kWord) {
        words.insert(words.end(), entries.keys.words.begin(), entries.keys.words.end());
      } else {
        for (size_t i = 0; i < entries.keys.size(); ++i) {
          words.push_back(entries.keys.Bytes(i).size());
          bytes += entries.keys.Bytes(i);
        }
      }
      words[2] = bytes.size();
      OG_RETURN_IF_ERROR(file.Append(std::as_bytes(std::span(words))).status());
      OG_RETURN_IF_ERROR(
          file.Append(std::as_bytes(std::span(bytes.data(), bytes.size()))).status());
    }
  }

  absl::StatusOr<BtreeEntries> Next() override {
    BtreeEntries entries{.keys = {.form = form_}};
    if (at_ == end_) return entries;
    uint64_t header[3] = {};
    OG_RETURN_IF_ERROR(Read(std::as_writable_bytes(std::span(header))));
    const auto [num_nulls, num_keys, num_bytes] = header;
    entries.num_nulls = num_nulls;
    entries.ids.resize(num_nulls + num_keys);
    OG_RETURN_IF_ERROR(Read(std::as_writable_bytes(std::span(entries.ids))));
    std::vector<uint64_t> words(num_keys);
    OG_RETURN_IF_ERROR(Read(std::as_writable_bytes(std::span(words))));
    if (form_ == KeyForm::kWord) {
      entries.keys.words = std::move(words);
      return entries;
    }
    std::string bytes(num_bytes, '\0');
    OG_RETURN_IF_ERROR(Read(std::as_writable_bytes(std::span(bytes.data(), bytes.size()))));
    KeyAppender keys(form_);
    size_t start = 0;
    for (const uint64_t length : words) {
      keys.AppendBytes(std::string_view(bytes).substr(start, length));
      start += length;
    }
    entries.keys = keys.Finish();
    return entries;
  }

 private:
  absl::Status Read(std::span<std::byte> out) {
    OG_RETURN_IF_ERROR(file_->Read(at_, out));
    at_ += out.size();
    return absl::OkStatus();
  }

  const KeyForm form_;
  const std::shared_ptr<io::SpillFile> file_;
  uint64_t at_;
  const uint64_t end_;
};

// Old entries with their ids changed.
class ChangedEntries final : public BtreeEntrySource {
 public:
  ChangedEntries(std::unique_ptr<BtreeEntrySource> source, RowIdChange change)
      : source_(std::move(source)), change_(std::move(change)) {}

  absl::StatusOr<BtreeEntries> Next() override {
    while (true) {
      OG_ASSIGN_OR_RETURN(BtreeEntries entries, source_->Next());
      if (entries.ids.empty()) return entries;
      std::vector<uint8_t> kept(entries.ids.size(), 1);
      OG_RETURN_IF_ERROR(change_(entries.ids, kept));
      if (std::ranges::find(kept, 0) == kept.end()) return entries;
      BtreeEntries rest{.keys = {.form = entries.keys.form}};
      std::vector<int64_t> rows;
      for (size_t i = 0; i < kept.size(); ++i) {
        if (kept[i] == 0) continue;
        rest.ids.push_back(entries.ids[i]);
        if (i < entries.num_nulls) {
          ++rest.num_nulls;
        } else if (entries.keys.form == KeyForm::kWord) {
          rest.keys.words.push_back(entries.keys.words[i - entries.num_nulls]);
        } else {
          rows.push_back(static_cast<int64_t>(i - entries.num_nulls));
        }
      }
      if (rest.ids.empty()) continue;
      if (!rows.empty()) rest.keys.bytes = format::Take(*entries.keys.bytes, rows);
      return rest;
    }
  }

 private:
  const std::unique_ptr<BtreeEntrySource> source_;
  const RowIdChange change_;
};

// --- Writing -------------------------------------------------------------------------------------

// Writes entries that come in order, and what page_lookup says about each page.
class EntryWriter {
 public:
  static absl::StatusOr<std::unique_ptr<EntryWriter>> Open(const io::Location& folder,
                                                           const BtreeBuildOptions& options) {
    auto writer = std::make_unique<EntryWriter>(folder, options);
    const format::Schema data{
        {{"values", options.type, true, {}}, {"ids", format::Uint64(), false, {}}}, {}};
    OG_ASSIGN_OR_RETURN(writer->data_, writer->OpenFile(kBtreeDataFile, data));
    return writer;
  }

  EntryWriter(const io::Location& folder, const BtreeBuildOptions& options)
      : folder_(folder),
        options_(options),
        keys_(*KeyFormOf(*options.type)),
        min_(MakeStats()),
        max_(MakeStats()) {}

  absl::Status AppendNulls(std::span<const uint64_t> ids) {
    for (const uint64_t id : ids) {
      ++num_nulls_;
      ids_.push_back(id);
      OG_RETURN_IF_ERROR(EndOfEntry());
    }
    return absl::OkStatus();
  }

  // Keys [from, to) with the ids that stand beside them.
  absl::Status Append(const KeyColumn& keys, size_t from, size_t to,
                      std::span<const uint64_t> ids) {
    while (from < to) {
      const size_t count = std::min<size_t>(to - from, options_.page_rows - page_entries_);
      if (page_entries_ == 0) first_ = keys.At(from);
      last_ = keys.At(from + count - 1);
      keys_.AppendRange(keys, from, from + count);
      ids_.insert(ids_.end(), ids.begin() + static_cast<ptrdiff_t>(from),
                  ids.begin() + static_cast<ptrdiff_t>(from + count));
      page_entries_ += count;
      from += count;
      if (page_entries_ == options_.page_rows) EndPage();
      if (keys_.full()) OG_RETURN_IF_ERROR(Flush());
    }
    return absl::OkStatus();
  }

  absl::StatusOr<BtreeFiles> Finish() {
    if (page_entries_ > 0) EndPage();
    OG_RETURN_IF_ERROR(Flush());
    BtreeFiles files;
    OG_ASSIGN_OR_RETURN(const format::FileSummary data, data_->Finish());
    files.data_bytes = data.size_bytes;
    files.num_rows = data.num_rows;
    const format::Schema schema{{{"min", options_.type, true, {}},
                                 {"max", options_.type, true, {}},
                                 {"null_count", format::Uint32(), false, {}},
                                 {"page_idx", format::Uint32(), false, {}}},
                                {}};
    OG_ASSIGN_OR_RETURN(const auto lookup, OpenFile(kBtreeLookupFile, schema));
    lookup->SetMetadata("batch_size", io::StrCat(options_.page_rows));
    lookup->SetMetadata("range_partitioned", "false");
    RecordBatch batch;
    batch.schema = std::make_shared<const format::Schema>(schema);
    batch.num_rows = null_counts_.length();
    batch.columns = {min_->Finish(), max_->Finish(), null_counts_.Finish(), numbers_.Finish()};
    if (batch.num_rows > 0) OG_RETURN_IF_ERROR(lookup->Write(batch));
    OG_ASSIGN_OR_RETURN(const format::FileSummary summary, lookup->Finish());
    files.lookup_bytes = summary.size_bytes;
    files.paths = {folder_.Child(kBtreeLookupFile).path, folder_.Child(kBtreeDataFile).path};
    return files;
  }

 private:
  std::unique_ptr<format::ArrayBuilder> MakeStats() const {
    return format::MakeBuilder(options_.type);
  }

  absl::StatusOr<std::unique_ptr<FileWriter>> OpenFile(std::string_view name,
                                                       const format::Schema& schema) const {
    OG_ASSIGN_OR_RETURN(const format::LanceSchema lance, format::FromArrow(schema));
    return FileWriter::Open(folder_.Child(name), lance,
                            {.version = options_.version,
                             .page_bytes = kFilePageBytes,
                             .page_rows = kFilePageRows,
                             .pool = options_.pool});
  }

  absl::Status EndOfEntry() {
    ++page_entries_;
    ++page_null_count_;
    if (page_entries_ == options_.page_rows) EndPage();
    return ids_.size() >= kBatchEntries ? Flush() : absl::OkStatus();
  }

  void EndPage() {
    const bool has_keys = page_entries_ > page_null_count_;
    AppendStat(page_null_count_ == 0 ? &first_ : nullptr, *min_);
    AppendStat(has_keys ? &last_ : nullptr, *max_);
    null_counts_.Append(static_cast<uint32_t>(page_null_count_));
    numbers_.Append(static_cast<uint32_t>(numbers_.length()));
    page_entries_ = 0;
    page_null_count_ = 0;
  }

  void AppendStat(const SortKey* key, format::ArrayBuilder& builder) const {
    if (key == nullptr) {
      builder.AppendNull();
      return;
    }
    KeyColumn one{.form = *KeyFormOf(*options_.type)};
    if (one.form == KeyForm::kWord) {
      one.words.push_back(key->word);
    } else {
      format::StringBuilder bytes(BytesTypeFor(*options_.type));
      bytes.Append(key->bytes);
      one.bytes = bytes.Finish();
    }
    builder.AppendSlice(*ValuesOf(one, options_.type, 0), 0, 1);
  }

  // The type with whose offsets the keys of a column of `type` have to lie.
  static format::TypePtr BytesTypeFor(const format::DataType& type) {
    return type.has_large_offsets() ? format::LargeBinary() : format::Binary();
  }

  absl::Status Flush() {
    if (ids_.empty()) return absl::OkStatus();
    KeyColumn keys = keys_.Finish();
    if (keys.form == KeyForm::kBytes && options_.type->is_variable() &&
        !options_.type->has_large_offsets() && keys.size() != 0) {
      format::StringBuilder narrow(format::Binary());
      for (size_t i = 0; i < keys.size(); ++i) {
        narrow.Append(keys.Bytes(i));
      }
      keys.bytes = narrow.Finish();
    }
    io::MutableBuffer ids(ids_.size() * 8);
    std::memcpy(ids.data(), ids_.data(), ids.size());
    auto id_array = std::make_shared<format::Array>();
    id_array->type = format::Uint64();
    id_array->length = std::ssize(ids_);
    id_array->values = std::move(ids).Share();
    RecordBatch batch;
    batch.schema = std::make_shared<const format::Schema>(format::Schema{
        {{"values", options_.type, true, {}}, {"ids", format::Uint64(), false, {}}}, {}});
    batch.num_rows = std::ssize(ids_);
    batch.columns = {ValuesOf(keys, options_.type, num_nulls_), std::move(id_array)};
    ids_.clear();
    num_nulls_ = 0;
    // In pieces of a page, so that values and ids of the same rows lie side by side.
    for (int64_t begin = 0; begin < batch.num_rows;) {
      const int64_t count =
          std::min(batch.num_rows - begin,
                   kFilePageRows - static_cast<int64_t>(data_->num_rows()) % kFilePageRows);
      OG_RETURN_IF_ERROR(data_->Write(format::Slice(batch, begin, count)));
      begin += count;
    }
    return absl::OkStatus();
  }

  const io::Location folder_;
  const BtreeBuildOptions options_;
  std::unique_ptr<FileWriter> data_;
  // What waits to be written.
  size_t num_nulls_ = 0;
  KeyAppender keys_;
  std::vector<uint64_t> ids_;
  // The page that is being filled.
  size_t page_entries_ = 0;
  size_t page_null_count_ = 0;
  SortKey first_;
  SortKey last_;
  // page_lookup.
  std::unique_ptr<format::ArrayBuilder> min_;
  std::unique_ptr<format::ArrayBuilder> max_;
  format::FixedBuilder<uint32_t> null_counts_{format::Uint32()};
  format::FixedBuilder<uint32_t> numbers_{format::Uint32()};
};

// --- Merging -------------------------------------------------------------------------------------

// A source with the entries of its current batch that were not written yet.
struct MergeInput {
  std::unique_ptr<BtreeEntrySource> source;
  BtreeEntries entries;
  size_t next = 0;  // key

  bool done() const { return next == entries.keys.size(); }
  std::span<const uint64_t> key_ids() const {
    return std::span(entries.ids).subspan(entries.num_nulls);
  }
};

// Writes all nulls, then keys in order. Of equal keys those of the earlier source come first.
absl::Status Merge(std::vector<MergeInput>& inputs, EntryWriter& writer) {
  for (MergeInput& input : inputs) {
    while (true) {
      OG_ASSIGN_OR_RETURN(input.entries, input.source->Next());
      input.next = 0;
      OG_RETURN_IF_ERROR(writer.AppendNulls(
          std::span<const uint64_t>(input.entries.ids).first(input.entries.num_nulls)));
      if (!input.done() || input.entries.ids.empty()) break;
    }
  }
  const auto less = [](const KeyColumn& a, size_t i, const KeyColumn& b, size_t j) {
    return a.form == KeyForm::kWord ? a.words[i] < b.words[j] : a.Bytes(i) < b.Bytes(j);
  };
  while (true) {
    std::erase_if(inputs, [](const MergeInput& input) { return input.done(); });
    if (inputs.empty()) return absl::OkStatus();
    size_t first = 0;
    for (size_t i = 1; i < inputs.size(); ++i) {
      if (less(inputs[i].entries.keys, inputs[i].next, inputs[first].entries.keys,
               inputs[first].next)) {
        first = i;
      }
    }
    // Everything of the first input that is not behind the head of another.
    MergeInput& input = inputs[first];
    const KeyColumn& keys = input.entries.keys;
    size_t end = keys.size();
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (i == first) continue;
      const KeyColumn& others = inputs[i].entries.keys;
      size_t low = input.next + 1;
      while (low < end) {
        const size_t middle = low + (end - low) / 2;
        const bool goes_first = i < first ? less(keys, middle, others, inputs[i].next)
                                          : !less(others, inputs[i].next, keys, middle);
        if (goes_first) {
          low = middle + 1;
        } else {
          end = middle;
        }
      }
    }
    OG_RETURN_IF_ERROR(writer.Append(keys, input.next, end, input.key_ids()));
    input.next = end;
    if (input.done()) {
      OG_ASSIGN_OR_RETURN(input.entries, input.source->Next());
      input.next = 0;
      if (input.entries.num_nulls != 0)
        return io::DataLossError("an index has nulls behind values");
    }
  }
}

class Builder final : public BtreeBuilder {
 public:
  Builder(const io::Location& folder, const BtreeBuildOptions& options, KeyForm form)
      : folder_(folder), options_(options), form_(form) {}

  absl::Status Add(const ArrayPtr& values, std::span<const uint64_t> ids) override {
    if (static_cast<size_t>(values->length) != ids.size() || !(*values->type == *options_.type)) {
      return io::InvalidArgumentError(
          io::StrCat(values->length, " values of type ", values->type->ToString(), " for ",
                     ids.size(), " ids of an index over ", options_.type->ToString()));
    }
    OG_RETURN_IF_ERROR(run_->Add(values, ids));
    const uint64_t bytes = run_->MemoryBytes();
    if (bytes > options_.run_bytes_max) return Spill();
    if (options_.memory == nullptr || bytes <= reserved_.bytes()) return absl::OkStatus();
    const uint64_t wanted = bytes + kReserveStep;
    if (reserved_.bytes() == 0) {
      auto memory = options_.memory->Reserve(wanted);
      if (!memory.ok()) return Spill();
      reserved_ = *std::move(memory);
      return absl::OkStatus();
    }
    return reserved_.Resize(wanted).ok() ? absl::OkStatus() : Spill();
  }

  absl::Status AddEntries(std::shared_ptr<const BtreeIndex> index, RowIdChange change) override {
    if (!(*index->type() == *options_.type)) {
      return io::InvalidArgumentError(io::StrCat("an index over ", index->type()->ToString(),
                                                 " merged with one over ",
                                                 options_.type->ToString()));
    }
    OG_ASSIGN_OR_RETURN(auto entries, index->Entries(options_.pool));
    inputs_.push_back(
        {std::make_unique<ChangedEntries>(std::move(entries), std::move(change)), {}, 0});
    return absl::OkStatus();
  }

  absl::StatusOr<BtreeFiles> Finish() override {
    OG_ASSIGN_OR_RETURN(const auto writer, EntryWriter::Open(folder_, options_));
    for (const auto& [begin, end] : spilled_) {
      inputs_.push_back({std::make_unique<SpilledRun>(form_, spill_file_, begin, end), {}, 0});
    }
    if (!run_->empty()) {
      run_->Sort();
      inputs_.push_back({std::move(run_), {}, 0});
    }
    OG_RETURN_IF_ERROR(Merge(inputs_, *writer));
    OG_ASSIGN_OR_RETURN(BtreeFiles files, writer->Finish());
    files.num_runs_spilled = spilled_.size();
    reserved_.Release();
    return files;
  }

 private:
  absl::Status Spill() {
    if (spill_file_ == nullptr) {
      OG_ASSIGN_OR_RETURN(spill_file_, io::SpillFile::Create());
    }
    run_->Sort();
    OG_ASSIGN_OR_RETURN(const auto place, SpilledRun::Write(*run_, *spill_file_));
    spilled_.push_back(place);
    run_ = std::make_unique<MemoryRun>(form_, options_.pool);
    reserved_.Release();
    return absl::OkStatus();
  }

  const io::Location folder_;
  const BtreeBuildOptions options_;
  const KeyForm form_;
  std::unique_ptr<MemoryRun> run_ = std::make_unique<MemoryRun>(form_, options_.pool);
  io::MemoryReservation reserved_;
  std::shared_ptr<io::SpillFile> spill_file_;
  std::vector<std::pair<uint64_t, uint64_t>> spilled_;
  std::vector<MergeInput> inputs_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BtreeBuilder>> BtreeBuilder::Open(const io::Location& folder,
                                                                 const BtreeBuildOptions& options) {
  const std::optional<KeyForm> form = KeyFormOf(*options.type);
  if (!form) {
    return io::UnimplementedError(
        io::StrCat("a BTREE index over values of type ", options.type->ToString()));
  }
  if (options.page_rows == 0) return io::InvalidArgumentError("index pages of no rows");
  return std::make_unique<Builder>(folder, options, *form);
}

}  // namespace og::index
