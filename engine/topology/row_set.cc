#include "engine/topology/row_set.h"

#include <algorithm>
#include <string>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/base/text.h"

namespace og::engine::topology {
namespace {

// Text that two fragments share only if they hold the same rows.
std::string Describe(const format::Fragment& fragment) {
  std::string text = io::StrCat(fragment.physical_rows);
  for (const format::DataFile& file : fragment.files) {
    text += io::StrCat("\n", file.path, " ", file.base_id.value_or(0));
    for (const int32_t field : file.fields)
      text += io::StrCat(" ", field);
  }
  if (fragment.deletion_file.has_value()) {
    text += io::StrCat("\n", DeletionFilePath(fragment.id, *fragment.deletion_file));
  }
  for (const std::string& overlay : fragment.overlays)
    text += io::StrCat("\n", overlay);
  return text;
}

}  // namespace

uint64_t RowSet::num_rows() const {
  uint64_t rows = 0;
  for (const Fragment& fragment : fragments)
    rows += fragment.num_rows;
  return rows;
}

bool RowSet::Begins(const RowSet& other) const {
  return fragments.size() <= other.fragments.size() &&
         std::equal(fragments.begin(), fragments.end(), other.fragments.begin());
}

RowSet RowSetOf(const format::Manifest& manifest) {
  RowSet rows;
  for (const format::Fragment& fragment : manifest.fragments) {
    const std::string text = Describe(fragment);
    rows.fragments.push_back({XXH3_64bits(text.data(), text.size()), fragment.num_rows()});
  }
  return rows;
}

}  // namespace og::engine::topology
