// The inner loop of run-length decoding for AVX2.
#define OG_RLE_VECTOR_BYTES 32
#include "format/codec/rle_kernel.h"
#include "format/codec/rle_variants.h"

namespace og::format {

const RleVariant kRleAvx2 = MakeRleVariant("avx2");

}  // namespace og::format
