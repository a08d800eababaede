// Footer of a Lance data file, file versions 2.0 to 2.3: the last 40 bytes of the file.
// Little-endian, not compressed, no checksum.
//
//   offset  bytes  field
//        0      8  column_metadata_start   file offset of column 0's metadata
//        8      8  cmo_table_start         file offset of the column metadata table
//       16      8  gbo_table_start         file offset of the global buffer table
//       24      4  num_global_buffers
//       28      4  num_columns             physical columns
//       32      2  major_version           see kVersionNumbers in footer.cc;
//       34      2  minor_version           2.0 is written as (0, 3)
//       36      4  magic                   "LANC"
//
// Both tables hold one 16-byte entry per item: u64 file offset, u64 length in bytes.
//
// Source: lance: protos/file2.proto ("File Layout"); lance-file 10.0.0: src/reader.rs
// (decode_footer), src/version.rs (number pairs).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"

namespace og::format {

inline constexpr size_t kFooterBytes = 40;
inline constexpr size_t kTableEntryBytes = 16;

enum class FileVersion : uint8_t { kV2_0, kV2_1, kV2_2, kV2_3 };

// "2.0" to "2.3".
std::string_view FileVersionText(FileVersion version);

// The version that "2.0" to "2.3" names, also by the alias "0.3"; nullopt for anything else.
std::optional<FileVersion> ParseFileVersion(std::string_view text);

// The version of a pair of numbers as a footer or a manifest has it; nullopt if there is none.
std::optional<FileVersion> FileVersionOfNumbers(uint32_t major, uint32_t minor);

// Offsets are bytes from the start of the file.
struct Footer {
  uint64_t column_metadata_start = 0;
  uint64_t cmo_table_start = 0;
  uint64_t gbo_table_start = 0;
  uint32_t num_global_buffers = 0;
  uint32_t num_columns = 0;
  FileVersion version = FileVersion::kV2_1;
  friend bool operator==(const Footer&, const Footer&) = default;
};

// Decodes the footer at the end of `tail`, the last bytes of a file of `file_bytes` bytes.
// `tail` may be longer than the footer: one ranged read can bring the metadata as well.
//
// REQUIRES: tail.size() <= file_bytes. Pure; safe to call from any thread.
//
//   kDataLoss       fewer than 40 bytes, wrong magic, a table that leaves the file, or no global
//                   buffer (the first one is the schema)
//   kUnimplemented  a footer of a version outside 2.0 to 2.3; the legacy version 0.1 by its name
absl::StatusOr<Footer> DecodeFooter(std::span<const std::byte> tail, uint64_t file_bytes);

// The bytes that Lance 10 writes for `footer`.
std::array<std::byte, kFooterBytes> EncodeFooter(const Footer& footer);

}  // namespace og::format
