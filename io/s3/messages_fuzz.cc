// Any bytes as an answer of S3, or as credentials: parsed or refused.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "io/s3/credentials.h"
#include "io/s3/messages.h"
#include "io/s3/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  og::io::ParseS3Error(text);
  og::io::ParseListPage(text).status().IgnoreError();
  og::io::ParseUploadId(text).status().IgnoreError();
  og::io::ParseResultETag(text).status().IgnoreError();
  og::io::ParseDeleteResult(text).status().IgnoreError();
  og::io::ParseCredentialJson(text).status().IgnoreError();
  og::io::ParseAssumeRoleXml(text).status().IgnoreError();
  og::io::ParseSharedFile(text).status().IgnoreError();
  return 0;
}
