// The fragment reuse index: which rows compactions moved where, for indexes that were not rewritten
// with them. The details of the index "__lance_frag_reuse", inline in the manifest or, above
// kFragmentReuseInlineMax bytes, in the file details.binpb of its folder.
//
// Each version is one compaction, in the order in which they were made. In a group the rows of the
// old fragments that lived were moved, in their order, to the rows of the new fragments one after
// the other: the k-th member of `moved` is the k-th row there. Rows of old fragments that are no
// members were deleted.
//
//   moved (a 64-bit Roaring bitmap, "treemap")
//     u64 count, then per high word ascending: u32 high word | portable 32-bit Roaring bitmap
//
// Source: lance: protos/table.proto (FragmentReuseIndexDetails); lance-index 10.0.0:
// src/frag_reuse.rs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "format/table/manifest.h"

namespace og::format {

inline constexpr std::string_view kFragmentReuseIndexName = "__lance_frag_reuse";
inline constexpr std::string_view kFragmentReuseDetailsFile = "details.binpb";
inline constexpr size_t kFragmentReuseInlineMax = 204800;

struct FragmentDigest {
  uint64_t id = 0;
  uint64_t physical_rows = 0;
  uint64_t num_deleted_rows = 0;
  friend bool operator==(const FragmentDigest&, const FragmentDigest&) = default;
};

struct FragmentReuseGroup {
  std::vector<uint64_t> moved;  // row addresses, ascending
  std::vector<FragmentDigest> old_fragments;
  std::vector<FragmentDigest> new_fragments;
  friend bool operator==(const FragmentReuseGroup&, const FragmentReuseGroup&) = default;
};

struct FragmentReuseVersion {
  uint64_t dataset_version = 0;  // that the compaction read
  std::vector<FragmentReuseGroup> groups;
  friend bool operator==(const FragmentReuseVersion&, const FragmentReuseVersion&) = default;
};

// The bytes of all versions, as they stand inline or in the file.
std::string EncodeFragmentReuse(std::span<const FragmentReuseVersion> versions);

// kDataLoss if the bytes do not parse, a bitmap is damaged, or a group moves rows that its old
// fragments do not have or more rows than its new fragments have.
absl::StatusOr<std::vector<FragmentReuseVersion>> DecodeFragmentReuse(std::string_view bytes);

// The details of the index around `content`, or around its place in a file.
AnyMessage InlineFragmentReuse(std::string_view content);
AnyMessage ExternalFragmentReuse(const ExternalFile& file);

// What the details say: one of the two.
struct FragmentReuseDetails {
  std::optional<std::string> content;
  std::optional<ExternalFile> file;
};
// kDataLoss if the message does not parse or is of another type.
absl::StatusOr<FragmentReuseDetails> ParseFragmentReuse(const AnyMessage& details);

// A 64-bit Roaring bitmap. REQUIRES: ascending, distinct.
std::string EncodeRoaringTreemap(std::span<const uint64_t> values);
// kDataLoss if the bytes are no such bitmap or hold more than `size_max` values.
absl::StatusOr<std::vector<uint64_t>> DecodeRoaringTreemap(std::string_view bytes,
                                                           uint64_t size_max);

}  // namespace og::format
