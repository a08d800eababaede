// A session whose readers compare the pages of data files with their checksums.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/file/reader.h"
#include "io/store/store.h"

namespace og::engine::dataset {

// As MakeSession(); the first read that touches a page of a data file or of an index reads all of
// it and compares it with its checksum, if the file has any (format/file/page_sums.h). A difference
// is kDataLoss and names file, column, page and offset. MakeSession() gives such sessions too where
// the environment says OMNIGRAPH_CHECK_PAGES=1.
std::shared_ptr<Session> MakeCheckingSession();

// Compares those pages of the data file at `file` of `file_bytes` bytes with their checksums that
// no read of `session` has compared yet. Errors as FileReader::CheckPages().
absl::StatusOr<format::PageCheck> CheckOtherPages(Session& session, const io::Location& file,
                                                  uint64_t file_bytes);

}  // namespace og::engine::dataset
