// JSON text as serde_json writes it, byte for byte: hashes of the reference depend on it.
//
//   strings   '"' and '\' escaped; \b \t \n \f \r; other bytes below 0x20 as \u00xx, lower-case;
//             everything else raw, '/' and non-ASCII too. Text has to be UTF-8 already
//   integers  decimal
//   floats    shortest digits that read back equal; decimal for 0 and 1e-5 <= |x| < 1e16, with
//             ".0" when integral ("-0.0" too); otherwise "1e-6", "1.2345678901234568e+17"; NaN and
//             infinities are null. 32-bit floats are decimal for 1e-6 <= |x| < 1e13
//   pretty    two blanks a level, ": ", one element a line, empty containers "[]" and "{}"
//
// Keys keep the order of the calls. No newline at the end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace og::io {

// Appends `text` quoted and escaped.
void AppendJsonString(std::string& out, std::string_view text);

// Appends `value` in the float form above; the digits are the shortest for the type.
void AppendJsonFloat(std::string& out, double value);
void AppendJsonFloat(std::string& out, float value);

// A JSON document from start to end. Wrong nesting is a bug of the caller and stops the program.
// Thread-compatible.
class JsonWriter {
 public:
  enum class Style : uint8_t { kCompact, kPretty };

  explicit JsonWriter(Style style = Style::kCompact) : style_(style) {}

  void BeginObject();
  void EndObject();
  void BeginArray();
  void EndArray();

  // The name of the next value. REQUIRES: inside an object.
  void Key(std::string_view key);

  void String(std::string_view value);
  void Int(int64_t value);
  void Uint(uint64_t value);
  void Float(double value);
  void Float(float value);
  void Bool(bool value);
  void Null();

  // `json` as it is: one value, already JSON.
  void Raw(std::string_view json);

  // What has been written so far.
  const std::string& text() const { return out_; }

  // The document. REQUIRES: exactly one complete value was written.
  std::string Finish() &&;

 private:
  struct Level {
    bool is_object;
    bool has_elements;
  };

  // Comma, line and indent before a value; notes that a value was written.
  void BeforeValue();
  void BreakLine();
  void Begin(bool is_object, char open);
  void End(bool is_object, char close);

  Style style_;
  bool after_key_ = false;
  bool has_root_ = false;
  std::vector<Level> levels_;
  std::string out_;
};

}  // namespace og::io
