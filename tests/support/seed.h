// Seeds of property tests: printed, and repeatable through the environment.
#pragma once

#include <cstdint>

namespace og::tests {

// The value of OG_SEED, else a new one from the clock; printed as "OG_SEED=N" the first time. One
// value for the life of the program. Aborts if OG_SEED is not a decimal number.
uint64_t Seed();

}  // namespace og::tests
