// Members of the JSON documents that commands print.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/base/json_writer.h"

namespace og::cli {

void Write(io::JsonWriter& json, std::string_view key, std::string_view value);
void Write(io::JsonWriter& json, std::string_view key, uint64_t value);
// Null if absent.
void Write(io::JsonWriter& json, std::string_view key, const std::optional<std::string>& value);
void Write(io::JsonWriter& json, std::string_view key, const std::optional<uint64_t>& value);

// A name of its own: a text without a length would pass as a flag.
void WriteFlag(io::JsonWriter& json, std::string_view key, bool value);

// The text of a finished document, with a line end.
std::string Document(io::JsonWriter json);

}  // namespace og::cli
