// How many rows are read ahead to find out what they are: 10,000, or 4 MiB of them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace og::format {

class Sample {
 public:
  bool wants_more() const { return num_rows_ < kRowsMax && num_bytes_ < kBytesMax; }
  void AddRow() { ++num_rows_; }
  void AddBytes(size_t count) { num_bytes_ += count; }

 private:
  static constexpr uint64_t kRowsMax = 10'000;
  static constexpr size_t kBytesMax = size_t{4} << 20;

  uint64_t num_rows_ = 0;
  size_t num_bytes_ = 0;
};

}  // namespace og::format
