#include "bench/storage/bare_calls.h"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/buffer.h"
#include "io/base/text.h"
#include "io/local/descriptor.h"
#include "io/local/errno_status.h"

namespace og::bench {
namespace {

// Gives the unnamed `file` a name.
bool Link(const io::Descriptor& file, const std::string& name) {
  const std::string self = io::StrCat("/proc/self/fd/", file.fd());
  return linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

}  // namespace

absl::StatusOr<Cost> BareReads(const std::string& path, const Load& load, bool is_random) {
  const io::Descriptor file(io::OpenDescriptor(path, O_RDONLY));
  struct stat info;
  if (!file.is_open() || fstat(file.fd(), &info) != 0) return io::ErrnoStatus(errno, path, "open");
  const uint64_t num_blocks = static_cast<uint64_t>(info.st_size) / load.block_bytes;
  if (num_blocks == 0) return io::ErrnoStatus(EINVAL, path, "read");
  std::mt19937_64 random(load.seed);
  io::MutableBuffer blocks(load.batch * load.block_bytes);
  Cost cost;
  cost.latencies_ns.reserve(load.count);
  const Stopwatch stopwatch(load);
  while (cost.operations < load.count) {
    const int64_t start_ns = Stopwatch::NowNs();
    for (size_t i = 0; i < load.batch; ++i, ++cost.operations) {
      const uint64_t number = (is_random ? random() : cost.operations) % num_blocks;
      std::byte* const block = blocks.data() + i * load.block_bytes;
      const ssize_t got =
          pread(file.fd(), block, load.block_bytes, static_cast<off_t>(number * load.block_bytes));
      if (got < 0) return io::ErrnoStatus(errno, path, "read");
      cost.bytes += static_cast<uint64_t>(got);
    }
    const int64_t latency_ns = Stopwatch::NowNs() - start_ns;
    cost.latencies_ns.insert(cost.latencies_ns.end(), load.batch, latency_ns);
  }
  return stopwatch.Stop(std::move(cost));
}

absl::StatusOr<Cost> BareWrites(const std::string& path, const Load& load,
                                io::Durability durability) {
  unlink(path.c_str());
  const io::Buffer block = RandomBlock(load);
  Cost cost;
  cost.latencies_ns.reserve(load.count);
  const Stopwatch stopwatch(load);
  const io::Descriptor file(
      io::OpenDescriptor(path.substr(0, path.rfind('/')), O_TMPFILE | O_WRONLY, 0644));
  if (!file.is_open()) return io::ErrnoStatus(errno, path, "create");
  for (; cost.operations < load.count; ++cost.operations) {
    const int64_t start_ns = Stopwatch::NowNs();
    if (write(file.fd(), block.data(), block.size()) != static_cast<ssize_t>(block.size())) {
      return io::ErrnoStatus(errno, path, "write");
    }
    cost.latencies_ns.push_back(Stopwatch::NowNs() - start_ns);
    cost.bytes += block.size();
  }
  const bool is_synced = durability == io::Durability::kNone || fdatasync(file.fd()) == 0;
  if (!is_synced || !Link(file, path)) return io::ErrnoStatus(errno, path, "sync and link");
  return stopwatch.Stop(std::move(cost));
}

absl::StatusOr<Cost> BareCreates(const std::string& folder, const Load& load,
                                 io::Durability durability) {
  if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
    return io::ErrnoStatus(errno, folder, "make folder");
  }
  const io::Descriptor directory(io::OpenDescriptor(folder, O_RDONLY | O_DIRECTORY));
  const io::Buffer block = RandomBlock(load);
  Cost cost;
  cost.latencies_ns.reserve(load.count);
  const Stopwatch stopwatch(load);
  for (; cost.operations < load.count; ++cost.operations) {
    const int64_t start_ns = Stopwatch::NowNs();
    const io::Descriptor file(io::OpenDescriptor(folder, O_TMPFILE | O_WRONLY, 0644));
    const std::string name = io::StrCat(folder, "/", cost.operations);
    const bool is_done =
        file.is_open() &&
        write(file.fd(), block.data(), block.size()) == static_cast<ssize_t>(block.size()) &&
        (durability == io::Durability::kNone || fdatasync(file.fd()) == 0) && Link(file, name) &&
        (durability != io::Durability::kFull || fsync(directory.fd()) == 0);
    if (!is_done) return io::ErrnoStatus(errno, name, "create");
    cost.latencies_ns.push_back(Stopwatch::NowNs() - start_ns);
    cost.bytes += block.size();
  }
  return stopwatch.Stop(std::move(cost));
}

absl::StatusOr<Cost> BareList(const std::string& folder) {
  Cost cost;
  const Load load;
  const Stopwatch stopwatch(load);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(folder.c_str()), closedir);
  if (directory == nullptr) return io::ErrnoStatus(errno, folder, "list");
  while (const dirent* const entry = readdir(directory.get())) {
    if (entry->d_name[0] == '.') continue;
    struct stat info;
    if (fstatat(dirfd(directory.get()), entry->d_name, &info, 0) != 0) {
      return io::ErrnoStatus(errno, folder, "stat");
    }
    ++cost.operations;
  }
  cost = stopwatch.Stop(std::move(cost));
  cost.latencies_ns = {cost.wall_ns};
  return cost;
}

}  // namespace og::bench
