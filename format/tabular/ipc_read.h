// Arrow IPC streams and files as batches.
//
// A stream is a schema message, then dictionary and record batches (ipc_write.h has their frame). A
// file is "ARROW1", two zero bytes, the same stream, and a footer, which a reader that starts at
// the front does not need. Streams of Arrow before 0.15 lack the mark before a message's length.
//
// Dictionaries may be replaced and extended; compressed bodies are read (LZ4 frames, zstd); views
// of text and bytes become utf8 and binary. Not supported: see ipc_schema.h.
#pragma once

#include <memory>

#include "absl/status/statusor.h"

#include "format/tabular/tabular.h"

namespace og::format {

// OpenTabular() of Arrow. With a schema, columns come in its order; one that the input lacks is
// null; a dictionary may stand for its values, and text and bytes may have offsets of the other
// width. kInvalidArgument for any other type, for columns that the schema lacks, and for nulls
// where it has none.
absl::StatusOr<std::unique_ptr<BatchStream>> OpenIpc(std::unique_ptr<ByteInput> input,
                                                     const TabularReadOptions& options);

}  // namespace og::format
