// Node indexes and topologies that queries of one process share, and, where a folder is given, that
// processes find again. Kept by the rows that they were made from, so that nothing here can be out
// of date; what is in the folder is believed only with its checksum. Results never depend on it.
//
//   TopologyCache cache(env, {.folder = *folder});
//   if (auto known = cache.Find("file:///g/edges/1", key, {.out = true})) ...
//   cache.Keep("file:///g/edges/1", std::move(made));
//
// In memory the least recently used go when the budget of the process runs short. In the folder the
// oldest go when it grows over its limit; any file may be deleted at any time.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/topology/node_index.h"
#include "engine/topology/topology_file.h"
#include "io/base/sync.h"
#include "io/env/env.h"
#include "io/store/store.h"

namespace og::engine::topology {

struct TopologyCacheOptions {
  // Where topologies outlive the process; outside of every graph. Absent: nowhere.
  std::optional<io::Location> folder = {};
  uint64_t folder_bytes_max = uint64_t{4} << 30;
  // Fewer edges than this are read again sooner than a file is.
  uint64_t stored_edges_min = 20'000;
};

enum class CachePlace : uint8_t { kNowhere, kFolder, kMemory };

class TopologyCache {
 public:
  // `env` outlives the cache.
  TopologyCache(io::Env& env, TopologyCacheOptions options);
  ~TopologyCache();
  TopologyCache(const TopologyCache&) = delete;
  TopologyCache& operator=(const TopologyCache&) = delete;

  // The topology of exactly these rows with at least these directions; null if there is none.
  // `table` names the edge table: only its own topologies are looked at.
  std::shared_ptr<const StoredTopology> Find(std::string_view table, const TopologyKey& key,
                                             const TopologyOptions& wanted);

  // Where Find would find it.
  CachePlace PlaceOf(std::string_view table, const TopologyKey& key, const TopologyOptions& wanted);

  // One that TopologyBuilder::ContinueFrom can start from, with exactly these directions, the one
  // of most edges; null if there is none.
  std::shared_ptr<const StoredTopology> FindBase(std::string_view table, const TopologyKey& key,
                                                 const TopologyOptions& wanted);

  // Keeps `topology`, in the folder too if there is one. Failures of the folder are not failures.
  std::shared_ptr<const StoredTopology> Keep(std::string_view table, StoredTopology topology);

  // Whether topologies outlive the process.
  bool has_folder() const { return options_.folder.has_value(); }

  // What queries of this process have spent because `table` had no topology at hand, in a measure
  // of their own. Starts again when one is kept.
  double SpentWithout(std::string_view table);
  void AddSpentWithout(std::string_view table, double cost);

  // The same as Find and Keep for the numbers of nodes, in memory only.
  std::shared_ptr<const NodeIndex> FindIndex(const RowSet& rows);
  void KeepIndex(const RowSet& rows, std::shared_ptr<const NodeIndex> index);

 private:
  struct Entry {
    std::string table;                               // empty: an index
    std::shared_ptr<const StoredTopology> topology;  // or
    RowSet rows;
    std::shared_ptr<const NodeIndex> index;
    uint64_t bytes = 0;
  };

  // Gives up entries that nobody uses, least recently used first, up to about `bytes`.
  uint64_t Shrink(uint64_t bytes);
  void Insert(Entry entry);
  std::string NameOf(std::string_view table, const TopologyKey& key,
                     const TopologyOptions& options) const;
  std::shared_ptr<const StoredTopology> ReadFile(const std::string& name);
  void WriteFile(std::string_view table, const StoredTopology& topology);
  void LimitFolder();

  io::Env& env_;
  const TopologyCacheOptions options_;
  uint64_t shrinker_ = 0;
  io::Mutex mutex_;
  std::list<Entry> entries_ OG_GUARDED_BY(mutex_);  // most recently used first
  std::map<std::string, double, std::less<>> spent_ OG_GUARDED_BY(mutex_);  // by table
};

}  // namespace og::engine::topology
