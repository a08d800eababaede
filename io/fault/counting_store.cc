#include "io/fault/counting_store.h"

#include "io/base/text.h"

namespace og::io {

uint64_t StoreCounts::reads() const {
  return calls_of(StoreCall::kReadRange) + calls_of(StoreCall::kRead) +
         calls_of(StoreCall::kReadTail);
}

uint64_t StoreCounts::bytes_read() const {
  return bytes_of(StoreCall::kReadRange) + bytes_of(StoreCall::kRead) +
         bytes_of(StoreCall::kReadTail);
}

uint64_t StoreCounts::writes() const {
  return calls_of(StoreCall::kPut) + calls_of(StoreCall::kPutIfAbsent) +
         calls_of(StoreCall::kPutIfMatch) + calls_of(StoreCall::kFinish) +
         calls_of(StoreCall::kCopy);
}

uint64_t StoreCounts::bytes_written() const {
  return bytes_of(StoreCall::kPut) + bytes_of(StoreCall::kPutIfAbsent) +
         bytes_of(StoreCall::kPutIfMatch) + bytes_of(StoreCall::kAppend);
}

std::string StoreCounts::Text() const {
  std::string text;
  for (size_t i = 0; i < kNumStoreCalls; ++i) {
    if (calls[i] == 0) continue;
    if (!text.empty()) text.append(", ");
    text.append(StrCat(StoreCallName(static_cast<StoreCall>(i)), " ", calls[i]));
    if (bytes[i] > 0) text.append(StrCat(" (", bytes[i], " bytes)"));
  }
  return text;
}

StoreCounts StoreCounts::operator-(const StoreCounts& before) const {
  StoreCounts difference;
  for (size_t i = 0; i < kNumStoreCalls; ++i) {
    difference.calls[i] = calls[i] - before.calls[i];
    difference.bytes[i] = bytes[i] - before.bytes[i];
  }
  return difference;
}

StoreCounts CountingStore::counts() const {
  StoreCounts counts;
  for (size_t i = 0; i < kNumStoreCalls; ++i) {
    counts.calls[i] = calls_[i].load(std::memory_order_relaxed);
    counts.bytes[i] = bytes_[i].load(std::memory_order_relaxed);
  }
  return counts;
}

absl::Status CountingStore::After(StoreCall call, std::string_view, uint64_t bytes,
                                  const absl::Status& status) {
  const auto i = static_cast<size_t>(call);
  calls_[i].fetch_add(1, std::memory_order_relaxed);
  bytes_[i].fetch_add(bytes, std::memory_order_relaxed);
  return status;
}

}  // namespace og::io
