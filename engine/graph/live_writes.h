// The writes of this process that are under way: their records belong to a writer that lives, and
// are no business of recovery.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "io/base/sync.h"

namespace og::engine::graph {

// Any thread may call any method. Outlives what Enter() gives.
class LiveWrites {
 public:
  // A write is under way until this is destroyed. Move-only.
  class Entry {
   public:
    Entry(Entry&& other) noexcept
        : writes_(std::exchange(other.writes_, nullptr)), id_(std::move(other.id_)) {}
    Entry& operator=(Entry&&) = delete;
    ~Entry() {
      if (writes_ != nullptr) writes_->Leave(id_);
    }

   private:
    friend class LiveWrites;
    Entry(LiveWrites* writes, std::string id) : writes_(writes), id_(std::move(id)) {}

    LiveWrites* writes_;
    std::string id_;
  };

  Entry Enter(std::string operation_id) {
    io::MutexLock lock(mutex_);
    ids_.insert(operation_id);
    return Entry(this, std::move(operation_id));
  }

  bool Contains(std::string_view operation_id) const {
    io::MutexLock lock(mutex_);
    return ids_.contains(operation_id);
  }

 private:
  void Leave(const std::string& operation_id) {
    io::MutexLock lock(mutex_);
    ids_.erase(operation_id);
  }

  mutable io::Mutex mutex_;
  std::set<std::string, std::less<>> ids_ OG_GUARDED_BY(mutex_);
};

}  // namespace og::engine::graph
