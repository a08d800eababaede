#include "cli/lance_tool/version_check.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "engine/dataset/checking_session.h"
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

// The folder `name` ("data", "_indices") of the base with `base_id`. A base that is no dataset
// holds data files itself.
absl::StatusOr<io::Location> FolderOf(const Dataset& dataset, std::optional<uint32_t> base_id,
                                      std::string_view name) {
  if (!base_id) {
    return dataset.branch_root().Child(name);
  }
  const format::BasePath* base = dataset.manifest().FindBase(*base_id);
  if (base == nullptr) {
    return io::DataLossError(io::StrCat("base path ", *base_id, " is not declared"));
  }
  OG_ASSIGN_OR_RETURN(io::Location location, dataset.env().Resolve(base->path));
  return base->is_dataset_root || name != "data" ? location.Child(name) : location;
}

absl::StatusOr<uint64_t> CheckSize(const io::Location& location, uint64_t size_bytes) {
  OG_ASSIGN_OR_RETURN(const io::ObjectInfo info, location.store->Stat(location.path));
  if (size_bytes != 0 && info.size != size_bytes) {
    return io::DataLossError(
        io::StrCat(location.Uri(), " has ", info.size, " bytes, the manifest says ", size_bytes));
  }
  return info.size;
}

// `deep`: every page that the scan of the rows has not read against its checksum too; counts those
// that have one.
absl::Status CheckFile(const Dataset& dataset, const format::DataFile& file, bool deep,
                       uint64_t& num_summed_pages) {
  OG_ASSIGN_OR_RETURN(const io::Location folder, FolderOf(dataset, file.base_id, "data"));
  const io::Location location = folder.Child(file.path);
  OG_ASSIGN_OR_RETURN(const uint64_t size_bytes, CheckSize(location, file.size_bytes));
  if (deep) {
    OG_ASSIGN_OR_RETURN(const format::PageCheck check,
                        engine::dataset::CheckOtherPages(*dataset.session(), location, size_bytes));
    num_summed_pages += check.num_pages;
  }
  return absl::OkStatus();
}

// Decodes all rows of a file, and compares its pages with their checksums.
absl::StatusOr<format::PageCheck> CheckRowsOfFile(const io::Location& location,
                                                  uint64_t size_bytes) {
  OG_ASSIGN_OR_RETURN(
      const auto reader,
      format::FileReader::Open(location, size_bytes, {.tail_bytes = 0, .check_pages = true}));
  OG_ASSIGN_OR_RETURN(const auto rows,
                      reader->Scan(reader->AllColumns(), {{0, reader->num_rows()}}, {}));
  while (true) {
    OG_ASSIGN_OR_RETURN(const std::optional<format::RecordBatch> batch, rows->Next());
    if (!batch) {
      return reader->CheckPages();
    }
    for (const format::ArrayPtr& column : batch->columns) {
      OG_RETURN_IF_ERROR(format::Validate(*column));
    }
  }
}

absl::Status CheckIndexFile(const io::Location& location, const format::IndexFile& file, bool deep,
                            uint64_t& num_summed_pages) {
  OG_ASSIGN_OR_RETURN(const uint64_t size_bytes, CheckSize(location, file.size_bytes));
  // Other files of indexes are no data files, or are stored in ways of their own.
  if (deep && file.path.ends_with(".lance")) {
    const absl::StatusOr<format::PageCheck> check = CheckRowsOfFile(location, size_bytes);
    if (absl::IsUnimplemented(check.status())) {
      return absl::OkStatus();
    }
    OG_RETURN_IF_ERROR(check.status());
    num_summed_pages += check->num_pages;
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
      std::string problem = io::StrCat(where, ": ", io::Message(status));
      if (report.problems.empty() || report.problems.back() != problem) {
        report.problems.push_back(std::move(problem));
      }
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
    note(where, CheckSequences(fragment));
    if (!deep) {
      note(where, CheckFooters(dataset, fragment));
    }
    note(where, CheckRows(dataset, fragment, deep, row_ids));
    for (const format::DataFile& file : fragment.files) {
      ++report.num_files;
      note(where, CheckFile(dataset, file, deep, report.num_summed_pages));
    }
    if (manifest.max_fragment_id.value_or(0) < fragment.id) {
      report.problems.push_back(io::StrCat(where, " is beyond max_fragment_id"));
    }
  }
  for (const format::IndexMetadata& index : manifest.indices) {
    const std::string where = io::StrCat("index ", index.name);
    const auto folder = FolderOf(dataset, index.base_id, "_indices");
    note(where, folder.status());
    for (const format::IndexFile& file : index.files) {
      if (folder.ok()) {
        note(where, CheckIndexFile(folder->Child(index.uuid).Child(file.path), file, deep,
                                   report.num_summed_pages));
      }
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
