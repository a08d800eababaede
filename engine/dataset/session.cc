#include "engine/dataset/session.h"

#include "io/base/status.h"
#include "io/base/status_macros.h"

namespace og::engine::dataset {

absl::StatusOr<std::shared_ptr<const format::FileReader>> Session::OpenFile(
    const io::Location& location, uint64_t size_bytes) {
  return files_.Get(location.Uri(), [&] { return format::FileReader::Open(location, size_bytes); });
}

absl::StatusOr<format::DeletionVectorPtr> Session::ReadDeletions(const io::Location& location,
                                                                 format::DeletionFileKind kind,
                                                                 uint64_t physical_rows) {
  return deletions_.Get(location.Uri(), [&]() -> absl::StatusOr<format::DeletionVectorPtr> {
    OG_ASSIGN_OR_RETURN(const io::Buffer bytes, location.store->Read(location.path));
    absl::StatusOr<format::DeletionVector> vector =
        format::DeletionVector::Decode(kind, bytes.view(), physical_rows);
    if (!vector.ok()) {
      return io::Annotate(vector.status(), location.Uri());
    }
    return std::make_shared<const format::DeletionVector>(*std::move(vector));
  });
}

absl::StatusOr<std::shared_ptr<const index::BtreeIndex>> Session::OpenBtree(
    const io::Location& folder, const index::BtreeOpenOptions& options) {
  return btrees_.Get(folder.Uri(), [&] { return index::BtreeIndex::Open(folder, options); });
}

std::shared_ptr<Session> MakeSession() {
  return std::make_shared<Session>();
}

}  // namespace og::engine::dataset
