// The same loads on local files by the system calls alone: what the store is compared with.
#pragma once

#include <string>

#include "absl/status/statusor.h"

#include "bench/storage/storage_cases.h"

namespace og::bench {

// pread(2) in a loop; the latency of a read is that of its batch. `path` is absolute.
absl::StatusOr<Cost> BareReads(const std::string& path, const Load& load, bool is_random);

// write(2) in a loop to an unnamed file that is synced, unless under kNone, and linked.
absl::StatusOr<Cost> BareWrites(const std::string& path, const Load& load,
                                io::Durability durability);

// Unnamed files that are written, linked and, under kData and kFull, synced, with their folder
// under kFull. `folder` is absolute and made if it is missing.
absl::StatusOr<Cost> BareCreates(const std::string& folder, const Load& load,
                                 io::Durability durability);

// readdir(3) and fstatat(2).
absl::StatusOr<Cost> BareList(const std::string& folder);

}  // namespace og::bench
