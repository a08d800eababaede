#include "io/store/lost_answer.h"

#include <algorithm>

#include "io/base/status.h"
#include "io/base/text.h"
#include "io/store/path.h"

namespace og::io {
namespace {

// An object as it is now.
struct Found {
  ObjectInfo info;
  Buffer bytes;
};

// The token is taken before the bytes: if the object is replaced between, the two do not belong
// together, and a token that is older than its bytes can only make a later compare fail.
absl::StatusOr<Found> ReadBack(Store& store, std::string_view path) {
  absl::StatusOr<ObjectInfo> info = store.Stat(path);
  if (!info.ok()) return info.status();
  absl::StatusOr<Buffer> bytes = store.Read(path);
  if (!bytes.ok()) return bytes.status();
  return Found{*std::move(info), *std::move(bytes)};
}

absl::Status Unreadable(std::string_view path, const absl::Status& lost,
                        const absl::Status& unreadable) {
  return UnknownError(StrCat(path, ": the outcome of a conditional put is unknown: ", Message(lost),
                             "; reading back: ", Message(unreadable)));
}

absl::Status DidNotHappen(const absl::Status& lost) {
  return UnavailableError(StrCat("the conditional put did not happen: ", Message(lost)));
}

bool HasBytes(const Found& found, std::span<const std::byte> bytes) {
  return std::ranges::equal(found.bytes.span(), bytes);
}

}  // namespace

absl::StatusOr<ObjectInfo> SettlePutIfAbsent(Store& store, std::string_view path,
                                             std::span<const std::byte> bytes,
                                             const absl::Status& lost) {
  absl::StatusOr<Found> found = ReadBack(store, path);
  if (absl::IsNotFound(found.status())) return DidNotHappen(lost);
  if (!found.ok()) return Unreadable(path, lost, found.status());
  if (!HasBytes(*found, bytes)) return ObjectExists(path);
  return std::move(found->info);
}

absl::StatusOr<ObjectInfo> SettlePutIfMatch(Store& store, std::string_view path,
                                            std::span<const std::byte> bytes,
                                            std::string_view e_tag, const absl::Status& lost) {
  absl::StatusOr<Found> found = ReadBack(store, path);
  if (absl::IsNotFound(found.status())) return TokenDiffers(path, "", e_tag);
  if (!found.ok()) return Unreadable(path, lost, found.status());
  if (HasBytes(*found, bytes)) return std::move(found->info);
  const bool is_former = e_tag.starts_with(kContentTokenPrefix)
                             ? ContentToken(found->bytes.span()) == e_tag
                             : found->info.e_tag == e_tag;
  if (is_former) return DidNotHappen(lost);
  return TokenDiffers(path, found->info.e_tag, e_tag);
}

}  // namespace og::io
