// Fields of files of version 2.1 and later: leaf columns with levels, put together to lists and
// structs. Internal to format/file.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "format/file/column_pages.h"
#include "format/file/field_task.h"
#include "format/file/reader.h"

namespace og::format {

// The pages of column `index` of the file, read as `column`.
using PagesOfColumn = std::function<absl::StatusOr<std::shared_ptr<ColumnPages>>(
    int32_t index, const LeafColumn& column)>;

struct StructuralOptions {
  std::string file_name;
  bool dictionary_strings = false;
  bool join_dictionaries = false;
  // Pages behind the last one needed whose tables are read along: a scan will want them soon.
  size_t table_pages_ahead = 0;
};

absl::StatusOr<std::unique_ptr<FieldReader>> MakeStructuralReader(const ColumnRequest& request,
                                                                  const PagesOfColumn& pages_of,
                                                                  const StructuralOptions& options);

}  // namespace og::format
