// FSST training and encoding of URL-like strings. Bytes are those of the text; `ratio` is text
// bytes over code bytes.

#include <string>
#include <vector>

#include "benchmark/benchmark.h"

#include "format/codec/fsst_encoder.h"

namespace og::format {
namespace {

struct Text {
  std::string bytes;
  std::vector<uint64_t> offsets = {0};
};

Text Urls() {
  Text text;
  for (size_t i = 0; i < 20000; ++i) {
    text.bytes += "https://example.org/packages/" + std::to_string(i * 7919 % 100003) + "/index";
    text.offsets.push_back(text.bytes.size());
  }
  return text;
}

void Train(benchmark::State& state) {
  const Text text = Urls();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        FsstEncoder::Train(std::as_bytes(std::span(text.bytes)), text.offsets));
  }
}
BENCHMARK(Train);

void Encode(benchmark::State& state) {
  const Text text = Urls();
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text.bytes));
  const auto encoder = FsstEncoder::Train(bytes, text.offsets);
  std::vector<std::byte> codes(FsstEncodedBytesMax(text.bytes.size()));
  size_t code_bytes = 0;
  for (auto _ : state) {
    std::byte* end = codes.data();
    for (size_t i = 0; i + 1 < text.offsets.size(); ++i) {
      end = encoder->Encode(bytes.subspan(text.offsets[i], text.offsets[i + 1] - text.offsets[i]),
                            end);
    }
    code_bytes = static_cast<size_t>(end - codes.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.bytes.size()));
  state.counters["ratio"] =
      static_cast<double>(text.bytes.size()) / static_cast<double>(code_bytes);
}
BENCHMARK(Encode);

}  // namespace
}  // namespace og::format

BENCHMARK_MAIN();
