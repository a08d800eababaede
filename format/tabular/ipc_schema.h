// The schema message of an Arrow IPC stream, as types and as what its buffers look like.
//
// Source: Arrow columnar format 1.4: format/Schema.fbs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"

#include "format/arrow/type.h"
#include "format/tabular/flat_reader.h"

namespace og::format {

// How the arrays of one field come.
struct IpcField {
  TypePtr type;                       // what they are here
  bool is_view = false;               // of a view type: 16 bytes a value, and any number of buffers
  std::optional<int64_t> dictionary;  // number of the dictionary that they point into
  std::vector<IpcField> children;     // of the values, if there is a dictionary
};

struct IpcSchema {
  SchemaPtr schema;
  std::vector<IpcField> fields;
  // The fields of the dictionaries' values, by number.
  std::map<int64_t, IpcField> dictionaries;
};

// `table`: a Schema of Schema.fbs.
//
//   kUnimplemented  unions, intervals, list views, run ends, 32- and 64-bit decimals, big-endian
//   kDataLoss       a schema that is damaged
absl::StatusOr<IpcSchema> ReadIpcSchema(FlatReader& flat, FlatTable table);

}  // namespace og::format
