// Rows of text under each other: columns as wide as their widest cell, numbers to the right.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace og::cli {

// Thread-compatible.
class TextTable {
 public:
  // Titles of the columns; one that starts with '>' is for numbers, which stand to the right.
  explicit TextTable(std::initializer_list<std::string_view> titles);

  // REQUIRES: as many cells as titles.
  void Add(std::vector<std::string> cells);

  bool empty() const { return rows_.size() == 1; }
  // Lines, titles first.
  std::string Text() const;

 private:
  std::vector<bool> to_the_right_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace og::cli
