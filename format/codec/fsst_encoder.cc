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
  long_codes_.fill(kEscape);
  short_codes_.fill({});
  byte_codes_.fill({});
}

size_t FsstEncoder::SlotOf(uint64_t text) {
  const uint64_t prefix = text & 0xffffff;
  return static_cast<size_t>((prefix * 2971215073u >> 15) ^ prefix) & (kHashSlots - 1);
}

bool FsstEncoder::Add(const Symbol& symbol) {
  OG_DCHECK(num_symbols_ < kSymbolsMax);
  const auto code = static_cast<uint8_t>(num_symbols_);
  if (symbol.length >= 3) {
    uint8_t& slot = long_codes_[SlotOf(symbol.text)];
    if (slot != kEscape) {
      return false;
    }
    slot = code;
  } else if (symbol.length == 2) {
    short_codes_[symbol.text & 0xffff] = {code, 2};
  } else {
    byte_codes_[symbol.text & 0xff] = {code, 1};
    for (size_t next = 0; next < 256; ++next) {
      ShortCode& two = short_codes_[(symbol.text & 0xff) | next << 8];
      if (two.length != 2) {
        two = {code, 1};
      }
    }
  }
  symbols_[num_symbols_++] = symbol;
  return true;
}

inline FsstEncoder::Match FsstEncoder::Find(uint64_t word, size_t left) const {
  if (const unsigned code = long_codes_[SlotOf(word)]; code != kEscape) {
    const Symbol& symbol = symbols_[code];
    if (symbol.length <= left && (word ^ symbol.text) << (64 - 8 * symbol.length) == 0) {
      return {code, symbol.length};
    }
  }
  const ShortCode& two = left >= 2 ? short_codes_[word & 0xffff] : byte_codes_[word & 0xff];
  return two.length == 0 ? Match{} : Match{two.code, two.length};
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
      const auto [code, length] = encoder_.Find(word, left);
      const size_t current = code == FsstEncoder::kEscape ? word & 0xff : 256 + code;
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

std::byte* FsstEncoder::EncodeWithin(const std::byte* text, size_t size,
                                     const std::byte* readable_end, std::byte* out) const {
  while (size > 0) {
    const bool is_open = readable_end - text >= 8;
    const uint64_t word = is_open ? io::LoadLe<uint64_t>(text) : LoadWord(text, size);
    const auto [code, length] = Find(word, size);
    // The literal is written in any case and overwritten unless the code was an escape.
    out[0] = static_cast<std::byte>(code);
    out[1] = text[0];
    out += code == kEscape ? 2 : 1;
    text += length;
    size -= length;
  }
  return out;
}

std::byte* FsstEncoder::Encode(std::span<const std::byte> text, std::byte* out) const {
  return EncodeWithin(text.data(), text.size(), text.data() + text.size(), out);
}

FsstEncoder::Codes FsstEncoder::EncodeAll(std::span<const std::byte> bytes,
                                          std::span<const uint64_t> offsets) const {
  Codes out;
  out.offsets.reserve(offsets.size());
  out.offsets.push_back(0);
  const std::byte* const readable_end = bytes.data() + bytes.size();
  io::MutableBuffer codes(bytes.size() / 2 + 4096);
  size_t end = 0;
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    const uint64_t size = offsets[i + 1] - offsets[i];
    if (codes.size() - end < FsstEncodedBytesMax(size)) {
      codes.Resize(std::max(codes.size() * 2, end + FsstEncodedBytesMax(size)));
    }
    end = static_cast<size_t>(
        EncodeWithin(bytes.data() + offsets[i], size, readable_end, codes.data() + end) -
        codes.data());
    out.offsets.push_back(end);
  }
  codes.Resize(end);
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
