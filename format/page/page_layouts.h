// The three layouts as functions of levels and values. Internal to page_encoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/statusor.h"

#include "format/page/leaf_values.h"
#include "format/page/level_builder.h"
#include "format/page/page_encoder.h"
#include "format/page/value_encoder.h"

namespace og::format {

using LayerList = google::protobuf::RepeatedField<int>;

void SetLayers(const PageLevels& levels, LayerList& out);

// The limits within which every chunk stays within the level limits of the file version; nullopt
// if some chunk of two values does not. What the options ask for when every level has a value.
std::optional<ChunkLimits> ChunkLimitsOf(const PageLevels& levels, const CodecOptions& options);

// Mini-block (mini_block_writer.cc): chunks of values with their levels.
// `dictionary` is the block of dictionary values, if there is one.
struct DictionaryBlock {
  BlockValues block;
  uint64_t num_items = 0;
};
absl::StatusOr<EncodedPage> WriteMiniBlock(const PageLevels& levels, ChunkedValues values,
                                           std::optional<DictionaryBlock> dictionary, bool is_2_2);

// Full-zip (full_zip_writer.cc): each level's control word, length and value in a row.
absl::StatusOr<EncodedPage> WriteFullZip(const PageLevels& levels, const LeafValues& values,
                                         const CodecOptions& options);

// Constant (constant_writer.cc): levels only, or levels and one value. `value` is the Arrow form of
// the value: fixed-width bytes, or for variable width the bytes alone.
EncodedPage WriteNulls(const PageLevels& levels, bool is_2_2);
EncodedPage WriteConstant(const PageLevels& levels, const LeafValues& values, size_t value_index);

}  // namespace og::format
