// The body of an Arrow IPC record batch becomes arrays.
//
// The metadata lists, in pre-order over all fields, a length and a null count for each array and an
// offset and a length for each buffer of the body. Compressed buffers start with their length when
// expanded (i64; -1: the rest is not compressed), behind which stand LZ4 frames or one of zstd.
//
// Source: Arrow columnar format 1.4: "Serialization and Interprocess Communication", Message.fbs.
#pragma once

#include <map>
#include <span>

#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/tabular/flat_reader.h"
#include "format/tabular/ipc_schema.h"
#include "io/base/buffer.h"

namespace og::format {

// Dictionaries that have come so far, by number.
using IpcDictionaries = std::map<int64_t, ArrayPtr>;

struct IpcColumns {
  int64_t num_rows = 0;
  std::vector<ArrayPtr> columns;
};

// `batch`: a RecordBatch of Message.fbs, whose columns come as `fields`. The arrays share `body`
// and are valid. kDataLoss for damage, kUnimplemented for another compression.
absl::StatusOr<IpcColumns> ReadIpcColumns(FlatReader& flat, FlatTable batch,
                                          std::span<const IpcField> fields, const io::Buffer& body,
                                          const IpcDictionaries& dictionaries);

}  // namespace og::format
