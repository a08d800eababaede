#include "cli/render/json_fields.h"

#include <utility>

namespace og::cli {

using io::JsonWriter;

void Write(JsonWriter& json, std::string_view key, std::string_view value) {
  json.Key(key);
  json.String(value);
}

void Write(JsonWriter& json, std::string_view key, uint64_t value) {
  json.Key(key);
  json.Uint(value);
}

void Write(JsonWriter& json, std::string_view key, const std::optional<std::string>& value) {
  json.Key(key);
  value ? json.String(*value) : json.Null();
}

void Write(JsonWriter& json, std::string_view key, const std::optional<uint64_t>& value) {
  json.Key(key);
  value ? json.Uint(*value) : json.Null();
}

void WriteFlag(JsonWriter& json, std::string_view key, bool value) {
  json.Key(key);
  json.Bool(value);
}

std::string Document(JsonWriter json) {
  return std::move(json).Finish() + "\n";
}

}  // namespace og::cli
