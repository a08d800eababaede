// Lines in the order of their keys, whatever their number: lines gather in memory; beyond the
// budget sorted runs go to an unlinked temporary file and are merged at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "io/env/memory_budget.h"

namespace og::engine::graph {

// Life: Add...; Finish once. Thread-compatible.
class SortedLines {
 public:
  // `budget`: what may be held in memory before a run is written out.
  explicit SortedLines(std::shared_ptr<io::MemoryBudget> budget);
  ~SortedLines();

  // Adds `line`, to be ordered by `key` (bytewise; equal keys in the order of their adding).
  absl::Status Add(std::string_view key, std::string_view line);

  // Hands the lines in order to `sink`, several at a time, at most 64 KiB each time unless one line
  // is longer.
  absl::Status Finish(const std::function<absl::Status(std::string_view lines)>& sink);

  size_t num_runs() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace og::engine::graph
