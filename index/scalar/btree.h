// BTREE indexes: reading and probing. An index is a folder of two Lance data files:
//
//   page_data.lance    values: T?, ids: uint64       one row an indexed row, nulls first, then by
//                                                    value; any order among equal values
//   page_lookup.lance  min: T?, max: T?,             one row a page of page_data
//                      null_count: uint32,
//                      page_idx: uint32
//
// Page p holds the rows [p * batch_size, (p + 1) * batch_size) of page_data, the last one what is
// left. batch_size is metadata of page_lookup (decimal; 4096 where it is missing). `min` is null
// when a page holds any null, `max` when it holds nothing else. `ids` are what `_rowid` gives for
// the row: stable row ids where the table has them, else addresses.
//
// Files in the parts of a distributed build (metadata range_partitioned = "true") are not read.
//
// Source: lance-index 10.0.0: src/scalar/btree.rs; lance-index.md 2.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/type.h"
#include "format/file/reader.h"
#include "index/scalar/sort_key.h"
#include "index/scalar/value_set.h"
#include "io/base/sync.h"
#include "io/env/memory_budget.h"
#include "io/store/store.h"

namespace og::io {
class WorkerPool;
}

namespace og::index {

inline constexpr std::string_view kBtreeLookupFile = "page_lookup.lance";
inline constexpr std::string_view kBtreeDataFile = "page_data.lance";
inline constexpr uint32_t kBtreePageRows = 4096;

struct BtreeOpenOptions {
  // The sizes of the two files; 0: unknown, asked from the store.
  uint64_t lookup_bytes = 0;
  uint64_t data_bytes = 0;
  // Where decoded pages that are kept are reserved, and given back when others need the memory;
  // null: none are kept.
  std::shared_ptr<io::MemoryBudget> memory = {};
  // See format::FileReaderOptions.
  bool check_pages = false;
};

// Entries of an index in its order: `num_nulls` ids of nulls, then one id a key.
struct BtreeEntries {
  size_t num_nulls = 0;
  KeyColumn keys = {};
  std::vector<uint64_t> ids = {};
};

// A source of entries in index order. One consumer.
class BtreeEntrySource {
 public:
  virtual ~BtreeEntrySource() = default;
  // The next entries; none at the end. Nulls come before all keys.
  virtual absl::StatusOr<BtreeEntries> Next() = 0;
};

// Immutable but for the pages that it keeps; all methods may run in any number of threads.
class BtreeIndex : public std::enable_shared_from_this<BtreeIndex> {
 public:
  // Opens the index in `folder`: one request for the whole of page_lookup.
  //
  //   kDataLoss       the files contradict each other
  //   kUnimplemented  a type without an order, or an index in parts
  static absl::StatusOr<std::shared_ptr<const BtreeIndex>> Open(const io::Location& folder,
                                                                const BtreeOpenOptions& options);

  ~BtreeIndex();

  // Of the indexed column.
  const format::TypePtr& type() const { return type_; }
  uint32_t page_rows() const { return page_rows_; }
  size_t num_pages() const { return pages_.size(); }
  // "NULL" or the value as text: the first page's min and the last one's max.
  std::string MinText() const;
  std::string MaxText() const;

  // The most rows that `set` can hold, by looking at page_lookup only.
  uint64_t CountAtMost(const ValueSet& set) const;

  // Ids of the rows whose value is in `set`, ascending, each once. Reads the pages that may hold
  // some, those that lie together in one request, and keeps them while memory allows. `pool` may
  // be null.
  absl::StatusOr<std::vector<uint64_t>> Search(const ValueSet& set, io::WorkerPool* pool) const;

  // All entries, in order. Keeps the index alive.
  absl::StatusOr<std::unique_ptr<BtreeEntrySource>> Entries(io::WorkerPool* pool) const;

  // The same as batches of `values` and `ids` as they are stored: values with a dictionary where
  // the file has some, in which one may stand more than once.
  absl::StatusOr<std::unique_ptr<format::BatchStream>> Batches(io::WorkerPool* pool) const;

 private:
  struct PageStats {
    Cut min;  // kStart where unknown
    Cut max;  // kStart where the page holds nulls only
    uint32_t null_count = 0;
    uint32_t page = 0;  // in page_data
  };
  // A decoded page.
  struct Page {
    BtreeEntries entries;
    size_t MemoryBytes() const;
  };
  using PagePtr = std::shared_ptr<const Page>;
  struct KeptPage {
    PagePtr page;
    io::MemoryReservation memory;
  };
  class Source;
  class CheckedStream;

  BtreeIndex() = default;

  absl::StatusOr<std::shared_ptr<const format::FileReader>> DataFile() const;
  // Positions in pages_ of the pages that may hold values of `set`, ascending by page.
  std::vector<size_t> PagesOf(const ValueSet& set) const;
  absl::StatusOr<std::vector<PagePtr>> ReadPages(std::span<const size_t> wanted,
                                                 io::WorkerPool* pool) const;
  void Keep(size_t at, const PagePtr& page) const;
  uint64_t DropPages(uint64_t bytes) const;
  // Refuses a batch of page_data with columns of other types, or ids that are null.
  absl::Status CheckTypes(const format::RecordBatch& batch) const;
  absl::StatusOr<BtreeEntries> EntriesOf(const format::RecordBatch& batch) const;

  io::Location folder_;
  format::TypePtr type_;
  KeyForm form_ = KeyForm::kWord;
  uint32_t page_rows_ = kBtreePageRows;
  std::vector<PageStats> pages_;
  std::string min_text_;
  std::string max_text_;
  std::shared_ptr<io::MemoryBudget> memory_;
  bool check_pages_ = false;
  uint64_t data_bytes_ = 0;

  mutable io::Mutex mutex_;
  mutable std::shared_ptr<const format::FileReader> data_ OG_GUARDED_BY(mutex_);
  mutable std::vector<KeptPage> kept_ OG_GUARDED_BY(mutex_);
  mutable size_t next_to_drop_ OG_GUARDED_BY(mutex_) = 0;
  std::optional<uint64_t> shrinker_;
};

}  // namespace og::index
