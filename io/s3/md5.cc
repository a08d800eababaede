#include "io/s3/md5.h"

#include <openssl/evp.h>

namespace og::io {

std::optional<std::array<std::byte, 16>> Md5(std::span<const std::byte> bytes) {
  std::array<std::byte, 16> digest;
  unsigned int length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()),
                 &length, EVP_md5(), nullptr) != 1 ||
      length != digest.size()) {
    return std::nullopt;
  }
  return digest;
}

}  // namespace og::io
