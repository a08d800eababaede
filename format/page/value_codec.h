// A compressive encoding of file versions 2.1 and later, checked and ready to decode with.
//
// The messages of a page are compiled once: unknown codecs, impossible widths and nesting that no
// decoder handles are refused here, so that the decoders only look at numbers that fit together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "format/codec/fsst_decoder.h"
#include "format/codec/general.h"

namespace lance::encodings21 {
class CompressiveEncoding;
}

namespace og::format {

struct ValueCodec {
  enum class Kind : uint8_t {
    kFlat,                  // bits
    kVariable,              // offset_bits
    kInlineBitpacking,      // bits
    kOutOfLineBitpacking,   // bits, packed_bits
    kFsst,                  // fsst, child 0: variable
    kRle,                   // bits of a value, length_bits; children: values, lengths
    kByteStreamSplit,       // bits
    kGeneral,               // compression, child 0
    kFixedSizeList,         // items, has_validity, child 0
    kPackedStruct,          // member_bits; rows are flat
    kVariablePackedStruct,  // members: children, each with member_bits or member_length_bits
    kConstant,              // constant; empty: nulls, which take no bytes
  };

  Kind kind = Kind::kFlat;
  bool has_validity = false;
  Compression compression = Compression::kZstd;
  unsigned offset_bits = 0;
  unsigned length_bits = 0;
  uint64_t bits = 0;  // of one decoded value
  uint64_t packed_bits = 0;
  uint64_t items = 0;
  std::string constant;
  std::shared_ptr<const FsstDecoder> fsst;
  std::vector<uint64_t> member_bits;         // 0: the member has a length
  std::vector<uint64_t> member_length_bits;  // 0: the member has a fixed width
  std::vector<ValueCodec> children;
};

// How many times longer decoded text is than its code, by experience.
inline uint64_t TextExpansion(const ValueCodec& codec) {
  switch (codec.kind) {
    case ValueCodec::Kind::kFsst:
      return 4;
    case ValueCodec::Kind::kGeneral:
      return 3 * TextExpansion(codec.children[0]);
    default:
      return 1;
  }
}

// Whether `codec` is out-of-line bit-packing, compressed or not: bytes that do not say how many
// values they hold.
bool IsBitpacked(const ValueCodec& codec);

// kUnimplemented for a codec or a nesting that we lack; kDataLoss for numbers that cannot be.
absl::StatusOr<ValueCodec> CompileCodec(const lance::encodings21::CompressiveEncoding& encoding);

}  // namespace og::format
