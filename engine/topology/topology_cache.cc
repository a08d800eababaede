#include "engine/topology/topology_cache.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/base/text.h"

namespace og::engine::topology {
namespace {

constexpr std::string_view kSuffix = ".topology";

// In memory; enough for the tables of some graphs, and old versions go in the end.
constexpr size_t kEntriesMax = 256;

// Of the head of a file, to choose a base by: some thousand fragments.
constexpr uint64_t kHeadBytes = uint64_t{256} << 10;

std::string Hex(uint64_t value) {
  std::array<char, 17> text;
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

uint64_t HashOf(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

bool Offers(const Topology& topology, const TopologyOptions& wanted) {
  return (topology.options().out || !wanted.out) && (topology.options().in || !wanted.in) &&
         !topology.options().edge_rows;
}

// Whether `key` can be gone on from: a new node may be the missing end of a dangling edge.
bool IsBase(const TopologyKey& base, const TopologyKey& key, uint64_t num_dangling) {
  const bool same_nodes = base.sources == key.sources && base.destinations == key.destinations;
  return base.Begins(key) && (same_nodes || num_dangling == 0);
}

}  // namespace

TopologyCache::TopologyCache(io::Env& env, TopologyCacheOptions options)
    : env_(env), options_(std::move(options)) {
  shrinker_ = env_.memory()->AddShrinker([this](uint64_t bytes) { return Shrink(bytes); });
}

TopologyCache::~TopologyCache() {
  env_.memory()->RemoveShrinker(shrinker_);
}

std::shared_ptr<const StoredTopology> TopologyCache::Find(std::string_view table,
                                                          const TopologyKey& key,
                                                          const TopologyOptions& wanted) {
  {
    io::MutexLock lock(mutex_);
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->topology == nullptr || entry->table != table || entry->topology->key != key ||
          !Offers(entry->topology->topology, wanted)) {
        continue;
      }
      entries_.splice(entries_.begin(), entries_, entry);
      return entries_.front().topology;
    }
  }
  if (!options_.folder.has_value()) return nullptr;
  std::shared_ptr<const StoredTopology> stored = ReadFile(NameOf(table, key, wanted));
  if (stored == nullptr && !(wanted.out && wanted.in)) {
    stored = ReadFile(NameOf(table, key, {.out = true, .in = true}));
  }
  if (stored == nullptr || stored->key != key) return nullptr;
  Insert({std::string(table), stored, {}, nullptr, stored->topology.MemoryBytes()});
  return stored;
}

CachePlace TopologyCache::PlaceOf(std::string_view table, const TopologyKey& key,
                                  const TopologyOptions& wanted) {
  {
    io::MutexLock lock(mutex_);
    for (const Entry& entry : entries_) {
      if (entry.topology != nullptr && entry.table == table && entry.topology->key == key &&
          Offers(entry.topology->topology, wanted)) {
        return CachePlace::kMemory;
      }
    }
  }
  if (!options_.folder.has_value()) return CachePlace::kNowhere;
  const auto exists = [&](const TopologyOptions& directions) {
    const io::Location file = options_.folder->Child(NameOf(table, key, directions));
    return file.store->Stat(file.path).ok();
  };
  const bool found = exists(wanted) || exists({.out = true, .in = true});
  return found ? CachePlace::kFolder : CachePlace::kNowhere;
}

std::shared_ptr<const StoredTopology> TopologyCache::FindBase(std::string_view table,
                                                              const TopologyKey& key,
                                                              const TopologyOptions& wanted) {
  std::shared_ptr<const StoredTopology> best;
  {
    io::MutexLock lock(mutex_);
    for (const Entry& entry : entries_) {
      if (entry.topology == nullptr || entry.table != table) continue;
      const Topology& topology = entry.topology->topology;
      if (topology.options().out != wanted.out || topology.options().in != wanted.in ||
          !IsBase(entry.topology->key, key, topology.num_dangling())) {
        continue;
      }
      if (best == nullptr || best->topology.num_rows() < topology.num_rows()) {
        best = entry.topology;
      }
    }
  }
  if (best != nullptr || !options_.folder.has_value()) return best;
  const std::string prefix = Hex(HashOf(table));
  const auto files =
      options_.folder->store->List(options_.folder->path, {.recursive = false, .with_info = true});
  if (!files.ok()) return nullptr;
  std::string best_name;
  uint64_t best_rows = 0;
  for (const io::ObjectInfo& file : *files) {
    const std::string name = file.path.substr(file.path.rfind('/') + 1);
    if (!name.starts_with(prefix) || !name.ends_with(kSuffix)) continue;
    const auto bytes =
        options_.folder->store
            ->Submit({{.path = file.path, .range = {0, std::min(file.size, kHeadBytes)}}})
            .Wait();
    if (!bytes.ok()) continue;
    const auto head = DecodeTopologyHead((*bytes)[0].view());
    if (!head.ok() || head->out != wanted.out || head->in != wanted.in || !head->key.Begins(key) ||
        head->key.edges.num_rows() < best_rows) {
      continue;
    }
    best_name = name;
    best_rows = head->key.edges.num_rows();
  }
  if (best_name.empty()) return nullptr;
  best = ReadFile(best_name);
  const bool fits = best != nullptr && IsBase(best->key, key, best->topology.num_dangling());
  return fits ? best : nullptr;
}

std::shared_ptr<const StoredTopology> TopologyCache::Keep(std::string_view table,
                                                          StoredTopology topology) {
  const auto kept = std::make_shared<const StoredTopology>(std::move(topology));
  Insert({std::string(table), kept, {}, nullptr, kept->topology.MemoryBytes()});
  {
    io::MutexLock lock(mutex_);
    spent_.erase(std::string(table));
  }
  if (options_.folder.has_value() && kept->topology.num_rows() >= options_.stored_edges_min) {
    WriteFile(table, *kept);
  }
  return kept;
}

double TopologyCache::SpentWithout(std::string_view table) {
  io::MutexLock lock(mutex_);
  const auto known = spent_.find(table);
  return known == spent_.end() ? 0 : known->second;
}

void TopologyCache::AddSpentWithout(std::string_view table, double cost) {
  io::MutexLock lock(mutex_);
  spent_[std::string(table)] += cost;
}

std::shared_ptr<const NodeIndex> TopologyCache::FindIndex(const RowSet& rows) {
  io::MutexLock lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->index == nullptr || entry->rows != rows) continue;
    entries_.splice(entries_.begin(), entries_, entry);
    return entries_.front().index;
  }
  return nullptr;
}

void TopologyCache::KeepIndex(const RowSet& rows, std::shared_ptr<const NodeIndex> index) {
  const uint64_t bytes = index->MemoryBytes();
  Insert({"", nullptr, rows, std::move(index), bytes});
}

void TopologyCache::Insert(Entry entry) {
  Entry dropped;  // destroyed behind the lock
  io::MutexLock lock(mutex_);
  entries_.push_front(std::move(entry));
  if (entries_.size() > kEntriesMax) {
    dropped = std::move(entries_.back());
    entries_.pop_back();
  }
}

uint64_t TopologyCache::Shrink(uint64_t bytes) {
  // Destroyed behind the lock: giving memory back must not wait for it.
  std::vector<Entry> dropped;
  uint64_t freed = 0;
  {
    io::MutexLock lock(mutex_);
    for (auto entry = entries_.end(); entry != entries_.begin() && freed < bytes;) {
      --entry;
      const bool used =
          entry->index != nullptr ? entry->index.use_count() > 1 : entry->topology.use_count() > 1;
      if (used) continue;
      freed += entry->bytes;
      dropped.push_back(std::move(*entry));
      entry = entries_.erase(entry);
    }
  }
  return freed;
}

std::string TopologyCache::NameOf(std::string_view table, const TopologyKey& key,
                                  const TopologyOptions& options) const {
  std::string text = io::StrCat(options.out ? "out" : "", options.in ? "in" : "");
  for (const RowSet* set : {&key.sources, &key.destinations, &key.edges}) {
    for (const RowSet::Fragment& fragment : set->fragments) {
      text += io::StrCat(" ", fragment.fingerprint, ":", fragment.num_rows);
    }
    text += ';';
  }
  return io::StrCat(Hex(HashOf(table)), "-", Hex(HashOf(text)), kSuffix);
}

std::shared_ptr<const StoredTopology> TopologyCache::ReadFile(const std::string& name) {
  const io::Location file = options_.folder->Child(name);
  const auto bytes = file.store->Read(file.path);
  if (!bytes.ok()) return nullptr;
  auto stored = DecodeTopology(bytes->view(), env_.memory());
  if (stored.ok()) return std::make_shared<const StoredTopology>(*std::move(stored));
  // What is damaged would be found again each time.
  if (absl::IsDataLoss(stored.status())) file.store->Delete(file.path).IgnoreError();
  return nullptr;
}

void TopologyCache::WriteFile(std::string_view table, const StoredTopology& topology) {
  const std::string bytes = EncodeTopology(topology.key, topology.topology);
  if (bytes.size() > options_.folder_bytes_max) return;
  const io::Location file =
      options_.folder->Child(NameOf(table, topology.key, topology.topology.options()));
  const auto put = file.store->Put(file.path, std::as_bytes(std::span(bytes)));
  if (put.ok()) LimitFolder();
}

void TopologyCache::LimitFolder() {
  auto files =
      options_.folder->store->List(options_.folder->path, {.recursive = false, .with_info = true});
  if (!files.ok()) return;
  std::erase_if(*files, [](const io::ObjectInfo& file) { return !file.path.ends_with(kSuffix); });
  std::sort(files->begin(), files->end(), [](const io::ObjectInfo& a, const io::ObjectInfo& b) {
    return a.modified_us > b.modified_us;
  });
  uint64_t bytes = 0;
  for (const io::ObjectInfo& file : *files) {
    bytes += file.size;
    if (bytes > options_.folder_bytes_max) {
      options_.folder->store->Delete(file.path).IgnoreError();
    }
  }
}

}  // namespace og::engine::topology
