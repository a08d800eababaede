// The newest state of each branch that a process has seen, so that a write which finds it unchanged
// reads nothing again. A hint only: whoever uses a view asks first whether it is current.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/graph/manifest/store.h"
#include "io/base/sync.h"

namespace og::engine::graph {

// Any thread may call any method.
class ViewCache {
 public:
  // Null if nothing is known of the branch.
  std::shared_ptr<const ManifestView> Find(std::string_view branch) const {
    io::MutexLock lock(mutex_);
    const auto found = views_.find(branch);
    return found == views_.end() ? nullptr : found->second;
  }

  void Keep(std::shared_ptr<const ManifestView> view) {
    io::MutexLock lock(mutex_);
    const std::string branch(BranchName(view->branch));
    if (views_.size() >= kBranchesMax && !views_.contains(branch)) views_.clear();
    views_[branch] = std::move(view);
  }

 private:
  static constexpr size_t kBranchesMax = 64;

  mutable io::Mutex mutex_;
  std::map<std::string, std::shared_ptr<const ManifestView>, std::less<>> views_
      OG_GUARDED_BY(mutex_);
};

}  // namespace og::engine::graph
