// Topologies in files and in the cache: what comes back is what was kept, damage is never believed,
// later versions go on from earlier ones, and the folder keeps to its limit.
#include "engine/topology/topology_cache.h"

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::topology {
namespace {

using tests::IsOk;

struct Edge {
  std::string src, dst;
};

format::ArrayPtr Column(const std::vector<Edge>& edges, size_t from, bool src) {
  format::StringBuilder builder(format::Utf8());
  for (size_t i = from; i < edges.size(); ++i)
    builder.Append(src ? edges[i].src : edges[i].dst);
  return builder.Finish();
}

NodeIndex Nodes(uint32_t count) {
  NodeIndex index(io::RealEnv().memory());
  format::StringBuilder ids(format::Utf8());
  for (uint32_t i = 0; i < count; ++i)
    ids.Append(io::StrCat("n", i));
  EXPECT_THAT(index.Add(ids.Finish()), IsOk());
  return index;
}

std::vector<Edge> RandomEdges(std::mt19937_64& random, uint32_t num_nodes, size_t count) {
  std::vector<Edge> edges;
  for (size_t i = 0; i < count; ++i) {
    edges.push_back({io::StrCat("n", random() % num_nodes), io::StrCat("n", random() % num_nodes)});
  }
  return edges;
}

Topology Build(const NodeIndex& nodes, const std::vector<Edge>& edges,
               const Topology* base = nullptr) {
  io::Env& env = io::RealEnv();
  TopologyBuilder builder(env.memory(), &env.pool(), &nodes, &nodes, {.out = true, .in = true});
  if (base != nullptr) builder.ContinueFrom(base);
  const size_t from = base == nullptr ? 0 : base->num_rows();
  EXPECT_THAT(builder.Add(Column(edges, from, true), Column(edges, from, false)), IsOk());
  auto topology = builder.Finish();
  EXPECT_THAT(topology, IsOk());
  return *std::move(topology);
}

void ExpectSame(const Topology& a, const Topology& b) {
  EXPECT_EQ(a.num_rows(), b.num_rows());
  EXPECT_EQ(a.num_dangling(), b.num_dangling());
  for (const auto lists : {&Topology::out_lists, &Topology::in_lists}) {
    EXPECT_EQ((a.*lists)().offsets, (b.*lists)().offsets);
    EXPECT_EQ((a.*lists)().ends, (b.*lists)().ends);
  }
}

// Fragments of these sizes; `salt` tells row sets of equal sizes apart.
RowSet Rows(const std::vector<uint64_t>& sizes, uint64_t salt = 0) {
  RowSet rows;
  for (const uint64_t size : sizes)
    rows.fragments.push_back({salt * 1000 + rows.fragments.size(), size});
  return rows;
}

TopologyKey KeyOf(uint32_t num_nodes, const std::vector<uint64_t>& edge_fragments) {
  return {Rows({num_nodes}), Rows({num_nodes}), Rows(edge_fragments)};
}

io::Location Folder(const std::string& name) {
  return io::RealEnv().Resolve("memory://cache/" + name).value();
}

constexpr TopologyOptions kBoth = {.out = true, .in = true};

TEST(TopologyFileTest, ComesBackAndNoDamageDoes) {
  std::mt19937_64 random(tests::Seed());
  const NodeIndex nodes = Nodes(9);
  std::vector<Edge> edges = RandomEdges(random, 10, 40);  // n9 is no node
  const Topology topology = Build(nodes, edges);
  const TopologyKey key = KeyOf(9, {30, 10});
  const std::string bytes = EncodeTopology(key, topology);
  const auto budget = io::RealEnv().memory();
  const auto stored = DecodeTopology(bytes, budget);
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ(stored->key, key);
  ExpectSame(stored->topology, topology);
  const auto head = DecodeTopologyHead(std::string_view(bytes).substr(0, 150));
  ASSERT_THAT(head, IsOk());
  EXPECT_EQ(head->key, key);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_FALSE(DecodeTopology(damaged, budget).ok()) << "bit " << bit;
  }
  for (size_t length = 0; length < bytes.size(); ++length) {
    ASSERT_FALSE(DecodeTopology(std::string_view(bytes).substr(0, length), budget).ok());
  }
}

TEST(TopologyBuilderTest, GoesOnFromAnEarlierVersion) {
  std::mt19937_64 random(tests::Seed());
  for (int round = 0; round < 100; ++round) {
    const auto num_before = static_cast<uint32_t>(1 + random() % 20);
    const auto num_after = num_before + static_cast<uint32_t>(random() % 5);
    std::vector<Edge> edges = RandomEdges(random, num_before, random() % 60);
    const NodeIndex before = Nodes(num_before);
    const NodeIndex after = Nodes(num_after);
    const Topology base = Build(before, edges);
    const std::vector<Edge> more = RandomEdges(random, num_after + 1, random() % 30);
    edges.insert(edges.end(), more.begin(), more.end());
    ExpectSame(Build(after, edges, &base), Build(after, edges));
  }
}

TEST(TopologyCacheTest, OutlivesTheProcessInItsFolder) {
  std::mt19937_64 random(tests::Seed());
  const NodeIndex nodes = Nodes(50);
  const std::vector<Edge> edges = RandomEdges(random, 50, 300);
  const TopologyKey key = KeyOf(50, {300});
  const TopologyCacheOptions options{.folder = Folder("outlives"), .stored_edges_min = 100};
  {
    TopologyCache cache(io::RealEnv(), options);
    EXPECT_EQ(cache.Find("t", key, kBoth), nullptr);
    cache.Keep("t", {key, Build(nodes, edges)});
    EXPECT_NE(cache.Find("t", key, {.out = true}), nullptr);
    EXPECT_EQ(cache.Find("u", key, kBoth), nullptr);
    EXPECT_EQ(cache.Find("t", KeyOf(50, {299}), kBoth), nullptr);
  }
  TopologyCache cache(io::RealEnv(), options);
  EXPECT_EQ(cache.PlaceOf("t", key, {.out = false, .in = true}), CachePlace::kFolder);
  const auto found = cache.Find("t", key, {.out = false, .in = true});
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(cache.PlaceOf("t", key, kBoth), CachePlace::kMemory);
  EXPECT_EQ(cache.PlaceOf("u", key, kBoth), CachePlace::kNowhere);
  ExpectSame(found->topology, Build(nodes, edges));
  // A base for more edges, but not for other ones.
  TopologyCache other(io::RealEnv(), options);
  EXPECT_NE(other.FindBase("t", KeyOf(50, {300, 7}), kBoth), nullptr);
  EXPECT_EQ(other.FindBase("t", KeyOf(50, {301}), kBoth), nullptr);
  EXPECT_EQ(other.FindBase("t", KeyOf(50, {300, 7}), {.out = true}), nullptr);
}

TEST(TopologyCacheTest, DamagedFilesAreNotBelievedAndGo) {
  std::mt19937_64 random(tests::Seed());
  const NodeIndex nodes = Nodes(5);
  const TopologyKey key = KeyOf(5, {50});
  const TopologyCacheOptions options{.folder = Folder("damaged"), .stored_edges_min = 1};
  TopologyCache(io::RealEnv(), options).Keep("t", {key, Build(nodes, RandomEdges(random, 5, 50))});
  const auto files = options.folder->store->List(options.folder->path, {});
  ASSERT_THAT(files, IsOk());
  ASSERT_EQ(files->size(), 1u);
  const auto bytes = options.folder->store->Read((*files)[0].path);
  ASSERT_THAT(bytes, IsOk());
  std::vector<std::byte> damaged(bytes->data(), bytes->data() + bytes->size());
  damaged[damaged.size() / 2] ^= std::byte{1};
  ASSERT_THAT(options.folder->store->Put((*files)[0].path, damaged), IsOk());
  TopologyCache cache(io::RealEnv(), options);
  EXPECT_EQ(cache.Find("t", key, kBoth), nullptr);
  EXPECT_EQ(options.folder->store->List(options.folder->path, {})->size(), 0u);
}

TEST(TopologyCacheTest, TheFolderKeepsToItsLimit) {
  std::mt19937_64 random(tests::Seed());
  const NodeIndex nodes = Nodes(5);
  const TopologyCacheOptions options{
      .folder = Folder("limited"), .folder_bytes_max = 2000, .stored_edges_min = 1};
  TopologyCache cache(io::RealEnv(), options);
  for (uint64_t round = 0; round < 20; ++round) {
    const TopologyKey key = {Rows({5}), Rows({5}), Rows({50}, round)};
    cache.Keep("t", {key, Build(nodes, RandomEdges(random, 5, 50))});
    const auto files = options.folder->store->List(options.folder->path, {});
    ASSERT_THAT(files, IsOk());
    uint64_t bytes = 0;
    for (const io::ObjectInfo& file : *files)
      bytes += file.size;
    EXPECT_LE(bytes, 2000u);
    EXPECT_GT(bytes, 0u);
  }
}

TEST(TopologyCacheTest, AddsUpWhatIsSpentUntilATopologyIsKept) {
  std::mt19937_64 random(tests::Seed());
  const NodeIndex nodes = Nodes(5);
  TopologyCache cache(io::RealEnv(), {});
  cache.AddSpentWithout("t", 2);
  cache.AddSpentWithout("t", 0.5);
  EXPECT_EQ(cache.SpentWithout("t"), 2.5);
  EXPECT_EQ(cache.SpentWithout("u"), 0);
  cache.Keep("t", {KeyOf(5, {50}), Build(nodes, RandomEdges(random, 5, 50))});
  EXPECT_EQ(cache.SpentWithout("t"), 0);
}

TEST(TopologyCacheTest, GivesMemoryBackWhenItIsShort) {
  std::mt19937_64 random(tests::Seed());
  const auto env = io::NewRealEnv({.memory_limit = 200'000, .num_threads = 1}).value();
  NodeIndex nodes(env->memory());
  format::StringBuilder ids(format::Utf8());
  ids.Append("n0");
  ASSERT_THAT(nodes.Add(ids.Finish()), IsOk());
  TopologyCache cache(*env, {});
  const std::vector<Edge> edges = RandomEdges(random, 1, 5000);
  for (uint64_t round = 0; round < 30; ++round) {
    TopologyBuilder builder(env->memory(), nullptr, &nodes, &nodes, {.out = true});
    ASSERT_THAT(builder.Add(Column(edges, 0, true), Column(edges, 0, false)), IsOk());
    auto topology = builder.Finish();
    ASSERT_THAT(topology, IsOk()) << "round " << round;
    cache.Keep("t", {{Rows({1}), Rows({1}), Rows({5000}, round)}, *std::move(topology)});
  }
}

}  // namespace
}  // namespace og::engine::topology
