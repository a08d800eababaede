// How often a random test goes round: its usual number, times OG_ROUNDS if that is set.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "io/base/text.h"

namespace og::tests {

inline uint64_t Rounds(uint64_t usual) {
  const char* text = std::getenv("OG_ROUNDS");
  return usual * (text == nullptr ? 1 : io::ParseUint64(text).value_or(1));
}

}  // namespace og::tests
