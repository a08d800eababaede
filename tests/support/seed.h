// Seeds of property tests: printed, and repeatable through the environment.
#pragma once

#include <cstdint>

namespace og::tests {

// The value of OG_SEED, else 1, so that a change is judged by what it changes; `./dev test --all`
// takes a new one each time. Printed as "OG_SEED=N" the first time. One value for the life of the
// program. Aborts if OG_SEED is not a decimal number.
uint64_t Seed();

}  // namespace og::tests
