// Ranged reads of local files under way: what LocalStore::Submit hands out.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"

#include "io/local/descriptor.h"
#include "io/local/io_engine.h"
#include "io/store/store.h"

namespace og::io {

class PendingLocalReads : public PendingReads::State {
 public:
  // Reads what the page cache has and starts the rest on the engine that `engine` names when there
  // is such a rest. A request that cannot be started ends the start; Wait() reports it.
  PendingLocalReads(std::vector<ReadRequest> requests, DescriptorCache& descriptors,
                    const std::function<std::shared_ptr<IoEngine>()>& engine);
  ~PendingLocalReads() override;

  absl::StatusOr<std::vector<Buffer>> Wait() override;

 private:
  absl::Status StartAll(DescriptorCache& descriptors,
                        const std::function<std::shared_ptr<IoEngine>()>& engine);

  // What is wrong with the calls that have ended, if anything.
  absl::Status CheckCalls() const;

  const std::vector<ReadRequest> requests_;
  std::vector<MutableBuffer> buffers_;  // one a request
  absl::Status start_status_;
  std::shared_ptr<IoEngine> engine_;  // set while calls may be under way
  std::unique_ptr<IoGroup> group_;    // null while every byte came from the page cache
  std::vector<size_t> request_of_call_;
};

}  // namespace og::io
