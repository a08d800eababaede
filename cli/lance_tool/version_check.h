// Checks of one version of a dataset, from the manifest down to the values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/dataset/dataset.h"

namespace og::cli {

struct VerifyReport {
  uint64_t num_fragments = 0;
  uint64_t num_files = 0;
  uint64_t num_rows = 0;
  uint64_t num_summed_pages = 0;  // that have a checksum, which was compared
  std::vector<std::string> problems;
};

// Counts agree, data files and index files exist with their sizes, row ids are unique among live
// rows, deletion files and row versions fit. `deep`: every page has its checksum, if the file has
// any, and every value of every column is decoded and validated too, of the indexes as well. Reads
// the data once where the session of `dataset` checks pages (engine/dataset/checking_session.h).
VerifyReport VerifyVersion(const engine::dataset::Dataset& dataset, bool deep);

}  // namespace og::cli
