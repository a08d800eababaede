// Fields of files of version 2.0: array encodings, with a column for every field. Internal to
// format/file.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"

#include "format/file/field_task.h"
#include "format/file/file_source.h"
#include "format/file/reader.h"
#include "format/proto/file2.pb.h"

namespace og::format {

using MetadataOfColumn =
    std::function<absl::StatusOr<std::shared_ptr<const lance::file::v2::ColumnMetadata>>(
        int32_t index)>;

// Tasks of this reader read in the thread that asks them for reads: what to read depends on list
// and string offsets, step by step. `source` outlives the reader.
absl::StatusOr<std::unique_ptr<FieldReader>> MakeArrayReader(const ColumnRequest& request,
                                                             const MetadataOfColumn& metadata_of,
                                                             const FileSource& source);

}  // namespace og::format
