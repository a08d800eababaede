#include "engine/capi/handles.h"

#include <utility>

#include "io/base/status_macros.h"

absl::Status LanceDataset::Change(
    const std::function<absl::StatusOr<og::engine::dataset::DatasetPtr>(
        const og::engine::dataset::DatasetPtr&)>& change) {
  const og::engine::dataset::DatasetPtr before = current();
  const og::io::GateHold hold = changes_.Exclusive(before->env());
  OG_ASSIGN_OR_RETURN(og::engine::dataset::DatasetPtr after, change(current()));
  og::io::MutexLock lock(mutex_);
  current_ = std::move(after);
  return absl::OkStatus();
}
