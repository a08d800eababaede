// Compares a dataset that the real Lance library wrote with its expected.json: rows, columns, row
// ids, addresses, row versions, fragments and schema of every version of every branch.
#pragma once

#include <string>
#include <vector>

#include "engine/dataset/dataset.h"
#include "io/env/env.h"

namespace og::tests {

struct CaseResult {
  size_t num_versions = 0;
  std::vector<std::string> failures;  // "version 3 of dev: rows_sha256 ..."
};

// Checks the case in `folder`, which holds expected.json and data.lance.
CaseResult CheckCase(io::Env& env, const std::string& folder);

// An Env that finds what is stored under one folder's name in another one: datasets with branches
// hold absolute paths of the place where they were made.
class RelocatingEnv final : public io::Env {
 public:
  RelocatingEnv(io::Env& base, std::string from, std::string to)
      : base_(base), from_(std::move(from)), to_(std::move(to)) {}

  int64_t NowUs() override { return base_.NowUs(); }
  int64_t MonotonicNs() override { return base_.MonotonicNs(); }
  void SleepUs(int64_t duration_us) override { base_.SleepUs(duration_us); }
  void Wait(io::Mutex& mutex, io::Condition& condition,
            const std::function<bool()>& done) override {
    base_.Wait(mutex, condition, done);
  }
  uint64_t RandomU64() override { return base_.RandomU64(); }
  absl::StatusOr<io::Location> Resolve(std::string_view uri) override;
  io::Durability durability() const override { return base_.durability(); }
  io::WorkerPool& pool() override { return base_.pool(); }
  const std::shared_ptr<io::MemoryBudget>& memory() override { return base_.memory(); }

 private:
  io::Env& base_;
  const std::string from_;
  const std::string to_;
};

}  // namespace og::tests
