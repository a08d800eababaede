// A machine whose every state between two changes of its store is noted, for each way in which the
// world can stop: what a walk over all crashes of an operation opens afterwards.
//
//   MomentMachine machine("memory://disk/t.lance");
//   ... prepare ...
//   machine.store().Start();
//   ... the operation ...
//   for (const Moment& moment : machine.store().moments()) {
//     MomentMachine found("memory://disk/t.lance", moment.disk);
//     ... what is left ...
//   }
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "io/fault/power_loss_store.h"
#include "io/memory/memory_store.h"
#include "io/store/hooked_store.h"
#include "tests/support/seed.h"

namespace og::tests {

// A disk, and what it would be if everything stopped now.
struct Moment {
  std::string after;  // the call, for messages
  bool acknowledged = false;
  std::shared_ptr<io::MemoryStore> disk;
};

// Notes moments after every change: the end of the process, and three losses of power.
class MomentStore final : public io::HookedStore {
 public:
  explicit MomentStore(std::shared_ptr<io::MemoryStore> disk)
      : HookedStore(std::make_shared<io::PowerLossStore>(disk, io::Durability::kFull)),
        disk_(std::move(disk)),
        power_(static_cast<io::PowerLossStore&>(base())) {}

  void Start() { is_noting_ = true; }
  void Stop() { is_noting_ = false; }

  // From now on what was written has been acknowledged.
  void Acknowledge() {
    acknowledged_ = true;
    Note("the acknowledgement");
    NoteLossOfEach("the acknowledgement");
  }

  void Note(const std::string& after) {
    const auto add = [&](std::string_view how, std::shared_ptr<io::MemoryStore> disk) {
      moments_.push_back({io::StrCat(how, " after ", after), acknowledged_, std::move(disk)});
    };
    add("killed", std::make_shared<io::MemoryStore>(std::string(disk_->scheme_root()),
                                                    disk_->clock(), disk_->objects()));
    add("names lost", power_.AfterPowerLoss(io::PowerLoss::kNames));
    add("bytes lost", power_.AfterPowerLoss(io::PowerLoss::kBytes));
    add("power lost", power_.AfterPowerLoss(io::PowerLoss::kRandom, Seed() + moments_.size()));
  }

  // The loss of each change alone that is not durable, and of those in one folder together.
  void NoteLossOfEach(std::string_view after) {
    std::map<std::string, std::vector<std::string>> groups;
    for (const std::string& path : power_.Unsynced()) {
      groups[path] = {path};
      groups[path.substr(0, path.rfind('/') + 1)].push_back(path);
    }
    for (const auto& [what, paths] : groups) {
      moments_.push_back(
          {io::StrCat(what, " lost after ", after), acknowledged_, power_.AfterLossOf(paths)});
    }
  }

  const std::vector<Moment>& moments() const { return moments_; }

 protected:
  absl::Status After(io::StoreCall call, std::string_view path, uint64_t /*bytes*/,
                     const absl::Status& status) override {
    if (is_noting_ && io::IsMutation(call)) {
      Note(io::StrCat(io::StoreCallName(call), " ", path));
    }
    return status;
  }

 private:
  const std::shared_ptr<io::MemoryStore> disk_;
  io::PowerLossStore& power_;
  bool is_noting_ = false;
  bool acknowledged_ = false;
  std::vector<Moment> moments_;
};

// A machine that finds `disk`, or a new one.
class MomentMachine {
 public:
  explicit MomentMachine(std::string_view root, std::shared_ptr<io::MemoryStore> disk = nullptr) {
    io::SimEnvOptions options;
    options.wrap_store = [this, disk](std::shared_ptr<io::Store> fresh) {
      auto memory = disk != nullptr ? disk : std::dynamic_pointer_cast<io::MemoryStore>(fresh);
      store_ = std::make_shared<MomentStore>(std::move(memory));
      return store_;
    };
    // Ids must not repeat those on the disk.
    static uint64_t num_machines = 0;
    env_ = std::make_unique<io::SimEnv>(Seed() * 1000 + ++num_machines, options);
    root_ = *env_->Resolve(root);
  }

  io::SimEnv& env() { return *env_; }
  const io::Location& root() const { return root_; }
  MomentStore& store() { return *store_; }

 private:
  std::shared_ptr<MomentStore> store_;
  std::unique_ptr<io::SimEnv> env_;
  io::Location root_;
};

}  // namespace og::tests
