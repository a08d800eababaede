// The environment that a handle works in: the process's own, or one that reaches S3 by the storage
// options of the handle.
#pragma once

#include "absl/status/statusor.h"

#include "engine/capi/arguments.h"
#include "io/env/env.h"

namespace og::engine::capi {

// Lives as long as the process; equal options give the same environment. Keys are those of the
// variables in docs/user/storage.md in any case, with or without "aws_" before them; they stand
// before variables that say the same. Other keys have no effect. Thread-safe.
io::Env& EnvironmentFor(const StorageOptions& options);

}  // namespace og::engine::capi
