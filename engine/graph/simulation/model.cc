#include "engine/graph/simulation/model.h"

#include <algorithm>

#include "io/base/json_value.h"
#include "io/base/text.h"

namespace og::engine::graph::simulation {
namespace {

std::string PersonOf(const Step& step) {
  return io::StrCat("p", step.key);
}
std::string TeamOf(const Step& step) {
  return io::StrCat("t", step.value % 4);
}
std::string EmailOf(const Step& step) {
  return io::StrCat("e", step.value);
}

void EraseEdgesOf(std::map<std::string, Edge>& edges, std::string Edge::*end,
                  const std::string& id) {
  std::erase_if(edges, [&](const auto& edge) { return edge.second.*end == id; });
}

// One table of a merge. False: a conflict.
template <typename Rows, typename Find>
bool MergeTable(const Rows& base, const Rows& source, const Rows& target, const Find& find,
                const std::set<std::string>& ids, Rows& merged) {
  merged = target;
  for (const std::string& id : ids) {
    const auto was = find(base, id);
    const auto theirs = find(source, id);
    const auto ours = find(target, id);
    if (theirs == was || theirs == ours) continue;
    if (ours != was) return false;
    merged.erase(id);
    if (theirs.has_value()) merged.insert(*theirs);
  }
  return true;
}

template <typename Rows>
std::set<std::string> IdsOf(const Rows& base, const Rows& source, const Rows& target) {
  std::set<std::string> ids;
  for (const Rows* rows : {&base, &source, &target}) {
    for (const auto& row : *rows) {
      if constexpr (std::is_same_v<Rows, std::set<std::string>>) {
        ids.insert(row);
      } else {
        ids.insert(row.first);
      }
    }
  }
  return ids;
}

template <typename Rows>
bool MergeRows(const Rows& base, const Rows& source, const Rows& target, Rows& merged) {
  const auto find = [](const Rows& rows,
                       const std::string& id) -> std::optional<typename Rows::value_type> {
    const auto found = rows.find(id);
    return found == rows.end() ? std::nullopt : std::optional(*found);
  };
  return MergeTable(base, source, target, find, IdsOf(base, source, target), merged);
}

std::string Text(const std::optional<int64_t>& value) {
  return value.has_value() ? io::StrCat(*value) : "null";
}

std::string PersonLine(std::string_view name, const std::optional<int64_t>& age,
                       const std::optional<std::string>& email) {
  return io::StrCat("Person ", name, " ", Text(age), " ", email.value_or("null"));
}

std::string EdgeLine(std::string_view type, std::string_view from, std::string_view to,
                     const std::optional<int64_t>& since) {
  return io::StrCat(type, " ", from, " ", to, " ", Text(since));
}

std::string LineOf(const io::JsonValue& row) {
  const io::JsonValue* const data = row.Find("data");
  const io::JsonValue* const edge = row.Find("edge");
  if (edge != nullptr) {
    const io::JsonValue* const since = data->Find("since");
    return EdgeLine(edge->string(), row.Find("from")->string(), row.Find("to")->string(),
                    since == nullptr ? std::nullopt : since->AsInt64());
  }
  if (row.Find("type")->string() == "Team") return "Team " + data->Find("slug")->string();
  const io::JsonValue* const email = data->Find("email");
  return PersonLine(data->Find("name")->string(), data->Find("age")->AsInt64(),
                    email->is_string() ? std::optional(email->string()) : std::nullopt);
}

}  // namespace

void Apply(const Step& step, uint64_t id, Entities& entities) {
  const std::string person = PersonOf(step);
  switch (step.kind) {
    case StepKind::kInsertPerson:
      entities.people[person] = {.age = std::nullopt, .email = EmailOf(step)};
      entities.knows[io::StrCat("#", id)] = {person, person, std::nullopt};
      return;
    case StepKind::kSetAge:
      if (const auto found = entities.people.find(person); found != entities.people.end())
        found->second.age = static_cast<int64_t>(step.value);
      return;
    case StepKind::kSetEmail:
      if (const auto found = entities.people.find(person); found != entities.people.end())
        found->second.email = EmailOf(step);
      return;
    case StepKind::kDeletePerson:
      entities.people.erase(person);
      EraseEdgesOf(entities.knows, &Edge::from, person);
      EraseEdgesOf(entities.knows, &Edge::to, person);
      EraseEdgesOf(entities.members, &Edge::from, person);
      return;
    case StepKind::kInsertMember:
      entities.members[io::StrCat("#", id)] = {person, TeamOf(step), std::nullopt};
      return;
    case StepKind::kDeleteTeam:
      entities.teams.erase(TeamOf(step));
      EraseEdgesOf(entities.members, &Edge::to, TeamOf(step));
      return;
    case StepKind::kAppend:
      entities.people[io::StrCat("n", id)] = {};
      entities.teams.insert(io::StrCat("n", id));
      entities.members[io::StrCat("n", id)] = {io::StrCat("n", id), io::StrCat("n", id),
                                               std::nullopt};
      return;
    case StepKind::kMergeRows:
      entities.people[person] = {.age = static_cast<int64_t>(step.value), .email = std::nullopt};
      entities.teams.insert(TeamOf(step));
      entities.knows[io::StrCat("k", step.key)] = {person, person,
                                                   static_cast<int64_t>(step.value)};
      return;
    case StepKind::kOverwriteKnows:
      entities.knows.clear();
      entities.knows[io::StrCat("k", step.key)] = {person, person,
                                                   static_cast<int64_t>(step.value)};
      return;
    default:
      return;
  }
}

std::optional<Entities> Merge(const Entities& base, const Entities& source,
                              const Entities& target) {
  Entities merged;
  if (!MergeRows(base.people, source.people, target.people, merged.people) ||
      !MergeRows(base.teams, source.teams, target.teams, merged.teams) ||
      !MergeRows(base.knows, source.knows, target.knows, merged.knows) ||
      !MergeRows(base.members, source.members, target.members, merged.members)) {
    return std::nullopt;
  }
  return merged;
}

std::string BrokenPromise(const Entities& entities) {
  std::set<std::string> emails;
  for (const auto& [name, person] : entities.people) {
    if (person.email.has_value() && !emails.insert(*person.email).second)
      return io::StrCat("two people have the address ", *person.email);
  }
  for (const auto& [id, edge] : entities.knows) {
    if (!entities.people.contains(edge.from) || !entities.people.contains(edge.to))
      return io::StrCat("an edge ", edge.from, " knows ", edge.to, " without its ends");
  }
  std::map<std::string, int> memberships;
  for (const auto& [id, edge] : entities.members) {
    if (!entities.people.contains(edge.from) || !entities.teams.contains(edge.to))
      return io::StrCat("an edge ", edge.from, " member of ", edge.to, " without its ends");
    if (++memberships[edge.from] > 2) return io::StrCat(edge.from, " has more than two teams");
  }
  return {};
}

std::vector<std::string> Lines(const Entities& entities) {
  std::vector<std::string> lines;
  for (const auto& [name, person] : entities.people)
    lines.push_back(PersonLine(name, person.age, person.email));
  for (const std::string& slug : entities.teams)
    lines.push_back("Team " + slug);
  for (const auto& [id, edge] : entities.knows)
    lines.push_back(EdgeLine("Knows", edge.from, edge.to, edge.since));
  for (const auto& [id, edge] : entities.members)
    lines.push_back(EdgeLine("MemberOf", edge.from, edge.to, std::nullopt));
  std::ranges::sort(lines);
  return lines;
}

std::vector<std::string> LinesOfExport(std::string_view text, std::string* error) {
  std::vector<std::string> lines;
  for (const std::string_view line : io::Split(text, '\n')) {
    if (line.empty()) continue;
    const auto row = io::JsonValue::Parse(line);
    if (!row.ok() || row->Find("data") == nullptr) {
      *error = std::string(text.substr(0, 300));
      return {};
    }
    lines.push_back(LineOf(*row));
  }
  std::ranges::sort(lines);
  return lines;
}

}  // namespace og::engine::graph::simulation
