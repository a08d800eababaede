// The instruction-set variants of the group loops that are compiled in. Internal to bitpack.
#pragma once

#include "format/codec/bitpack.h"

namespace og::format {

#if defined(__x86_64__)
// Run only where the processor has AVX2, or AVX-512 F, BW and VL.
extern const BitpackVariant kBitpackAvx2;
extern const BitpackVariant kBitpackAvx512;
#endif

}  // namespace og::format
