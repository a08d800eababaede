#include "format/page/value_codec.h"

#include <utility>

#include "format/page/value_sink.h"
#include "format/proto/encodings_v2_1.pb.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

using ::lance::encodings21::CompressiveEncoding;

constexpr int kNestingMax = 12;

absl::StatusOr<ValueCodec> Compile(const CompressiveEncoding& encoding, int depth);

bool IsWord(uint64_t bits) {
  return bits == 8 || bits == 16 || bits == 32 || bits == 64;
}

absl::Status BadWidth(const char* codec, uint64_t bits) {
  return io::DataLossError(io::StrCat(codec, " of ", bits, "-bit values"));
}

absl::StatusOr<uint64_t> FlatBits(const CompressiveEncoding& encoding, const char* of) {
  if (encoding.compression_case() != CompressiveEncoding::kFlat) {
    return io::UnimplementedError(io::StrCat(of, " whose parts are not flat (codec ",
                                             static_cast<int>(encoding.compression_case()), ")"));
  }
  return encoding.flat().bits_per_value();
}

// Run values or run lengths: flat, compressed, or bit-packed out of line.
absl::StatusOr<ValueCodec> CompileRunPart(const CompressiveEncoding& encoding, int depth) {
  OG_ASSIGN_OR_RETURN(ValueCodec part, Compile(encoding, depth + 1));
  const ValueCodec& inner = part.kind == ValueCodec::Kind::kGeneral ? part.children[0] : part;
  if (inner.kind != ValueCodec::Kind::kFlat &&
      inner.kind != ValueCodec::Kind::kOutOfLineBitpacking) {
    return io::UnimplementedError(
        io::StrCat("run-length encoding whose parts are neither flat nor bit-packed (codec ",
                   static_cast<int>(encoding.compression_case()), ")"));
  }
  return part;
}

absl::StatusOr<ValueCodec> CompileRle(const lance::encodings21::Rle& rle, int depth) {
  ValueCodec codec;
  codec.kind = ValueCodec::Kind::kRle;
  OG_ASSIGN_OR_RETURN(ValueCodec values, CompileRunPart(rle.values(), depth));
  OG_ASSIGN_OR_RETURN(ValueCodec lengths, CompileRunPart(rle.run_lengths(), depth));
  codec.bits = values.bits;
  if (!IsWord(codec.bits)) {
    return BadWidth("run-length encoding", codec.bits);
  }
  if (!IsWord(lengths.bits) || lengths.bits == 64) {
    return BadWidth("lengths of run-length encoding", lengths.bits);
  }
  codec.length_bits = static_cast<unsigned>(lengths.bits);
  if (IsBitpacked(values) && IsBitpacked(lengths)) {
    return io::DataLossError("run-length encoding of which nothing says how many runs it has");
  }
  codec.children.push_back(std::move(values));
  codec.children.push_back(std::move(lengths));
  return codec;
}

absl::StatusOr<ValueCodec> CompilePackedStruct(const lance::encodings21::PackedStruct& packed) {
  ValueCodec codec;
  codec.kind = ValueCodec::Kind::kPackedStruct;
  OG_ASSIGN_OR_RETURN(codec.bits, FlatBits(packed.values(), "packed struct"));
  uint64_t sum = 0;
  for (const uint64_t bits : packed.bits_per_value()) {
    if (bits % 8 != 0 || bits > kSlotBitsMax) {
      return BadWidth("packed struct", bits);
    }
    codec.member_bits.push_back(bits);
    sum += bits;
    if (sum > kSlotBitsMax) {
      return BadWidth("packed struct", sum);
    }
  }
  if (sum != codec.bits) {
    return io::DataLossError(
        io::StrCat("packed struct of ", codec.bits, " bits, its members have ", sum));
  }
  return codec;
}

absl::StatusOr<ValueCodec> CompileVariablePackedStruct(
    const lance::encodings21::VariablePackedStruct& packed, int depth) {
  using Field = lance::encodings21::VariablePackedStruct::FieldEncoding;
  ValueCodec codec;
  codec.kind = ValueCodec::Kind::kVariablePackedStruct;
  for (const Field& field : packed.fields()) {
    OG_ASSIGN_OR_RETURN(ValueCodec member, Compile(field.value(), depth + 1));
    codec.children.push_back(std::move(member));
    const bool is_fixed = field.layout_case() == Field::kBitsPerValue;
    const uint64_t bits = is_fixed ? field.bits_per_value() : field.bits_per_length();
    if (is_fixed ? (bits % 8 != 0 || bits > kSlotBitsMax) : (bits != 32 && bits != 64)) {
      return BadWidth("member of a packed struct", bits);
    }
    codec.member_bits.push_back(is_fixed ? bits : 0);
    codec.member_length_bits.push_back(is_fixed ? 0 : bits);
  }
  return codec;
}

absl::StatusOr<ValueCodec> Compile(const CompressiveEncoding& encoding, int depth) {
  if (depth > kNestingMax) {
    return io::UnimplementedError(io::StrCat("codecs nested deeper than ", kNestingMax));
  }
  ValueCodec codec;
  const auto compile_child = [&](const CompressiveEncoding& inner) -> absl::Status {
    OG_ASSIGN_OR_RETURN(ValueCodec child, Compile(inner, depth + 1));
    codec.children.push_back(std::move(child));
    return absl::OkStatus();
  };
  switch (encoding.compression_case()) {
    case CompressiveEncoding::kFlat:
      codec.kind = ValueCodec::Kind::kFlat;
      codec.bits = encoding.flat().bits_per_value();
      if (codec.bits > kSlotBitsMax) {
        return BadWidth("flat", codec.bits);
      }
      return codec;
    case CompressiveEncoding::kVariable: {
      codec.kind = ValueCodec::Kind::kVariable;
      OG_ASSIGN_OR_RETURN(const uint64_t bits, FlatBits(encoding.variable().offsets(), "offsets"));
      if (bits != 32 && bits != 64) {
        return BadWidth("offsets", bits);
      }
      codec.offset_bits = static_cast<unsigned>(bits);
      return codec;
    }
    case CompressiveEncoding::kInlineBitpacking:
      codec.kind = ValueCodec::Kind::kInlineBitpacking;
      codec.bits = encoding.inline_bitpacking().uncompressed_bits_per_value();
      if (!IsWord(codec.bits)) {
        return BadWidth("inline bit-packing", codec.bits);
      }
      return codec;
    case CompressiveEncoding::kOutOfLineBitpacking: {
      codec.kind = ValueCodec::Kind::kOutOfLineBitpacking;
      const auto& packed = encoding.out_of_line_bitpacking();
      codec.bits = packed.uncompressed_bits_per_value();
      OG_ASSIGN_OR_RETURN(codec.packed_bits, FlatBits(packed.values(), "bit-packing"));
      if (!IsWord(codec.bits) || codec.packed_bits > codec.bits) {
        return BadWidth("bit-packing", codec.bits);
      }
      return codec;
    }
    case CompressiveEncoding::kFsst: {
      codec.kind = ValueCodec::Kind::kFsst;
      const std::string& table = encoding.fsst().symbol_table();
      OG_ASSIGN_OR_RETURN(FsstDecoder decoder, FsstDecoder::Parse(io::AsBytes(table)));
      codec.fsst = std::make_shared<const FsstDecoder>(std::move(decoder));
      OG_RETURN_IF_ERROR(compile_child(encoding.fsst().values()));
      if (codec.children[0].kind != ValueCodec::Kind::kVariable) {
        return io::UnimplementedError("fsst over values that are not variable-width");
      }
      codec.offset_bits = codec.children[0].offset_bits;
      return codec;
    }
    case CompressiveEncoding::kRle:
      return CompileRle(encoding.rle(), depth);
    case CompressiveEncoding::kByteStreamSplit: {
      codec.kind = ValueCodec::Kind::kByteStreamSplit;
      OG_ASSIGN_OR_RETURN(codec.bits,
                          FlatBits(encoding.byte_stream_split().values(), "byte-stream split"));
      if (codec.bits != 32 && codec.bits != 64) {
        return BadWidth("byte-stream split", codec.bits);
      }
      return codec;
    }
    case CompressiveEncoding::kGeneral: {
      codec.kind = ValueCodec::Kind::kGeneral;
      const auto scheme = encoding.general().compression().scheme();
      if (scheme != lance::encodings21::COMPRESSION_ALGORITHM_LZ4 &&
          scheme != lance::encodings21::COMPRESSION_ALGORITHM_ZSTD) {
        return io::UnimplementedError(io::StrCat("compression scheme ", static_cast<int>(scheme)));
      }
      codec.compression = scheme == lance::encodings21::COMPRESSION_ALGORITHM_LZ4
                              ? Compression::kLz4
                              : Compression::kZstd;
      OG_RETURN_IF_ERROR(compile_child(encoding.general().values()));
      if (codec.children[0].kind == ValueCodec::Kind::kGeneral) {
        return io::UnimplementedError("compression of what is compressed already");
      }
      codec.bits = codec.children[0].bits;
      codec.offset_bits = codec.children[0].offset_bits;
      return codec;
    }
    case CompressiveEncoding::kFixedSizeList: {
      codec.kind = ValueCodec::Kind::kFixedSizeList;
      codec.items = encoding.fixed_size_list().items_per_value();
      codec.has_validity = encoding.fixed_size_list().has_validity();
      OG_RETURN_IF_ERROR(compile_child(encoding.fixed_size_list().values()));
      const ValueCodec& item = codec.children[0];
      const bool is_null = item.kind == ValueCodec::Kind::kConstant && item.constant.empty();
      if (item.kind != ValueCodec::Kind::kFlat && item.kind != ValueCodec::Kind::kFixedSizeList &&
          !is_null) {
        return io::UnimplementedError("fixed-size list of items that are not flat");
      }
      if (codec.items != 0 && item.bits > kSlotBitsMax / codec.items) {
        return BadWidth("fixed-size list", item.bits);
      }
      codec.bits = item.bits * codec.items;
      return codec;
    }
    case CompressiveEncoding::kPackedStruct:
      return CompilePackedStruct(encoding.packed_struct());
    case CompressiveEncoding::kVariablePackedStruct:
      return CompileVariablePackedStruct(encoding.variable_packed_struct(), depth);
    case CompressiveEncoding::kConstant:
      codec.kind = ValueCodec::Kind::kConstant;
      codec.constant = encoding.constant().value();
      codec.bits = codec.constant.size() * 8;
      return codec;
    default:
      return io::UnimplementedError(
          io::StrCat("compressive encoding ", static_cast<int>(encoding.compression_case())));
  }
}

}  // namespace

bool IsBitpacked(const ValueCodec& codec) {
  return codec.kind == ValueCodec::Kind::kOutOfLineBitpacking ||
         (codec.kind == ValueCodec::Kind::kGeneral && IsBitpacked(codec.children[0]));
}

absl::StatusOr<ValueCodec> CompileCodec(const CompressiveEncoding& encoding) {
  return Compile(encoding, 0);
}

}  // namespace og::format
