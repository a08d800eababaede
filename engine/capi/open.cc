// Handles and what they show: opening, metadata, schema, rows by place.
#include <span>
#include <string>

#include "engine/capi/arguments.h"
#include "engine/capi/column_selection.h"
#include "engine/capi/environment.h"
#include "engine/capi/handles.h"
#include "engine/capi/last_error.h"
#include "engine/dataset/dataset.h"
#include "format/arrow/c_data.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::capi {
namespace {

using dataset::Dataset;
using dataset::DatasetPtr;

absl::StatusOr<LanceDataset*> Open(const char* uri, const char* const* storage_opts,
                                   uint64_t version) {
  OG_ASSIGN_OR_RETURN(const std::string text, RequiredText(uri, "uri"));
  OG_ASSIGN_OR_RETURN(const StorageOptions storage, StorageOptionsOf(storage_opts));
  io::Env& env = EnvironmentFor(storage);
  OG_ASSIGN_OR_RETURN(const io::Location root, env.Resolve(text));
  dataset::OpenOptions options;
  if (version != 0) {
    options.version = version;
  }
  OG_ASSIGN_OR_RETURN(DatasetPtr opened, Dataset::Open(env, root, options));
  return new LanceDataset(std::move(opened));
}

// The dataset of a handle that may be NULL.
absl::StatusOr<DatasetPtr> CurrentOf(const LanceDataset* handle) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  return handle->current();
}

absl::Status ExportRows(const format::RecordBatch& rows, ArrowArrayStream* out) {
  *out = format::ExportStream(format::MakeStream(rows.schema, {rows}));
  return absl::OkStatus();
}

absl::Status TakeOffsets(const LanceDataset* handle, const uint64_t* indices, size_t num_indices,
                         const char* const* columns, ArrowArrayStream* out) {
  OG_ASSIGN_OR_RETURN(const DatasetPtr table, CurrentOf(handle));
  OG_RETURN_IF_ERROR(CheckNotNull(indices, "indices"));
  OG_RETURN_IF_ERROR(CheckNotNull(out, "out"));
  OG_ASSIGN_OR_RETURN(const auto names, OptionalList(columns, "columns"));
  const std::span<const uint64_t> offsets(indices, num_indices);
  for (const uint64_t offset : offsets) {
    if (offset >= table->num_rows()) {
      return io::InvalidArgumentError(
          io::StrCat("indices: row ", offset, " of ", table->num_rows()));
    }
  }
  OG_ASSIGN_OR_RETURN(const format::RecordBatch rows,
                      TakeColumns(*table, names, [&](const dataset::TakeOptions& options) {
                        return table->TakeOffsets(offsets, options);
                      }));
  return ExportRows(rows, out);
}

absl::Status TakeRowIds(const LanceDataset* handle, const uint64_t* row_ids, size_t num_row_ids,
                        const char* const* columns, ArrowArrayStream* out) {
  OG_ASSIGN_OR_RETURN(const DatasetPtr table, CurrentOf(handle));
  OG_RETURN_IF_ERROR(CheckNotNull(out, "out"));
  if (num_row_ids > 0) {
    OG_RETURN_IF_ERROR(CheckNotNull(row_ids, "row_ids"));
  }
  OG_ASSIGN_OR_RETURN(const auto names, OptionalList(columns, "columns"));
  OG_ASSIGN_OR_RETURN(const auto found,
                      table->AddressesOf(std::span<const uint64_t>(row_ids, num_row_ids)));
  std::vector<uint64_t> addresses;
  addresses.reserve(found.size());
  for (const std::optional<uint64_t>& address : found) {
    if (address.has_value()) {
      addresses.push_back(*address);
    }
  }
  OG_ASSIGN_OR_RETURN(const format::RecordBatch rows,
                      TakeColumns(*table, names, [&](const dataset::TakeOptions& options) {
                        return table->Take(addresses, options);
                      }));
  return ExportRows(rows, out);
}

}  // namespace
}  // namespace og::engine::capi

using namespace og::engine::capi;

extern "C" {

LanceDataset* lance_dataset_open(const char* uri, const char* const* storage_opts,
                                 uint64_t version) {
  return Answer<LanceDataset*>(nullptr, [&] { return Open(uri, storage_opts, version); });
}

void lance_dataset_close(LanceDataset* dataset) {
  delete dataset;
}

uint64_t lance_dataset_version(const LanceDataset* dataset) {
  return Answer<uint64_t>(0, [&]() -> absl::StatusOr<uint64_t> {
    OG_ASSIGN_OR_RETURN(const auto table, CurrentOf(dataset));
    return table->version();
  });
}

uint64_t lance_dataset_count_rows(const LanceDataset* dataset) {
  return Answer<uint64_t>(0, [&]() -> absl::StatusOr<uint64_t> {
    OG_ASSIGN_OR_RETURN(const auto table, CurrentOf(dataset));
    return table->num_rows();
  });
}

uint64_t lance_dataset_latest_version(const LanceDataset* dataset) {
  return Answer<uint64_t>(0, [&]() -> absl::StatusOr<uint64_t> {
    OG_ASSIGN_OR_RETURN(const auto table, CurrentOf(dataset));
    return table->LatestVersion();
  });
}

int32_t lance_dataset_schema(const LanceDataset* dataset, struct ArrowSchema* out) {
  return AnswerStatus([&]() -> absl::Status {
    OG_ASSIGN_OR_RETURN(const auto table, CurrentOf(dataset));
    OG_RETURN_IF_ERROR(CheckNotNull(out, "out"));
    *out = og::format::ExportSchema(*table->schema());
    return absl::OkStatus();
  });
}

uint64_t lance_dataset_fragment_count(const LanceDataset* dataset) {
  return Answer<uint64_t>(0, [&]() -> absl::StatusOr<uint64_t> {
    OG_ASSIGN_OR_RETURN(const auto table, CurrentOf(dataset));
    return table->manifest().fragments.size();
  });
}

int32_t lance_dataset_fragment_ids(const LanceDataset* dataset, uint64_t* out_ids) {
  return AnswerStatus([&]() -> absl::Status {
    OG_ASSIGN_OR_RETURN(const auto table, CurrentOf(dataset));
    OG_RETURN_IF_ERROR(CheckNotNull(out_ids, "out_ids"));
    for (const og::format::Fragment& fragment : table->manifest().fragments) {
      *out_ids++ = fragment.id;
    }
    return absl::OkStatus();
  });
}

int32_t lance_dataset_take(const LanceDataset* dataset, const uint64_t* indices, size_t num_indices,
                           const char* const* columns, struct ArrowArrayStream* out) {
  return AnswerStatus([&] { return TakeOffsets(dataset, indices, num_indices, columns, out); });
}

int32_t lance_dataset_take_rows(const LanceDataset* dataset, const uint64_t* row_ids,
                                size_t num_row_ids, const char* const* columns,
                                struct ArrowArrayStream* out) {
  return AnswerStatus([&] { return TakeRowIds(dataset, row_ids, num_row_ids, columns, out); });
}

}  // extern "C"
