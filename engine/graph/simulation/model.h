// What the graph of a simulation must be: entities in maps, and what each operation makes of them.
//
// The model has the schema of graph_testing.h. It applies an operation to the state that the
// operation was committed over, so that the state of every commit follows from the line of commits
// alone, whatever the actors saw.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/simulation/plan.h"

namespace og::engine::graph::simulation {

struct Person {
  std::optional<int64_t> age;
  std::optional<std::string> email;
  friend bool operator==(const Person&, const Person&) = default;
};

struct Edge {
  std::string from;
  std::string to;
  std::optional<int64_t> since;
  friend bool operator==(const Edge&, const Edge&) = default;
};

// The entities of one commit. Edges have the id that their load gave them, or a made-up one that
// names their operation: minted ids are not compared, only followed through merges.
struct Entities {
  std::map<std::string, Person> people;
  std::set<std::string> teams;
  std::map<std::string, Edge> knows;
  std::map<std::string, Edge> members;
};

// What the step number `id` of a plan makes of `entities`. Steps that commit nothing change
// nothing.
void Apply(const Step& step, uint64_t id, Entities& entities);

// What a merge of `source` into `target` gives; nullopt if the two conflict.
std::optional<Entities> Merge(const Entities& base, const Entities& source, const Entities& target);

// Which promise of the schema `entities` break, or empty.
std::string BrokenPromise(const Entities& entities);

// One line for each entity, sorted; edges without their ids.
std::vector<std::string> Lines(const Entities& entities);

// The same of an export. Empty and `*error` set if it is no export of this schema.
std::vector<std::string> LinesOfExport(std::string_view text, std::string* error);

}  // namespace og::engine::graph::simulation
