// Any bytes are rows of each format or refused: the first byte says which format, and whether a
// schema is given.
#include <cstddef>
#include <cstdint>
#include <string>

#include "format/arrow/json.h"
#include "format/tabular/tabular.h"
#include "format/tabular/text_input_testing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace format = og::format;
  if (size == 0) return 0;
  constexpr format::TabularFormat kFormats[] = {format::TabularFormat::kJsonLines,
                                                format::TabularFormat::kCsv,
                                                format::TabularFormat::kArrowStream};
  format::TabularReadOptions options;
  if (data[0] % 2 == 1) {
    options.schema = std::make_shared<format::Schema>(
        format::Schema{{{"a", format::Int32(), true, {}},
                        {"b", format::Utf8(), true, {}},
                        {"c", format::ListOf(format::Float64()), true, {}},
                        {"d", format::Timestamp(format::TimeUnit::kNano), true, {}}},
                       {}});
  }
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto stream = format::OpenTabular(kFormats[data[0] / 2 % 3],
                                    format::TextInput::Of(std::move(bytes), 64), options);
  if (!stream.ok()) return 0;
  while (true) {
    const auto batch = (*stream)->Next();
    if (!batch.ok() || !batch->has_value()) return 0;
    std::string text;
    for (int64_t row = 0; row < (*batch)->num_rows && row < 1000; ++row)
      format::AppendJsonRow(**batch, row, text);
  }
}
