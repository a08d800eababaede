// The Arrow C Data and C Stream interfaces: columnar memory in and out of the process's other
// libraries without copies.
//
// Out: an exported struct owns references to what it shows; its `release` gives them up. It may be
// moved as bytes, the source's `release` then set to null. In: the importers take the struct over
// (its `release` is null afterwards, also after an error) and release it when the last buffer of
// the result is gone. What comes in is validated; nothing of it is trusted but that its pointers
// are readable for the lengths that the interface implies.
//
//   kInvalidArgument  a released struct, a format string or shape that the interface forbids
//   kDataLoss         contents that Validate refuses
//   kUnimplemented    types that we lack: views, unions, run ends, intervals
//
// Thread-compatible; `release` may be called from any thread.
//
// Source: Apache Arrow, "The Arrow C data interface" and "The Arrow C stream interface".
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/arrow/type.h"

extern "C" {

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};

#endif  // ARROW_C_DATA_INTERFACE

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};

#endif  // ARROW_C_STREAM_INTERFACE

}  // extern "C"

namespace og::format {

ArrowSchema ExportField(const Field& field);
// A struct type with one child a field.
ArrowSchema ExportSchema(const Schema& schema);
ArrowArray ExportArray(const ArrayPtr& array);
// A struct array with one child a column.
ArrowArray ExportBatch(const RecordBatch& batch);
// Batches one after the other. An error ends the stream: EINVAL, ENOSYS, ENOMEM or EIO, and the
// status as text from get_last_error.
ArrowArrayStream ExportStream(std::unique_ptr<BatchStream> stream);

absl::StatusOr<Field> ImportField(ArrowSchema* schema);
// Of a struct type.
absl::StatusOr<SchemaPtr> ImportSchema(ArrowSchema* schema);
absl::StatusOr<ArrayPtr> ImportArray(ArrowArray* array, const TypePtr& type);
// A struct array without nulls whose children have the types of `schema`.
absl::StatusOr<RecordBatch> ImportBatch(ArrowArray* array, const SchemaPtr& schema);
// Errors of the producer are kUnknown with its text.
absl::StatusOr<std::unique_ptr<BatchStream>> ImportStream(ArrowArrayStream* stream);

}  // namespace og::format
