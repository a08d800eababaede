// Makes the seed inputs of the fuzz targets of format/ from files that real Lance wrote and from
// our own with every encoding demanded in turn.
//
//   fuzz_seeds LANCE_FILES_BIN FOLDER
//
// LANCE_FILES_BIN is tests/data/lance_files.bin. Of inputs with the same encodings one is kept.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "format/codec/fsst_encoder.h"
#include "format/codec/general.h"
#include "format/file/file_info.h"
#include "format/file/footer.h"
#include "format/file/lance_schema.h"
#include "format/file/page_input.h"
#include "format/file/page_sums.h"
#include "format/file/reader.h"
#include "format/file/writer.h"
#include "format/proto/file2.pb.h"
#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/text.h"
#include "io/memory/memory_store.h"
#include "tests/support/random_arrays.h"

namespace og::format {
namespace {

constexpr size_t kSeedBytesMax = 6000;

class Seeds {
 public:
  explicit Seeds(std::string folder) : folder_(std::move(folder)) {}

  // `what`: inputs that are alike have it in common; only the first one is kept.
  void Add(const std::string& corpus, const std::string& name, const std::string& what,
           const std::string& bytes) {
    if (bytes.size() > kSeedBytesMax || !seen_.insert(corpus + what).second) {
      return;
    }
    const std::string path = folder_ + "/" + corpus;
    std::filesystem::create_directories(path);
    std::string file_name = name;
    std::ranges::replace(file_name, '.', '_');
    std::ofstream(path + "/" + file_name, std::ios::binary) << bytes;
  }

 private:
  const std::string folder_;
  std::set<std::string> seen_;
};

struct Sample {
  std::string name;
  std::string bytes;
};

std::vector<Sample> ReadSamples(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string packed{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<Sample> samples;
  size_t at = 0;
  const auto next = [&] {
    const auto size = io::LoadLe<uint32_t>(io::AsBytes(packed), at);
    at += 4 + size;
    return packed.substr(at - size, size);
  };
  while (at < packed.size()) {
    Sample sample;
    sample.name = next();
    sample.bytes = next();
    next();  // hashes
    samples.push_back(std::move(sample));
  }
  return samples;
}

std::string VersionName(FileVersion version) {
  std::string name(FileVersionText(version));
  name[1] = '_';
  return "v" + name;
}

// The metadata messages of the columns of `bytes`, a sound file.
std::vector<std::string> ColumnMessages(std::string_view bytes) {
  const auto raw = io::AsBytes(bytes);
  const Footer footer = *DecodeFooter(raw, raw.size());
  std::vector<std::string> messages;
  for (uint32_t c = 0; c < footer.num_columns; ++c) {
    const uint64_t entry = footer.cmo_table_start + c * kTableEntryBytes;
    messages.emplace_back(
        bytes.substr(io::LoadLe<uint64_t>(raw, entry), io::LoadLe<uint64_t>(raw, entry + 8)));
  }
  return messages;
}

void AddMetadata(const std::string& name, std::string_view bytes, Seeds& seeds) {
  const auto raw = io::AsBytes(bytes);
  const Footer footer = *DecodeFooter(raw, raw.size());
  const std::string descriptor(bytes.substr(io::LoadLe<uint64_t>(raw, footer.gbo_table_start),
                                            io::LoadLe<uint64_t>(raw, footer.gbo_table_start + 8)));
  seeds.Add("metadata", name + "_descriptor", descriptor, std::string(1, '\0') + descriptor);
  const char mode = footer.version == FileVersion::kV2_0 ? '\2' : '\1';
  const std::vector<std::string> messages = ColumnMessages(bytes);
  for (size_t c = 0; c < messages.size(); ++c) {
    lance::file::v2::ColumnMetadata metadata;
    OG_CHECK(metadata.ParseFromString(messages[c]));
    const auto pages = PagesOfColumnMetadata(metadata, footer.version);
    if (pages.ok() && !pages->empty()) {
      seeds.Add("metadata", name + "_column_" + std::to_string(c),
                EncodingText((*pages)[0].encoding), std::string(1, mode) + messages[c]);
    }
  }
}

// The first page of each column of the fields that page_fuzz knows.
void AddPages(const std::string& name, std::string_view bytes, Seeds& seeds) {
  const auto store =
      std::make_shared<io::MemoryStore>("memory://seeds/", [] { return int64_t{0}; });
  OG_CHECK(store->Put("x", io::AsBytes(bytes)).ok());
  const auto reader = FileReader::Open({store, "x"}, 0);
  OG_CHECK(reader.ok());
  const auto info = (*reader)->Info();
  OG_CHECK(info.ok());
  const std::vector<std::string> messages = ColumnMessages(bytes);
  const std::vector<Field> fields = PageInputFields();
  for (const ColumnRequest& request : (*reader)->AllColumns()) {
    const auto field = ToArrow(request.field);
    if (!field.ok()) {
      continue;
    }
    for (size_t f = 0; f < fields.size(); ++f) {
      const auto known = FromArrow(fields[f]);
      OG_CHECK(known.ok());
      if (!(*fields[f].type == *field->type) || known->is_blob() != request.field.is_blob() ||
          known->is_packed() != request.field.is_packed()) {
        continue;
      }
      PageInput input{.version = (*reader)->version(), .field = f, .columns = {}};
      std::string what = std::to_string(f) + std::string(FileVersionText(input.version));
      for (const int32_t index : request.column_indices) {
        const StoredColumn& column = info->columns[static_cast<size_t>(index)];
        lance::file::v2::ColumnMetadata metadata;
        OG_CHECK(metadata.ParseFromString(messages[static_cast<size_t>(index)]));
        PageInput::Column& out = input.columns.emplace_back();
        if (column.pages.empty()) {
          continue;
        }
        const StoredPage& page = column.pages[0];
        out.num_rows = static_cast<uint32_t>(page.length);
        out.encoding = metadata.pages(0).encoding().direct().encoding().value();
        for (const FileRange& buffer : page.buffers) {
          out.buffers.emplace_back(bytes.substr(buffer.offset, buffer.bytes));
        }
        what += EncodingText(page.encoding);
      }
      seeds.Add("page",
                io::StrCat(VersionName(input.version), "_type_", f, "_", name, "_",
                           request.column_indices[0]),
                what, EncodePageInput(input));
    }
  }
}

// Nothing if the version cannot store the field.
std::optional<std::string> Write(const Field& field, const ArrayPtr& column,
                                 const WriterOptions& options) {
  const auto store =
      std::make_shared<io::MemoryStore>("memory://seeds/", [] { return int64_t{0}; });
  auto arrow_schema = std::make_shared<Schema>();
  arrow_schema->fields.push_back(field);
  const RecordBatch batch{arrow_schema, column->length, {column}};
  const auto schema = FromArrow(*batch.schema);
  OG_CHECK(schema.ok());
  const auto writer = FileWriter::Open({store, "x"}, *schema, options);
  if (!writer.ok()) {
    return std::nullopt;
  }
  OG_CHECK((*writer)->Write(batch).ok());
  OG_CHECK((*writer)->Finish().ok());
  return std::string(store->Find("x")->bytes.view());
}

// What is written of a field that is read as `field`: blobs of version 2 by their bytes.
Field WrittenField(Field field) {
  const auto known = FromArrow(field);
  OG_CHECK(known.ok());
  if (known->is_blob_v2()) {
    field.type = Struct({{"data", LargeBinary(), true, {}}, {"uri", Utf8(), true, {}}});
  }
  return field;
}

ArrayPtr RandomValues(const Field& field, const tests::RandomArrayOptions& options,
                      std::mt19937_64& random) {
  constexpr int64_t kRows = 150;
  const ArrayPtr array = tests::RandomArray(field.type, kRows, options, random);
  if (!field.metadata.contains(std::string(kExtensionNameKey))) {
    return array;
  }
  auto blobs = std::make_shared<Array>(*array);
  blobs->children[1] = NullArray(Utf8(), array->children[1]->length);
  return blobs;
}

void AddForcedPages(Seeds& seeds) {
  using tests::DataShape;
  std::mt19937_64 random(1);
  for (const auto version : {FileVersion::kV2_0, FileVersion::kV2_1, FileVersion::kV2_2}) {
    for (const Field& read : PageInputFields()) {
      const Field field = WrittenField(read);
      for (int codec = 0; codec <= static_cast<int>(ForcedCodec::kFsstZstd); ++codec) {
        for (const auto layout : {ForcedLayout::kMiniBlock, ForcedLayout::kFullZip}) {
          for (const auto shape : {DataShape::kConstant, DataShape::kRuns, DataShape::kExtremes}) {
            for (const double nulls : {0.0, 0.2, 1.0}) {
              WriterOptions options;
              options.version = version;
              options.forced_codec = static_cast<ForcedCodec>(codec);
              options.forced_layout = codec == 0 && nulls == 1 ? ForcedLayout::kNone : layout;
              const ArrayPtr array = RandomValues(field, {shape, nulls, nulls}, random);
              if (const auto file = Write(field, array, options); file.has_value()) {
                AddPages("ours", *file, seeds);
              }
            }
          }
        }
      }
    }
  }
}

void AddFooters(Seeds& seeds) {
  for (const auto version :
       {FileVersion::kV2_0, FileVersion::kV2_1, FileVersion::kV2_2, FileVersion::kV2_3}) {
    const auto footer = EncodeFooter({10, 20, 52, 1, 2, version});
    std::string bytes(1, '\0');
    bytes.append(80, 'x');
    bytes.append(reinterpret_cast<const char*>(footer.data()), footer.size());
    seeds.Add("footer", VersionName(version), bytes, bytes);
  }
}

void AddCodecs(Seeds& seeds) {
  const std::string text =
      "the quick brown fox jumps over the lazy dog while the other dog sleeps over the fox";
  for (const auto compression : {Compression::kZstd, Compression::kLz4}) {
    const bool is_zstd = compression == Compression::kZstd;
    io::MutableBuffer out;
    OG_CHECK(AppendCompressed(compression, 0, io::AsBytes(text + text), out).ok());
    const std::string payload(reinterpret_cast<const char*>(out.data()), out.size());
    seeds.Add("general", is_zstd ? "zstd" : "lz4", payload,
              std::string(1, is_zstd ? '\0' : '\1') + payload);
    if (is_zstd) {
      seeds.Add("general", "zstd_bare_frame", "bare", std::string(1, '\0') + payload.substr(8));
    }
  }
  const std::vector<uint64_t> offsets = {0, text.size() / 2, text.size()};
  const auto encoder = FsstEncoder::Train(io::AsBytes(text), offsets);
  std::vector<std::byte> codes(FsstEncodedBytesMax(text.size()));
  const std::byte* const end = encoder->Encode(io::AsBytes(text), codes.data());
  const std::string coded(reinterpret_cast<const char*>(codes.data()),
                          static_cast<size_t>(end - codes.data()));
  seeds.Add("fsst", "table_and_codes", "table", encoder->Table() + coded);
  seeds.Add("fsst", "text", "text", text);
  seeds.Add("byte_stream_split", "width_4", "4", std::string(1, '\0') + text);
  seeds.Add("byte_stream_split", "width_8", "8", std::string(1, '\1') + text);
  const std::string sums = EncodePageSums({.descriptor = 5, .columns = {{1, 2}, {}, {3}}});
  seeds.Add("metadata", "page_sums", "page_sums", '\3' + sums.substr(kPageSumsMagic.size()));
}

}  // namespace
}  // namespace og::format

int main(int argc, char** argv) {
  using namespace og::format;
  if (argc != 3) {
    std::fprintf(stderr, "usage: fuzz_seeds LANCE_FILES_BIN FOLDER\n");
    return 2;
  }
  Seeds seeds(argv[2]);
  for (const Sample& sample : ReadSamples(argv[1])) {
    AddMetadata(sample.name, sample.bytes, seeds);
    AddPages(sample.name, sample.bytes, seeds);
  }
  AddForcedPages(seeds);
  AddFooters(seeds);
  AddCodecs(seeds);
  return 0;
}
