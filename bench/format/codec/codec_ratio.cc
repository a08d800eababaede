// Decoding rates as shares of a memcpy of the same size into the same destination, as JSON lines:
//
//   {"codec": "bit-unpack", "shape": "u32 width 7", "gb_per_s": 25.1, "memcpy_share": 0.92}
//
// The destination is 4 MiB, the size of a scan step. Both sides take turns; the share is the median
// over the rounds. The sources repeat and stay warm, as the bytes of a step do that was just read.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "format/arrow/builder.h"
#include "format/arrow/type.h"
#include "format/codec/bitpack.h"
#include "format/codec/byte_stream_split.h"
#include "format/codec/fsst_decoder.h"
#include "format/codec/fsst_encoder.h"
#include "format/codec/rle.h"
#include "format/page/value_sink.h"
#include "io/base/buffer.h"
#include "io/base/check.h"
#include "io/env/real_env.h"

namespace og::format {
namespace {

constexpr size_t kBytes = size_t{4} << 20;
constexpr int kRounds = 41;

int64_t Time(const std::function<void()>& body) {
  const int64_t start = io::RealEnv().MonotonicNs();
  body();
  return std::max<int64_t>(io::RealEnv().MonotonicNs() - start, 1);
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// `decode` writes `bytes` bytes to `to`.
void Report(const char* codec, const std::string& shape, std::span<std::byte> to,
            const std::function<void()>& decode) {
  const std::vector<std::byte> from(to.size(), std::byte{7});
  std::vector<double> rates;
  std::vector<double> shares;
  for (int round = 0; round < kRounds; ++round) {
    const int64_t copy_ns = Time([&] { std::memcpy(to.data(), from.data(), to.size()); });
    const int64_t decode_ns = Time(decode);
    rates.push_back(static_cast<double>(to.size()) / static_cast<double>(decode_ns));
    shares.push_back(static_cast<double>(copy_ns) / static_cast<double>(decode_ns));
  }
  std::printf(
      "{\"codec\": \"%s\", \"shape\": \"%s\", \"gb_per_s\": %.2f, \"memcpy_share\": %.3f}\n", codec,
      shape.c_str(), Median(rates), Median(shares));
}

template <typename T>
std::string TypeName() {
  return "u" + std::to_string(sizeof(T) * 8);
}

template <typename T>
void Unpack() {
  io::MutableBuffer values(kBytes);
  constexpr size_t kGroups = kBytes / (kBitpackGroupValues * sizeof(T));
  for (unsigned width = 1; width <= std::min<size_t>(32, sizeof(T) * 8); ++width) {
    const std::vector<std::byte> packed(kGroups * BitpackGroupBytes(width), std::byte{0x5a});
    Report("bit-unpack", TypeName<T>() + " width " + std::to_string(width), values.span(), [&] {
      for (size_t g = 0; g < kGroups; ++g) {
        UnpackGroup(packed.data() + g * BitpackGroupBytes(width), width,
                    values.as<T>() + g * kBitpackGroupValues);
      }
    });
  }
}

template <typename T>
void Runs() {
  for (const size_t mean : {8, 16, 64}) {
    std::mt19937 random(1);
    std::vector<T> values;
    while (values.size() < kBytes / sizeof(T)) {
      values.insert(values.end(), 1 + random() % (2 * mean - 1), static_cast<T>(random()));
    }
    values.resize(kBytes / sizeof(T));
    io::MutableBuffer run_values;
    io::MutableBuffer run_lengths;
    AppendRuns<T>(values, run_values, run_lengths);
    io::MutableBuffer to(kBytes);
    Report("run-length", TypeName<T>() + " mean run " + std::to_string(mean), to.span(), [&] {
      OG_CHECK(ExpandRuns<T>(run_values.span(), run_lengths.span(), 8,
                             std::span(to.as<T>(), values.size()))
                   .ok());
    });
  }
}

void Streams() {
  const std::vector<std::byte> encoded(kBytes, std::byte{3});
  io::MutableBuffer to(kBytes);
  for (const size_t width : {size_t{4}, size_t{8}}) {
    Report("byte-stream split", std::to_string(width) + " bytes", to.span(),
           [&] { JoinByteStreams(encoded, width, to.span()); });
  }
}

// The sink takes its memory from the pool, which hands out the same block each time.
template <typename T>
void Gather(const TypePtr& type) {
  FixedBuilder<T> entries(type);
  for (size_t i = 0; i < 1000; ++i) {
    entries.Append(static_cast<T>(i * 7919));
  }
  const ArrayPtr dictionary = entries.Finish();
  std::mt19937 random(2);
  std::vector<uint32_t> indices(kBytes / sizeof(T));
  std::ranges::generate(indices, [&] { return static_cast<uint32_t>(random() % 1000); });
  const auto shape = ShapeOf(type);
  OG_CHECK(shape.ok());
  io::MutableBuffer to(kBytes);
  Report("dictionary gather", std::to_string(sizeof(T)) + " bytes", to.span(), [&] {
    ValueSink sink(*shape);
    OG_CHECK(sink.AppendFromDictionary(*dictionary, indices).ok());
    OG_CHECK(sink.length() == indices.size());
  });
}

std::string Words(size_t seed, size_t bytes) {
  constexpr const char* kWords[] = {"storage ", "engine ", "column ", "graph ",  "of the ",
                                    "reads ",   "writes ", "page ",   "vector ", "and "};
  std::mt19937 random(static_cast<uint32_t>(seed));
  std::string text;
  while (text.size() < bytes) {
    text += kWords[random() % 10];
    if (random() % 8 == 0) {
      text += std::to_string(random() % 1000) + ", ";
    }
  }
  text.resize(bytes);
  return text;
}

void Fsst(size_t string_bytes) {
  const std::string text = Words(5, kBytes);
  std::vector<uint64_t> offsets;
  for (size_t at = 0; at <= kBytes; at += string_bytes) {
    offsets.push_back(at);
  }
  const auto bytes = std::as_bytes(std::span(text));
  const auto encoder = FsstEncoder::Train(bytes, offsets);
  std::vector<std::byte> codes(FsstEncodedBytesMax(kBytes));
  std::vector<uint32_t> code_offsets = {0};
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    std::byte* const end = encoder->Encode(bytes.subspan(offsets[i], string_bytes),
                                           codes.data() + code_offsets.back());
    code_offsets.push_back(static_cast<uint32_t>(end - codes.data()));
  }
  const std::string table = encoder->Table();
  const auto decoder = FsstDecoder::Parse(std::as_bytes(std::span(table)));
  OG_CHECK(decoder.ok());
  std::vector<uint32_t> ends(code_offsets.size() - 1);
  io::MutableBuffer to(kBytes + kFsstSlackBytes);
  to.Resize(kBytes);
  Report("fsst", "strings of " + std::to_string(string_bytes) + " bytes", to.span(), [&] {
    const std::byte* const end = decoder->DecodeStrings<uint32_t>(
        codes, std::as_bytes(std::span(code_offsets)), 0, to.data(), ends.data());
    OG_CHECK(end == to.data() + kBytes);
  });
}

}  // namespace
}  // namespace og::format

int main() {
  using namespace og::format;
  Unpack<uint8_t>();
  Unpack<uint16_t>();
  Unpack<uint32_t>();
  Unpack<uint64_t>();
  Streams();
  Gather<int32_t>(Int32());
  Gather<int64_t>(Int64());
  Runs<uint8_t>();
  Runs<uint16_t>();
  Runs<uint32_t>();
  Runs<uint64_t>();
  Fsst(32);
  Fsst(1024);
  return 0;
}
