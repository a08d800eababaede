// The thread that calls callbacks of lance.h, one after the other.
#pragma once

#include <functional>

namespace og::engine::capi {

// Runs `call` after all that were posted before. The thread starts with the first one and lives as
// long as the process. Thread-safe.
void PostToCallbackThread(std::function<void()> call);

}  // namespace og::engine::capi
