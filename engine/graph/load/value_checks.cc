#include "engine/graph/load/value_checks.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "engine/expr/pattern.h"
#include "engine/expr/text.h"
#include "engine/graph/load/json_column.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

struct Violation {
  int64_t row;
  std::string message;
};

// The number at `i`, or nullopt for a type without one.
std::optional<double> NumberAt(const format::Array& array, int64_t i) {
  switch (array.type->id) {
    case format::TypeId::kInt32:
      return static_cast<double>(array.Value<int32_t>(i));
    case format::TypeId::kInt64:
      return static_cast<double>(array.Value<int64_t>(i));
    case format::TypeId::kUint32:
      return static_cast<double>(array.Value<uint32_t>(i));
    case format::TypeId::kUint64:
      return static_cast<double>(array.Value<uint64_t>(i));
    case format::TypeId::kFloat32:
      return static_cast<double>(array.Value<float>(i));
    case format::TypeId::kFloat64:
      return array.Value<double>(i);
    default:
      return std::nullopt;
  }
}

std::optional<double> NumberOf(const std::optional<schema::Bound>& bound) {
  if (!bound) return std::nullopt;
  return std::visit([](auto value) { return static_cast<double>(value); }, *bound);
}

}  // namespace

struct ValueChecks::State {
  struct Range {
    size_t column;
    std::optional<double> min;
    std::optional<double> max;
  };
  struct Pattern {
    size_t column;
    std::string text;
    std::optional<expr::Pattern> compiled;
  };

  std::optional<Violation> FindRange(const Range& range, const format::Array& array) const;
  absl::StatusOr<std::optional<Violation>> FindPattern(Pattern& pattern,
                                                       const format::Array& array) const;
  std::optional<Violation> FindEnum(size_t column, const format::Array& array) const;
  std::optional<size_t> ColumnOf(std::string_view property) const;

  std::string type_name;
  std::vector<schema::Property> properties;
  std::vector<Range> ranges;
  std::vector<Pattern> patterns;
};

std::optional<size_t> ValueChecks::State::ColumnOf(std::string_view property) const {
  for (size_t i = 0; i < properties.size(); ++i) {
    if (properties[i].name == property) return i;
  }
  return std::nullopt;
}

std::optional<Violation> ValueChecks::State::FindRange(const Range& range,
                                                       const format::Array& array) const {
  for (int64_t row = 0; row < array.length; ++row) {
    if (array.IsNull(row)) continue;
    const auto value = NumberAt(array, row);
    if (!value) return std::nullopt;
    const auto violation = [&](std::string_view what) {
      return Violation{row, io::StrCat("@range violation on ", type_name, ".",
                                       properties[range.column].name, ": ", what)};
    };
    if (std::isnan(*value)) return violation("value is NaN");
    if (range.min && *value < *range.min) {
      return violation(
          io::StrCat("value ", expr::FloatText(*value), " < min ", expr::FloatText(*range.min)));
    }
    if (range.max && *value > *range.max) {
      return violation(
          io::StrCat("value ", expr::FloatText(*value), " > max ", expr::FloatText(*range.max)));
    }
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<Violation>> ValueChecks::State::FindPattern(
    Pattern& pattern, const format::Array& array) const {
  if (array.type->id != format::TypeId::kUtf8) return std::nullopt;
  const std::string& property = properties[pattern.column].name;
  if (!pattern.compiled) {
    absl::StatusOr<expr::Pattern> compiled = expr::Pattern::Compile(pattern.text);
    if (!compiled.ok()) {
      return InputError(io::StrCat("@check on ", type_name, ".", property, " has invalid regex '",
                                   pattern.text, "': ", io::Message(compiled.status())));
    }
    pattern.compiled.emplace(*std::move(compiled));
  }
  for (int64_t row = 0; row < array.length; ++row) {
    if (array.IsNull(row)) continue;
    const std::string_view value = array.StringValue(row);
    if (pattern.compiled->Matches(value)) continue;
    return Violation{row, io::StrCat("@check violation on ", type_name, ".", property, ": value '",
                                     value, "' does not match pattern '", pattern.text, "'")};
  }
  return std::nullopt;
}

std::optional<Violation> ValueChecks::State::FindEnum(size_t column,
                                                      const format::Array& array) const {
  const std::vector<std::string>& legal = *properties[column].type.enum_values;
  for (int64_t row = 0; row < array.length; ++row) {
    if (array.IsNull(row)) continue;
    const std::string_view value = array.StringValue(row);
    if (std::binary_search(legal.begin(), legal.end(), value)) continue;
    return Violation{
        row, io::StrCat("invalid enum value '", value, "' for ", type_name, ".",
                        properties[column].name, " (expected: ", io::Join(legal, ", "), ")")};
  }
  return std::nullopt;
}

ValueChecks::ValueChecks(std::string type_name, const std::vector<schema::Property>& properties)
    : state_(std::make_unique<State>()) {
  state_->type_name = std::move(type_name);
  state_->properties = properties;
}

ValueChecks::~ValueChecks() = default;

void ValueChecks::Add(const std::vector<schema::RangeCheck>& ranges,
                      const std::vector<schema::PatternCheck>& checks) {
  for (const schema::RangeCheck& range : ranges) {
    if (const auto column = state_->ColumnOf(range.property)) {
      state_->ranges.push_back({*column, NumberOf(range.min), NumberOf(range.max)});
    }
  }
  for (const schema::PatternCheck& check : checks) {
    if (const auto column = state_->ColumnOf(check.property)) {
      state_->patterns.push_back({*column, check.pattern, std::nullopt});
    }
  }
}

absl::Status ValueChecks::Check(std::span<const format::ArrayPtr> columns,
                                std::span<const uint64_t> lines) {
  std::optional<Violation> first;
  const auto note = [&first](std::optional<Violation> found) {
    if (found && (!first || found->row < first->row)) first = std::move(found);
  };
  for (const State::Range& range : state_->ranges) {
    note(state_->FindRange(range, *columns[range.column]));
  }
  for (State::Pattern& pattern : state_->patterns) {
    OG_ASSIGN_OR_RETURN(auto found, state_->FindPattern(pattern, *columns[pattern.column]));
    note(std::move(found));
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    const schema::PropType& type = state_->properties[i].type;
    if (type.enum_values && !type.list) note(state_->FindEnum(i, *columns[i]));
  }
  if (!first) return absl::OkStatus();
  const auto row = static_cast<size_t>(first->row);
  return row < lines.size() ? InputError(io::StrCat("line ", lines[row], ": ", first->message))
                            : InputError(first->message);
}

}  // namespace og::engine::graph
