#include "engine/graph/export/sorted_lines.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <queue>
#include <span>
#include <utility>

#include "io/base/endian.h"
#include "io/base/status_macros.h"
#include "io/local/spill_file.h"

namespace og::engine::graph {
namespace {

constexpr size_t kChunkBytes = size_t{64} << 10;
constexpr size_t kRunReadBytes = size_t{256} << 10;
constexpr uint64_t kReserveBytes = uint64_t{8} << 20;
// Without any budget left, at least this much gathers before a run is written.
constexpr uint64_t kMemoryBytesMin = uint64_t{1} << 20;

// A line in memory: its key and text lie one after the other in the arena.
struct Entry {
  size_t offset;
  uint32_t key_bytes;
  uint32_t line_bytes;
};

// Collects lines and passes them on in chunks.
class ChunkedSink {
 public:
  explicit ChunkedSink(const std::function<absl::Status(std::string_view)>& sink) : sink_(sink) {}

  absl::Status Add(std::string_view line) {
    if (!chunk_.empty() && chunk_.size() + line.size() > kChunkBytes) {
      OG_RETURN_IF_ERROR(Flush());
    }
    chunk_.append(line);
    return absl::OkStatus();
  }

  absl::Status Flush() {
    if (chunk_.empty()) return absl::OkStatus();
    const absl::Status status = sink_(chunk_);
    chunk_.clear();
    return status;
  }

 private:
  const std::function<absl::Status(std::string_view)>& sink_;
  std::string chunk_;
};

// One sorted run of the file, read from start to end: u32 key bytes, u32 line bytes, key, line.
class RunReader {
 public:
  RunReader(const io::SpillFile& file, uint64_t begin, uint64_t end)
      : file_(file), at_(begin), end_(end) {}

  // Moves to the next line; false at the end.
  absl::StatusOr<bool> Next() {
    begin_ += sizeof(uint32_t) * 2 * (started_ ? 1 : 0) + key_bytes_ + line_bytes_;
    started_ = true;
    key_bytes_ = line_bytes_ = 0;
    OG_RETURN_IF_ERROR(Fill(sizeof(uint32_t) * 2));
    if (begin_ == buffer_.size()) return false;
    const auto bytes = std::as_bytes(std::span(buffer_));
    key_bytes_ = io::LoadLe<uint32_t>(bytes, begin_);
    line_bytes_ = io::LoadLe<uint32_t>(bytes, begin_ + sizeof(uint32_t));
    OG_RETURN_IF_ERROR(Fill(sizeof(uint32_t) * 2 + key_bytes_ + line_bytes_));
    return true;
  }

  std::string_view key() const { return Text(0, key_bytes_); }
  std::string_view line() const { return Text(key_bytes_, line_bytes_); }

 private:
  std::string_view Text(size_t offset, size_t size) const {
    return std::string_view(buffer_).substr(begin_ + sizeof(uint32_t) * 2 + offset, size);
  }

  // Makes `size` bytes from begin_ on available, or all that is left.
  absl::Status Fill(size_t size) {
    if (buffer_.size() - begin_ >= size || at_ == end_) return absl::OkStatus();
    buffer_.erase(0, begin_);
    begin_ = 0;
    const uint64_t wanted = std::max(size - buffer_.size(), kRunReadBytes);
    const auto more = static_cast<size_t>(std::min<uint64_t>(wanted, end_ - at_));
    const size_t old = buffer_.size();
    buffer_.resize(old + more);
    OG_RETURN_IF_ERROR(
        file_.Read(at_, std::as_writable_bytes(std::span(buffer_)).subspan(old, more)));
    at_ += more;
    return absl::OkStatus();
  }

  const io::SpillFile& file_;
  uint64_t at_;
  const uint64_t end_;
  std::string buffer_;
  size_t begin_ = 0;
  bool started_ = false;
  size_t key_bytes_ = 0;
  size_t line_bytes_ = 0;
};

}  // namespace

struct SortedLines::State {
  std::string_view KeyOf(const Entry& entry) const {
    return std::string_view(arena).substr(entry.offset, entry.key_bytes);
  }
  std::string_view LineOf(const Entry& entry) const {
    return std::string_view(arena).substr(entry.offset + entry.key_bytes, entry.line_bytes);
  }

  void Sort() {
    std::stable_sort(entries.begin(), entries.end(),
                     [this](const Entry& a, const Entry& b) { return KeyOf(a) < KeyOf(b); });
  }

  uint64_t MemoryBytes() const { return arena.size() + entries.size() * sizeof(Entry); }
  absl::Status MakeRoom(uint64_t more);
  absl::Status WriteRun();
  absl::Status Merge(ChunkedSink& sink) const;

  std::shared_ptr<io::MemoryBudget> budget;
  io::MemoryReservation reservation;
  std::string arena;
  std::vector<Entry> entries;
  std::unique_ptr<io::SpillFile> file;
  std::vector<std::pair<uint64_t, uint64_t>> runs;  // begin and end in the file
};

absl::Status SortedLines::State::MakeRoom(uint64_t more) {
  const uint64_t needed = MemoryBytes() + more;
  if (needed <= reservation.bytes() || needed < kMemoryBytesMin) return absl::OkStatus();
  const uint64_t wanted = needed + needed / 2 + kReserveBytes;
  if (reservation.bytes() == 0) {
    auto reserved = budget->Reserve(wanted);
    if (reserved.ok()) {
      reservation = *std::move(reserved);
      return absl::OkStatus();
    }
  } else if (reservation.Resize(wanted).ok()) {
    return absl::OkStatus();
  }
  return entries.empty() ? absl::OkStatus() : WriteRun();
}

absl::Status SortedLines::State::WriteRun() {
  if (file == nullptr) {
    OG_ASSIGN_OR_RETURN(file, io::SpillFile::Create());
  }
  Sort();
  const uint64_t begin = file->size();
  std::string block;
  const auto flush = [&]() -> absl::Status {
    const auto written = file->Append(std::as_bytes(std::span(block)));
    block.clear();
    return written.status();
  };
  for (const Entry& entry : entries) {
    block.append(reinterpret_cast<const char*>(&entry.key_bytes), sizeof(uint32_t));
    block.append(reinterpret_cast<const char*>(&entry.line_bytes), sizeof(uint32_t));
    block.append(KeyOf(entry)).append(LineOf(entry));
    if (block.size() >= kRunReadBytes) OG_RETURN_IF_ERROR(flush());
  }
  OG_RETURN_IF_ERROR(flush());
  runs.emplace_back(begin, file->size());
  entries.clear();
  arena.clear();
  return absl::OkStatus();
}

absl::Status SortedLines::State::Merge(ChunkedSink& sink) const {
  std::vector<RunReader> readers;
  readers.reserve(runs.size());
  for (const auto& [begin, end] : runs)
    readers.emplace_back(*file, begin, end);
  const auto later = [&readers](size_t a, size_t b) {
    const auto order = readers[a].key() <=> readers[b].key();
    return order != 0 ? order > 0 : a > b;
  };
  std::priority_queue<size_t, std::vector<size_t>, decltype(later)> heads(later);
  for (size_t run = 0; run < readers.size(); ++run) {
    OG_ASSIGN_OR_RETURN(const bool has_line, readers[run].Next());
    if (has_line) heads.push(run);
  }
  while (!heads.empty()) {
    const size_t run = heads.top();
    heads.pop();
    OG_RETURN_IF_ERROR(sink.Add(readers[run].line()));
    OG_ASSIGN_OR_RETURN(const bool has_line, readers[run].Next());
    if (has_line) heads.push(run);
  }
  return absl::OkStatus();
}

SortedLines::SortedLines(std::shared_ptr<io::MemoryBudget> budget)
    : state_(std::make_unique<State>()) {
  state_->budget = std::move(budget);
}

SortedLines::~SortedLines() = default;

size_t SortedLines::num_runs() const {
  return state_->runs.size();
}

absl::Status SortedLines::Add(std::string_view key, std::string_view line) {
  State& state = *state_;
  OG_RETURN_IF_ERROR(state.MakeRoom(key.size() + line.size() + sizeof(Entry)));
  state.entries.push_back(
      {state.arena.size(), static_cast<uint32_t>(key.size()), static_cast<uint32_t>(line.size())});
  state.arena.append(key).append(line);
  return absl::OkStatus();
}

absl::Status SortedLines::Finish(const std::function<absl::Status(std::string_view)>& sink) {
  State& state = *state_;
  ChunkedSink chunks(sink);
  if (!state.runs.empty()) {
    if (!state.entries.empty()) OG_RETURN_IF_ERROR(state.WriteRun());
    OG_RETURN_IF_ERROR(state.Merge(chunks));
  } else {
    state.Sort();
    for (const Entry& entry : state.entries)
      OG_RETURN_IF_ERROR(chunks.Add(state.LineOf(entry)));
  }
  return chunks.Flush();
}

}  // namespace og::engine::graph
