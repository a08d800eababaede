// Rows of key columns grouped among themselves, so that a table of groups is asked once for each
// group of a batch and not once for each row. It needs nothing but the columns: batches may be
// grouped in several threads while one thread looks after the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/arrow/array.h"

namespace og::engine::exec {

// Groups are numbered in the order in which they first appear. Rows of one group are equal in all
// keys, all NaNs being one value; rows of different groups may be equal too, where a dictionary has
// a value twice.
class KeyGroups {
 public:
  struct Group {
    int64_t row = 0;         // its first one
    std::string_view bytes;  // those of AppendKey for each key
    uint64_t hash = 0;       // of the bytes
  };

  // REQUIRES: at least one key; `num_rows` values in each, plain or with a dictionary.
  KeyGroups(std::vector<format::ArrayPtr> keys, int64_t num_rows);
  KeyGroups(const KeyGroups&) = delete;
  KeyGroups& operator=(const KeyGroups&) = delete;

  const std::vector<format::ArrayPtr>& keys() const { return keys_; }
  // The group of each row.
  const std::vector<uint32_t>& of_rows() const { return of_rows_; }
  const std::vector<Group>& groups() const { return groups_; }

 private:
  const std::vector<format::ArrayPtr> keys_;
  std::vector<uint32_t> of_rows_;
  std::vector<Group> groups_;
  std::string bytes_;
};

}  // namespace og::engine::exec
