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

uint64_t RotateLeft(uint64_t x, int bits) {
  return x << bits | x >> (64 - bits);
}

// SipHash-1-3 under the key zero.
class SipHash {
 public:
  uint64_t Of(std::string_view bytes) {
    size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8)
      Compress(io::LoadLe<uint64_t>(reinterpret_cast<const std::byte*>(bytes.data()) + at));
    uint64_t last = static_cast<uint64_t>(bytes.size()) << 56;
    for (size_t i = at; i < bytes.size(); ++i)
      last |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * (i - at));
    Compress(last);
    v2_ ^= 0xff;
    for (int i = 0; i < 3; ++i)
      Round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void Compress(uint64_t word) {
    v3_ ^= word;
    Round();
    v0_ ^= word;
  }
  void Round() {
    v0_ += v1_;
    v1_ = RotateLeft(v1_, 13) ^ v0_;
    v0_ = RotateLeft(v0_, 32);
    v2_ += v3_;
    v3_ = RotateLeft(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = RotateLeft(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = RotateLeft(v1_, 17) ^ v2_;
    v2_ = RotateLeft(v2_, 32);
  }

  uint64_t v0_ = 0x736f6d6570736575;
  uint64_t v1_ = 0x646f72616e646f6d;
  uint64_t v2_ = 0x6c7967656e657261;
  uint64_t v3_ = 0x7465646279746573;
};

uint64_t HashOf(std::string_view key) {
  std::string message(8, '\0');
  io::StoreLe<uint64_t>(reinterpret_cast<std::byte*>(message.data()), key.size());
  message += key;
  return SipHash().Of(message);
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

KeyExistenceFilter ExactKeyFilter(const KeyExistenceFilter& filter, const Array& candidates) {
  std::vector<uint64_t> hashes;
  for (int64_t i = 0; i < candidates.length; ++i) {
    const std::string_view key = candidates.StringValue(i);
    if (MayContain(filter, key)) hashes.push_back(HashOf(key));
  }
  std::ranges::sort(hashes);
  const auto twice = std::ranges::unique(hashes);
  hashes.erase(twice.begin(), twice.end());
  KeyExistenceFilter exact;
  exact.field_ids = filter.field_ids;
  exact.exact_hashes = std::move(hashes);
  return exact;
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
