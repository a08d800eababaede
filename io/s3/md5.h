// MD5, which S3 still asks for in one place. Not for anything that has to be safe.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>

namespace og::io {

// nullopt where the system's cryptography forbids it.
std::optional<std::array<std::byte, 16>> Md5(std::span<const std::byte> bytes);

}  // namespace og::io
