// Time to build the topology of the demo graph's shape: 64k nodes, 300k edges, ids of 20
// characters.
#include <random>
#include <string>

#include "benchmark/benchmark.h"

#include "engine/topology/topology.h"
#include "format/arrow/builder.h"

namespace og::engine::topology {
namespace {

constexpr int64_t kNumNodes = 64'000;
constexpr int64_t kNumEdges = 300'000;
constexpr int64_t kBatchRows = 8192;

std::string IdOf(uint64_t node) {
  std::string digits = std::to_string(node);
  return "package-" + std::string(12 - digits.size(), '0') + digits;
}

struct Graph {
  std::vector<format::ArrayPtr> ids;
  std::vector<std::pair<format::ArrayPtr, format::ArrayPtr>> edges;
};

format::ArrayPtr Texts(std::span<const uint64_t> nodes) {
  format::StringBuilder builder(format::Utf8());
  for (const uint64_t node : nodes)
    builder.Append(IdOf(node));
  return builder.Finish();
}

// One dictionary for all batches, as a scan with dictionary_strings gives it.
std::vector<format::ArrayPtr> Coded(const std::vector<uint64_t>& nodes) {
  std::vector<uint64_t> all(kNumNodes);
  for (size_t i = 0; i < all.size(); ++i)
    all[i] = i;
  auto whole = std::make_shared<format::Array>();
  whole->type = format::Dictionary(format::Int32(), format::Utf8());
  whole->length = static_cast<int64_t>(nodes.size());
  format::FixedBuilder<int32_t> indices(format::Int32());
  for (const uint64_t node : nodes)
    indices.Append(static_cast<int32_t>(node));
  whole->values = indices.Finish()->values;
  whole->dictionary = Texts(all);
  std::vector<format::ArrayPtr> batches;
  for (int64_t at = 0; at < whole->length; at += kBatchRows) {
    batches.push_back(Slice(whole, at, std::min(kBatchRows, whole->length - at)));
  }
  return batches;
}

std::vector<format::ArrayPtr> Plain(const std::vector<uint64_t>& nodes) {
  std::vector<format::ArrayPtr> batches;
  for (size_t at = 0; at < nodes.size(); at += kBatchRows) {
    batches.push_back(Texts(std::span(nodes).subspan(
        at, std::min(static_cast<size_t>(kBatchRows), nodes.size() - at))));
  }
  return batches;
}

Graph Make(bool coded) {
  std::mt19937_64 random(1);
  std::vector<uint64_t> nodes(kNumNodes);
  for (size_t i = 0; i < nodes.size(); ++i)
    nodes[i] = i;
  std::vector<uint64_t> src(kNumEdges);
  std::vector<uint64_t> dst(kNumEdges);
  for (size_t i = 0; i < src.size(); ++i) {
    src[i] = i * kNumNodes / kNumEdges;
    dst[i] = random() % kNumNodes;
  }
  Graph graph;
  graph.ids = Plain(nodes);
  const auto sources = coded ? Coded(src) : Plain(src);
  const auto destinations = coded ? Coded(dst) : Plain(dst);
  for (size_t i = 0; i < sources.size(); ++i) {
    graph.edges.emplace_back(sources[i], destinations[i]);
  }
  return graph;
}

void BM_Build(benchmark::State& state) {
  const Graph graph = Make(state.range(0) != 0);
  const bool both = state.range(1) != 0;
  const auto budget = io::MemoryBudget::NewRoot("bench", uint64_t{1} << 30);
  for (auto _ : state) {
    NodeIndex index(budget);
    for (const auto& ids : graph.ids) {
      if (!index.Add(ids).ok()) state.SkipWithError("Add");
    }
    TopologyBuilder builder(budget, nullptr, &index, &index, {.out = true, .in = both});
    for (const auto& [src, dst] : graph.edges) {
      if (!builder.Add(src, dst).ok()) state.SkipWithError("Add");
    }
    benchmark::DoNotOptimize(builder.Finish()->num_rows());
  }
  state.SetItemsProcessed(state.iterations() * kNumEdges);
}
BENCHMARK(BM_Build)
    ->ArgNames({"dictionary", "both"})
    ->ArgsProduct({{0, 1}, {0, 1}})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace og::engine::topology

BENCHMARK_MAIN();
