// One load on one store: rates, latencies, CPU time and requests, as one line of JSON.
//
//   storage_bench CASE URI [--bare] [--direct] [--count N] [--block BYTES] [--batch N] [--depth N]
//     [--seed N]
//
//   read-seq, read-rand  blocks of the object URI
//   write-seq            the object URI of N blocks, by a stream, synced
//   put-if-absent        N new objects of one block below URI
//   list                 N objects below URI, which are put there at the first run
//
// Local URIs only: --bare does it by system calls alone, --direct reads past the page cache;
// without it the object is read once before, so that it is in the cache. OMNIGRAPH_DURABILITY
// counts.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "bench/storage/bare_calls.h"
#include "bench/storage/storage_cases.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "io/s3/s3_store.h"

namespace og::bench {
namespace {

struct Arguments {
  std::string what;
  std::string uri;
  bool is_bare = false;
  bool is_direct = false;
  Load load;
};

absl::StatusOr<Arguments> Parse(const std::vector<std::string_view>& words) {
  Arguments arguments;
  std::vector<std::string> plain;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--bare") {
      arguments.is_bare = true;
    } else if (word == "--direct") {
      arguments.is_direct = true;
    } else if (word.starts_with("--")) {
      const auto value = i + 1 < words.size() ? io::ParseUint64(words[++i]) : std::nullopt;
      if (!value || *value == 0)
        return io::InvalidArgumentError(io::StrCat(word, " wants a number"));
      if (word == "--count") {
        arguments.load.count = *value;
      } else if (word == "--block") {
        arguments.load.block_bytes = *value;
      } else if (word == "--batch") {
        arguments.load.batch = *value;
      } else if (word == "--depth") {
        arguments.load.depth = *value;
      } else if (word == "--seed") {
        arguments.load.seed = *value;
      } else {
        return io::InvalidArgumentError(io::StrCat("unknown option ", word));
      }
    } else {
      plain.emplace_back(word);
    }
  }
  if (plain.size() != 2) return io::InvalidArgumentError("wanted: CASE URI [OPTION...]");
  arguments.what = plain[0];
  arguments.uri = plain[1];
  return arguments;
}

absl::StatusOr<Cost> RunBare(const Arguments& arguments, const std::string& path,
                             io::Durability durability) {
  if (arguments.what == "read-seq") return BareReads(path, arguments.load, false);
  if (arguments.what == "read-rand") return BareReads(path, arguments.load, true);
  if (arguments.what == "write-seq") return BareWrites(path, arguments.load, durability);
  if (arguments.what == "put-if-absent") return BareCreates(path, arguments.load, durability);
  if (arguments.what == "list") return BareList(path);
  return io::InvalidArgumentError(io::StrCat("no bare ", arguments.what));
}

absl::StatusOr<Cost> RunOnStore(const Arguments& arguments, io::Store& store,
                                const std::string& path, io::Durability durability) {
  const Load& load = arguments.load;
  if (arguments.what == "write-seq") return WriteBlocks(store, path, load, durability);
  if (arguments.what == "put-if-absent") return CreateObjects(store, path, load);
  if (arguments.what == "list") return ListObjects(store, path, load);
  if (arguments.what != "read-seq" && arguments.what != "read-rand") {
    return io::InvalidArgumentError(io::StrCat("no case ", arguments.what));
  }
  return ReadBlocks(store, path, load, arguments.what == "read-rand");
}

int64_t Percentile(const std::vector<int64_t>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

std::string Report(const Arguments& arguments, Cost cost) {
  std::ranges::sort(cost.latencies_ns);
  io::JsonWriter json;
  json.BeginObject();
  json.Key("case");
  json.String(arguments.what);
  const auto number = [&json](std::string_view key, double value) {
    json.Key(key);
    json.Float(value);
  };
  const auto operations = static_cast<double>(std::max<uint64_t>(cost.operations, 1));
  const double seconds = static_cast<double>(cost.wall_ns) / 1e9;
  json.Key("operations");
  json.Uint(cost.operations);
  json.Key("bytes");
  json.Uint(cost.bytes);
  number("seconds", seconds);
  number("operations_per_s", static_cast<double>(cost.operations) / seconds);
  number("bytes_per_s", static_cast<double>(cost.bytes) / seconds);
  number("p50_us", static_cast<double>(Percentile(cost.latencies_ns, 0.5)) / 1e3);
  number("p99_us", static_cast<double>(Percentile(cost.latencies_ns, 0.99)) / 1e3);
  number("p999_us", static_cast<double>(Percentile(cost.latencies_ns, 0.999)) / 1e3);
  number("cpu_us_per_operation", static_cast<double>(cost.cpu_ns) / 1e3 / operations);
  if (cost.requests)
    number("requests_per_operation", static_cast<double>(*cost.requests) / operations);
  json.EndObject();
  return std::move(json).Finish() + "\n";
}

absl::StatusOr<std::string> Run(const std::vector<std::string_view>& words) {
  OG_ASSIGN_OR_RETURN(Arguments arguments, Parse(words));
  OG_ASSIGN_OR_RETURN(io::RealEnvOptions options, io::RealEnvOptions::FromEnvironment());
  const io::S3Store* wire = nullptr;
  options.wrap_store = [&wire](std::shared_ptr<io::Store> base) {
    wire = dynamic_cast<const io::S3Store*>(base.get());
    return base;
  };
  OG_ASSIGN_OR_RETURN(const auto env, io::NewRealEnv(options));
  OG_ASSIGN_OR_RETURN(const io::Location place, env->Resolve(arguments.uri));
  const io::Durability durability = options.durability;
  if (arguments.is_bare) {
    OG_ASSIGN_OR_RETURN(Cost cost, RunBare(arguments, io::StrCat("/", place.path), durability));
    return Report(arguments, std::move(cost));
  }
  std::shared_ptr<io::Store> store = place.store;
  if (arguments.is_direct) {
    OG_ASSIGN_OR_RETURN(store, io::LocalStore::Open({.durability = durability,
                                                     .io = options.local_io,
                                                     .direct_reads = io::DirectReads::kAlways}));
  } else if (arguments.what.starts_with("read-") && store->is_local()) {
    OG_RETURN_IF_ERROR(store->Read(place.path).status());
  }
  if (arguments.what == "write-seq") {
    // As the bare writer does: both then write into the memory that the old file had.
    OG_RETURN_IF_ERROR(store->Delete(place.path));
  }
  if (wire != nullptr) arguments.load.num_requests = [wire] { return wire->num_requests(); };
  OG_ASSIGN_OR_RETURN(Cost cost, RunOnStore(arguments, *store, place.path, durability));
  return Report(arguments, std::move(cost));
}

}  // namespace
}  // namespace og::bench

int main(int argc, char** argv) {
  const auto report = og::bench::Run(std::vector<std::string_view>(argv + 1, argv + argc));
  if (!report.ok()) {
    std::fprintf(stderr, "storage_bench: %s\n", std::string(report.status().message()).c_str());
    return 1;
  }
  std::fputs(report->c_str(), stdout);
  return 0;
}
