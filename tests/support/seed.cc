#include "tests/support/seed.h"

#include <cstdio>
#include <cstdlib>
#include <optional>

#include "io/base/text.h"

namespace og::tests {
namespace {

uint64_t ChooseSeed() {
  uint64_t seed = 1;
  const char* text = std::getenv("OG_SEED");
  if (text != nullptr && *text != '\0') {
    const std::optional<uint64_t> parsed = io::ParseUint64(text);
    if (!parsed.has_value()) {
      std::fprintf(stderr, "OG_SEED is not a number: %s\n", text);
      std::abort();
    }
    seed = *parsed;
  }
  std::fprintf(stderr, "OG_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace

uint64_t Seed() {
  static const uint64_t seed = ChooseSeed();
  return seed;
}

}  // namespace og::tests
