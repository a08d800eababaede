#include "format/table/key_filter.h"

#include <algorithm>
#include <array>

#include <xxhash.h>

#include "io/base/check.h"
#include "io/base/endian.h"

namespace og::format {
namespace {

constexpr size_t kBlockBytes = 32;
constexpr size_t kNumBlocks = 1024;
constexpr uint64_t kExpectedItems = 8192;
constexpr double kFalsePositiveRate = 0.00057;
constexpr std::array<uint32_t, 8> kSalts = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                            0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

// The eight bits of a key: byte position of its block, and a mask for each word.
struct KeyBits {
  size_t block_at = 0;
  std::array<uint32_t, 8> masks{};
};

KeyBits BitsOf(std::string_view key, size_t num_blocks) {
  const uint64_t hash = XXH64(key.data(), key.size(), 0);
  KeyBits bits;
  bits.block_at = static_cast<size_t>(((hash >> 32) * num_blocks) >> 32) * kBlockBytes;
  for (size_t i = 0; i < kSalts.size(); ++i) {
    bits.masks[i] = uint32_t{1} << ((static_cast<uint32_t>(hash) * kSalts[i]) >> 27);
  }
  return bits;
}

template <typename T, typename Wide>
void AddIntegers(const Array& column, KeyExistenceFilter& filter) {
  for (int64_t i = 0; i < column.length; ++i) {
    if (column.IsValid(i)) {
      const auto wide = static_cast<Wide>(column.Value<T>(i));
      AddKey({reinterpret_cast<const char*>(&wide), sizeof(wide)}, filter);
    }
  }
}

}  // namespace

KeyExistenceFilter MakeKeyFilter(std::vector<int32_t> field_ids) {
  KeyExistenceFilter filter;
  filter.field_ids = std::move(field_ids);
  filter.bloom.assign(kNumBlocks * kBlockBytes, '\0');
  filter.num_bits = static_cast<uint32_t>(filter.bloom.size() * 8);
  filter.number_of_items = kExpectedItems;
  filter.probability = kFalsePositiveRate;
  return filter;
}

void AddKey(std::string_view key_bytes, KeyExistenceFilter& filter) {
  OG_CHECK(!filter.bloom.empty() && filter.bloom.size() % kBlockBytes == 0);
  const KeyBits bits = BitsOf(key_bytes, filter.bloom.size() / kBlockBytes);
  auto* block = reinterpret_cast<std::byte*>(filter.bloom.data()) + bits.block_at;
  for (size_t i = 0; i < bits.masks.size(); ++i) {
    io::StoreLe<uint32_t>(block + i * 4, io::LoadLe<uint32_t>(block + i * 4) | bits.masks[i]);
  }
}

void AddKeys(const Array& column, KeyExistenceFilter& filter) {
  switch (column.type->id) {
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
    case TypeId::kBinary:
    case TypeId::kLargeBinary:
      for (int64_t i = 0; i < column.length; ++i) {
        if (column.IsValid(i)) {
          AddKey(column.StringValue(i), filter);
        }
      }
      break;
    case TypeId::kInt32:
      AddIntegers<int32_t, int64_t>(column, filter);
      break;
    case TypeId::kInt64:
      AddIntegers<int64_t, int64_t>(column, filter);
      break;
    case TypeId::kUint32:
      AddIntegers<uint32_t, uint64_t>(column, filter);
      break;
    case TypeId::kUint64:
      AddIntegers<uint64_t, uint64_t>(column, filter);
      break;
    default:
      break;
  }
}

bool MayIntersect(const KeyExistenceFilter& a, const KeyExistenceFilter& b) {
  if (a.exact_hashes && b.exact_hashes) {
    return std::ranges::any_of(*a.exact_hashes, [&](uint64_t hash) {
      return std::ranges::find(*b.exact_hashes, hash) != b.exact_hashes->end();
    });
  }
  if (a.exact_hashes || b.exact_hashes || a.bloom.size() != b.bloom.size() ||
      a.num_bits != b.num_bits) {
    return true;
  }
  for (size_t i = 0; i < a.bloom.size(); ++i) {
    if ((static_cast<uint8_t>(a.bloom[i]) & static_cast<uint8_t>(b.bloom[i])) != 0) {
      return true;
    }
  }
  return false;
}

bool MayContain(const KeyExistenceFilter& filter, std::string_view key_bytes) {
  if (filter.exact_hashes || filter.bloom.empty() || filter.bloom.size() % kBlockBytes != 0) {
    return true;
  }
  const KeyBits bits = BitsOf(key_bytes, filter.bloom.size() / kBlockBytes);
  const auto* block = reinterpret_cast<const std::byte*>(filter.bloom.data()) + bits.block_at;
  for (size_t i = 0; i < bits.masks.size(); ++i) {
    if ((io::LoadLe<uint32_t>(block + i * 4) & bits.masks[i]) == 0) {
      return false;
    }
  }
  return true;
}

}  // namespace og::format
