// The object-store contract: one interface for local files, memory and S3, and all the atomicity
// on which the layers above build.
//
// A path names an object inside a store: segments joined by '/', no leading or trailing '/', no
// empty, "." or ".." segment. The local store of the whole machine takes "tmp/x" for /tmp/x.
//
// Visibility. An object appears whole or not at all: Put, PutIfAbsent, PutIfMatch and a finished
// WriteStream publish atomically, readers never see a torn object. After a call has returned ok,
// every later Stat, Read and List of any process sees its effect.
//
// Durability. Publishing orders writes for visibility; bytes are on stable storage after Sync()
// covered them. PutIfAbsent and PutIfMatch never publish a name whose bytes could be lost after it
// under Durability::kFull or kData: the bytes are synced before the name appears, and under kFull
// the folder that names them is synced before the call returns.
//
// Errors, beside those of io/base/status.h: a conditional put whose answer is lost is resolved by
// reading back; if that fails too the result is kUnknown, never success and never a conflict.
//
// Threads: every method may be called from any thread at any time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "io/base/buffer.h"

namespace og::io {

// What an acknowledged write has survived. See Sync().
enum class Durability : uint8_t {
  kFull,  // power loss: bytes and names are synced
  kData,  // bytes are synced, names may be lost
  kNone,  // a crash of the process only
};

struct ByteRange {
  uint64_t offset = 0;
  uint64_t length = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

struct ObjectInfo {
  std::string path;
  uint64_t size = 0;
  // Opaque token of this content. Local: "{inode:x}-{mtime in us:x}-{size:x}", lower-case hex.
  std::string e_tag;
  int64_t modified_us = 0;  // since the epoch
};

// A token of the content alone, "sha256:" and 64 hexadecimal digits: equal bytes have equal tokens
// on every store, and it survives a copy. See PutIfMatch().
inline constexpr std::string_view kContentTokenPrefix = "sha256:";
std::string ContentToken(std::span<const std::byte> content);

struct ReadRequest {
  std::string path;
  ByteRange range;
  // The caller knows that this name never gets other bytes (data files, whose names are unique):
  // the store may then use a descriptor that it has open without looking at the name again.
  bool is_immutable = false;
};

// Reads under way. Move-only; the destructor cancels what has not started and waits for the rest,
// so that no buffer is written after it.
class PendingReads {
 public:
  // What a store implements: Wait() is called at most once.
  class State {
   public:
    virtual ~State() = default;
    virtual absl::StatusOr<std::vector<Buffer>> Wait() = 0;
  };

  PendingReads() = default;
  explicit PendingReads(std::unique_ptr<State> state) : state_(std::move(state)) {}

  // Waits for all reads: one buffer per request, in their order, each exactly as long as its range.
  // The first failure is returned, annotated with path and range. REQUIRES: called once.
  absl::StatusOr<std::vector<Buffer>> Wait();

 private:
  std::unique_ptr<State> state_;
};

// An object being written from start to end. Nothing is visible before Finish(); destroying an
// unfinished stream leaves nothing behind. Thread-compatible.
class WriteStream {
 public:
  virtual ~WriteStream() = default;

  // Appends `bytes`; they may be reused on return.
  virtual absl::Status Append(std::span<const std::byte> bytes) = 0;

  // Bytes appended so far.
  virtual uint64_t size() const = 0;

  // Publishes the object under its path, replacing what was there. No other call may follow.
  virtual absl::StatusOr<ObjectInfo> Finish() = 0;
};

struct ListOptions {
  // All objects below the prefix; false: only direct children (no sub-folders).
  bool recursive = true;
  // false: size, token and time may be left empty, which spares the local store a call per object.
  bool with_info = true;
};

class Store {
 public:
  virtual ~Store() = default;

  // "file:///" or "memory://name/" or "s3://bucket/": what Uri() puts before a path.
  virtual std::string_view scheme_root() const = 0;

  // Size and token of an object. kNotFound if it does not exist; a folder is not an object.
  virtual absl::StatusOr<ObjectInfo> Stat(std::string_view path) = 0;

  // Starts ranged reads. A range that leaves its object fails with kOutOfRange. Zero-length ranges
  // cost no request. Requests are issued as given: io/fetch merges and splits before.
  virtual PendingReads Submit(std::vector<ReadRequest> requests) = 0;

  // The whole object.
  virtual absl::StatusOr<Buffer> Read(std::string_view path) = 0;

  // The last `length` bytes of the object, or all of it if it is shorter; `*size` is its size.
  virtual absl::StatusOr<Buffer> ReadTail(std::string_view path, uint64_t length,
                                          uint64_t* size) = 0;

  // Starts an object. Missing folders are created. The bytes are not synced by Finish().
  virtual absl::StatusOr<std::unique_ptr<WriteStream>> OpenWrite(std::string_view path) = 0;

  // Writes an object, replacing what was there. Not synced.
  virtual absl::StatusOr<ObjectInfo> Put(std::string_view path,
                                         std::span<const std::byte> bytes) = 0;

  // Creates an object. kAlreadyExists if there is one: of any number of racing calls exactly one
  // wins. The winner's bytes (kFull, kData) and name (kFull) are durable on return.
  virtual absl::StatusOr<ObjectInfo> PutIfAbsent(std::string_view path,
                                                 std::span<const std::byte> bytes) = 0;

  // Replaces an object whose token is `e_tag` (of Stat, Put or ContentToken). kAborted if it is
  // another one or none. A true compare-and-set among our own processes; durable as PutIfAbsent.
  virtual absl::StatusOr<ObjectInfo> PutIfMatch(std::string_view path,
                                                std::span<const std::byte> bytes,
                                                std::string_view e_tag) = 0;

  // Objects whose path starts with "prefix/" (all objects for an empty prefix), ordered by path.
  // A prefix without objects gives an empty list. Temporary names of writers are left out.
  virtual absl::StatusOr<std::vector<ObjectInfo>> List(std::string_view prefix,
                                                       const ListOptions& options) = 0;

  // Moves an object, replacing the target. Atomic locally; copy and delete on S3, where a crash
  // can leave both.
  virtual absl::Status Rename(std::string_view from, std::string_view to) = 0;

  // Copies an object inside the store, replacing the target.
  virtual absl::Status Copy(std::string_view from, std::string_view to) = 0;

  // Removes an object; ok if there is none.
  virtual absl::Status Delete(std::string_view path) = 0;

  // Removes all objects below "prefix/" and, locally, the folder itself; ok if there is none.
  virtual absl::Status DeletePrefix(std::string_view prefix) = 0;

  // One barrier: when it returns, the objects `paths` survive power loss under `durability`
  // (kFull: with all folders that name them). A no-op on stores that are durable on return.
  virtual absl::Status Sync(std::span<const std::string> paths, Durability durability) = 0;

  // Whether List is one cheap request whatever the number of names (local folders, memory).
  virtual bool is_local() const = 0;
};

// A place in a store: the root of a dataset or graph, or an object below one.
struct Location {
  std::shared_ptr<Store> store;
  std::string path;

  // `relative` below this place.
  Location Child(std::string_view relative) const;

  // "file:///tmp/x", "s3://bucket/x".
  std::string Uri() const;
};

}  // namespace og::io
