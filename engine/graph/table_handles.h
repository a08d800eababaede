// Opened versions of tables, so that a writer which comes again reads no manifest twice. Versions
// never change; a ref that was deleted and made again is told apart by the token of its manifest.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <utility>

#include "engine/dataset/dataset.h"
#include "engine/graph/manifest/rows.h"
#include "io/base/sync.h"

namespace og::engine::graph {

// Any thread may call any method. The least recently used leave first.
class TableHandles {
 public:
  // Null if it is not kept.
  dataset::DatasetPtr Find(const TableEntry& entry) const;

  // Keeps the dataset that `entry` pins; nothing for an entry without a token.
  void Keep(const TableEntry& entry, dataset::DatasetPtr dataset);

 private:
  mutable io::Mutex mutex_;
  // Most recently used first; few enough to be looked through.
  mutable std::list<std::pair<std::string, dataset::DatasetPtr>> handles_ OG_GUARDED_BY(mutex_);
};

}  // namespace og::engine::graph
