// The group loops of bitpack.h for AVX2.
#define OG_BITPACK_VECTOR_BYTES 32
#include "format/codec/bitpack_kernel.h"
#include "format/codec/bitpack_variants.h"

namespace og::format {

const BitpackVariant kBitpackAvx2 = MakeVariant("avx2");

}  // namespace og::format
