#include "engine/graph/load/graph_batch.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/graph/load/block_parser.h"
#include "engine/graph/load/line_blocks.h"
#include "engine/graph/load/row_source.h"
#include "engine/graph/load/table_rows.h"
#include "io/base/buffer.h"
#include "io/base/status_macros.h"
#include "io/env/env.h"
#include "io/env/worker_pool.h"

namespace og::engine::graph {
namespace {

// Blocks beyond one for each thread, so that threads do not wait for the order of the blocks.
constexpr size_t kSpareBlocks = 2;

// Blocks under way at once: their lines and rows take an eighth of the memory at most.
size_t NumBlocks(io::Env& env, size_t block_bytes) {
  const uint64_t fit = env.memory()->limit() / 8 / (2 * block_bytes);
  return std::clamp<uint64_t>(fit, 1, env.pool().num_threads() + kSpareBlocks);
}

// Blocks are cut and their rows handed out in this thread, in order; in between they are parsed in
// those of the pool.
class GraphBatchReader {
 public:
  GraphBatchReader(io::Env& env, const schema::Catalog& catalog, ByteSource& source,
                   const GraphBatchOptions& options, const BatchSink& sink)
      : env_(env),
        source_(source),
        rows_(dynamic_cast<RowSource*>(&source)),
        options_(options),
        sink_(sink),
        blocks_(source, {options.block_bytes, options.line_bytes_max}),
        reading_(env.pool()) {
    for (size_t i = 0; i < NumBlocks(env, options.block_bytes); ++i)
      slots_.push_back(std::make_unique<Slot>(catalog, options, env.pool()));
  }

  absl::Status Run() {
    for (;;) {
      while (num_parsing_ == slots_.size() ||
             bytes_parsing_ >= slots_.size() * options_.block_bytes)
        OG_RETURN_IF_ERROR(TakeOldest());
      const absl::StatusOr<bool> more = rows_ != nullptr ? StartRows() : StartLines();
      if (more.ok() && *more) continue;
      // A mistake in what was read before comes first.
      while (num_parsing_ > 0)
        OG_RETURN_IF_ERROR(TakeOldest());
      return more.status();
    }
  }

 private:
  struct Slot {
    Slot(const schema::Catalog& catalog, const GraphBatchOptions& options, io::WorkerPool& pool)
        : parser(catalog, options), task(pool) {}

    BlockParser parser;
    size_t bytes = 0;
    io::TaskGroup task;  // last: ends before what it uses goes away
  };

  // Starts to parse what the source gives next; false at its end.
  absl::StatusOr<bool> StartLines() {
    OG_ASSIGN_OR_RETURN(std::optional<LineBlock> block, blocks_.Next(std::move(unused_)));
    if (!block) return false;
    const size_t bytes = block->text_bytes;
    Start(*std::move(block), bytes);
    return true;
  }

  // Rows are read in a thread of the pool, one batch ahead.
  absl::StatusOr<bool> StartRows() {
    if (!is_reading_) ReadAhead();
    OG_RETURN_IF_ERROR(reading_.Wait());
    std::optional<SourceRows> rows = std::exchange(next_rows_, std::nullopt);
    if (!rows) return false;
    rows_bytes_read_ = rows_->bytes_read();
    ReadAhead();
    size_t bytes = 0;
    for (const SourceRows::Member& member : rows->members)
      bytes += member.values->MemoryBytes();
    Start(*std::move(rows), bytes);
    return true;
  }

  void ReadAhead() {
    is_reading_ = true;
    reading_.Run([this]() -> absl::Status {
      OG_ASSIGN_OR_RETURN(next_rows_, rows_->NextRows());
      return absl::OkStatus();
    });
  }

  template <typename Input>
  void Start(Input input, size_t bytes) {
    Slot& slot = *slots_[(oldest_ + num_parsing_) % slots_.size()];
    slot.bytes = bytes;
    bytes_parsing_ += bytes;
    ++num_parsing_;
    slot.parser.Start(std::move(input));
    slot.task.Run([&slot] { return slot.parser.Parse(); });
  }

  absl::Status TakeOldest() {
    Slot& slot = *slots_[oldest_];
    for (bool at_end = false; !at_end;) {
      OG_RETURN_IF_ERROR(slot.task.Wait());
      std::vector<ParsedRows> parsed = slot.parser.TakeRows();
      at_end = slot.parser.at_end();
      if (!at_end) slot.task.Run([&slot] { return slot.parser.Parse(); });
      for (ParsedRows& rows : parsed)
        OG_RETURN_IF_ERROR(HandOut(std::move(rows)));
    }
    if (slot.bytes <= 2 * options_.block_bytes) unused_ = slot.parser.TakeMemory();
    bytes_parsing_ -= slot.bytes;
    --num_parsing_;
    oldest_ = (oldest_ + 1) % slots_.size();
    if (options_.progress) {
      const uint64_t bytes_read = rows_ != nullptr ? rows_bytes_read_ : blocks_.bytes_read();
      options_.progress({"read", num_rows_, bytes_read, source_.size()});
    }
    return absl::OkStatus();
  }

  absl::Status HandOut(ParsedRows parsed) {
    GiveFreshIds(env_, parsed.rows);
    num_rows_ += static_cast<uint64_t>(parsed.rows.num_rows);
    return sink_({parsed.table_key, std::move(parsed.rows), parsed.ids_are_fresh});
  }

  io::Env& env_;
  ByteSource& source_;
  RowSource* const rows_;  // the source, if it has columns
  const GraphBatchOptions& options_;
  const BatchSink& sink_;
  LineBlocks blocks_;
  io::MutableBuffer unused_;
  uint64_t num_rows_ = 0;
  // A ring of blocks, of which those from oldest_ on are parsed.
  std::vector<std::unique_ptr<Slot>> slots_;
  size_t oldest_ = 0;
  size_t num_parsing_ = 0;
  size_t bytes_parsing_ = 0;
  // Of a source of rows.
  bool is_reading_ = false;
  uint64_t rows_bytes_read_ = 0;
  std::optional<SourceRows> next_rows_;
  io::TaskGroup reading_;  // last: ends before what it uses goes away
};

}  // namespace

absl::Status ReadGraphBatch(io::Env& env, const schema::Catalog& catalog, ByteSource& source,
                            const GraphBatchOptions& options, const BatchSink& sink) {
  return GraphBatchReader(env, catalog, source, options, sink).Run();
}

}  // namespace og::engine::graph
