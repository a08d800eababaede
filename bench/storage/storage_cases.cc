#include "bench/storage/storage_cases.h"

#include <algorithm>
#include <ctime>
#include <deque>
#include <random>
#include <thread>
#include <utility>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::bench {
namespace {

int64_t ReadClock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

io::Buffer RandomBlock(const Load& load) {
  std::mt19937_64 random(load.seed);
  io::MutableBuffer bytes(load.block_bytes);
  for (std::byte& byte : bytes.span())
    byte = static_cast<std::byte>(random());
  return std::move(bytes).Share();
}

Stopwatch::Stopwatch(const Load& load)
    : load_(load),
      start_requests_(load.num_requests == nullptr ? 0 : load.num_requests()),
      start_ns_(NowNs()),
      start_cpu_ns_(CpuNs()) {}

int64_t Stopwatch::NowNs() {
  return ReadClock(CLOCK_MONOTONIC);
}

int64_t Stopwatch::CpuNs() {
  return ReadClock(CLOCK_PROCESS_CPUTIME_ID);
}

Cost Stopwatch::Stop(Cost cost) const {
  cost.wall_ns = NowNs() - start_ns_;
  cost.cpu_ns = CpuNs() - start_cpu_ns_;
  if (load_.num_requests != nullptr) cost.requests = load_.num_requests() - start_requests_;
  return cost;
}

absl::StatusOr<Cost> ReadBlocks(io::Store& store, const std::string& path, const Load& load,
                                bool is_random) {
  OG_ASSIGN_OR_RETURN(const io::ObjectInfo info, store.Stat(path));
  const uint64_t num_blocks = info.size / load.block_bytes;
  if (num_blocks == 0) return io::InvalidArgumentError(io::StrCat(path, " is too short"));
  struct Read {
    int64_t start_ns;
    io::PendingReads pending;
  };
  std::mt19937_64 random(load.seed);
  std::deque<Read> under_way;
  Cost cost;
  cost.latencies_ns.reserve(load.count);
  const Stopwatch stopwatch(load);
  for (uint64_t started = 0; cost.operations < load.count;) {
    if (started < load.count && under_way.size() < load.depth) {
      std::vector<io::ReadRequest> requests;
      requests.reserve(load.batch);
      for (size_t i = 0; i < load.batch; ++i) {
        const uint64_t block = (is_random ? random() : started) % num_blocks;
        requests.push_back({path, {block * load.block_bytes, load.block_bytes}, true});
        ++started;
      }
      const int64_t now_ns = Stopwatch::NowNs();
      under_way.push_back({now_ns, store.Submit(std::move(requests))});
      continue;
    }
    OG_ASSIGN_OR_RETURN(const std::vector<io::Buffer> buffers, under_way.front().pending.Wait());
    const int64_t latency_ns = Stopwatch::NowNs() - under_way.front().start_ns;
    under_way.pop_front();
    for (const io::Buffer& buffer : buffers) {
      cost.latencies_ns.push_back(latency_ns);
      cost.bytes += buffer.size();
      ++cost.operations;
    }
  }
  return stopwatch.Stop(std::move(cost));
}

absl::StatusOr<Cost> WriteBlocks(io::Store& store, const std::string& path, const Load& load,
                                 io::Durability durability) {
  const io::Buffer block = RandomBlock(load);
  Cost cost;
  cost.latencies_ns.reserve(load.count);
  const Stopwatch stopwatch(load);
  OG_ASSIGN_OR_RETURN(const auto stream, store.OpenWrite(path));
  for (; cost.operations < load.count; ++cost.operations) {
    const int64_t start_ns = Stopwatch::NowNs();
    OG_RETURN_IF_ERROR(stream->Append(block.span()));
    cost.latencies_ns.push_back(Stopwatch::NowNs() - start_ns);
    cost.bytes += block.size();
  }
  OG_RETURN_IF_ERROR(stream->Finish().status());
  OG_RETURN_IF_ERROR(store.Sync(std::vector<std::string>{path}, durability));
  return stopwatch.Stop(std::move(cost));
}

absl::StatusOr<Cost> CreateObjects(io::Store& store, const std::string& folder, const Load& load) {
  const io::Buffer block = RandomBlock(load);
  std::vector<Cost> costs(load.depth);
  std::vector<absl::Status> statuses(load.depth);
  const Stopwatch stopwatch(load);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < load.depth; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = t; i < load.count && statuses[t].ok(); i += load.depth) {
        const int64_t start_ns = Stopwatch::NowNs();
        statuses[t] = store.PutIfAbsent(io::StrCat(folder, "/", i), block.span()).status();
        costs[t].latencies_ns.push_back(Stopwatch::NowNs() - start_ns);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  Cost cost = stopwatch.Stop({});
  for (size_t t = 0; t < load.depth; ++t) {
    OG_RETURN_IF_ERROR(statuses[t]);
    cost.latencies_ns.insert(cost.latencies_ns.end(), costs[t].latencies_ns.begin(),
                             costs[t].latencies_ns.end());
  }
  cost.operations = cost.latencies_ns.size();
  cost.bytes = cost.operations * block.size();
  return cost;
}

absl::StatusOr<Cost> ListObjects(io::Store& store, const std::string& folder, const Load& load) {
  OG_ASSIGN_OR_RETURN(const auto before, store.List(folder, {}));
  for (uint64_t i = before.size(); i < load.count; ++i) {
    OG_RETURN_IF_ERROR(
        store.Put(io::StrCat(folder, "/", io::ZeroPadded(i, 8)), io::AsBytes("x")).status());
  }
  Cost cost;
  const Stopwatch stopwatch(load);
  OG_ASSIGN_OR_RETURN(const auto infos, store.List(folder, {}));
  cost = stopwatch.Stop(std::move(cost));
  cost.operations = infos.size();
  cost.latencies_ns = {cost.wall_ns};
  return cost;
}

}  // namespace og::bench
