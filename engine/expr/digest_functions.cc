// Digests of texts and bytes.
#include <string>
#include <string_view>

#include <openssl/evp.h>

#include "engine/expr/functions.h"
#include "engine/expr/row_values.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

using format::ArrayPtr;

const EVP_MD* AlgorithmOf(Function function) {
  switch (function) {
    case Function::kMd5:
      return EVP_md5();
    case Function::kSha224:
      return EVP_sha224();
    case Function::kSha256:
      return EVP_sha256();
    case Function::kSha384:
      return EVP_sha384();
    default:
      return EVP_sha512();
  }
}

std::string HexOf(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15u];
  }
  return text;
}

}  // namespace

absl::StatusOr<ArrayPtr> CallDigest(Function function, const ArrayPtr& arg) {
  ArrayPtr bytes = arg;
  if (!arg->type->is_variable()) {
    OG_ASSIGN_OR_RETURN(bytes, AsText(arg));
  }
  const EVP_MD* const algorithm = AlgorithmOf(function);
  const bool as_digits = function == Function::kMd5;
  bool failed = false;
  const ArrayPtr args[] = {bytes};
  OG_ASSIGN_OR_RETURN(
      ArrayPtr digests,
      MakeTexts(as_digits ? format::Utf8() : format::Binary(), args, [&](int64_t i) {
        const std::string_view value = bytes->StringValue(i);
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int size = 0;
        if (EVP_Digest(value.data(), value.size(), digest, &size, algorithm, nullptr) != 1) {
          failed = true;
        }
        const std::string made(reinterpret_cast<const char*>(digest), size);
        return as_digits ? HexOf(made) : made;
      }));
  if (failed) {
    return io::UnimplementedError(
        io::StrCat("the cryptographic library here has no ", FunctionName(function)));
  }
  return digests;
}

}  // namespace og::engine::expr
