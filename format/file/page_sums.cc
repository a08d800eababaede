#include "format/file/page_sums.h"

#include <array>

#include <xxhash.h>

#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr size_t kWord = sizeof(uint64_t);
constexpr size_t kHeaderWords = 3;

void AppendWord(uint64_t word, std::string& out) {
  std::array<std::byte, kWord> raw;
  io::StoreLe(raw, 0, word);
  out.append(reinterpret_cast<const char*>(raw.data()), raw.size());
}

}  // namespace

PageSummer::PageSummer() : state_(XXH3_createState()) {
  OG_CHECK(state_ != nullptr);
  XXH3_64bits_reset(state_);
}

PageSummer::~PageSummer() {
  XXH3_freeState(state_);
}

void PageSummer::BeginBuffer(uint64_t bytes) {
  std::array<std::byte, kWord> raw;
  io::StoreLe(raw, 0, bytes);
  Add(raw);
}

void PageSummer::Add(std::span<const std::byte> bytes) {
  if (!bytes.empty()) {
    XXH3_64bits_update(state_, bytes.data(), bytes.size());
  }
}

uint64_t PageSummer::Finish(uint64_t num_rows, std::string_view encoding) {
  BeginBuffer(num_rows);
  Add(io::AsBytes(encoding));
  const uint64_t sum = XXH3_64bits_digest(state_);
  XXH3_64bits_reset(state_);
  return sum;
}

uint64_t SumOf(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string EncodePageSums(const PageSums& sums) {
  std::string out(kPageSumsMagic);
  AppendWord(sums.columns.size(), out);
  AppendWord(sums.descriptor, out);
  for (const std::vector<uint64_t>& pages : sums.columns) {
    AppendWord(pages.size(), out);
  }
  for (const std::vector<uint64_t>& pages : sums.columns) {
    for (const uint64_t sum : pages) {
      AppendWord(sum, out);
    }
  }
  AppendWord(SumOf(io::AsBytes(out)), out);
  return out;
}

absl::StatusOr<PageSums> DecodePageSums(std::span<const std::byte> bytes) {
  const size_t words = bytes.size() / kWord;
  if (bytes.size() % kWord != 0 || words < kHeaderWords + 1) {
    return io::DataLossError(io::StrCat("page checksums of ", bytes.size(), " bytes"));
  }
  const auto word = [&](size_t i) { return io::LoadLe<uint64_t>(bytes, i * kWord); };
  const std::span<const std::byte> summed = bytes.first(bytes.size() - kWord);
  if (word(words - 1) != SumOf(summed)) {
    return io::DataLossError("page checksums: their own checksum does not match");
  }
  const uint64_t num_columns = word(1);
  uint64_t left = words - kHeaderWords - 1;
  if (num_columns > left) {
    return io::DataLossError(
        io::StrCat("page checksums of ", num_columns, " columns in ", bytes.size(), " bytes"));
  }
  left -= num_columns;
  PageSums sums;
  sums.descriptor = word(2);
  size_t next = kHeaderWords + num_columns;
  for (size_t column = 0; column < num_columns; ++column) {
    const uint64_t pages = word(kHeaderWords + column);
    if (pages > left) {
      return io::DataLossError(io::StrCat("page checksums: column ", column, " has ", pages,
                                          " pages, ", left, " sums are left"));
    }
    left -= pages;
    std::vector<uint64_t>& out = sums.columns.emplace_back();
    for (uint64_t page = 0; page < pages; ++page) {
      out.push_back(word(next++));
    }
  }
  if (left != 0) {
    return io::DataLossError(io::StrCat("page checksums: ", left, " belong to no page"));
  }
  return sums;
}

}  // namespace og::format
