// Tables of rows as a graph batch: CSV or Arrow files read by a mapping, given out as the JSON
// lines that they stand for, or as their columns. So a load of tables is checked, staged and
// refused as any other load.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "engine/graph/graph.h"
#include "engine/graph/load/load_mapping.h"
#include "engine/graph/load/row_source.h"
#include "format/tabular/tabular.h"

namespace og::engine::graph {

// Opens the file of a table, as the mapping names it, at its start.
using TableOpener =
    std::function<absl::StatusOr<std::unique_ptr<format::ByteInput>>(const std::string& file)>;

// A row of one of the tables, counted from 1 without a header.
struct TableRow {
  std::string file;
  uint64_t row = 0;
};

// Thread-compatible.
class MappedSource : public RowSource {
 public:
  // Where the `line`th line that was read comes from, counted from 1.
  virtual std::optional<TableRow> RowOfLine(uint64_t line) const = 0;
};

// The lines of all tables of `mapping`, in its order. `name` is what the whole is called, `size`
// the bytes of all files if they are known.
std::unique_ptr<MappedSource> MakeMappedSource(format::TabularFormat format, LoadMapping mapping,
                                               TableOpener open, std::string name, uint64_t size);

}  // namespace og::engine::graph
