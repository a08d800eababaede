// Topologies of random graphs against a naive model: lists of pairs and a map of ids.
#include "engine/topology/topology.h"

#include <algorithm>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/topology/grouped_topology.h"
#include "format/arrow/builder.h"
#include "io/env/worker_pool.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::topology {
namespace {

using format::ArrayPtr;
using Texts = std::vector<std::optional<std::string>>;

std::shared_ptr<io::MemoryBudget> Budget(uint64_t limit = uint64_t{1} << 30) {
  return io::MemoryBudget::NewRoot("test", limit);
}

ArrayPtr Plain(const Texts& texts) {
  format::StringBuilder builder(format::Utf8());
  for (const auto& text : texts)
    text ? builder.Append(*text) : builder.AppendNull();
  return builder.Finish();
}

// The same values behind a dictionary; `padded` makes it longer than the array.
ArrayPtr Coded(const Texts& texts, bool padded) {
  auto coded = std::make_shared<format::Array>(*Plain(texts));
  const ArrayPtr plain = Plain(texts);
  coded->type = format::Dictionary(format::Int32(), format::Utf8());
  format::FixedBuilder<int32_t> indices(format::Int32());
  for (int32_t i = 0; i < plain->length; ++i)
    indices.Append(i);
  const ArrayPtr finished = indices.Finish();
  coded->values = finished->values;
  coded->offsets = {};
  const ArrayPtr both[] = {plain, Plain(Texts(texts.size() + 1, "padding"))};
  coded->dictionary = padded ? Concat(both) : plain;
  return coded;
}

TEST(NodeIndexTest, FindsFirstOfEqualIdsAndNoNulls) {
  NodeIndex index(Budget());
  EXPECT_EQ(index.Find("a"), std::nullopt);
  ASSERT_THAT(index.Add(Plain({"a", {}, "", "a", "b"})), tests::IsOk());
  ASSERT_THAT(index.Add(Coded({"c", "b", {}}, true)), tests::IsOk());
  EXPECT_EQ(index.num_nodes(), 8u);
  EXPECT_EQ(index.Find("a"), 0u);
  EXPECT_EQ(index.Find(""), 2u);
  EXPECT_EQ(index.Find("b"), 4u);
  EXPECT_EQ(index.Find("c"), 5u);
  EXPECT_EQ(index.Find("d"), std::nullopt);
  EXPECT_EQ(index.Id(5), "c");
  for (const bool padded : {false, true}) {
    const std::vector<uint32_t> want = {5, kNoNode, 2, kNoNode, 0};
    EXPECT_EQ(index.FindAll(*Coded({"c", "x", "", {}, "a"}, padded)), want);
    EXPECT_EQ(index.FindAll(*Plain({"c", "x", "", {}, "a"})), want);
  }
}

TEST(NodeIndexTest, GrowsOverManyBatches) {
  NodeIndex index(Budget());
  std::map<std::string, uint32_t> want;
  for (uint32_t batch = 0; batch < 50; ++batch) {
    Texts ids;
    for (uint32_t i = 0; i < 100; ++i) {
      ids.push_back("node-" + std::to_string((batch * 7919 + i * 31) % 4000));
      want.try_emplace(*ids.back(), batch * 100 + i);
    }
    ASSERT_THAT(index.Add(Slice(Plain(ids), 0, 100)), tests::IsOk());
  }
  for (const auto& [id, number] : want)
    ASSERT_EQ(index.Find(id), number) << id;
  EXPECT_EQ(index.Find("node-4000"), std::nullopt);
}

TEST(NodeIndexTest, RefusesNumbersAndSmallBudgets) {
  NodeIndex index(Budget());
  EXPECT_THAT(index.Add(format::NullArray(format::Int32(), 1)),
              tests::StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("int32")));
  NodeIndex small(Budget(1000));
  EXPECT_THAT(small.Add(Plain(Texts(100, "x"))),
              tests::StatusIs(absl::StatusCode::kResourceExhausted, testing::HasSubstr("test")));
}

std::vector<uint32_t> Listed(std::span<const uint32_t> list) {
  return {list.begin(), list.end()};
}

// Names the `ids` of rows 0, 1, ... in an order in which equal ones stand together, in parts of
// several forms, with entries of no row in between.
void AddGrouped(EdgeEnd end, const Texts& ids, std::mt19937_64& random,
                GroupedTopologyBuilder& builder) {
  std::map<std::optional<std::string>, std::vector<uint32_t>> rows_of;
  for (uint32_t row = 0; row < ids.size(); ++row)
    rows_of[ids[row]].push_back(row);
  Texts part;
  std::vector<uint32_t> part_rows;
  const auto add = [&] {
    const uint64_t form = random() % 3;
    ASSERT_THAT(builder.Add(end, form == 0 ? *Plain(part) : *Coded(part, form == 1), part_rows),
                tests::IsOk());
    part.clear();
    part_rows.clear();
  };
  for (auto& [id, rows] : rows_of) {
    if (random() % 2 == 0) std::shuffle(rows.begin(), rows.end(), random);
    for (const uint32_t row : rows) {
      part.push_back(id);
      part_rows.push_back(row);
      if (random() % 5 == 0) {
        part.push_back(id);
        part_rows.push_back(kNoRow);
      }
      if (random() % 20 == 0) add();
    }
  }
  add();
}

// Expects from the grouped builder what the other one has made of the same edges.
void CheckGrouped(const Texts& src, const Texts& dst, const NodeIndex& from, const NodeIndex& to,
                  const Topology& want, std::mt19937_64& random) {
  io::WorkerPool pool(2);
  for (const TopologyOptions options :
       {TopologyOptions{.out = true, .in = true, .edge_rows = true},
        TopologyOptions{.out = true, .in = false}, TopologyOptions{.out = false, .in = true}}) {
    GroupedTopologyBuilder builder(Budget(), options.edge_rows ? &pool : nullptr, &from, &to,
                                   options, static_cast<uint32_t>(src.size()));
    ASSERT_THAT(builder.Reserve(), tests::IsOk());
    AddGrouped(EdgeEnd::kDst, dst, random, builder);
    AddGrouped(EdgeEnd::kSrc, src, random, builder);
    const absl::StatusOr<Topology> made = builder.Finish();
    ASSERT_THAT(made, tests::IsOk());
    EXPECT_EQ(made->num_rows(), want.num_rows());
    EXPECT_EQ(made->num_dangling(), want.num_dangling());
    for (uint32_t node = 0; options.out && node < from.num_nodes(); ++node) {
      EXPECT_EQ(Listed(made->Out(node)), Listed(want.Out(node)));
      if (!options.edge_rows) continue;
      EXPECT_EQ(Listed(made->OutRows(node)), Listed(want.OutRows(node)));
    }
    for (uint32_t node = 0; options.in && node < to.num_nodes(); ++node) {
      EXPECT_EQ(Listed(made->In(node)), Listed(want.In(node)));
      if (!options.edge_rows) continue;
      EXPECT_EQ(Listed(made->InRows(node)), Listed(want.InRows(node)));
    }
  }
}

// One random graph, built in batches of several forms.
void CheckRandomGraph(std::mt19937_64& random) {
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  const bool one_type = below(2) == 0;
  const size_t num_from = below(30);
  const size_t num_to = one_type ? num_from : below(30);
  const auto names = [](size_t count, const std::string& prefix) {
    Texts ids;
    for (size_t i = 0; i < count; ++i)
      ids.push_back(prefix + std::to_string(i));
    return ids;
  };
  const auto budget = Budget();
  NodeIndex from(budget);
  NodeIndex other(budget);
  ASSERT_THAT(from.Add(Plain(names(num_from, "f"))), tests::IsOk());
  ASSERT_THAT(other.Add(Plain(names(num_to, "t"))), tests::IsOk());
  const NodeIndex& to = one_type ? from : other;
  const std::string to_prefix = one_type ? "f" : "t";

  TopologyBuilder builder(budget, nullptr, &from, &to,
                          {.out = true, .in = true, .edge_rows = true});
  struct Edge {
    uint32_t row, src, dst;
  };
  std::vector<Edge> edges;
  Texts all_src;
  Texts all_dst;
  uint32_t row = 0;
  uint64_t num_dangling = 0;
  for (size_t batch = below(4); batch > 0; --batch) {
    Texts src;
    Texts dst;
    for (size_t i = below(60); i > 0; --i, ++row) {
      // One number too many on either side: an edge that dangles; sometimes a null.
      const size_t s = below(num_from + 1);
      const size_t d = below(num_to + 1);
      const bool is_null = below(20) == 0;
      src.push_back(is_null ? std::nullopt : std::optional("f" + std::to_string(s)));
      dst.push_back(to_prefix + std::to_string(d));
      if (is_null || s == num_from || d == num_to) {
        ++num_dangling;
      } else {
        edges.push_back({row, static_cast<uint32_t>(s), static_cast<uint32_t>(d)});
      }
    }
    const size_t form = below(3);
    ASSERT_THAT(builder.Add(form == 0 ? Plain(src) : Coded(src, form == 1),
                            form == 0 ? Plain(dst) : Coded(dst, form == 2)),
                tests::IsOk());
    all_src.insert(all_src.end(), src.begin(), src.end());
    all_dst.insert(all_dst.end(), dst.begin(), dst.end());
  }
  absl::StatusOr<Topology> topology = builder.Finish();
  ASSERT_THAT(topology, tests::IsOk());
  EXPECT_EQ(topology->num_rows(), row);
  EXPECT_EQ(topology->num_dangling(), num_dangling);
  const auto check = [&](uint32_t node, bool out, std::span<const uint32_t> ends,
                         std::span<const uint32_t> rows) {
    std::vector<uint32_t> want_ends;
    std::vector<uint32_t> want_rows;
    for (const Edge& edge : edges) {
      if ((out ? edge.src : edge.dst) != node) continue;
      want_ends.push_back(out ? edge.dst : edge.src);
      want_rows.push_back(edge.row);
    }
    EXPECT_EQ(std::vector<uint32_t>(ends.begin(), ends.end()), want_ends);
    EXPECT_EQ(std::vector<uint32_t>(rows.begin(), rows.end()), want_rows);
  };
  for (uint32_t n = 0; n < num_from; ++n) {
    check(n, true, topology->Out(n), topology->OutRows(n));
  }
  for (uint32_t n = 0; n < num_to; ++n)
    check(n, false, topology->In(n), topology->InRows(n));
  CheckGrouped(all_src, all_dst, from, to, *topology, random);
}

TEST(TopologyTest, RandomGraphs) {
  std::mt19937_64 random(tests::Seed());
  for (int round = 0; round < 300; ++round)
    CheckRandomGraph(random);
}

TEST(TopologyTest, ManyEdgesGiveTheSameListsWithAndWithoutRoomToSplitThem) {
  std::mt19937_64 random(tests::Seed());
  constexpr size_t kNodes = 3000;
  constexpr size_t kEdges = 90'000;
  Texts ids;
  for (size_t i = 0; i < kNodes; ++i)
    ids.push_back("node-" + std::to_string(i));
  NodeIndex index(Budget());
  ASSERT_THAT(index.Add(Plain(ids)), tests::IsOk());
  Texts src;
  Texts dst;
  std::vector<std::vector<uint32_t>> out(kNodes);
  std::vector<std::vector<uint32_t>> out_rows(kNodes);
  std::vector<std::vector<uint32_t>> in(kNodes);
  for (uint32_t row = 0; row < kEdges; ++row) {
    const auto from = static_cast<uint32_t>(random() % (kNodes + 2));  // a few dangle
    const auto to = static_cast<uint32_t>(random() % (random() % 2 == 0 ? 10 : kNodes + 2));
    src.push_back("node-" + std::to_string(from));
    dst.push_back("node-" + std::to_string(to));
    if (from >= kNodes || to >= kNodes) continue;
    out[from].push_back(to);
    out_rows[from].push_back(row);
    in[to].push_back(from);
  }
  io::WorkerPool pool(3);
  for (io::WorkerPool* const threads : {&pool, static_cast<io::WorkerPool*>(nullptr)}) {
    // What the builder holds before, the lists, and the copy that splitting makes, or not.
    for (const uint64_t room : {uint64_t{1} << 30, uint64_t{kEdges} * 45}) {
      TopologyBuilder builder(Budget(room), threads, &index, &index,
                              {.out = true, .in = true, .edge_rows = true});
      ASSERT_THAT(builder.Reserve(kEdges), tests::IsOk());
      ASSERT_THAT(builder.Add(Plain(src), Plain(dst)), tests::IsOk());
      const absl::StatusOr<Topology> topology = builder.Finish();
      ASSERT_THAT(topology, tests::IsOk());
      for (uint32_t node = 0; node < kNodes; ++node) {
        ASSERT_EQ(Listed(topology->Out(node)), out[node]);
        ASSERT_EQ(Listed(topology->OutRows(node)), out_rows[node]);
        ASSERT_EQ(Listed(topology->In(node)), in[node]);
      }
      if (room > kEdges * 45) CheckGrouped(src, dst, index, index, *topology, random);
    }
  }
}

TEST(GroupedTopologyTest, RefusesRowsThatWereNotNamedOnce) {
  NodeIndex index(Budget());
  ASSERT_THAT(index.Add(Plain({"a", "b"})), tests::IsOk());
  const auto finished = [&](std::vector<uint32_t> src, std::vector<uint32_t> dst) {
    GroupedTopologyBuilder builder(Budget(), nullptr, &index, &index, {}, 4);
    EXPECT_THAT(builder.Reserve(), tests::IsOk());
    EXPECT_THAT(builder.Add(EdgeEnd::kSrc, *Plain(Texts(src.size(), "a")), src), tests::IsOk());
    EXPECT_THAT(builder.Add(EdgeEnd::kDst, *Plain(Texts(dst.size(), "b")), dst), tests::IsOk());
    return builder.Finish().status();
  };
  const auto kRefused = absl::StatusCode::kFailedPrecondition;
  EXPECT_THAT(finished({0, 1, 2, 3}, {3, 2, 1, 0}), tests::IsOk());
  EXPECT_THAT(finished({0, 1, 2}, {0, 1, 2, 3}), tests::StatusIs(kRefused));
  EXPECT_THAT(finished({0, 1, 2, 3}, {0, 1, 2, kNoRow}), tests::StatusIs(kRefused));
  EXPECT_THAT(finished({0, 1, 2, 2}, {0, 1, 2, 3}), tests::StatusIs(kRefused));
  EXPECT_THAT(finished({0, 1, 2, 3}, {0, 3, 0, 3}), tests::StatusIs(kRefused));
  GroupedTopologyBuilder builder(Budget(), nullptr, &index, &index, {}, 4);
  ASSERT_THAT(builder.Reserve(), tests::IsOk());
  EXPECT_THAT(builder.Add(EdgeEnd::kSrc, *Plain({"a"}), {4}),
              tests::StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(builder.Add(EdgeEnd::kSrc, *Plain({"a"}), {}),
              tests::StatusIs(absl::StatusCode::kInvalidArgument));
  GroupedTopologyBuilder large(Budget(1000), nullptr, &index, &index, {}, 1000);
  EXPECT_THAT(large.Reserve(), tests::StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(TopologyTest, RefusesWrongColumns) {
  NodeIndex index(Budget());
  TopologyBuilder builder(Budget(), nullptr, &index, &index, {});
  EXPECT_FALSE(builder.Add(Plain({"a"}), Plain({})).ok());
  EXPECT_FALSE(builder.Add(Plain({"a"}), format::NullArray(format::Int8(), 1)).ok());
}

TEST(TopologyTest, ReservesAndGivesBack) {
  const auto budget = Budget();
  {
    NodeIndex index(budget);
    ASSERT_THAT(index.Add(Plain({"a", "b"})), tests::IsOk());
    TopologyBuilder builder(budget, nullptr, &index, &index, {.in = true});
    ASSERT_THAT(builder.Add(Plain(Texts(100, "a")), Plain(Texts(100, "b"))), tests::IsOk());
    const uint64_t before = budget->used();
    absl::StatusOr<Topology> topology = builder.Finish();
    ASSERT_THAT(topology, tests::IsOk());
    EXPECT_GE(budget->used(), topology->MemoryBytes());
    EXPECT_LT(budget->used(), before);
  }
  EXPECT_EQ(budget->used(), 0u);
  const auto small = Budget(2000);
  NodeIndex index(Budget());
  TopologyBuilder builder(small, nullptr, &index, &index, {});
  EXPECT_THAT(builder.Add(Plain(Texts(100, "a")), Plain(Texts(100, "b"))),
              tests::StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace og::engine::topology
