// Batches as an Arrow IPC stream or file, which every Arrow library reads.
//
//   std::string out;
//   AppendIpcSchema(*schema, out);
//   for (const RecordBatch& batch : batches) AppendIpcBatch(batch, out);
//   AppendIpcEnd(out);
//
// Each message is 0xffffffff (u32), the length of the metadata (i32, a multiple of 8), the metadata
// (a flatbuffer of Message.fbs), then the body: the buffers of all arrays in pre-order, each padded
// to 8 bytes. Little-endian, metadata version V5, nothing is compressed. The end is 0xffffffff and
// a length of 0.
//
// Dictionary arrays are written as their values, and the schema says so. Offsets start at 0: a
// slice writes its own values only.
//
// Source: Arrow columnar format 1.4, "Serialization and Interprocess Communication".
#pragma once

#include <string>
#include <vector>

#include "format/arrow/array.h"
#include "format/arrow/type.h"
#include "format/tabular/flat_builder.h"

namespace og::format {

void AppendIpcSchema(const Schema& schema, std::string& out);

// REQUIRES: the columns have the types of the schema that was written.
void AppendIpcBatch(const RecordBatch& batch, std::string& out);

void AppendIpcEnd(std::string& out);

// The stream as a file: "ARROW1" and two zero bytes before it; behind it a footer (a flatbuffer of
// File.fbs, with the schema and where each batch lies), its length (i32) and "ARROW1".
// Thread-compatible.
class IpcFileWriter {
 public:
  explicit IpcFileWriter(SchemaPtr schema);

  // The bytes that follow those of the calls before.
  void Append(const RecordBatch& batch, std::string& out);
  void Finish(std::string& out);

 private:
  void Begin(std::string& out);

  const SchemaPtr schema_;
  std::vector<FlatBuilder::Block> blocks_;
  int64_t file_bytes_ = 0;
};

}  // namespace og::format
