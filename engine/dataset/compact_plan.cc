// Which fragments are compacted together.
#include <algorithm>
#include <charconv>

#include "engine/dataset/compact.h"
#include "format/table/fragment_reuse.h"
#include "format/table/roaring.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Fragment;

constexpr std::string_view kPrefix = "lance.compaction.";
constexpr std::string_view kSystemIndexPrefix = "__lance_";
constexpr uint64_t kFragmentsMax = uint64_t{1} << 32;

enum class Candidacy : uint8_t { kNone, kWithNeighbours, kItself };

// A run of candidates that may be joined.
struct Bin {
  std::vector<Fragment> fragments;
  Candidacy first = Candidacy::kNone;
  std::vector<size_t> indices;  // positions of the index segments that cover them
};

Candidacy CandidacyOf(const Fragment& fragment, const CompactionOptions& options) {
  const float deleted = fragment.physical_rows == 0
                            ? 0.0F
                            : static_cast<float>(fragment.num_deleted_rows()) /
                                  static_cast<float>(fragment.physical_rows);
  if (options.materialize_deletions && deleted > options.materialize_deletions_threshold) {
    return Candidacy::kItself;
  }
  return fragment.physical_rows < options.target_rows_per_fragment ? Candidacy::kWithNeighbours
                                                                   : Candidacy::kNone;
}

// The fragments that each index segment covers; those of system indexes left out.
absl::StatusOr<std::vector<std::vector<uint32_t>>> Coverages(
    const Dataset& dataset, std::span<const format::IndexMetadata> indices) {
  std::vector<std::vector<uint32_t>> coverages;
  for (const format::IndexMetadata& index : indices) {
    if (index.name.starts_with(kSystemIndexPrefix)) {
      continue;
    }
    if (!index.fragment_bitmap.empty()) {
      OG_ASSIGN_OR_RETURN(std::vector<uint32_t> covered,
                          format::DecodeRoaring(index.fragment_bitmap, kFragmentsMax));
      coverages.push_back(std::move(covered));
      continue;
    }
    // Unknown: all that there were when it was built.
    OG_ASSIGN_OR_RETURN(const DatasetPtr then, dataset.Checkout(index.dataset_version));
    std::vector<uint32_t> covered;
    for (const Fragment& fragment : dataset.manifest().fragments) {
      if (then->manifest().max_fragment_id && fragment.id <= *then->manifest().max_fragment_id) {
        covered.push_back(static_cast<uint32_t>(fragment.id));
      }
    }
    coverages.push_back(std::move(covered));
  }
  return coverages;
}

// Cuts a bin where it has enough rows and enough are left.
void Split(const Bin& bin, uint64_t rows_min, std::vector<CompactionTask>& tasks) {
  uint64_t left = 0;
  for (const Fragment& fragment : bin.fragments) {
    left += fragment.num_rows();
  }
  CompactionTask task;
  uint64_t rows = 0;
  for (const Fragment& fragment : bin.fragments) {
    task.fragments.push_back(fragment);
    rows += fragment.num_rows();
    left -= fragment.num_rows();
    if (rows >= rows_min && left > 0 && left >= rows_min) {
      tasks.push_back(std::exchange(task, {}));
      rows = 0;
    }
  }
  tasks.push_back(std::move(task));
}

absl::Status Invalid(std::string_view key, std::string_view value, std::string_view expected) {
  return io::InvalidArgumentError(
      io::StrCat("Invalid value for ", key, ": '", value, "' (expected ", expected, ")"));
}

absl::StatusOr<uint64_t> Number(std::string_view key, std::string_view value) {
  const std::optional<uint64_t> number = io::ParseUint64(value);
  if (!number) {
    return Invalid(key, value, "a non-negative integer");
  }
  return *number;
}

absl::StatusOr<bool> Truth(std::string_view key, std::string_view value) {
  std::string lower(value);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (lower != "true" && lower != "false") {
    return Invalid(key, value, "'true' or 'false'");
  }
  return lower == "true";
}

absl::StatusOr<float> Share(std::string_view key, std::string_view value) {
  float share = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), share);
  if (error != std::errc() || end != value.data() + value.size()) {
    return Invalid(key, value, "a float between 0.0 and 1.0");
  }
  return share;
}

absl::Status ApplyOption(std::string_view key, std::string_view value, CompactionOptions& options) {
  const std::string_view name = key.substr(kPrefix.size());
  if (name == "target_rows_per_fragment") {
    OG_ASSIGN_OR_RETURN(options.target_rows_per_fragment, Number(key, value));
  } else if (name == "max_bytes_per_file") {
    OG_ASSIGN_OR_RETURN(options.max_bytes_per_file, Number(key, value));
  } else if (name == "batch_size") {
    OG_ASSIGN_OR_RETURN(options.batch_rows, Number(key, value));
  } else if (name == "max_source_fragments") {
    OG_ASSIGN_OR_RETURN(options.max_source_fragments, Number(key, value));
  } else if (name == "materialize_deletions") {
    OG_ASSIGN_OR_RETURN(options.materialize_deletions, Truth(key, value));
  } else if (name == "defer_index_remap") {
    OG_ASSIGN_OR_RETURN(options.defer_index_remap, Truth(key, value));
  } else if (name == "materialize_deletions_threshold") {
    OG_ASSIGN_OR_RETURN(options.materialize_deletions_threshold, Share(key, value));
  } else if (name == "max_rows_per_group" || name == "io_buffer_size" ||
             name == "binary_copy_read_batch_bytes" || name == "max_overlays_per_fragment") {
    return Number(key, value).status();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CompactionOptions> CompactionOptionsOf(
    const std::map<std::string, std::string>& config) {
  CompactionOptions options;
  for (const auto& [key, value] : config) {
    if (key.starts_with(kPrefix)) {
      OG_RETURN_IF_ERROR(ApplyOption(key, value, options));
    }
  }
  return options;
}

absl::StatusOr<CompactionPlan> PlanCompaction(const Dataset& dataset,
                                              const CompactionOptions& options) {
  return PlanCompaction(dataset, options, dataset.manifest().indices);
}

absl::StatusOr<CompactionPlan> PlanCompaction(const Dataset& dataset,
                                              const CompactionOptions& options,
                                              std::span<const format::IndexMetadata> indices) {
  if (options.defer_index_remap && dataset.manifest().has_stable_row_ids()) {
    return io::InvalidArgumentError(
        "defer_index_remap is not supported on datasets with stable row ids: they need no index "
        "remapping, there is nothing to defer");
  }
  if (options.target_rows_per_fragment == 0) {
    return io::InvalidArgumentError("target_rows_per_fragment is 0");
  }
  OG_ASSIGN_OR_RETURN(const auto coverages, Coverages(dataset, indices));
  std::vector<Bin> bins;
  Bin bin;
  const auto close = [&] {
    if (!bin.fragments.empty()) {
      bins.push_back(std::exchange(bin, {}));
    }
  };
  for (const Fragment& fragment : dataset.manifest().fragments) {
    const Candidacy candidacy = CandidacyOf(fragment, options);
    if (candidacy == Candidacy::kNone) {
      close();
      continue;
    }
    std::vector<size_t> covering;
    for (size_t i = 0; i < coverages.size(); ++i) {
      if (std::ranges::binary_search(coverages[i], static_cast<uint32_t>(fragment.id))) {
        covering.push_back(i);
      }
    }
    // What one index covers and another fragment's does not cannot become one fragment.
    if (covering != bin.indices) {
      close();
    }
    if (bin.fragments.empty()) {
      bin.first = candidacy;
      bin.indices = std::move(covering);
    }
    bin.fragments.push_back(fragment);
  }
  close();
  CompactionPlan plan{.read_version = dataset.version(), .tasks = {}};
  for (const Bin& candidate : bins) {
    if (candidate.fragments.size() > 1 || candidate.first == Candidacy::kItself) {
      Split(candidate, options.target_rows_per_fragment, plan.tasks);
    }
  }
  if (options.max_source_fragments) {
    uint64_t fragments = 0;
    const auto end = std::ranges::find_if(plan.tasks, [&](const CompactionTask& task) {
      fragments += task.fragments.size();
      return fragments > *options.max_source_fragments;
    });
    plan.tasks.erase(end, plan.tasks.end());
  }
  return plan;
}

}  // namespace og::engine::dataset
