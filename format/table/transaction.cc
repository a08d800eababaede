#include "format/table/transaction.h"

#include <limits>

#include "format/file/lance_schema.h"
#include "format/file/schema_proto.h"
#include "format/proto/transaction.pb.h"
#include "format/table/table_proto.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

using Proto = lance::table::Transaction;

constexpr uint32_t kDataReplacementField = 111;
constexpr uint32_t kUpdateMemWalStateField = 112;
constexpr uint32_t kDataOverlayField = 115;

template <typename RepeatedFragments>
absl::StatusOr<std::vector<Fragment>> FragmentsFrom(RepeatedFragments& protos) {
  std::vector<Fragment> fragments;
  fragments.reserve(static_cast<size_t>(protos.size()));
  for (auto& proto : protos) {
    OG_ASSIGN_OR_RETURN(Fragment fragment, FragmentFromProto(proto));
    fragments.push_back(std::move(fragment));
  }
  return fragments;
}

template <typename RepeatedFragments>
void FragmentsTo(const std::vector<Fragment>& fragments, RepeatedFragments& protos) {
  for (const Fragment& fragment : fragments) {
    FragmentToProto(fragment, *protos.Add());
  }
}

absl::StatusOr<std::shared_ptr<const LanceSchema>> SchemaFrom(const ProtoFields& fields,
                                                              const ProtoMetadata* metadata) {
  auto schema = std::make_shared<LanceSchema>();
  OG_ASSIGN_OR_RETURN(schema->fields, FieldsFromProto(fields));
  if (metadata != nullptr) {
    schema->metadata = MetadataFromProto(*metadata);
  }
  return schema;
}

template <typename RepeatedIndices>
absl::StatusOr<std::vector<IndexMetadata>> IndicesFrom(RepeatedIndices& protos) {
  std::vector<IndexMetadata> indices;
  for (auto& proto : protos) {
    OG_ASSIGN_OR_RETURN(IndexMetadata index, IndexFromProto(proto));
    indices.push_back(std::move(index));
  }
  return indices;
}

template <typename T, typename Repeated>
std::vector<T> VectorOf(const Repeated& values) {
  return {values.begin(), values.end()};
}

UpdateMap UpdateMapFrom(const Proto::UpdateMap& proto) {
  UpdateMap map;
  map.replace = proto.replace();
  for (const auto& entry : proto.update_entries()) {
    map.entries.emplace_back(entry.key(),
                             entry.has_value() ? std::optional(entry.value()) : std::nullopt);
  }
  return map;
}

void UpdateMapTo(const UpdateMap& map, Proto::UpdateMap& proto) {
  for (const auto& [key, value] : map.entries) {
    auto* entry = proto.add_update_entries();
    entry->set_key(key);
    if (value) {
      entry->set_value(*value);
    }
  }
  proto.set_replace(map.replace);
}

KeyExistenceFilter FilterFrom(const Proto::KeyExistenceFilter& proto) {
  KeyExistenceFilter filter;
  filter.field_ids = VectorOf<int32_t>(proto.field_ids());
  if (proto.has_exact()) {
    filter.exact_hashes = VectorOf<uint64_t>(proto.exact().key_hashes());
  } else if (proto.has_bloom()) {
    filter.bloom = proto.bloom().bitmap();
    filter.num_bits = proto.bloom().num_bits();
    filter.number_of_items = proto.bloom().number_of_items();
    filter.probability = proto.bloom().probability();
  }
  return filter;
}

void FilterTo(const KeyExistenceFilter& filter, Proto::KeyExistenceFilter& proto) {
  proto.mutable_field_ids()->Add(filter.field_ids.begin(), filter.field_ids.end());
  if (filter.exact_hashes) {
    proto.mutable_exact()->mutable_key_hashes()->Add(filter.exact_hashes->begin(),
                                                     filter.exact_hashes->end());
    return;
  }
  proto.mutable_bloom()->set_bitmap(filter.bloom);
  proto.mutable_bloom()->set_num_bits(filter.num_bits);
  proto.mutable_bloom()->set_number_of_items(filter.number_of_items);
  proto.mutable_bloom()->set_probability(filter.probability);
}

absl::StatusOr<UpdateOperation> UpdateFrom(Proto::Update& proto) {
  UpdateOperation update;
  update.removed_fragment_ids = VectorOf<uint64_t>(proto.removed_fragment_ids());
  OG_ASSIGN_OR_RETURN(update.updated_fragments, FragmentsFrom(*proto.mutable_updated_fragments()));
  OG_ASSIGN_OR_RETURN(update.new_fragments, FragmentsFrom(*proto.mutable_new_fragments()));
  update.fields_modified = VectorOf<uint32_t>(proto.fields_modified());
  update.compacted_sstables = VectorOf<std::string>(proto.compacted_sstables());
  update.fields_for_preserving_frag_bitmap =
      VectorOf<uint32_t>(proto.fields_for_preserving_frag_bitmap());
  switch (proto.update_mode()) {
    case Proto::REWRITE_ROWS:
      update.mode = UpdateMode::kRewriteRows;
      break;
    case Proto::REWRITE_COLUMNS:
      update.mode = UpdateMode::kRewriteColumns;
      break;
    default:
      return io::UnimplementedError(
          io::StrCat("update mode ", static_cast<int>(proto.update_mode())));
  }
  if (proto.has_inserted_rows()) {
    update.inserted_rows = FilterFrom(proto.inserted_rows());
  }
  for (const auto& [fragment, offsets] : proto.updated_fragment_offsets()) {
    update.updated_fragment_offsets[fragment] = VectorOf<uint32_t>(offsets.values());
  }
  return update;
}

void UpdateTo(const UpdateOperation& update, Proto::Update& proto) {
  proto.mutable_removed_fragment_ids()->Add(update.removed_fragment_ids.begin(),
                                            update.removed_fragment_ids.end());
  FragmentsTo(update.updated_fragments, *proto.mutable_updated_fragments());
  FragmentsTo(update.new_fragments, *proto.mutable_new_fragments());
  proto.mutable_fields_modified()->Add(update.fields_modified.begin(),
                                       update.fields_modified.end());
  for (const std::string& table : update.compacted_sstables) {
    proto.add_compacted_sstables(table);
  }
  proto.mutable_fields_for_preserving_frag_bitmap()->Add(
      update.fields_for_preserving_frag_bitmap.begin(),
      update.fields_for_preserving_frag_bitmap.end());
  proto.set_update_mode(update.mode == UpdateMode::kRewriteRows ? Proto::REWRITE_ROWS
                                                                : Proto::REWRITE_COLUMNS);
  if (update.inserted_rows) {
    FilterTo(*update.inserted_rows, *proto.mutable_inserted_rows());
  }
  for (const auto& [fragment, offsets] : update.updated_fragment_offsets) {
    (*proto.mutable_updated_fragment_offsets())[fragment].mutable_values()->Add(offsets.begin(),
                                                                                offsets.end());
  }
}

absl::StatusOr<RewriteOperation> RewriteFrom(Proto::Rewrite& proto) {
  RewriteOperation rewrite;
  for (auto& group : *proto.mutable_groups()) {
    RewriteGroup decoded;
    OG_ASSIGN_OR_RETURN(decoded.old_fragments, FragmentsFrom(*group.mutable_old_fragments()));
    OG_ASSIGN_OR_RETURN(decoded.new_fragments, FragmentsFrom(*group.mutable_new_fragments()));
    rewrite.groups.push_back(std::move(decoded));
  }
  if (proto.old_fragments_size() > 0) {
    RewriteGroup decoded;
    OG_ASSIGN_OR_RETURN(decoded.old_fragments, FragmentsFrom(*proto.mutable_old_fragments()));
    OG_ASSIGN_OR_RETURN(decoded.new_fragments, FragmentsFrom(*proto.mutable_new_fragments()));
    rewrite.groups.push_back(std::move(decoded));
  }
  for (const auto& index : proto.rewritten_indices()) {
    RewrittenIndex decoded;
    OG_ASSIGN_OR_RETURN(decoded.old_uuid, UuidText(index.old_id()));
    OG_ASSIGN_OR_RETURN(decoded.new_uuid, UuidText(index.new_id()));
    if (index.has_new_index_details()) {
      decoded.new_details = AnyFromProto(index.new_index_details());
    }
    decoded.new_index_version = index.new_index_version();
    for (const auto& file : index.new_index_files()) {
      decoded.new_files.push_back({.path = file.path(), .size_bytes = file.size_bytes()});
    }
    rewrite.rewritten_indices.push_back(std::move(decoded));
  }
  return rewrite;
}

void RewriteTo(const RewriteOperation& rewrite, Proto::Rewrite& proto) {
  for (const RewriteGroup& group : rewrite.groups) {
    auto* added = proto.add_groups();
    FragmentsTo(group.old_fragments, *added->mutable_old_fragments());
    FragmentsTo(group.new_fragments, *added->mutable_new_fragments());
  }
  for (const RewrittenIndex& index : rewrite.rewritten_indices) {
    auto* added = proto.add_rewritten_indices();
    UuidToProto(index.old_uuid, *added->mutable_old_id());
    UuidToProto(index.new_uuid, *added->mutable_new_id());
    if (index.new_details) {
      AnyToProto(*index.new_details, *added->mutable_new_index_details());
    }
    added->set_new_index_version(index.new_index_version);
    for (const IndexFile& file : index.new_files) {
      auto* added_file = added->add_new_index_files();
      added_file->set_path(file.path);
      added_file->set_size_bytes(file.size_bytes);
    }
  }
}

// The former form of a configuration change: maps of values to set and a list of keys to delete.
UpdateMap LegacyUpdates(const google::protobuf::Map<std::string, std::string>& values,
                        bool replace) {
  UpdateMap map;
  map.replace = replace;
  for (const auto& [key, value] :
       std::map<std::string, std::string>(values.begin(), values.end())) {
    map.entries.emplace_back(key, value);
  }
  return map;
}

UpdateConfigOperation UpdateConfigFrom(const Proto::UpdateConfig& proto) {
  UpdateConfigOperation config;
  if (proto.has_config_updates()) {
    config.config = UpdateMapFrom(proto.config_updates());
  } else if (proto.upsert_values_size() > 0 || proto.delete_keys_size() > 0) {
    config.config = LegacyUpdates(proto.upsert_values(), false);
    for (const std::string& key : proto.delete_keys()) {
      config.config->entries.emplace_back(key, std::nullopt);
    }
  }
  if (proto.has_table_metadata_updates()) {
    config.table_metadata = UpdateMapFrom(proto.table_metadata_updates());
  }
  if (proto.has_schema_metadata_updates()) {
    config.schema_metadata = UpdateMapFrom(proto.schema_metadata_updates());
  } else if (proto.schema_metadata_size() > 0) {
    config.schema_metadata = LegacyUpdates(proto.schema_metadata(), true);
  }
  for (const auto& [field, updates] : proto.field_metadata_updates()) {
    config.field_metadata[field] = UpdateMapFrom(updates);
  }
  for (const auto& [field, updates] : proto.field_metadata()) {
    config.field_metadata.emplace(static_cast<int32_t>(field),
                                  LegacyUpdates(updates.metadata(), true));
  }
  return config;
}

void UpdateConfigTo(const UpdateConfigOperation& config, Proto::UpdateConfig& proto) {
  if (config.config) {
    UpdateMapTo(*config.config, *proto.mutable_config_updates());
  }
  if (config.table_metadata) {
    UpdateMapTo(*config.table_metadata, *proto.mutable_table_metadata_updates());
  }
  if (config.schema_metadata) {
    UpdateMapTo(*config.schema_metadata, *proto.mutable_schema_metadata_updates());
  }
  for (const auto& [field, updates] : config.field_metadata) {
    UpdateMapTo(updates, (*proto.mutable_field_metadata_updates())[field]);
  }
}

absl::StatusOr<OverwriteOperation> OverwriteFrom(Proto::Overwrite& proto) {
  OverwriteOperation overwrite;
  OG_ASSIGN_OR_RETURN(overwrite.fragments, FragmentsFrom(*proto.mutable_fragments()));
  OG_ASSIGN_OR_RETURN(overwrite.schema, SchemaFrom(proto.schema(), &proto.schema_metadata()));
  overwrite.config_upserts.insert(proto.config_upsert_values().begin(),
                                  proto.config_upsert_values().end());
  for (auto& base : *proto.mutable_initial_bases()) {
    overwrite.initial_bases.push_back(BasePathFromProto(base));
  }
  return overwrite;
}

CloneOperation CloneFrom(const Proto::Clone& proto) {
  CloneOperation clone{.is_shallow = proto.is_shallow(),
                       .ref_name = std::nullopt,
                       .ref_version = proto.ref_version(),
                       .ref_path = proto.ref_path(),
                       .branch_name = std::nullopt};
  if (proto.has_ref_name()) {
    clone.ref_name = proto.ref_name();
  }
  if (proto.has_branch_name()) {
    clone.branch_name = proto.branch_name();
  }
  return clone;
}

absl::StatusOr<Operation> OperationFrom(Proto& proto) {
  switch (proto.operation_case()) {
    case Proto::kAppend: {
      AppendOperation append;
      OG_ASSIGN_OR_RETURN(append.fragments,
                          FragmentsFrom(*proto.mutable_append()->mutable_fragments()));
      return append;
    }
    case Proto::kDelete: {
      DeleteOperation deletion;
      OG_ASSIGN_OR_RETURN(deletion.updated_fragments,
                          FragmentsFrom(*proto.mutable_delete_()->mutable_updated_fragments()));
      deletion.deleted_fragment_ids = VectorOf<uint64_t>(proto.delete_().deleted_fragment_ids());
      deletion.predicate = proto.delete_().predicate();
      return deletion;
    }
    case Proto::kOverwrite:
      return OverwriteFrom(*proto.mutable_overwrite());
    case Proto::kCreateIndex: {
      CreateIndexOperation create;
      OG_ASSIGN_OR_RETURN(create.new_indices,
                          IndicesFrom(*proto.mutable_create_index()->mutable_new_indices()));
      OG_ASSIGN_OR_RETURN(create.removed_indices,
                          IndicesFrom(*proto.mutable_create_index()->mutable_removed_indices()));
      return create;
    }
    case Proto::kRewrite:
      return RewriteFrom(*proto.mutable_rewrite());
    case Proto::kMerge: {
      MergeOperation merge;
      OG_ASSIGN_OR_RETURN(merge.fragments,
                          FragmentsFrom(*proto.mutable_merge()->mutable_fragments()));
      OG_ASSIGN_OR_RETURN(merge.schema,
                          SchemaFrom(proto.merge().schema(), &proto.merge().schema_metadata()));
      return merge;
    }
    case Proto::kRestore:
      return RestoreOperation{.version = proto.restore().version()};
    case Proto::kReserveFragments:
      return ReserveFragmentsOperation{.num_fragments = proto.reserve_fragments().num_fragments()};
    case Proto::kUpdate:
      return UpdateFrom(*proto.mutable_update());
    case Proto::kProject: {
      ProjectOperation project;
      OG_ASSIGN_OR_RETURN(project.schema, SchemaFrom(proto.project().schema(), nullptr));
      return project;
    }
    case Proto::kUpdateConfig:
      return UpdateConfigFrom(proto.update_config());
    case Proto::kClone:
      return CloneFrom(proto.clone());
    case Proto::kUpdateBases: {
      UpdateBasesOperation bases;
      for (auto& base : *proto.mutable_update_bases()->mutable_new_bases()) {
        bases.new_bases.push_back(BasePathFromProto(base));
      }
      return bases;
    }
    case Proto::kDataReplacement:
      return CarriedOperation{kDataReplacementField, proto.data_replacement()};
    case Proto::kUpdateMemWalState:
      return CarriedOperation{kUpdateMemWalStateField, proto.update_mem_wal_state()};
    case Proto::kDataOverlay:
      return CarriedOperation{kDataOverlayField, proto.data_overlay()};
    case Proto::OPERATION_NOT_SET:
      break;
  }
  return CarriedOperation{};
}

// Writes the operation into `proto`.
struct OperationTo {
  Proto& proto;

  void operator()(const AppendOperation& append) const {
    FragmentsTo(append.fragments, *proto.mutable_append()->mutable_fragments());
  }
  void operator()(const DeleteOperation& deletion) const {
    auto* out = proto.mutable_delete_();
    FragmentsTo(deletion.updated_fragments, *out->mutable_updated_fragments());
    out->mutable_deleted_fragment_ids()->Add(deletion.deleted_fragment_ids.begin(),
                                             deletion.deleted_fragment_ids.end());
    out->set_predicate(deletion.predicate);
  }
  void operator()(const OverwriteOperation& overwrite) const {
    auto* out = proto.mutable_overwrite();
    FragmentsTo(overwrite.fragments, *out->mutable_fragments());
    AppendToProto(overwrite.schema->fields, *out->mutable_schema());
    MetadataToProto(overwrite.schema->metadata, *out->mutable_schema_metadata());
    out->mutable_config_upsert_values()->insert(overwrite.config_upserts.begin(),
                                                overwrite.config_upserts.end());
    for (const BasePath& base : overwrite.initial_bases) {
      BasePathToProto(base, *out->add_initial_bases());
    }
  }
  void operator()(const CreateIndexOperation& create) const {
    auto* out = proto.mutable_create_index();
    for (const IndexMetadata& index : create.new_indices) {
      IndexToProto(index, *out->add_new_indices());
    }
    for (const IndexMetadata& index : create.removed_indices) {
      IndexToProto(index, *out->add_removed_indices());
    }
  }
  void operator()(const RewriteOperation& rewrite) const {
    RewriteTo(rewrite, *proto.mutable_rewrite());
  }
  void operator()(const MergeOperation& merge) const {
    auto* out = proto.mutable_merge();
    FragmentsTo(merge.fragments, *out->mutable_fragments());
    AppendToProto(merge.schema->fields, *out->mutable_schema());
    MetadataToProto(merge.schema->metadata, *out->mutable_schema_metadata());
  }
  void operator()(const RestoreOperation& restore) const {
    proto.mutable_restore()->set_version(restore.version);
  }
  void operator()(const ReserveFragmentsOperation& reserve) const {
    proto.mutable_reserve_fragments()->set_num_fragments(reserve.num_fragments);
  }
  void operator()(const UpdateOperation& update) const {
    UpdateTo(update, *proto.mutable_update());
  }
  void operator()(const ProjectOperation& project) const {
    AppendToProto(project.schema->fields, *proto.mutable_project()->mutable_schema());
  }
  void operator()(const UpdateConfigOperation& config) const {
    UpdateConfigTo(config, *proto.mutable_update_config());
  }
  void operator()(const CloneOperation& clone) const {
    auto* out = proto.mutable_clone();
    out->set_is_shallow(clone.is_shallow);
    if (clone.ref_name) {
      out->set_ref_name(*clone.ref_name);
    }
    out->set_ref_version(clone.ref_version);
    out->set_ref_path(clone.ref_path);
    if (clone.branch_name) {
      out->set_branch_name(*clone.branch_name);
    }
  }
  void operator()(const UpdateBasesOperation& bases) const {
    for (const BasePath& base : bases.new_bases) {
      BasePathToProto(base, *proto.mutable_update_bases()->add_new_bases());
    }
  }
  void operator()(const CarriedOperation& carried) const {
    switch (carried.field_number) {
      case kDataReplacementField:
        proto.set_data_replacement(carried.message);
        break;
      case kUpdateMemWalStateField:
        proto.set_update_mem_wal_state(carried.message);
        break;
      case kDataOverlayField:
        proto.set_data_overlay(carried.message);
        break;
      default:
        break;  // an unknown operation stands among the unknown fields
    }
  }
};

struct NameOf {
  std::string_view operator()(const AppendOperation&) const { return "Append"; }
  std::string_view operator()(const DeleteOperation&) const { return "Delete"; }
  std::string_view operator()(const OverwriteOperation&) const { return "Overwrite"; }
  std::string_view operator()(const CreateIndexOperation&) const { return "CreateIndex"; }
  std::string_view operator()(const RewriteOperation&) const { return "Rewrite"; }
  std::string_view operator()(const MergeOperation&) const { return "Merge"; }
  std::string_view operator()(const RestoreOperation&) const { return "Restore"; }
  std::string_view operator()(const ReserveFragmentsOperation&) const { return "ReserveFragments"; }
  std::string_view operator()(const UpdateOperation&) const { return "Update"; }
  std::string_view operator()(const ProjectOperation&) const { return "Project"; }
  std::string_view operator()(const UpdateConfigOperation&) const { return "UpdateConfig"; }
  std::string_view operator()(const CloneOperation&) const { return "Clone"; }
  std::string_view operator()(const UpdateBasesOperation&) const { return "UpdateBases"; }
  std::string_view operator()(const CarriedOperation& carried) const {
    switch (carried.field_number) {
      case kDataReplacementField:
        return "DataReplacement";
      case kUpdateMemWalStateField:
        return "UpdateMemWalState";
      case kDataOverlayField:
        return "DataOverlay";
      default:
        return "Unknown";
    }
  }
};

absl::StatusOr<Transaction> Decode(std::span<const std::byte> bytes) {
  Proto proto;
  if (bytes.size() > std::numeric_limits<int>::max() ||
      !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return io::DataLossError("the transaction does not parse");
  }
  Transaction transaction;
  transaction.read_version = proto.read_version();
  transaction.uuid = proto.uuid();
  transaction.tag = proto.tag();
  transaction.properties.insert(proto.transaction_properties().begin(),
                                proto.transaction_properties().end());
  OG_ASSIGN_OR_RETURN(transaction.operation, OperationFrom(proto));
  proto.clear_read_version();
  proto.clear_uuid();
  proto.clear_tag();
  proto.clear_transaction_properties();
  proto.clear_operation();
  transaction.unknown = TakeUnknown(proto);
  return transaction;
}

}  // namespace

std::string_view OperationName(const Operation& operation) {
  return std::visit(NameOf{}, operation);
}

std::string TransactionFileName(const Transaction& transaction) {
  return io::StrCat(transaction.read_version, "-", transaction.uuid, ".txn");
}

absl::StatusOr<Transaction> DecodeTransaction(std::span<const std::byte> bytes,
                                              std::string_view name) {
  absl::StatusOr<Transaction> transaction = Decode(bytes);
  if (!transaction.ok()) {
    return io::Annotate(transaction.status(), name);
  }
  return transaction;
}

std::string EncodeTransaction(const Transaction& transaction) {
  Proto proto;
  proto.set_read_version(transaction.read_version);
  proto.set_uuid(transaction.uuid);
  proto.set_tag(transaction.tag);
  proto.mutable_transaction_properties()->insert(transaction.properties.begin(),
                                                 transaction.properties.end());
  std::visit(OperationTo{proto}, transaction.operation);
  AddUnknown(transaction.unknown, proto);
  return SerializeDeterministic(proto);
}

}  // namespace og::format
