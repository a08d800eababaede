#include "format/file/footer.h"

#include <algorithm>

#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr uint32_t kMagic = 0x434e414c;  // "LANC" as a little-endian u32

struct VersionNumbers {
  FileVersion version;
  uint16_t major;
  uint16_t minor;
};

// The first row of a version is the one written; every row is accepted when reading.
constexpr VersionNumbers kVersionNumbers[] = {
    {FileVersion::kV2_0, 0, 3}, {FileVersion::kV2_0, 2, 0}, {FileVersion::kV2_1, 2, 1},
    {FileVersion::kV2_2, 2, 2}, {FileVersion::kV2_3, 2, 3},
};

constexpr std::string_view kVersionTexts[] = {"2.0", "2.1", "2.2", "2.3"};

// Whether `count` table entries from `start` end at or before `limit`. No sums: a corrupt
// `start` near 2^64 must not wrap round into a valid range.
bool TableFits(uint64_t start, uint64_t count, uint64_t limit) {
  return start <= limit && count <= (limit - start) / kTableEntryBytes;
}

}  // namespace

std::string_view FileVersionText(FileVersion version) {
  return kVersionTexts[static_cast<size_t>(version)];
}

std::optional<FileVersion> ParseFileVersion(std::string_view text) {
  if (text == "0.3") {
    return FileVersion::kV2_0;
  }
  const auto* found = std::ranges::find(kVersionTexts, text);
  if (found == std::end(kVersionTexts)) {
    return std::nullopt;
  }
  return static_cast<FileVersion>(found - std::begin(kVersionTexts));
}

std::optional<FileVersion> FileVersionOfNumbers(uint32_t major, uint32_t minor) {
  for (const VersionNumbers& numbers : kVersionNumbers) {
    if (numbers.major == major && numbers.minor == minor) {
      return numbers.version;
    }
  }
  return std::nullopt;
}

absl::StatusOr<Footer> DecodeFooter(std::span<const std::byte> tail, uint64_t file_bytes) {
  OG_CHECK(tail.size() <= file_bytes);
  if (tail.size() < kFooterBytes) {
    return io::DataLossError(
        io::StrCat("lance footer: the file has ", file_bytes, " bytes, a footer has 40"));
  }
  const std::span<const std::byte> raw = tail.last(kFooterBytes);
  if (io::LoadLe<uint32_t>(raw, 36) != kMagic) {
    return io::DataLossError(io::StrCat("lance footer: the last four bytes are ",
                                        io::HexBytes(raw.subspan(36)), ", want \"LANC\""));
  }
  const auto major = io::LoadLe<uint16_t>(raw, 32);
  const auto minor = io::LoadLe<uint16_t>(raw, 34);
  const std::optional<FileVersion> version = FileVersionOfNumbers(major, minor);
  if (major == 0 && minor < 3) {
    return io::UnimplementedError(io::StrCat("legacy lance file, version 0.1 (footer ", major, ".",
                                             minor, "): only versions 2.0 to 2.3 are read"));
  }
  if (!version.has_value()) {
    return io::UnimplementedError(io::StrCat("lance file version ", major, ".", minor,
                                             ": only versions 2.0 to 2.3 are read"));
  }
  const Footer footer{
      .column_metadata_start = io::LoadLe<uint64_t>(raw, 0),
      .cmo_table_start = io::LoadLe<uint64_t>(raw, 8),
      .gbo_table_start = io::LoadLe<uint64_t>(raw, 16),
      .num_global_buffers = io::LoadLe<uint32_t>(raw, 24),
      .num_columns = io::LoadLe<uint32_t>(raw, 28),
      .version = *version,
  };
  const uint64_t limit = file_bytes - kFooterBytes;
  if (footer.column_metadata_start > footer.cmo_table_start ||
      !TableFits(footer.cmo_table_start, footer.num_columns, limit) ||
      !TableFits(footer.gbo_table_start, footer.num_global_buffers, limit)) {
    return io::DataLossError(
        io::StrCat("lance footer: a table leaves the ", file_bytes, "-byte file"));
  }
  if (footer.num_global_buffers == 0) {
    return io::DataLossError("lance footer: no global buffer, the first one holds the schema");
  }
  return footer;
}

std::array<std::byte, kFooterBytes> EncodeFooter(const Footer& footer) {
  const auto* numbers = std::ranges::find_if(
      kVersionNumbers, [&](const VersionNumbers& row) { return row.version == footer.version; });
  std::array<std::byte, kFooterBytes> raw;
  io::StoreLe(raw.data(), footer.column_metadata_start);
  io::StoreLe(raw.data() + 8, footer.cmo_table_start);
  io::StoreLe(raw.data() + 16, footer.gbo_table_start);
  io::StoreLe(raw.data() + 24, footer.num_global_buffers);
  io::StoreLe(raw.data() + 28, footer.num_columns);
  io::StoreLe(raw.data() + 32, numbers->major);
  io::StoreLe(raw.data() + 34, numbers->minor);
  io::StoreLe(raw.data() + 36, kMagic);
  return raw;
}

}  // namespace og::format
