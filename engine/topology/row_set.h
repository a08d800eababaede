// Which rows a version of a table has, and in which order: its fragments, each by the files that
// hold its rows and by its deletions. Data files never change under their name and names are
// random, so that equal row sets are equal rows in equal order, on whatever branch and wherever the
// table was moved to.
#pragma once

#include <cstdint>
#include <vector>

#include "format/table/manifest.h"

namespace og::engine::topology {

struct RowSet {
  struct Fragment {
    uint64_t fingerprint = 0;
    uint64_t num_rows = 0;  // live ones
    friend bool operator==(const Fragment&, const Fragment&) = default;
  };

  std::vector<Fragment> fragments;

  uint64_t num_rows() const;
  // Whether `other` has these rows first, and then maybe more.
  bool Begins(const RowSet& other) const;

  friend bool operator==(const RowSet&, const RowSet&) = default;
};

RowSet RowSetOf(const format::Manifest& manifest);

}  // namespace og::engine::topology
