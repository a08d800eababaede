// What a dataset asks of a store behind a network: the latest version costs the same whatever the
// number of versions, and deletion files come together.
#include <algorithm>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/dataset/delete.h"
#include "engine/dataset/table_testing.h"
#include "format/table/manifest.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "io/fault/counting_store.h"
#include "io/memory/memory_store.h"
#include "io/store/far_calls.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using format::ManifestNaming;
using io::StoreCall;
using tests::IsOk;
using tests::StatusIs;

// Counts requests, and names that were listed.
class FarStore : public io::CountingStore, public io::FarCalls {
 public:
  using io::CountingStore::CountingStore;

  absl::StatusOr<std::vector<io::ObjectInfo>> ListFirst(std::string_view prefix,
                                                        size_t limit) override {
    auto infos = List(prefix, {.recursive = false});
    if (infos.ok()) infos->resize(std::min(infos->size(), limit));
    if (infos.ok()) num_listed_ += infos->size();
    return infos;
  }
  std::vector<absl::StatusOr<io::Buffer>> ReadEach(std::span<const std::string> paths) override {
    together_.push_back(paths.size());
    std::vector<absl::StatusOr<io::Buffer>> objects;
    for (const std::string& path : paths) {
      objects.push_back(Read(path));
    }
    return objects;
  }
  bool is_local() const override { return false; }

  std::atomic<size_t> num_listed_ = 0;
  std::vector<size_t> together_;  // objects that were read side by side
};

class FarStoreTest : public testing::Test {
 protected:
  FarStoreTest()
      : env_(7),
        memory_(std::make_shared<io::MemoryStore>("memory://test/", [] { return int64_t{0}; })),
        far_(std::make_shared<FarStore>(memory_)) {}

  static std::string NameOf(uint64_t version, ManifestNaming naming) {
    return io::StrCat("t/_versions/", format::ManifestFileName(version, naming));
  }

  void Put(const std::string& path, std::string_view bytes) {
    ASSERT_THAT(memory_->Put(path, io::AsBytes(bytes)), IsOk());
  }

  // The names of versions whose manifests nobody reads.
  void AddNames(uint64_t first, uint64_t last, ManifestNaming naming) {
    for (uint64_t version = first; version <= last; ++version)
      Put(NameOf(version, naming), "not to be read");
  }

  // A table of one version, opened from afar.
  DatasetPtr Opened(ManifestNaming naming) {
    NumberedTable(env_, {memory_, "t"}, false, 1, 5);
    if (naming == ManifestNaming::kV1) {
      EXPECT_THAT(memory_->Rename(NameOf(1, ManifestNaming::kV2), NameOf(1, naming)), IsOk());
    }
    const auto opened = Dataset::Open(env_, {far_, "t"}, {});
    EXPECT_THAT(opened, IsOk());
    return *opened;
  }

  io::SimEnv env_;
  std::shared_ptr<io::MemoryStore> memory_;
  std::shared_ptr<FarStore> far_;
};

TEST_F(FarStoreTest, TheLatestVersionCostsOneSmallListAndOneManifest) {
  const DatasetPtr table = Opened(ManifestNaming::kV2);
  for (const uint64_t num_versions : {uint64_t{10}, uint64_t{3000}}) {
    AddNames(2, num_versions - 1, ManifestNaming::kV2);
    format::Manifest newest = table->manifest();
    newest.version = num_versions;
    const std::string bytes = format::EncodeManifestFile(newest, std::nullopt);
    Put(NameOf(num_versions, ManifestNaming::kV2), bytes);

    const io::StoreCounts before = far_->counts();
    far_->num_listed_ = 0;
    const auto opened = Dataset::Open(env_, {far_, "t"}, {});
    ASSERT_THAT(opened, IsOk());
    EXPECT_EQ((*opened)->version(), num_versions);
    const io::StoreCounts cost = far_->counts() - before;
    EXPECT_EQ(cost.calls_of(StoreCall::kList), 1u) << cost.Text();
    EXPECT_EQ(cost.reads(), 1u) << cost.Text();
    EXPECT_EQ(cost.calls_of(StoreCall::kStat), 0u) << cost.Text();
    EXPECT_EQ(cost.bytes_read(), bytes.size());
    EXPECT_LE(far_->num_listed_, 16u);
  }
}

TEST_F(FarStoreTest, NamesOfTheOldSchemeAreListedWhole) {
  const DatasetPtr table = Opened(ManifestNaming::kV1);
  AddNames(2, 120, ManifestNaming::kV1);
  const uint64_t before = far_->counts().calls_of(StoreCall::kList);
  EXPECT_EQ(*table->LatestVersion(), 120u);
  EXPECT_EQ(far_->counts().calls_of(StoreCall::kList) - before, 2u);
}

TEST_F(FarStoreTest, ForeignAndDetachedNamesAreNoVersions) {
  const DatasetPtr table = Opened(ManifestNaming::kV2);
  for (int i = 0; i < 20; ++i)
    Put(io::StrCat("t/_versions/0", i, ".tmp"), "x");
  Put(io::StrCat("t/_versions/d", uint64_t{1} << 63, ".manifest"), "x");
  EXPECT_EQ(*table->LatestVersion(), 1u);
  AddNames(3, 3, ManifestNaming::kV2);
  EXPECT_EQ(*table->LatestVersion(), 3u);
  ASSERT_THAT(memory_->Delete(NameOf(1, ManifestNaming::kV2)), IsOk());
  ASSERT_THAT(memory_->Delete(NameOf(3, ManifestNaming::kV2)), IsOk());
  EXPECT_THAT(table->LatestVersion(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(FarStoreTest, MixedSchemesAreRefused) {
  const DatasetPtr table = Opened(ManifestNaming::kV1);
  AddNames(2, 100, ManifestNaming::kV2);
  EXPECT_THAT(table->LatestVersion(), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(FarStoreTest, DeletionFilesComeTogether) {
  DatasetPtr near = NumberedTable(env_, {memory_, "t"}, false, 20, 10);
  near = DeleteWhere(near, "id % 10 = 3");
  const std::vector<std::string> rows = AllRows(*near);
  ASSERT_EQ(rows.size(), 180u);
  const auto open = [this] {
    const auto opened = Dataset::Open(env_, {far_, "t"}, {});
    EXPECT_THAT(opened, IsOk());
    far_->together_.clear();
    return *opened;
  };

  const DatasetPtr scanned = open();
  EXPECT_EQ(AllRows(*scanned), rows);
  EXPECT_EQ(far_->together_, (std::vector<size_t>{16, 4}));
  EXPECT_EQ(AllRows(*scanned), rows);  // known by now
  EXPECT_EQ(far_->together_.size(), 2u);

  const uint64_t before = far_->counts().calls_of(StoreCall::kRead);
  const DatasetPtr taken = open();
  const std::vector<uint64_t> offsets = {179, 0, 95, 9};
  const auto batch = taken->TakeOffsets(offsets, {});
  ASSERT_THAT(batch, IsOk());
  EXPECT_EQ(batch->columns[0]->Value<int64_t>(0), 199);
  EXPECT_EQ(batch->columns[0]->Value<int64_t>(3), 10);
  EXPECT_EQ(far_->together_, (std::vector<size_t>{4}));
  EXPECT_EQ(far_->counts().calls_of(StoreCall::kRead) - before, 5u);  // with the manifest
}

TEST_F(FarStoreTest, DeletionsOfAnotherWriterComeTogether) {
  const DatasetPtr near = NumberedTable(env_, {memory_, "t"}, false, 20, 10);
  const auto opened = Dataset::Open(env_, {far_, "t"}, {});
  ASSERT_THAT(opened, IsOk());
  const auto ours = StageDeleteWhere(**opened, {.predicate = "id % 10 = 3"});
  ASSERT_THAT(ours, IsOk());
  DeleteWhere(near, "id % 10 = 4");
  far_->together_.clear();
  const auto merged = (*opened)->Commit(ours->staged, {});
  ASSERT_THAT(merged, IsOk());
  EXPECT_EQ(std::ranges::count(far_->together_, 20u), 1);
  EXPECT_EQ(AllRows(**merged).size(), 160u);
}

}  // namespace
}  // namespace og::engine::dataset
