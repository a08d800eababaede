#include "format/table/fragment_reuse.h"

#include <algorithm>

#include "format/proto/table.pb.h"
#include "format/table/roaring.h"
#include "format/table/table_proto.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

using Message = lance::table::FragmentReuseIndexDetails;

constexpr std::string_view kTypeUrl = "/lance.table.FragmentReuseIndexDetails";
constexpr std::string_view kTypeName = "FragmentReuseIndexDetails";

absl::Status Damaged(std::string_view what) {
  return io::DataLossError(io::StrCat("fragment reuse index: ", what));
}

template <typename T>
void AppendLe(T value, std::string& out) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    out += static_cast<char>(value >> (8 * i) & 0xff);
  }
}

FragmentDigest DigestFromProto(const Message::FragmentDigest& proto) {
  return {.id = proto.id(),
          .physical_rows = proto.physical_rows(),
          .num_deleted_rows = proto.num_deleted_rows()};
}

void DigestToProto(const FragmentDigest& digest, Message::FragmentDigest& out) {
  out.set_id(digest.id);
  out.set_physical_rows(digest.physical_rows);
  out.set_num_deleted_rows(digest.num_deleted_rows);
}

absl::StatusOr<FragmentReuseGroup> GroupFromProto(const Message::Group& proto) {
  FragmentReuseGroup group;
  uint64_t old_rows = 0;
  for (const auto& digest : proto.old_fragments()) {
    group.old_fragments.push_back(DigestFromProto(digest));
    if (digest.id() > UINT32_MAX || digest.physical_rows() > UINT32_MAX) {
      return Damaged(
          io::StrCat("old fragment ", digest.id(), " of ", digest.physical_rows(), " rows"));
    }
    old_rows += digest.physical_rows();
  }
  uint64_t new_rows = 0;
  for (const auto& digest : proto.new_fragments()) {
    group.new_fragments.push_back(DigestFromProto(digest));
    if (digest.id() > UINT32_MAX || digest.physical_rows() > UINT32_MAX) {
      return Damaged(
          io::StrCat("new fragment ", digest.id(), " of ", digest.physical_rows(), " rows"));
    }
    new_rows += digest.physical_rows();
  }
  OG_ASSIGN_OR_RETURN(
      group.moved, DecodeRoaringTreemap(proto.changed_row_addrs(), std::min(old_rows, new_rows)));
  auto old = group.old_fragments.end();
  for (const uint64_t address : group.moved) {
    if (old == group.old_fragments.end() || old->id != address >> 32) {
      old = std::ranges::find(group.old_fragments, address >> 32, &FragmentDigest::id);
    }
    if (old == group.old_fragments.end() || (address & UINT32_MAX) >= old->physical_rows) {
      return Damaged(io::StrCat("row ", address, " moved, which no old fragment has"));
    }
  }
  return group;
}

}  // namespace

std::string EncodeRoaringTreemap(std::span<const uint64_t> values) {
  std::string bitmaps;
  uint64_t count = 0;
  std::vector<uint32_t> low;
  for (size_t i = 0; i < values.size();) {
    const uint64_t high = values[i] >> 32;
    low.clear();
    for (; i < values.size() && values[i] >> 32 == high; ++i) {
      low.push_back(static_cast<uint32_t>(values[i]));
    }
    AppendLe(static_cast<uint32_t>(high), bitmaps);
    bitmaps += EncodeRoaring(low);
    ++count;
  }
  std::string bytes;
  AppendLe(count, bytes);
  return bytes + bitmaps;
}

absl::StatusOr<std::vector<uint64_t>> DecodeRoaringTreemap(std::string_view bytes,
                                                           uint64_t size_max) {
  if (bytes.size() < sizeof(uint64_t)) {
    return io::DataLossError("roaring treemap: no count");
  }
  const auto count = io::LoadLe<uint64_t>(io::AsBytes(bytes), 0);
  bytes.remove_prefix(sizeof(uint64_t));
  std::vector<uint64_t> values;
  std::optional<uint32_t> last;
  for (uint64_t i = 0; i < count; ++i) {
    if (bytes.size() < sizeof(uint32_t)) {
      return io::DataLossError(io::StrCat("roaring treemap: ", i, " of ", count, " bitmaps"));
    }
    const auto high = io::LoadLe<uint32_t>(io::AsBytes(bytes), 0);
    bytes.remove_prefix(sizeof(uint32_t));
    if (last && high <= *last) {
      return io::DataLossError("roaring treemap: keys are not ascending");
    }
    last = high;
    OG_ASSIGN_OR_RETURN(const std::vector<uint32_t> low,
                        DecodeRoaringPrefix(bytes, size_max - values.size()));
    for (const uint32_t value : low) {
      values.push_back(uint64_t{high} << 32 | value);
    }
  }
  if (!bytes.empty()) {
    return io::DataLossError("roaring treemap: bytes after the last bitmap");
  }
  return values;
}

std::string EncodeFragmentReuse(std::span<const FragmentReuseVersion> versions) {
  Message::InlineContent content;
  for (const FragmentReuseVersion& version : versions) {
    Message::Version& out = *content.add_versions();
    out.set_dataset_version(version.dataset_version);
    for (const FragmentReuseGroup& group : version.groups) {
      Message::Group& group_out = *out.add_groups();
      group_out.set_changed_row_addrs(EncodeRoaringTreemap(group.moved));
      for (const FragmentDigest& digest : group.old_fragments) {
        DigestToProto(digest, *group_out.add_old_fragments());
      }
      for (const FragmentDigest& digest : group.new_fragments) {
        DigestToProto(digest, *group_out.add_new_fragments());
      }
    }
  }
  return SerializeDeterministic(content);
}

absl::StatusOr<std::vector<FragmentReuseVersion>> DecodeFragmentReuse(std::string_view bytes) {
  Message::InlineContent content;
  if (bytes.size() > INT32_MAX ||
      !content.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Damaged("its content does not parse");
  }
  std::vector<FragmentReuseVersion> versions;
  for (const Message::Version& proto : content.versions()) {
    FragmentReuseVersion version{.dataset_version = proto.dataset_version(), .groups = {}};
    for (const Message::Group& group_proto : proto.groups()) {
      OG_ASSIGN_OR_RETURN(FragmentReuseGroup group, GroupFromProto(group_proto));
      version.groups.push_back(std::move(group));
    }
    versions.push_back(std::move(version));
  }
  return versions;
}

AnyMessage InlineFragmentReuse(std::string_view content) {
  Message details;
  // The content is a message of its own; its bytes are those of the member.
  details.mutable_inline_()->ParseFromArray(content.data(), static_cast<int>(content.size()));
  return {.type_url = std::string(kTypeUrl), .value = SerializeDeterministic(details)};
}

AnyMessage ExternalFragmentReuse(const ExternalFile& file) {
  Message details;
  lance::table::ExternalFile& out = *details.mutable_external();
  out.set_path(file.path);
  out.set_offset(file.offset);
  out.set_size(file.size);
  return {.type_url = std::string(kTypeUrl), .value = SerializeDeterministic(details)};
}

absl::StatusOr<FragmentReuseDetails> ParseFragmentReuse(const AnyMessage& details) {
  if (!details.type_url.ends_with(kTypeName)) {
    return Damaged(io::StrCat("details of type ", details.type_url));
  }
  Message message;
  if (!message.ParseFromString(details.value)) {
    return Damaged("its details do not parse");
  }
  FragmentReuseDetails parsed;
  if (message.has_inline_()) {
    parsed.content = SerializeDeterministic(message.inline_());
  } else if (message.has_external()) {
    parsed.file = ExternalFile{.path = message.external().path(),
                               .offset = message.external().offset(),
                               .size = message.external().size()};
  } else {
    return Damaged("its details are empty");
  }
  return parsed;
}

}  // namespace og::format
