// Run-length coding of u32 values in runs of a given mean length. Bytes are those of the values.

#include <random>
#include <vector>

#include "benchmark/benchmark.h"

#include "format/codec/rle.h"

namespace og::format {
namespace {

std::vector<uint32_t> Runs(size_t mean_length) {
  std::mt19937 random(1);
  std::vector<uint32_t> values;
  while (values.size() < 65536) {
    values.insert(values.end(), 1 + random() % (2 * mean_length - 1),
                  static_cast<uint32_t>(random() % 1000));
  }
  return values;
}

void Encode(benchmark::State& state) {
  const std::vector<uint32_t> values = Runs(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    io::MutableBuffer run_values;
    io::MutableBuffer run_lengths;
    AppendRuns<uint32_t>(values, run_values, run_lengths);
    benchmark::DoNotOptimize(run_values.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(values.size() * 4));
}
BENCHMARK(Encode)->Arg(1)->Arg(4)->Arg(16)->Arg(100);

void Decode(benchmark::State& state) {
  const std::vector<uint32_t> values = Runs(static_cast<size_t>(state.range(0)));
  io::MutableBuffer run_values;
  io::MutableBuffer run_lengths;
  AppendRuns<uint32_t>(values, run_values, run_lengths);
  std::vector<uint32_t> decoded(values.size());
  for (auto _ : state) {
    const auto status = ExpandRuns<uint32_t>(run_values.span(), run_lengths.span(), 8, decoded);
    benchmark::DoNotOptimize(status.ok());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(values.size() * 4));
}
BENCHMARK(Decode)->Arg(1)->Arg(4)->Arg(16)->Arg(100);

}  // namespace
}  // namespace og::format

BENCHMARK_MAIN();
