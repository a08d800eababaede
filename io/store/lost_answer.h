// What became of a conditional put whose answer was lost: a timeout, a reset connection, a server
// error after the request was sent. A store over a network decides with this before it answers, so
// that the outcome that reaches the caller is one of the four below and never a guess.
//
// The object is read back and compared. What it cannot tell apart is our put followed by another
// writer's: that counts as lost. Those who must not do a thing twice put an id of their own into
// the bytes and look for it (the dataset its transaction, the graph its commit).
#pragma once

#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "io/store/store.h"

namespace og::io {

// Of PutIfAbsent(path, bytes) that ended with `lost`.
//
//   ok              the object is there with these bytes: the put has won
//   kAlreadyExists  it is there with others
//   kUnavailable    it is not there: the put may be sent again
//   kUnknown        it cannot be read
absl::StatusOr<ObjectInfo> SettlePutIfAbsent(Store& store, std::string_view path,
                                             std::span<const std::byte> bytes,
                                             const absl::Status& lost);

// Of PutIfMatch(path, bytes, e_tag) that ended with `lost`.
//
//   ok            the object has these bytes
//   kAborted      it has others, or is gone
//   kUnavailable  it is the one that was to be replaced: the put may be sent again
//   kUnknown      it cannot be read
absl::StatusOr<ObjectInfo> SettlePutIfMatch(Store& store, std::string_view path,
                                            std::span<const std::byte> bytes,
                                            std::string_view e_tag, const absl::Status& lost);

}  // namespace og::io
