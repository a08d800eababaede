// Writers that race on a table of ids and ages, and the check that its versions are a serial
// history of their changes: every version is what one change makes of the version before.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "io/env/env.h"

namespace og::engine::dataset {

// Age by id.
using AgeModel = std::map<int, int>;

// The table that writers race on; `model` becomes what it holds.
absl::StatusOr<DatasetPtr> CreateRaceTable(io::Env& env, std::string_view uri, bool stable_row_ids,
                                           AgeModel& model);

// Thread-safe. The changes of a writer follow from its number, its seed and their count alone.
class Race {
 public:
  // Runs a writer's changes on `dataset`: deletes, updates, merge-inserts, appends, each of the
  // latest version. Expects that all are committed.
  void Write(const DatasetPtr& dataset, uint64_t seed, int writer, int num_changes);

  // Takes note of changes that another process makes.
  void Know(uint64_t seed, int writer, int num_changes);

  // Expects that the versions after the first are the changes that were made or noted, each once,
  // in some order, and that each version has the rows which `model` has after its change.
  void Check(const Dataset& dataset, AgeModel model);

 private:
  std::mutex mutex_;
  std::map<std::string, std::function<void(AgeModel&)>> changes_;  // by transaction
};

}  // namespace og::engine::dataset
