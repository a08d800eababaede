#include "engine/exec/expand.h"

#include <algorithm>
#include <array>
#include <bit>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "engine/exec/binder.h"
#include "engine/exec/edge_join.h"
#include "engine/exec/expand_choice.h"
#include "engine/exec/held_memory.h"
#include "engine/exec/node_reduction.h"
#include "engine/expr/expr.h"
#include "engine/topology/grouped_topology.h"
#include "engine/topology/node_index.h"
#include "format/arrow/builder.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using format::RecordBatch;
using query::Direction;
using topology::kNoNode;

constexpr uint32_t kNoSlot = ~uint32_t{0};

// Walks between two looks at the clock: even long ones take some 10 ms together.
constexpr uint32_t kRowsPerInterrupt = 64;

// Each has marks for all nodes.
constexpr size_t kWalkersMax = 8;

// Of hash tables over dense numbers: the first size, and a factor that spreads them over the upper
// bits, of which those that are wanted are taken.
constexpr size_t kFirstSlots = 1024;
constexpr uint64_t kHashFactor = 0x9e3779b97f4a7c15;
constexpr int kHashShift = 20;

// Destinations of a row before any was walked from.
constexpr double kPairsPerRow = 64;

// Of a bound edge row beside its values: its places in lists and hash tables.
constexpr uint64_t kBytesPerEdgeRow = 64;

// The part of the memory that rows have which are looked up together, where the lists do not fit;
// and how often what they lead to is in memory: as it is stored, and decoded.
constexpr uint64_t kLookUpShare = 16;
constexpr uint64_t kLookUpCopies = 2;

// (row of the chunk, destination) pairs, and the edge of each for an edge binding.
struct Pairs {
  std::vector<uint32_t> rows;
  std::vector<uint32_t> destinations;
  std::vector<uint32_t> edges;
};

// Nodes that were met, cleared by counting up: a few in a table that stays in the nearest cache,
// more by marks.
class MetNodes {
 public:
  // Numbers of nodes are below `num_nodes` from now on.
  void Clear(size_t num_nodes) {
    num_nodes_ = num_nodes;
    num_few_ = 0;
    if (++round_ != 0 && (marks_.empty() || marks_.size() >= num_nodes)) return;
    few_ = {};
    marks_.clear();
    round_ = 1;
  }

  // Whether `node` was not met before; it is then.
  bool Add(uint32_t node) {
    if (num_few_ > kFewMax) {
      return std::exchange(marks_[node], round_) != round_;
    }
    size_t at = static_cast<size_t>(node * kHashFactor >> kHashShift) % few_.size();
    for (; few_[at].round == round_; at = (at + 1) % few_.size()) {
      if (few_[at].node == node) return false;
    }
    few_[at] = {node, round_};
    if (++num_few_ > kFewMax) MarkFew();
    return true;
  }

 private:
  static constexpr uint32_t kFewMax = 128;
  struct Few {
    uint32_t node = 0;
    uint32_t round = 0;
  };

  void MarkFew() {
    marks_.resize(num_nodes_, 0);
    for (const Few& few : few_) {
      if (few.round == round_) marks_[few.node] = round_;
    }
  }

  size_t num_nodes_ = 0;
  uint32_t round_ = 0;
  uint32_t num_few_ = 0;                   // above kFewMax: marks_ has all of them
  std::array<Few, 2 * kFewMax> few_ = {};  // at most half full, and one more
  std::vector<uint32_t> marks_;
};

// Walks from one source at a time.
class Walker {
 public:
  Walker(bool same_type, uint32_t min_hops, uint32_t max_hops)
      : same_type_(same_type), min_hops_(min_hops), max_hops_(same_type ? max_hops : 1) {}

  // Calls emit(destination) for each destination of `source`, in order, until it returns false.
  // `visit(node, f)` calls f with each neighbour of `node` until f returns false; numbers of
  // destinations are below `num_destinations`.
  template <typename Visit, typename Emit>
  void Walk(uint32_t source, size_t num_destinations, const Visit& visit, const Emit& emit) {
    seen_.Clear(num_destinations);
    if (takes_one_hop()) {
      visit(source, [&](uint32_t node) { return !seen_.Add(node) || emit(node); });
      return;
    }
    visited_.Clear(num_destinations);
    if (same_type_) visited_.Add(source);
    frontier_.assign(1, source);
    for (uint32_t hop = 1; hop <= max_hops_ && !frontier_.empty(); ++hop) {
      next_.clear();
      const auto yield = [&](uint32_t node) {
        return hop < min_hops_ || !seen_.Add(node) || emit(node);
      };
      for (const uint32_t node : frontier_) {
        const bool goes_on = visit(node, [&](uint32_t neighbour) {
          if (same_type_ && neighbour == node) return yield(neighbour);
          if (!visited_.Add(neighbour)) return true;
          next_.push_back(neighbour);
          return yield(neighbour);
        });
        if (!goes_on) return;
      }
      frontier_.swap(next_);
    }
  }

  // Whether `end` is a destination of `source`. For a source that is asked about several times in
  // a row, all of its destinations are noted.
  template <typename Visit>
  bool Reaches(uint32_t source, uint32_t end, size_t num_destinations, const Visit& visit) {
    if (noted_ != source) {
      if (takes_one_hop() && std::exchange(last_, source) != source) {
        return !visit(source, [&](uint32_t node) { return node != end; });
      }
      reached_.resize(num_destinations, 0);
      if (++reached_round_ == 0) {
        std::fill(reached_.begin(), reached_.end(), 0);
        reached_round_ = 1;
      }
      Walk(source, num_destinations, visit, [&](uint32_t node) {
        reached_[node] = reached_round_;
        return true;
      });
      noted_ = source;
    }
    return end < reached_.size() && reached_[end] == reached_round_;
  }

 private:
  bool takes_one_hop() const { return max_hops_ == 1 && min_hops_ <= 1; }

  bool same_type_;
  uint32_t min_hops_;
  uint32_t max_hops_;
  MetNodes visited_;
  MetNodes seen_;
  std::vector<uint32_t> frontier_;
  std::vector<uint32_t> next_;
  uint32_t last_ = kNoNode;   // that Reaches was asked about
  uint32_t noted_ = kNoNode;  // whose destinations are in reached_
  uint32_t reached_round_ = 0;
  std::vector<uint32_t> reached_;
};

// Ids in order of first appearance.
class IdSet {
 public:
  // The number of `id`, a new one if it is new.
  uint32_t Intern(std::string_view id) {
    const auto known = numbers_.find(id);
    if (known != numbers_.end()) return known->second;
    const auto number = static_cast<uint32_t>(ids_.size());
    numbers_.emplace(ids_.emplace_back(id), number);
    return number;
  }
  std::optional<uint32_t> Find(std::string_view id) const {
    const auto known = numbers_.find(id);
    if (known == numbers_.end()) return std::nullopt;
    return known->second;
  }
  size_t size() const { return ids_.size(); }
  const std::string& operator[](uint32_t number) const { return ids_[number]; }

  // Ids [from, size()) as an array.
  ArrayPtr Since(size_t from) const {
    format::StringBuilder builder(format::Utf8());
    for (size_t i = from; i < ids_.size(); ++i)
      builder.Append(ids_[i]);
    return builder.Finish();
  }

 private:
  std::deque<std::string> ids_;  // which stay where they are
  absl::flat_hash_map<std::string_view, uint32_t> numbers_;
};

// What the choice of a way depends on, and the frontier does not.
struct Choice {
  const ExecContext& context;
  const query::Expand& expand;
  const schema::EdgeType& edge;
  Table* sources;
  Table* edges;
  Table* destinations;
  bool is_indexed = false;
  bool can_join = false;
};

uint64_t HopsOf(const Choice& choice) {
  return choice.edge.from == choice.edge.to ? choice.expand.max_hops : 1;
}

// Whether one walk over an index can serve the expansion.
bool CanJoin(const Choice& choice, const ExpandPurpose& purpose) {
  const query::Expand& expand = choice.expand;
  return choice.is_indexed && purpose.flushes_once && !purpose.closes_on.has_value() &&
         !expand.edge_binding.has_value() && HopsOf(choice) == 1 && expand.min_hops <= 1 &&
         choice.edges->is_stored();
}

absl::StatusOr<Choice> ChoiceOf(const ExecContext& context, const query::Expand& expand,
                                const ExpandPurpose& purpose) {
  const schema::EdgeType* const edge = context.tables.catalog().FindEdgeExactly(expand.edge_type);
  if (edge == nullptr) {
    return io::InternalError(io::StrCat("plan names unknown edge type ", expand.edge_type));
  }
  const bool leaves_from = expand.direction != Direction::kIn;
  OG_ASSIGN_OR_RETURN(Table* const edges, context.tables.Edge(expand.edge_type));
  OG_ASSIGN_OR_RETURN(Table* const sources,
                      context.tables.Node(leaves_from ? edge->from : edge->to));
  OG_ASSIGN_OR_RETURN(Table* const destinations, context.tables.Node(expand.destination_type));
  Choice choice{context, expand, *edge, sources, edges, destinations, true, false};
  if (expand.direction != Direction::kIn) {
    OG_ASSIGN_OR_RETURN(choice.is_indexed, edges->HasIndex("src"));
  }
  if (expand.direction != Direction::kOut && choice.is_indexed) {
    OG_ASSIGN_OR_RETURN(choice.is_indexed, edges->HasIndex("dst"));
  }
  choice.can_join = CanJoin(choice, purpose);
  return choice;
}

absl::StatusOr<ExpandCosts> CostsOf(const Choice& choice, uint64_t frontier_rows) {
  OG_ASSIGN_OR_RETURN(const topology::CachePlace place,
                      choice.context.tables.TopologyPlace(choice.edge));
  const double list_cost = place == topology::CachePlace::kMemory   ? 0
                           : place == topology::CachePlace::kFolder ? kStoredCost
                                                                    : kBuildCost;
  OG_ASSIGN_OR_RETURN(const double spent, choice.context.tables.SpentOnLookUps(choice.edge));
  return ExpandCosts{.frontier_rows = frontier_rows,
                     .num_edges = choice.edges->num_rows(),
                     .num_sources = choice.sources->num_rows(),
                     .hops = HopsOf(choice),
                     .query_hops = choice.context.layout.hops.at(choice.expand.edge_type),
                     .is_indexed = choice.is_indexed,
                     // Lists that later processes find are worth more.
                     .can_join = choice.can_join && !choice.context.tables.KeepsTopologies(),
                     .list_cost = list_cost,
                     .spent = spent,
                     .hops_max = choice.context.options.indexed_hops_max,
                     .frontier_max = choice.context.options.indexed_frontier_max};
}

enum class Way : uint8_t {
  kLookUp,  // the edges of the frontier are looked up
  kJoin,    // and found in a walk over an index
  kAll,     // all edges are read
};

// How the edges of a frontier of this size are found.
absl::StatusOr<Way> WayOf(const Choice& choice, uint64_t frontier_rows) {
  const ExecOptions& options = choice.context.options;
  if (options.traversal == TraversalMode::kIndexed) return Way::kLookUp;
  if (options.traversal == TraversalMode::kTopology) return Way::kAll;
  if (options.traversal == TraversalMode::kJoin) {
    return choice.can_join ? Way::kJoin : Way::kAll;
  }
  if (choice.expand.edge_binding.has_value()) {
    return frontier_rows <= options.indexed_frontier_max ? Way::kLookUp : Way::kAll;
  }
  OG_ASSIGN_OR_RETURN(const ExpandCosts costs, CostsOf(choice, frontier_rows));
  if (ChooseIndexed(costs)) return Way::kLookUp;
  return ChooseJoin(costs) ? Way::kJoin : Way::kAll;
}

size_t NumWalkers(const Choice& choice) {
  io::WorkerPool* const pool = choice.edges->pool();
  return pool == nullptr ? 1 : std::clamp<size_t>(pool->num_threads(), 1, kWalkersMax);
}

class ExpandStage final : public Stage {
 public:
  ExpandStage(const Choice& choice, expr::ExprPtr filter, const ExpandPurpose& purpose,
              StageCosts* costs, Operator* next)
      : Stage(next),
        choice_(choice),
        context_(choice.context),
        expand_(choice.expand),
        edge_(choice.edge),
        edges_(choice.edges),
        destinations_(choice.destinations),
        costs_(costs),
        filter_(std::move(filter)),
        reduced_{&expand_, purpose.continuations},
        takes_first_(purpose.asks_existence && filter_ == nullptr),
        same_type_(edge_.from == edge_.to),
        source_(context_.layout.NumberOf(expand_.source)),
        destination_(context_.layout.NumberOf(expand_.destination)),
        closes_on_(purpose.closes_on.has_value()
                       ? std::optional(context_.layout.NumberOf(*purpose.closes_on))
                       : std::nullopt),
        walkers_(NumWalkers(choice), Walker(same_type_, expand_.min_hops, expand_.max_hops)),
        held_memory_(context_.tables.budget()) {}

  absl::Status Push(const Chunk& chunk) override {
    if (chunk.num_rows == 0) return absl::OkStatus();
    if (is_wide_) return RunWide(chunk);
    // Whether a filtered scan pays is known when the frontier ends, or passes the ceiling.
    held_.push_back(chunk);
    num_held_ += chunk.num_rows;
    if (num_held_ <= context_.options.indexed_frontier_max &&
        context_.options.traversal != TraversalMode::kTopology) {
      return absl::OkStatus();
    }
    if (choice_.can_join) {
      OG_ASSIGN_OR_RETURN(const Way way, WayOf(choice_, num_held_));
      if (way == Way::kJoin && Holds(chunk)) return absl::OkStatus();
    }
    return Release();
  }

  absl::Status Flush() override {
    if (!is_wide_) OG_RETURN_IF_ERROR(Release());
    OG_RETURN_IF_ERROR(LookUpHeld());
    return Stage::Flush();
  }

 private:
  bool follows_out() const { return expand_.direction != Direction::kIn; }
  bool follows_in() const { return expand_.direction != Direction::kOut; }

  // Whether there is memory for one more chunk that is held back.
  bool Holds(const Chunk& chunk) {
    uint64_t bytes = chunk.MemoryBytes();
    for (const Binding& binding : chunk.bindings) {
      if (binding.entities != nullptr) bytes += binding.entities->MemoryBytes();
    }
    return held_memory_.Add(bytes).ok();
  }

  // Runs what is held back, the way that is cheaper.
  absl::Status Release() {
    const std::vector<Chunk> held = std::exchange(held_, {});
    const size_t num_held = std::exchange(num_held_, 0);
    held_memory_.Release();
    if (num_held == 0) return absl::OkStatus();
    OG_ASSIGN_OR_RETURN(const Way way, WayOf(choice_, num_held));
    if (way == Way::kJoin) {
      OG_ASSIGN_OR_RETURN(const bool is_done, RunJoin(held, num_held));
      if (is_done) return absl::OkStatus();
    }
    if (way == Way::kLookUp) {
      if (expand_.edge_binding.has_value()) return RunBound(held, true);
      Note(choice_.is_indexed ? "index" : "edge scan");
      const bool may_stop =
          choice_.is_indexed && context_.options.traversal == TraversalMode::kAuto;
      OG_ASSIGN_OR_RETURN(const bool is_done, RunIndexed(held, may_stop));
      if (is_done) return absl::OkStatus();
    }
    is_wide_ = true;
    for (const Chunk& chunk : held)
      OG_RETURN_IF_ERROR(RunWide(chunk));
    return absl::OkStatus();
  }

  void Note(std::string_view way) {
    if (costs_ == nullptr || costs_->way.find(way) != std::string::npos) return;
    costs_->way += io::StrCat(costs_->way.empty() ? "" : ", ", way);
  }

  absl::Status RunWide(const Chunk& chunk) {
    if (done()) return absl::OkStatus();
    if (expand_.edge_binding.has_value()) {
      if (fits_) {
        const absl::Status read = ReadAllEdgeRows();
        fits_ = !absl::IsResourceExhausted(read);
        if (fits_) OG_RETURN_IF_ERROR(read);
      }
      return RunBound({chunk}, !fits_);
    }
    if (fits_) {
      const absl::Status built = context_.tables.TopologyOf(edge_).status();
      fits_ = !absl::IsResourceExhausted(built);
      if (fits_) OG_RETURN_IF_ERROR(built);
    }
    if (fits_) return RunTopology(chunk);
    Note(choice_.is_indexed ? "index" : "edge scan");
    if (!rows_at_once_.has_value()) rows_at_once_ = ReserveRowsAtOnce();
    if (num_held_ + chunk.num_rows > *rows_at_once_) OG_RETURN_IF_ERROR(LookUpHeld());
    held_.push_back(chunk);
    num_held_ += chunk.num_rows;
    return absl::OkStatus();
  }

  // Without lists in memory.
  absl::Status LookUpHeld() {
    const std::vector<Chunk> held = std::exchange(held_, {});
    num_held_ = 0;
    if (held.empty() || done()) return absl::OkStatus();
    return RunIndexed(held, false).status();
  }

  // Each look-up may read all edges, so it is for as many rows as a share of the memory has room
  // for, with what they lead to; for a chunk if that is refused.
  size_t ReserveRowsAtOnce() {
    if (same_type_ && expand_.max_hops > 1) return 0;
    const uint64_t share = context_.tables.budget()->limit() / kLookUpShare;
    if (!held_memory_.Set(kLookUpCopies * share).ok()) return 0;
    const double degree = static_cast<double>(edges_->num_rows()) /
                          static_cast<double>(std::max<uint64_t>(choice_.sources->num_rows(), 1));
    const double bytes = kBytesPerEdgeRow + degree * (kBytesPerEdgeRow + BytesOfDestination());
    return static_cast<size_t>(static_cast<double>(share) / bytes);
  }

  // As it is stored, with all its properties.
  double BytesOfDestination() const {
    double bytes = 0;
    for (const format::Fragment& fragment : destinations_->dataset().manifest().fragments) {
      for (const format::DataFile& file : fragment.files)
        bytes += static_cast<double>(file.size_bytes);
    }
    return bytes / static_cast<double>(std::max<uint64_t>(destinations_->num_rows(), 1));
  }

  // --- Adjacency lists ---------------------------------------------------------------------------

  absl::Status RunTopology(const Chunk& chunk) {
    Note("topology");
    OG_ASSIGN_OR_RETURN(const topology::Topology* const topology,
                        context_.tables.TopologyOf(edge_));
    OG_RETURN_IF_ERROR(Reduce(chunk.num_rows));
    OG_ASSIGN_OR_RETURN(const std::span<const uint32_t> numbers,
                        chunk.bindings[source_].entities->Numbers());
    return RunWalks(chunk, numbers, [&](uint32_t node, const auto& f) {
      if (follows_out()) {
        for (const uint32_t neighbour : topology->Out(node))
          if (!f(neighbour)) return false;
      }
      if (follows_in()) {
        for (const uint32_t neighbour : topology->In(node))
          if (!f(neighbour)) return false;
      }
      return true;
    });
  }

  // Makes reduction_ where that pays, before `num_rows` more rows are walked from.
  absl::Status Reduce(size_t num_rows) {
    num_walked_ += num_rows;
    if (reduction_ != nullptr || !may_reduce_) return absl::OkStatus();
    const ReductionMode mode = context_.options.reduction;
    may_reduce_ = mode != ReductionMode::kNever && reduced_.is_restricted();
    if (!may_reduce_) return absl::OkStatus();
    if (mode == ReductionMode::kAuto) {
      OG_ASSIGN_OR_RETURN(const bool pays, ReductionPays(context_, reduced_, num_walked_));
      if (!pays) return absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<NodeReduction>> made = NodeReduction::Make(context_, reduced_);
    may_reduce_ = !absl::IsResourceExhausted(made.status());
    if (!may_reduce_) return absl::OkStatus();
    OG_ASSIGN_OR_RETURN(reduction_, std::move(made));
    Note(io::StrCat("reduced by ", reduced_.Restrictors()));
    return absl::OkStatus();
  }

  // Walks from each row of `chunk`, whose source has the number numbers[slot], with `visit` as in
  // Walker; neighbours are dense numbers.
  template <typename Visit>
  absl::Status RunWalks(const Chunk& chunk, std::span<const uint32_t> numbers, const Visit& visit) {
    const Binding& sources = chunk.bindings[source_];
    const uint64_t num_destinations = destinations_->num_rows();
    std::span<const uint32_t> ends;
    if (closes_on_.has_value()) {
      OG_ASSIGN_OR_RETURN(ends, chunk.bindings[*closes_on_].entities->Numbers());
    }
    const auto walk = [&](Walker& walker, uint32_t row, Pairs& pairs) {
      const uint32_t number = numbers[sources.slots[row]];
      if (number == kNoNode) return;
      const auto add = [&](uint32_t destination) {
        if (reduction_ != nullptr && !reduction_->Allows(destination)) return true;
        pairs.rows.push_back(row);
        pairs.destinations.push_back(destination);
        return !takes_first_;
      };
      if (!closes_on_.has_value()) return walker.Walk(number, num_destinations, visit, add);
      const uint32_t end = ends[chunk.bindings[*closes_on_].slots[row]];
      if (end != kNoNode && walker.Reaches(number, end, num_destinations, visit)) add(end);
    };
    Pairs pairs;
    for (size_t row = 0; row < chunk.num_rows && !done();) {
      OG_RETURN_IF_ERROR(context_.CheckInterrupt());
      // As many rows a walker as give a chunk together, judging by those before.
      const size_t per_walker = std::clamp<size_t>(
          static_cast<size_t>(static_cast<double>(kChunkRows) / pairs_per_row_), 1, kChunkRows);
      const size_t num_walkers = std::clamp<size_t>(
          (chunk.num_rows - row + per_walker - 1) / per_walker, 1, walkers_.size());
      std::vector<Pairs> parts(num_walkers);
      const auto run = [&](size_t part) {
        parts[part].rows.reserve(kChunkRows);
        parts[part].destinations.reserve(kChunkRows);
        const size_t end = std::min<size_t>(row + (part + 1) * per_walker, chunk.num_rows);
        for (size_t at = row + part * per_walker; at < end; ++at) {
          walk(walkers_[part], static_cast<uint32_t>(at), parts[part]);
        }
        return absl::OkStatus();
      };
      if (num_walkers == 1) {
        OG_RETURN_IF_ERROR(run(0));
      } else {
        OG_RETURN_IF_ERROR(edges_->pool()->ParallelFor(num_walkers, run));
      }
      const size_t rows_done = std::min<size_t>(num_walkers * per_walker, chunk.num_rows - row);
      row += rows_done;
      size_t num_pairs = 0;
      for (const Pairs& part : parts) {
        num_pairs += part.rows.size();
        pairs.rows.insert(pairs.rows.end(), part.rows.begin(), part.rows.end());
        pairs.destinations.insert(pairs.destinations.end(), part.destinations.begin(),
                                  part.destinations.end());
        if (pairs.rows.size() >= kChunkRows) OG_RETURN_IF_ERROR(EmitNumbered(chunk, pairs));
      }
      pairs_per_row_ =
          std::max(1.0, static_cast<double>(num_pairs) / static_cast<double>(rows_done));
    }
    return done() ? absl::OkStatus() : EmitNumbered(chunk, pairs);
  }

  // --- Semi-joins --------------------------------------------------------------------------------

  // The distinct sources of `chunks`, to be found by id, and for each chunk the place among them of
  // each slot that a row is bound to.
  struct SourceSet {
    topology::NodeIndex ids;
    std::vector<std::vector<uint32_t>> places;
  };

  absl::StatusOr<SourceSet> SourcesOf(const std::vector<Chunk>& chunks) const {
    SourceSet set{topology::NodeIndex(context_.tables.budget()), {}};
    absl::flat_hash_map<uint32_t, uint32_t> place_of;  // by dense number
    format::StringBuilder ids(format::Utf8());
    for (const Chunk& chunk : chunks) {
      const Binding& sources = chunk.bindings[source_];
      OG_ASSIGN_OR_RETURN(const std::span<const uint32_t> numbers, sources.entities->Numbers());
      const topology::NodeIndex* index = nullptr;
      ArrayPtr column;
      if (choice_.sources->has_index()) {
        OG_ASSIGN_OR_RETURN(index, choice_.sources->Index());
      } else {
        OG_ASSIGN_OR_RETURN(column, sources.entities->Column("id"));
      }
      std::vector<uint32_t>& places = set.places.emplace_back(numbers.size(), kNoNode);
      for (const uint32_t slot : sources.slots) {
        if (places[slot] != kNoNode) continue;
        const auto [place, is_new] =
            place_of.try_emplace(numbers[slot], static_cast<uint32_t>(place_of.size()));
        places[slot] = place->second;
        if (!is_new) continue;
        ids.Append(index != nullptr ? index->Id(numbers[slot]) : column->StringValue(slot));
      }
    }
    OG_RETURN_IF_ERROR(set.ids.Add(ids.Finish()));
    return set;
  }

  // False, and nothing was handed on, if that finds too many edges or takes too much memory.
  absl::StatusOr<bool> RunJoin(const std::vector<Chunk>& chunks, size_t num_rows) {
    choice_.can_join = false;
    OG_ASSIGN_OR_RETURN(ExpandCosts costs, CostsOf(choice_, num_rows));
    OG_ASSIGN_OR_RETURN(const topology::NodeIndex* const destinations, destinations_->Index());
    OG_ASSIGN_OR_RETURN(const SourceSet sources, SourcesOf(chunks));
    const bool is_forced = context_.options.traversal == TraversalMode::kJoin;
    const uint64_t edges_max = is_forced ? UINT64_MAX : JoinedEdgesMax(costs);
    std::vector<JoinedEdges> joined;
    uint64_t num_edges = 0;
    for (const topology::EdgeEnd end : {topology::EdgeEnd::kSrc, topology::EdgeEnd::kDst}) {
      if (end == topology::EdgeEnd::kSrc ? !follows_out() : !follows_in()) continue;
      absl::StatusOr<std::optional<JoinedEdges>> found =
          JoinEdges(context_, edges_->dataset(), end, sources.ids, *destinations, edges_max);
      OG_RETURN_IF_ERROR(context_.CheckInterrupt());
      if (absl::IsResourceExhausted(found.status())) return false;
      OG_RETURN_IF_ERROR(found.status());
      if (!found->has_value()) return false;
      num_edges += (*found)->ends.size();
      joined.push_back(**std::move(found));
    }
    Note("semi-join");
    OG_RETURN_IF_ERROR(
        context_.tables.AddSpentOnLookUps(edge_, JoinCost(costs, static_cast<double>(num_edges))));
    const auto visit = [&](uint32_t node, const auto& f) {
      for (const JoinedEdges& edges : joined) {
        for (const uint32_t neighbour : edges.Of(node))
          if (!f(neighbour)) return false;
      }
      return true;
    };
    for (size_t i = 0; i < chunks.size(); ++i)
      OG_RETURN_IF_ERROR(RunWalks(chunks[i], sources.places[i], visit));
    return true;
  }

  // Hands on pairs whose destinations are dense numbers, and empties them.
  absl::Status EmitNumbered(const Chunk& chunk, Pairs& pairs) {
    if (pairs.rows.empty()) return absl::OkStatus();
    // Distinct numbers in order of first appearance, by open addressing; slots are valid in one
    // round.
    const size_t num_slots = std::bit_ceil(std::max<size_t>(2 * pairs.rows.size(), kFirstSlots));
    if (slots_.size() < num_slots || ++round_ == 0) {
      slots_.assign(std::max(num_slots, slots_.size()), Slot{});
      round_ = 1;
    }
    const size_t mask = slots_.size() - 1;
    std::vector<uint32_t> numbers;
    for (uint32_t& destination : pairs.destinations) {
      size_t at = static_cast<size_t>(destination * kHashFactor >> kHashShift) & mask;
      while (slots_[at].round == round_ && slots_[at].number != destination)
        at = (at + 1) & mask;
      Slot& slot = slots_[at];
      if (slot.round != round_) {
        slot = {round_, destination, static_cast<uint32_t>(numbers.size())};
        numbers.push_back(destination);
      }
      destination = slot.slot;
    }
    const auto nodes = std::make_shared<Entities>(destinations_, std::move(numbers));
    // Those that are left by a reduction have passed already.
    if (reduction_ != nullptr) return Emit(chunk, pairs, nodes, {}, nullptr);
    OG_ASSIGN_OR_RETURN(const std::vector<bool> passes, Passing(*nodes));
    return Emit(chunk, pairs, nodes, passes, nullptr);
  }

  // Which of `nodes` pass the filters of the destination; empty if there are none.
  absl::StatusOr<std::vector<bool>> Passing(Entities& nodes) const {
    if (filter_ == nullptr) return std::vector<bool>();
    std::vector<std::string> names;
    for (const auto& path : ColumnsOf(*filter_))
      names.push_back(path[0]);
    OG_RETURN_IF_ERROR(nodes.Fetch(names));
    auto schema = std::make_shared<format::Schema>();
    RecordBatch batch{nullptr, static_cast<int64_t>(nodes.size()), {}};
    for (const std::string& name : names) {
      OG_ASSIGN_OR_RETURN(batch.columns.emplace_back(), nodes.Column(name));
      schema->fields.push_back({name, batch.columns.back()->type, true, {}});
    }
    batch.schema = std::move(schema);
    OG_ASSIGN_OR_RETURN(const std::vector<int64_t> kept, EvaluateFilter(*filter_, batch));
    std::vector<bool> passes(nodes.size());
    for (const int64_t slot : kept)
      passes[static_cast<size_t>(slot)] = true;
    return passes;
  }

  // Hands on the pairs whose destinations, slots of `nodes`, exist and pass; empties them.
  absl::Status Emit(const Chunk& chunk, Pairs& pairs, const std::shared_ptr<Entities>& nodes,
                    const std::vector<bool>& passes, const std::shared_ptr<Entities>& edges) {
    Pairs all = std::exchange(pairs, {});
    size_t kept = 0;
    for (size_t i = 0; i < all.rows.size(); ++i) {
      const uint32_t slot = all.destinations[i];
      if (slot == kNoSlot || (!passes.empty() && !passes[slot])) continue;
      all.rows[kept] = all.rows[i];
      all.destinations[kept] = slot;
      if (edges != nullptr) all.edges[kept] = all.edges[i];
      ++kept;
    }
    if (kept == 0) return absl::OkStatus();
    all.rows.resize(kept);
    all.destinations.resize(kept);
    Chunk out = chunk.Pick(all.rows);
    out.bindings[destination_] = {nodes, std::move(all.destinations)};
    if (edges != nullptr) {
      all.edges.resize(kept);
      out.bindings[context_.layout.NumberOf(*expand_.edge_binding)] = {edges, std::move(all.edges)};
    }
    return next().Push(out);
  }

  // --- Filtered scans ----------------------------------------------------------------------------

  // The part of the graph that a few sources see.
  struct Neighbourhood {
    IdSet sources;       // also the destinations, when the types are the same
    IdSet destinations;  // else
    std::vector<std::vector<uint32_t>> out;
    std::vector<std::vector<uint32_t>> in;
    std::vector<bool> missing;  // destinations that no node has
    uint64_t num_edges = 0;
  };

  IdSet& DestinationsOf(Neighbourhood& seen) const {
    return same_type_ ? seen.sources : seen.destinations;
  }

  // False, and nothing was handed on, if it `may_stop` and finds more edges than it is good for.
  absl::StatusOr<bool> RunIndexed(const std::vector<Chunk>& chunks, bool may_stop) {
    Neighbourhood seen;
    std::vector<std::vector<uint32_t>> sources_of;  // by chunk and row
    for (const Chunk& chunk : chunks) {
      OG_ASSIGN_OR_RETURN(const ArrayPtr ids, chunk.bindings[source_].entities->Column("id"));
      std::vector<uint32_t>& numbers = sources_of.emplace_back();
      for (const uint32_t slot : chunk.bindings[source_].slots) {
        numbers.push_back(seen.sources.Intern(ids->StringValue(slot)));
      }
    }
    IdSet& destinations = DestinationsOf(seen);
    const uint64_t num_sources = seen.sources.size();
    const uint32_t max_hops = same_type_ ? expand_.max_hops : 1;
    ExpandCosts costs;
    if (may_stop) {
      OG_ASSIGN_OR_RETURN(costs, CostsOf(choice_, num_sources));
    }
    double cost = 0;
    size_t frontier = 0;  // where the ids begin whose edges are not read yet
    for (uint32_t hop = 1; hop <= max_hops && frontier < seen.sources.size(); ++hop) {
      const size_t known = seen.sources.size();
      const uint64_t found_before = seen.num_edges;
      OG_RETURN_IF_ERROR(ReadEdges(seen, frontier));
      cost += LookUpCost(costs, static_cast<double>(known - frontier),
                         static_cast<double>(seen.num_edges - found_before));
      frontier = known;
      if (hop == max_hops) break;
      if (may_stop &&
          !StaysIndexed(costs, cost, seen.num_edges, known, seen.sources.size() - known)) {
        return false;
      }
      OG_RETURN_IF_ERROR(FindMissing(seen, known));
    }
    const auto visit = [&](uint32_t node, const auto& f) {
      for (const auto* lists : {&seen.out, &seen.in}) {
        if (node >= lists->size()) continue;
        for (const uint32_t neighbour : (*lists)[node]) {
          const bool is_missing = neighbour < seen.missing.size() && seen.missing[neighbour];
          if (!is_missing && !f(neighbour)) return false;
        }
      }
      return true;
    };
    std::vector<Pairs> pairs_of(chunks.size());
    IdSet reached;
    for (size_t i = 0; i < chunks.size(); ++i) {
      for (uint32_t row = 0; row < chunks[i].num_rows; ++row) {
        if (row % kRowsPerInterrupt == 0) OG_RETURN_IF_ERROR(context_.CheckInterrupt());
        const auto emit = [&](uint32_t destination) {
          pairs_of[i].rows.push_back(row);
          pairs_of[i].destinations.push_back(reached.Intern(destinations[destination]));
          return true;
        };
        walkers_[0].Walk(sources_of[i][row], destinations.size(), visit, emit);
      }
    }
    if (may_stop) OG_RETURN_IF_ERROR(context_.tables.AddSpentOnLookUps(edge_, cost));
    OG_ASSIGN_OR_RETURN(const Resolved resolved, Resolve(reached));
    for (size_t i = 0; i < chunks.size(); ++i) {
      OG_RETURN_IF_ERROR(EmitResolved(chunks[i], pairs_of[i], resolved, nullptr));
    }
    return true;
  }

  // Edges of the nodes from `first` on, in the order of the table.
  absl::Status ReadEdges(Neighbourhood& seen, size_t first) const {
    const ArrayPtr ids = seen.sources.Since(first);
    dataset::ScanOptions options;
    options.columns = {{"src", "dst"}};
    options.dictionary_strings = true;
    options.filter = EdgesOf(ids);
    OG_ASSIGN_OR_RETURN(const auto stream, edges_->dataset().Scan(options));
    IdSet& destinations = DestinationsOf(seen);
    const auto num_known = static_cast<uint32_t>(seen.sources.size());
    const auto add = [&](std::vector<std::vector<uint32_t>>& lists, std::string_view from,
                         std::string_view to) {
      const std::optional<uint32_t> node = seen.sources.Find(from);
      if (!node.has_value() || *node < first || *node >= num_known) return;
      lists.resize(std::max<size_t>(lists.size(), *node + 1));
      lists[*node].push_back(destinations.Intern(to));
      ++seen.num_edges;
    };
    while (true) {
      OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
      if (!batch.has_value()) return absl::OkStatus();
      const ArrayPtr src = DecodeDictionary(batch->columns[0]);
      const ArrayPtr dst = DecodeDictionary(batch->columns[1]);
      for (int64_t i = 0; i < batch->num_rows; ++i) {
        if (src->IsNull(i) || dst->IsNull(i)) continue;
        if (follows_out()) add(seen.out, src->StringValue(i), dst->StringValue(i));
        if (follows_in()) add(seen.in, dst->StringValue(i), src->StringValue(i));
      }
    }
  }

  // Edges that leave (or enter, or both) the nodes `ids`.
  expr::ExprPtr EdgesOf(const ArrayPtr& ids) const {
    std::vector<expr::ExprPtr> either;
    if (follows_out()) either.push_back(expr::In(expr::Column("src"), ids));
    if (follows_in()) either.push_back(expr::In(expr::Column("dst"), ids));
    return expr::Or(std::move(either));
  }

  // Marks those destinations from `first` on that are no nodes, so that no walk leads through them.
  absl::Status FindMissing(Neighbourhood& seen, size_t first) const {
    const IdSet& destinations = DestinationsOf(seen);
    seen.missing.resize(destinations.size(), false);
    if (first == destinations.size()) return absl::OkStatus();
    std::fill(seen.missing.begin() + static_cast<std::ptrdiff_t>(first), seen.missing.end(), true);
    dataset::ScanOptions options;
    options.columns = {{"id"}};
    options.filter = expr::In(expr::Column("id"), destinations.Since(first));
    OG_ASSIGN_OR_RETURN(const auto stream, destinations_->dataset().Scan(options));
    while (true) {
      OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
      if (!batch.has_value()) return absl::OkStatus();
      for (int64_t i = 0; i < batch->num_rows; ++i) {
        const auto known = destinations.Find(batch->columns[0]->StringValue(i));
        if (known.has_value()) seen.missing[*known] = false;
      }
    }
  }

  // Nodes for ids: the slot of each id, kNoSlot where no node has it or it does not pass.
  struct Resolved {
    std::shared_ptr<Entities> nodes;
    std::vector<uint32_t> slots;
  };

  absl::StatusOr<Resolved> Resolve(const IdSet& ids) const {
    if (ids.size() == 0) return Resolved{};
    if (ids.size() > context_.options.indexed_frontier_max &&
        context_.options.traversal != TraversalMode::kIndexed) {
      absl::StatusOr<Resolved> resolved = ResolveByNumber(ids);
      // Numbers of all nodes may not fit where those that were reached do.
      if (!absl::IsResourceExhausted(resolved.status())) return resolved;
    }
    dataset::ScanOptions options;
    options.columns = context_.layout.variables[destination_].columns;
    if (std::find(options.columns->begin(), options.columns->end(), "id") ==
        options.columns->end()) {
      options.columns->push_back("id");
    }
    options.with_row_address = true;
    options.filter = expr::In(expr::Column("id"), ids.Since(0));
    if (filter_ != nullptr) options.filter = expr::And({options.filter, filter_});
    OG_ASSIGN_OR_RETURN(const auto stream, destinations_->dataset().Scan(options));
    OG_ASSIGN_OR_RETURN(RecordBatch batch, Collect(*stream));
    std::vector<uint64_t> addresses;
    const ArrayPtr column = batch.columns.back();
    for (int64_t i = 0; i < column->length; ++i)
      addresses.push_back(column->Value<uint64_t>(i));
    batch.columns.pop_back();
    Resolved resolved{std::make_shared<Entities>(destinations_, batch, std::move(addresses)),
                      std::vector<uint32_t>(ids.size(), kNoSlot)};
    OG_ASSIGN_OR_RETURN(const ArrayPtr found, resolved.nodes->Column("id"));
    for (int64_t i = 0; i < found->length; ++i) {
      const auto known = ids.Find(found->StringValue(i));
      // Of nodes with one id the first counts, as in the index.
      if (known.has_value() && resolved.slots[*known] == kNoSlot) {
        resolved.slots[*known] = static_cast<uint32_t>(i);
      }
    }
    return resolved;
  }

  absl::StatusOr<Resolved> ResolveByNumber(const IdSet& ids) const {
    OG_ASSIGN_OR_RETURN(const topology::NodeIndex* const index, destinations_->Index());
    Resolved resolved{nullptr, std::vector<uint32_t>(ids.size(), kNoSlot)};
    std::vector<uint32_t> numbers;
    for (uint32_t i = 0; i < ids.size(); ++i) {
      const std::optional<uint32_t> number = index->Find(ids[i]);
      if (!number.has_value()) continue;
      resolved.slots[i] = static_cast<uint32_t>(numbers.size());
      numbers.push_back(*number);
    }
    resolved.nodes = std::make_shared<Entities>(destinations_, std::move(numbers));
    OG_ASSIGN_OR_RETURN(const std::vector<bool> passes, Passing(*resolved.nodes));
    for (uint32_t& slot : resolved.slots) {
      if (slot != kNoSlot && !passes.empty() && !passes[slot]) slot = kNoSlot;
    }
    return resolved;
  }

  // Hands on pairs whose destinations are numbers of the resolved ids, in chunks.
  absl::Status EmitResolved(const Chunk& chunk, const Pairs& pairs, const Resolved& resolved,
                            const std::shared_ptr<Entities>& edges) {
    for (size_t start = 0; start < pairs.rows.size() && !done(); start += kChunkRows) {
      const size_t end = std::min(start + kChunkRows, pairs.rows.size());
      Pairs part;
      for (size_t i = start; i < end; ++i) {
        part.rows.push_back(pairs.rows[i]);
        part.destinations.push_back(resolved.slots[pairs.destinations[i]]);
        if (edges != nullptr) part.edges.push_back(pairs.edges[i]);
      }
      OG_RETURN_IF_ERROR(Emit(chunk, part, resolved.nodes, {}, edges));
    }
    return absl::OkStatus();
  }

  // --- Edge bindings -----------------------------------------------------------------------------

  // Edge rows, and by id of the source those that continue it, in the order of their rows.
  struct EdgeRows {
    HeldMemory memory;
    std::shared_ptr<Entities> entities = nullptr;
    ArrayPtr ids = nullptr, src = nullptr, dst = nullptr;
    absl::flat_hash_map<std::string_view, std::vector<uint32_t>> of = {};
  };

  // The end of `edge` that is not `source`.
  static std::string_view Opposite(const EdgeRows& edges, uint32_t edge, std::string_view source) {
    const std::string_view src = edges.src->StringValue(edge);
    return src == source ? edges.dst->StringValue(edge) : src;
  }

  absl::StatusOr<EdgeRows> ReadEdgeRows(const expr::ExprPtr& filter) const {
    dataset::ScanOptions options;
    options.columns =
        context_.layout.variables[context_.layout.NumberOf(*expand_.edge_binding)].columns;
    for (const char* name : {"id", "src", "dst"}) {
      if (std::find(options.columns->begin(), options.columns->end(), name) ==
          options.columns->end()) {
        options.columns->push_back(name);
      }
    }
    options.with_row_address = true;
    options.filter = filter;
    OG_ASSIGN_OR_RETURN(const auto stream, edges_->dataset().Scan(options));
    EdgeRows edges{.memory = HeldMemory(context_.tables.budget())};
    std::vector<RecordBatch> batches;
    while (true) {
      OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> part, stream->Next());
      if (!part.has_value()) break;
      OG_RETURN_IF_ERROR(edges.memory.Add(OwnBytes(*part) + static_cast<uint64_t>(part->num_rows) *
                                                                kBytesPerEdgeRow));
      batches.push_back(*std::move(part));
    }
    if (batches.empty()) batches.push_back(format::EmptyBatch(stream->schema()));
    OG_ASSIGN_OR_RETURN(RecordBatch batch, TryConcat(batches));
    std::vector<uint64_t> addresses;
    const ArrayPtr column = batch.columns.back();
    for (int64_t i = 0; i < column->length; ++i)
      addresses.push_back(column->Value<uint64_t>(i));
    batch.columns.pop_back();
    edges.entities = std::make_shared<Entities>(edges_, batch, std::move(addresses));
    OG_ASSIGN_OR_RETURN(edges.ids, edges.entities->Column("id"));
    OG_ASSIGN_OR_RETURN(edges.src, edges.entities->Column("src"));
    OG_ASSIGN_OR_RETURN(edges.dst, edges.entities->Column("dst"));
    for (uint32_t row = 0; row < edges.entities->size(); ++row) {
      if (edges.src->IsNull(row) || edges.dst->IsNull(row)) continue;
      const std::string_view src = edges.src->StringValue(row);
      const std::string_view dst = edges.dst->StringValue(row);
      if (follows_out()) edges.of[src].push_back(row);
      // An undirected self-loop is one match, not two.
      const bool is_second_loop = follows_out() && src == dst;
      if (follows_in() && !is_second_loop) edges.of[dst].push_back(row);
    }
    for (auto& [source, rows] : edges.of) {
      std::stable_sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) {
        const int order = edges.ids->StringValue(a).compare(edges.ids->StringValue(b));
        return order != 0 ? order < 0 : Opposite(edges, a, source) < Opposite(edges, b, source);
      });
    }
    return edges;
  }

  absl::Status RunBound(const std::vector<Chunk>& chunks, bool filtered) {
    Note(filtered && choice_.is_indexed ? "index" : "edge scan");
    std::optional<EdgeRows> found;
    if (filtered) {
      IdSet sources;
      for (const Chunk& chunk : chunks) {
        OG_ASSIGN_OR_RETURN(const ArrayPtr ids, chunk.bindings[source_].entities->Column("id"));
        for (const uint32_t slot : chunk.bindings[source_].slots) {
          sources.Intern(ids->StringValue(slot));
        }
      }
      OG_ASSIGN_OR_RETURN(found, ReadEdgeRows(EdgesOf(sources.Since(0))));
    }
    for (const Chunk& chunk : chunks)
      OG_RETURN_IF_ERROR(RunBound(chunk, found.has_value() ? *found : *all_edges_));
    return absl::OkStatus();
  }

  absl::Status ReadAllEdgeRows() {
    if (all_edges_ != nullptr) return absl::OkStatus();
    OG_ASSIGN_OR_RETURN(EdgeRows edges, ReadEdgeRows(nullptr));
    all_edges_ = std::make_unique<EdgeRows>(std::move(edges));
    return absl::OkStatus();
  }

  absl::Status RunBound(const Chunk& chunk, const EdgeRows& edges) {
    OG_ASSIGN_OR_RETURN(const ArrayPtr ids, chunk.bindings[source_].entities->Column("id"));
    Pairs pairs;
    IdSet reached;
    for (uint32_t row = 0; row < chunk.num_rows; ++row) {
      const std::string_view source = ids->StringValue(chunk.bindings[source_].slots[row]);
      const auto known = edges.of.find(source);
      if (known == edges.of.end()) continue;
      for (const uint32_t edge : known->second) {
        pairs.rows.push_back(row);
        pairs.destinations.push_back(reached.Intern(EndOf(edges, edge, source)));
        pairs.edges.push_back(edge);
      }
    }
    OG_RETURN_IF_ERROR(context_.CheckInterrupt());
    OG_ASSIGN_OR_RETURN(const Resolved resolved, Resolve(reached));
    return EmitResolved(chunk, pairs, resolved, edges.entities);
  }

  // Where `edge` leads from `source`.
  std::string_view EndOf(const EdgeRows& edges, uint32_t edge, std::string_view source) const {
    if (expand_.direction == Direction::kOut) return edges.dst->StringValue(edge);
    if (expand_.direction == Direction::kIn) return edges.src->StringValue(edge);
    return Opposite(edges, edge, source);
  }

  Choice choice_;
  const ExecContext& context_;
  const query::Expand& expand_;
  const schema::EdgeType& edge_;
  Table* edges_;
  Table* destinations_;
  StageCosts* costs_;     // null: nobody asks
  expr::ExprPtr filter_;  // null: none
  const ReducedExpansion reduced_;
  bool takes_first_;  // one destination of a row is as good as all
  bool same_type_;
  size_t source_;
  size_t destination_;
  std::optional<size_t> closes_on_;  // the variable that destinations have to be
  std::vector<Walker> walkers_;      // one a thread
  double pairs_per_row_ = kPairsPerRow;

  std::vector<Chunk> held_;
  size_t num_held_ = 0;
  HeldMemory held_memory_;              // of what is held for a semi-join or a look-up
  std::optional<size_t> rows_at_once_;  // of a look-up; unset: none was needed
  bool is_wide_ = false;                // the frontier is known to be large: chunks pass through
  bool fits_ = true;         // what serves wide frontiers fits into memory, as far as is known
  uint64_t num_walked_ = 0;  // rows, over adjacency lists
  bool may_reduce_ = true;   // nobody has said that it cannot be
  std::unique_ptr<NodeReduction> reduction_;  // null: not yet
  struct Slot {
    uint32_t round = 0;
    uint32_t number = 0;  // dense, of a destination
    uint32_t slot = 0;
  };
  uint32_t round_ = 0;
  std::vector<Slot> slots_;  // by hash of the number; a power of two
  std::unique_ptr<EdgeRows> all_edges_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Operator>> MakeExpandStage(const ExecContext& context,
                                                          const query::Expand& expand,
                                                          const ExpandPurpose& purpose,
                                                          StageCosts* costs, Operator* next) {
  OG_ASSIGN_OR_RETURN(const Choice choice, ChoiceOf(context, expand, purpose));
  OG_ASSIGN_OR_RETURN(expr::ExprPtr filter, ScanFilter(expand.destination_filters, context.params));
  context.tables.WillExpand(expand.edge_type, expand.direction != Direction::kIn,
                            expand.direction != Direction::kOut);
  return std::make_unique<ExpandStage>(choice, std::move(filter), purpose, costs, next);
}

absl::StatusOr<ExpandEstimate> EstimateExpand(const ExecContext& context,
                                              const query::Expand& expand,
                                              const ExpandPurpose& purpose,
                                              uint64_t frontier_rows) {
  OG_ASSIGN_OR_RETURN(const Choice choice, ChoiceOf(context, expand, purpose));
  ExpandEstimate estimate;
  OG_ASSIGN_OR_RETURN(const Way way, WayOf(choice, frontier_rows));
  if (way == Way::kLookUp) {
    estimate.way = choice.is_indexed ? "index" : "edge scan";
  } else if (way == Way::kJoin) {
    estimate.way = "semi-join";
  } else {
    estimate.way = expand.edge_binding.has_value() ? "edge scan" : "topology";
  }
  const double degree = static_cast<double>(choice.edges->num_rows()) /
                        static_cast<double>(std::max<uint64_t>(choice.sources->num_rows(), 1)) *
                        (expand.direction == Direction::kBoth ? 2 : 1);
  const ReducedExpansion reduced{&expand, purpose.continuations};
  if (estimate.way == "topology" && reduced.is_restricted() &&
      context.options.reduction != ReductionMode::kNever) {
    bool is_reduced = context.options.reduction == ReductionMode::kAlways;
    if (!is_reduced) {
      OG_ASSIGN_OR_RETURN(is_reduced, ReductionPays(context, reduced, frontier_rows));
    }
    if (is_reduced) estimate.reduced_by = reduced.Restrictors();
  }
  double reached = 1;
  for (uint64_t hop = 1; hop <= HopsOf(choice); ++hop) {
    reached *= degree;
    if (hop >= expand.min_hops) estimate.rows_per_source += reached;
  }
  estimate.rows_per_source =
      std::min(estimate.rows_per_source, static_cast<double>(choice.destinations->num_rows()));
  return estimate;
}

}  // namespace og::engine::exec
