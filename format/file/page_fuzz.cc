// Any pages, in a file that is sound otherwise (page_input.h): they are refused, or a scan and a
// take give arrays that are valid and whose values can all be looked at. Every layout of 2.1 and
// later, every array encoding of 2.0, packed structs, blobs, and every codec below them.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/arrow/json.h"
#include "format/file/page_input.h"
#include "format/file/reader.h"
#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/memory/memory_store.h"

namespace og::format {
namespace {

constexpr int kBatchesMax = 4;
constexpr uint64_t kBatchRows = 256;

void Look(const RecordBatch& batch) {
  for (const ArrayPtr& column : batch.columns) {
    // That text is UTF-8 is for the writer to see to.
    const absl::Status valid = Validate(*column);
    OG_CHECK(valid.ok() || io::Message(valid).find("UTF-8") != std::string_view::npos);
  }
  std::string text;
  for (int64_t row = 0; row < batch.num_rows; ++row) {
    AppendJsonRow(batch, row, text);
    text.clear();
  }
}

void ReadPages(const FileReader& reader) {
  const std::vector<ColumnRequest> columns = reader.AllColumns();
  std::vector<ColumnRequest> contents = columns;
  for (ColumnRequest& column : contents) {
    column.blob_contents = true;
  }
  const auto stream = reader.Scan(contents, {{0, reader.num_rows()}}, {.batch_rows = kBatchRows});
  for (int i = 0; stream.ok() && i < kBatchesMax; ++i) {
    const auto batch = (*stream)->Next();
    if (!batch.ok() || !batch->has_value()) {
      break;
    }
    Look(**batch);
  }
  if (reader.num_rows() == 0) {
    return;
  }
  const std::vector<uint64_t> rows = {reader.num_rows() - 1, 0, reader.num_rows() / 3};
  if (const auto taken = reader.Take(columns, rows); taken.ok()) {
    Look(*taken);
  }
}

}  // namespace
}  // namespace og::format

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = og::format::FileOfPageInput(std::as_bytes(std::span(data, size)));
  if (!file.has_value()) {
    return 0;
  }
  const auto store =
      std::make_shared<og::io::MemoryStore>("memory://fuzz/", [] { return int64_t{0}; });
  OG_CHECK(store->Put("x", og::io::AsBytes(*file)).ok());
  const auto reader = og::format::FileReader::Open({store, "x"}, 0);
  OG_CHECK(reader.ok());
  og::format::ReadPages(**reader);
  return 0;
}
