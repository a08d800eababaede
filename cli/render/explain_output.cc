#include "cli/render/explain_output.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "io/base/json_writer.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

using engine::exec::Analysis;
using engine::exec::ExplainedOperator;
using engine::exec::IoCounts;

// Columns of text in front of the numbers, unless a plan is wider.
constexpr size_t kPlanWidthMax = 72;

std::string Milliseconds(int64_t ns) {
  std::array<char, 32> text;
  const int length =
      std::snprintf(text.data(), text.size(), "%.3f", static_cast<double>(ns) / 1'000'000);
  return {text.data(), static_cast<size_t>(length)};
}

int64_t WholeRows(double rows) {
  return static_cast<int64_t>(std::min(std::ceil(rows), 9e18));
}

std::string IoText(const IoCounts& io) {
  return io::StrCat(io.requests, " requests, ", io.bytes, " bytes");
}

struct Line {
  std::string left;
  std::string right;
};

void AppendLines(const ExplainedOperator& op, size_t depth, std::vector<Line>& lines) {
  const std::string indent(2 * depth, ' ');
  Line& line = lines.emplace_back();
  line.left = io::StrCat(indent, op.name, op.detail.empty() ? "" : " ", op.detail);
  if (!op.way.empty()) line.left += io::StrCat(" (", op.way, ")");
  line.right = io::StrCat("~", WholeRows(op.rows_estimated), " rows");
  if (op.actual.has_value()) {
    line.right += io::StrCat(", ", op.actual->rows, " rows, ", Milliseconds(op.actual->ns), " ms, ",
                             IoText(op.actual->io));
  }
  for (const std::string& access : op.access)
    lines.push_back({io::StrCat(indent, "    ", access), ""});
  for (const ExplainedOperator& input : op.inputs)
    AppendLines(input, depth + 1, lines);
}

void WriteOperator(const ExplainedOperator& op, io::JsonWriter& json) {
  json.BeginObject();
  json.Key("operator");
  json.String(op.name);
  json.Key("detail");
  json.String(op.detail);
  json.Key("way");
  json.String(op.way);
  json.Key("access");
  json.BeginArray();
  for (const std::string& access : op.access)
    json.String(access);
  json.EndArray();
  json.Key("rows_estimated");
  json.Int(WholeRows(op.rows_estimated));
  if (op.actual.has_value()) {
    json.Key("rows");
    json.Uint(op.actual->rows);
    json.Key("milliseconds");
    json.Float(static_cast<double>(op.actual->ns) / 1'000'000);
    json.Key("requests");
    json.Uint(op.actual->io.requests);
    json.Key("bytes");
    json.Uint(op.actual->io.bytes);
  }
  json.Key("inputs");
  json.BeginArray();
  for (const ExplainedOperator& input : op.inputs)
    WriteOperator(input, json);
  json.EndArray();
  json.EndObject();
}

}  // namespace

std::string ExplainText(const ExplainedOperator& plan) {
  std::vector<Line> lines;
  AppendLines(plan, 0, lines);
  size_t width = 0;
  for (const Line& line : lines) {
    if (!line.right.empty() && line.left.size() <= kPlanWidthMax) {
      width = std::max(width, line.left.size());
    }
  }
  std::string text;
  for (const Line& line : lines) {
    text += line.left;
    if (!line.right.empty()) {
      text.append(line.left.size() < width ? width - line.left.size() : 0, ' ');
      text += io::StrCat("  ", line.right);
    }
    text += '\n';
  }
  return text;
}

std::string AnalysisText(const Analysis& analysis) {
  return io::StrCat(ExplainText(analysis.plan), "total: ", analysis.result.num_rows(), " rows, ",
                    Milliseconds(analysis.ns), " ms, ", IoText(analysis.io), "\n");
}

std::string ExplainJson(std::string_view query_name, const ExplainedOperator& plan) {
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginObject();
  json.Key("query_name");
  json.String(query_name);
  json.Key("mode");
  json.String("plan");
  json.Key("plan");
  WriteOperator(plan, json);
  json.EndObject();
  return std::move(json).Finish() + "\n";
}

std::string AnalysisJson(std::string_view query_name, const Analysis& analysis) {
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginObject();
  json.Key("query_name");
  json.String(query_name);
  json.Key("mode");
  json.String("analyze");
  json.Key("rows");
  json.Uint(analysis.result.num_rows());
  json.Key("milliseconds");
  json.Float(static_cast<double>(analysis.ns) / 1'000'000);
  json.Key("requests");
  json.Uint(analysis.io.requests);
  json.Key("bytes");
  json.Uint(analysis.io.bytes);
  json.Key("plan");
  WriteOperator(analysis.plan, json);
  json.EndObject();
  return std::move(json).Finish() + "\n";
}

}  // namespace og::cli
