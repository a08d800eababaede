// What steers the choice of encodings: the file version, field metadata and demands of tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "format/arrow/type.h"

namespace og::format {

// Encodings that a test demands instead of the choice by cost. A page whose values cannot have the
// encoding takes the usual choice.
enum class ForcedLayout : uint8_t { kNone, kMiniBlock, kFullZip };
enum class ForcedCodec : uint8_t {
  kNone,
  kFlat,  // Flat or Variable
  kBitpacked,
  kRle,
  kDictionary,
  kFsst,
  kZstd,
  kLz4,
  kByteStreamSplit,
  kRleZstd,   // run-length coded, the values of the runs compressed
  kFsstZstd,  // FSST codes, compressed
};

enum class CompressionChoice : uint8_t { kAuto, kNone, kZstd, kLz4, kFsst };
enum class ByteStreamSplitChoice : uint8_t { kOff, kOn, kAuto };

// Choices for the values of one column.
struct CodecOptions {
  // File version 2.2: large chunks, dictionaries of 64-bit values, compressed dictionaries,
  // run-length coded levels, one-value pages.
  bool is_2_2 = true;
  CompressionChoice compression = CompressionChoice::kAuto;
  int compression_level = 0;
  std::optional<double> rle_threshold;
  ByteStreamSplitChoice byte_stream_split = ByteStreamSplitChoice::kAuto;
  std::optional<size_t> minichunk_bytes;  // aim for a chunk of variable-width values
  uint64_t dictionary_divisor = 2;
  double dictionary_size_ratio = 0.8;
  CompressionChoice dictionary_compression = CompressionChoice::kAuto;
  int dictionary_compression_level = 0;
  ForcedCodec forced_codec = ForcedCodec::kNone;
  // Size counts more than the speed of reading.
  bool compact = false;
  // FSST is for text; binary values are as a rule compressed already.
  bool is_text = true;
};

// Whether metadata of a leaf field, or of the schema for all of them, asks for small files:
// "omnigraph-encoding:compact" is "true".
bool IsCompactDemanded(const Metadata& metadata);

// The choices that the metadata of a leaf field asks for ("lance-encoding:compression" and so on;
// values that are not understood are ignored, as the reference does).
CodecOptions CodecOptionsOf(const Metadata& metadata);

// The layout that the metadata of a top-level field asks for.
ForcedLayout LayoutOf(const Metadata& metadata);

}  // namespace og::format
