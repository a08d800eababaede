#include "cli/lance_tool/measurement.h"

#include <algorithm>

#include "io/base/json_writer.h"
#include "io/base/text.h"
#include "io/fetch/cached_store.h"

namespace og::cli {

Measurement::Measurement(io::Env& env, io::Location& root)
    : env_(env), store_(std::make_shared<io::CountingStore>(root.store)) {
  // What comes from the cache of the place is no call.
  const auto cache = io::CacheOf(*root.store);
  root.store = store_;
  if (cache != nullptr) {
    root.store = std::make_shared<io::CachedStore>(store_, cache);
  }
}

void Measurement::Start() {
  before_ = store_->counts();
  start_ns_ = env_.MonotonicNs();
}

void Measurement::Stop() {
  times_ns_.push_back(env_.MonotonicNs() - start_ns_);
  counts_ = store_->counts() - before_;
}

absl::Status Measurement::Report(uint64_t rows, uint64_t batches, uint64_t bytes, bool as_json,
                                 Output& output) const {
  std::vector<int64_t> sorted = times_ns_;
  std::ranges::sort(sorted);
  const int64_t median = sorted[sorted.size() / 2];
  if (!as_json) {
    return output.Write(
        io::StrCat(rows, " rows, ", bytes, " bytes of arrays, ", batches, " batches; median ",
                   median / 1000, " us, best ", sorted.front() / 1000, " us of ", sorted.size(),
                   "; ", counts_.reads(), " requests, ", counts_.bytes_read(), " bytes read\n"));
  }
  io::JsonWriter json(io::JsonWriter::Style::kPretty);
  json.BeginObject();
  json.Key("rows");
  json.Uint(rows);
  json.Key("batches");
  json.Uint(batches);
  json.Key("bytes");
  json.Uint(bytes);
  json.Key("repeat");
  json.Uint(times_ns_.size());
  json.Key("median_us");
  json.Float(static_cast<double>(median) / 1000);
  json.Key("min_us");
  json.Float(static_cast<double>(sorted.front()) / 1000);
  json.Key("times_us");
  json.BeginArray();
  for (const int64_t time : times_ns_) {
    json.Float(static_cast<double>(time) / 1000);
  }
  json.EndArray();
  json.Key("storage");
  json.BeginObject();
  json.Key("requests");
  json.Uint(counts_.reads());
  json.Key("bytes_read");
  json.Uint(counts_.bytes_read());
  json.Key("calls");
  json.String(counts_.Text());
  json.EndObject();
  json.EndObject();
  return output.Write(std::move(json).Finish() + "\n");
}

}  // namespace og::cli
