// Bytes written as hexadecimal text, for golden tests.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace og::tests {

// The bytes of `hex`; blanks and line ends are skipped. Aborts on anything else.
std::vector<std::byte> FromHex(std::string_view hex);

// Lower-case digits, two a byte, nothing between.
std::string ToHex(std::span<const std::byte> bytes);

// The bytes of `text`.
std::vector<std::byte> Bytes(std::string_view text);

}  // namespace og::tests
