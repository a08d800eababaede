// Inputs of page_fuzz: the pages of one field, from which a whole file is put together, so that
// every mutation falls on what pages say and hold.
//
//   u8   file version: 2.0, 2.1, 2.2 (modulo 3)
//   u8   number of the field in PageInputFields() (modulo its size)
//   for each column of the field:
//     u32  rows        u16  bytes of the encoding message        u8  number of buffers
//     u32  bytes of each buffer
//     the encoding message, the buffers one after the other
//
// What is cut off is empty.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "format/arrow/type.h"
#include "format/file/footer.h"

namespace og::format {

struct PageInput {
  struct Column {
    uint32_t num_rows = 0;
    std::string encoding;
    std::vector<std::string> buffers;
  };

  FileVersion version = FileVersion::kV2_1;
  size_t field = 0;
  std::vector<Column> columns;
};

// The fields, all named "v", whose pages are fuzzed: one of every shape that a decoder tells apart.
std::vector<Field> PageInputFields();

std::string EncodePageInput(const PageInput& input);

// The file with the pages of `bytes`; nullopt for bytes that name no version and field.
std::optional<std::string> FileOfPageInput(std::span<const std::byte> bytes);

}  // namespace og::format
