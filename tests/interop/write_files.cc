// Writes files of every type, data shape, version and forced encoding into a folder, with what a
// reader must find in them, for read_files.py.
//
//   write_files FOLDER [VERSION]
//
// VERSION ("2.0") leaves the others out.
//
// blobs/data/blobs.lance is a data file of a table (id int64, b blob v2) with sidecars, for which
// blobs/blobs.json lists the contents; file_bytes, field_ids and column_indices are what a manifest
// needs to know about it.
//
// blobs_v1_2.0/ and blobs_v1_2.1/ are the same with blobs of version 1 in these file versions.
//
// Beside N.lance stands N.json: {"name", "columns": {name: [values]}}. Values are null, numbers
// (integers, and the bits of everything else of fixed width up to 8 bytes), strings of hexadecimal
// digits (wider values, text and binary), arrays (lists; maps as [key, value] pairs) and objects
// (structs).

#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "format/arrow/builder.h"
#include "format/file/lance_schema.h"
#include "format/file/writer.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/support/random_arrays.h"

namespace og {
namespace {

using format::Array;
using format::TypeId;

void AppendJson(const Array& array, int64_t i, std::string& out);

void AppendJsonList(const Array& items, int64_t start, int64_t end, std::string& out) {
  out += '[';
  for (int64_t i = start; i < end; ++i) {
    if (i > start) out += ',';
    AppendJson(items, i, out);
  }
  out += ']';
}

void AppendFixedJson(const Array& array, int64_t i, std::string& out) {
  const auto width = static_cast<size_t>(array.type->bit_width()) / 8;
  const std::byte* const at = array.values.data() + static_cast<size_t>(array.offset + i) * width;
  if (width > 8 || array.type->id == TypeId::kFixedSizeBinary) {
    out += '"' + io::HexBytes({at, width}) + '"';
    return;
  }
  uint64_t bits = 0;
  std::memcpy(&bits, at, width);
  const bool is_unsigned = array.type->is_floating() ||
                           (array.type->id >= TypeId::kUint8 && array.type->id <= TypeId::kUint64);
  if (is_unsigned) {
    out += std::to_string(bits);
  } else {
    const auto shift = 64 - 8 * width;
    out += std::to_string(static_cast<int64_t>(bits << shift) >> shift);
  }
}

void AppendJson(const Array& array, int64_t i, std::string& out) {
  if (array.IsNull(i)) {
    out += "null";
    return;
  }
  const format::DataType& type = *array.type;
  if (type.id == TypeId::kBool) {
    out += array.BoolValue(i) ? "true" : "false";
  } else if (type.is_variable()) {
    out += '"' + io::HexBytes(io::AsBytes(array.StringValue(i))) + '"';
  } else if (type.is_list()) {
    AppendJsonList(*array.children[0], array.OffsetAt(i), array.OffsetAt(i + 1), out);
  } else if (type.id == TypeId::kFixedSizeList) {
    const int64_t start = (array.offset + i) * type.list_size;
    AppendJsonList(*array.children[0], start, start + type.list_size, out);
  } else if (type.id == TypeId::kStruct) {
    out += '{';
    for (size_t c = 0; c < type.children.size(); ++c) {
      out += (c > 0 ? ",\"" : "\"") + type.children[c].name + "\":";
      AppendJson(*array.children[c], array.offset + i, out);
    }
    out += '}';
  } else if (type.id == TypeId::kDictionary) {
    const auto width = static_cast<size_t>(type.bit_width()) / 8;
    uint64_t key = 0;
    std::memcpy(&key, array.values.data() + static_cast<size_t>(array.offset + i) * width, width);
    AppendJson(*array.dictionary, static_cast<int64_t>(key), out);
  } else {
    AppendFixedJson(array, i, out);
  }
}

// Vectors of `type`, none of them null, with a share of `nulls` of their items null.
format::ArrayPtr VectorsWithNullItems(const format::TypePtr& type, int64_t length, double nulls,
                                      std::mt19937_64& random) {
  auto vectors = std::make_shared<Array>(
      *tests::RandomArray(type, length, {tests::DataShape::kExtremes, nulls, 0}, random));
  vectors->validity = io::Buffer();
  vectors->null_count = 0;
  return vectors;
}

class FileSet {
 public:
  FileSet(std::string folder, io::Location root)
      : folder_(std::move(folder)), root_(std::move(root)) {}

  // Writes the rows of `batch` in pieces of `piece_rows`.
  absl::Status Add(const std::string& name, const format::RecordBatch& written,
                   const format::WriterOptions& options, int64_t piece_rows) {
    const format::RecordBatch batch = options.version == format::FileVersion::kV2_0
                                          ? tests::WithoutStructNulls(written)
                                          : written;
    const std::string number = std::to_string(count_++);
    OG_ASSIGN_OR_RETURN(const format::LanceSchema schema, format::FromArrow(*batch.schema));
    OG_ASSIGN_OR_RETURN(const auto writer,
                        format::FileWriter::Open(root_.Child(number + ".lance"), schema, options));
    for (int64_t at = 0; at < batch.num_rows; at += piece_rows) {
      OG_RETURN_IF_ERROR(
          writer->Write(Slice(written, at, std::min(piece_rows, batch.num_rows - at))));
    }
    OG_RETURN_IF_ERROR(writer->Finish().status());
    std::string json = "{\"name\":\"" + name + "\",\"columns\":{";
    for (size_t c = 0; c < batch.columns.size(); ++c) {
      json += (c > 0 ? ",\"" : "\"") + batch.schema->fields[c].name + "\":";
      AppendJsonList(*batch.columns[c], 0, batch.num_rows, json);
    }
    json += "}}";
    std::ofstream(folder_ + "/" + number + ".json") << json;
    return absl::OkStatus();
  }

 private:
  const std::string folder_;
  const io::Location root_;
  int count_ = 0;
};

// Rows of a case: several chunks of every codec, fewer for values that are long in JSON.
int64_t RowsFor(const format::DataType& type) {
  int64_t items = 1;
  for (const format::DataType* item = &type; item->is_list() || item->id == TypeId::kFixedSizeList;
       item = item->children[0].type.get()) {
    items *= item->id == TypeId::kFixedSizeList ? item->list_size : 1;
  }
  return items >= 64 ? 150 : 2500;
}

struct NullCase {
  const char* name;
  double nulls;
  double empties;
};

absl::Status WriteAll(FileSet& files, std::string_view only_version, io::WorkerPool& pool) {
  std::mt19937_64 random(20260101);
  constexpr NullCase kNullCases[] = {{"full", 0, 0}, {"some", 0.1, 0.1}, {"none", 1, 0}};
  for (const auto version :
       {format::FileVersion::kV2_0, format::FileVersion::kV2_1, format::FileVersion::kV2_2}) {
    if (!only_version.empty() && format::FileVersionText(version) != only_version) continue;
    const bool is_2_0 = version == format::FileVersion::kV2_0;
    format::WriterOptions options;
    options.version = version;
    options.pool = &pool;
    const std::string version_text(format::FileVersionText(version));
    const bool is_2_2 = version == format::FileVersion::kV2_2;
    for (const format::TypePtr& type : tests::AllTypes(is_2_2)) {
      for (const tests::DataShape shape : tests::kAllShapes) {
        for (const NullCase& nulls : kNullCases) {
          if (nulls.nulls == 1 && shape != tests::DataShape::kConstant) continue;
          const auto array =
              tests::RandomArray(type, RowsFor(*type), {shape, nulls.nulls, nulls.empties}, random);
          OG_RETURN_IF_ERROR(files.Add(io::StrCat(version_text, " ", type->ToString(), " ",
                                                  ShapeName(shape), " ", nulls.name),
                                       tests::SingleColumn(array), options, 1000));
        }
      }
      // Few rows, and several pages.
      for (const int64_t rows : {0, 1, 3}) {
        const auto array =
            tests::RandomArray(type, rows, {tests::DataShape::kUnique, 0.2, 0.2}, random);
        OG_RETURN_IF_ERROR(
            files.Add(io::StrCat(version_text, " ", type->ToString(), " ", rows, " rows"),
                      tests::SingleColumn(array), options, 1));
      }
      format::WriterOptions small_pages = options;
      small_pages.page_bytes = 2000;
      const auto array = tests::RandomArray(type, RowsFor(*type) / 2,
                                            {tests::DataShape::kUnique, 0.1, 0.3}, random);
      OG_RETURN_IF_ERROR(files.Add(io::StrCat(version_text, " ", type->ToString(), " many pages"),
                                   tests::SingleColumn(array), small_pages, 400));
      // Small files: enough rows for several of the larger chunks.
      format::WriterOptions compact = options;
      compact.compact = true;
      for (const tests::DataShape shape : tests::kAllShapes) {
        const auto values = tests::RandomArray(type, 4 * RowsFor(*type), {shape, 0.1, 0.1}, random);
        OG_RETURN_IF_ERROR(files.Add(
            io::StrCat(version_text, " ", type->ToString(), " compact ", ShapeName(shape)),
            tests::SingleColumn(values), compact, 10000));
      }
      // Forced encodings; those that a type cannot have fall back to the usual choice.
      for (const auto codec : {format::ForcedCodec::kFlat, format::ForcedCodec::kBitpacked,
                               format::ForcedCodec::kRle, format::ForcedCodec::kDictionary,
                               format::ForcedCodec::kFsst, format::ForcedCodec::kZstd,
                               format::ForcedCodec::kLz4, format::ForcedCodec::kByteStreamSplit,
                               format::ForcedCodec::kRleZstd, format::ForcedCodec::kFsstZstd}) {
        for (const auto layout :
             {format::ForcedLayout::kMiniBlock, format::ForcedLayout::kFullZip}) {
          if (is_2_0 && layout == format::ForcedLayout::kFullZip) continue;
          format::WriterOptions forced = options;
          forced.forced_codec = codec;
          forced.forced_layout = layout;
          const auto values =
              tests::RandomArray(type, RowsFor(*type), {tests::DataShape::kRuns, 0.1, 0.1}, random);
          OG_RETURN_IF_ERROR(
              files.Add(io::StrCat(version_text, " ", type->ToString(), " codec ",
                                   static_cast<int>(codec), " layout ", static_cast<int>(layout)),
                        tests::SingleColumn(values), forced, 2500));
        }
      }
    }
    // Pages without any null beside pages with nulls in some layer only.
    for (const format::TypePtr& type : tests::AllTypes(is_2_2)) {
      constexpr NullCase kMixed[] = {
          {"", 0, 0}, {"", 0.4, 0}, {"", 0, 0.4}, {"", 1, 0}, {"", 0, 0}};
      std::vector<format::ArrayPtr> pieces;
      for (const NullCase& nulls : kMixed) {
        for (const auto shape : {tests::DataShape::kUnique, tests::DataShape::kConstant}) {
          pieces.push_back(
              tests::RandomArray(type, 40, {shape, nulls.nulls, nulls.empties}, random));
        }
      }
      if (type->id != TypeId::kDictionary) {
        format::WriterOptions tiny_pages = options;
        tiny_pages.page_rows = 40;
        OG_RETURN_IF_ERROR(
            files.Add(io::StrCat(version_text, " ", type->ToString(), " mixed pages"),
                      tests::SingleColumn(format::Concat(pieces)), tiny_pages, 40));
      }
    }
    // Structs stored as rows, which have a place for nulls of the items of vectors only.
    const format::TypePtr numbers = format::Struct({{"a", format::Int32(), false, {}},
                                                    {"b", format::Int8(), false, {}},
                                                    {"c", format::Float64(), false, {}}});
    const format::TypePtr text = format::Struct({{"a", format::Int32(), false, {}},
                                                 {"b", format::Utf8(), false, {}},
                                                 {"c", format::Float64(), false, {}}});
    const format::TypePtr vectors = format::Struct(
        {{"a", format::Int32(), false, {}},
         {"v", format::FixedSizeListOf(format::Float32(), 3), false, {}},
         {"m", format::FixedSizeListOf(format::FixedSizeListOf(format::Int16(), 3), 4), false, {}},
         {"b", format::FixedSizeList({"item", format::Bool(), false, {}}, 16), false, {}},
         {"t", format::LargeBinary(), false, {}},
         {"w", format::FixedSizeListOf(format::Int64(), 9), false, {}}});
    for (const format::TypePtr& type : {numbers, text, vectors}) {
      if (type != numbers && !is_2_2) continue;
      for (const double nulls : {0.0, 0.2}) {
        if (is_2_0 && nulls > 0) continue;
        auto rows = std::make_shared<format::Array>(
            *tests::RandomArray(type, 2500, {tests::DataShape::kExtremes, nulls, 0}, random));
        for (size_t m = 0; m < type->children.size(); ++m) {
          const format::TypePtr& member = type->children[m].type;
          if (member->id == TypeId::kFixedSizeList &&
              member->children[0].type->id != TypeId::kBool) {
            rows->children[m] = VectorsWithNullItems(member, 2500, nulls, random);
          }
        }
        format::RecordBatch batch = tests::SingleColumn(rows);
        auto schema = std::make_shared<format::Schema>(*batch.schema);
        schema->fields[0].metadata[std::string(format::kPackedKey)] = "true";
        batch.schema = schema;
        OG_RETURN_IF_ERROR(files.Add(io::StrCat(version_text, " packed ", type->ToString(), nulls),
                                     batch, options, 1000));
      }
    }
    // Far more levels than values: chunks and pages must be cut for their levels.
    const auto sparse = tests::RandomArray(format::ListOf(format::Int32()), 150000,
                                           {tests::DataShape::kUnique, 0.5, 0.9999}, random);
    OG_RETURN_IF_ERROR(files.Add(io::StrCat(version_text, " sparse lists"),
                                 tests::SingleColumn(sparse), options, 150000));
  }
  return absl::OkStatus();
}

// Every kind of blob, twice, and nulls.
absl::Status WriteBlobs(const std::string& folder, const io::Location& root) {
  const std::string external_path = folder + "/external.bin";
  std::ofstream(external_path) << "external";
  const size_t kSizes[] = {0, 5, 64, 65536, 65537, 100000, size_t{4} << 20, (size_t{4} << 20) + 1};
  format::StructBuilder blobs(format::Struct(
      {{"data", format::LargeBinary(), true, {}}, {"uri", format::Utf8(), true, {}}}));
  auto& data = static_cast<format::StringBuilder&>(blobs.child(0));
  auto& uris = static_cast<format::StringBuilder&>(blobs.child(1));
  format::FixedBuilder<int64_t> ids(format::Int64());
  std::string json;
  const auto add = [&](const std::string* bytes, bool is_external) {
    ids.Append(ids.length());
    json += ids.length() > 1 ? "," : "";
    if (is_external) {
      data.AppendNull();
      uris.Append("file://" + external_path);
      json += "\"" + io::HexBytes(io::AsBytes("external")) + "\"";
    } else if (bytes == nullptr) {
      blobs.AppendNull();
      json += "null";
      return;
    } else {
      data.Append(*bytes);
      uris.AppendNull();
      json += "\"" + io::HexBytes(io::AsBytes(*bytes)) + "\"";
    }
    blobs.Append();
  };
  std::mt19937_64 random(9);
  for (int round = 0; round < 2; ++round) {
    for (const size_t size : kSizes) {
      std::string bytes(size, ' ');
      for (char& c : bytes)
        c = static_cast<char>(random());
      add(&bytes, false);
      add(nullptr, false);
    }
    add(nullptr, true);
  }
  format::Schema schema;
  schema.fields.push_back({"id", format::Int64(), true, {}});
  schema.fields.push_back(
      {"b",
       blobs.type(),
       true,
       {{std::string(format::kExtensionNameKey), std::string(format::kBlobV2Extension)}}});
  OG_ASSIGN_OR_RETURN(const format::LanceSchema lance_schema, format::FromArrow(schema));
  OG_ASSIGN_OR_RETURN(const auto writer,
                      format::FileWriter::Open(root.Child("blobs/data/blobs.lance"), lance_schema,
                                               format::WriterOptions()));
  const int64_t num_rows = ids.length();
  const format::RecordBatch batch{
      std::make_shared<format::Schema>(schema), num_rows, {ids.Finish(), blobs.Finish()}};
  OG_RETURN_IF_ERROR(writer->Write(Slice(batch, 0, 7)));
  OG_RETURN_IF_ERROR(writer->Write(Slice(batch, 7, num_rows - 7)));
  OG_ASSIGN_OR_RETURN(const format::FileSummary summary, writer->Finish());
  const auto numbers = [](const std::vector<int32_t>& list) {
    std::vector<std::string> parts;
    for (const int32_t number : list)
      parts.push_back(std::to_string(number));
    return io::Join(parts, ",");
  };
  std::ofstream(folder + "/blobs/blobs.json")
      << "{\"file_bytes\":" << summary.size_bytes
      << ",\"sidecars\":" << summary.sidecar_paths.size() << ",\"field_ids\":["
      << numbers(summary.field_ids) << "],\"column_indices\":[" << numbers(summary.column_indices)
      << "],\"values\":[" << json << "]}";
  return absl::OkStatus();
}

absl::Status WriteBlobsV1(const std::string& folder, const io::Location& root,
                          format::FileVersion version) {
  const std::string name = io::StrCat("blobs_v1_", FileVersionText(version));
  format::FixedBuilder<int64_t> ids(format::Int64());
  format::StringBuilder blobs(format::LargeBinary());
  std::string json;
  std::mt19937_64 random(10);
  for (int64_t row = 0; row < 40; ++row) {
    ids.Append(row);
    json += row > 0 ? "," : "";
    if (row % 4 == 3) {
      blobs.AppendNull();
      json += "null";
      continue;
    }
    std::string bytes(row % 4 == 0 ? 0 : random() % 5000, ' ');
    for (char& c : bytes)
      c = static_cast<char>(random());
    blobs.Append(bytes);
    json += "\"" + io::HexBytes(io::AsBytes(bytes)) + "\"";
  }
  format::Schema schema;
  schema.fields.push_back({"id", format::Int64(), true, {}});
  schema.fields.push_back(
      {"b", format::LargeBinary(), true, {{std::string(format::kBlobKey), "true"}}});
  OG_ASSIGN_OR_RETURN(const format::LanceSchema lance_schema, format::FromArrow(schema));
  format::WriterOptions options;
  options.version = version;
  options.page_rows = 11;
  OG_ASSIGN_OR_RETURN(
      const auto writer,
      format::FileWriter::Open(root.Child(name + "/data/blobs.lance"), lance_schema, options));
  const int64_t num_rows = ids.length();
  const format::RecordBatch batch{
      std::make_shared<format::Schema>(schema), num_rows, {ids.Finish(), blobs.Finish()}};
  OG_RETURN_IF_ERROR(writer->Write(Slice(batch, 0, 7)));
  OG_RETURN_IF_ERROR(writer->Write(Slice(batch, 7, num_rows - 7)));
  OG_ASSIGN_OR_RETURN(const format::FileSummary summary, writer->Finish());
  std::ofstream(folder + "/" + name + "/blobs.json")
      << "{\"file_bytes\":" << summary.size_bytes
      << ",\"sidecars\":0,\"field_ids\":[0,1],\"column_indices\":[0,1],\"values\":[" << json
      << "]}";
  return absl::OkStatus();
}

}  // namespace
}  // namespace og

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: write_files FOLDER [VERSION]\n");
    return 2;
  }
  og::io::Env& env = og::io::RealEnv();
  const auto root = env.Resolve(argv[1]);
  absl::Status status = root.status();
  if (status.ok()) {
    og::FileSet files(argv[1], *root);
    status = og::WriteAll(files, argc == 3 ? argv[2] : "", env.pool());
    if (status.ok()) {
      status = og::WriteBlobs(argv[1], *root);
    }
    for (const auto version : {og::format::FileVersion::kV2_0, og::format::FileVersion::kV2_1}) {
      if (status.ok()) {
        status = og::WriteBlobsV1(argv[1], *root, version);
      }
    }
  }
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(og::io::Message(status)).c_str());
    return 1;
  }
  return 0;
}
