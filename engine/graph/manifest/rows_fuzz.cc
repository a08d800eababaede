// Any rows of `__manifest` are refused, or reduce to tables and commits that agree with themselves.
// An input is lines of fields with tabs between, in the order of kColumns; an empty field is null.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/graph/manifest/rows.h"
#include "format/arrow/array.h"
#include "format/arrow/builder.h"
#include "io/base/check.h"
#include "io/base/text.h"

namespace {

namespace graph = og::engine::graph;
namespace format = og::format;
namespace io = og::io;

struct Column {
  const char* name;
  bool is_number;
};
constexpr Column kColumns[] = {{"object_id", false},
                               {"object_type", false},
                               {"location", false},
                               {"metadata", false},
                               {"table_key", false},
                               {"stable_table_id", true},
                               {"table_incarnation_id", true},
                               {"table_version", true},
                               {"table_branch", false},
                               {"row_count", true}};

format::RecordBatch Rows(std::string_view text) {
  std::vector<std::vector<std::string_view>> lines;
  for (const std::string_view line : io::Split(text, '\n'))
    lines.push_back(io::Split(line, '\t'));
  auto schema = std::make_shared<format::Schema>();
  format::RecordBatch batch{schema, static_cast<int64_t>(lines.size()), {}};
  for (size_t i = 0; i < std::size(kColumns); ++i) {
    format::StringBuilder texts(format::Utf8());
    format::FixedBuilder<uint64_t> numbers(format::Uint64());
    for (const auto& line : lines) {
      const std::string_view field = i < line.size() ? line[i] : std::string_view();
      const auto number = io::ParseUint64(field);
      field.empty() ? texts.AppendNull() : texts.Append(field);
      number.has_value() ? numbers.Append(*number) : numbers.AppendNull();
    }
    schema->fields.push_back(format::Field{
        kColumns[i].name, kColumns[i].is_number ? format::Uint64() : format::Utf8(), true, {}});
    batch.columns.push_back(kColumns[i].is_number ? numbers.Finish() : texts.Finish());
  }
  return batch;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const format::RecordBatch batch = Rows({reinterpret_cast<const char*>(data), size});
  graph::FindHistory({&batch, 1}).IgnoreError();
  const auto state = graph::ManifestState::Reduce({&batch, 1});
  if (!state.ok()) return 0;
  for (const graph::TableEntry& table : state->tables()) {
    OG_CHECK(state->Find(table.table_key) == &table && state->Find(table.identity) == &table);
    OG_CHECK(state->LatestVersion(table.identity) == table.version);
    OG_CHECK(table.path == graph::CanonicalTablePath(table.table_key, table.identity));
  }
  OG_CHECK(state->commits().empty() == (state->NewestCommit() == nullptr));
  return 0;
}
