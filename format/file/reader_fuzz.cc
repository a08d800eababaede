// Any bytes are refused as a data file, or open; then every column is refused or gives arrays whose
// values can all be looked at.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "format/arrow/json.h"
#include "format/file/reader.h"
#include "io/base/check.h"
#include "io/memory/memory_store.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using og::format::FileReader;
  constexpr int kBatchesMax = 8;
  constexpr uint64_t kBatchRows = 512;
  const auto store =
      std::make_shared<og::io::MemoryStore>("memory://fuzz/", [] { return int64_t{0}; });
  OG_CHECK(store->Put("x", std::as_bytes(std::span(data, size))).ok());
  const auto reader = FileReader::Open({store, "x"}, 0);
  if (!reader.ok()) {
    return 0;
  }
  for (og::format::ColumnRequest& column : (*reader)->AllColumns()) {
    column.blob_contents = true;
    const auto stream =
        (*reader)->Scan({column}, {{0, (*reader)->num_rows()}}, {.batch_rows = kBatchRows});
    if (!stream.ok()) {
      continue;
    }
    for (int i = 0; i < kBatchesMax; ++i) {
      const auto batch = (*stream)->Next();
      if (!batch.ok() || !batch->has_value()) {
        break;
      }
      for (int64_t row = 0; row < (*batch)->num_rows; ++row) {
        std::string text;
        og::format::AppendJsonRow(**batch, row, text);
      }
    }
  }
  return 0;
}
