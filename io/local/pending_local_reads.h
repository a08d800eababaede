// Ranged reads of local files under way: what LocalStore::Submit hands out.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

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
  // Reads what the page cache has and starts the rest on the thread's engine. A request that cannot
  // be started ends the start; Wait() reports it.
  PendingLocalReads(std::vector<ReadRequest> requests, DescriptorCache& descriptors,
                    ScanMeter& meter, const IoEngines& engines);
  ~PendingLocalReads() override;

  // A cached read is so short that malloc would be a part of it.
  static void* operator new(size_t size) { return TakeBlock(size).data; }
  static void operator delete(void* taken, size_t size) {
    GiveBlock(static_cast<std::byte*>(taken), RoundUp(size, kBufferAlignment));
  }

  absl::StatusOr<std::vector<Buffer>> Wait() override;

 private:
  struct Missing;

  absl::Status StartAll(DescriptorCache& descriptors, ScanMeter& meter, const IoEngines& engines);

  // The file of `request`. Out of descriptors, ends the reads under way to give theirs back.
  absl::StatusOr<std::shared_ptr<const OpenFile>> AcquireFile(DescriptorCache& descriptors,
                                                              const ReadRequest& request,
                                                              const IoEngines& engines);

  // Reads of request `i` what the page cache has, and leaves a call for the rest.
  absl::Status Read(size_t i, const std::shared_ptr<const OpenFile>& file, ScanMeter& meter);

  // The calls for requests of which the page cache lacks something; made with the first one.
  Missing& missing();

  // What is wrong with the calls that have ended, if anything.
  absl::Status CheckCalls() const;

  const std::vector<ReadRequest> requests_;
  std::vector<Buffer> buffers_;  // one a request; those of calls when they have ended
  absl::Status start_status_;
  std::unique_ptr<Missing> missing_;  // null while every byte came from the page cache
};

}  // namespace og::io
