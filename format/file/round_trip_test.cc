// Files written by FileWriter and read by FileReader: every type, data by shape, nulls and empties,
// both versions, every forced codec and layout, one page and many, scans and takes. What the real
// library reads of such files is the matter of //tests/interop.

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"
#include "format/file/lance_schema.h"
#include "format/file/reader.h"
#include "format/file/writer.h"
#include "io/base/text.h"
#include "io/env/worker_pool.h"
#include "io/memory/memory_store.h"
#include "tests/support/random_arrays.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using tests::DataShape;
using tests::IsOk;
using tests::RandomArray;
using tests::StatusIs;

class RoundTripTest : public testing::Test {
 protected:
  RoundTripTest()
      : store_(std::make_shared<io::MemoryStore>("memory://test/", [] { return int64_t{0}; })),
        location_{store_, "data/file.lance"} {}

  absl::StatusOr<FileSummary> Write(const RecordBatch& batch, const WriterOptions& options,
                                    int64_t piece_rows) {
    OG_ASSIGN_OR_RETURN(const LanceSchema schema, FromArrow(*batch.schema));
    OG_ASSIGN_OR_RETURN(const auto writer, FileWriter::Open(location_, schema, options));
    for (int64_t at = 0; at < batch.num_rows; at += piece_rows) {
      OG_RETURN_IF_ERROR(
          writer->Write(Slice(batch, at, std::min(piece_rows, batch.num_rows - at))));
    }
    return writer->Finish();
  }

  // Writes `written` and expects the same rows back, by a scan and by takes.
  void ExpectBack(const RecordBatch& written, const WriterOptions& options, int64_t piece_rows,
                  std::mt19937_64& random) {
    const auto summary = Write(written, options, piece_rows);
    const RecordBatch batch =
        options.version == FileVersion::kV2_0 ? tests::WithoutStructNulls(written) : written;
    ASSERT_THAT(summary, IsOk());
    EXPECT_EQ(summary->num_rows, static_cast<uint64_t>(batch.num_rows));
    const auto reader = FileReader::Open(location_, summary->size_bytes);
    ASSERT_THAT(reader, IsOk());
    EXPECT_EQ((*reader)->num_rows(), summary->num_rows);
    FileScanOptions scan;
    scan.batch_rows = 1000;
    auto stream = (*reader)->Scan((*reader)->AllColumns(), {{0, summary->num_rows}}, scan);
    ASSERT_THAT(stream, IsOk());
    const auto scanned = Collect(**stream);
    ASSERT_THAT(scanned, IsOk());
    ExpectSameRows(*scanned, batch);
    if (batch.num_rows == 0) {
      return;
    }
    std::vector<uint64_t> rows;
    std::vector<int64_t> indices;
    for (int i = 0; i < 20; ++i) {
      rows.push_back(random() % summary->num_rows);
      indices.push_back(static_cast<int64_t>(rows.back()));
    }
    const auto taken = (*reader)->Take((*reader)->AllColumns(), rows);
    ASSERT_THAT(taken, IsOk());
    ExpectSameRows(*taken, Take(batch, indices));
  }

  static void ExpectSameRows(const RecordBatch& got, const RecordBatch& want) {
    ASSERT_EQ(got.num_rows, want.num_rows);
    ASSERT_EQ(got.columns.size(), want.columns.size());
    for (size_t i = 0; i < want.columns.size(); ++i) {
      EXPECT_THAT(Validate(*got.columns[i]), IsOk());
      EXPECT_TRUE(Equal(*got.columns[i], *want.columns[i]));
    }
  }

  const std::shared_ptr<io::MemoryStore> store_;
  const io::Location location_;
};

struct Nulls {
  double nulls;
  double empties;
};

std::vector<WriterOptions> BothVersions() {
  std::vector<WriterOptions> both(2);
  both[0].version = FileVersion::kV2_1;
  both[1].version = FileVersion::kV2_2;
  return both;
}

std::vector<WriterOptions> AllVersions() {
  std::vector<WriterOptions> all = BothVersions();
  all.emplace_back().version = FileVersion::kV2_0;
  return all;
}

TEST_F(RoundTripTest, EveryTypeAndShape) {
  std::mt19937_64 random(tests::Seed());
  for (const WriterOptions& options : AllVersions()) {
    for (const TypePtr& type : tests::AllTypes(options.version == FileVersion::kV2_2)) {
      for (const DataShape shape : tests::kAllShapes) {
        for (const Nulls nulls : {Nulls{0, 0}, Nulls{0.15, 0.2}, Nulls{1, 0}}) {
          SCOPED_TRACE(FileVersionText(options.version));
          SCOPED_TRACE(type->ToString());
          SCOPED_TRACE(ShapeName(shape));
          const ArrayPtr array =
              RandomArray(type, 1300, {shape, nulls.nulls, nulls.empties}, random);
          ExpectBack(tests::SingleColumn(array), options, 500, random);
        }
      }
    }
  }
}

TEST_F(RoundTripTest, FewRowsAndManyPages) {
  std::mt19937_64 random(tests::Seed());
  for (WriterOptions options : AllVersions()) {
    for (const TypePtr& type : tests::AllTypes(options.version == FileVersion::kV2_2)) {
      for (const int64_t rows : {0, 1, 2, 9, 100}) {
        SCOPED_TRACE(type->ToString());
        const ArrayPtr array = RandomArray(type, rows, {DataShape::kUnique, 0.2, 0.2}, random);
        options.page_rows = 4;
        ExpectBack(tests::SingleColumn(array), options, 7, random);
        options.page_rows = 1000;
        options.page_bytes = 100;
        ExpectBack(tests::SingleColumn(array), options, 50, random);
        options.page_bytes = size_t{8} << 20;
      }
    }
  }
}

TEST_F(RoundTripTest, ForcedCodecsAndLayouts) {
  std::mt19937_64 random(tests::Seed());
  for (WriterOptions options : AllVersions()) {
    for (const TypePtr& type : tests::AllTypes(options.version == FileVersion::kV2_2)) {
      for (int codec = 0; codec <= static_cast<int>(ForcedCodec::kFsstZstd); ++codec) {
        for (const auto layout : {ForcedLayout::kMiniBlock, ForcedLayout::kFullZip}) {
          SCOPED_TRACE(type->ToString());
          SCOPED_TRACE(codec);
          options.forced_codec = static_cast<ForcedCodec>(codec);
          options.forced_layout = layout;
          for (const auto shape : {DataShape::kRuns, DataShape::kExtremes}) {
            const ArrayPtr array = RandomArray(type, 1100, {shape, 0.1, 0.1}, random);
            ExpectBack(tests::SingleColumn(array), options, 1100, random);
          }
        }
      }
    }
  }
}

TEST_F(RoundTripTest, SeveralColumnsOnAPool) {
  std::mt19937_64 random(tests::Seed());
  io::WorkerPool pool(3);
  WriterOptions options;
  options.pool = &pool;
  options.page_bytes = 5000;
  auto schema = std::make_shared<Schema>();
  RecordBatch batch;
  batch.num_rows = 5000;
  for (const TypePtr& type : {Int64(), Utf8(), ListOf(Int32()), Bool()}) {
    schema->fields.push_back({io::StrCat("c", schema->fields.size()), type, true, {}});
    batch.columns.push_back(
        RandomArray(type, batch.num_rows, {DataShape::kUnique, 0.1, 0.1}, random));
  }
  batch.schema = schema;
  ExpectBack(batch, options, 700, random);
  // The bytes do not depend on how threads took turns.
  const io::Buffer first = store_->Find(location_.path)->bytes;
  ASSERT_THAT(Write(batch, options, 700), IsOk());
  EXPECT_EQ(first.view(), store_->Find(location_.path)->bytes.view());
}

TEST_F(RoundTripTest, LevelsOutnumberValues) {
  std::mt19937_64 random(tests::Seed());
  for (const WriterOptions& options : BothVersions()) {
    const ArrayPtr array =
        RandomArray(ListOf(Int32()), 200000, {DataShape::kUnique, 0.4, 0.9999}, random);
    ExpectBack(tests::SingleColumn(array), options, 200000, random);
  }
}

TEST_F(RoundTripTest, SummaryListsLeafColumns) {
  const TypePtr type = Struct({{"a", Int32(), true, {}}, {"b", ListOf(Utf8()), true, {}}});
  const auto summary = Write(tests::SingleColumn(NullArray(type, 3)), {}, 3);
  ASSERT_THAT(summary, IsOk());
  // v = 0, a = 1, b = 2, item = 3.
  EXPECT_EQ(summary->field_ids, (std::vector<int32_t>{1, 3}));
  EXPECT_EQ(summary->column_indices, (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(summary->size_bytes, store_->Find(location_.path)->bytes.size());
}

// Numbers as tables have them: times of events, ids with gaps, counts.
TEST_F(RoundTripTest, CompactIntegersAreSmaller) {
  std::mt19937_64 random(tests::Seed());
  const auto numbers = [](const auto& next) {
    FixedBuilder<int64_t> builder(Int64());
    for (int i = 0; i < 50000; ++i) {
      builder.Append(next());
    }
    return tests::SingleColumn(builder.Finish());
  };
  int64_t time_us = 1700000000000000;
  int64_t id = 0;
  const RecordBatch columns[] = {
      numbers([&] { return time_us += static_cast<int64_t>(random() % 2000000); }),
      numbers([&] { return id += 1 + static_cast<int64_t>(random() % 10); }),
      numbers([&] { return int64_t{1} << std::geometric_distribution<int>(0.6)(random); })};
  for (const WriterOptions& plain : BothVersions()) {
    for (const RecordBatch& column : columns) {
      WriterOptions compact = plain;
      compact.compact = true;
      const auto wanted = Write(column, plain, column.num_rows);
      ASSERT_THAT(wanted, IsOk());
      ExpectBack(column, compact, column.num_rows, random);
      const auto smaller = Write(column, compact, column.num_rows);
      ASSERT_THAT(smaller, IsOk());
      EXPECT_LT(smaller->size_bytes, wanted->size_bytes * 9 / 10);
    }
  }
}

TEST_F(RoundTripTest, CompactIsAskedForByMetadata) {
  StringBuilder texts(Utf8());
  for (int i = 0; i < 20000; ++i) {
    texts.Append(io::StrCat("the same few words and a number, ", i * 7919 % 20011, ", again"));
  }
  const RecordBatch plain = tests::SingleColumn(texts.Finish());
  const Metadata wish = {{"omnigraph-encoding:compact", "true"}};
  RecordBatch by_schema = plain;
  auto of_all = std::make_shared<Schema>(*plain.schema);
  of_all->metadata = wish;
  by_schema.schema = of_all;
  RecordBatch by_field = plain;
  auto of_one = std::make_shared<Schema>(*plain.schema);
  of_one->fields[0].metadata = wish;
  by_field.schema = of_one;

  std::vector<uint64_t> sizes;
  for (const RecordBatch& batch : {plain, by_schema, by_field}) {
    const auto summary = Write(batch, {}, batch.num_rows);
    ASSERT_THAT(summary, IsOk());
    sizes.push_back(summary->size_bytes);
  }
  EXPECT_LT(sizes[1], sizes[0] * 9 / 10);
  EXPECT_LT(sizes[2], sizes[0] * 9 / 10);
}

ArrayPtr StructsOf(const std::vector<ArrayPtr>& members, int64_t length) {
  std::vector<Field> fields;
  for (size_t i = 0; i < members.size(); ++i) {
    fields.push_back({io::StrCat("m", i), members[i]->type, true, {}});
  }
  auto rows = std::make_shared<Array>();
  rows->type = Struct(fields);
  rows->length = length;
  rows->children = members;
  return rows;
}

RecordBatch PackedColumn(const ArrayPtr& array) {
  RecordBatch batch = tests::SingleColumn(array);
  auto schema = std::make_shared<Schema>(*batch.schema);
  schema->fields[0].metadata[std::string(kPackedKey)] = "true";
  batch.schema = schema;
  return batch;
}

ArrayPtr AllValid(const ArrayPtr& array) {
  auto valid = std::make_shared<Array>(*array);
  valid->validity = io::Buffer();
  valid->null_count = 0;
  return valid;
}

// Structs stored as rows; a vector is one of their values. Version 2.2 alone has a place for null
// items and for bools.
TEST_F(RoundTripTest, PackedStructsWithVectors) {
  std::mt19937_64 random(tests::Seed());
  const TypePtr numbers =
      Struct({{"a", Int64(), true, {}},
              {"v", FixedSizeListOf(Float32(), 4), true, {}},
              {"m", FixedSizeListOf(FixedSizeListOf(Int16(), 2), 3), true, {}}});
  const TypePtr text =
      Struct({{"v", FixedSizeListOf(Float32(), 9), true, {}}, {"s", Utf8(), true, {}}});
  const TypePtr bools =
      Struct({{"b", FixedSizeListOf(Bool(), 16), true, {}}, {"a", Int8(), true, {}}});
  for (const WriterOptions& options : AllVersions()) {
    const bool is_2_2 = options.version == FileVersion::kV2_2;
    for (const TypePtr& type : {numbers, text, bools}) {
      for (const double nulls : {0.0, 0.3}) {
        SCOPED_TRACE(io::StrCat(FileVersionText(options.version), " ", type->ToString(), nulls));
        auto rows = std::make_shared<Array>(
            *RandomArray(type, 700, {DataShape::kExtremes, nulls, 0}, random));
        std::ranges::transform(rows->children, rows->children.begin(), AllValid);
        const RecordBatch batch = PackedColumn(is_2_2 ? rows : AllValid(rows));
        if (is_2_2 ? type != bools || nulls == 0
                   : options.version == FileVersion::kV2_0 && type == numbers && nulls == 0) {
          ExpectBack(batch, options, 300, random);
        } else {
          EXPECT_THAT(Write(batch, options, 300),
                      StatusIs(absl::StatusCode::kUnimplemented, "packed struct"));
        }
      }
    }
  }
}

// Rows have no place for nulls of members, nor for parts of bytes.
TEST_F(RoundTripTest, PackedStructsWithNullMembersAreRefused) {
  std::mt19937_64 random(tests::Seed());
  for (const WriterOptions& options : AllVersions()) {
    for (const TypePtr& member : {Int32(), Utf8(), FixedSizeListOf(Float32(), 4)}) {
      const ArrayPtr values = RandomArray(member, 50, {DataShape::kUnique, 0.3, 0}, random);
      EXPECT_THAT(Write(PackedColumn(StructsOf({values}, 50)), options, 50),
                  StatusIs(absl::StatusCode::kUnimplemented, "nulls in member 'm0'"));
    }
    for (const TypePtr& member : {Bool(), FixedSizeListOf(Bool(), 11)}) {
      const ArrayPtr values = RandomArray(member, 50, {}, random);
      EXPECT_THAT(Write(PackedColumn(StructsOf({values}, 50)), options, 50),
                  StatusIs(absl::StatusCode::kUnimplemented, "child of type"));
    }
  }
}

// Lance ends its process over rows without a packed struct with text; only whole pages of them are
// another layout.
TEST_F(RoundTripTest, PackedTextIsRefusedInListsThatAreEmptyOrNull) {
  std::mt19937_64 random(tests::Seed());
  const TypePtr packed = Struct({{"a", Int32(), true, {}}, {"s", Utf8(), true, {}}});
  auto lists = std::make_shared<DataType>(*ListOf(packed));
  lists->children[0].metadata["lance-encoding:packed"] = "true";
  WriterOptions options;
  options.version = FileVersion::kV2_2;
  const auto column = [&](double nulls, double empty_fraction) {
    auto rows = std::make_shared<Array>(*RandomArray(
        lists, 200, {.null_fraction = nulls, .empty_fraction = empty_fraction}, random));
    auto items = std::make_shared<Array>(*AllValid(rows->children[0]));
    std::ranges::transform(items->children, items->children.begin(), AllValid);
    rows->children[0] = items;
    return tests::SingleColumn(rows);
  };
  ExpectBack(column(0, 0), options, 90, random);
  ExpectBack(column(0, 1), options, 90, random);
  ExpectBack(column(1, 0), options, 90, random);
  for (const RecordBatch& batch : {column(0.2, 0), column(0, 0.2)}) {
    EXPECT_THAT(
        Write(batch, options, 90),
        StatusIs(absl::StatusCode::kUnimplemented,
                 testing::AllOf(testing::HasSubstr("column \"v\""),
                                testing::HasSubstr("in lists of which some are empty or null"))));
  }
}

// What Lance does not store, nulls of them and them in lists, is refused, and so is what it would
// read wrongly: any field behind one.
TEST_F(RoundTripTest, StructsWithoutMembersAreNotNull) {
  std::mt19937_64 random(tests::Seed());
  const ArrayPtr empty = StructsOf({}, 50);
  const ArrayPtr numbers = RandomArray(Int32(), 50, {}, random);
  for (const WriterOptions& options : AllVersions()) {
    ExpectBack(tests::SingleColumn(empty), options, 20, random);
    ExpectBack(tests::SingleColumn(StructsOf({StructsOf({empty}, 50)}, 50)), options, 20, random);
    ExpectBack(tests::SingleColumn(StructsOf({numbers, empty}, 50)), options, 20, random);
    if (options.version != FileVersion::kV2_0) {
      EXPECT_THAT(Write(tests::SingleColumn(StructsOf({empty, numbers}, 50)), options, 50),
                  StatusIs(absl::StatusCode::kUnimplemented,
                           "field \"v\": a struct without members before other fields"));
      EXPECT_THAT(Write(tests::SingleColumn(NullArray(empty->type, 5)), options, 5),
                  StatusIs(absl::StatusCode::kUnimplemented, "is null or in a list"));
    }
  }
}

// Values that Lance stores in no form may be null, all of them in a page.
TEST_F(RoundTripTest, NullsOfAnyType) {
  std::mt19937_64 random(tests::Seed());
  const TypePtr packed = Struct({{"a", Bool(), true, {}}, {"b", Int32(), true, {}}});
  for (const WriterOptions& options : BothVersions()) {
    for (const TypePtr& type : {FixedSizeListOf(Utf8(), 2), FixedSizeListOf(LargeBinary(), 3)}) {
      ExpectBack(tests::SingleColumn(NullArray(type, 9)), options, 4, random);
      ExpectBack(tests::SingleColumn(RandomArray(ListOf(type), 30, {.empty_fraction = 1}, random)),
                 options, 9, random);
      EXPECT_THAT(Write(tests::SingleColumn(RandomArray(type, 3, {}, random)), options, 3),
                  StatusIs(absl::StatusCode::kUnimplemented, "no page form for type"));
    }
    ExpectBack(PackedColumn(NullArray(packed, 9)), options, 4, random);
  }
}

// Lists of nulls, of which none need be null; lists of them only where Lance 10 reads them.
TEST_F(RoundTripTest, ListsOfNulls) {
  std::mt19937_64 random(tests::Seed());
  const TypePtr type = FixedSizeListOf(Null(), 2);
  const TypePtr nested = FixedSizeListOf(type, 3);
  const TypePtr in_struct = Struct({{"v", type, true, {}}});
  for (const WriterOptions& options : AllVersions()) {
    for (const TypePtr& column : {type, ListOf(type), in_struct}) {
      for (const double nulls : {0.0, 0.3}) {
        SCOPED_TRACE(io::StrCat(FileVersionText(options.version), " ", column->ToString(), nulls));
        const tests::RandomArrayOptions some{DataShape::kUnique, nulls, nulls};
        ExpectBack(tests::SingleColumn(RandomArray(column, 70, some, random)), options, 30, random);
      }
    }
    const RecordBatch lists = tests::SingleColumn(RandomArray(nested, 9, {}, random));
    if (options.version == FileVersion::kV2_0) {
      ExpectBack(lists, options, 4, random);
    } else {
      EXPECT_THAT(Write(lists, options, 9),
                  StatusIs(absl::StatusCode::kUnimplemented, "lists of nulls"));
    }
  }
}

TEST_F(RoundTripTest, GlobalBuffersAndMetadata) {
  const RecordBatch batch = tests::SingleColumn(NullArray(Int32(), 3));
  const auto schema = FromArrow(*batch.schema);
  ASSERT_THAT(schema, IsOk());
  const auto writer = FileWriter::Open(location_, *schema, {});
  ASSERT_THAT(writer, IsOk());
  ASSERT_THAT((*writer)->Write(batch), IsOk());
  const auto number = (*writer)->AddGlobalBuffer(io::AsBytes("first"));
  ASSERT_THAT(number, IsOk());
  EXPECT_EQ(*number, 1u);
  ASSERT_THAT((*writer)->AddGlobalBuffer(io::AsBytes("second")), IsOk());
  (*writer)->SetMetadata("key", "value");
  ASSERT_THAT((*writer)->Finish(), IsOk());
  const auto reader = FileReader::Open(location_, 0);
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ((*reader)->num_global_buffers(), 4u);  // the schema, these two, checksums of pages
  EXPECT_EQ((*reader)->ReadGlobalBuffer(2)->view(), "second");
  EXPECT_EQ((*reader)->schema().metadata.at("key"), "value");
}

TEST_F(RoundTripTest, AnUnfinishedWriterLeavesNothing) {
  const Schema schema{{{"b",
                        Struct({{"data", LargeBinary(), true, {}}, {"uri", Utf8(), true, {}}}),
                        true,
                        {{std::string(kExtensionNameKey), std::string(kBlobV2Extension)}}}},
                      {}};
  StructBuilder blobs(schema.fields[0].type);
  for (const size_t size : {size_t{10}, size_t{100000}, size_t{5000000}}) {
    static_cast<StringBuilder&>(blobs.child(0)).Append(std::string(size, 'x'));
    blobs.child(1).AppendNull();
    blobs.Append();
  }
  const RecordBatch batch{std::make_shared<Schema>(schema), 3, {blobs.Finish()}};
  const auto lance_schema = FromArrow(schema);
  ASSERT_THAT(lance_schema, IsOk());
  {
    const auto writer = FileWriter::Open(location_, *lance_schema, {});
    ASSERT_THAT(writer, IsOk());
    ASSERT_THAT((*writer)->Write(batch), IsOk());
    EXPECT_FALSE(store_->objects().empty());  // the dedicated sidecar
  }
  EXPECT_TRUE(store_->objects().empty());
  const auto writer = FileWriter::Open(location_, *lance_schema, {});
  ASSERT_THAT(writer, IsOk());
  ASSERT_THAT((*writer)->Write(batch), IsOk());
  const auto summary = (*writer)->Finish();
  ASSERT_THAT(summary, IsOk());
  EXPECT_EQ(summary->sidecar_paths,
            (std::vector<std::string>{"data/file/10000000000000000000000000000000.blob",
                                      "data/file/01000000000000000000000000000000.blob"}));
  EXPECT_EQ(store_->objects().size(), 3u);
  EXPECT_EQ(store_->Find(summary->sidecar_paths[0])->bytes.size(), 100000u);
  EXPECT_EQ(store_->Find(summary->sidecar_paths[1])->bytes.size(), 5000000u);
}

// Blobs of version 1, in file versions 2.0 and 2.1: empty, null and larger values; contents and
// descriptors.
TEST_F(RoundTripTest, BlobsOfVersion1) {
  StringBuilder values(LargeBinary());
  for (int i = 0; i < 50; ++i) {
    i % 5 == 4 ? values.AppendNull()
               : values.Append(std::string(static_cast<size_t>(i % 5) * 700, 'b'));
  }
  RecordBatch batch = tests::SingleColumn(values.Finish());
  auto schema = std::make_shared<Schema>(*batch.schema);
  schema->fields[0].metadata[std::string(kBlobKey)] = "true";
  batch.schema = schema;
  WriterOptions options;
  options.page_rows = 8;
  for (const auto version : {FileVersion::kV2_0, FileVersion::kV2_1}) {
    options.version = version;
    ASSERT_THAT(Write(batch, options, 13), IsOk());
    const auto reader = FileReader::Open(location_, 0);
    ASSERT_THAT(reader, IsOk());
    std::vector<ColumnRequest> columns = (*reader)->AllColumns();
    columns[0].blob_contents = true;
    const std::vector<uint64_t> rows = {49, 3, 4, 0, 13};
    const auto taken = (*reader)->Take(columns, rows);
    ASSERT_THAT(taken, IsOk());
    const std::vector<int64_t> positions(rows.begin(), rows.end());
    ExpectSameRows(*taken, Take(batch, positions));
    columns[0].blob_contents = false;
    const auto descriptors = (*reader)->Take(columns, rows);
    ASSERT_THAT(descriptors, IsOk());
    EXPECT_EQ(descriptors->columns[0]->null_count, 2);
    EXPECT_EQ(descriptors->columns[0]->children[1]->Value<uint64_t>(1), 2100u);
  }
  options.version = FileVersion::kV2_2;
  EXPECT_THAT(Write(batch, options, 13), StatusIs(absl::StatusCode::kUnimplemented));
}

TEST_F(RoundTripTest, WrongBatchesAreRefused) {
  const RecordBatch ints = tests::SingleColumn(NullArray(Int32(), 3));
  const auto schema = FromArrow(*ints.schema);
  const auto writer = FileWriter::Open(location_, *schema, {});
  ASSERT_THAT(writer, IsOk());
  const auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT((*writer)->Write(tests::SingleColumn(NullArray(Int64(), 3))), StatusIs(kInvalid));
  RecordBatch empty = ints;
  empty.columns.clear();
  EXPECT_THAT((*writer)->Write(empty), StatusIs(kInvalid));
  RecordBatch longer = ints;
  longer.num_rows = 4;
  EXPECT_THAT((*writer)->Write(longer), StatusIs(kInvalid));
  WriterOptions old;
  old.version = FileVersion::kV2_3;
  EXPECT_THAT(FileWriter::Open(location_, *schema, old).status(), StatusIs(kInvalid));
  const auto with_map =
      FromArrow(Schema{{{"m",
                         Map({"entries",
                              Struct({{"key", Utf8(), false, {}}, {"value", Int32(), true, {}}}),
                              false,
                              {}}),
                         true,
                         {}}},
                       {}});
  ASSERT_THAT(with_map, IsOk());
  for (const FileVersion version : {FileVersion::kV2_0, FileVersion::kV2_1}) {
    old.version = version;
    EXPECT_THAT(FileWriter::Open(location_, *with_map, old).status(),
                StatusIs(absl::StatusCode::kUnimplemented));
  }
}

TEST_F(RoundTripTest, DictionariesOfSeveralPagesCanBeJoined) {
  constexpr int64_t kPageRows = 40'000;
  constexpr int64_t kRows = 2 * kPageRows + 1000;
  StringBuilder builder(Utf8());
  for (int64_t i = 0; i < kRows; ++i) {
    if (i % 11 == 0 && i / kPageRows == 1) {
      builder.AppendNull();
    } else {
      builder.Append(io::StrCat("a text that comes many times, ", i / kPageRows + i % 7));
    }
  }
  const RecordBatch batch = tests::SingleColumn(builder.Finish());
  WriterOptions options;
  options.page_rows = kPageRows;
  const auto summary = Write(batch, options, kPageRows);
  ASSERT_THAT(summary, IsOk());
  const auto reader = FileReader::Open(location_, summary->size_bytes);
  ASSERT_THAT(reader, IsOk());
  for (const bool joined : {false, true}) {
    auto stream = (*reader)->Scan(
        (*reader)->AllColumns(), {{1, static_cast<uint64_t>(kRows)}},
        {.batch_rows = kRows, .dictionary_strings = true, .join_dictionaries = joined});
    ASSERT_THAT(stream, IsOk());
    const auto rows = (*stream)->Next();
    ASSERT_THAT(rows, IsOk());
    ASSERT_TRUE(rows->has_value());
    const ArrayPtr& column = (*rows)->columns[0];
    EXPECT_THAT(Validate(*column), IsOk());
    EXPECT_EQ(column->type->id, joined ? TypeId::kDictionary : TypeId::kUtf8);
    // Each page has seven texts, and perhaps one for its nulls.
    if (joined) {
      EXPECT_GE(column->dictionary->length, 21);
    }
    EXPECT_TRUE(Equal(*DecodeDictionary(column), *Slice(batch.columns[0], 1, kRows - 1)));
  }
}

}  // namespace
}  // namespace og::format
