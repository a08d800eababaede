// Counts the requests to a store, for tests and tools that hold an operation to its cost.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "io/store/hooked_store.h"

namespace og::io {

struct StoreCounts {
  std::array<uint64_t, kNumStoreCalls> calls{};
  std::array<uint64_t, kNumStoreCalls> bytes{};

  uint64_t calls_of(StoreCall call) const { return calls[static_cast<size_t>(call)]; }
  uint64_t bytes_of(StoreCall call) const { return bytes[static_cast<size_t>(call)]; }

  // Requests that bring bytes (ranges, whole objects, tails) and those bytes.
  uint64_t reads() const;
  uint64_t bytes_read() const;

  // Objects published (put, conditional puts, finished streams, copies) and bytes written.
  uint64_t writes() const;
  uint64_t bytes_written() const;

  // "read_range 3 (4096 bytes), put 1 (10 bytes)"; calls that were not made are left out.
  std::string Text() const;

  StoreCounts operator-(const StoreCounts& before) const;
};

class CountingStore : public HookedStore {
 public:
  explicit CountingStore(std::shared_ptr<Store> base) : HookedStore(std::move(base)) {}

  // Since the store was made. Failed calls count too.
  StoreCounts counts() const;

 protected:
  absl::Status After(StoreCall call, std::string_view path, uint64_t bytes,
                     const absl::Status& status) override;

 private:
  std::array<std::atomic<uint64_t>, kNumStoreCalls> calls_{};
  std::array<std::atomic<uint64_t>, kNumStoreCalls> bytes_{};
};

}  // namespace og::io
