// Batches as an Arrow IPC stream, which every Arrow library reads.
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

#include "format/arrow/array.h"
#include "format/arrow/type.h"

namespace og::format {

void AppendIpcSchema(const Schema& schema, std::string& out);

// REQUIRES: the columns have the types of the schema that was written.
void AppendIpcBatch(const RecordBatch& batch, std::string& out);

void AppendIpcEnd(std::string& out);

}  // namespace og::format
