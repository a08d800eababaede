// What handles of one process share: open data files, decoded deletion vectors, indexes;
// the least recently used leave first. Files never change under their name, so that nothing here
// gets stale.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/file/reader.h"
#include "format/table/deletion_vector.h"
#include "index/scalar/btree.h"
#include "io/base/sync.h"
#include "io/store/store.h"

namespace og::engine::dataset {

// A bounded map from names to shared values. Thread-safe; `make` runs without a lock, so that two
// threads may make the same value, of which one is kept.
template <typename T>
class SharedCache {
 public:
  explicit SharedCache(size_t capacity) : capacity_(capacity) {}

  bool Contains(const std::string& key) {
    io::MutexLock lock(mutex_);
    return index_.contains(key);
  }

  absl::StatusOr<std::shared_ptr<const T>> Get(
      const std::string& key,
      const std::function<absl::StatusOr<std::shared_ptr<const T>>()>& make) {
    {
      io::MutexLock lock(mutex_);
      if (const auto at = index_.find(key); at != index_.end()) {
        order_.splice(order_.begin(), order_, at->second);
        return at->second->second;
      }
    }
    absl::StatusOr<std::shared_ptr<const T>> made = make();
    if (!made.ok()) {
      return made;
    }
    io::MutexLock lock(mutex_);
    if (const auto at = index_.find(key); at != index_.end()) {
      return at->second->second;
    }
    order_.emplace_front(key, *made);
    index_[key] = order_.begin();
    if (order_.size() > capacity_) {
      index_.erase(order_.back().first);
      order_.pop_back();
    }
    return made;
  }

 private:
  using Order = std::list<std::pair<std::string, std::shared_ptr<const T>>>;

  const size_t capacity_;
  io::Mutex mutex_;
  Order order_ OG_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, typename Order::iterator> index_ OG_GUARDED_BY(mutex_);
};

class Session {
 public:
  // `check_pages`: see format::FileReaderOptions.
  explicit Session(bool check_pages) : check_pages_(check_pages) {}

  // The data file at `location` of `size_bytes` bytes (0: unknown).
  absl::StatusOr<std::shared_ptr<const format::FileReader>> OpenFile(const io::Location& location,
                                                                     uint64_t size_bytes);

  // The deletion vector in `location`.
  absl::StatusOr<format::DeletionVectorPtr> ReadDeletions(const io::Location& location,
                                                          format::DeletionFileKind kind,
                                                          uint64_t physical_rows);

  struct DeletionFile {
    io::Location location;
    format::DeletionFileKind kind;
    uint64_t physical_rows = 0;
  };

  // Reads those of `files` that are not known, side by side. What goes wrong is left to who asks
  // for one of them.
  void PrefetchDeletions(std::span<const DeletionFile> files);

  // The index in `folder`.
  absl::StatusOr<std::shared_ptr<const index::BtreeIndex>> OpenBtree(
      const io::Location& folder, const index::BtreeOpenOptions& options);

 private:
  const bool check_pages_;
  SharedCache<format::FileReader> files_{4096};
  SharedCache<format::DeletionVector> deletions_{1024};
  SharedCache<index::BtreeIndex> btrees_{256};
};

}  // namespace og::engine::dataset
