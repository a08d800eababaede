#include "engine/capi/environment.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/sync.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "io/s3/s3_store.h"
#include "io/s3/settings.h"

namespace og::engine::capi {
namespace {

constexpr std::string_view kS3Scheme = "s3://";

// Variables that say the same: an option for one of them hides all of its group.
constexpr std::array<std::string_view, 5> kEndpoints = {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL",
                                                        "AWS_ENDPOINT", "AWS_S3_ENDPOINT", ""};
constexpr std::array<std::string_view, 5> kRegions = {"AWS_REGION", "AWS_DEFAULT_REGION", "", "",
                                                      ""};
constexpr std::array<std::string_view, 5> kCredentials = {
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_TOKEN", "AWS_PROFILE"};
constexpr std::array<std::string_view, 5> kStyles = {"AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
                                                     "AWS_S3_FORCE_PATH_STYLE", "", "", ""};

std::string VariableOf(std::string_view key) {
  std::string name;
  for (const char c : key) {
    name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name.starts_with("AWS_") || name.starts_with("OMNIGRAPH_") ? name
                                                                    : io::StrCat("AWS_", name);
}

class Variables {
 public:
  explicit Variables(const StorageOptions& options) {
    for (const auto& [key, value] : options) {
      values_[VariableOf(key)] = value;
    }
  }

  std::optional<std::string> Find(const char* name) const {
    if (const auto at = values_.find(name); at != values_.end()) {
      return at->second;
    }
    for (const auto& group : {kEndpoints, kRegions, kCredentials, kStyles}) {
      if (Names(group, name) && SaysSomethingOf(group)) {
        return std::nullopt;
      }
    }
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  }

 private:
  static bool Names(std::span<const std::string_view> group, std::string_view name) {
    return std::ranges::find(group, name) != group.end();
  }

  bool SaysSomethingOf(std::span<const std::string_view> group) const {
    return std::ranges::any_of(
        group, [this](std::string_view member) { return values_.contains(std::string(member)); });
  }

  std::map<std::string, std::string> values_;
};

// The process's environment, but for buckets.
class OptionsEnv : public io::Env {
 public:
  OptionsEnv(io::Env& base, const StorageOptions& options) : base_(base), variables_(options) {}

  int64_t NowUs() override { return base_.NowUs(); }
  int64_t MonotonicNs() override { return base_.MonotonicNs(); }
  void SleepUs(int64_t duration_us) override { base_.SleepUs(duration_us); }
  void Wait(io::Mutex& mutex, io::Condition& condition,
            const std::function<bool()>& done) override {
    base_.Wait(mutex, condition, done);
  }
  uint64_t RandomU64() override { return base_.RandomU64(); }
  io::Durability durability() const override { return base_.durability(); }
  io::WorkerPool& pool() override { return base_.pool(); }
  const std::shared_ptr<io::MemoryBudget>& memory() override { return base_.memory(); }

  absl::StatusOr<io::Location> Resolve(std::string_view uri) override {
    if (!uri.starts_with(kS3Scheme)) {
      return base_.Resolve(uri);
    }
    const std::string_view rest = uri.substr(kS3Scheme.size());
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string bucket(rest.substr(0, slash));
    if (bucket.empty()) {
      return io::InvalidArgumentError(io::StrCat(uri, ": no bucket after \"", kS3Scheme, "\""));
    }
    absl::StatusOr<std::shared_ptr<io::Store>> store = BucketNamed(bucket);
    if (!store.ok()) {
      return io::Annotate(store.status(), uri);
    }
    return io::Location{*std::move(store), io::AbsolutePath(rest.substr(slash), "/").substr(1)};
  }

 private:
  absl::StatusOr<std::shared_ptr<io::Store>> BucketNamed(const std::string& name) {
    io::MutexLock lock(mutex_);
    std::shared_ptr<io::Store>& store = buckets_[name];
    if (store != nullptr) return store;
    OG_ASSIGN_OR_RETURN(io::S3Settings settings,
                        io::S3Settings::FromEnvironment(
                            [this](const char* variable) { return variables_.Find(variable); }));
    OG_ASSIGN_OR_RETURN(
        store, io::S3Store::Open({.bucket = name,
                                  .settings = std::move(settings),
                                  .runtime = {.now_us = [this] { return NowUs(); },
                                              .monotonic_ns = [this] { return MonotonicNs(); },
                                              .random = [this] { return RandomU64(); }}}));
    return store;
  }

  io::Env& base_;
  const Variables variables_;
  io::Mutex mutex_;
  std::map<std::string, std::shared_ptr<io::Store>> buckets_ OG_GUARDED_BY(mutex_);
};

}  // namespace

io::Env& EnvironmentFor(const StorageOptions& options) {
  if (options.empty()) {
    return io::RealEnv();
  }
  static io::Mutex& mutex = *new io::Mutex;
  static auto& environments = *new std::map<StorageOptions, std::unique_ptr<io::Env>>;
  io::MutexLock lock(mutex);
  std::unique_ptr<io::Env>& environment = environments[options];
  if (environment == nullptr) {
    environment = std::make_unique<OptionsEnv>(io::RealEnv(), options);
  }
  return *environment;
}

}  // namespace og::engine::capi
