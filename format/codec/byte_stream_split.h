// Byte-stream split: byte j of value i stands at j * n + i, for n values of 4 or 8 bytes. It helps
// a general-purpose compressor that runs over it.
//
// Pure; safe from any thread. Source: lance-encoding 10.0.0:
// src/encodings/physical/byte_stream_split.rs.
#pragma once

#include <cstddef>
#include <span>

namespace og::format {

// Joins the streams of `encoded` into values. REQUIRES: value_bytes is 4 or 8, both spans have
// n * value_bytes bytes and do not overlap.
void JoinByteStreams(std::span<const std::byte> encoded, size_t value_bytes,
                     std::span<std::byte> values);

// The other direction; same requirements.
void SplitByteStreams(std::span<const std::byte> values, size_t value_bytes,
                      std::span<std::byte> encoded);

}  // namespace og::format
