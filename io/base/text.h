// Text made from parts, and numbers as text, over std::string_view.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace og::io {

// One argument of StrCat: text, an integer, a character or a floating-point number (shortest
// round-trip digits).
class TextPart {
 public:
  TextPart(std::string_view text) : text_(text) {}          // NOLINT(google-explicit-constructor)
  TextPart(const std::string& text) : text_(text) {}        // NOLINT(google-explicit-constructor)
  TextPart(const char* text) : text_(text) {}               // NOLINT(google-explicit-constructor)
  TextPart(char c) : text_(digits_, 1) { digits_[0] = c; }  // NOLINT(google-explicit-constructor)
  TextPart(bool b) : text_(b ? "true" : "false") {}         // NOLINT(google-explicit-constructor)
  template <typename T>
    requires(std::integral<T> || std::floating_point<T>)
  TextPart(T value) {  // NOLINT(google-explicit-constructor)
    const auto end = std::to_chars(digits_, digits_ + sizeof(digits_), value).ptr;
    text_ = {digits_, static_cast<size_t>(end - digits_)};
  }
  TextPart(const TextPart&) = delete;
  TextPart& operator=(const TextPart&) = delete;

  std::string_view text() const { return text_; }

 private:
  char digits_[32];
  std::string_view text_;
};

std::string ConcatParts(std::span<const std::string_view> parts);

// "a" + 1 + 'c' -> "a1c".
template <typename... Parts>
std::string StrCat(const Parts&... parts) {
  return [](const auto&... converted) {
    const std::string_view views[] = {converted.text()..., std::string_view()};
    return ConcatParts(views);
  }(TextPart(parts)...);
}

// `value` in decimal, zero-padded to `width` digits.
std::string ZeroPadded(uint64_t value, int width);

// `value` in lower-case hexadecimal, zero-padded to `width` digits (0: no padding).
std::string Hex(uint64_t value, int width = 0);

// `bytes` as lower-case hexadecimal digits, two a byte.
std::string HexBytes(std::span<const std::byte> bytes);

// The whole of `text` as a decimal integer; nullopt if it is anything else or out of range.
std::optional<uint64_t> ParseUint64(std::string_view text);
std::optional<int64_t> ParseInt64(std::string_view text);

// `text` between `separator`s; "a,,b" has three parts, "" has one.
std::vector<std::string_view> Split(std::string_view text, char separator);

// `parts` with `separator` between.
std::string Join(std::span<const std::string> parts, std::string_view separator);

// `text` without leading and trailing ASCII white space.
std::string_view Trim(std::string_view text);

// The bytes of `text`.
inline std::span<const std::byte> AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace og::io
