// A scan that a thread of its own drives, so that its consumer can ask without waiting.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "absl/status/statusor.h"

#include "engine/capi/lance/lance.h"
#include "format/arrow/array.h"

namespace og::engine::capi {

using NextBatch = absl::StatusOr<std::optional<format::RecordBatch>>;

// One consumer. The thread stays a few batches ahead of it.
class BackgroundScan {
 public:
  using Open = std::function<absl::StatusOr<std::unique_ptr<format::BatchStream>>()>;

  explicit BackgroundScan(Open open);
  // Gives the scan up. No waker is called afterwards, except that a waker which destroys the scan
  // itself returns first.
  ~BackgroundScan();

  // The next batch, an empty optional at the end, or the error that ended the scan. After the end
  // or an error no call may follow.
  NextBatch Next();

  // The same if it is there; else nullopt, and `waker` is called once when it is.
  std::optional<NextBatch> Poll(LanceWaker waker, void* context);

 private:
  struct State;

  static void Run(const std::shared_ptr<State>& state, const Open& open);

  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace og::engine::capi
