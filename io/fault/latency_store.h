// A store as far away as a test wants it: every request takes the same time on the clock of an Env.
// Under the simulation the clock stands still otherwise, so that the time of an operation divided
// by that of a request is the number of its rounds: requests that do not wait for one another.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/env/env.h"
#include "io/store/hooked_store.h"

namespace og::io {

// A batch of ranges is one round, an object that is written piece by piece one at its end. Syncs
// cost nothing: what is far away is durable on return.
class LatencyStore : public HookedStore {
 public:
  // `env` outlives the store.
  LatencyStore(Env& env, std::shared_ptr<Store> base, int64_t request_us)
      : HookedStore(std::move(base)), env_(env), request_us_(request_us) {}

  PendingReads Submit(std::vector<ReadRequest> requests) override;

 protected:
  absl::Status Before(StoreCall call, std::string_view path) override;

 private:
  class Reads;

  Env& env_;
  const int64_t request_us_;
};

}  // namespace og::io
