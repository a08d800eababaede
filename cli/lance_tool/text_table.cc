#include "cli/lance_tool/text_table.h"

#include <algorithm>

#include "io/base/check.h"

namespace og::cli {

TextTable::TextTable(std::initializer_list<std::string_view> titles) {
  std::vector<std::string> row;
  for (std::string_view title : titles) {
    to_the_right_.push_back(title.starts_with('>'));
    title.remove_prefix(to_the_right_.back() ? 1 : 0);
    row.emplace_back(title);
  }
  rows_.push_back(std::move(row));
}

void TextTable::Add(std::vector<std::string> cells) {
  OG_CHECK(cells.size() == to_the_right_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::Text() const {
  std::vector<size_t> widths(to_the_right_.size());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      line += i == 0 ? "" : "  ";
      line += to_the_right_[i] ? padding + row[i] : row[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace og::cli
