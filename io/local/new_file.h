// A file that has no name until it is complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <sys/stat.h>

#include "io/local/descriptor.h"
#include "io/store/store.h"

namespace og::io {

// Written from start to end in the folder of its final name, then linked there. Where the file
// system has unnamed files (O_TMPFILE) nothing is left behind even by kill -9; elsewhere the file
// is called "{name}#{digits}" meanwhile, a name that List hides. Mode 0644 less the umask.
// Move-only, thread-compatible. The destructor removes a file that was not published.
class NewFile {
 public:
  enum class Kind : uint8_t { kUnnamedIfPossible, kNamed };

  // Starts a file that will be called `path` (absolute); missing folders are made.
  static absl::StatusOr<NewFile> Create(const std::string& path,
                                        Kind kind = Kind::kUnnamedIfPossible);

  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  int fd() const { return descriptor_.fd(); }

  // Appends. kResourceExhausted when the disk is full; the file is then of no use any more.
  absl::Status Write(std::span<const std::byte> bytes);

  // Syncs the bytes.
  absl::Status SyncData();

  // Gives the file its name if that is free: kAlreadyExists if it is not, kUnimplemented if the
  // file system has no hard links.
  absl::Status PublishIfAbsent();

  // How a file takes the place of another one. ext4 writes a file out at once that is renamed over
  // another, lest a power loss leaves an empty one; not so one that swaps names with another, which
  // has to be a file and goes away then.
  enum class Replacing : uint8_t { kByRename, kBySwap };

  // Gives the file its name, replacing what has it.
  absl::Status PublishReplacing(Replacing replacing);

  // Size, token and time of the file as it is now.
  absl::StatusOr<ObjectInfo> Info(std::string_view object_path) const;

 private:
  NewFile(std::string path, Descriptor descriptor, std::string temporary_name)
      : path_(std::move(path)),
        descriptor_(std::move(descriptor)),
        temporary_name_(std::move(temporary_name)) {}

  // link(2) of this file to `target`; 0 or an errno value.
  int LinkTo(const std::string& target) const;

  std::string path_;
  Descriptor descriptor_;
  std::string temporary_name_;  // empty: the file has no name
};

// An object's description from what stat(2) says about its file.
ObjectInfo ObjectInfoOf(std::string_view object_path, const struct stat& info);

}  // namespace og::io
