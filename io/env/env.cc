#include "io/env/env.h"

#include <cstring>
#include <vector>

#include "io/base/text.h"

namespace og::io {
namespace {

constexpr char kCrockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

}  // namespace

void Env::FillRandom(std::span<std::byte> out) {
  for (size_t i = 0; i < out.size(); i += sizeof(uint64_t)) {
    const uint64_t word = RandomU64();
    std::memcpy(out.data() + i, &word, std::min(sizeof(word), out.size() - i));
  }
}

std::string Env::NewUlid() {
  const auto now_ms = static_cast<uint64_t>(NowUs()) / 1000;
  unsigned __int128 id;
  {
    MutexLock lock(ulid_mutex_);
    if (now_ms > ulid_ms_) {
      ulid_ms_ = now_ms;
      FillRandom(std::as_writable_bytes(std::span(ulid_tail_)));
    } else {
      // The same millisecond, or a clock that went back: one more than the last.
      size_t i = ulid_tail_.size();
      while (i > 0 && ++ulid_tail_[i - 1] == 0)
        --i;
      if (i == 0) ++ulid_ms_;
    }
    id = ulid_ms_;
    for (const uint8_t byte : ulid_tail_)
      id = id << 8 | byte;
  }
  std::string text(26, '0');
  for (size_t i = text.size(); i-- > 0; id >>= 5)
    text[i] = kCrockford[static_cast<size_t>(id) & 31];
  return text;
}

std::string Env::NewUuid() {
  std::array<uint8_t, 16> id;
  FillRandom(std::as_writable_bytes(std::span(id)));
  id[6] = static_cast<uint8_t>((id[6] & 0x0f) | 0x40);
  id[8] = static_cast<uint8_t>((id[8] & 0x3f) | 0x80);
  std::string text = HexBytes(std::as_bytes(std::span(id)));
  for (const size_t at : {8u, 13u, 18u, 23u})
    text.insert(at, 1, '-');
  return text;
}

std::optional<Durability> ParseDurability(std::string_view text) {
  for (const Durability durability : {Durability::kFull, Durability::kData, Durability::kNone}) {
    if (text == DurabilityName(durability)) return durability;
  }
  return std::nullopt;
}

std::string_view DurabilityName(Durability durability) {
  switch (durability) {
    case Durability::kFull:
      return "full";
    case Durability::kData:
      return "data";
    case Durability::kNone:
      break;
  }
  return "none";
}

std::string AbsolutePath(std::string_view path, std::string_view working_folder) {
  std::vector<std::string_view> segments;
  const auto add = [&segments](std::string_view part) {
    for (const std::string_view segment : Split(part, '/')) {
      if (segment.empty() || segment == ".") continue;
      if (segment != "..") {
        segments.push_back(segment);
      } else if (!segments.empty()) {
        segments.pop_back();
      }
    }
  };
  if (!path.starts_with('/')) add(working_folder);
  add(path);
  std::string absolute;
  for (const std::string_view segment : segments)
    absolute.append("/").append(segment);
  return absolute.empty() ? "/" : absolute;
}

}  // namespace og::io
