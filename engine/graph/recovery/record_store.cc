#include "engine/graph/recovery/record_store.h"

#include <algorithm>
#include <utility>

#include "engine/graph/errors.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kSuffix = ".json";

// An empty object that is made for the sake of a sync, and how old one is that a crash has left.
constexpr std::string_view kRemovals = "removals-";
constexpr int64_t kLeftRemovalsUs = int64_t{3600} * 1'000'000;

}  // namespace

RecordStore::RecordStore(io::Env& env, const io::Location& root, std::string root_uri)
    : env_(env), root_(root), root_uri_(std::move(root_uri)) {}

io::Location RecordStore::File(std::string_view operation_id) const {
  return root_.Child(io::StrCat(kRecoveryFolder, "/", operation_id, kSuffix));
}

absl::StatusOr<std::string> RecordStore::Arm(const RecoveryRecord& record) const {
  OG_CRASH_POINT(env_, "recovery.sidecar_write");
  const io::Location file = File(record.operation_id);
  const std::string text = EncodeRecoveryRecord(record);
  const absl::StatusOr<io::ObjectInfo> armed =
      file.store->PutIfAbsent(file.path, io::AsBytes(text));
  OG_RETURN_IF_ERROR(FromStorage(armed.status()));
  return armed->e_tag;
}

absl::Status RecordStore::Rewrite(const RecoveryRecord& record,
                                  std::optional<std::string> token) const {
  OG_CRASH_POINT(env_, "recovery.sidecar_confirm");
  const io::Location file = File(record.operation_id);
  const std::string text = EncodeRecoveryRecord(record);
  if (!token.has_value()) {
    const absl::StatusOr<io::ObjectInfo> former = file.store->Stat(file.path);
    OG_RETURN_IF_ERROR(FromStorage(former.status()));
    token = former->e_tag;
  }
  // Not a plain put: after a loss of power that could leave a record without its bytes.
  const absl::Status put = file.store->PutIfMatch(file.path, io::AsBytes(text), *token).status();
  if (absl::IsAborted(put)) {
    return ReadSetChanged(io::StrCat("recovery_record:", record.operation_id), *token,
                          std::nullopt);
  }
  return FromStorage(put);
}

absl::Status RecordStore::Remove(std::string_view operation_id) const {
  OG_CRASH_POINT(env_, "recovery.sidecar_delete");
  const io::Location file = File(operation_id);
  return FromStorage(file.store->Delete(file.path));
}

absl::Status RecordStore::MakeRemovalsDurable() const {
  const io::Location folder = root_.Child(kRecoveryFolder);
  if (env_.durability() == io::Durability::kNone || !folder.store->is_local()) {
    return absl::OkStatus();
  }
  // The names of a folder become durable with those of an object in it.
  const io::Location object = folder.Child(io::StrCat(kRemovals, env_.NewUlid()));
  OG_RETURN_IF_ERROR(FromStorage(folder.store->Put(object.path, {}).status()));
  OG_RETURN_IF_ERROR(
      FromStorage(folder.store->Sync(std::vector<std::string>{object.path}, env_.durability())));
  OG_RETURN_IF_ERROR(FromStorage(folder.store->Delete(object.path)));
  return RemoveLeftRemovals();
}

absl::Status RecordStore::RemoveLeftRemovals() const {
  const io::Location folder = root_.Child(kRecoveryFolder);
  const auto listed = folder.store->List(folder.path, {.recursive = false});
  OG_RETURN_IF_ERROR(FromStorage(listed.status()));
  for (const io::ObjectInfo& object : *listed) {
    const std::string_view name = std::string_view(object.path).substr(folder.path.size() + 1);
    if (!name.starts_with(kRemovals)) continue;
    if (object.modified_us >= env_.NowUs() - kLeftRemovalsUs) continue;
    OG_RETURN_IF_ERROR(FromStorage(folder.store->Delete(object.path)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> RecordStore::List() const {
  OG_CRASH_POINT(env_, "recovery.sidecar_list");
  const io::Location folder = root_.Child(kRecoveryFolder);
  const auto listed = folder.store->List(folder.path, {.recursive = false, .with_info = false});
  OG_RETURN_IF_ERROR(FromStorage(listed.status()));
  std::vector<std::string> ids;
  for (const io::ObjectInfo& object : *listed) {
    std::string_view name = std::string_view(object.path).substr(folder.path.size() + 1);
    if (!name.ends_with(kSuffix)) continue;
    name.remove_suffix(kSuffix.size());
    ids.emplace_back(name);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

absl::StatusOr<std::optional<RecoveryRecord>> RecordStore::Read(
    std::string_view operation_id) const {
  const io::Location file = File(operation_id);
  const absl::StatusOr<io::Buffer> bytes = file.store->Read(file.path);
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  OG_RETURN_IF_ERROR(FromStorage(bytes.status()));
  const std::string uri = io::StrCat(root_uri_, "/", kRecoveryFolder, "/", operation_id, kSuffix);
  const absl::StatusOr<RecoveryRecord> record = DecodeRecoveryRecord(bytes->view(), uri, root_uri_);
  if (!record.ok()) return InternalFault(io::Message(record.status()));
  if (record->operation_id != operation_id) {
    return InternalFault(
        io::StrCat("recovery sidecar at '", uri, "' names operation '", record->operation_id, "'"));
  }
  return *record;
}

absl::StatusOr<std::vector<RecoveryRecord>> RecordStore::ReadAll() const {
  OG_ASSIGN_OR_RETURN(const std::vector<std::string> ids, List());
  std::vector<RecoveryRecord> records;
  for (const std::string& id : ids) {
    OG_ASSIGN_OR_RETURN(std::optional<RecoveryRecord> record, Read(id));
    if (record.has_value()) records.push_back(*std::move(record));
  }
  return records;
}

}  // namespace og::engine::graph
