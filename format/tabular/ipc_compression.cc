#include "format/tabular/ipc_compression.h"

#include <memory>
#include <utility>

#include <lz4frame.h>
#include <zstd.h>

#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr size_t kLengthBytes = sizeof(int64_t);
// The most that one byte may expand to. LZ4 does not reach 256; a block of zstd holds at most 128
// KiB behind four bytes.
constexpr int64_t kLz4ExpansionMax = 256;
constexpr int64_t kZstdExpansionMax = 32 << 10;

absl::Status Damaged(std::string_view what) {
  return io::DataLossError(io::StrCat("arrow: compressed buffer: ", what));
}

absl::Status ExpandLz4(std::span<const std::byte> from, std::span<std::byte> to) {
  LZ4F_dctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION))) {
    return io::ResourceExhaustedError("arrow: no memory to decompress");
  }
  const std::unique_ptr<LZ4F_dctx, decltype(&LZ4F_freeDecompressionContext)> context(
      raw, LZ4F_freeDecompressionContext);
  size_t out = 0;
  bool is_frame_open = true;
  while (!from.empty()) {
    size_t in_bytes = from.size();
    size_t out_bytes = to.size() - out;
    const size_t left = LZ4F_decompress(context.get(), to.data() + out, &out_bytes, from.data(),
                                        &in_bytes, nullptr);
    if (LZ4F_isError(left)) return Damaged(LZ4F_getErrorName(left));
    if (in_bytes == 0 && out_bytes == 0) return Damaged("longer than it says");
    is_frame_open = left != 0;
    from = from.subspan(in_bytes);
    out += out_bytes;
  }
  if (is_frame_open || out != to.size()) return Damaged("shorter than it says");
  return absl::OkStatus();
}

absl::Status ExpandZstd(std::span<const std::byte> from, std::span<std::byte> to) {
  const size_t size = ZSTD_decompress(to.data(), to.size(), from.data(), from.size());
  if (ZSTD_isError(size)) return Damaged(ZSTD_getErrorName(size));
  return size == to.size() ? absl::OkStatus() : Damaged("shorter than it says");
}

}  // namespace

absl::StatusOr<IpcCodec> IpcCodecOf(int8_t codec) {
  if (codec == 0) return IpcCodec::kLz4Frame;
  if (codec == 1) return IpcCodec::kZstd;
  return io::UnimplementedError(io::StrCat("arrow: unknown compression ", int{codec}));
}

absl::StatusOr<io::Buffer> IpcDecompress(IpcCodec codec, const io::Buffer& buffer) {
  if (buffer.size() < kLengthBytes) return Damaged("no length");
  const auto size = io::LoadLe<int64_t>(buffer.span(), 0);
  const io::Buffer rest = buffer.Slice(kLengthBytes, buffer.size() - kLengthBytes);
  if (size == -1) return rest.Aligned(sizeof(int64_t));
  const int64_t expansion = codec == IpcCodec::kZstd ? kZstdExpansionMax : kLz4ExpansionMax;
  if (size < 0 || size / expansion > static_cast<int64_t>(rest.size())) {
    return Damaged(io::StrCat(size, " bytes in ", rest.size()));
  }
  if (size == 0) return io::Buffer();
  io::MutableBuffer expanded(static_cast<size_t>(size));
  OG_RETURN_IF_ERROR(codec == IpcCodec::kZstd ? ExpandZstd(rest.span(), expanded.span())
                                              : ExpandLz4(rest.span(), expanded.span()));
  return std::move(expanded).Share();
}

}  // namespace og::format
