// What the stages of a query cost, measured while it runs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"

#include "engine/exec/probe.h"
#include "engine/exec/rows.h"

namespace og::engine::exec {

// One stage, with everything behind it.
struct StageCosts {
  uint64_t rows_in = 0;
  int64_t ns = 0;
  IoCounts io;
  std::string way;  // how the stage went about it; empty: there is one way only
};

class Profile {
 public:
  explicit Profile(Probe probe) : probe_(std::move(probe)) {}

  // The costs of the stage made from `step`, which identifies it and may be any address.
  StageCosts& Of(const void* step) { return costs_[step]; }

  // Runs `work` and adds what it took to `costs`.
  template <typename Work>
  auto Measure(StageCosts& costs, const Work& work) {
    const int64_t start_ns = probe_.now_ns();
    const IoCounts start = probe_.io();
    auto result = work();
    costs.ns += probe_.now_ns() - start_ns;
    costs.io += probe_.io() - start;
    return result;
  }

 private:
  Probe probe_;
  std::map<const void*, StageCosts> costs_;
};

// Stands in front of a stage and measures it.
class MeterStage final : public Stage {
 public:
  MeterStage(Profile& profile, StageCosts& costs, Operator* stage)
      : Stage(stage), profile_(profile), costs_(costs) {}

  absl::Status Push(const Chunk& chunk) override {
    costs_.rows_in += chunk.num_rows;
    return profile_.Measure(costs_, [&] { return next().Push(chunk); });
  }
  absl::Status Flush() override {
    return profile_.Measure(costs_, [&] { return next().Flush(); });
  }

 private:
  Profile& profile_;
  StageCosts& costs_;
};

}  // namespace og::engine::exec
