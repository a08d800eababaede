// Graphs that omnigraph 0.10.0 wrote, for tests.
//
// The archive is unpacked to /tmp/omnigraph-fixture, where the graphs were written: refs and
// recovery records hold absolute paths.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "engine/graph/graph.h"
#include "io/base/json_value.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::tests {

// A graph at its mount, which one test at a time may use.
class ReferenceGraph {
 public:
  explicit ReferenceGraph(const std::string& name)
      : folder_(io::StrCat(kMounts, "/", name)), pristine_(io::StrCat(kMounts, "/.", name)) {
    std::filesystem::create_directories(kMounts);
    lock_ = open(io::StrCat(kMounts, "/.lock-", name).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    EXPECT_EQ(flock(lock_, LOCK_EX), 0);
    std::filesystem::remove_all(folder_);
    EXPECT_EQ(
        std::system(io::StrCat("tar xJf tests/data/graphs.tar.xz -C ", kMounts, " ", name).c_str()),
        0);
    std::filesystem::remove_all(pristine_);
    std::filesystem::copy(folder_, pristine_, std::filesystem::copy_options::recursive);
    auto expected = io::JsonValue::Parse(ReadFile(folder_ + "/expected.json"));
    EXPECT_THAT(expected, IsOk());
    expected_ = *std::move(expected);
  }
  ~ReferenceGraph() {
    std::filesystem::remove_all(folder_);
    std::filesystem::remove_all(pristine_);
    close(lock_);
  }
  ReferenceGraph(const ReferenceGraph&) = delete;
  ReferenceGraph& operator=(const ReferenceGraph&) = delete;

  // As it was unpacked.
  void Restore() const {
    std::filesystem::remove_all(folder_);
    std::filesystem::copy(pristine_, folder_, std::filesystem::copy_options::recursive);
  }

  // What the reference observed, by branch.
  const std::vector<io::JsonValue::Member>& branches() const {
    return expected_.Find("branches")->members();
  }

  std::string root() const { return folder_ + "/graph"; }

  absl::StatusOr<std::shared_ptr<engine::graph::Graph>> Open(engine::graph::OpenMode mode,
                                                             io::Env& env = io::RealEnv()) const {
    const auto location = env.Resolve(root());
    EXPECT_THAT(location, IsOk());
    return engine::graph::Graph::Open(env, *location, mode);
  }

 private:
  static constexpr char kMounts[] = "/tmp/omnigraph-fixture";

  const std::string folder_;
  const std::string pristine_;
  int lock_ = -1;
  io::JsonValue expected_;
};

}  // namespace og::tests
