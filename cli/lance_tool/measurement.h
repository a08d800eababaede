// Times of repeated runs, and what one run asked of the store.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"

#include "cli/lance_tool/output.h"
#include "io/env/env.h"
#include "io/fault/counting_store.h"

namespace og::cli {

// Thread-compatible. `env` must outlive it.
class Measurement {
 public:
  // Counts the calls to `root`, which goes through a counting store from here on.
  Measurement(io::Env& env, io::Location& root);

  void Start();
  void Stop();

  // What the last run asked of the store.
  const io::StoreCounts& counts() const { return counts_; }

  // What was measured, as one line or as JSON.
  absl::Status Report(uint64_t rows, uint64_t batches, uint64_t bytes, bool as_json,
                      Output& output) const;

 private:
  io::Env& env_;
  const std::shared_ptr<io::CountingStore> store_;
  io::StoreCounts before_;
  io::StoreCounts counts_;
  int64_t start_ns_ = 0;
  std::vector<int64_t> times_ns_;
};

}  // namespace og::cli
