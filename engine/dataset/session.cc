#include "engine/dataset/session.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "engine/dataset/checking_session.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/store/far_calls.h"

namespace og::engine::dataset {
namespace {

absl::StatusOr<format::DeletionVectorPtr> DecodeDeletions(const io::Location& location,
                                                          format::DeletionFileKind kind,
                                                          uint64_t physical_rows,
                                                          const io::Buffer& bytes) {
  absl::StatusOr<format::DeletionVector> vector =
      format::DeletionVector::Decode(kind, bytes.view(), physical_rows);
  if (!vector.ok()) {
    return io::Annotate(vector.status(), location.Uri());
  }
  return std::make_shared<const format::DeletionVector>(*std::move(vector));
}

bool IsCheckDemanded() {
  const char* const text = std::getenv("OMNIGRAPH_CHECK_PAGES");
  return text != nullptr && std::string_view(text) == "1";
}

}  // namespace

absl::StatusOr<std::shared_ptr<const format::FileReader>> Session::OpenFile(
    const io::Location& location, uint64_t size_bytes) {
  return files_.Get(location.Uri(), [&] {
    return format::FileReader::Open(location, size_bytes,
                                    {.tail_bytes = 0, .check_pages = check_pages_});
  });
}

absl::StatusOr<format::DeletionVectorPtr> Session::ReadDeletions(const io::Location& location,
                                                                 format::DeletionFileKind kind,
                                                                 uint64_t physical_rows) {
  return deletions_.Get(location.Uri(), [&]() -> absl::StatusOr<format::DeletionVectorPtr> {
    OG_ASSIGN_OR_RETURN(const io::Buffer bytes, location.store->Read(location.path));
    return DecodeDeletions(location, kind, physical_rows, bytes);
  });
}

void Session::PrefetchDeletions(std::span<const DeletionFile> files) {
  std::vector<const DeletionFile*> missing;
  for (const DeletionFile& file : files) {
    if (!file.location.store->is_local() && !deletions_.Contains(file.location.Uri())) {
      missing.push_back(&file);
    }
  }
  while (missing.size() > 1) {
    const std::shared_ptr<io::Store> store = missing.front()->location.store;
    const auto others = std::ranges::stable_partition(
        missing, [&store](const DeletionFile* file) { return file->location.store == store; });
    const std::vector<const DeletionFile*> here(missing.begin(), others.begin());
    missing.erase(missing.begin(), others.begin());
    std::vector<std::string> paths;
    for (const DeletionFile* file : here) {
      paths.push_back(file->location.path);
    }
    const std::vector<absl::StatusOr<io::Buffer>> objects = io::ReadEach(*store, paths);
    for (size_t i = 0; i < here.size(); ++i) {
      if (!objects[i].ok()) {
        continue;
      }
      const DeletionFile& file = *here[i];
      deletions_
          .Get(file.location.Uri(),
               [&] {
                 return DecodeDeletions(file.location, file.kind, file.physical_rows, *objects[i]);
               })
          .status()
          .IgnoreError();
    }
  }
}

absl::StatusOr<std::shared_ptr<const index::BtreeIndex>> Session::OpenBtree(
    const io::Location& folder, const index::BtreeOpenOptions& options) {
  index::BtreeOpenOptions checking = options;
  checking.check_pages = check_pages_;
  return btrees_.Get(folder.Uri(), [&] { return index::BtreeIndex::Open(folder, checking); });
}

std::shared_ptr<Session> MakeSession() {
  return std::make_shared<Session>(IsCheckDemanded());
}

std::shared_ptr<Session> MakeCheckingSession() {
  return std::make_shared<Session>(true);
}

absl::StatusOr<format::PageCheck> CheckOtherPages(Session& session, const io::Location& file,
                                                  uint64_t file_bytes) {
  OG_ASSIGN_OR_RETURN(const auto reader, session.OpenFile(file, file_bytes));
  return reader->CheckPages();
}

}  // namespace og::engine::dataset
