#include "format/codec/fsst_encoder.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "io/base/check.h"
#include "io/base/endian.h"

namespace og::format {
namespace {

constexpr size_t kTableBytes = 2312;
constexpr uint64_t kTableMagic = uint64_t{0x46535354} << 32;
constexpr uint64_t kTableIsCoded = uint64_t{1} << 24;
constexpr size_t kSymbolBytesMax = 8;
constexpr size_t kSymbolsMax = 255;
constexpr size_t kSampleBytes = 32768;
constexpr size_t kSamplePieceBytes = 512;

// Where the codes of last bytes start in the table of those of two.
constexpr size_t kLastByte = 65536;

// Strings under way at once; bytes of text that they share, few enough to stay in a near cache,
// many enough that the lanes end at about the same time.
constexpr size_t kLanes = 4;
constexpr size_t kBlockBytes = size_t{64} << 10;

// What a step may write behind the codes of its lane.
constexpr size_t kLaneSlackBytes = 8;

// Codes while training: 0 to 255 are single bytes, then the symbols of the last round.
constexpr size_t kTrainingCodes = 512;

// The next bytes of a string, at most 8; zeros behind its end.
inline uint64_t LoadWord(const std::byte* at, size_t left) {
  uint64_t word = 0;
  if (left >= 8) {
    return io::LoadLe<uint64_t>(at);
  }
  std::memcpy(&word, at, left);
  return word;
}

inline uint64_t MaskOf(size_t length) {
  return length >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * length)) - 1;
}

// Pieces of strings spread evenly over the page, about kSampleBytes in all.
std::vector<std::span<const std::byte>> Sample(std::span<const std::byte> bytes,
                                               std::span<const uint64_t> offsets) {
  std::vector<std::span<const std::byte>> sample;
  if (offsets.size() < 2) {
    return sample;
  }
  const size_t num_values = offsets.size() - 1;
  const uint64_t total = offsets.back() - offsets.front();
  const auto add = [&](size_t i) {
    const uint64_t length = offsets[i + 1] - offsets[i];
    for (uint64_t at = 0; at < length; at += kSamplePieceBytes) {
      const uint64_t size = std::min<uint64_t>(kSamplePieceBytes, length - at);
      sample.push_back(bytes.subspan(offsets[i] + at, size));
      if (at >= kSampleBytes / 4) {
        break;  // one huge value is not the page
      }
    }
  };
  // As many evenly spaced values as make up the sample.
  const uint64_t average = std::max<uint64_t>(1, total / num_values);
  const size_t wanted =
      std::max<size_t>(4, static_cast<size_t>(kSampleBytes / std::min<uint64_t>(average, 4096)));
  if (wanted >= num_values) {
    for (size_t i = 0; i < num_values; ++i) {
      add(i);
    }
    return sample;
  }
  // Short runs of neighbours: a stride alone could fall in step with a period of the data.
  for (size_t k = 0; k < wanted; ++k) {
    const size_t i = k * num_values / wanted;
    add(i + k % std::max<size_t>(1, num_values / wanted));
  }
  return sample;
}

}  // namespace

FsstEncoder::FsstEncoder() {
  Clear();
}

void FsstEncoder::Clear() {
  num_symbols_ = 0;
  long_matches_.fill({});
  short_matches_.fill({});
  texts_[kEscape] = 1;
  masks_[kEscape] = 0;
}

inline size_t FsstEncoder::SlotOf(uint64_t text) {
  return static_cast<size_t>((text << 40) * 0x9e3779b97f4a7c15u >> (64 - kHashBits));
}

bool FsstEncoder::Add(const Symbol& symbol) {
  OG_DCHECK(num_symbols_ < kSymbolsMax);
  const Match match(static_cast<unsigned>(num_symbols_), symbol.length);
  if (symbol.length >= 3) {
    Match& slot = long_matches_[SlotOf(symbol.text)];
    if (slot.code() != kEscape) {
      return false;
    }
    slot = match;
    texts_[num_symbols_] = symbol.text;
    masks_[num_symbols_] = MaskOf(symbol.length);
  } else if (symbol.length == 2) {
    short_matches_[symbol.text & 0xffff] = match;
  } else {
    short_matches_[kLastByte + (symbol.text & 0xff)] = match;
    for (size_t next = 0; next < 256; ++next) {
      Match& two = short_matches_[(symbol.text & 0xff) | next << 8];
      if (two.length() != 2) {
        two = match;
      }
    }
  }
  symbols_[num_symbols_++] = symbol;
  return true;
}

// Without branches: what a text goes on with follows no pattern that a predictor could learn.
inline FsstEncoder::Match FsstEncoder::Find(uint64_t word, size_t left) const {
  const Match match = long_matches_[SlotOf(word)];
  const bool is_long =
      (match.length() <= left) & ((word & masks_[match.code()]) == texts_[match.code()]);
  const size_t two = left >= 2 ? word & 0xffff : kLastByte + (word & 0xff);
  return short_matches_[two].Or(match, is_long);
}

// The literal is written in any case and overwritten unless the code is an escape.
inline std::byte* FsstEncoder::Append(Match match, uint64_t word, std::byte* out) {
  out[0] = static_cast<std::byte>(match.code());
  out[1] = static_cast<std::byte>(word);
  return out + match.encoded_bytes();
}

// Grows the table in rounds, more of which find longer symbols: encode the sample, count symbols
// and pairs of neighbours, keep those that save the most.
class FsstTrainer {
 public:
  FsstTrainer(FsstEncoder& encoder, std::vector<std::span<const std::byte>> sample)
      : encoder_(encoder),
        sample_(std::move(sample)),
        pair_counts_(kTrainingCodes * kTrainingCodes) {}

  void Run() {
    constexpr size_t kRounds = 10;
    for (size_t round = 0; round < kRounds; ++round) {
      counts_.fill(0);
      const bool is_last = round + 1 == kRounds;
      // Early rounds look at part of the sample; the last one does not grow symbols any more.
      const size_t pieces = std::max<size_t>(1, sample_.size() * (round + 1) / kRounds);
      for (size_t i = 0; i < std::min(pieces, sample_.size()); ++i) {
        Count(sample_[i], is_last);
      }
      Select(is_last);
    }
  }

 private:
  struct Candidate {
    uint64_t text = 0;
    uint8_t length = 0;
    uint64_t gain = 0;
  };

  void Count(std::span<const std::byte> text, bool is_last) {
    size_t previous = kTrainingCodes;
    for (size_t at = 0; at < text.size();) {
      const size_t left = text.size() - at;
      const uint64_t word = LoadWord(text.data() + at, left);
      const FsstEncoder::Match match = encoder_.Find(word, left);
      const size_t length = match.length();
      const size_t current =
          match.code() == FsstEncoder::kEscape ? word & 0xff : 256 + match.code();
      ++counts_[current];
      // The first byte on its own stays a candidate: longer symbols may prove too rare.
      if (length > 1) {
        ++counts_[word & 0xff];
      }
      if (!is_last && previous != kTrainingCodes) {
        AddPair(previous, current);
        if (length > 1) {
          AddPair(previous, word & 0xff);
        }
      }
      previous = current;
      at += length;
    }
  }

  void AddPair(size_t first, size_t second) {
    uint16_t& count = pair_counts_[first * kTrainingCodes + second];
    if (count == 0) {
      pairs_.push_back(static_cast<uint32_t>(first * kTrainingCodes + second));
    }
    if (count != UINT16_MAX) {
      ++count;
    }
  }

  FsstEncoder::Symbol SymbolOf(size_t training_code) const {
    if (training_code < 256) {
      return {training_code, 1};
    }
    return encoder_.symbols_[training_code - 256];
  }

  void Select(bool is_last) {
    std::vector<Candidate> candidates;
    const auto offer = [&](const FsstEncoder::Symbol& symbol, uint64_t count) {
      // A byte without a code of its own costs two, so single bytes weigh more than their length.
      const uint64_t weight = symbol.length == 1 ? 8 : symbol.length;
      candidates.push_back({symbol.text, symbol.length, count * weight});
    };
    const uint32_t rare = is_last ? 2 : 1;
    for (size_t code = 0; code < 256 + encoder_.num_symbols_; ++code) {
      if (counts_[code] > rare) {
        offer(SymbolOf(code), counts_[code]);
      }
    }
    for (const uint32_t pair : pairs_) {
      const uint16_t count = std::exchange(pair_counts_[pair], uint16_t{0});
      const FsstEncoder::Symbol first = SymbolOf(pair / kTrainingCodes);
      if (count > rare && first.length < kSymbolBytesMax) {
        const FsstEncoder::Symbol second = SymbolOf(pair % kTrainingCodes);
        const size_t length = std::min<size_t>(kSymbolBytesMax, first.length + second.length);
        const uint64_t text = (first.text | second.text << (8 * first.length)) & MaskOf(length);
        offer({text, static_cast<uint8_t>(length)}, count);
      }
    }
    pairs_.clear();
    // Equal symbols from different pairs count together.
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
      return a.text != b.text ? a.text < b.text : a.length < b.length;
    });
    size_t kept = 0;
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (kept > 0 && candidates[kept - 1].text == candidates[i].text &&
          candidates[kept - 1].length == candidates[i].length) {
        candidates[kept - 1].gain += candidates[i].gain;
      } else {
        candidates[kept++] = candidates[i];
      }
    }
    candidates.resize(kept);
    const auto is_worse = [](const Candidate& a, const Candidate& b) {
      if (a.gain != b.gain) return a.gain < b.gain;
      if (a.length != b.length) return a.length < b.length;
      return a.text > b.text;
    };
    // Few of many are wanted, the best first.
    std::ranges::make_heap(candidates, is_worse);
    encoder_.Clear();
    while (!candidates.empty() && encoder_.num_symbols_ < kSymbolsMax) {
      std::ranges::pop_heap(candidates, is_worse);
      encoder_.Add({candidates.back().text, candidates.back().length});
      candidates.pop_back();
    }
  }

  FsstEncoder& encoder_;
  const std::vector<std::span<const std::byte>> sample_;
  std::array<uint32_t, kTrainingCodes> counts_{};
  std::vector<uint16_t> pair_counts_;
  std::vector<uint32_t> pairs_;  // non-zero entries of pair_counts_
};

std::unique_ptr<FsstEncoder> FsstEncoder::Train(std::span<const std::byte> bytes,
                                                std::span<const uint64_t> offsets) {
  auto encoder = std::unique_ptr<FsstEncoder>(new FsstEncoder());
  FsstTrainer(*encoder, Sample(bytes, offsets)).Run();
  return encoder;
}

std::byte* FsstEncoder::Encode(std::span<const std::byte> text, std::byte* out) const {
  while (!text.empty()) {
    const uint64_t word = LoadWord(text.data(), text.size());
    const Match match = Find(word, text.size());
    out = Append(match, word, out);
    text = text.subspan(match.length());
  }
  return out;
}

// Consecutive strings on their way to codes.
struct FsstEncoder::Lane {
  const std::byte* text = nullptr;  // what is left of the string under way
  const std::byte* end = nullptr;   // of it
  std::byte* out = nullptr;
  size_t string = 0;       // under way
  size_t strings_end = 0;  // behind the last one

  bool is_done() const { return string == strings_end; }
};

// Encodes what comes next in a lane. Ends of strings take no branch either: the text goes on with
// the next one. An empty string has nothing to encode, and does so.
inline void FsstEncoder::Step(const LaneInput& input, Lane& lane) const {
  const auto left = static_cast<size_t>(lane.end - lane.text);
  const auto word = io::LoadLe<uint64_t>(lane.text);
  const Match match = Find(word, left);
  const uint64_t is_text = uint64_t{0} - static_cast<uint64_t>(left != 0);
  lane.out[0] = static_cast<std::byte>(match.code());
  lane.out[1] = static_cast<std::byte>(word);
  lane.out += match.encoded_bytes() & is_text;
  lane.text += match.length() & is_text;
  input.code_ends[lane.string] = static_cast<uint64_t>(lane.out - input.out);
  lane.string += static_cast<size_t>(lane.text == lane.end);
  lane.end = input.bytes + input.offsets[lane.string + 1];
}

void FsstEncoder::EncodeBlock(const LaneInput& input, size_t begin, size_t end,
                              io::MutableBuffer& codes) const {
  const uint64_t first = input.offsets[begin];
  const uint64_t total = input.offsets[end] - first;
  std::array<Lane, kLanes> lanes;
  // Parts of about as many bytes.
  size_t next = begin;
  for (size_t i = 0; i < kLanes; ++i) {
    Lane& lane = lanes[i];
    lane.string = next;
    const uint64_t bytes_end = first + total * (i + 1) / kLanes;
    next = i + 1 == kLanes ? end
                           : static_cast<size_t>(std::lower_bound(input.offsets + next,
                                                                  input.offsets + end, bytes_end) -
                                                 input.offsets);
    lane.strings_end = next;
    lane.text = input.bytes + input.offsets[lane.string];
    lane.end = input.bytes + input.offsets[lane.string + 1];
    lane.out = input.out + (input.offsets[lane.string] - first) * 2 + i * kLaneSlackBytes;
  }
  const std::array<Lane, kLanes> starts = lanes;
  {
    Lane a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
    while (!(a.is_done() | b.is_done() | c.is_done() | d.is_done())) {
      Step(input, a);
      Step(input, b);
      Step(input, c);
      Step(input, d);
    }
    lanes = {a, b, c, d};
  }
  for (size_t i = 0; i < kLanes; ++i) {
    Lane& lane = lanes[i];
    while (!lane.is_done())
      Step(input, lane);
    const Lane& start = starts[i];
    const auto moved = codes.size() - static_cast<uint64_t>(start.out - input.out);
    for (size_t string = start.string; string < lane.strings_end; ++string)
      input.code_ends[string] += moved;
    codes.Append({start.out, lane.out});
  }
}

FsstEncoder::Codes FsstEncoder::EncodeAll(std::span<const std::byte> bytes,
                                          std::span<const uint64_t> offsets) const {
  Codes out;
  out.offsets.resize(offsets.size());
  out.offsets[0] = 0;
  const size_t num_strings = offsets.size() - 1;
  io::MutableBuffer codes;
  codes.Reserve((offsets.back() - offsets.front()) / 2 + kBlockBytes);
  io::MutableBuffer scratch;
  // Strings with a word behind them, and one more string.
  const size_t in_blocks =
      bytes.size() < sizeof(uint64_t) || num_strings == 0
          ? 0
          : static_cast<size_t>(std::upper_bound(offsets.begin() + 1, offsets.end() - 1,
                                                 bytes.size() - sizeof(uint64_t)) -
                                (offsets.begin() + 1));
  size_t string = 0;
  while (string < in_blocks) {
    const auto block_end = std::upper_bound(offsets.begin() + static_cast<ptrdiff_t>(string) + 1,
                                            offsets.begin() + static_cast<ptrdiff_t>(in_blocks),
                                            offsets[string] + kBlockBytes);
    const auto end = static_cast<size_t>(block_end - offsets.begin());
    scratch.Resize(2 * (offsets[end] - offsets[string]) + kLanes * kLaneSlackBytes);
    EncodeBlock({.bytes = bytes.data(),
                 .offsets = offsets.data(),
                 .out = scratch.data(),
                 .code_ends = out.offsets.data() + 1},
                string, end, codes);
    string = end;
  }
  for (; string < num_strings; ++string) {
    const auto text = bytes.subspan(offsets[string], offsets[string + 1] - offsets[string]);
    const size_t start = codes.size();
    codes.Resize(start + FsstEncodedBytesMax(text.size()));
    codes.Resize(static_cast<size_t>(Encode(text, codes.data() + start) - codes.data()));
    out.offsets[string + 1] = codes.size();
  }
  out.bytes = std::move(codes).Share();
  return out;
}

std::string FsstEncoder::Table() const {
  std::string table(kTableBytes, '\0');
  std::span<std::byte> bytes = std::as_writable_bytes(std::span(table));
  io::StoreLe(bytes, 0, kTableMagic | kTableIsCoded | uint64_t{num_symbols_});
  for (size_t i = 0; i < num_symbols_; ++i) {
    io::StoreLe(bytes, 8 + 8 * i, symbols_[i].text);
    io::StoreLe(bytes, 8 + 8 * num_symbols_ + i, symbols_[i].length);
  }
  return table;
}

}  // namespace og::format
