#include "format/page/page_options.h"

#include <charconv>
#include <string_view>

#include "io/base/text.h"

namespace og::format {
namespace {

std::string_view Find(const Metadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::string_view() : std::string_view(found->second);
}

CompressionChoice ParseCompression(std::string_view text) {
  if (text == "none") return CompressionChoice::kNone;
  if (text == "zstd") return CompressionChoice::kZstd;
  if (text == "lz4") return CompressionChoice::kLz4;
  if (text == "fsst") return CompressionChoice::kFsst;
  return CompressionChoice::kAuto;
}

std::optional<double> ParseDouble(std::string_view text) {
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || result.ec != std::errc() || result.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

bool IsCompactDemanded(const Metadata& metadata) {
  return Find(metadata, "omnigraph-encoding:compact") == "true";
}

CodecOptions CodecOptionsOf(const Metadata& metadata) {
  CodecOptions options;
  options.compact = IsCompactDemanded(metadata);
  options.compression = ParseCompression(Find(metadata, "lance-encoding:compression"));
  const auto level = [&](const char* key) {
    const auto value = io::ParseInt64(Find(metadata, key));
    return value && *value >= -100 && *value <= 22 ? static_cast<int>(*value) : 0;
  };
  options.compression_level = level("lance-encoding:compression-level");
  options.rle_threshold = ParseDouble(Find(metadata, "lance-encoding:rle-threshold"));
  const std::string_view bss = Find(metadata, "lance-encoding:bss");
  if (bss == "off") options.byte_stream_split = ByteStreamSplitChoice::kOff;
  if (bss == "on") options.byte_stream_split = ByteStreamSplitChoice::kOn;
  if (const auto bytes = io::ParseUint64(Find(metadata, "lance-encoding:minichunk-size"));
      bytes && *bytes > 0 && *bytes < 32768) {
    options.minichunk_bytes = *bytes;
  }
  if (const auto divisor = io::ParseUint64(Find(metadata, "lance-encoding:dict-divisor"));
      divisor && *divisor > 0) {
    options.dictionary_divisor = *divisor;
  }
  if (const auto ratio = ParseDouble(Find(metadata, "lance-encoding:dict-size-ratio"));
      ratio && *ratio > 0 && *ratio <= 1) {
    options.dictionary_size_ratio = *ratio;
  }
  options.dictionary_compression =
      ParseCompression(Find(metadata, "lance-encoding:dict-values-compression"));
  options.dictionary_compression_level = level("lance-encoding:dict-values-compression-level");
  return options;
}

ForcedLayout LayoutOf(const Metadata& metadata) {
  const std::string_view text = Find(metadata, "lance-encoding:structural-encoding");
  if (text == "miniblock") return ForcedLayout::kMiniBlock;
  if (text == "fullzip") return ForcedLayout::kFullZip;
  return ForcedLayout::kNone;
}

}  // namespace og::format
