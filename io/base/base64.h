// Base64 of RFC 4648: the standard alphabet with padding, and the URL alphabet without.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace og::io {

// "+/" alphabet, padded with '='.
std::string EncodeBase64(std::span<const std::byte> bytes);

// "-_" alphabet, no padding.
std::string EncodeBase64Url(std::span<const std::byte> bytes);

// Strict: only the one text that the encoder above writes for some bytes is accepted (right
// alphabet, right padding, unused bits zero); nullopt otherwise.
std::optional<std::vector<std::byte>> DecodeBase64(std::string_view text);
std::optional<std::vector<std::byte>> DecodeBase64Url(std::string_view text);

}  // namespace og::io
