// The Arrow IPC file that holds a small deletion vector: one record batch with the one column
// `row_id: uint32 not null`, buffers compressed with zstd or stored plain.
//
//   "ARROW1" padded to 64 bytes
//   schema message   ff ff ff ff | i32 length | flatbuffer Message
//   batch message    ff ff ff ff | i32 length | flatbuffer Message | body
//   ff ff ff ff 00 00 00 00
//   flatbuffer Footer | i32 length of it | "ARROW1"
//
// The body is two buffers at multiples of 64: validity (all ones) and values. Each starts with an
// i64: the uncompressed length before a zstd frame, or -1 before plain bytes.
//
// Only this schema is read; the flatbuffers are walked with bounds checks. What is written equals
// byte for byte what Lance 10 writes for the same values in the same order, except that a zstd
// frame may differ where compression pays.
//
// Source: Arrow columnar format, "IPC File Format"; File.fbs, Message.fbs, Schema.fbs;
// lance-table 10.0.0: src/io/deletion.rs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace og::format {

// The values in stored order. kDataLoss for anything but such a file, and for more than `size_max`
// values.
absl::StatusOr<std::vector<uint32_t>> DecodeRowIdIpc(std::string_view bytes, uint64_t size_max);

std::string EncodeRowIdIpc(std::span<const uint32_t> values);

}  // namespace og::format
