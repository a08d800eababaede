// Every variant of FSST decoding against the definition, code by code.

#include "format/codec/fsst_variants.h"

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "io/base/text.h"

namespace og::format {
namespace {

constexpr size_t kNumSymbols = 240;

FsstTable RandomTable() {
  std::mt19937_64 random(2);
  FsstTable table;
  for (size_t code = 0; code < kNumSymbols; ++code) {
    table.lengths[code] = static_cast<uint8_t>(1 + random() % 8);
    table.symbols[code] = random() & (~uint64_t{0} >> (64 - 8 * table.lengths[code]));
  }
  return table;
}

struct Decoded {
  std::string text;
  std::vector<uint64_t> starts;  // of each code; of all, the end
  bool is_escaped = false;
  bool is_bad = false;
};

Decoded DecodeByDefinition(const FsstTable& table, std::string_view codes, bool is_escaped) {
  Decoded out;
  out.is_escaped = is_escaped;
  for (const char c : codes) {
    const auto code = static_cast<uint8_t>(c);
    out.starts.push_back(out.text.size());
    if (out.is_escaped) {
      out.text += c;
      out.is_escaped = false;
    } else if (code == 255) {
      out.is_escaped = true;
    } else {
      out.is_bad |= table.lengths[code] == 0;
      out.text.append(reinterpret_cast<const char*>(&table.symbols[code]), table.lengths[code]);
    }
  }
  out.starts.push_back(out.text.size());
  return out;
}

std::string RandomCodes(std::mt19937& random, size_t count, unsigned escapes_in_100, bool is_bad) {
  std::string codes;
  while (codes.size() < count) {
    const bool is_escape = random() % 100 < escapes_in_100;
    codes += is_escape ? '\xff' : static_cast<char>(random() % kNumSymbols);
    if (is_escape) {
      codes += static_cast<char>(random());
    }
  }
  codes.resize(count);
  if (is_bad && count > 0) {
    codes[random() % count] = static_cast<char>(kNumSymbols + random() % 15);
  }
  return codes;
}

TEST(FsstVariantsTest, EveryVariantFollowsTheDefinition) {
  const FsstTable table = RandomTable();
  std::mt19937 random(7);
  ASSERT_FALSE(FsstVariants().empty());
  for (int round = 0; round < 400; ++round) {
    const size_t count = round < 40 ? static_cast<size_t>(round) : random() % (kFsstBlockCodes + 1);
    const unsigned escapes_in_100 = round % 4 == 0 ? 0 : round % 4 == 1 ? 2 : round % 4 * 20u;
    const std::string codes = RandomCodes(random, count, escapes_in_100, round % 7 == 0);
    const bool is_escaped_before = round % 5 == 0;
    const Decoded want = DecodeByDefinition(table, codes, is_escaped_before);
    for (const FsstVariant& variant : FsstVariants()) {
      std::vector<std::byte> out(count * 8 + 9, std::byte{0x5a});
      FsstBlock block;
      bool is_escaped = is_escaped_before;
      const std::byte* const end =
          variant.decode(table, io::AsBytes(codes), is_escaped, out.data(), block);
      ASSERT_EQ(end == nullptr, want.is_bad) << variant.name << ", round " << round;
      EXPECT_EQ(out.back(), std::byte{0x5a}) << variant.name;
      if (want.is_bad) {
        continue;
      }
      ASSERT_EQ(std::string(reinterpret_cast<const char*>(out.data()),
                            static_cast<size_t>(end - out.data())),
                want.text)
          << variant.name << ", round " << round;
      ASSERT_EQ(is_escaped, want.is_escaped) << variant.name << ", round " << round;
      for (size_t i = 0; i <= count; ++i) {
        ASSERT_EQ(block.StartOf(i), want.starts[i]) << variant.name << ", round " << round;
      }
    }
  }
}

}  // namespace
}  // namespace og::format
