// Numbers of the unions in Arrow's IPC metadata.
//
// Source: Arrow columnar format 1.4: format/Schema.fbs, format/Message.fbs.
#pragma once

#include <cstdint>

namespace og::format {

// Message.fbs: union MessageHeader.
enum class FlatMessage : uint8_t { kSchema = 1, kDictionaryBatch, kRecordBatch };

// Schema.fbs: union Type.
enum class FlatType : uint8_t {
  kNull = 1,
  kInt,
  kFloatingPoint,
  kBinary,
  kUtf8,
  kBool,
  kDecimal,
  kDate,
  kTime,
  kTimestamp,
  kInterval,
  kList,
  kStruct,
  kUnion,
  kFixedSizeBinary,
  kFixedSizeList,
  kMap,
  kDuration,
  kLargeBinary,
  kLargeUtf8,
  kLargeList,
  kRunEndEncoded,
  kBinaryView,
  kUtf8View,
  kListView,
  kLargeListView,
};

// What stands before the length of a message, since Arrow 0.15.
inline constexpr uint32_t kIpcContinuation = 0xffffffff;

// Starts and ends a file.
inline constexpr char kIpcFileMagic[] = "ARROW1";

}  // namespace og::format
