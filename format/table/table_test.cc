// Golden bytes of table metadata, taken from data sets that pylance 10.0.0 wrote, and round trips:
// decoding and encoding gives the same bytes, the values are those that the format's document
// names. The invalid space: cut, flipped and contradicting bytes are errors, never crashes.
#include <random>

#include "format/arrow/builder.h"
#include "format/file/lance_schema.h"
#include "format/table/deletion_vector.h"
#include "format/table/key_filter.h"
#include "format/table/manifest.h"
#include "format/table/roaring.h"
#include "format/table/row_id_ipc.h"
#include "format/table/row_ids.h"
#include "format/table/transaction.h"
#include "io/base/text.h"
#include "tests/support/bytes.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using tests::IsOk;
using tests::StatusIs;

std::string FromHexText(std::string_view hex) {
  const std::vector<std::byte> bytes = tests::FromHex(hex);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string HexText(std::string_view bytes) {
  return io::HexBytes(io::AsBytes(bytes));
}

std::vector<uint64_t> Range(uint64_t start, uint64_t end) {
  std::vector<uint64_t> ids;
  for (uint64_t id = start; id < end; ++id) {
    ids.push_back(id);
  }
  return ids;
}

TEST(RowIds, GoldenBytes) {
  const auto encoded = [](std::vector<uint64_t> ids) {
    return HexText(RowIdSequence({MakeSegment(ids)}).Encode());
  };
  EXPECT_EQ(encoded(Range(0, 10)), "0a040a02100a");
  EXPECT_EQ(encoded(Range(8, 25)), "0a060a0408081019");
  // After a compaction: ids 0, 1, 2, 4, 6, 7 then 8 to 24 then 5.
  const std::string compacted = FromHexText("0a071a0510081a01d70a060a04080810190a060a0408051006");
  OG_ASSERT_OK_AND_ASSIGN(const RowIdSequence sequence, RowIdSequence::Decode(compacted, 100));
  std::vector<uint64_t> ids = {0, 1, 2, 4, 6, 7};
  for (uint64_t id = 8; id < 25; ++id) {
    ids.push_back(id);
  }
  ids.push_back(5);
  EXPECT_EQ(sequence.ToVector(), ids);
  EXPECT_EQ(sequence.Encode(), compacted);
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(sequence.Get(i), ids[i]);
  }
}

TEST(RowIds, FormsFollowTheReferenceAndKeepTheIds) {
  std::mt19937_64 random(tests::Seed());
  const auto form_of = [](const std::vector<uint64_t>& ids) { return MakeSegment(ids).form(); };
  std::vector<uint64_t> sparse;
  for (uint64_t i = 0; i < 50; ++i) {
    sparse.push_back(i * 1000);
  }
  std::vector<uint64_t> one_hole = Range(0, 1000);
  one_hole.erase(one_hole.begin() + 500);
  std::vector<uint64_t> every_other;
  for (uint64_t i = 0; i < 1000; i += 2) {
    every_other.push_back(i);
  }
  EXPECT_EQ(form_of(Range(5, 9)), RowIdSegment::Form::kRange);
  EXPECT_EQ(form_of({3, 1, 2}), RowIdSegment::Form::kArray);
  EXPECT_EQ(form_of(sparse), RowIdSegment::Form::kSortedArray);
  EXPECT_EQ(form_of(one_hole), RowIdSegment::Form::kRangeWithHoles);
  EXPECT_EQ(form_of(every_other), RowIdSegment::Form::kRangeWithBitmap);
  for (int round = 0; round < 200; ++round) {
    std::vector<uint64_t> ids;
    uint64_t id = random() % 100;
    const uint64_t step = uint64_t{1} << (random() % 34);
    for (uint64_t n = random() % 300; n > 0; --n) {
      ids.push_back(id);
      id += 1 + random() % step;
    }
    if (round % 4 == 0) {
      std::shuffle(ids.begin(), ids.end(), random);
    }
    const RowIdSegment segment = MakeSegment(ids);
    const std::string bytes = RowIdSequence({segment}).Encode();
    OG_ASSERT_OK_AND_ASSIGN(const RowIdSequence decoded, RowIdSequence::Decode(bytes, ids.size()));
    EXPECT_EQ(decoded.ToVector(), ids);
    for (size_t i = 0; i < ids.size(); ++i) {
      ASSERT_EQ(segment.Get(i), ids[i]);
      ASSERT_EQ(segment.Find(ids[i]), i);
    }
    EXPECT_EQ(segment.Find(id + 1), std::nullopt);
    if (ids.size() > 2) {
      EXPECT_THAT(RowIdSequence::Decode(bytes, ids.size() - 1),
                  StatusIs(absl::StatusCode::kDataLoss));
      std::vector<uint64_t> kept = ids;
      kept.erase(kept.begin() + 1);
      EXPECT_EQ(WithoutRows(decoded, std::vector<uint32_t>{1}).ToVector(), kept);
    }
  }
}

TEST(RowVersions, GoldenBytesAndRuns) {
  EXPECT_EQ(HexText(RowVersions(10, 1).Encode()), "0a080a040a02100a1001");
  RowVersions versions(3, 7);
  versions.Append(2, 9);
  versions.Append(1, 9);
  EXPECT_EQ(versions.runs().size(), 2u);
  OG_ASSERT_OK_AND_ASSIGN(const RowVersions decoded, RowVersions::Decode(versions.Encode(), 6));
  EXPECT_EQ(decoded.runs(), versions.runs());
  EXPECT_EQ(decoded.Get(2), 7u);
  EXPECT_EQ(decoded.Get(5), 9u);
  const RowVersions without = WithoutRows(decoded, std::vector<uint32_t>{0, 1, 2, 4});
  EXPECT_EQ(without.runs(), (std::vector<RowVersions::Run>{{2, 9}}));
  EXPECT_THAT(RowVersions::Decode(versions.Encode(), 5), StatusIs(absl::StatusCode::kDataLoss));
}

// The file 0-1-12288210115784027100.arrow of a delete of five rows.
constexpr std::string_view kDeletionArrow =
    "4152524f573100000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "000000000000000000000000000000000000ffffffff780000001000000000000a000c000a00090004000a000000"
    "100000000001040008000800000004000800000004000000010000001400000010001600100000000f0004000000"
    "080010000000180000001c0000000000000218000000000006000800040006000000200000000000000006000000"
    "726f775f69640000ffffffffb8000000100000000c00140012001100040008000c0000001c000000800000000000"
    "0000000304000c001c0010000c00080004000c0000005c0000002c00000010000000050000000000000000000000"
    "01000000050000000000000000000000000000000000000002000000000000000000000009000000000000004000"
    "0000000000001c000000000000000000060008000700060000000000000100000000000000000000000000000000"
    "00000000000000000000000000000000ffffffffffffffffff000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000ffffffffffffffff05000000"
    "0600000007000000000000001f000000000000000000000000000000000000000000000000000000000000000000"
    "000000000000ffffffff0000000014000000000000000c00140012000c00080004000c0000006c00000088000000"
    "100000000000040008000800000004000800000004000000010000001400000010001600100000000f0004000000"
    "080010000000180000001c0000000000000218000000000006000800040006000000200000000000000006000000"
    "726f775f6964000001000000c000000000000000c00000000000000080000000000000000000000000000000a800"
    "00004152524f5731";

TEST(DeletionVector, ArrowFileGoldenBytes) {
  const std::string file = FromHexText(kDeletionArrow);
  OG_ASSERT_OK_AND_ASSIGN(const auto values, DecodeRowIdIpc(file, 40));
  EXPECT_EQ(values, (std::vector<uint32_t>{5, 6, 7, 0, 31}));
  EXPECT_EQ(HexText(EncodeRowIdIpc(values)), HexText(file));
  EXPECT_THAT(DecodeRowIdIpc(file, 4), StatusIs(absl::StatusCode::kDataLoss));
  OG_ASSERT_OK_AND_ASSIGN(const auto vector,
                          DeletionVector::Decode(DeletionFileKind::kArrowArray, file, 40));
  EXPECT_TRUE(vector.Contains(31));
  EXPECT_FALSE(vector.Contains(30));
  EXPECT_EQ(vector.OffsetOfLiveRow(0), 1u);
  EXPECT_EQ(vector.OffsetOfLiveRow(4), 8u);
  EXPECT_EQ(vector.Between(6, 32).size(), 3u);
  EXPECT_THAT(DeletionVector::Decode(DeletionFileKind::kArrowArray, file, 31),
              StatusIs(absl::StatusCode::kDataLoss, "offset 31"));
}

TEST(DeletionVector, BothKindsKeepTheirOffsets) {
  std::mt19937_64 random(tests::Seed());
  for (const size_t size :
       {size_t{1}, size_t{100}, kDeletionArrayMax, kDeletionArrayMax + 1, size_t{200'000}}) {
    std::vector<uint32_t> offsets;
    for (size_t i = 0; i < size; ++i) {
      offsets.push_back(static_cast<uint32_t>(random() % 1'000'000));
    }
    const DeletionVector vector(offsets);
    OG_ASSERT_OK_AND_ASSIGN(const auto decoded,
                            DeletionVector::Decode(vector.kind(), vector.Encode(), 1'000'000));
    EXPECT_TRUE(std::ranges::equal(decoded.offsets(), vector.offsets()));
  }
  EXPECT_EQ(DeletionVector(std::vector<uint32_t>(1, 5)).kind(), DeletionFileKind::kArrowArray);
}

TEST(Roaring, GoldenBytesAndRunContainers) {
  EXPECT_EQ(HexText(EncodeRoaring({})), "3a30000000000000");
  EXPECT_EQ(HexText(EncodeRoaring(std::vector<uint32_t>{1, 3})),
            "3a300000010000000000010010000000"
            "01000300");
  // One container of one run, 2 to 5: cookie 12347, flags, key 0, cardinality 4, one run.
  OG_ASSERT_OK_AND_ASSIGN(const auto runs, DecodeRoaring(FromHexText("3b300000"
                                                                     "01"
                                                                     "00000300"
                                                                     "0100"
                                                                     "02000300"),
                                                         9));
  EXPECT_EQ(runs, (std::vector<uint32_t>{2, 3, 4, 5}));
  EXPECT_THAT(DecodeRoaring(FromHexText("3a3000000100000000000100100000000300"), 9),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(DecodeRoaring(FromHexText("3a300000010000000000010010000000"
                                        "03000100"),
                            9),
              StatusIs(absl::StatusCode::kDataLoss, "ascending"));
}

TEST(KeyFilter, SizeAndAnswers) {
  KeyExistenceFilter filter = MakeKeyFilter({0});
  EXPECT_EQ(filter.bloom.size(), 32768u);
  EXPECT_EQ(filter.num_bits, 262144u);
  AddKey("alice", filter);
  EXPECT_TRUE(MayContain(filter, "alice"));
  EXPECT_FALSE(MayContain(filter, "bob"));
  size_t bits = 0;
  for (const char c : filter.bloom) {
    bits += static_cast<size_t>(std::popcount(static_cast<uint8_t>(c)));
  }
  EXPECT_EQ(bits, 8u);
  KeyExistenceFilter other = MakeKeyFilter({0});
  AddKey("bob", other);
  EXPECT_FALSE(MayIntersect(filter, other));
  AddKey("alice", other);
  EXPECT_TRUE(MayIntersect(filter, other));
}

// Hashes by CPython 3.11, whose own hash of bytes is SipHash-1-3, with PYTHONHASHSEED=0.
TEST(KeyFilter, AFewKeysAsASet) {
  KeyExistenceFilter filter = MakeKeyFilter({3});
  StringBuilder keys(Utf8());
  for (const char* key : {"alice", "", "a key of more than sixteen bytes", "alice"}) {
    AddKey(key, filter);
    keys.Append(key);
  }
  keys.Append("who is not in the filter");
  const KeyExistenceFilter exact = ExactKeyFilter(filter, *keys.Finish());
  EXPECT_EQ(exact.field_ids, filter.field_ids);
  std::vector<uint64_t> hashes = {1514558949617676251u, 13646096770106105413u,
                                  5857065378179587918u};
  std::ranges::sort(hashes);
  EXPECT_EQ(exact.exact_hashes, hashes);
  EXPECT_TRUE(MayIntersect(exact, exact));
  EXPECT_TRUE(MayIntersect(exact, MakeKeyFilter({3})));
}

TEST(ManifestName, BothSchemes) {
  EXPECT_EQ(ManifestFileName(1, ManifestNaming::kV2), "18446744073709551614.manifest");
  EXPECT_EQ(ManifestFileName(12, ManifestNaming::kV1), "12.manifest");
  EXPECT_EQ(ParseManifestFileName("18446744073709551614.manifest")->version, 1u);
  EXPECT_EQ(ParseManifestFileName("12.manifest")->naming, ManifestNaming::kV1);
  for (const std::string_view name :
       {"d9223372036854775809.manifest", "latest_version_hint.json", ".manifest", "12.manifest#1",
        "x.manifest", "9223372036854775809.manifest"}) {
    EXPECT_FALSE(ParseManifestFileName(name).has_value()) << name;
  }
}

Manifest SampleManifest() {
  LanceField field;
  field.id = 0;
  field.name = "id";
  field.logical_type = "int64";
  auto schema = std::make_shared<LanceSchema>();
  schema->fields = {field};
  schema->metadata = {{"a", "1"}, {"b", "2"}};
  Manifest manifest;
  manifest.schema = schema;
  manifest.version = 7;
  manifest.timestamp = ManifestTimestamp{.seconds = 5, .nanos = 6};
  manifest.data_format = "lance";
  manifest.data_format_version = "2.2";
  manifest.next_row_id = 20;
  manifest.config = {{"k", "v"}};
  manifest.branch = "dev";
  manifest.transaction_file = "6-x.txn";
  Fragment fragment;
  fragment.id = 3;
  fragment.physical_rows = 10;
  fragment.row_ids = RowIdSequence({RowIdSegment::Range(0, 10)}).Encode();
  DataFile file;
  file.path = "f.lance";
  file.fields = {0, kTombstoneField};
  file.column_indices = {0, -1};
  file.major_version = 2;
  file.minor_version = 2;
  file.base_id = 0;
  fragment.files = {file};
  manifest.fragments = {fragment};
  manifest.max_fragment_id = 3;
  IndexMetadata index;
  index.uuid = "00112233-4455-6677-8899-aabbccddeeff";
  index.fields = {0};
  index.name = "i";
  index.fragment_bitmap = EncodeRoaring(std::vector<uint32_t>{3});
  manifest.indices = {index};
  EXPECT_THAT(RecomputeFeatureFlags(manifest, true), IsOk());
  return manifest;
}

TEST(Manifest, RoundTripKeepsEverythingUnknownIncluded) {
  Manifest manifest = SampleManifest();
  EXPECT_EQ(manifest.reader_feature_flags, 2u);
  EXPECT_EQ(manifest.writer_feature_flags, 10u);
  const std::string unknown("\xa2\x06\x02hi", 5);  // member 100, two bytes
  manifest.unknown = unknown;
  manifest.fragments[0].unknown = unknown;
  manifest.fragments[0].files[0].unknown = unknown;
  manifest.indices[0].unknown = unknown;
  const std::string bytes = EncodeManifestFile(manifest, "transaction");
  OG_ASSERT_OK_AND_ASSIGN(const ManifestFile file, DecodeManifestFile(io::AsBytes(bytes), "m"));
  EXPECT_EQ(*file.manifest.schema, *manifest.schema);
  EXPECT_EQ(file.manifest.fragments, manifest.fragments);
  EXPECT_EQ(file.manifest.indices, manifest.indices);
  EXPECT_EQ(file.manifest.unknown, unknown);
  EXPECT_EQ(file.manifest.branch, "dev");
  EXPECT_EQ(file.manifest.max_field_id(), 0);
  ASSERT_TRUE(file.transaction.has_value());
  EXPECT_EQ(bytes.substr(file.transaction->offset, file.transaction->length), "transaction");
  EXPECT_EQ(EncodeManifestFile(file.manifest, "transaction"), bytes);
}

// Lance 14 names its transaction by member 23, an offset that means nothing in another file.
TEST(Manifest, OffsetOfLance14IsReadAndNotCarried) {
  Manifest manifest = SampleManifest();
  manifest.indices.clear();
  const std::string section("\x0b\x00\x00\x00transaction", 15);
  const std::string message = [&] {
    manifest.unknown = std::string("\xb8\x01\x00", 3);  // member 23 is 0
    const std::string alone = EncodeManifestFile(manifest, std::nullopt);
    return alone.substr(0, alone.size() - 16);
  }();
  std::string bytes = section + message + std::string("\x0f\0\0\0\0\0\0\0\0\0\2\0LANC", 16);
  OG_ASSERT_OK_AND_ASSIGN(const ManifestFile file, DecodeManifestFile(io::AsBytes(bytes), "m"));
  ASSERT_TRUE(file.transaction.has_value());
  EXPECT_EQ(bytes.substr(file.transaction->offset, file.transaction->length), "transaction");
  EXPECT_EQ(file.manifest.unknown, "");
}

TEST(Manifest, CutAndFlippedBytesAreErrorsOrOtherManifests) {
  const std::string bytes = EncodeManifestFile(SampleManifest(), "transaction");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeManifestFile(io::AsBytes(bytes.substr(0, size)), "m").ok()) << size;
  }
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x41);
    DecodeManifestFile(io::AsBytes(flipped), "m").status().IgnoreError();  // must return
  }
  std::string footer = bytes;
  footer[footer.size() - 1] = 'X';
  EXPECT_THAT(DecodeManifestFile(io::AsBytes(footer), "m"),
              StatusIs(absl::StatusCode::kDataLoss, "LANC"));
}

TEST(Manifest, PlacesInTheFileAreNotCarriedOver) {
  // Releases after 10 note the place of the transaction as member 23.
  Manifest manifest = SampleManifest();
  manifest.unknown = std::string("\xb8\x01\x92\x01", 4);
  OG_ASSERT_OK_AND_ASSIGN(
      const ManifestFile file,
      DecodeManifestFile(io::AsBytes(EncodeManifestFile(manifest, "txn")), "m"));
  EXPECT_EQ(file.manifest.unknown, "");
}

TEST(Manifest, UnsupportedFlagsAreNamed) {
  OG_EXPECT_OK(CheckReaderFlags(kFlagDeletionFiles | kFlagStableRowIds | kFlagBasePaths));
  EXPECT_THAT(CheckReaderFlags(kFlagDataOverlayFiles | 128),
              StatusIs(absl::StatusCode::kUnimplemented,
                       "data overlay files (64) and an unknown feature (128)"));
  EXPECT_THAT(CheckWriterFlags(256),
              StatusIs(absl::StatusCode::kUnimplemented, "an unknown feature (256)"));
}

TEST(Manifest, RefusesWhatItCannotRead) {
  Manifest manifest = SampleManifest();
  manifest.reader_feature_flags = 128;
  EXPECT_THAT(DecodeManifestFile(io::AsBytes(EncodeManifestFile(manifest, std::nullopt)), "m"),
              StatusIs(absl::StatusCode::kUnimplemented, "128"));
  manifest = SampleManifest();
  manifest.data_format_version = "3.0";
  EXPECT_THAT(DecodeManifestFile(io::AsBytes(EncodeManifestFile(manifest, std::nullopt)), "m"),
              StatusIs(absl::StatusCode::kUnimplemented, "3.0"));
  manifest = SampleManifest();
  manifest.fragments[0].files[0].path = "../x";
  EXPECT_THAT(DecodeManifestFile(io::AsBytes(EncodeManifestFile(manifest, std::nullopt)), "m"),
              StatusIs(absl::StatusCode::kDataLoss, "../x"));
}

TEST(Transaction, RoundTrips) {
  const Manifest manifest = SampleManifest();
  UpdateOperation update;
  update.new_fragments = manifest.fragments;
  update.removed_fragment_ids = {1, 2};
  update.fields_for_preserving_frag_bitmap = {0};
  update.inserted_rows = MakeKeyFilter({0});
  update.updated_fragment_offsets = {{4, {1, 2, 3}}};
  OverwriteOperation overwrite;
  overwrite.schema = manifest.schema;
  overwrite.config_upserts = {{"x", "y"}};
  UpdateConfigOperation config;
  config.config = UpdateMap{.entries = {{"a", "b"}, {"gone", std::nullopt}}, .replace = false};
  CreateIndexOperation create;
  create.new_indices = manifest.indices;
  const std::vector<Operation> operations = {
      AppendOperation{manifest.fragments},
      DeleteOperation{manifest.fragments, {9}, "id > 3"},
      overwrite,
      create,
      RestoreOperation{5},
      ReserveFragmentsOperation{2},
      update,
      ProjectOperation{manifest.schema},
      config,
      MergeOperation{manifest.fragments, manifest.schema},
      UpdateBasesOperation{
          {BasePath{.id = 1, .name = "n", .is_dataset_root = true, .path = "/p", .unknown = {}}}},
      CarriedOperation{111, "\x0a\x02\x08\x01"}};
  for (const Operation& operation : operations) {
    Transaction transaction;
    transaction.read_version = 4;
    transaction.uuid = "u";
    transaction.properties = {{"omnigraph.insert_absence", "v1"}};
    transaction.operation = operation;
    const std::string bytes = EncodeTransaction(transaction);
    OG_ASSERT_OK_AND_ASSIGN(const Transaction decoded, DecodeTransaction(io::AsBytes(bytes), "t"));
    EXPECT_EQ(OperationName(decoded.operation), OperationName(operation));
    EXPECT_EQ(decoded.properties, transaction.properties);
    EXPECT_EQ(EncodeTransaction(decoded), bytes) << OperationName(operation);
  }
}

}  // namespace
}  // namespace og::format
