// The sign of life of a writer on storage that several machines share: an object beside the
// recovery records, `__leases/{holder}.json`, which the writer renews while it writes and which
// every record of its names.
//
//   {"holder": "01K8...", "expires_at_us": 1761000000000000}     microseconds since the epoch
//
// Recovery leaves a record alone while its holder may live: until the time in the lease and a
// margin for clocks that differ have passed. A writer that sleeps longer loses: recovery takes the
// versions that it still wanted to make, and each of them is made once (resolve.h). A record
// without a holder (of another implementation, or of a local root, where locks tell who lives) is
// nobody's.
//
// Source: ours; docs/dev/extensions.md. Other implementations ignore the object and the name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "io/base/sync.h"
#include "io/env/env.h"
#include "io/env/gate.h"
#include "io/store/store.h"

namespace og::engine::graph {

inline constexpr std::string_view kLeaseFolder = "__leases";
// How long a lease lasts, and how long after its end its holder counts as alive.
inline constexpr int64_t kLeaseUs = 20'000'000;
inline constexpr int64_t kLeaseMarginUs = 10'000'000;

// The lease of this process for one root. Any thread may call any method.
class WriterLease {
 public:
  // Env and store outlive the lease.
  WriterLease(io::Env& env, const io::Location& root) : env_(env), root_(root) {}
  // Gives the lease back. Best effort.
  ~WriterLease();
  WriterLease(const WriterLease&) = delete;
  WriterLease& operator=(const WriterLease&) = delete;

  // Makes sure that the lease lasts for at least half of its time; its holder. One request now and
  // then.
  absl::StatusOr<std::string> Renew();

  // Whether `holder` is this process.
  bool IsHeldBy(std::string_view holder) const;

 private:
  io::Env& env_;
  const io::Location root_;
  io::Gate renewing_;
  mutable io::Mutex mutex_;
  std::string holder_ OG_GUARDED_BY(mutex_);
  int64_t expires_at_us_ OG_GUARDED_BY(mutex_) = 0;
};

// Whether `holder` may still write to `root`.
absl::StatusOr<bool> MayLive(io::Env& env, const io::Location& root, std::string_view holder);

// Removes the lease of a holder that is dead.
void RemoveLease(const io::Location& root, std::string_view holder);

}  // namespace og::engine::graph
