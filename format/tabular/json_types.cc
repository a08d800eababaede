#include "format/tabular/json_types.h"

#include <string>
#include <utility>
#include <vector>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "simdjson.h"

namespace og::format {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr int kDepthMax = 64;

enum class Kind : uint8_t { kNothing, kBool, kNumber, kText, kList, kObject };

std::string_view Name(Kind kind) {
  constexpr std::string_view kNames[] = {"null",   "a bool", "a number",
                                         "a text", "a list", "an object"};
  return kNames[static_cast<size_t>(kind)];
}

Kind KindOf(const element& value) {
  switch (value.type()) {
    case element_type::NULL_VALUE:
      return Kind::kNothing;
    case element_type::BOOL:
      return Kind::kBool;
    case element_type::STRING:
      return Kind::kText;
    case element_type::ARRAY:
      return Kind::kList;
    case element_type::OBJECT:
      return Kind::kObject;
    default:
      return Kind::kNumber;
  }
}

// What the values of one place have in common.
struct Guess {
  struct Member;
  Kind kind = Kind::kNothing;
  bool has_fraction = false;
  bool has_negative = false;
  bool has_large = false;  // beyond int64
  std::vector<Member> members;
  std::unique_ptr<Guess> item;
};

struct Guess::Member {
  std::string name;
  Guess guess;
};

absl::Status Add(const element& value, int depth, Guess& guess);

absl::Status AddMembers(const simdjson::dom::object& object, int depth, Guess& guess) {
  size_t next = 0;  // members mostly come in one order
  for (const auto& [key, value] : object) {
    size_t at = next;
    if (at >= guess.members.size() || guess.members[at].name != key) {
      at = 0;
      while (at < guess.members.size() && guess.members[at].name != key)
        ++at;
    }
    if (at == guess.members.size()) guess.members.push_back({std::string(key), {}});
    next = at + 1;
    const absl::Status status = Add(value, depth + 1, guess.members[at].guess);
    if (!status.ok()) return io::Annotate(status, io::StrCat("member '", key, "'"));
  }
  return absl::OkStatus();
}

absl::Status Add(const element& value, int depth, Guess& guess) {
  if (depth > kDepthMax) return io::InvalidArgumentError("nested too deeply");
  const Kind kind = KindOf(value);
  if (kind == Kind::kNothing) return absl::OkStatus();
  if (guess.kind != Kind::kNothing && guess.kind != kind) {
    return io::InvalidArgumentError(io::StrCat(Name(kind), " where rows before have ",
                                               Name(guess.kind), "; a schema would say which"));
  }
  guess.kind = kind;
  switch (kind) {
    case Kind::kNumber:
      guess.has_fraction = guess.has_fraction || value.type() == element_type::DOUBLE;
      guess.has_large = guess.has_large || value.type() == element_type::UINT64;
      guess.has_negative = guess.has_negative ||
                           (value.type() == element_type::INT64 && int64_t{value.get_int64()} < 0);
      return absl::OkStatus();
    case Kind::kList: {
      if (guess.item == nullptr) guess.item = std::make_unique<Guess>();
      const simdjson::dom::array items = value.get_array();
      for (const element item : items) {
        OG_RETURN_IF_ERROR(Add(item, depth + 1, *guess.item));
      }
      return absl::OkStatus();
    }
    case Kind::kObject: {
      const simdjson::dom::object object = value.get_object();
      return AddMembers(object, depth, guess);
    }
    default:
      return absl::OkStatus();
  }
}

TypePtr TypeOf(const Guess& guess);

std::vector<Field> FieldsOf(const Guess& guess) {
  std::vector<Field> fields;
  for (const Guess::Member& member : guess.members) {
    fields.push_back(
        {.name = member.name, .type = TypeOf(member.guess), .nullable = true, .metadata = {}});
  }
  return fields;
}

TypePtr TypeOf(const Guess& guess) {
  switch (guess.kind) {
    case Kind::kBool:
      return Bool();
    case Kind::kNumber:
      if (guess.has_fraction || (guess.has_large && guess.has_negative)) return Float64();
      return guess.has_large ? Uint64() : Int64();
    case Kind::kList:
      return ListOf(TypeOf(*guess.item));
    case Kind::kObject:
      return Struct(FieldsOf(guess));
    default:
      return Utf8();
  }
}

}  // namespace

struct JsonTypeGuess::State {
  Guess row;
  simdjson::dom::parser parser;
};

JsonTypeGuess::JsonTypeGuess() : state_(std::make_unique<State>()) {}
JsonTypeGuess::~JsonTypeGuess() = default;

absl::Status JsonTypeGuess::Add(std::string_view line) {
  const auto parsed = state_->parser.parse(line.data(), line.size());
  if (parsed.error() != simdjson::SUCCESS) {
    return io::InvalidArgumentError(
        io::StrCat("invalid JSON: ", simdjson::error_message(parsed.error())));
  }
  const element row = parsed.value_unsafe();
  if (row.type() != element_type::OBJECT) {
    return io::InvalidArgumentError("a row must be a JSON object");
  }
  const simdjson::dom::object members = row.get_object();
  return AddMembers(members, 0, state_->row);
}

SchemaPtr JsonTypeGuess::Schema() const {
  auto schema = std::make_shared<format::Schema>();
  schema->fields = FieldsOf(state_->row);
  return schema;
}

}  // namespace og::format
