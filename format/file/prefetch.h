// The ends of data files that will be opened one after the other, fetched together.
#pragma once

#include <cstdint>
#include <span>

#include "io/store/store.h"

namespace og::format {

struct FileToOpen {
  io::Location location;
  uint64_t file_bytes = 0;  // 0: unknown, then the file is left out
};

// Brings what FileReader::Open() reads first of each of `files` into the page cache of its store,
// in one round of requests: opening them then costs none. Does nothing for files of stores without
// a cache (local files, memory). What goes wrong is left to who opens the files.
void PrefetchTails(std::span<const FileToOpen> files);

}  // namespace og::format
