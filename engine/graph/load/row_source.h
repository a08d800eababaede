// A source of a load that has its records as columns of values. Like any other it gives the JSON
// lines that they stand for; a reader that takes columns takes those instead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/graph/graph.h"
#include "format/arrow/array.h"

namespace og::engine::graph {

// Records of one type, one a row.
struct SourceRows {
  struct Member {
    std::string name;     // a property, "id", "from" or "to"
    bool in_data = true;  // not an end of an edge
    format::ArrayPtr values;
  };

  std::string type_name;
  bool is_edge = false;
  uint64_t first_line = 1;  // of the lines that the source stands for
  int64_t num_rows = 0;
  std::vector<Member> members;  // of every record, in their order
};

// Thread-compatible.
class RowSource : public ByteSource {
 public:
  // The next rows, in place of the lines that Read would give; nullopt at the end. Not for a source
  // of which a part was read.
  virtual absl::StatusOr<std::optional<SourceRows>> NextRows() = 0;

  // Of size().
  virtual uint64_t bytes_read() const = 0;
};

// Appends the lines that `rows` stand for. An id that is null is left out.
void AppendLines(const SourceRows& rows, std::string& lines);

}  // namespace og::engine::graph
