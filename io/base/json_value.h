// A JSON document as a tree of values, for small documents: schema contracts, recovery records,
// refs, parameters. Bulk data goes through simdjson directly.
//
// Numbers keep what their text said: an integer that fits is kInt or kUint, all else kDouble.
// Objects keep the order of their members; duplicate names are an error. Values are plain data:
// const access from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace og::io {

class JsonValue {
 public:
  enum class Kind : uint8_t { kNull, kBool, kInt, kUint, kDouble, kString, kArray, kObject };
  using Member = std::pair<std::string, JsonValue>;

  // Parses one document. kInvalidArgument says what is wrong; nesting is limited to 128 levels.
  static absl::StatusOr<JsonValue> Parse(std::string_view text);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_array() const { return kind_ == Kind::kArray; }
  bool is_object() const { return kind_ == Kind::kObject; }
  bool is_number() const { return kind_ >= Kind::kInt && kind_ <= Kind::kDouble; }

  // "null", "bool", "number", "string", "array", "object".
  std::string_view KindName() const;

  // The value if it has that kind (kInt and kUint convert where the value fits), else nullopt.
  std::optional<bool> AsBool() const;
  std::optional<int64_t> AsInt64() const;
  std::optional<uint64_t> AsUint64() const;
  std::optional<double> AsDouble() const;  // any number

  // The text of a string, the items of an array, the members of an object; empty for others.
  const std::string& string() const { return string_; }
  const std::vector<JsonValue>& items() const { return items_; }
  const std::vector<Member>& members() const { return members_; }

  // The member `name` of an object, or null.
  const JsonValue* Find(std::string_view name) const;

  // Checked access to members; kInvalidArgument names the member and what was found.
  absl::StatusOr<const JsonValue*> RequiredMember(std::string_view name) const;
  absl::StatusOr<std::string> StringMember(std::string_view name) const;
  absl::StatusOr<uint64_t> Uint64Member(std::string_view name) const;
  absl::StatusOr<int64_t> Int64Member(std::string_view name) const;
  absl::StatusOr<bool> BoolMember(std::string_view name) const;
  // nullopt when the member is absent or null.
  absl::StatusOr<std::optional<std::string>> OptionalStringMember(std::string_view name) const;
  absl::StatusOr<std::optional<uint64_t>> OptionalUint64Member(std::string_view name) const;

 private:
  friend class JsonTreeBuilder;

  Kind kind_ = Kind::kNull;
  bool bool_ = false;
  int64_t int_ = 0;
  uint64_t uint_ = 0;
  double double_ = 0;
  std::string string_;
  std::vector<JsonValue> items_;
  std::vector<Member> members_;
};

}  // namespace og::io
