#include "format/file/array_field.h"

#include "io/base/status.h"

namespace og::format {

absl::StatusOr<std::unique_ptr<FieldReader>> MakeArrayReader(const ColumnRequest&,
                                                             const MetadataOfColumn&,
                                                             const FileSource&) {
  return io::UnimplementedError("reading files of version 2.0");
}

}  // namespace og::format
