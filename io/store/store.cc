#include "io/store/store.h"

#include "io/base/check.h"
#include "io/base/sha256.h"
#include "io/base/text.h"

namespace og::io {

absl::StatusOr<std::vector<Buffer>> PendingReads::Wait() {
  OG_CHECK(state_ != nullptr);
  const std::unique_ptr<State> state = std::move(state_);
  return state->Wait();
}

std::string ContentToken(std::span<const std::byte> content) {
  return StrCat(kContentTokenPrefix, Sha256Hex(content));
}

Location Location::Child(std::string_view relative) const {
  if (path.empty() || relative.empty()) return {store, StrCat(path, relative)};
  return {store, StrCat(path, "/", relative)};
}

std::string Location::Uri() const {
  return StrCat(store->scheme_root(), path);
}

}  // namespace og::io
