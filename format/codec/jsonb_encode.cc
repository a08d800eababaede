#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

#include "format/codec/jsonb.h"
#include "format/codec/jsonb_kinds.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

__extension__ typedef unsigned __int128 Wide;

// A parsed value. Containers have items; objects keys as well, in the order of the text.
struct Node {
  uint32_t kind = jsonb::kNull;  // kContainer for both containers
  bool is_object = false;
  std::string payload;  // of strings and numbers
  std::vector<std::string> keys;
  std::vector<Node> items;
};

// --- Numbers -------------------------------------------------------------------------------------

void AppendBe(uint64_t value, size_t num_bytes, std::string& out) {
  for (size_t i = num_bytes; i-- > 0;) {
    out += static_cast<char>(value >> (8 * i) & 0xff);
  }
}

Node NumberNode(uint8_t type, uint64_t value, size_t num_bytes) {
  Node node;
  node.kind = jsonb::kNumber;
  node.payload += static_cast<char>(type);
  AppendBe(value, num_bytes, node.payload);
  return node;
}

Node UnsignedNode(uint64_t value) {
  if (value == 0) {
    return NumberNode(jsonb::kZero, 0, 0);
  }
  const size_t num_bytes = value <= UINT8_MAX    ? 1
                           : value <= UINT16_MAX ? 2
                           : value <= UINT32_MAX ? 4
                                                 : 8;
  return NumberNode(jsonb::kUnsigned, value, num_bytes);
}

// REQUIRES: negative.
Node SignedNode(int64_t value) {
  const size_t num_bytes = value >= INT8_MIN    ? 1
                           : value >= INT16_MIN ? 2
                           : value >= INT32_MIN ? 4
                                                : 8;
  return NumberNode(jsonb::kSigned, static_cast<uint64_t>(value), num_bytes);
}

Node DoubleNode(double value) {
  if (std::isnan(value)) {
    return NumberNode(jsonb::kNan, 0, 0);
  }
  if (std::isinf(value)) {
    return NumberNode(value < 0 ? jsonb::kNegativeInfinity : jsonb::kInfinity, 0, 0);
  }
  return NumberNode(jsonb::kDouble, std::bit_cast<uint64_t>(value), sizeof(double));
}

// The whole number -`magnitude` or `magnitude`; a double if it is beyond 64 bits.
Node WholeNode(Wide magnitude, bool is_negative) {
  constexpr Wide kMinMagnitude = Wide{1} << 63;
  if (magnitude == 0 || (!is_negative && magnitude <= UINT64_MAX)) {
    return UnsignedNode(static_cast<uint64_t>(magnitude));
  }
  if (is_negative && magnitude <= kMinMagnitude) {
    return SignedNode(static_cast<int64_t>(~static_cast<uint64_t>(magnitude) + 1));
  }
  const auto value = static_cast<double>(magnitude);
  return DoubleNode(is_negative ? -value : value);
}

// --- Text ----------------------------------------------------------------------------------------

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<uint32_t> HexDigit(char c) {
  if (IsDigit(c)) return static_cast<uint32_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint32_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<uint32_t>(c - 'A' + 10);
  return std::nullopt;
}

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

// `code` is no half of a surrogate pair.
void AppendUtf8(uint32_t code, std::string& out) {
  const auto continuation = [&](int shift) {
    out += static_cast<char>(0x80 | (code >> shift & 0x3f));
  };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    continuation(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    continuation(6);
    continuation(0);
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    continuation(12);
    continuation(6);
    continuation(0);
  }
}

// One document, read once from front to back.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  absl::StatusOr<Node> Parse() {
    SkipSpace();
    if (AtEnd()) {
      return Node();
    }
    OG_ASSIGN_OR_RETURN(Node node, ParseValue(0));
    SkipSpace();
    return AtEnd() ? absl::StatusOr<Node>(std::move(node)) : Unexpected("the end");
  }

 private:
  bool AtEnd() const { return at_ == text_.size(); }
  bool Sees(char c) const { return !AtEnd() && text_[at_] == c; }
  bool SeesDigit() const { return !AtEnd() && IsDigit(text_[at_]); }

  bool Accept(char c) {
    if (!Sees(c)) {
      return false;
    }
    ++at_;
    return true;
  }

  absl::Status Unexpected(std::string_view wanted) const {
    return io::InvalidArgumentError(
        io::StrCat("not JSON: ", wanted, " expected at byte ", at_ + 1));
  }

  // White space, and \n, \r, \t and \x0C as they stand in text that was escaped once more.
  void SkipSpace() {
    while (!AtEnd()) {
      const std::string_view rest = text_.substr(at_);
      if (IsSpace(rest[0])) {
        ++at_;
      } else if (rest.starts_with("\\n") || rest.starts_with("\\r") || rest.starts_with("\\t")) {
        at_ += 2;
      } else if (rest.starts_with("\\x0C")) {
        at_ += 4;
      } else {
        return;
      }
    }
  }

  // Stands behind white space.
  absl::StatusOr<Node> ParseValue(int depth) {
    if (AtEnd()) {
      return Unexpected("a value");
    }
    const char c = text_[at_];
    if (c == '[' || c == '{') {
      if (depth == kJsonDepthMax) {
        return io::InvalidArgumentError(
            io::StrCat("JSON is nested deeper than ", kJsonDepthMax, " levels"));
      }
      return c == '[' ? ParseArray(depth + 1) : ParseObject(depth + 1);
    }
    if (c == '"' || c == '\'') {
      Node node;
      node.kind = jsonb::kString;
      OG_ASSIGN_OR_RETURN(node.payload, ParseString());
      return node;
    }
    if (IsDigit(c) || c == '-' || c == '+' || c == '.') {
      return ParseNumber();
    }
    Node node;
    if (AcceptWord("null")) return node;
    if (AcceptWord("nan")) return DoubleNode(std::numeric_limits<double>::quiet_NaN());
    if (AcceptWord("infinity")) return DoubleNode(std::numeric_limits<double>::infinity());
    if (AcceptWord("true")) {
      node.kind = jsonb::kTrue;
      return node;
    }
    if (AcceptWord("false")) {
      node.kind = jsonb::kFalse;
      return node;
    }
    return Unexpected("a value");
  }

  // `word` is in lower case, the text may be in any.
  bool AcceptWord(std::string_view word) {
    const std::string_view found = text_.substr(at_, word.size());
    if (!std::ranges::equal(found, word, {}, Lower)) {
      return false;
    }
    at_ += word.size();
    return true;
  }

  absl::StatusOr<Node> ParseArray(int depth) {
    ++at_;
    Node node;
    node.kind = jsonb::kContainer;
    SkipSpace();
    while (!Accept(']')) {
      if (!node.items.empty() && !Accept(',')) {
        return Unexpected("',' or ']'");
      }
      SkipSpace();
      if (Sees(',') || Sees(']')) {
        node.items.emplace_back();
      } else {
        OG_ASSIGN_OR_RETURN(Node item, ParseValue(depth));
        node.items.push_back(std::move(item));
      }
      SkipSpace();
    }
    return node;
  }

  absl::StatusOr<Node> ParseObject(int depth) {
    ++at_;
    Node node;
    node.kind = jsonb::kContainer;
    node.is_object = true;
    SkipSpace();
    while (!Accept('}')) {
      if (!node.items.empty() && !Accept(',')) {
        return Unexpected("',' or '}'");
      }
      SkipSpace();
      OG_ASSIGN_OR_RETURN(std::string key, ParseKey());
      SkipSpace();
      if (!Accept(':')) {
        return Unexpected("':'");
      }
      SkipSpace();
      OG_ASSIGN_OR_RETURN(Node item, ParseValue(depth));
      node.keys.push_back(std::move(key));
      node.items.push_back(std::move(item));
      SkipSpace();
    }
    return node;
  }

  absl::StatusOr<std::string> ParseKey() {
    if (Sees('"') || Sees('\'')) {
      return ParseString();
    }
    const auto is_part = [](char c) {
      const char lower = Lower(c);
      return IsDigit(c) || (lower >= 'a' && lower <= 'z') || c == '_' || c == '$' ||
             static_cast<uint8_t>(c) >= 0x80;
    };
    const size_t start = at_;
    while (!AtEnd() && is_part(text_[at_])) {
      ++at_;
    }
    if (at_ == start || IsDigit(text_[start])) {
      at_ = start;
      return Unexpected("a key");
    }
    return std::string(text_.substr(start, at_ - start));
  }

  // Stands at the quote.
  absl::StatusOr<std::string> ParseString() {
    const char quote = text_[at_++];
    std::string out;
    while (!AtEnd()) {
      const char c = text_[at_++];
      if (c == quote) {
        return out;
      }
      if (c == '\\') {
        OG_RETURN_IF_ERROR(ParseEscape(out));
      } else {
        out += c;
      }
    }
    return Unexpected("the end of the string");
  }

  // Stands behind the backslash.
  absl::Status ParseEscape(std::string& out) {
    constexpr std::pair<char, char> kEscapes[] = {{'\\', '\\'}, {'"', '"'},  {'/', '/'},
                                                  {'b', '\b'},  {'f', '\f'}, {'n', '\n'},
                                                  {'r', '\r'},  {'t', '\t'}};
    if (Accept('u')) {
      return ParseUnicodeEscape(out);
    }
    for (const auto& [letter, meaning] : kEscapes) {
      if (Accept(letter)) {
        out += meaning;
        return absl::OkStatus();
      }
    }
    return Unexpected("an escape");
  }

  // Stands behind \u. Surrogates without their other half stay text.
  absl::Status ParseUnicodeEscape(std::string& out) {
    const auto append_as_text = [&](std::string_view digits) {
      out += "\\u";
      out += digits;
    };
    OG_ASSIGN_OR_RETURN(const CodeUnit unit, ParseCodeUnit());
    if (unit.value < 0xd800 || unit.value > 0xdfff) {
      AppendUtf8(unit.value, out);
      return absl::OkStatus();
    }
    if (unit.value >= 0xdc00 || !text_.substr(at_).starts_with("\\u")) {
      append_as_text(unit.digits);
      return absl::OkStatus();
    }
    at_ += 2;
    OG_ASSIGN_OR_RETURN(const CodeUnit low, ParseCodeUnit());
    if (low.value < 0xdc00 || low.value > 0xdfff) {
      append_as_text(unit.digits);
      append_as_text(low.digits);
      return absl::OkStatus();
    }
    AppendUtf8(((unit.value - 0xd800) << 10 | (low.value - 0xdc00)) + 0x10000, out);
    return absl::OkStatus();
  }

  struct CodeUnit {
    uint32_t value = 0;
    std::string_view digits;
  };

  // XXXX or {XXXX}.
  absl::StatusOr<CodeUnit> ParseCodeUnit() {
    const bool has_braces = Accept('{');
    CodeUnit unit{.value = 0, .digits = text_.substr(at_, 4)};
    for (int i = 0; i < 4; ++i, ++at_) {
      const std::optional<uint32_t> digit = AtEnd() ? std::nullopt : HexDigit(text_[at_]);
      if (!digit) {
        return Unexpected("a hexadecimal digit");
      }
      unit.value = unit.value << 4 | *digit;
    }
    if (has_braces && !Accept('}')) {
      return Unexpected("'}'");
    }
    return unit;
  }

  absl::StatusOr<Node> ParseNumber() {
    const size_t start = at_;
    const bool is_negative = Accept('-');
    if (!is_negative) {
      Accept('+');
    }
    if (text_.substr(at_, 2) == "0x" || text_.substr(at_, 2) == "0X") {
      at_ += 2;
      return ParseHexNumber(is_negative);
    }
    const size_t first_digit = at_;
    const std::string_view digits = SkipDigits();
    const bool has_point = Accept('.');
    const std::string_view fraction = has_point ? SkipDigits() : std::string_view();
    if (digits.empty() && fraction.empty()) {
      at_ = first_digit;
      if (AcceptWord("infinity")) {
        const double infinity = std::numeric_limits<double>::infinity();
        return DoubleNode(is_negative ? -infinity : infinity);
      }
      if (!is_negative && AcceptWord("nan")) {
        return DoubleNode(std::numeric_limits<double>::quiet_NaN());
      }
      return Unexpected("a digit");
    }
    bool has_exponent = false;
    if (Accept('e') || Accept('E')) {
      has_exponent = true;
      if (!Accept('-')) {
        Accept('+');
      }
      if (SkipDigits().empty()) {
        return Unexpected("a digit");
      }
    }
    if (fraction.empty() && !has_exponent) {
      if (const std::optional<uint64_t> magnitude = io::ParseUint64(digits)) {
        return WholeNode(*magnitude, is_negative);
      }
    }
    double value = 0;
    const std::string_view number = text_.substr(start, at_ - start);
    if (!absl::SimpleAtod(absl::string_view(number.data(), number.size()), &value)) {
      return Unexpected("a number");
    }
    return DoubleNode(value);
  }

  std::string_view SkipDigits() {
    const size_t start = at_;
    while (SeesDigit()) {
      ++at_;
    }
    return text_.substr(start, at_ - start);
  }

  // Stands behind 0x.
  absl::StatusOr<Node> ParseHexNumber(bool is_negative) {
    size_t num_digits = 0;
    OG_ASSIGN_OR_RETURN(const Wide whole, ParseHexDigits(num_digits));
    if (!Accept('.')) {
      return WholeNode(whole, is_negative);
    }
    OG_ASSIGN_OR_RETURN(const Wide fraction, ParseHexDigits(num_digits));
    const double value = static_cast<double>(whole) + std::ldexp(static_cast<double>(fraction),
                                                                 -4 * static_cast<int>(num_digits));
    return DoubleNode(is_negative ? -value : value);
  }

  absl::StatusOr<Wide> ParseHexDigits(size_t& num_digits) {
    Wide value = 0;
    const size_t start = at_;
    while (!AtEnd()) {
      const std::optional<uint32_t> digit = HexDigit(text_[at_]);
      if (!digit) {
        break;
      }
      if (value >> 124 != 0) {
        return Unexpected("a number of at most 128 bits");
      }
      value = value << 4 | *digit;
      ++at_;
    }
    num_digits = at_ - start;
    return num_digits > 0 ? absl::StatusOr<Wide>(value) : Unexpected("a hexadecimal digit");
  }

  const std::string_view text_;
  size_t at_ = 0;
};

// --- Bytes ---------------------------------------------------------------------------------------

absl::Status EncodeContainer(const Node& node, std::string& out);

absl::Status SetEntry(size_t at, uint32_t kind, size_t length, std::string& out) {
  if (length > jsonb::kLengthMask) {
    return io::InvalidArgumentError(
        io::StrCat("a JSON value takes ", length, " bytes, more than ", jsonb::kLengthMask));
  }
  std::string entry;
  AppendBe(kind | length, sizeof(uint32_t), entry);
  out.replace(at, entry.size(), entry);
  return absl::OkStatus();
}

// Appends the payload of `node`, and sets its entry at `at`.
absl::Status EncodeElement(const Node& node, size_t at, std::string& out) {
  const size_t start = out.size();
  if (node.kind == jsonb::kContainer) {
    OG_RETURN_IF_ERROR(EncodeContainer(node, out));
  } else {
    out += node.payload;
  }
  return SetEntry(at, node.kind, out.size() - start, out);
}

// The positions of the keys in their order. kInvalidArgument if one is there twice.
absl::StatusOr<std::vector<size_t>> SortedKeys(const std::vector<std::string>& keys) {
  std::vector<size_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  const auto key_at = [&](size_t i) -> const std::string& { return keys[i]; };
  std::ranges::sort(order, {}, key_at);
  const auto twice = std::ranges::adjacent_find(order, {}, key_at);
  if (twice != order.end()) {
    return io::InvalidArgumentError(
        io::StrCat("a JSON object has the key \"", keys[*twice], "\" twice"));
  }
  return order;
}

absl::Status EncodeContainer(const Node& node, std::string& out) {
  const size_t count = node.items.size();
  if (count > jsonb::kCountMask) {
    return io::InvalidArgumentError(io::StrCat("a JSON value has ", count, " elements"));
  }
  AppendBe((node.is_object ? jsonb::kObject : jsonb::kArray) | count, sizeof(uint32_t), out);
  size_t entry = out.size();
  out.resize(out.size() + (count + node.keys.size()) * sizeof(uint32_t));
  if (!node.is_object) {
    for (const Node& item : node.items) {
      OG_RETURN_IF_ERROR(EncodeElement(item, entry, out));
      entry += sizeof(uint32_t);
    }
    return absl::OkStatus();
  }
  OG_ASSIGN_OR_RETURN(const std::vector<size_t> order, SortedKeys(node.keys));
  for (const size_t i : order) {
    out += node.keys[i];
    OG_RETURN_IF_ERROR(SetEntry(entry, jsonb::kString, node.keys[i].size(), out));
    entry += sizeof(uint32_t);
  }
  for (const size_t i : order) {
    OG_RETURN_IF_ERROR(EncodeElement(node.items[i], entry, out));
    entry += sizeof(uint32_t);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> EncodeJsonb(std::string_view text) {
  OG_ASSIGN_OR_RETURN(const Node root, Parser(text).Parse());
  std::string out;
  if (root.kind == jsonb::kContainer) {
    OG_RETURN_IF_ERROR(EncodeContainer(root, out));
    return out;
  }
  AppendBe(jsonb::kScalar, sizeof(uint32_t), out);
  const size_t entry = out.size();
  out.resize(entry + sizeof(uint32_t));
  OG_RETURN_IF_ERROR(EncodeElement(root, entry, out));
  return out;
}

}  // namespace og::format
