// The group loops of bitpack.h for AVX-512 (F, BW, VL).
#define OG_BITPACK_VECTOR_BYTES 64
#include "format/codec/bitpack_kernel.h"
#include "format/codec/bitpack_variants.h"

namespace og::format {

const BitpackVariant kBitpackAvx512 = MakeVariant("avx512");

}  // namespace og::format
