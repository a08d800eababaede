// Scanners: what to scan, and the four ways to get the batches.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "engine/capi/arguments.h"
#include "engine/capi/background_scan.h"
#include "engine/capi/callback_thread.h"
#include "engine/capi/column_selection.h"
#include "engine/capi/handles.h"
#include "engine/capi/last_error.h"
#include "engine/expr/filter_parse.h"
#include "format/arrow/c_data.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::capi {
namespace {

using StreamPtr = std::unique_ptr<format::BatchStream>;

absl::StatusOr<LanceScanner*> NewScanner(const LanceDataset* handle, const char* const* columns,
                                         const char* filter) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  auto scanner = std::make_unique<LanceScanner>(LanceScanner{.dataset = handle->current()});
  OG_ASSIGN_OR_RETURN(scanner->columns, OptionalList(columns, "columns"));
  OG_ASSIGN_OR_RETURN(scanner->filter, OptionalText(filter, "filter"));
  return scanner.release();
}

absl::StatusOr<uint64_t> NotNegative(int64_t value, std::string_view name) {
  if (value < 0) {
    return io::InvalidArgumentError(io::StrCat(name, " is ", value, ", wanted 0 or more"));
  }
  return static_cast<uint64_t>(value);
}

// What a scanner asks for, apart from the scanner: a way to start the scan, now or later.
absl::StatusOr<BackgroundScan::Open> OpenerOf(const LanceScanner& scanner) {
  OG_RETURN_IF_ERROR(scanner.refusal);
  if (scanner.has_index_segments) {
    return io::InvalidArgumentError("index segments are for nearest-neighbour search only");
  }
  dataset::ScanOptions options;
  options.columns = scanner.columns;
  options.with_row_id = scanner.with_row_id;
  options.fragment_ids = scanner.fragment_ids;
  options.blobs = dataset::BlobHandling::kDescriptions;
  if (scanner.limit.has_value()) {
    OG_ASSIGN_OR_RETURN(options.limit, NotNegative(*scanner.limit, "limit"));
  }
  if (scanner.offset.has_value()) {
    OG_ASSIGN_OR_RETURN(options.offset, NotNegative(*scanner.offset, "offset"));
  }
  if (scanner.batch_rows.has_value()) {
    options.batch_rows = *scanner.batch_rows;
  }
  if (scanner.filter.has_value()) {
    OG_ASSIGN_OR_RETURN(options.filter, expr::ParseFilter(*scanner.filter));
  }
  return [table = scanner.dataset, options]() { return ScanColumns(*table, options); };
}

absl::StatusOr<StreamPtr> Start(const LanceScanner& scanner) {
  OG_ASSIGN_OR_RETURN(const BackgroundScan::Open open, OpenerOf(scanner));
  return open();
}

// Remembers how the scan of `scanner` ended, and gives a batch away if there is one.
absl::StatusOr<bool> Deliver(LanceScanner& scanner, NextBatch next, LanceBatch** out) {
  if (next.ok() && next->has_value()) {
    *out = new LanceBatch{**std::move(next)};
    return true;
  }
  scanner.ended = next.status();
  scanner.stream.reset();
  scanner.background.reset();
  OG_RETURN_IF_ERROR(next.status());
  return false;
}

// Whether there was a batch.
absl::StatusOr<bool> Next(LanceScanner* scanner, LanceBatch** out) {
  OG_RETURN_IF_ERROR(CheckNotNull(out, "out"));
  *out = nullptr;
  OG_RETURN_IF_ERROR(CheckNotNull(scanner, "scanner"));
  if (scanner->ended.has_value()) {
    OG_RETURN_IF_ERROR(*scanner->ended);
    return false;
  }
  if (scanner->background != nullptr) {
    return Deliver(*scanner, scanner->background->Next(), out);
  }
  if (scanner->stream == nullptr) {
    absl::StatusOr<StreamPtr> stream = Start(*scanner);
    if (!stream.ok()) {
      return Deliver(*scanner, stream.status(), out);
    }
    scanner->stream = *std::move(stream);
  }
  return Deliver(*scanner, scanner->stream->Next(), out);
}

absl::StatusOr<LancePollStatus> Poll(LanceScanner* scanner, LanceWaker waker, void* waker_ctx,
                                     LanceBatch** out) {
  OG_RETURN_IF_ERROR(CheckNotNull(out, "out"));
  *out = nullptr;
  OG_RETURN_IF_ERROR(CheckNotNull(scanner, "scanner"));
  if (scanner->ended.has_value()) {
    OG_RETURN_IF_ERROR(*scanner->ended);
    return LANCE_POLL_FINISHED;
  }
  if (scanner->background == nullptr) {
    absl::StatusOr<BackgroundScan::Open> open = OpenerOf(*scanner);
    if (!open.ok()) {
      return Deliver(*scanner, open.status(), out).status();
    }
    if (scanner->stream != nullptr) {  // a scan under way by lance_scanner_next() goes on
      auto under_way = std::make_shared<StreamPtr>(std::move(scanner->stream));
      open = [under_way]() -> absl::StatusOr<StreamPtr> { return std::move(*under_way); };
    }
    scanner->background = std::make_unique<BackgroundScan>(*std::move(open));
  }
  std::optional<NextBatch> next = scanner->background->Poll(waker, waker_ctx);
  if (!next.has_value()) {
    return LANCE_POLL_PENDING;
  }
  OG_ASSIGN_OR_RETURN(const bool is_batch, Deliver(*scanner, *std::move(next), out));
  return is_batch ? LANCE_POLL_READY : LANCE_POLL_FINISHED;
}

void PostStream(absl::StatusOr<StreamPtr> stream, LanceCallback callback, void* context) {
  auto shared = std::make_shared<absl::StatusOr<StreamPtr>>(std::move(stream));
  PostToCallbackThread([shared, callback, context] {
    auto* exported = static_cast<ArrowArrayStream*>(std::malloc(sizeof(ArrowArrayStream)));
    const int32_t status = AnswerStatus([&]() -> absl::Status {
      if (exported == nullptr) {
        return io::InternalError("no memory for a stream");
      }
      OG_RETURN_IF_ERROR(shared->status());
      *exported = format::ExportStream(*std::move(*shared));
      return absl::OkStatus();
    });
    if (status != 0) {
      std::free(std::exchange(exported, nullptr));
    }
    callback(context, status, exported);
  });
}

void ScanInBackground(const LanceScanner* scanner, LanceCallback callback, void* context) {
  const auto start = [&]() -> absl::Status {
    OG_RETURN_IF_ERROR(CheckNotNull(scanner, "scanner"));
    OG_ASSIGN_OR_RETURN(const BackgroundScan::Open open, OpenerOf(*scanner));
    std::thread([open, callback, context] {
      absl::StatusOr<StreamPtr> stream = io::InternalError("the scan did not start");
      try {
        stream = open();
      } catch (const std::exception& error) {
        stream = io::InternalError(error.what());
      }
      PostStream(std::move(stream), callback, context);
    }).detach();
    return absl::OkStatus();
  };
  absl::Status started;
  try {
    started = start();
  } catch (const std::exception& error) {
    started = io::InternalError(error.what());
  }
  if (!started.ok()) {
    PostStream(started, callback, context);
  }
}

// Sets something of a scanner that may be NULL.
template <typename Set>
int32_t SetOption(LanceScanner* scanner, Set set) {
  return AnswerStatus([&]() -> absl::Status {
    OG_RETURN_IF_ERROR(CheckNotNull(scanner, "scanner"));
    return set(*scanner);
  });
}

// Notes that `scanner` asks for what this version does not have, and says so.
absl::Status Refuse(LanceScanner& scanner, std::string_view what) {
  scanner.refusal = io::UnimplementedError(io::StrCat(what, " is not in this version"));
  return scanner.refusal;
}

// The number in an enum argument, which may be none of its values.
template <typename Enum>
int32_t NumberOf(const Enum& value) {
  int32_t number = 0;
  static_assert(sizeof(value) == sizeof(number));
  std::memcpy(&number, &value, sizeof(number));
  return number;
}

absl::Status SetNearest(LanceScanner& scanner, const char* column, const void* query_data,
                        int32_t element_type, uint32_t k) {
  OG_RETURN_IF_ERROR(CheckNotNull(column, "column"));
  OG_RETURN_IF_ERROR(CheckNotNull(query_data, "query_data"));
  if (k == 0) {
    return io::InvalidArgumentError("k is 0, wanted 1 or more");
  }
  if (scanner.is_full_text) {
    return io::InvalidArgumentError("nearest after full_text_search: a scan has one of them");
  }
  OG_ASSIGN_OR_RETURN(const std::string name, RequiredText(column, "column"));
  if (element_type < LANCE_DTYPE_FLOAT32 || element_type > LANCE_DTYPE_INT8) {
    return io::InvalidArgumentError(
        io::StrCat("element_type is ", element_type, ", wanted 0 to 4"));
  }
  scanner.is_nearest = true;
  return Refuse(scanner, io::StrCat("nearest-neighbour search in column ", name));
}

absl::Status SetFullText(LanceScanner& scanner, const char* query, const char* const* columns) {
  OG_RETURN_IF_ERROR(CheckNotNull(query, "query"));
  if (scanner.is_nearest) {
    return io::InvalidArgumentError("full_text_search after nearest: a scan has one of them");
  }
  OG_RETURN_IF_ERROR(OptionalList(columns, "columns").status());
  scanner.is_full_text = true;
  return Refuse(scanner, "full-text search");
}

// Tunes a nearest-neighbour search, of which there is none.
int32_t SetSearchOption(LanceScanner* scanner) {
  return SetOption(scanner, [](LanceScanner&) { return absl::OkStatus(); });
}

}  // namespace
}  // namespace og::engine::capi

using namespace og::engine::capi;

extern "C" {

LanceScanner* lance_scanner_new(const LanceDataset* dataset, const char* const* columns,
                                const char* filter) {
  return Answer<LanceScanner*>(nullptr, [&] { return NewScanner(dataset, columns, filter); });
}

int32_t lance_scanner_set_limit(LanceScanner* scanner, int64_t limit) {
  return SetOption(scanner, [&](LanceScanner& s) {
    s.limit = limit;
    return absl::OkStatus();
  });
}

int32_t lance_scanner_set_offset(LanceScanner* scanner, int64_t offset) {
  return SetOption(scanner, [&](LanceScanner& s) {
    s.offset = offset;
    return absl::OkStatus();
  });
}

int32_t lance_scanner_set_batch_size(LanceScanner* scanner, int64_t batch_size) {
  return SetOption(scanner, [&](LanceScanner& s) {
    s.batch_rows = batch_size;
    return absl::OkStatus();
  });
}

int32_t lance_scanner_with_row_id(LanceScanner* scanner, bool enable) {
  return SetOption(scanner, [&](LanceScanner& s) {
    s.with_row_id = enable;
    return absl::OkStatus();
  });
}

int32_t lance_scanner_set_fragment_ids(LanceScanner* scanner, const uint64_t* ids, size_t len) {
  return SetOption(scanner, [&](LanceScanner& s) -> absl::Status {
    if (len > 0) {
      OG_RETURN_IF_ERROR(CheckNotNull(ids, "ids"));
    }
    s.fragment_ids.emplace(ids, ids + len);
    return absl::OkStatus();
  });
}

int32_t lance_scanner_set_substrait_filter(LanceScanner* scanner, const uint8_t* bytes,
                                           size_t len) {
  return SetOption(scanner, [&](LanceScanner& s) -> absl::Status {
    OG_RETURN_IF_ERROR(CheckNotNull(bytes, "bytes"));
    if (len == 0) {
      return og::io::InvalidArgumentError("bytes must not be empty");
    }
    return Refuse(s, "a Substrait filter");
  });
}

void lance_scanner_close(LanceScanner* scanner) {
  delete scanner;
}

int32_t lance_scanner_to_arrow_stream(LanceScanner* scanner, struct ArrowArrayStream* out) {
  return SetOption(scanner, [&](LanceScanner& s) -> absl::Status {
    OG_RETURN_IF_ERROR(CheckNotNull(out, "out"));
    OG_ASSIGN_OR_RETURN(StreamPtr stream, Start(s));
    *out = og::format::ExportStream(std::move(stream));
    return absl::OkStatus();
  });
}

int32_t lance_scanner_next(LanceScanner* scanner, LanceBatch** out) {
  return Answer<int32_t>(-1, [&]() -> absl::StatusOr<int32_t> {
    OG_ASSIGN_OR_RETURN(const bool is_batch, Next(scanner, out));
    return is_batch ? 0 : 1;
  });
}

void lance_scanner_scan_async(const LanceScanner* scanner, LanceCallback callback,
                              void* callback_ctx) {
  ScanInBackground(scanner, callback, callback_ctx);
}

LancePollStatus lance_scanner_poll_next(LanceScanner* scanner, LanceWaker waker, void* waker_ctx,
                                        LanceBatch** out) {
  return Answer(LANCE_POLL_ERROR, [&] { return Poll(scanner, waker, waker_ctx, out); });
}

int32_t lance_batch_to_arrow(const LanceBatch* batch, struct ArrowArray* out_array,
                             struct ArrowSchema* out_schema) {
  return AnswerStatus([&]() -> absl::Status {
    OG_RETURN_IF_ERROR(CheckNotNull(batch, "batch"));
    OG_RETURN_IF_ERROR(CheckNotNull(out_array, "out_array"));
    OG_RETURN_IF_ERROR(CheckNotNull(out_schema, "out_schema"));
    *out_array = og::format::ExportBatch(batch->batch);
    *out_schema = og::format::ExportSchema(*batch->batch.schema);
    return absl::OkStatus();
  });
}

void lance_batch_free(LanceBatch* batch) {
  delete batch;
}

int32_t lance_scanner_nearest(LanceScanner* scanner, const char* column, const void* query_data,
                              size_t /*query_len*/, LanceDataType element_type, uint32_t k) {
  return SetOption(scanner, [&](LanceScanner& s) {
    return SetNearest(s, column, query_data, NumberOf(element_type), k);
  });
}

int32_t lance_scanner_set_nprobes(LanceScanner* scanner, uint32_t /*n*/) {
  return SetSearchOption(scanner);
}

int32_t lance_scanner_set_refine_factor(LanceScanner* scanner, uint32_t /*f*/) {
  return SetSearchOption(scanner);
}

int32_t lance_scanner_set_ef(LanceScanner* scanner, uint32_t /*e*/) {
  return SetSearchOption(scanner);
}

int32_t lance_scanner_set_metric(LanceScanner* scanner, LanceMetricType metric) {
  return SetOption(scanner, [&](LanceScanner&) -> absl::Status {
    const int32_t number = NumberOf(metric);
    return number >= LANCE_METRIC_L2 && number <= LANCE_METRIC_HAMMING
               ? absl::OkStatus()
               : og::io::InvalidArgumentError(
                     og::io::StrCat("metric is ", number, ", wanted 0 to 3"));
  });
}

int32_t lance_scanner_set_use_index(LanceScanner* scanner, bool /*enable*/) {
  return SetSearchOption(scanner);
}

int32_t lance_scanner_set_prefilter(LanceScanner* scanner, bool /*enable*/) {
  return SetSearchOption(scanner);
}

int32_t lance_scanner_set_index_segments(LanceScanner* scanner, const uint8_t* segment_uuids,
                                         size_t len) {
  return SetOption(scanner, [&](LanceScanner& s) -> absl::Status {
    if (len > 0) {
      OG_RETURN_IF_ERROR(CheckNotNull(segment_uuids, "segment_uuids"));
    }
    s.has_index_segments = len > 0;
    return absl::OkStatus();
  });
}

int32_t lance_scanner_full_text_search(LanceScanner* scanner, const char* query,
                                       const char* const* columns,
                                       uint32_t /*max_fuzzy_distance*/) {
  return SetOption(scanner, [&](LanceScanner& s) { return SetFullText(s, query, columns); });
}

}  // extern "C"
