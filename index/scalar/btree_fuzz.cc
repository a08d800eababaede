// Any two files are refused as a BTREE index, or are probed without harm. The input is split in two
// at the length that its first two bytes give.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "index/scalar/btree.h"
#include "io/base/check.h"
#include "io/memory/memory_store.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using og::index::ValueSet;
  if (size < 2) {
    return 0;
  }
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
  const size_t split = std::min<size_t>(bytes.size(), data[0] | size_t{data[1]} << 8);
  const auto store =
      std::make_shared<og::io::MemoryStore>("memory://fuzz/", [] { return int64_t{0}; });
  OG_CHECK(store->Put("i/page_lookup.lance", bytes.first(split)).ok());
  OG_CHECK(store->Put("i/page_data.lance", bytes.subspan(split)).ok());
  const auto index = og::index::BtreeIndex::Open({store, "i"}, {});
  if (!index.ok()) {
    return 0;
  }
  for (const ValueSet& set :
       {ValueSet::Nulls(), ValueSet::Points({{5, {}}, {uint64_t{1} << 63 | 7, {}}, {0, "k"}}),
        ValueSet::NotNull()}) {
    (void)(*index)->CountAtMost(set);
    (void)(*index)->Search(set, nullptr);
  }
  return 0;
}
