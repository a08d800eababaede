#include "engine/graph/load/row_source.h"

#include <string_view>
#include <utility>

#include "format/arrow/json.h"
#include "io/base/json_writer.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

std::string Quoted(std::string_view text) {
  io::JsonWriter out;
  out.String(text);
  return std::move(out).Finish();
}

}  // namespace

void AppendLines(const SourceRows& rows, std::string& lines) {
  const std::string kind =
      io::StrCat(rows.is_edge ? "{\"edge\":" : "{\"type\":", Quoted(rows.type_name));
  std::vector<std::string> names;
  for (const SourceRows::Member& member : rows.members)
    names.push_back(io::StrCat(Quoted(member.name), ":"));
  const auto append = [&](size_t member, int64_t row, std::string_view before) {
    lines += before;
    lines += names[member];
    format::AppendJsonValue(*rows.members[member].values, row, lines);
  };
  for (int64_t row = 0; row < rows.num_rows; ++row) {
    lines += kind;
    for (size_t i = 0; i < names.size(); ++i) {
      if (!rows.members[i].in_data) append(i, row, ",");
    }
    lines += ",\"data\":{";
    std::string_view before = "";
    for (size_t i = 0; i < names.size(); ++i) {
      const SourceRows::Member& member = rows.members[i];
      if (!member.in_data || (member.name == "id" && member.values->IsNull(row))) continue;
      append(i, row, std::exchange(before, ","));
    }
    lines += "}}\n";
  }
}

}  // namespace og::engine::graph
