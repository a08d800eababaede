// The error that each thread remembers, and the wall between our code and C: no exception crosses
// it, every outcome becomes a return value and a remembered error.
#pragma once

#include <exception>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/capi/lance/lance.h"
#include "io/base/status.h"

namespace og::engine::capi {

void ClearLastError();
void SetLastError(const absl::Status& status);

// The code that `status` answers with: the one given by WithCode(), else by its kind.
LanceErrorCode CodeOf(const absl::Status& status);

// `status`, answered with `code`. An ok status stays ok.
absl::Status WithCode(const absl::Status& status, LanceErrorCode code);

// The value of `body`, which returns a StatusOr; `failure` if it failed or threw.
template <typename T, typename Body>
T Answer(T failure, Body body) {
  absl::Status status;
  try {
    auto result = body();
    if (result.ok()) {
      ClearLastError();
      return static_cast<T>(*std::move(result));
    }
    status = result.status();
  } catch (const std::exception& error) {
    status = io::InternalError(error.what());
  }
  SetLastError(status);
  return failure;
}

// The same for functions that return 0 or -1: `body` returns a Status.
template <typename Body>
int32_t AnswerStatus(Body body) {
  return Answer<int32_t>(-1, [&]() -> absl::StatusOr<int32_t> {
    if (absl::Status status = body(); !status.ok()) {
      return status;
    }
    return 0;
  });
}

}  // namespace og::engine::capi
