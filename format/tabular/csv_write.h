// Batches as CSV that csv_cells.h reads back as it was.
//
// Cells are quoted where they hold the delimiter, a quote or a line end, and texts also where they
// are empty or spell a null. Timestamps end in Z if their type has a timezone; floats have their
// shortest digits; nested values are canonical JSON. Lines end with \n.
#pragma once

#include <memory>

#include "format/tabular/tabular.h"

namespace og::format {

std::unique_ptr<TabularWriter> MakeCsvWriter(SchemaPtr schema, const CsvOptions& options);

}  // namespace og::format
