#include "cli/lance_tool/version_check.h"

#include <algorithm>

#include "format/arrow/array.h"
#include "format/file/reader.h"
#include "format/table/manifest.h"
#include "format/table/row_ids.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"

namespace og::cli {
namespace {

using engine::dataset::Dataset;
using engine::dataset::ScanOptions;
using format::Fragment;

// The folder of data files with `base_id`.
absl::StatusOr<io::Location> DataFolder(const Dataset& dataset, std::optional<uint32_t> base_id) {
  if (!base_id) {
    return dataset.branch_root().Child("data");
  }
  const format::BasePath* base = dataset.manifest().FindBase(*base_id);
  if (base == nullptr) {
    return io::DataLossError(io::StrCat("base path ", *base_id, " is not declared"));
  }
  OG_ASSIGN_OR_RETURN(io::Location location, dataset.env().Resolve(base->path));
  return base->is_dataset_root ? location.Child("data") : location;
}

// `deep`: every page against its checksum too; counts those that have one.
absl::Status CheckFile(const Dataset& dataset, const format::DataFile& file, bool deep,
                       uint64_t& num_summed_pages) {
  OG_ASSIGN_OR_RETURN(const io::Location folder, DataFolder(dataset, file.base_id));
  const io::Location location = folder.Child(file.path);
  OG_ASSIGN_OR_RETURN(const io::ObjectInfo info, location.store->Stat(location.path));
  if (file.size_bytes != 0 && info.size != file.size_bytes) {
    return io::DataLossError(io::StrCat(location.Uri(), " has ", info.size,
                                        " bytes, the manifest says ", file.size_bytes));
  }
  if (deep) {
    OG_ASSIGN_OR_RETURN(const auto reader, format::FileReader::Open(location, info.size));
    OG_ASSIGN_OR_RETURN(const format::PageCheck check, reader->CheckPages());
    num_summed_pages += check.num_pages;
  }
  return absl::OkStatus();
}

absl::Status CheckSequences(const Fragment& fragment) {
  if (fragment.row_ids) {
    OG_ASSIGN_OR_RETURN(const auto ids,
                        format::RowIdSequence::Decode(*fragment.row_ids, fragment.physical_rows));
    if (ids.size() != fragment.physical_rows) {
      return io::DataLossError(
          io::StrCat(ids.size(), " row ids for ", fragment.physical_rows, " rows"));
    }
  }
  for (const auto* versions : {&fragment.created_versions, &fragment.last_updated_versions}) {
    if (*versions) {
      OG_ASSIGN_OR_RETURN(const auto runs,
                          format::RowVersions::Decode(**versions, fragment.physical_rows));
      if (runs.size() != fragment.physical_rows) {
        return io::DataLossError(
            io::StrCat("versions of ", runs.size(), " rows for ", fragment.physical_rows));
      }
    }
  }
  return absl::OkStatus();
}

// Scans one fragment: its live rows are as many as the manifest says; ids are collected.
absl::Status CheckRows(const Dataset& dataset, const Fragment& fragment, bool deep,
                       std::vector<uint64_t>& row_ids) {
  ScanOptions options;
  if (!deep) {
    options.columns.emplace();
  }
  options.with_row_id = true;
  options.fragment_ids = {fragment.id};
  OG_ASSIGN_OR_RETURN(const auto stream, dataset.Scan(options));
  uint64_t rows = 0;
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<format::RecordBatch> batch, stream->Next());
    if (!batch) {
      break;
    }
    rows += static_cast<uint64_t>(batch->num_rows);
    for (size_t i = 0; i < batch->columns.size(); ++i) {
      const absl::Status valid = format::Validate(*batch->columns[i]);
      if (!valid.ok()) {
        return io::Annotate(valid, io::StrCat("column ", batch->schema->fields[i].name));
      }
      if (batch->columns[i]->length != batch->num_rows) {
        return io::DataLossError(
            io::StrCat("column ", batch->schema->fields[i].name, " has another length"));
      }
    }
    const format::Array& ids = *batch->columns.back();
    for (int64_t i = 0; i < batch->num_rows; ++i) {
      row_ids.push_back(ids.Value<uint64_t>(i));
    }
  }
  if (rows != fragment.num_rows()) {
    return io::DataLossError(
        io::StrCat(rows, " live rows, the manifest says ", fragment.num_rows()));
  }
  return absl::OkStatus();
}

// Opens every data file of `fragment` by reading its first row.
absl::Status CheckFooters(const Dataset& dataset, const Fragment& fragment) {
  ScanOptions options;
  options.fragment_ids = {fragment.id};
  options.limit = 1;
  options.blobs = engine::dataset::BlobHandling::kDescriptions;
  OG_ASSIGN_OR_RETURN(const auto stream, dataset.Scan(options));
  return stream->Next().status();
}

}  // namespace

VerifyReport VerifyVersion(const Dataset& dataset, bool deep) {
  VerifyReport report;
  report.num_rows = dataset.num_rows();
  const auto note = [&](std::string_view where, const absl::Status& status) {
    if (!status.ok()) {
      report.problems.push_back(io::StrCat(where, ": ", io::Message(status)));
    }
  };
  const format::Manifest& manifest = dataset.manifest();
  format::Manifest recomputed = manifest;
  note("feature flags", RecomputeFeatureFlags(recomputed, manifest.has_stable_row_ids()));
  if (recomputed.reader_feature_flags != manifest.reader_feature_flags) {
    report.problems.push_back(io::StrCat("reader feature flags are ", manifest.reader_feature_flags,
                                         ", not ", recomputed.reader_feature_flags));
  }
  std::vector<uint64_t> row_ids;
  for (const Fragment& fragment : manifest.fragments) {
    ++report.num_fragments;
    const std::string where = io::StrCat("fragment ", fragment.id);
    for (const format::DataFile& file : fragment.files) {
      ++report.num_files;
      note(where, CheckFile(dataset, file, deep, report.num_summed_pages));
    }
    note(where, CheckSequences(fragment));
    if (!deep) {
      note(where, CheckFooters(dataset, fragment));
    }
    note(where, CheckRows(dataset, fragment, deep, row_ids));
    if (manifest.max_fragment_id.value_or(0) < fragment.id) {
      report.problems.push_back(io::StrCat(where, " is beyond max_fragment_id"));
    }
  }
  std::ranges::sort(row_ids);
  if (const auto twice = std::ranges::adjacent_find(row_ids); twice != row_ids.end()) {
    report.problems.push_back(io::StrCat("two live rows have the row id ", *twice));
  }
  if (manifest.has_stable_row_ids() && !row_ids.empty() && row_ids.back() >= manifest.next_row_id) {
    report.problems.push_back(
        io::StrCat("row id ", row_ids.back(), " is not below next_row_id ", manifest.next_row_id));
  }
  return report;
}

}  // namespace og::cli
