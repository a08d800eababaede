#include "io/base/json_writer.h"

#include <charconv>
#include <cmath>
#include <type_traits>
#include <utility>

#include "io/base/check.h"
#include "io/base/text.h"

namespace og::io {
namespace {

// The letter of a two-character escape, or 0.
char ShortEscape(char c) {
  switch (c) {
    case '"':
    case '\\':
      return c;
    case '\b':
      return 'b';
    case '\t':
      return 't';
    case '\n':
      return 'n';
    case '\f':
      return 'f';
    case '\r':
      return 'r';
    default:
      return 0;
  }
}

// Decimal exponents written without "e": serde_json's choice for each width.
template <typename T>
constexpr int kMinPlainExponent = std::is_same_v<T, float> ? -6 : -5;
template <typename T>
constexpr int kMaxPlainExponent = std::is_same_v<T, float> ? 12 : 15;

template <typename T>
void AppendFloat(std::string& out, T value) {
  if (!std::isfinite(value)) {
    out.append("null");
    return;
  }
  // Scientific form gives the shortest digits and the exponent; the layout below is serde_json's.
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  if (text.starts_with('-')) {
    out.push_back('-');
    text.remove_prefix(1);
  }
  const size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits.append(text.substr(2, e - 2));
  int exponent = 0;
  const char* exponent_start = text.data() + e + 1 + (text[e + 1] == '+' ? 1 : 0);
  std::from_chars(exponent_start, text.data() + text.size(), exponent);

  if (exponent < kMinPlainExponent<T> || exponent > kMaxPlainExponent<T>) {
    out.push_back(digits[0]);
    if (digits.size() > 1) out.append(".").append(digits, 1);
    out.append(exponent < 0 ? "e-" : "e+").append(StrCat(std::abs(exponent)));
    return;
  }
  if (exponent < 0) {
    out.append("0.").append(static_cast<size_t>(-exponent - 1), '0').append(digits);
    return;
  }
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    out.append(digits).append(whole - digits.size(), '0').append(".0");
    return;
  }
  out.append(digits, 0, whole).append(".").append(digits, whole);
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  out.push_back('"');
  size_t clean_from = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out.append(text, clean_from, i - clean_from);
    clean_from = i + 1;
    out.push_back('\\');
    if (const char letter = ShortEscape(text[i]); letter != 0) {
      out.push_back(letter);
    } else {
      out.append("u00").append(Hex(byte, 2));
    }
  }
  out.append(text, clean_from);
  out.push_back('"');
}

void AppendJsonFloat(std::string& out, double value) {
  AppendFloat(out, value);
}

void AppendJsonFloat(std::string& out, float value) {
  AppendFloat(out, value);
}

void JsonWriter::BreakLine() {
  if (style_ == Style::kCompact) return;
  out_.push_back('\n');
  out_.append(levels_.size() * 2, ' ');
}

void JsonWriter::BeforeValue() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) {
    OG_CHECK(!has_root_);
    has_root_ = true;
    return;
  }
  OG_CHECK(!levels_.back().is_object);
  if (std::exchange(levels_.back().has_elements, true)) out_.push_back(',');
  BreakLine();
}

void JsonWriter::Begin(bool is_object, char open) {
  BeforeValue();
  out_.push_back(open);
  levels_.push_back({is_object, false});
}

void JsonWriter::End(bool is_object, char close) {
  OG_CHECK(!levels_.empty() && levels_.back().is_object == is_object && !after_key_);
  const bool has_elements = levels_.back().has_elements;
  levels_.pop_back();
  if (has_elements) BreakLine();
  out_.push_back(close);
}

void JsonWriter::BeginObject() {
  Begin(true, '{');
}

void JsonWriter::EndObject() {
  End(true, '}');
}

void JsonWriter::BeginArray() {
  Begin(false, '[');
}

void JsonWriter::EndArray() {
  End(false, ']');
}

void JsonWriter::Key(std::string_view key) {
  OG_CHECK(!levels_.empty() && levels_.back().is_object && !after_key_);
  if (std::exchange(levels_.back().has_elements, true)) out_.push_back(',');
  BreakLine();
  AppendJsonString(out_, key);
  out_.append(style_ == Style::kPretty ? ": " : ":");
  after_key_ = true;
}

void JsonWriter::String(std::string_view value) {
  BeforeValue();
  AppendJsonString(out_, value);
}

void JsonWriter::Int(int64_t value) {
  BeforeValue();
  char digits[24];
  out_.append(digits, std::to_chars(digits, digits + sizeof(digits), value).ptr);
}

void JsonWriter::Uint(uint64_t value) {
  BeforeValue();
  char digits[24];
  out_.append(digits, std::to_chars(digits, digits + sizeof(digits), value).ptr);
}

void JsonWriter::Float(double value) {
  BeforeValue();
  AppendJsonFloat(out_, value);
}

void JsonWriter::Float(float value) {
  BeforeValue();
  AppendJsonFloat(out_, value);
}

void JsonWriter::Bool(bool value) {
  BeforeValue();
  out_.append(value ? "true" : "false");
}

void JsonWriter::Null() {
  BeforeValue();
  out_.append("null");
}

void JsonWriter::Raw(std::string_view json) {
  BeforeValue();
  out_.append(json);
}

std::string JsonWriter::Finish() && {
  OG_CHECK(has_root_ && levels_.empty() && !after_key_);
  return std::move(out_);
}

}  // namespace og::io
