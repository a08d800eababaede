#include "format/codec/fsst_encoder.h"

#include <algorithm>
#include <cstring>
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

// Strings under way at once, and bytes below which that does not pay.
constexpr size_t kLanes = 4;
constexpr size_t kLanesBytesMin = 4096;

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
inline FsstEncoder::Match FsstEncoder::FindInside(uint64_t word) const {
  const Match match = long_matches_[SlotOf(word)];
  const bool is_long = (word & masks_[match.code()]) == texts_[match.code()];
  return short_matches_[word & 0xffff].Or(match, is_long);
}

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
      std::fill(pair_counts_.begin(), pair_counts_.end(), uint16_t{0});
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
      const uint16_t count = pair_counts_[pair];
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
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
      if (a.gain != b.gain) return a.gain > b.gain;
      if (a.length != b.length) return a.length > b.length;
      return a.text < b.text;
    });
    encoder_.Clear();
    for (const Candidate& candidate : candidates) {
      if (encoder_.num_symbols_ == kSymbolsMax) {
        break;
      }
      encoder_.Add({candidate.text, candidate.length});
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

// Strings [next, end) of `bytes`, one after the other, to a buffer of their own.
class FsstEncoder::Lane {
 public:
  Lane(const FsstEncoder& encoder, std::span<const std::byte> bytes,
       std::span<const uint64_t> offsets, size_t begin, size_t end, uint64_t* ends)
      : encoder_(encoder), bytes_(bytes), offsets_(offsets), next_(begin), end_(end), ends_(ends) {
    codes_.Resize((offsets[end] - offsets[begin]) / 2 + 4096);
  }

  // Where in the text of a string a lane is, and where its codes go.
  struct Place {
    const std::byte* text = nullptr;
    const std::byte* last_word = nullptr;  // the last place with 8 bytes of the string
    std::byte* out = nullptr;              // null: no more strings
  };

  // A string with at least 8 bytes, and 8 more behind it; what does not have them is encoded
  // meanwhile.
  Place Start() { return Next(codes_.data()); }

  // The string at `place` has fewer than 8 bytes left.
  [[gnu::noinline]] Place Finish(Place place) {
    for (size_t left = static_cast<size_t>(place.last_word + sizeof(uint64_t) - place.text);
         left > 0;) {
      const auto word = io::LoadLe<uint64_t>(place.text);
      const Match match = encoder_.Find(word, left);
      place.out = Append(match, word, place.out);
      place.text += match.length();
      left -= match.length();
    }
    ends_[next_++] = static_cast<uint64_t>(place.out - codes_.data());
    return Next(place.out);
  }

  std::span<const std::byte> codes() const { return codes_.span(); }

 private:
  Place Next(std::byte* out) {
    auto at = static_cast<size_t>(out - codes_.data());
    for (; next_ < end_; ++next_) {
      const uint64_t start = offsets_[next_];
      const uint64_t size = offsets_[next_ + 1] - start;
      if (codes_.size() - at < FsstEncodedBytesMax(size)) {
        codes_.Resize(std::max(codes_.size() * 2, at + FsstEncodedBytesMax(size)));
      }
      std::byte* const to = codes_.data() + at;
      if (size >= sizeof(uint64_t) && bytes_.size() - start - size >= sizeof(uint64_t)) {
        const std::byte* const text = bytes_.data() + start;
        return {text, text + size - sizeof(uint64_t), to};
      }
      at = static_cast<size_t>(encoder_.Encode(bytes_.subspan(start, size), to) - codes_.data());
      ends_[next_] = at;
    }
    codes_.Resize(at);
    return {};
  }

  const FsstEncoder& encoder_;
  const std::span<const std::byte> bytes_;
  const std::span<const uint64_t> offsets_;
  size_t next_;  // under way, or the next one
  const size_t end_;
  uint64_t* const ends_;  // of the codes of string i
  io::MutableBuffer codes_;
};

FsstEncoder::Codes FsstEncoder::EncodeAll(std::span<const std::byte> bytes,
                                          std::span<const uint64_t> offsets) const {
  Codes out;
  out.offsets.resize(offsets.size());
  out.offsets[0] = 0;
  const size_t num_strings = offsets.size() - 1;
  const uint64_t total = offsets.back() - offsets.front();
  const size_t num_lanes = total < kLanesBytesMin ? 1 : kLanes;
  // Parts of as many bytes, one for each lane.
  std::array<size_t, kLanes + 1> parts;
  parts.fill(num_strings);
  parts[0] = 0;
  for (size_t lane = 1; lane < num_lanes; ++lane) {
    const auto found =
        std::ranges::lower_bound(offsets, offsets.front() + total / num_lanes * lane);
    parts[lane] = std::min(static_cast<size_t>(found - offsets.begin()), num_strings);
  }
  const auto lane_of = [&](size_t lane) {
    return Lane(*this, bytes, offsets, parts[lane], parts[lane + 1], out.offsets.data() + 1);
  };
  std::array<Lane, kLanes> lanes = {lane_of(0), lane_of(1), lane_of(2), lane_of(3)};
  Lane::Place a = lanes[0].Start();
  Lane::Place b = lanes[1].Start();
  Lane::Place c = lanes[2].Start();
  Lane::Place d = lanes[3].Start();
  const auto step = [this](Lane& lane, Lane::Place& place) {
    const auto word = io::LoadLe<uint64_t>(place.text);
    const Match match = FindInside(word);
    place.out = Append(match, word, place.out);
    place.text += match.length();
    if (place.text > place.last_word) [[unlikely]] {
      place = lane.Finish(place);
    }
  };
  while (a.out != nullptr && b.out != nullptr && c.out != nullptr && d.out != nullptr) {
    step(lanes[0], a);
    step(lanes[1], b);
    step(lanes[2], c);
    step(lanes[3], d);
  }
  const std::array<Lane::Place, kLanes> places = {a, b, c, d};
  io::MutableBuffer codes;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    for (Lane::Place place = places[lane]; place.out != nullptr;) {
      step(lanes[lane], place);
    }
    for (size_t i = parts[lane]; i < parts[lane + 1]; ++i) {
      out.offsets[i + 1] += codes.size();
    }
    codes.Append(lanes[lane].codes());
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
