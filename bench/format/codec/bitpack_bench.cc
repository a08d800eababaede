// Bit-unpacking and packing of 256 KiB of values, against memcpy of the same output. Bytes are
// those of the unpacked values. Every variant that the machine can run.

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"

#include "format/codec/bitpack.h"

namespace og::format {
namespace {

constexpr size_t kOutputBytes = size_t{256} << 10;  // stays in the second-level cache

void Copy(benchmark::State& state) {
  const std::vector<std::byte> from(kOutputBytes, std::byte{7});
  std::vector<std::byte> to(kOutputBytes);
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), kOutputBytes);
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kOutputBytes));
}
BENCHMARK(Copy);

void Unpack(benchmark::State& state, const BitpackVariant& variant, size_t log2_bytes,
            unsigned width) {
  const size_t group_bytes = kBitpackGroupValues << log2_bytes;
  const size_t groups = kOutputBytes / group_bytes;
  const std::vector<std::byte> packed(groups * BitpackGroupBytes(width), std::byte{0x5a});
  std::vector<std::byte> values(kOutputBytes);
  for (auto _ : state) {
    for (size_t g = 0; g < groups; ++g) {
      variant.unpack[log2_bytes](packed.data() + g * BitpackGroupBytes(width), width,
                                 values.data() + g * group_bytes);
    }
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kOutputBytes));
}

void Pack(benchmark::State& state, const BitpackVariant& variant, size_t log2_bytes,
          unsigned width) {
  const size_t group_bytes = kBitpackGroupValues << log2_bytes;
  const size_t groups = kOutputBytes / group_bytes;
  const std::vector<std::byte> values(kOutputBytes, std::byte{0});
  std::vector<std::byte> packed(groups * BitpackGroupBytes(width));
  for (auto _ : state) {
    for (size_t g = 0; g < groups; ++g) {
      variant.pack[log2_bytes](values.data() + g * group_bytes, width,
                               packed.data() + g * BitpackGroupBytes(width));
    }
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kOutputBytes));
}

void RegisterAll() {
  for (const BitpackVariant& variant : BitpackVariants()) {
    for (const size_t log2_bytes : {size_t{2}, size_t{3}}) {
      for (const unsigned width : {1u, 4u, 7u, 8u, 11u, 16u, 20u, 24u, 32u}) {
        const std::string name = std::string(variant.name) + "/u" +
                                 std::to_string(8u << log2_bytes) + "/" + std::to_string(width);
        benchmark::RegisterBenchmark(("Unpack/" + name).c_str(), Unpack, variant, log2_bytes,
                                     width);
        benchmark::RegisterBenchmark(("Pack/" + name).c_str(), Pack, variant, log2_bytes, width);
      }
    }
  }
}

}  // namespace
}  // namespace og::format

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  og::format::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
