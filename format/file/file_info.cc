#include "format/file/file_info.h"

#include <algorithm>

#include "format/file/column_pages.h"
#include "format/proto/encodings_v2_0.pb.h"
#include "format/proto/encodings_v2_1.pb.h"
#include "format/proto/file2.pb.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

namespace v20 = ::lance::encodings;
namespace v21 = ::lance::encodings21;

// Deeper trees are cut: messages from a file can nest as protobuf allows.
constexpr int kDepthMax = 24;

EncodingNode Leaf(std::string name) {
  EncodingNode node;
  node.name = std::move(name);
  return node;
}

void AddFact(EncodingNode& node, std::string_view name, uint64_t value) {
  node.facts.emplace_back(name, io::StrCat(value));
}

void AddChild(EncodingNode& node, std::string_view role, EncodingNode child) {
  child.role = role;
  node.children.push_back(std::move(child));
}

// --- Version 2.1 and later ---------------------------------------------------------------------

EncodingNode DescribeValues(const v21::CompressiveEncoding& encoding, int depth);

EncodingNode DescribePackedMembers(const v21::VariablePackedStruct& packed, int depth) {
  EncodingNode node = Leaf("packed struct with text");
  for (const auto& field : packed.fields()) {
    AddChild(node, "member", DescribeValues(field.value(), depth + 1));
  }
  return node;
}

EncodingNode DescribeValues(const v21::CompressiveEncoding& encoding, int depth) {
  using Case = v21::CompressiveEncoding;
  if (depth > kDepthMax) {
    return Leaf("...");
  }
  EncodingNode node;
  switch (encoding.compression_case()) {
    case Case::kFlat:
      node = Leaf("flat");
      AddFact(node, "bits", encoding.flat().bits_per_value());
      return node;
    case Case::kVariable:
      node = Leaf("variable");
      AddChild(node, "offsets", DescribeValues(encoding.variable().offsets(), depth + 1));
      return node;
    case Case::kConstant:
      node = Leaf("constant");
      AddFact(node, "bytes", encoding.constant().value().size());
      return node;
    case Case::kOutOfLineBitpacking:
      node = Leaf("bit-packed, one width");
      AddFact(node, "bits", encoding.out_of_line_bitpacking().uncompressed_bits_per_value());
      AddChild(node, "packed",
               DescribeValues(encoding.out_of_line_bitpacking().values(), depth + 1));
      return node;
    case Case::kInlineBitpacking:
      node = Leaf("bit-packed");
      AddFact(node, "bits", encoding.inline_bitpacking().uncompressed_bits_per_value());
      return node;
    case Case::kFsst:
      node = Leaf("fsst");
      AddChild(node, "codes", DescribeValues(encoding.fsst().values(), depth + 1));
      return node;
    case Case::kDictionary:
      node = Leaf("dictionary");
      AddFact(node, "items", encoding.dictionary().num_dictionary_items());
      AddChild(node, "indices", DescribeValues(encoding.dictionary().indices(), depth + 1));
      AddChild(node, "items", DescribeValues(encoding.dictionary().items(), depth + 1));
      return node;
    case Case::kRle:
      node = Leaf("run-length");
      AddChild(node, "values", DescribeValues(encoding.rle().values(), depth + 1));
      AddChild(node, "lengths", DescribeValues(encoding.rle().run_lengths(), depth + 1));
      return node;
    case Case::kByteStreamSplit:
      node = Leaf("byte-stream split");
      AddChild(node, "values", DescribeValues(encoding.byte_stream_split().values(), depth + 1));
      return node;
    case Case::kGeneral: {
      const auto scheme = encoding.general().compression().scheme();
      node = Leaf(scheme == v21::COMPRESSION_ALGORITHM_LZ4    ? "lz4"
                  : scheme == v21::COMPRESSION_ALGORITHM_ZSTD ? "zstd"
                                                              : "general");
      AddChild(node, "values", DescribeValues(encoding.general().values(), depth + 1));
      return node;
    }
    case Case::kFixedSizeList:
      node = Leaf("fixed-size list");
      AddFact(node, "items", encoding.fixed_size_list().items_per_value());
      if (encoding.fixed_size_list().has_validity()) {
        node.facts.emplace_back("validity", "of items");
      }
      AddChild(node, "items", DescribeValues(encoding.fixed_size_list().values(), depth + 1));
      return node;
    case Case::kPackedStruct: {
      node = Leaf("packed struct");
      std::vector<std::string> bits;
      for (const uint64_t width : encoding.packed_struct().bits_per_value()) {
        bits.push_back(io::StrCat(width));
      }
      node.facts.emplace_back("bits", io::Join(bits, "+"));
      return node;
    }
    case Case::kVariablePackedStruct:
      return DescribePackedMembers(encoding.variable_packed_struct(), depth);
    case Case::COMPRESSION_NOT_SET:
      return Leaf("unknown compressive encoding");
  }
  return node;
}

std::string LayersText(const ::google::protobuf::RepeatedField<int>& layers) {
  constexpr std::string_view kNames[] = {"unspecified",
                                         "item",
                                         "list",
                                         "nullable item",
                                         "nullable list",
                                         "emptyable list",
                                         "nullable and emptyable list"};
  std::vector<std::string> names;
  for (const int layer : layers) {
    names.push_back(layer >= 0 && layer < static_cast<int>(std::size(kNames))
                        ? std::string(kNames[layer])
                        : io::StrCat("layer ", layer));
  }
  return io::Join(names, " in ");
}

EncodingNode DescribeLayout(const v21::PageLayout& layout, int depth) {
  EncodingNode node;
  switch (layout.layout_case()) {
    case v21::PageLayout::kMiniBlockLayout: {
      const v21::MiniBlockLayout& mini = layout.mini_block_layout();
      node = Leaf("mini-block");
      AddFact(node, "values", mini.num_items());
      node.facts.emplace_back("layers", LayersText(mini.layers()));
      if (mini.has_rep_compression()) {
        AddChild(node, "repetition", DescribeValues(mini.rep_compression(), depth));
      }
      if (mini.has_def_compression()) {
        AddChild(node, "definition", DescribeValues(mini.def_compression(), depth));
      }
      AddChild(node, mini.has_dictionary() ? "indices" : "values",
               DescribeValues(mini.value_compression(), depth));
      if (mini.has_dictionary()) {
        EncodingNode items = DescribeValues(mini.dictionary(), depth);
        AddFact(items, "entries", mini.num_dictionary_items());
        AddChild(node, "dictionary", std::move(items));
      }
      return node;
    }
    case v21::PageLayout::kFullZipLayout: {
      const v21::FullZipLayout& zip = layout.full_zip_layout();
      node = Leaf("full-zip");
      AddFact(node, "values", zip.num_visible_items());
      node.facts.emplace_back("layers", LayersText(zip.layers()));
      if (zip.bits_rep() + zip.bits_def() > 0) {
        node.facts.emplace_back("control bits", io::StrCat(zip.bits_rep(), "+", zip.bits_def()));
      }
      AddChild(node, "values", DescribeValues(zip.value_compression(), depth));
      return node;
    }
    case v21::PageLayout::kConstantLayout: {
      const v21::ConstantLayout& constant = layout.constant_layout();
      node = Leaf(constant.has_inline_value() ? "constant" : "constant or null");
      if (constant.has_inline_value()) {
        AddFact(node, "bytes", constant.inline_value().size());
      }
      node.facts.emplace_back("layers", LayersText(constant.layers()));
      if (constant.has_rep_compression()) {
        AddChild(node, "repetition", DescribeValues(constant.rep_compression(), depth));
      }
      if (constant.has_def_compression()) {
        AddChild(node, "definition", DescribeValues(constant.def_compression(), depth));
      }
      return node;
    }
    case v21::PageLayout::kBlobLayout:
      node = Leaf("blob");
      if (depth < kDepthMax) {
        AddChild(node, "descriptors",
                 DescribeLayout(layout.blob_layout().inner_layout(), depth + 1));
      }
      return node;
    case v21::PageLayout::kSparseLayout:
      return Leaf("sparse");
    case v21::PageLayout::LAYOUT_NOT_SET:
      return Leaf("unknown page layout");
  }
  return node;
}

// --- Version 2.0 -------------------------------------------------------------------------------

EncodingNode DescribeArray(const v20::ArrayEncoding& encoding, int depth) {
  using Case = v20::ArrayEncoding;
  if (depth > kDepthMax) {
    return Leaf("...");
  }
  EncodingNode node;
  switch (encoding.array_encoding_case()) {
    case Case::kFlat:
      node = Leaf("flat");
      AddFact(node, "bits", encoding.flat().bits_per_value());
      if (!encoding.flat().compression().scheme().empty()) {
        node.facts.emplace_back("compression", encoding.flat().compression().scheme());
      }
      return node;
    case Case::kNullable:
      if (encoding.nullable().has_no_nulls()) {
        return DescribeArray(encoding.nullable().no_nulls().values(), depth + 1);
      }
      if (encoding.nullable().has_some_nulls()) {
        node = Leaf("nullable");
        AddChild(node, "validity",
                 DescribeArray(encoding.nullable().some_nulls().validity(), depth + 1));
        AddChild(node, "values",
                 DescribeArray(encoding.nullable().some_nulls().values(), depth + 1));
        return node;
      }
      return Leaf("all null");
    case Case::kFixedSizeList:
      node = Leaf("fixed-size list");
      AddFact(node, "items", encoding.fixed_size_list().dimension());
      AddChild(node, "items", DescribeArray(encoding.fixed_size_list().items(), depth + 1));
      return node;
    case Case::kList:
      node = Leaf("list");
      AddFact(node, "items", encoding.list().num_items());
      AddChild(node, "ends", DescribeArray(encoding.list().offsets(), depth + 1));
      return node;
    case Case::kStruct:
      return Leaf("struct");
    case Case::kBinary:
      node = Leaf("binary");
      AddChild(node, "ends", DescribeArray(encoding.binary().indices(), depth + 1));
      AddChild(node, "bytes", DescribeArray(encoding.binary().bytes(), depth + 1));
      return node;
    case Case::kDictionary:
      node = Leaf("dictionary");
      AddFact(node, "entries", encoding.dictionary().num_dictionary_items());
      AddChild(node, "indices", DescribeArray(encoding.dictionary().indices(), depth + 1));
      AddChild(node, "items", DescribeArray(encoding.dictionary().items(), depth + 1));
      return node;
    case Case::kFsst:
      node = Leaf("fsst");
      AddChild(node, "codes", DescribeArray(encoding.fsst().binary(), depth + 1));
      return node;
    case Case::kPackedStruct:
      node = Leaf("packed struct");
      for (const v20::ArrayEncoding& inner : encoding.packed_struct().inner()) {
        AddChild(node, "member", DescribeArray(inner, depth + 1));
      }
      return node;
    case Case::kBitpacked:
      node = Leaf("bit-packed");
      AddFact(node, "bits", encoding.bitpacked().uncompressed_bits_per_value());
      AddFact(node, "packed", encoding.bitpacked().compressed_bits_per_value());
      return node;
    case Case::kBitpackedForNonNeg:
      node = Leaf("bit-packed groups");
      AddFact(node, "bits", encoding.bitpacked_for_non_neg().uncompressed_bits_per_value());
      AddFact(node, "packed", encoding.bitpacked_for_non_neg().compressed_bits_per_value());
      return node;
    case Case::kFixedSizeBinary:
      node = Leaf("strings of one length");
      AddFact(node, "bytes", encoding.fixed_size_binary().byte_width());
      AddChild(node, "bytes", DescribeArray(encoding.fixed_size_binary().bytes(), depth + 1));
      return node;
    case Case::ARRAY_ENCODING_NOT_SET:
      return Leaf("unknown array encoding");
  }
  return node;
}

template <typename Message, typename Describe>
absl::StatusOr<EncodingNode> Parse(const lance::file::v2::Encoding& encoding,
                                   std::string_view type_name, Describe describe) {
  const auto bytes = DirectEncodingOf(encoding, type_name);
  if (!bytes.ok() && bytes.status().code() == absl::StatusCode::kUnimplemented) {
    return Leaf(std::string(io::Message(bytes.status())));
  }
  OG_RETURN_IF_ERROR(bytes.status());
  Message message;
  if (!message.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
    return io::DataLossError("the encoding is no protobuf message");
  }
  return describe(message, 0);
}

void AppendText(const EncodingNode& node, std::string& out) {
  out += node.name;
  for (const auto& [name, value] : node.facts) {
    if (name == "bits") {
      out += io::StrCat(" ", value);
    }
  }
  if (node.children.empty()) {
    return;
  }
  out += '(';
  for (size_t i = 0; i < node.children.size(); ++i) {
    out += io::StrCat(i == 0 ? "" : ", ", node.children[i].role, ": ");
    AppendText(node.children[i], out);
  }
  out += ')';
}

}  // namespace

std::string EncodingText(const EncodingNode& node) {
  std::string text;
  AppendText(node, text);
  return text;
}

absl::StatusOr<std::vector<StoredPage>> PagesOfColumnMetadata(
    const lance::file::v2::ColumnMetadata& metadata, FileVersion version) {
  std::vector<StoredPage> pages;
  uint64_t row = 0;
  for (const auto& proto : metadata.pages()) {
    StoredPage page;
    page.length = proto.length();
    page.first_row = row;
    if (page.length > UINT64_MAX - row) {
      return io::DataLossError(io::StrCat("page ", pages.size(), " of ", page.length, " rows"));
    }
    row += page.length;
    OG_ASSIGN_OR_RETURN(page.buffers, BufferRanges(proto.buffer_offsets(), proto.buffer_sizes()));
    for (const FileRange& buffer : page.buffers) {
      page.stored_bytes += std::min(buffer.bytes, uint64_t{1} << 40);
    }
    auto encoding = version == FileVersion::kV2_0
                        ? Parse<v20::ArrayEncoding>(proto.encoding(),
                                                    "lance.encodings.ArrayEncoding", DescribeArray)
                        : Parse<v21::PageLayout>(proto.encoding(), "lance.encodings21.PageLayout",
                                                 DescribeLayout);
    if (!encoding.ok()) {
      return io::Annotate(encoding.status(), io::StrCat("page ", pages.size()));
    }
    page.encoding = *std::move(encoding);
    pages.push_back(std::move(page));
  }
  return pages;
}

}  // namespace og::format
