#include "engine/dataset/index_coverage.h"

#include <algorithm>

#include "format/table/roaring.h"
#include "io/base/status_macros.h"

namespace og::engine::dataset {
namespace {

constexpr uint64_t kFragmentsMax = uint64_t{1} << 32;
constexpr int32_t kAddressVersion = 1;

}  // namespace

absl::StatusOr<std::optional<std::vector<uint32_t>>> CoverageOf(
    const format::IndexMetadata& index) {
  if (index.fragment_bitmap.empty()) {
    return std::nullopt;
  }
  OG_ASSIGN_OR_RETURN(std::vector<uint32_t> fragments,
                      format::DecodeRoaring(index.fragment_bitmap, kFragmentsMax));
  return fragments;
}

void SetCoverage(std::vector<uint32_t> fragments, format::IndexMetadata& index) {
  std::ranges::sort(fragments);
  fragments.erase(std::ranges::unique(fragments).begin(), fragments.end());
  index.fragment_bitmap = format::EncodeRoaring(fragments);
}

bool IndexesAny(const format::IndexMetadata& index, std::span<const uint32_t> fields) {
  return std::ranges::any_of(index.fields, [&](int32_t field) {
    return std::ranges::find(fields, static_cast<uint32_t>(field)) != fields.end();
  });
}

bool HoldsAddresses(const format::IndexMetadata& index) {
  return index.index_version.value_or(0) >= kAddressVersion && index.details &&
         index.details->type_url.ends_with(".BTreeIndexDetails");
}

absl::Status UncoverUpdated(std::span<const uint32_t> fields,
                            std::span<const format::Fragment> updated,
                            std::vector<format::IndexMetadata>& indices) {
  if (fields.empty()) {
    return absl::OkStatus();
  }
  for (format::IndexMetadata& index : indices) {
    if (!IndexesAny(index, fields)) {
      continue;
    }
    OG_ASSIGN_OR_RETURN(auto coverage, CoverageOf(index));
    if (coverage) {
      for (const format::Fragment& fragment : updated) {
        std::erase(*coverage, static_cast<uint32_t>(fragment.id));
      }
      SetCoverage(*std::move(coverage), index);
    }
  }
  return absl::OkStatus();
}

}  // namespace og::engine::dataset
