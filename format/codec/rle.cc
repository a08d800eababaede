#include "format/codec/rle.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#define OG_RLE_VECTOR_BYTES 16
#include "format/codec/rle_kernel.h"
#include "format/codec/rle_variants.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

// Index after the run that starts at `start`.
template <typename T>
size_t RunEnd(std::span<const T> values, size_t start) {
  const T value = values[start];
  size_t end = start + 1;
  while (end < values.size() && values[end] == value) {
    ++end;
  }
  return end;
}

std::byte* Extend(io::MutableBuffer& out, size_t bytes) {
  const size_t start = out.size();
  out.Resize(start + bytes);
  return out.data() + start;
}

// Writes the runs to `run_values` and `run_lengths`, which have room for CountRuns(values).
template <typename T>
void WriteRuns(std::span<const T> values, std::byte* run_values, std::byte* run_lengths) {
  for (size_t start = 0; start < values.size();) {
    const size_t end = RunEnd(values, start);
    for (size_t left = end - start; left > 0;) {
      const size_t length = std::min(left, kRleRunMax);
      io::StoreLe(run_values, values[start]);
      io::StoreLe(run_lengths, static_cast<uint8_t>(length));
      run_values += sizeof(T);
      run_lengths += 1;
      left -= length;
    }
    start = end;
  }
}

std::vector<RleVariant> FindVariants() {
  std::vector<RleVariant> variants = {MakeRleVariant("portable")};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) {
    variants.push_back(kRleAvx2);
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    variants.push_back(kRleAvx512);
  }
#endif
  return variants;
}

const std::vector<RleVariant>& Variants() {
  static const auto* const kVariants = new std::vector<RleVariant>(FindVariants());
  return *kVariants;
}

const RleVariant& Active() {
  static const RleVariant kActive = Variants().back();
  return kActive;
}

template <typename T, typename Length>
absl::Status ExpandAll(std::span<const std::byte> run_values,
                       std::span<const std::byte> run_lengths, std::span<T> values) {
  const size_t num_runs = run_values.size() / sizeof(T);
  if (run_values.size() % sizeof(T) != 0 || run_lengths.size() % sizeof(Length) != 0 ||
      run_lengths.size() / sizeof(Length) != num_runs) {
    return io::DataLossError(io::StrCat("run lengths: ", run_values.size(), " bytes of ",
                                        sizeof(T) * 8, "-bit values and ", run_lengths.size(),
                                        " bytes of ", sizeof(Length) * 8, "-bit lengths"));
  }
  RunsExpanded done;
  if constexpr (sizeof(Length) == 1) {
    constexpr size_t kLog2Bytes = std::countr_zero(sizeof(T));
    done = Active().expand[kLog2Bytes](run_values.data(),
                                       reinterpret_cast<const uint8_t*>(run_lengths.data()),
                                       num_runs, values.data(), values.size());
  }
  T* at = values.data() + done.values;
  size_t left = values.size() - done.values;
  for (size_t run = done.runs; run < num_runs; ++run) {
    const T value = io::LoadLe<T>(run_values.data() + run * sizeof(T));
    const size_t length = io::LoadLe<Length>(run_lengths.data() + run * sizeof(Length));
    if (length > left) {
      return io::DataLossError(
          io::StrCat("run lengths: more than ", values.size(), " values at run ", run));
    }
    std::fill_n(at, length, value);
    at += length;
    left -= length;
  }
  if (left != 0) {
    return io::DataLossError(
        io::StrCat("run lengths: ", values.size() - left, " values, want ", values.size()));
  }
  return absl::OkStatus();
}

}  // namespace

std::span<const RleVariant> RleVariants() {
  return Variants();
}

template <typename T>
size_t CountRuns(std::span<const T> values) {
  size_t runs = 0;
  for (size_t start = 0; start < values.size();) {
    const size_t end = RunEnd(values, start);
    runs += (end - start + kRleRunMax - 1) / kRleRunMax;
    start = end;
  }
  return runs;
}

template <typename T>
size_t ValuesInRuns(std::span<const T> values, size_t runs_max) {
  size_t start = 0;
  while (start < values.size()) {
    const size_t end = RunEnd(values, start);
    const size_t runs = (end - start + kRleRunMax - 1) / kRleRunMax;
    if (runs > runs_max) {
      return start + runs_max * kRleRunMax;
    }
    runs_max -= runs;
    start = end;
  }
  return start;
}

template <typename T>
void AppendRuns(std::span<const T> values, io::MutableBuffer& run_values,
                io::MutableBuffer& run_lengths) {
  const size_t runs = CountRuns(values);
  std::byte* const values_at = Extend(run_values, runs * sizeof(T));
  WriteRuns(values, values_at, Extend(run_lengths, runs));
}

template <typename T>
absl::Status ExpandRuns(std::span<const std::byte> run_values,
                        std::span<const std::byte> run_lengths, unsigned length_bits,
                        std::span<T> values) {
  switch (length_bits) {
    case 8:
      return ExpandAll<T, uint8_t>(run_values, run_lengths, values);
    case 16:
      return ExpandAll<T, uint16_t>(run_values, run_lengths, values);
    case 32:
      return ExpandAll<T, uint32_t>(run_values, run_lengths, values);
    default:
      return io::DataLossError(io::StrCat("run lengths of ", length_bits, " bits"));
  }
}

template <typename T>
void AppendRleBlock(std::span<const T> values, io::MutableBuffer& out) {
  const size_t runs = CountRuns(values);
  std::byte* const at = Extend(out, kRleBlockHeaderBytes + runs * (sizeof(T) + 1));
  io::StoreLe(at, uint64_t{runs * sizeof(T)});
  std::byte* const values_at = at + kRleBlockHeaderBytes;
  WriteRuns(values, values_at, values_at + runs * sizeof(T));
}

absl::StatusOr<RleBlock> SplitRleBlock(std::span<const std::byte> block) {
  if (block.size() < kRleBlockHeaderBytes) {
    return io::DataLossError(io::StrCat("run-length block: ", block.size(), " bytes, need 8"));
  }
  const auto values_bytes = io::LoadLe<uint64_t>(block);
  const std::span<const std::byte> rest = block.subspan(kRleBlockHeaderBytes);
  if (values_bytes > rest.size()) {
    return io::DataLossError(io::StrCat("run-length block: ", values_bytes,
                                        " bytes of values in a block of ", block.size()));
  }
  const auto size = static_cast<size_t>(values_bytes);
  return RleBlock{rest.first(size), rest.subspan(size)};
}

#define OG_INSTANTIATE_RLE(T)                                                                 \
  template size_t CountRuns<T>(std::span<const T>);                                           \
  template size_t ValuesInRuns<T>(std::span<const T>, size_t);                                \
  template void AppendRuns<T>(std::span<const T>, io::MutableBuffer&, io::MutableBuffer&);    \
  template absl::Status ExpandRuns<T>(std::span<const std::byte>, std::span<const std::byte>, \
                                      unsigned, std::span<T>);                                \
  template void AppendRleBlock<T>(std::span<const T>, io::MutableBuffer&)

OG_INSTANTIATE_RLE(uint8_t);
OG_INSTANTIATE_RLE(uint16_t);
OG_INSTANTIATE_RLE(uint32_t);
OG_INSTANTIATE_RLE(uint64_t);
#undef OG_INSTANTIATE_RLE

}  // namespace og::format
