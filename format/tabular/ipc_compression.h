// Compressed buffers of Arrow IPC bodies, see ipc_batch.h.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"

#include "io/base/buffer.h"

namespace og::format {

enum class IpcCodec : uint8_t { kLz4Frame, kZstd };

// `codec`: CompressionType of Message.fbs. kUnimplemented for one that we do not know.
absl::StatusOr<IpcCodec> IpcCodecOf(int8_t codec);

// The expanded bytes of `buffer`. kDataLoss unless they are as many as its first 8 bytes say, or if
// these say more than its size can stand for.
absl::StatusOr<io::Buffer> IpcDecompress(IpcCodec codec, const io::Buffer& buffer);

}  // namespace og::format
