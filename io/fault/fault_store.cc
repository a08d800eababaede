#include "io/fault/fault_store.h"

#include <utility>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::io {
namespace {

absl::Status Injected(std::string_view what, StoreCall call, std::string_view path) {
  return UnavailableError(StrCat("injected fault: ", what, " ", StoreCallName(call), " of ", path));
}

bool IsConditionalPut(StoreCall call) {
  return call == StoreCall::kPutIfAbsent || call == StoreCall::kPutIfMatch;
}

}  // namespace

void FaultStore::Add(Fault fault) {
  MutexLock lock(mutex_);
  armed_.push_back({std::move(fault), 0});
}

void FaultStore::FailRandomly(uint64_t seed, uint32_t per_thousand) {
  MutexLock lock(mutex_);
  random_.seed(seed);
  per_thousand_ = per_thousand;
}

void FaultStore::StopAtChange(uint64_t nth, bool takes_effect) {
  MutexLock lock(mutex_);
  stop_at_ = num_changes_ + nth;
  stop_takes_effect_ = takes_effect;
}

void FaultStore::LoseAnswerOfConditionalPut(uint64_t nth, bool takes_effect) {
  MutexLock lock(mutex_);
  lose_at_ = num_conditional_puts_ + nth;
  lost_takes_effect_ = takes_effect;
}

void FaultStore::Clear() {
  MutexLock lock(mutex_);
  lose_at_ = 0;
  armed_.clear();
  per_thousand_ = 0;
  stop_at_ = 0;
  is_stopped_ = false;
}

uint64_t FaultStore::num_changes() const {
  MutexLock lock(mutex_);
  return num_changes_;
}

uint64_t FaultStore::num_conditional_puts() const {
  MutexLock lock(mutex_);
  return num_conditional_puts_;
}

bool FaultStore::is_stopped() const {
  MutexLock lock(mutex_);
  return is_stopped_;
}

uint64_t FaultStore::num_faults() const {
  MutexLock lock(mutex_);
  return num_faults_;
}

std::optional<Fault> FaultStore::Strike(StoreCall call, std::string_view path, Fault::Kind kind) {
  for (Armed& armed : armed_) {
    const Fault& fault = armed.fault;
    if (fault.kind != kind || fault.call.value_or(call) != call ||
        path.find(fault.path_part) == std::string_view::npos) {
      continue;
    }
    ++armed.num_seen;
    if (armed.num_seen < fault.nth || armed.num_seen - fault.nth >= fault.times) continue;
    ++num_faults_;
    return fault;
  }
  return std::nullopt;
}

absl::Status FaultStore::Before(StoreCall call, std::string_view path) {
  std::optional<Fault> callback;
  {
    MutexLock lock(mutex_);
    if (is_stopped_) return Injected("stopped before", call, path);
    if (IsMutation(call) && ++num_changes_ == stop_at_) {
      ++num_faults_;
      is_stopped_ = true;
      if (!stop_takes_effect_) return Injected("stopped before", call, path);
    }
    if (IsConditionalPut(call) && ++num_conditional_puts_ == lose_at_ && !lost_takes_effect_) {
      ++num_faults_;
      return Injected("answer lost before", call, path);
    }
    callback = Strike(call, path, Fault::Kind::kCallback);
    if (const auto fault = Strike(call, path, Fault::Kind::kBefore); fault.has_value()) {
      return fault->status.ok() ? Injected("before", call, path) : fault->status;
    }
    if (per_thousand_ > 0 && random_() % 1000 < per_thousand_ &&
        (!IsMutation(call) || random_() % 2 == 0)) {
      ++num_faults_;
      return Injected("by chance before", call, path);
    }
  }
  if (callback.has_value() && callback->action) callback->action();
  return absl::OkStatus();
}

absl::Status FaultStore::After(StoreCall call, std::string_view path, uint64_t,
                               const absl::Status& status) {
  MutexLock lock(mutex_);
  if (is_stopped_) return Injected("stopped after", call, path);
  if (lost_takes_effect_ && lose_at_ > 0 && num_conditional_puts_ >= lose_at_ &&
      IsConditionalPut(call)) {
    lose_at_ = 0;
    ++num_faults_;
    return Injected("answer lost after", call, path);
  }
  if (const auto fault = Strike(call, path, Fault::Kind::kAfter); fault.has_value()) {
    return fault->status.ok() ? Injected("after", call, path) : fault->status;
  }
  if (per_thousand_ > 0 && IsMutation(call) && random_() % 1000 < per_thousand_ &&
      random_() % 2 == 0) {
    ++num_faults_;
    return Injected("by chance after", call, path);
  }
  return status;
}

absl::StatusOr<Buffer> FaultStore::Read(std::string_view path) {
  OG_ASSIGN_OR_RETURN(const Buffer bytes, HookedStore::Read(path));
  MutexLock lock(mutex_);
  if (!Strike(StoreCall::kRead, path, Fault::Kind::kTruncate).has_value()) return bytes;
  return bytes.Slice(0, bytes.size() / 2);
}

}  // namespace og::io
