#include "io/base/sha256.h"

#include <openssl/evp.h>

#include "io/base/check.h"
#include "io/base/text.h"

namespace og::io {

struct Sha256Hasher::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

// OpenSSL fails here only without memory or without the algorithm: neither can be handled above.
Sha256Hasher::Sha256Hasher() : context_(std::make_unique<Context>()) {
  OG_CHECK(context_->evp != nullptr);
  OG_CHECK(EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr) == 1);
}

Sha256Hasher::~Sha256Hasher() = default;

void Sha256Hasher::Update(std::span<const std::byte> bytes) {
  OG_CHECK(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()) == 1);
}

void Sha256Hasher::Update(std::string_view text) {
  Update(AsBytes(text));
}

Sha256Digest Sha256Hasher::Finish() {
  Sha256Digest digest;
  unsigned size = 0;
  auto* out = reinterpret_cast<unsigned char*>(digest.data());
  OG_CHECK(EVP_DigestFinal_ex(context_->evp, out, &size) == 1);
  OG_CHECK(size == digest.size());
  return digest;
}

Sha256Digest Sha256(std::span<const std::byte> bytes) {
  Sha256Hasher hasher;
  hasher.Update(bytes);
  return hasher.Finish();
}

std::string Sha256Hex(std::span<const std::byte> bytes) {
  const Sha256Digest digest = Sha256(bytes);
  return HexBytes(digest);
}

std::string Sha256Hex(std::string_view text) {
  return Sha256Hex(AsBytes(text));
}

}  // namespace og::io
