#include "io/local/spill_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "io/base/status.h"
#include "io/base/text.h"
#include "io/local/descriptor.h"

namespace og::io {
namespace {

absl::Status Errno(std::string_view what) {
  const int error = errno;
  const std::string text = StrCat("spill file: ", what, ": ", std::strerror(error));
  return error == ENOSPC ? ResourceExhaustedError(text) : UnavailableError(text);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SpillFile>> SpillFile::Create() {
  const char* folder = std::getenv("TMPDIR");
  if (folder == nullptr || *folder == '\0') folder = "/tmp";
  int descriptor = OpenDescriptor(folder, O_TMPFILE | O_RDWR, 0600);
  if (descriptor < 0) {
    std::string name = StrCat(folder, "/omnigraph-spill-XXXXXX");
    descriptor = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor < 0) return Errno(StrCat("create in '", folder, "'"));
    ::unlink(name.c_str());
  }
  return std::unique_ptr<SpillFile>(new SpillFile(descriptor));
}

SpillFile::~SpillFile() {
  ::close(descriptor_);
}

absl::StatusOr<uint64_t> SpillFile::Append(std::span<const std::byte> bytes) {
  const uint64_t offset = size_;
  while (!bytes.empty()) {
    const ssize_t done =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return Errno("write");
    bytes = bytes.subspan(static_cast<size_t>(done));
    size_ += static_cast<uint64_t>(done);
  }
  return offset;
}

absl::Status SpillFile::Read(uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t done = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return Errno("read");
    if (done == 0) return DataLossError("spill file: shorter than what was written");
    out = out.subspan(static_cast<size_t>(done));
    offset += static_cast<uint64_t>(done);
  }
  return absl::OkStatus();
}

}  // namespace og::io
