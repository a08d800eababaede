// Any bytes are a graph batch or refused, and that does not depend on how they are cut into blocks:
// the first byte is the size of these.
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "engine/graph/load/graph_batch.h"
#include "engine/graph/load/graph_batch_testing.h"
#include "engine/schema/catalog.h"
#include "format/arrow/builder.h"
#include "format/arrow/json.h"
#include "io/base/check.h"
#include "io/env/real_env.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kSchema = R"(
node Person {
  name: String @key
  age: I32?
  score: F32?
  born: Date?
  seen: DateTime?
  tags: [String]?
  vec: Vector(2)?
  level: enum(junior, senior)?
  photo: Blob?
  @range(age, 0..150)
}
node Pair { a: String b: I64 @key(a, b) }
node Note { text: String }
edge Knows: Person -> Person { since: I32? }
)";

using Tables = std::map<std::string, std::string, std::less<>>;

// The rows of every table as lines; nullopt if `text` is refused. Ids that were made have 26
// characters and differ each time.
std::optional<Tables> Load(std::string_view text, size_t block_bytes) {
  static const schema::CatalogPtr catalog = *schema::CatalogFromText(kSchema);
  Tables tables;
  TextSource source(text, 64);
  GraphBatchOptions options;
  options.block_bytes = block_bytes;
  options.line_bytes_max = 10'000;
  const absl::Status status =
      ReadGraphBatch(io::RealEnv(), *catalog, source, options, [&tables](TableBatch batch) {
        format::StringBuilder ids(format::Utf8());
        for (int64_t row = 0; row < batch.rows.num_rows; ++row) {
          const std::string_view id = batch.rows.columns[0]->StringValue(row);
          ids.Append(id.size() == 26 ? "made" : id);
        }
        batch.rows.columns[0] = ids.Finish();
        std::string& lines = tables[std::string(batch.table_key)];
        for (int64_t row = 0; row < batch.rows.num_rows; ++row)
          format::AppendJsonRow(batch.rows, row, lines);
        return absl::OkStatus();
      });
  return status.ok() ? std::optional(std::move(tables)) : std::nullopt;
}

}  // namespace
}  // namespace og::engine::graph

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  OG_CHECK(og::engine::graph::Load(text, size_t{data[0]} + 1) ==
           og::engine::graph::Load(text, size_t{64} << 10));
  return 0;
}
