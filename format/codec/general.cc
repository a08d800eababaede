#include "format/codec/general.h"

#include <algorithm>
#include <memory>

#include <lz4.h>
#include <zstd.h>

#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr uint32_t kZstdMagic = 0xfd2fb528;
constexpr size_t kZstdPrefixBytes = 8;
constexpr size_t kLz4PrefixBytes = 4;

// Making a context costs more than decompressing a small value.
ZSTD_DCtx* DecompressionContext() {
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  return context.get();
}

ZSTD_CCtx* CompressionContext() {
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  return context.get();
}

// A frame without Lance's size in front: the magic, and a header whose reserved bit is clear (a
// size that happens to look like the magic leaves it set or is beyond any page).
bool IsBareZstdFrame(std::span<const std::byte> payload) {
  if (payload.size() < kZstdPrefixBytes) {
    return true;
  }
  return io::LoadLe<uint32_t>(payload) == kZstdMagic &&
         (std::to_integer<unsigned>(payload[4]) & 0x10u) == 0;
}

// Bytes that a byte of a payload can stand for at most: a zstd block of 4 bytes gives 128 KiB, an
// LZ4 length byte 255.
constexpr uint64_t kZstdExpansionMax = 32768;
constexpr uint64_t kLz4ExpansionMax = 255;

absl::Status CheckStatedSize(uint64_t bytes, uint64_t payload_bytes, uint64_t expansion_max) {
  if (bytes > kDecompressedBytesMax) {
    return io::DataLossError(
        io::StrCat("compressed buffer states ", bytes, " bytes, at most ", kDecompressedBytesMax));
  }
  if (bytes / expansion_max > payload_bytes) {
    return io::DataLossError(io::StrCat("compressed buffer of ", payload_bytes, " bytes states ",
                                        bytes, " bytes, more than it can hold"));
  }
  return absl::OkStatus();
}

// A frame that does not say how long its content is. What it has room for grows as it comes.
absl::Status DecompressUnsized(std::span<const std::byte> frame, io::MutableBuffer& out) {
  ZSTD_DCtx* const context = DecompressionContext();
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  size_t size = 0;
  while (true) {
    out.Resize(std::min(std::max<size_t>(2 * size, ZSTD_DStreamOutSize()), kDecompressedBytesMax));
    ZSTD_outBuffer room{out.data(), out.size(), size};
    const size_t left = ZSTD_decompressStream(context, &room, &in);
    if (ZSTD_isError(left) != 0) {
      return io::DataLossError(io::StrCat("zstd: ", ZSTD_getErrorName(left)));
    }
    size = room.pos;
    if (left == 0) {
      break;
    }
    if (size == kDecompressedBytesMax || (in.pos == in.size && size < room.size)) {
      return io::DataLossError("zstd frame that does not end");
    }
  }
  if (in.pos != in.size) {
    return io::DataLossError(io::StrCat(in.size - in.pos, " bytes behind a zstd frame"));
  }
  out.Resize(size);
  return absl::OkStatus();
}

absl::Status DecompressZstd(std::span<const std::byte> payload, io::MutableBuffer& out) {
  if (payload.empty()) {
    out.Resize(0);
    return absl::OkStatus();
  }
  uint64_t stated = 0;
  if (IsBareZstdFrame(payload)) {
    stated = ZSTD_getFrameContentSize(payload.data(), payload.size());
    if (stated == ZSTD_CONTENTSIZE_UNKNOWN) {
      return DecompressUnsized(payload, out);
    }
    if (stated == ZSTD_CONTENTSIZE_ERROR) {
      return io::DataLossError("no zstd frame");
    }
  } else {
    stated = io::LoadLe<uint64_t>(payload);
    payload = payload.subspan(kZstdPrefixBytes);
  }
  OG_RETURN_IF_ERROR(CheckStatedSize(stated, payload.size(), kZstdExpansionMax));
  out.Resize(static_cast<size_t>(stated));
  const size_t got = ZSTD_decompressDCtx(DecompressionContext(), out.data(), out.size(),
                                         payload.data(), payload.size());
  if (ZSTD_isError(got) != 0) {
    return io::DataLossError(io::StrCat("zstd: ", ZSTD_getErrorName(got)));
  }
  if (got != stated) {
    return io::DataLossError(io::StrCat("zstd frame holds ", got, " bytes, stated are ", stated));
  }
  return absl::OkStatus();
}

absl::Status DecompressLz4(std::span<const std::byte> payload, io::MutableBuffer& out) {
  if (payload.size() < kLz4PrefixBytes) {
    return io::DataLossError(io::StrCat("lz4 payload of ", payload.size(), " bytes, at least 4"));
  }
  const auto stated = io::LoadLe<uint32_t>(payload);
  OG_RETURN_IF_ERROR(CheckStatedSize(stated, payload.size(), kLz4ExpansionMax));
  const std::span<const std::byte> block = payload.subspan(kLz4PrefixBytes);
  if (block.size() > LZ4_MAX_INPUT_SIZE) {
    return io::DataLossError(io::StrCat("lz4 block of ", block.size(), " bytes is too large"));
  }
  out.Resize(stated);
  // An empty result may have no memory, but LZ4 wants a place to write to.
  char nowhere = 0;
  const int got = LZ4_decompress_safe(reinterpret_cast<const char*>(block.data()),
                                      stated == 0 ? &nowhere : reinterpret_cast<char*>(out.data()),
                                      static_cast<int>(block.size()), static_cast<int>(stated));
  if (got < 0 || static_cast<uint32_t>(got) != stated) {
    return io::DataLossError(io::StrCat("lz4 block is damaged: ", got, " of ", stated, " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Decompress(Compression compression, std::span<const std::byte> payload,
                        io::MutableBuffer& out) {
  return compression == Compression::kZstd ? DecompressZstd(payload, out)
                                           : DecompressLz4(payload, out);
}

absl::Status AppendCompressed(Compression compression, int level, std::span<const std::byte> bytes,
                              io::MutableBuffer& out) {
  if (bytes.size() > kDecompressedBytesMax) {
    return io::InvalidArgumentError(
        io::StrCat("cannot compress ", bytes.size(), " bytes as one buffer"));
  }
  const bool is_zstd = compression == Compression::kZstd;
  const size_t prefix_bytes = is_zstd ? kZstdPrefixBytes : kLz4PrefixBytes;
  const size_t bound = is_zstd
                           ? ZSTD_compressBound(bytes.size())
                           : static_cast<size_t>(LZ4_compressBound(static_cast<int>(bytes.size())));
  const size_t start = out.size();
  out.Resize(start + prefix_bytes + bound);
  std::byte* const to = out.data() + start + prefix_bytes;
  size_t got = 0;
  if (is_zstd) {
    io::StoreLe(out.data() + start, uint64_t{bytes.size()});
    got = ZSTD_compressCCtx(CompressionContext(), to, bound, bytes.data(), bytes.size(), level);
    if (ZSTD_isError(got) != 0) {
      return io::InternalError(io::StrCat("zstd: ", ZSTD_getErrorName(got)));
    }
  } else {
    io::StoreLe(out.data() + start, static_cast<uint32_t>(bytes.size()));
    got = static_cast<size_t>(LZ4_compress_default(
        reinterpret_cast<const char*>(bytes.data()), reinterpret_cast<char*>(to),
        static_cast<int>(bytes.size()), static_cast<int>(bound)));
  }
  out.Resize(start + prefix_bytes + got);
  return absl::OkStatus();
}

}  // namespace og::format
