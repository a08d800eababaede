// Before many fragments are opened one after the other.
#pragma once

#include <cstddef>
#include <span>

#include "engine/dataset/fragment_reader.h"
#include "engine/dataset/projection.h"
#include "format/table/manifest.h"

namespace og::engine::dataset {

// Fragments whose files are fetched together.
inline constexpr size_t kFragmentsOfPrefetch = 16;

// Fetches the ends of the data files that hold one of `fields` in `fragments`, in one round of
// requests, where that makes opening them free: see format/file/prefetch.h.
void PrefetchTails(const BaseFolders& folders, std::span<const format::Fragment* const> fragments,
                   const Projection& fields);

}  // namespace og::engine::dataset
