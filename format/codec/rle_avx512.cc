// The inner loop of run-length decoding for AVX-512.
#define OG_RLE_VECTOR_BYTES 64
#include "format/codec/rle_kernel.h"
#include "format/codec/rle_variants.h"

namespace og::format {

const RleVariant kRleAvx512 = MakeRleVariant("avx512");

}  // namespace og::format
