#include "format/file/file_sink.h"

#include "io/base/bits.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr size_t kAlignment = 64;
constexpr char kPad = 0x48;
constexpr size_t kStagingBytes = size_t{256} << 10;

}  // namespace

absl::Status FileSink::Append(std::span<const std::byte> bytes) {
  position_ += bytes.size();
  if (staged_.size() + bytes.size() > kStagingBytes) {
    OG_RETURN_IF_ERROR(Flush());
    if (bytes.size() > kStagingBytes) {
      return stream_->Append(bytes);
    }
  }
  staged_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return absl::OkStatus();
}

absl::Status FileSink::AppendText(std::string_view text) {
  return Append(io::AsBytes(text));
}

absl::Status FileSink::Align() {
  return AppendText(std::string(io::RoundUp(position_, kAlignment) - position_, kPad));
}

absl::Status FileSink::Finish() {
  OG_RETURN_IF_ERROR(Flush());
  return stream_->Finish().status();
}

absl::Status FileSink::Flush() {
  if (staged_.empty()) {
    return absl::OkStatus();
  }
  const absl::Status status = stream_->Append(io::AsBytes(staged_));
  staged_.clear();
  return status;
}

}  // namespace og::format
