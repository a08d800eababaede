// Versions: listing them, going back to one; what the columns of one take on disk.
#include <string_view>

#include "engine/capi/arguments.h"
#include "engine/capi/handles.h"
#include "engine/capi/last_error.h"
#include "engine/dataset/statistics.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::capi {
namespace {

int64_t MillisecondsOf(const std::optional<format::ManifestTimestamp>& timestamp) {
  return timestamp.has_value() ? timestamp->seconds * 1000 + timestamp->nanos / 1'000'000 : 0;
}

absl::StatusOr<LanceVersions*> Versions(const LanceDataset* handle) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  const dataset::DatasetPtr table = handle->current();
  OG_ASSIGN_OR_RETURN(const auto infos, table->ListVersions());
  auto versions = std::make_unique<LanceVersions>();
  for (const dataset::VersionInfo& info : infos) {
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr at, table->Checkout(info.version));
    versions->entries.push_back({info.version, MillisecondsOf(at->manifest().timestamp)});
  }
  return versions.release();
}

absl::StatusOr<LanceDataset*> Restore(const LanceDataset* handle, uint64_t version) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  if (version == 0) {
    return io::InvalidArgumentError("version is 0, wanted 1 or more");
  }
  const dataset::DatasetPtr table = handle->current();
  OG_ASSIGN_OR_RETURN(const auto staged, table->StageRestore(version, {}));
  OG_ASSIGN_OR_RETURN(dataset::DatasetPtr restored, table->Commit(staged, {.write_hint = false}));
  return new LanceDataset(std::move(restored));
}

absl::StatusOr<LanceDataStatistics*> Statistics(const LanceDataset* handle) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, "dataset"));
  auto statistics = std::make_unique<LanceDataStatistics>();
  OG_ASSIGN_OR_RETURN(statistics->fields, dataset::ReadFieldStatistics(*handle->current()));
  return statistics.release();
}

// Entry `index` of a list that a handle, which may be NULL, holds.
template <typename Handle, typename Entry>
absl::StatusOr<Entry> EntryAt(const Handle* handle, std::vector<Entry> Handle::*list, size_t index,
                              std::string_view name) {
  OG_RETURN_IF_ERROR(CheckNotNull(handle, name));
  const std::vector<Entry>& entries = handle->*list;
  if (index >= entries.size()) {
    return io::InvalidArgumentError(
        io::StrCat(name, ": index ", index, " of ", entries.size(), " entries"));
  }
  return entries[index];
}

}  // namespace
}  // namespace og::engine::capi

using namespace og::engine::capi;

extern "C" {

LanceVersions* lance_dataset_versions(const LanceDataset* dataset) {
  return Answer<LanceVersions*>(nullptr, [&] { return Versions(dataset); });
}

uint64_t lance_versions_count(const LanceVersions* versions) {
  return Answer<uint64_t>(0, [&]() -> absl::StatusOr<uint64_t> {
    OG_RETURN_IF_ERROR(CheckNotNull(versions, "versions"));
    return versions->entries.size();
  });
}

uint64_t lance_versions_id_at(const LanceVersions* versions, size_t index) {
  return Answer<uint64_t>(0, [&]() -> absl::StatusOr<uint64_t> {
    OG_ASSIGN_OR_RETURN(const auto entry,
                        EntryAt(versions, &LanceVersions::entries, index, "versions"));
    return entry.id;
  });
}

int64_t lance_versions_timestamp_ms_at(const LanceVersions* versions, size_t index) {
  return Answer<int64_t>(0, [&]() -> absl::StatusOr<int64_t> {
    OG_ASSIGN_OR_RETURN(const auto entry,
                        EntryAt(versions, &LanceVersions::entries, index, "versions"));
    return entry.timestamp_ms;
  });
}

void lance_versions_close(LanceVersions* versions) {
  delete versions;
}

LanceDataset* lance_dataset_restore(const LanceDataset* dataset, uint64_t version) {
  return Answer<LanceDataset*>(nullptr, [&] { return Restore(dataset, version); });
}

LanceDataStatistics* lance_dataset_calculate_data_stats(const LanceDataset* dataset) {
  return Answer<LanceDataStatistics*>(nullptr, [&] { return Statistics(dataset); });
}

uint64_t lance_data_statistics_count(const LanceDataStatistics* stats) {
  return Answer<uint64_t>(0, [&]() -> absl::StatusOr<uint64_t> {
    OG_RETURN_IF_ERROR(CheckNotNull(stats, "stats"));
    return stats->fields.size();
  });
}

uint32_t lance_data_statistics_field_id_at(const LanceDataStatistics* stats, size_t index) {
  return Answer<uint32_t>(0, [&]() -> absl::StatusOr<int32_t> {
    OG_ASSIGN_OR_RETURN(const auto field,
                        EntryAt(stats, &LanceDataStatistics::fields, index, "stats"));
    return field.field_id;
  });
}

uint64_t lance_data_statistics_bytes_on_disk_at(const LanceDataStatistics* stats, size_t index) {
  return Answer<uint64_t>(0, [&]() -> absl::StatusOr<uint64_t> {
    OG_ASSIGN_OR_RETURN(const auto field,
                        EntryAt(stats, &LanceDataStatistics::fields, index, "stats"));
    return field.stored_bytes;
  });
}

void lance_data_statistics_close(LanceDataStatistics* stats) {
  delete stats;
}

}  // extern "C"
