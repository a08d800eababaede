// What the handles of lance.h point to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/capi/background_scan.h"
#include "engine/capi/lance/lance.h"
#include "engine/dataset/dataset.h"
#include "engine/dataset/statistics.h"
#include "format/arrow/array.h"
#include "io/base/sync.h"
#include "io/env/env.h"
#include "io/env/gate.h"

// A place in a dataset's history that moves with the changes made through it. Thread-safe.
struct LanceDataset {
 public:
  explicit LanceDataset(og::engine::dataset::DatasetPtr current) : current_(std::move(current)) {}

  og::engine::dataset::DatasetPtr current() const {
    og::io::MutexLock lock(mutex_);
    return current_;
  }

  // Runs `change` on the current version, alone among changes, and moves to what it returns.
  absl::Status Change(const std::function<absl::StatusOr<og::engine::dataset::DatasetPtr>(
                          const og::engine::dataset::DatasetPtr&)>& change);

 private:
  og::io::Gate changes_;
  mutable og::io::Mutex mutex_;
  og::engine::dataset::DatasetPtr current_ OG_GUARDED_BY(mutex_);
};

// What to scan; each scan reads it when it starts. Thread-compatible.
struct LanceScanner {
  og::engine::dataset::DatasetPtr dataset;
  std::optional<std::vector<std::string>> columns = {};
  std::optional<std::string> filter = {};
  std::optional<int64_t> limit = {};
  std::optional<int64_t> offset = {};
  std::optional<int64_t> batch_rows = {};
  bool with_row_id = false;
  std::optional<std::vector<uint64_t>> fragment_ids = {};
  bool has_index_segments = false;
  bool is_nearest = false;
  bool is_full_text = false;
  // Why it cannot be scanned: what this version does not have was asked for.
  absl::Status refusal = {};

  // The scan of lance_scanner_next(), and that of lance_scanner_poll_next(), which takes it over.
  std::unique_ptr<og::format::BatchStream> stream = {};
  std::unique_ptr<og::engine::capi::BackgroundScan> background = {};
  // How it ended.
  std::optional<absl::Status> ended = {};
};

struct LanceBatch {
  og::format::RecordBatch batch;
};

struct LanceVersions {
  struct Entry {
    uint64_t id = 0;
    int64_t timestamp_ms = 0;
  };
  std::vector<Entry> entries;
};

struct LanceDataStatistics {
  std::vector<og::engine::dataset::FieldStatistics> fields;
};
