#include "cli/command/files.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/base/utf8.h"

namespace og::cli {
namespace {

absl::Status FileError(std::string_view path, std::string_view reason) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}},
                           io::StrCat("cannot read '", path, "': ", reason));
}

class FileSource final : public engine::graph::ByteSource {
 public:
  FileSource(int descriptor, bool owned, uint64_t size, std::string_view name)
      : descriptor_(descriptor), owned_(owned), size_(size), name_(name) {}
  ~FileSource() override {
    if (owned_) {
      close(descriptor_);
    }
  }

  absl::StatusOr<size_t> Read(std::byte* out, size_t capacity) override {
    while (true) {
      const ssize_t got = read(descriptor_, out, capacity);
      if (got >= 0) {
        return static_cast<size_t>(got);
      }
      if (errno != EINTR) {
        return FileError(name_, std::strerror(errno));
      }
    }
  }
  absl::StatusOr<bool> Rewind() override { return lseek(descriptor_, 0, SEEK_SET) == 0; }
  uint64_t size() const override { return size_; }
  std::string_view name() const override { return name_; }

 private:
  const int descriptor_;
  const bool owned_;
  const uint64_t size_;
  const std::string name_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<engine::graph::ByteSource>> OpenDataFile(std::string_view path) {
  if (path == "-") {
    return std::make_unique<FileSource>(STDIN_FILENO, false, 0, "stdin");
  }
  const std::string name(path);
  const int descriptor = open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return FileError(path, std::strerror(errno));
  }
  struct stat info = {};
  if (fstat(descriptor, &info) != 0 || S_ISDIR(info.st_mode)) {
    const int error = S_ISDIR(info.st_mode) ? EISDIR : errno;
    close(descriptor);
    return FileError(path, std::strerror(error));
  }
  const auto size = S_ISREG(info.st_mode) ? static_cast<uint64_t>(info.st_size) : 0;
  return std::make_unique<FileSource>(descriptor, true, size, path);
}

absl::StatusOr<std::string> ReadTextFile(std::string_view path) {
  OG_ASSIGN_OR_RETURN(const auto file, OpenDataFile(path));
  std::string text;
  std::byte piece[size_t{16} << 10];
  while (true) {
    OG_ASSIGN_OR_RETURN(const size_t got, file->Read(piece, sizeof(piece)));
    if (got == 0) {
      break;
    }
    text.append(reinterpret_cast<const char*>(piece), got);
  }
  if (!io::IsUtf8(text)) {
    return FileError(path, "the text is not UTF-8");
  }
  return text;
}

}  // namespace og::cli
