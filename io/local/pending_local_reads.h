// Ranged reads of local files under way: what LocalStore::Submit hands out.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"

#include "io/base/bits.h"
#include "io/base/block_pool.h"
#include "io/base/buffer.h"
#include "io/local/descriptor.h"
#include "io/local/io_engine.h"
#include "io/local/scan_meter.h"
#include "io/store/store.h"

namespace og::io {

class PendingLocalReads : public PendingReads::State {
 public:
  // Reads what the page cache has and starts the rest on the engine that `engine` names when there
  // is such a rest. A request that cannot be started ends the start; Wait() reports it.
  PendingLocalReads(std::vector<ReadRequest> requests, DescriptorCache& descriptors,
                    ScanMeter& meter, const std::function<std::shared_ptr<IoEngine>()>& engine);
  ~PendingLocalReads() override;

  // A cached read is so short that malloc would be a part of it.
  static void* operator new(size_t size) { return TakeBlock(size).data; }
  static void operator delete(void* taken, size_t size) {
    GiveBlock(static_cast<std::byte*>(taken), RoundUp(size, kBufferAlignment));
  }

  absl::StatusOr<std::vector<Buffer>> Wait() override;

 private:
  using EngineOfThread = std::function<std::shared_ptr<IoEngine>()>;

  // Where the bytes of a request come to lie: from `start` on, as many as were asked for.
  struct Target {
    MutableBuffer memory;
    size_t start = 0;
  };

  absl::Status StartAll(DescriptorCache& descriptors, ScanMeter& meter,
                        const EngineOfThread& engine);

  // The file of `request`. Out of descriptors, ends the reads under way to give theirs back.
  absl::StatusOr<std::shared_ptr<const OpenFile>> AcquireFile(DescriptorCache& descriptors,
                                                              const ReadRequest& request,
                                                              const EngineOfThread& engine);

  // Reads of request `i` what the page cache has, and leaves a call for the rest.
  absl::Status Read(size_t i, const std::shared_ptr<const OpenFile>& file, ScanMeter& meter);
  void AddCall(size_t i, const std::shared_ptr<const OpenFile>& file, IoCall call);

  // Starts the calls that were left since the last time, and waits for all of them.
  void StartCalls(const EngineOfThread& engine);
  void FinishCalls(const EngineOfThread& engine);

  // What is wrong with the calls that have ended, if anything.
  absl::Status CheckCalls() const;

  const std::vector<ReadRequest> requests_;
  absl::InlinedVector<Target, 1> targets_;  // one a request
  absl::Status start_status_;
  std::shared_ptr<IoEngine> engine_;  // set while calls may be under way
  std::unique_ptr<IoGroup> group_;    // null while every byte came from the page cache
  std::vector<size_t> request_of_call_;
  size_t num_started_ = 0;  // of the calls
  size_t num_files_ = 0;    // held open by unfinished calls, at most
};

}  // namespace og::io
