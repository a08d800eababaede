#include "cli/stats/io_stats.h"

#include <chrono>
#include <cstdio>
#include <utility>

#include "io/base/json_writer.h"
#include "io/base/text.h"
#include "io/fetch/fetch_totals.h"
#include "io/s3/s3_store.h"

namespace og::cli {
namespace {

int64_t MonotonicNs() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string Milliseconds(int64_t ns) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f ms", static_cast<double>(ns) / 1e6);
  return text;
}

uint64_t NumCalls(const io::StoreMeter& meter) {
  uint64_t sum = 0;
  for (const uint64_t calls : meter.counts.calls)
    sum += calls;
  return sum;
}

// What the wire saw; null for a store without one.
const io::S3Store* WireOf(const io::Store& store) {
  return dynamic_cast<const io::S3Store*>(&store);
}

void AppendStore(std::string& text, const io::Store& store, const io::StoreMeter& meter) {
  text += io::StrCat("storage ", store.scheme_root(), ": ", NumCalls(meter), " calls in ",
                     meter.num_rounds, " rounds, ", meter.num_failed, " failed, ",
                     meter.counts.bytes_read(), " bytes read, ", meter.counts.bytes_written(),
                     " written, waited ", Milliseconds(meter.total_wait_ns()), "\n");
  for (size_t i = 0; i < io::kNumStoreCalls; ++i) {
    if (meter.counts.calls[i] == 0) continue;
    text += io::StrCat("  ", io::StoreCallName(static_cast<io::StoreCall>(i)), ": ",
                       meter.counts.calls[i], " calls, ", meter.counts.bytes[i], " bytes, waited ",
                       Milliseconds(meter.wait_ns[i]), "\n");
  }
  if (const io::S3Store* const wire = WireOf(store)) {
    const io::S3Counters counters = wire->counters();
    text += io::StrCat("  http: ", counters.requests, " requests, ", counters.retries,
                       " of them again, ", counters.throttled, " throttled, ", counters.hedges,
                       " hedged, paused ", Milliseconds(counters.pause_us * 1000), "\n");
  }
}

void AppendStore(io::JsonWriter& json, const io::Store& store, const io::StoreMeter& meter) {
  json.BeginObject();
  json.Key("root");
  json.String(store.scheme_root());
  const auto number = [&json](std::string_view key, uint64_t value) {
    json.Key(key);
    json.Uint(value);
  };
  number("calls", NumCalls(meter));
  number("rounds", meter.num_rounds);
  number("failed", meter.num_failed);
  number("bytes_read", meter.counts.bytes_read());
  number("bytes_written", meter.counts.bytes_written());
  number("wait_us", static_cast<uint64_t>(meter.total_wait_ns() / 1000));
  json.Key("by_call");
  json.BeginObject();
  for (size_t i = 0; i < io::kNumStoreCalls; ++i) {
    if (meter.counts.calls[i] == 0) continue;
    json.Key(io::StoreCallName(static_cast<io::StoreCall>(i)));
    json.BeginObject();
    number("calls", meter.counts.calls[i]);
    number("bytes", meter.counts.bytes[i]);
    number("wait_us", static_cast<uint64_t>(meter.wait_ns[i] / 1000));
    json.EndObject();
  }
  json.EndObject();
  if (const io::S3Store* const wire = WireOf(store)) {
    const io::S3Counters counters = wire->counters();
    json.Key("http");
    json.BeginObject();
    number("requests", counters.requests);
    number("retries", counters.retries);
    number("throttled", counters.throttled);
    number("hedges", counters.hedges);
    number("pause_us", static_cast<uint64_t>(counters.pause_us));
    json.EndObject();
  }
  json.EndObject();
}

}  // namespace

void IoStats::Measure(io::RealEnvOptions& options) {
  options.wrap_store = [this](std::shared_ptr<io::Store> base) -> std::shared_ptr<io::Store> {
    auto store = std::make_shared<io::MeteredStore>(base, MonotonicNs);
    io::MutexLock lock(mutex_);
    stores_.push_back({std::move(base), store});
    return store;
  };
}

std::vector<IoStats::Measured> IoStats::stores() const {
  io::MutexLock lock(mutex_);
  return stores_;
}

std::string IoStats::Report(std::string_view format) const {
  return format == "json" ? Json() : Text();
}

std::string IoStats::Text() const {
  std::string text;
  for (const Measured& measured : stores()) {
    const io::StoreMeter meter = measured.store->meter();
    if (NumCalls(meter) > 0) AppendStore(text, *measured.base, meter);
  }
  const io::FetchTotals fetch = io::FetchTotalsOfProcess();
  if (fetch.ranges > 0) {
    text += io::StrCat("fetch: ", fetch.ranges, " ranges of ", fetch.bytes_requested, " bytes by ",
                       fetch.requests, " requests of ", fetch.bytes_read, " bytes; ",
                       fetch.merged_ranges, " ranges of ", fetch.merged_bytes,
                       " bytes merged into others, ", fetch.gap_bytes, " bytes between, ",
                       fetch.cached_pages, " pages from the cache\n");
  }
  return text;
}

std::string IoStats::Json() const {
  io::JsonWriter json;
  json.BeginObject();
  json.Key("storage");
  json.BeginArray();
  for (const Measured& measured : stores()) {
    const io::StoreMeter meter = measured.store->meter();
    if (NumCalls(meter) > 0) AppendStore(json, *measured.base, meter);
  }
  json.EndArray();
  const io::FetchTotals fetch = io::FetchTotalsOfProcess();
  json.Key("fetch");
  json.BeginObject();
  const std::pair<std::string_view, uint64_t> sums[] = {
      {"ranges", fetch.ranges},
      {"bytes_requested", fetch.bytes_requested},
      {"requests", fetch.requests},
      {"bytes_read", fetch.bytes_read},
      {"merged_ranges", fetch.merged_ranges},
      {"merged_bytes", fetch.merged_bytes},
      {"gap_bytes", fetch.gap_bytes},
      {"cached_pages", fetch.cached_pages},
  };
  for (const auto& [key, value] : sums) {
    json.Key(key);
    json.Uint(value);
  }
  json.EndObject();
  json.EndObject();
  return std::move(json).Finish() + "\n";
}

}  // namespace og::cli
