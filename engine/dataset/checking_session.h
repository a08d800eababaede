// A session whose readers compare the pages of data files with their checksums.
#pragma once

#include <memory>

#include "engine/dataset/dataset.h"

namespace og::engine::dataset {

// As MakeSession(); the first read that touches a page of a data file reads all of it and compares
// it with its checksum, if the file has any (format/file/page_sums.h). A difference is kDataLoss
// and names file, column, page and offset. MakeSession() gives such sessions too where the
// environment says OMNIGRAPH_CHECK_PAGES=1.
std::shared_ptr<Session> MakeCheckingSession();

}  // namespace og::engine::dataset
