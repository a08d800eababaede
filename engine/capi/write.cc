// Writing rows: datasets made, added to and replaced; data files without a commit.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/capi/arguments.h"
#include "engine/capi/environment.h"
#include "engine/capi/handles.h"
#include "engine/capi/last_error.h"
#include "engine/dataset/dataset.h"
#include "engine/dataset/overwrite.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::capi {
namespace {

using dataset::Dataset;
using dataset::DatasetPtr;

// What a new dataset records: at every 20th version those older than 14 days go.
constexpr std::array<std::pair<const char*, const char*>, 2> kCleanupConfig = {{
    {"lance.auto_cleanup.interval", "20"},
    {"lance.auto_cleanup.older_than", "14days"},
}};

// Names of file versions and what they stand for.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kFileVersions = {{
    {"2.0", "2.0"},
    {"0.3", "2.0"},
    {"2.1", "2.1"},
    {"2.2", "2.2"},
    {"stable", "2.1"},
}};
constexpr std::array<std::string_view, 4> kOtherFileVersions = {"0.1", "legacy", "2.3", "next"};

struct Target {
  io::Env* env = nullptr;
  io::Location root;
};

absl::StatusOr<Target> TargetOf(const char* uri, const char* const* storage_opts) {
  OG_ASSIGN_OR_RETURN(const std::string text, RequiredText(uri, "uri"));
  OG_ASSIGN_OR_RETURN(const StorageOptions storage, StorageOptionsOf(storage_opts));
  Target target{.env = &EnvironmentFor(storage), .root = {}};
  OG_ASSIGN_OR_RETURN(target.root, target.env->Resolve(text));
  return target;
}

absl::Status CheckSchema(const ArrowSchema* schema, const format::SchemaPtr& found) {
  OG_ASSIGN_OR_RETURN(const format::SchemaPtr wanted, BorrowSchema(schema, "schema"));
  if (wanted->fields == found->fields) {
    return absl::OkStatus();
  }
  return io::InvalidArgumentError(io::StrCat("the stream has the schema ",
                                             format::Struct(found->fields)->ToString(), ", wanted ",
                                             format::Struct(wanted->fields)->ToString()));
}

absl::StatusOr<std::string> FileVersionOf(const char* text) {
  OG_ASSIGN_OR_RETURN(std::string name, RequiredText(text, "data_storage_version"));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  for (const auto& [known, version] : kFileVersions) {
    if (name == known) {
      return std::string(version);
    }
  }
  if (std::ranges::find(kOtherFileVersions, name) != kOtherFileVersions.end()) {
    return io::UnimplementedError(
        io::StrCat("data_storage_version ", name, " is not in this version"));
  }
  return io::InvalidArgumentError(
      io::StrCat("data_storage_version is \"", text, "\", wanted 2.0, 2.1, 2.2 or stable"));
}

absl::StatusOr<dataset::CreateOptions> OptionsOf(const LanceWriteParams* params) {
  dataset::CreateOptions options;
  options.file_version = "2.1";
  options.stable_row_ids = false;
  for (const auto& [key, value] : kCleanupConfig) {
    options.config[key] = value;
  }
  if (params == nullptr) {
    return options;
  }
  if (params->max_rows_per_file > 0) {
    options.write.max_rows_per_file = params->max_rows_per_file;
  }
  if (params->max_bytes_per_file > 0) {
    options.write.max_bytes_per_file = params->max_bytes_per_file;
  }
  if (params->data_storage_version != nullptr) {
    OG_ASSIGN_OR_RETURN(options.file_version, FileVersionOf(params->data_storage_version));
  }
  options.stable_row_ids = params->enable_stable_row_ids;
  return options;
}

// The dataset at `target`; null if there is none.
absl::StatusOr<DatasetPtr> Existing(const Target& target) {
  absl::StatusOr<DatasetPtr> existing = Dataset::Open(*target.env, target.root, {});
  if (existing.status().code() == absl::StatusCode::kNotFound) {
    return DatasetPtr();
  }
  return existing;
}

// `replaces_version`: an overwrite makes data files of the version in `options`, too.
absl::StatusOr<DatasetPtr> Write(const Target& target, format::BatchStream& rows,
                                 LanceWriteMode mode, const dataset::CreateOptions& options,
                                 bool replaces_version) {
  OG_ASSIGN_OR_RETURN(const DatasetPtr existing, Existing(target));
  if (existing == nullptr) {
    OG_ASSIGN_OR_RETURN(
        const dataset::StagedTransaction staged,
        Dataset::StageCreate(*target.env, target.root, rows.schema(), &rows, options));
    return Dataset::CommitCreate(*target.env, target.root, staged);
  }
  if (mode == LANCE_WRITE_CREATE) {
    return io::AlreadyExistsError(io::StrCat("dataset already exists: ", target.root.Uri()));
  }
  dataset::StagedTransaction staged;
  if (mode == LANCE_WRITE_APPEND) {
    OG_ASSIGN_OR_RETURN(staged, existing->StageAppend(rows, options.write));
  } else if (replaces_version) {
    OG_ASSIGN_OR_RETURN(staged, StageOverwriteAs(*existing, options.file_version, rows.schema(),
                                                 &rows, options.write));
  } else {
    OG_ASSIGN_OR_RETURN(staged, existing->StageOverwrite(rows.schema(), &rows, options.write));
  }
  return existing->Commit(staged, {});
}

absl::Status WriteDataset(const char* uri, const ArrowSchema* schema, ArrowArrayStream* stream,
                          int32_t mode, const LanceWriteParams* params,
                          const char* const* storage_opts, LanceDataset** out_dataset) {
  OG_ASSIGN_OR_RETURN(const auto rows, TakeStream(stream, "stream"));
  if (mode < LANCE_WRITE_CREATE || mode > LANCE_WRITE_OVERWRITE) {
    return io::InvalidArgumentError(
        io::StrCat("mode is ", mode, ", wanted 0 (create), 1 (append) or 2 (overwrite)"));
  }
  OG_ASSIGN_OR_RETURN(const Target target, TargetOf(uri, storage_opts));
  OG_RETURN_IF_ERROR(CheckSchema(schema, rows->schema()));
  OG_ASSIGN_OR_RETURN(const dataset::CreateOptions options, OptionsOf(params));
  const bool names_version = params != nullptr && params->data_storage_version != nullptr;
  OG_ASSIGN_OR_RETURN(DatasetPtr written, Write(target, *rows, static_cast<LanceWriteMode>(mode),
                                                options, names_version));
  if (out_dataset != nullptr) {
    *out_dataset = new LanceDataset(std::move(written));
  }
  return absl::OkStatus();
}

absl::Status WriteFragments(const char* uri, const ArrowSchema* schema, ArrowArrayStream* stream,
                            const char* const* storage_opts) {
  OG_ASSIGN_OR_RETURN(const auto rows, TakeStream(stream, "stream"));
  OG_ASSIGN_OR_RETURN(const Target target, TargetOf(uri, storage_opts));
  OG_RETURN_IF_ERROR(CheckSchema(schema, rows->schema()));
  OG_ASSIGN_OR_RETURN(const dataset::CreateOptions options, OptionsOf(nullptr));
  OG_ASSIGN_OR_RETURN(
      const dataset::StagedTransaction staged,
      Dataset::StageCreate(*target.env, target.root, rows->schema(), rows.get(), options));
  return target.root.store->Sync(staged.files, target.env->durability());
}

}  // namespace
}  // namespace og::engine::capi

using namespace og::engine::capi;

extern "C" {

int32_t lance_dataset_write(const char* uri, const struct ArrowSchema* schema,
                            struct ArrowArrayStream* stream, int32_t mode,
                            const char* const* storage_opts, LanceDataset** out_dataset) {
  return AnswerStatus(
      [&] { return WriteDataset(uri, schema, stream, mode, nullptr, storage_opts, out_dataset); });
}

int32_t lance_dataset_write_with_params(const char* uri, const struct ArrowSchema* schema,
                                        struct ArrowArrayStream* stream, int32_t mode,
                                        const LanceWriteParams* params,
                                        const char* const* storage_opts,
                                        LanceDataset** out_dataset) {
  return AnswerStatus(
      [&] { return WriteDataset(uri, schema, stream, mode, params, storage_opts, out_dataset); });
}

int32_t lance_write_fragments(const char* uri, const struct ArrowSchema* schema,
                              struct ArrowArrayStream* stream, const char* const* storage_opts) {
  return AnswerStatus([&] { return WriteFragments(uri, schema, stream, storage_opts); });
}

}  // extern "C"
