#include "engine/dataset/projection.h"

#include <algorithm>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::LanceField;

// `field` with only the member at `path` (whole if `path` is empty); nullopt if there is none.
std::optional<LanceField> Cut(const LanceField& field, std::span<const std::string> path) {
  if (path.empty()) {
    return field;
  }
  const LanceField* child = field.Child(path.front());
  if (child == nullptr || !field.is_struct() || field.is_blob()) {
    return std::nullopt;
  }
  std::optional<LanceField> cut = Cut(*child, path.subspan(1));
  if (!cut) {
    return std::nullopt;
  }
  LanceField result = field;
  result.children = {*std::move(cut)};
  return result;
}

// Members of `a` or `b`, in the order of `whole`.
LanceField UnionField(const LanceField& whole, const LanceField& a, const LanceField& b) {
  LanceField result = a;
  result.children.clear();
  for (const LanceField& child : whole.children) {
    const LanceField* in_a = a.Child(child.name);
    const LanceField* in_b = b.Child(child.name);
    if (in_a != nullptr && in_b != nullptr) {
      result.children.push_back(UnionField(child, *in_a, *in_b));
    } else if (in_a != nullptr || in_b != nullptr) {
      result.children.push_back(in_a != nullptr ? *in_a : *in_b);
    }
  }
  return result;
}

}  // namespace

absl::StatusOr<Projection> ProjectColumns(const format::LanceSchema& schema,
                                          std::span<const std::string> columns) {
  std::vector<std::vector<std::string>> paths;
  for (const std::string& column : columns) {
    if (schema.Find(column) != nullptr) {
      paths.push_back({column});
      continue;
    }
    std::vector<std::string> path;
    for (const std::string_view name : io::Split(column, '.')) {
      path.emplace_back(name);
    }
    paths.push_back(std::move(path));
  }
  return ProjectPaths(schema, paths);
}

absl::StatusOr<Projection> ProjectPaths(const format::LanceSchema& schema,
                                        std::span<const std::vector<std::string>> paths) {
  Projection fields;
  for (const std::vector<std::string>& path : paths) {
    const LanceField* top = path.empty() ? nullptr : schema.Find(path.front());
    std::optional<LanceField> cut =
        top == nullptr ? std::nullopt : Cut(*top, std::span(path).subspan(1));
    if (!cut) {
      return io::NotFoundError(io::StrCat("no column ", io::Join(path, ".")));
    }
    fields = Union(schema, fields, {*std::move(cut)});
  }
  return fields;
}

Projection Union(const format::LanceSchema& schema, const Projection& a, const Projection& b) {
  Projection result = a;
  for (const LanceField& field : b) {
    const auto same = std::ranges::find(result, field.id, &LanceField::id);
    if (same == result.end()) {
      result.push_back(field);
    } else if (const LanceField* whole = schema.FindId(field.id); whole != nullptr) {
      *same = UnionField(*whole, *same, field);
    }
  }
  return result;
}

std::optional<size_t> IndexOfField(std::span<const LanceField> fields, int32_t id) {
  const auto at = std::ranges::find(fields, id, &LanceField::id);
  return at == fields.end() ? std::nullopt
                            : std::optional(static_cast<size_t>(at - fields.begin()));
}

format::ArrayPtr Prune(const format::ArrayPtr& array, const LanceField& from,
                       const LanceField& to) {
  if (!from.is_struct() || from == to) {
    return array;
  }
  auto result = std::make_shared<format::Array>(*array);
  result->children.clear();
  std::vector<format::Field> members;
  for (const LanceField& child : to.children) {
    const auto at = IndexOfField(from.children, child.id);
    if (!at || *at >= array->children.size()) {
      continue;
    }
    result->children.push_back(Prune(array->children[*at], from.children[*at], child));
    format::Field member = array->type->children[*at];
    member.type = result->children.back()->type;
    members.push_back(std::move(member));
  }
  result->type = format::Struct(std::move(members));
  return result;
}

}  // namespace og::engine::dataset
