// Ranking by distance to a vector: `order { nearest($x.v, q) } limit k`.
//
// A variable that a scan binds is ranked in that scan: of the nodes that pass the scan's filters,
// the k nearest ones go on, in the order of their distance, and what follows keeps that order. A
// variable that a traversal binds is ranked at the end, over the rows of the result.
//
// The distance is the squared Euclidean one in 32-bit floats; nodes without a vector are not found,
// equal distances stay in the order of the scan. Every vector is looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/exec/layout.h"
#include "engine/query/params.h"
#include "engine/query/plan.h"
#include "format/arrow/array.h"

namespace og::engine::exec {

struct Nearest {
  size_t variable = 0;
  std::string property;
  std::vector<float> target;
  uint64_t limit = 0;
  bool in_scan = false;  // the variable is bound by a scan
};

// What `plan` ranks by, if it ranks by distance. kBadRequest for a target that is no vector,
// kUnimplemented for text, which an embedding model would have to turn into one.
absl::StatusOr<std::optional<Nearest>> NearestOf(const query::ReadPlan& plan, const Layout& layout,
                                                 const query::ParamValues& params);

// The distance of each of `vectors` (fixed-size lists of 32-bit floats) from `target`, a float32
// array; null where the vector is, infinite
// where it is no number. kBadRequest if the lengths differ.
absl::StatusOr<format::ArrayPtr> DistancesTo(const std::vector<float>& target,
                                             const format::Array& vectors);

// The nearest of the rows that were added.
class NearestRows {
 public:
  explicit NearestRows(const Nearest& nearest) : nearest_(nearest) {}

  // Row i of `vectors` is the node at addresses[i].
  absl::Status Add(const format::Array& vectors, const std::vector<uint64_t>& addresses);

  // Addresses by distance. Nothing may be added behind it.
  std::vector<uint64_t> Finish();

 private:
  struct Candidate {
    float distance = 0;
    uint64_t row = 0;  // in the order of the scan
    uint64_t address = 0;
    bool operator<(const Candidate& other) const {
      return distance != other.distance ? distance < other.distance : row < other.row;
    }
  };

  const Nearest& nearest_;
  uint64_t num_rows_ = 0;
  std::vector<Candidate> heap_;  // the farthest one first
};

}  // namespace og::engine::exec
