#include "engine/graph/recovery/writer_lease.h"

#include <utility>

#include "engine/graph/errors.h"
#include "io/base/json_value.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

io::Location FileOf(const io::Location& root, std::string_view holder) {
  return root.Child(io::StrCat(kLeaseFolder, "/", holder, ".json"));
}

}  // namespace

WriterLease::~WriterLease() {
  if (!holder_.empty()) RemoveLease(root_, holder_);
}

absl::StatusOr<std::string> WriterLease::Renew() {
  const io::GateHold gate = renewing_.Exclusive(env_);
  const int64_t now_us = env_.NowUs();
  std::string holder;
  {
    io::MutexLock lock(mutex_);
    if (expires_at_us_ - now_us >= kLeaseUs / 2) return holder_;
    // A lease that has ended is not taken up again: its records may be in recovery.
    if (expires_at_us_ > now_us) {
      holder = holder_;
    }
  }
  if (holder.empty()) holder = env_.NewUlid();
  io::JsonWriter json;
  json.BeginObject();
  json.Key("holder");
  json.String(holder);
  json.Key("expires_at_us");
  json.Int(now_us + kLeaseUs);
  json.EndObject();
  const io::Location file = FileOf(root_, holder);
  OG_RETURN_IF_ERROR(
      FromStorage(file.store->Put(file.path, io::AsBytes(std::move(json).Finish())).status()));
  io::MutexLock lock(mutex_);
  holder_ = holder;
  expires_at_us_ = now_us + kLeaseUs;
  return holder;
}

bool WriterLease::IsHeldBy(std::string_view holder) const {
  io::MutexLock lock(mutex_);
  return !holder_.empty() && holder_ == holder;
}

absl::StatusOr<bool> MayLive(io::Env& env, const io::Location& root, std::string_view holder) {
  const io::Location file = FileOf(root, holder);
  const absl::StatusOr<io::Buffer> bytes = file.store->Read(file.path);
  if (absl::IsNotFound(bytes.status())) return false;
  OG_RETURN_IF_ERROR(FromStorage(bytes.status()));
  const absl::StatusOr<io::JsonValue> json = io::JsonValue::Parse(bytes->view());
  if (!json.ok()) return io::Annotate(json.status(), file.Uri());
  const absl::StatusOr<int64_t> expires_at_us = json->Int64Member("expires_at_us");
  if (!expires_at_us.ok()) return io::Annotate(expires_at_us.status(), file.Uri());
  return env.NowUs() - kLeaseMarginUs < *expires_at_us;
}

void RemoveLease(const io::Location& root, std::string_view holder) {
  const io::Location file = FileOf(root, holder);
  file.store->Delete(file.path).IgnoreError();
}

}  // namespace og::engine::graph
