#include "format/table/roaring.h"

#include <bit>

#include "io/base/bits.h"
#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr uint32_t kCookieNoRuns = 12346;
constexpr uint32_t kCookieRuns = 12347;
constexpr size_t kArrayMax = 4096;
constexpr size_t kBitsetBytes = 8192;
constexpr size_t kOffsetsFromContainers = 4;

// The bytes that are left, taken from the front with bounds checks.
class Input {
 public:
  explicit Input(std::string_view bytes) : left_(io::AsBytes(bytes)) {}

  absl::StatusOr<std::span<const std::byte>> Take(size_t count) {
    if (count > left_.size()) {
      return io::DataLossError(
          io::StrCat("roaring bitmap: ", left_.size(), " bytes left, need ", count));
    }
    const auto taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  size_t size() const { return left_.size(); }

 private:
  std::span<const std::byte> left_;
};

struct Container {
  uint32_t high = 0;
  uint32_t cardinality = 0;
  bool runs = false;
};

absl::Status AppendArray(const Container& container, Input& in, std::vector<uint32_t>& values) {
  OG_ASSIGN_OR_RETURN(const auto bytes, in.Take(size_t{container.cardinality} * 2));
  for (size_t i = 0; i < container.cardinality; ++i) {
    const uint32_t value = container.high | io::LoadLe<uint16_t>(bytes, i * 2);
    if (i > 0 && value <= values.back()) {
      return io::DataLossError("roaring bitmap: values are not ascending");
    }
    values.push_back(value);
  }
  return absl::OkStatus();
}

absl::Status AppendBitset(const Container& container, Input& in, std::vector<uint32_t>& values) {
  OG_ASSIGN_OR_RETURN(const auto bytes, in.Take(kBitsetBytes));
  if (io::CountSetBits(bytes.data(), 0, kBitsetBytes * 8) != container.cardinality) {
    return io::DataLossError("roaring bitmap: a bitset does not have its cardinality");
  }
  for (size_t word = 0; word < kBitsetBytes / 8; ++word) {
    for (auto bits = io::LoadLe<uint64_t>(bytes, word * 8); bits != 0; bits &= bits - 1) {
      values.push_back(
          container.high |
          static_cast<uint32_t>(word * 64 + static_cast<size_t>(std::countr_zero(bits))));
    }
  }
  return absl::OkStatus();
}

absl::Status AppendRuns(const Container& container, Input& in, std::vector<uint32_t>& values) {
  OG_ASSIGN_OR_RETURN(const auto count_bytes, in.Take(2));
  const auto num_runs = io::LoadLe<uint16_t>(count_bytes);
  OG_ASSIGN_OR_RETURN(const auto runs, in.Take(size_t{num_runs} * 4));
  uint32_t next = 0;  // the smallest value that may follow
  uint32_t total = 0;
  for (size_t i = 0; i < num_runs; ++i) {
    const uint32_t start = io::LoadLe<uint16_t>(runs, i * 4);
    const uint32_t length = uint32_t{io::LoadLe<uint16_t>(runs, i * 4 + 2)} + 1;
    if (start < next || start + length > 65536 || length > container.cardinality - total) {
      return io::DataLossError("roaring bitmap: a run overlaps or is too long");
    }
    for (uint32_t low = start; low < start + length; ++low) {
      values.push_back(container.high | low);
    }
    total += length;
    next = start + length;
  }
  if (total != container.cardinality) {
    return io::DataLossError("roaring bitmap: runs do not have their cardinality");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> DecodeRoaringPrefix(std::string_view& bytes,
                                                          uint64_t size_max) {
  Input in(bytes);
  OG_ASSIGN_OR_RETURN(const auto cookie_bytes, in.Take(4));
  const auto cookie = io::LoadLe<uint32_t>(cookie_bytes);
  size_t num_containers = 0;
  std::span<const std::byte> run_flags;
  if (cookie == kCookieNoRuns) {
    OG_ASSIGN_OR_RETURN(const auto count, in.Take(4));
    num_containers = io::LoadLe<uint32_t>(count);
  } else if ((cookie & 0xffff) == kCookieRuns) {
    num_containers = (cookie >> 16) + 1;
    OG_ASSIGN_OR_RETURN(run_flags, in.Take(io::BytesForBits(num_containers)));
  } else {
    return io::DataLossError(io::StrCat("roaring bitmap: cookie ", cookie));
  }
  if (num_containers > 65536) {
    return io::DataLossError(io::StrCat("roaring bitmap: ", num_containers, " containers"));
  }
  OG_ASSIGN_OR_RETURN(const auto headers, in.Take(num_containers * 4));
  if (run_flags.empty() || num_containers >= kOffsetsFromContainers) {
    // The containers follow each other in order; their offsets say nothing new.
    OG_RETURN_IF_ERROR(in.Take(num_containers * 4).status());
  }
  std::vector<Container> containers(num_containers);
  uint64_t total = 0;
  for (size_t i = 0; i < num_containers; ++i) {
    containers[i] = {.high = uint32_t{io::LoadLe<uint16_t>(headers, i * 4)} << 16,
                     .cardinality = uint32_t{io::LoadLe<uint16_t>(headers, i * 4 + 2)} + 1,
                     .runs = !run_flags.empty() && io::GetBit(run_flags.data(), i)};
    if (i > 0 && containers[i].high <= containers[i - 1].high) {
      return io::DataLossError("roaring bitmap: container keys are not ascending");
    }
    total += containers[i].cardinality;
  }
  if (total > size_max) {
    return io::DataLossError(
        io::StrCat("roaring bitmap: ", total, " values, at most ", size_max, " are possible"));
  }
  std::vector<uint32_t> values;
  values.reserve(total);
  for (const Container& container : containers) {
    if (container.runs) {
      OG_RETURN_IF_ERROR(AppendRuns(container, in, values));
    } else if (container.cardinality <= kArrayMax) {
      OG_RETURN_IF_ERROR(AppendArray(container, in, values));
    } else {
      OG_RETURN_IF_ERROR(AppendBitset(container, in, values));
    }
  }
  bytes.remove_prefix(bytes.size() - in.size());
  return values;
}

absl::StatusOr<std::vector<uint32_t>> DecodeRoaring(std::string_view bytes, uint64_t size_max) {
  OG_ASSIGN_OR_RETURN(std::vector<uint32_t> values, DecodeRoaringPrefix(bytes, size_max));
  if (!bytes.empty()) {
    return io::DataLossError("roaring bitmap: bytes after the last container");
  }
  return values;
}

std::string EncodeRoaring(std::span<const uint32_t> values) {
  // Containers as [first, last) of `values`.
  std::vector<std::pair<size_t, size_t>> containers;
  for (size_t i = 0; i < values.size(); ++i) {
    OG_DCHECK(i == 0 || values[i - 1] < values[i]);
    if (containers.empty() || values[containers.back().first] >> 16 != values[i] >> 16) {
      containers.emplace_back(i, i);
    }
    containers.back().second = i + 1;
  }
  const auto content_bytes = [](size_t cardinality) {
    return cardinality <= kArrayMax ? cardinality * 2 : kBitsetBytes;
  };
  size_t size = 8 + containers.size() * 8;
  for (const auto& [first, last] : containers) {
    size += content_bytes(last - first);
  }
  std::string out(size, '\0');
  const std::span<std::byte> bytes(reinterpret_cast<std::byte*>(out.data()), out.size());
  io::StoreLe<uint32_t>(bytes, 0, kCookieNoRuns);
  io::StoreLe<uint32_t>(bytes, 4, static_cast<uint32_t>(containers.size()));
  size_t at = 8 + containers.size() * 8;
  for (size_t i = 0; i < containers.size(); ++i) {
    const auto& [first, last] = containers[i];
    io::StoreLe<uint16_t>(bytes, 8 + i * 4, static_cast<uint16_t>(values[first] >> 16));
    io::StoreLe<uint16_t>(bytes, 8 + i * 4 + 2, static_cast<uint16_t>(last - first - 1));
    io::StoreLe<uint32_t>(bytes, 8 + containers.size() * 4 + i * 4, static_cast<uint32_t>(at));
    for (size_t k = first; k < last; ++k) {
      const auto low = static_cast<uint16_t>(values[k]);
      if (last - first <= kArrayMax) {
        io::StoreLe<uint16_t>(bytes, at + (k - first) * 2, low);
      } else {
        io::SetBit(bytes.data() + at, low);
      }
    }
    at += content_bytes(last - first);
  }
  return out;
}

}  // namespace og::format
