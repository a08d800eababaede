// The bytes of a blob field (v1): what its descriptors point to. Internal to format/file.
#pragma once

#include <memory>

#include "format/file/field_task.h"

namespace og::format {

// A reader of large_binary over one of descriptors.
std::unique_ptr<FieldReader> MakeBlobContentsReader(std::unique_ptr<FieldReader> descriptors);

}  // namespace og::format
