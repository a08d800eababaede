// What a data file consists of, as its metadata says: for tools that show a file to people.
//
// Nothing is decoded and no value is read. Encodings that this version cannot read are named as far
// as their messages tell ("compressive encoding 14"), so that a file of a later version can be
// looked at too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "format/file/footer.h"
#include "format/page/row_range.h"

namespace lance::file::v2 {
class ColumnMetadata;
}

namespace og::format {

// An encoding with what stands in it: "mini-block" with "values", "definition levels" and so on.
struct EncodingNode {
  std::string role;  // in the node above: "values", "dictionary"; empty at the root
  std::string name;  // "flat", "bit-packed", "general"
  std::vector<std::pair<std::string, std::string>> facts;  // {"bits", "32"}; values as text
  std::vector<EncodingNode> children;

  friend bool operator==(const EncodingNode&, const EncodingNode&) = default;
};

// One line: `mini-block(values: run-length(values: flat 32, lengths: flat 8))`.
std::string EncodingText(const EncodingNode& node);

struct StoredPage {
  uint64_t length = 0;  // rows; in version 2.0 values of this column
  uint64_t first_row = 0;
  std::vector<FileRange> buffers;
  uint64_t stored_bytes = 0;  // of the buffers
  EncodingNode encoding;
};

struct StoredColumn {
  int32_t index = 0;
  std::string path;          // "a.b"; list items as "a.item"
  std::string logical_type;  // of the field
  bool is_blob = false;
  uint64_t metadata_bytes = 0;
  uint64_t stored_bytes = 0;  // of all pages
  std::vector<StoredPage> pages;
};

struct FileInfo {
  Footer footer;
  uint64_t file_bytes = 0;
  uint64_t num_rows = 0;
  std::vector<FileRange> global_buffers;  // the first one is the schema
  bool has_page_sums = false;             // then they are the last one
  std::vector<StoredColumn> columns;
};

// Pages of one column. kDataLoss for messages that are damaged.
absl::StatusOr<std::vector<StoredPage>> PagesOfColumnMetadata(
    const lance::file::v2::ColumnMetadata& metadata, FileVersion version);

}  // namespace og::format
