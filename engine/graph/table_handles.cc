#include "engine/graph/table_handles.h"

#include <algorithm>
#include <cstddef>

#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr size_t kHandlesMax = 64;

std::optional<std::string> KeyOf(const TableEntry& entry) {
  if (!entry.metadata.e_tag.has_value()) return std::nullopt;
  return io::StrCat(entry.path, "\n", entry.branch.value_or(""), "\n", entry.version, "\n",
                    *entry.metadata.e_tag);
}

}  // namespace

dataset::DatasetPtr TableHandles::Find(const TableEntry& entry) const {
  const std::optional<std::string> key = KeyOf(entry);
  if (!key.has_value()) return nullptr;
  io::MutexLock lock(mutex_);
  const auto found =
      std::ranges::find(handles_, *key, &std::pair<std::string, dataset::DatasetPtr>::first);
  if (found == handles_.end()) return nullptr;
  handles_.splice(handles_.begin(), handles_, found);
  return found->second;
}

void TableHandles::Keep(const TableEntry& entry, dataset::DatasetPtr dataset) {
  const std::optional<std::string> key = KeyOf(entry);
  if (!key.has_value()) return;
  io::MutexLock lock(mutex_);
  std::erase_if(handles_, [&key](const auto& handle) { return handle.first == *key; });
  handles_.emplace_front(*key, std::move(dataset));
  if (handles_.size() > kHandlesMax) handles_.pop_back();
}

}  // namespace og::engine::graph
