// `--stats`: what a command asked of storage and how long it waited for it, for stderr at the end.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/base/sync.h"
#include "io/env/real_env.h"
#include "io/fault/metered_store.h"

namespace og::cli {

// Any thread may call any method.
class IoStats {
 public:
  // Has the stores of an Env measured that is made of `options`. This object must outlive that Env.
  void Measure(io::RealEnvOptions& options);

  // Lines for a reader, or with `format` "json" one line of JSON (docs/user/storage.md). What was
  // not asked for is left out.
  std::string Report(std::string_view format) const;

 private:
  struct Measured {
    std::shared_ptr<io::Store> base;
    std::shared_ptr<io::MeteredStore> store;
  };

  std::string Text() const;
  std::string Json() const;
  std::vector<Measured> stores() const;

  mutable io::Mutex mutex_;
  std::vector<Measured> stores_ OG_GUARDED_BY(mutex_);
};

}  // namespace og::cli
