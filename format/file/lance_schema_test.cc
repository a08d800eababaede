// Schemas: every type to its logical type and back, ids, column ownership, and the protobuf form,
// compared with what the format's tables say.
#include "format/file/lance_schema.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "format/file/schema_proto.h"

namespace og::format {
namespace {

Field Named(std::string name, TypePtr type, bool nullable = true) {
  return Field{std::move(name), std::move(type), nullable, {}};
}

TEST(LanceSchemaTest, LogicalTypesComeBack) {
  const std::vector<std::pair<TypePtr, std::string>> table = {
      {Null(), "null"},
      {Bool(), "bool"},
      {Uint16(), "uint16"},
      {Float16(), "halffloat"},
      {Float32(), "float"},
      {Float64(), "double"},
      {Decimal128(10, -2), "decimal:128:10:-2"},
      {Decimal256(70, 5), "decimal:256:70:5"},
      {Date32(), "date32:day"},
      {Date64(), "date64:ms"},
      {Time32(TimeUnit::kMilli), "time32:ms"},
      {Time64(TimeUnit::kNano), "time64:ns"},
      {Timestamp(TimeUnit::kMicro), "timestamp:us:-"},
      {Timestamp(TimeUnit::kSecond, "+05:30"), "timestamp:s:+05:30"},
      {Duration(TimeUnit::kMicro), "duration:us"},
      {Utf8(), "string"},
      {LargeBinary(), "large_binary"},
      {FixedSizeBinary(7), "fixed_size_binary:7"},
      {FixedSizeListOf(Float32(), 128), "fixed_size_list:float:128"},
      {FixedSizeListOf(FixedSizeListOf(Int32(), 2), 4),
       "fixed_size_list:fixed_size_list:int32:2:4"},
      {Dictionary(Int8(), Utf8()), "dict:string:int8:false"},
  };
  for (const auto& [type, text] : table) {
    const auto logical = LogicalTypeOf(*type);
    ASSERT_TRUE(logical.ok()) << logical.status();
    EXPECT_EQ(*logical, text);
    LanceField field;
    field.logical_type = text;
    const auto back = ArrowTypeOf(field);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(**back, *type) << text << " became " << (*back)->ToString();
  }
}

TEST(LanceSchemaTest, UnknownLogicalTypesAreRefused) {
  for (const std::string text :
       {"", "int", "time32:us", "time64:s", "timestamp:us", "duration:us:-", "decimal:64:5:2",
        "decimal:128:1", "fixed_size_list:int32", "fixed_size_list:int32:-1", "fixed_size_binary:x",
        "dict:string:string:false", "dict:int8", "fixed_size_list::3"}) {
    LanceField field;
    field.logical_type = text;
    EXPECT_EQ(ArrowTypeOf(field).status().code(), absl::StatusCode::kDataLoss) << text;
  }
  LanceField list;
  list.logical_type = "list";
  EXPECT_EQ(ArrowTypeOf(list).status().code(), absl::StatusCode::kDataLoss);
}

Schema NestedSchema() {
  return Schema{{Named("id", Int64(), false),
                 Named("p", Struct({Named("x", Float64()), Named("y", ListOf(Int32()))})),
                 Named("m", Map(Named("entries",
                                      Struct({Named("key", Utf8(), false), Named("value", Utf8())}),
                                      false)))},
                {{"owner", "test"}}};
}

TEST(LanceSchemaTest, JsonTextBecomesTheStoredForm) {
  const auto json = [](TypePtr type, std::string_view extension) {
    return Field{.name = "j",
                 .type = std::move(type),
                 .nullable = true,
                 .metadata = {{std::string(kExtensionNameKey), std::string(extension)}}};
  };
  for (const Field& field : {json(Utf8(), "arrow.json"), json(LargeUtf8(), "arrow.json"),
                             json(LargeBinary(), "lance.json")}) {
    const auto lance = FromArrow(field);
    ASSERT_TRUE(lance.ok()) << lance.status();
    EXPECT_EQ(lance->logical_type, "json");
    EXPECT_EQ(lance->encoding, LanceField::Encoding::kVarBinary);
    EXPECT_EQ(*ToArrow(*lance), json(LargeBinary(), "lance.json"));
  }
  EXPECT_EQ(FromArrow(json(Binary(), "arrow.json"))->logical_type, "binary");
}

TEST(LanceSchemaTest, IdsRunInPreOrder) {
  const auto schema = FromArrow(NestedSchema());
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ(schema->FindPath("id")->id, 0);
  EXPECT_EQ(schema->FindPath("p")->id, 1);
  EXPECT_EQ(schema->FindPath("p.x")->id, 2);
  EXPECT_EQ(schema->FindPath("p.y")->id, 3);
  EXPECT_EQ(schema->FindPath("p.y.item")->id, 4);
  EXPECT_EQ(schema->FindPath("m")->id, 5);
  EXPECT_EQ(schema->MaxFieldId(), 8);
  EXPECT_EQ(schema->FindPath("p.z"), nullptr);
  EXPECT_EQ(schema->Find("m")->logical_type, "map");
}

TEST(LanceSchemaTest, ArrowComesBack) {
  const auto schema = FromArrow(NestedSchema());
  ASSERT_TRUE(schema.ok()) << schema.status();
  const auto back = ToArrow(*schema);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(**back, NestedSchema());
}

std::vector<std::string> ColumnNames(const LanceSchema& schema, FileVersion version) {
  std::vector<std::string> names;
  for (const LanceField* field : ColumnFields(schema.fields, version)) {
    names.push_back(field->name);
  }
  return names;
}

TEST(LanceSchemaTest, ColumnsFollowTheVersion) {
  auto schema = FromArrow(NestedSchema());
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ(ColumnNames(*schema, FileVersion::kV2_1),
            (std::vector<std::string>{"id", "x", "item", "key", "value"}));
  EXPECT_EQ(
      ColumnNames(*schema, FileVersion::kV2_0),
      (std::vector<std::string>{"id", "p", "x", "y", "item", "m", "entries", "key", "value"}));
  schema->fields[1].metadata["packed"] = "True";
  EXPECT_EQ(ColumnNames(*schema, FileVersion::kV2_1),
            (std::vector<std::string>{"id", "p", "key", "value"}));
}

TEST(LanceSchemaTest, ProtobufComesBackWithUnknownMembers) {
  auto schema = FromArrow(NestedSchema());
  ASSERT_TRUE(schema.ok()) << schema.status();
  schema->fields[0].primary_key_position = 1;
  schema->fields[0].metadata[std::string(kExtensionNameKey)] = "x.y";
  schema->fields[1].unknown = std::string("\xa0\x06\x01", 3);  // member 100, varint 1
  const lance::file::Schema proto = SchemaToProto(*schema);
  EXPECT_EQ(proto.fields_size(), 9);
  EXPECT_EQ(proto.fields(0).parent_id(), -1);
  EXPECT_EQ(proto.fields(2).parent_id(), 1);
  EXPECT_TRUE(proto.fields(0).unenforced_primary_key());
  EXPECT_EQ(proto.fields(0).extension_name(), "x.y");
  lance::file::Schema parsed;
  ASSERT_TRUE(parsed.ParseFromString(proto.SerializeAsString()));
  const auto back = SchemaFromProto(parsed);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, *schema);
}

TEST(LanceSchemaTest, ParentsMustComeFirst) {
  lance::file::Schema proto;
  auto* child = proto.add_fields();
  child->set_id(1);
  child->set_parent_id(0);
  EXPECT_EQ(SchemaFromProto(proto).status().code(), absl::StatusCode::kDataLoss);
}

TEST(LanceSchemaTest, DeepNestingIsRefused) {
  lance::file::Schema proto;
  for (int id = 0; id < 1000; ++id) {
    auto* field = proto.add_fields();
    field->set_id(id);
    field->set_parent_id(id - 1);
    field->set_logical_type("struct");
  }
  EXPECT_EQ(SchemaFromProto(proto).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace og::format
