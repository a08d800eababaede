// Pages of file version 2.0: arrays become buffers and an "array encoding" message. Every field
// owns a column, so that a page holds the slots of one field only:
//
//   values   plain types, fixed-size lists of them, strings, dictionaries, packed structs
//   list     the end of every list in the item column, u64; a null one with an adjustment added
//   struct   nothing: a header column has no buffers. The validity of structs is not stored
//
// The layouts are listed in format/file/array_field.cc. Choice, first match:
//
//   only nulls                                   all_nulls, no buffers
//   utf8, few distinct values                    dictionary, u8 indices, 0 is null
//   strings without nulls, all of one length     fixed_size_binary
//   other strings                                binary; its bytes zstd, lz4 or fsst on request
//   integers whose upper bits are 0              bitpacked_for_non_neg, in groups of 1024
//   otherwise                                    flat; with nulls a bitmap of validity in front
//
// Source: lance-encoding 10.0.0: src/array_encoding/**, protos/encodings_v2_0.proto.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/page/page_encoder.h"
#include "format/page/page_options.h"

namespace og::format {

struct ArrayColumnPlan {
  enum class Kind : uint8_t {
    kValues,  // pieces of `type`
    kList,    // pieces of uint64: the length of each list, null for a null list
    kHeader,  // pieces of any type, which only count
  };
  Kind kind = Kind::kValues;
  TypePtr type;
  CodecOptions codec;
};

// The page of `rows`, the pieces of one column one after the other; `layout` is the serialized
// lance.encodings.ArrayEncoding. Pure; safe from any thread.
//
//   kUnimplemented   values that version 2.0 cannot hold: packed structs with text or with nulls,
//                    dictionaries whose index type has no room left for a null
absl::StatusOr<EncodedPage> EncodeArrayPage(const ArrayColumnPlan& plan,
                                            std::span<const ArrayPtr> rows);

}  // namespace og::format
