#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include <utf8proc.h>

#include "engine/expr/pattern.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

constexpr int kMaxNesting = 250;       // groups and classes, as in the reference
constexpr uint32_t kMaxRepeat = 1000;  // RE2's limit

// What the classes of Unicode hold, as items of an RE2 class. Word characters are Alphabetic (the
// letters, letter numbers and circled letters), marks, digits, connectors and joiners.
constexpr std::string_view kDigit = "\\p{Nd}";
constexpr std::string_view kNotDigit = "\\P{Nd}";
constexpr std::string_view kSpace =
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"
    "\\x{205f}\\x{3000}";
constexpr std::string_view kNotSpace =
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"
    "\\x{3001}-\\x{10ffff}";
constexpr std::string_view kWord =
    "\\p{L}\\p{Nl}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}"
    "\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}";

struct CategoryName {
  std::string_view name;  // lower case, without blanks, dashes and underscores
  std::string_view re2;
};

constexpr CategoryName kCategories[] = {
    {"casedletter", ""},
    {"closepunctuation", "Pe"},
    {"connectorpunctuation", "Pc"},
    {"control", "Cc"},
    {"currencysymbol", "Sc"},
    {"dashpunctuation", "Pd"},
    {"decimalnumber", "Nd"},
    {"enclosingmark", "Me"},
    {"finalpunctuation", "Pf"},
    {"format", "Cf"},
    {"initialpunctuation", "Pi"},
    {"letter", "L"},
    {"letternumber", "Nl"},
    {"lineseparator", "Zl"},
    {"lowercaseletter", "Ll"},
    {"mark", "M"},
    {"mathsymbol", "Sm"},
    {"modifierletter", "Lm"},
    {"modifiersymbol", "Sk"},
    {"nonspacingmark", "Mn"},
    {"number", "N"},
    {"openpunctuation", "Ps"},
    {"otherletter", "Lo"},
    {"othernumber", "No"},
    {"otherpunctuation", "Po"},
    {"othersymbol", "So"},
    {"paragraphseparator", "Zp"},
    {"privateuse", "Co"},
    {"punctuation", "P"},
    {"punct", "P"},
    {"separator", "Z"},
    {"spaceseparator", "Zs"},
    {"spacingmark", "Mc"},
    {"symbol", "S"},
    {"titlecaseletter", "Lt"},
    {"uppercaseletter", "Lu"},
};

// The general categories that RE2 has under the same name. It reads "C" without the unassigned.
constexpr std::string_view kShortCategories[] = {
    "cc", "cf", "co", "l",  "ll", "lm", "lo", "lt", "lu", "m",  "mc", "me",
    "mn", "n",  "nd", "nl", "no", "p",  "pc", "pd", "pe", "pf", "pi", "po",
    "ps", "s",  "sc", "sk", "sm", "so", "z",  "zl", "zp", "zs"};

constexpr std::string_view kAsciiClasses[] = {"alnum", "alpha", "ascii", "blank", "cntrl",
                                              "digit", "graph", "lower", "print", "punct",
                                              "space", "upper", "word",  "xdigit"};

absl::Status Invalid(std::string_view message) {
  return io::InvalidArgumentError(message);
}

absl::Status Lacking(std::string_view what) {
  return io::UnimplementedError(io::StrCat(what, " are not supported"));
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsAlphanumeric(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string Literal(uint32_t c) {
  if (c < 0x80 && IsAlphanumeric(static_cast<char>(c))) return std::string(1, static_cast<char>(c));
  char digits[8];
  const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), c, 16);
  return io::StrCat("\\x{", std::string_view(digits, static_cast<size_t>(end - digits)), "}");
}

// The name of a script as RE2 spells it: words with a capital, joined by underscores.
std::string ScriptName(std::string_view name) {
  std::string script;
  bool starts = true;
  for (const char c : name) {
    if (c == ' ' || c == '-' || c == '_') {
      script += '_';
      starts = true;
      continue;
    }
    const bool upper = c >= 'A' && c <= 'Z';
    const bool lower = c >= 'a' && c <= 'z';
    script += starts && lower    ? static_cast<char>(c - 'a' + 'A')
              : !starts && upper ? static_cast<char>(c - 'A' + 'a')
                                 : c;
    starts = false;
  }
  return script;
}

std::string LooseName(std::string_view name) {
  std::string loose;
  for (const char c : name) {
    if (c == ' ' || c == '-' || c == '_') continue;
    loose += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (loose.starts_with("is") && loose.size() > 2) loose.erase(0, 2);
  return loose;
}

// One escape: a character, or a class.
struct Escape {
  std::optional<uint32_t> character;
  std::string items;    // of a class, for use between brackets
  std::string outside;  // of a class or an assertion, outside of brackets
  bool is_class() const { return !items.empty() || !outside.empty(); }
};

class Translator {
 public:
  explicit Translator(std::string_view text) : text_(text) {}

  absl::StatusOr<TranslatedPattern> Translate() {
    while (SkipBlanks(), !AtEnd()) {
      OG_RETURN_IF_ERROR(Part());
    }
    if (!groups_.empty()) return Invalid("unclosed group");
    return TranslatedPattern{.text = std::move(out_), .group_names = std::move(group_names_)};
  }

 private:
  struct Group {
    size_t begin;  // in out_
    bool verbose;  // outside of the group
  };

  bool AtEnd() const { return at_ >= text_.size(); }
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool Take(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  uint32_t Character() {
    utf8proc_int32_t c = 0;
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text_.data()) + at_;
    const auto left = static_cast<utf8proc_ssize_t>(text_.size() - at_);
    const utf8proc_ssize_t size = utf8proc_iterate(bytes, left, &c);
    if (size <= 0) return static_cast<unsigned char>(text_[at_++]);
    at_ += static_cast<size_t>(size);
    return static_cast<uint32_t>(c);
  }

  // Blanks and comments mean nothing in x-mode.
  void SkipBlanks() {
    while (verbose_ && !AtEnd()) {
      const size_t start = at_;
      if (Peek() == '#') {
        while (!AtEnd() && Peek() != '\n')
          ++at_;
        continue;
      }
      const uint32_t c = Character();
      const bool blank = (c >= 0x9 && c <= 0xd) || c == 0x20 || c == 0x85 || c == 0xa0 ||
                         c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
                         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
      if (!blank) {
        at_ = start;
        return;
      }
    }
  }

  // Ends one unit that a repetition may follow.
  void Atom(size_t begin) {
    atom_ = begin;
    repeated_ = false;
  }

  absl::Status Part() {
    const size_t begin = out_.size();
    switch (Peek()) {
      case '(':
        return OpenGroup();
      case ')':
        return CloseGroup();
      case '|':
        ++at_;
        out_ += '|';
        atom_.reset();
        return absl::OkStatus();
      case '[':
        OG_RETURN_IF_ERROR(Class());
        break;
      case '?':
      case '*':
      case '+':
        return Repeat(std::string(1, text_[at_++]));
      case '{':
        return CountedRepeat();
      case '.':
      case '^':
      case '$':
        out_ += text_[at_++];
        break;
      case '\\': {
        OG_ASSIGN_OR_RETURN(const Escape escape, TakeEscape());
        out_ += escape.character ? Literal(*escape.character) : escape.outside;
        break;
      }
      default:
        out_ += Literal(Character());
    }
    Atom(begin);
    return absl::OkStatus();
  }

  absl::Status Repeat(std::string_view op) {
    if (!atom_) return Invalid("repetition operator missing expression");
    // RE2 refuses to repeat what is repeated already.
    if (repeated_) {
      out_.insert(*atom_, "(?:");
      out_ += ')';
    }
    out_ += op;
    if (Take("?")) out_ += '?';
    repeated_ = true;
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<uint32_t>> Decimal() {
    SkipBlanks();
    const size_t begin = at_;
    while (IsDigit(Peek()))
      ++at_;
    const std::string_view digits = text_.substr(begin, at_ - begin);
    SkipBlanks();
    if (digits.empty()) return std::nullopt;
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc()) return Invalid("repetition count is too large");
    return number;
  }

  absl::Status CountedRepeat() {
    if (!atom_) return Invalid("repetition operator missing expression");
    ++at_;
    OG_ASSIGN_OR_RETURN(const std::optional<uint32_t> min, Decimal());
    if (!min) return Invalid("repetition quantifier expects a valid decimal");
    std::optional<uint32_t> max = min;
    std::string op = io::StrCat("{", *min);
    if (Take(",")) {
      OG_ASSIGN_OR_RETURN(max, Decimal());
      op += max ? io::StrCat(",", *max) : ",";
    }
    if (!Take("}")) return Invalid("unclosed counted repetition");
    SkipBlanks();
    if (max && *max < *min) return Invalid("invalid repetition count range");
    if (std::max(*min, max.value_or(0)) > kMaxRepeat) {
      return Lacking(io::StrCat("more than ", kMaxRepeat, " repetitions"));
    }
    return Repeat(io::StrCat(op, "}"));
  }

  // --- groups

  absl::Status OpenGroup() {
    const size_t begin = out_.size();
    ++at_;
    SkipBlanks();
    for (const std::string_view look : {"?=", "?!", "?<=", "?<!"}) {
      if (text_.substr(at_).starts_with(look)) return Invalid("look-around is not supported");
    }
    const bool outer_verbose = verbose_;
    std::string open = "(";
    if (Take("?P<") || Take("?<")) {
      OG_RETURN_IF_ERROR(GroupName());
    } else if (Peek() != '?') {
      group_names_.emplace_back();
    } else if (Take("?")) {
      OG_ASSIGN_OR_RETURN(const std::string flags, Flags());
      if (Take(")")) {
        out_ += flags.empty() ? "" : io::StrCat("(?", flags, ")");
        atom_.reset();
        return absl::OkStatus();
      }
      ++at_;  // the colon
      open = io::StrCat("(?", flags, ":");
    }
    if (groups_.size() >= kMaxNesting) return Invalid("groups nest too deeply");
    groups_.push_back({.begin = begin, .verbose = outer_verbose});
    out_ += open;
    atom_.reset();
    return absl::OkStatus();
  }

  absl::Status CloseGroup() {
    if (groups_.empty()) return Invalid("unopened group");
    ++at_;
    out_ += ')';
    verbose_ = groups_.back().verbose;
    Atom(groups_.back().begin);
    groups_.pop_back();
    return absl::OkStatus();
  }

  absl::Status GroupName() {
    const size_t end = text_.find('>', at_);
    if (end == std::string_view::npos) return Invalid("unclosed capture group name");
    const std::string name(text_.substr(at_, end - at_));
    if (name.empty()) return Invalid("empty capture group name");
    for (size_t i = 0; i < name.size(); ++i) {
      const char c = name[i];
      const bool later = IsDigit(c) || c == '.' || c == '[' || c == ']';
      const bool letter = c == '_' || (IsAlphanumeric(c) && !IsDigit(c)) || (c & 0x80) != 0;
      if (!letter && (i == 0 || !later)) return Invalid("invalid capture group character");
    }
    if (std::ranges::find(group_names_, name) != group_names_.end()) {
      return Invalid("duplicate capture group name");
    }
    group_names_.push_back(name);
    at_ = end + 1;
    return absl::OkStatus();
  }

  // The flags up to ":" or ")", without those that RE2 does not know.
  absl::StatusOr<std::string> Flags() {
    std::string seen;
    std::string flags;
    bool negated = false;
    for (; !AtEnd() && Peek() != ':' && Peek() != ')'; ++at_) {
      const char c = Peek();
      if (seen.find(c) != std::string::npos) return Invalid("duplicate flag");
      seen += c;
      switch (c) {
        case '-':
          negated = true;
          flags += '-';
          break;
        case 'i':
        case 'm':
        case 's':
        case 'U':
          flags += c;
          break;
        case 'x':
          verbose_ = !negated;
          break;
        case 'u':
          if (negated) return Lacking("patterns without Unicode (flag -u)");
          break;
        case 'R':
          if (!negated) return Lacking("lines that end in CR LF (flag R)");
          break;
        default:
          return Invalid("unrecognized flag");
      }
    }
    if (AtEnd()) return Invalid("unclosed group");
    if (seen.ends_with('-')) return Invalid("dangling flag negation operator");
    if (seen.empty() && Peek() == ')') return Invalid("repetition operator missing expression");
    if (flags.ends_with('-')) flags.pop_back();
    return flags;
  }

  // --- classes

  absl::Status Class() {
    ++at_;
    SkipBlanks();
    const bool negated = Take("^");
    std::string items;
    OG_RETURN_IF_ERROR(ClassItems(items));
    out_ += io::StrCat(negated ? "[^" : "[", items, "]");
    return absl::OkStatus();
  }

  // The items up to and with the closing bracket.
  absl::Status ClassItems(std::string& items) {
    if (++class_depth_ > kMaxNesting) return Invalid("classes nest too deeply");
    SkipBlanks();
    while (Take("-")) {
      items += Literal('-');
      SkipBlanks();
    }
    if (items.empty() && Take("]")) items += Literal(']');
    for (;;) {
      SkipBlanks();
      if (AtEnd()) return Invalid("unclosed character class");
      if (Take("]")) break;
      if (Peek() == '[') {
        OG_RETURN_IF_ERROR(InnerClass(items));
        continue;
      }
      for (const std::string_view operation : {"&&", "--", "~~"}) {
        if (text_.substr(at_).starts_with(operation)) return Lacking("operations on classes");
      }
      OG_RETURN_IF_ERROR(ClassRange(items));
    }
    --class_depth_;
    return absl::OkStatus();
  }

  absl::Status InnerClass(std::string& items) {
    for (const std::string_view name : kAsciiClasses) {
      for (const std::string_view no : {"", "^"}) {
        const std::string spelled = io::StrCat("[:", no, name, ":]");
        if (!Take(spelled)) continue;
        items += spelled;
        return absl::OkStatus();
      }
    }
    ++at_;
    SkipBlanks();
    if (Peek() == '^') return Lacking("negated classes inside classes");
    std::string inner;
    OG_RETURN_IF_ERROR(ClassItems(inner));
    items += inner;
    return absl::OkStatus();
  }

  absl::StatusOr<Escape> ClassItem() {
    if (Peek() != '\\') return Escape{.character = Character(), .items = "", .outside = ""};
    OG_ASSIGN_OR_RETURN(const Escape escape, TakeEscape());
    if (escape.is_class() && escape.items.empty()) return Invalid("invalid escape in a class");
    return escape;
  }

  // The next character after blanks in x-mode, one ahead of the cursor.
  char PeekBehindBlanks() {
    const size_t start = at_;
    ++at_;
    SkipBlanks();
    const char c = Peek();
    at_ = start;
    return c;
  }

  absl::Status ClassRange(std::string& items) {
    OG_ASSIGN_OR_RETURN(const Escape first, ClassItem());
    SkipBlanks();
    if (Peek() != '-' || PeekBehindBlanks() == ']' || PeekBehindBlanks() == '-') {
      if (first.character) {
        items += Literal(*first.character);
        return absl::OkStatus();
      }
      if (first.items == "\\W") return Lacking("\\W inside classes");
      items += first.items;
      return absl::OkStatus();
    }
    ++at_;
    SkipBlanks();
    if (AtEnd()) return Invalid("unclosed character class");
    OG_ASSIGN_OR_RETURN(const Escape last, ClassItem());
    if (!first.character || !last.character) return Invalid("invalid range in a class");
    if (*first.character > *last.character) return Invalid("invalid character class range");
    items += io::StrCat(Literal(*first.character), "-", Literal(*last.character));
    return absl::OkStatus();
  }

  // --- escapes

  static Escape ClassOf(std::string_view items, bool negated = false) {
    return {.character = std::nullopt,
            .items = negated ? std::string() : std::string(items),
            .outside = io::StrCat(negated ? "[^" : "[", items, "]")};
  }

  absl::StatusOr<Escape> TakeEscape() {
    ++at_;
    if (AtEnd()) return Invalid("incomplete escape sequence");
    const char c = Peek();
    const auto character = [&](uint32_t code) {
      ++at_;
      return Escape{.character = code, .items = "", .outside = ""};
    };
    if (IsDigit(c)) return Invalid("backreferences are not supported");
    if (c == 'x' || c == 'u' || c == 'U') return Hex();
    if (c == 'p' || c == 'P') return UnicodeClass();
    if (c == '<' || c == '>' || c == 'b' || c == 'B') {
      if (class_depth_ > 0) return Invalid("invalid escape in a class");
      return Lacking(io::StrCat("word boundaries (\\", std::string_view(&text_[at_], 1), ")"));
    }
    if ((c & 0x80) != 0) return Invalid("unrecognized escape sequence");
    if (!IsAlphanumeric(c)) return character(static_cast<unsigned char>(c));
    switch (c) {
      case 'a':
        return character(0x7);
      case 'f':
        return character(0xc);
      case 't':
        return character('\t');
      case 'n':
        return character('\n');
      case 'r':
        return character('\r');
      case 'v':
        return character(0xb);
      case 'A':
      case 'z':
        ++at_;
        return Escape{.character = std::nullopt,
                      .items = "",
                      .outside = io::StrCat("\\", std::string_view(&text_[at_ - 1], 1))};
      default:
        break;
    }
    ++at_;
    switch (c) {
      case 'd':
        return ClassOf(kDigit);
      case 'D':
        return ClassOf(kNotDigit);
      case 's':
        return ClassOf(kSpace);
      case 'S':
        return ClassOf(kNotSpace);
      case 'w':
        return ClassOf(kWord);
      case 'W': {
        Escape escape = ClassOf(kWord, true);
        escape.items = "\\W";
        return escape;
      }
      default:
        return Invalid("unrecognized escape sequence");
    }
  }

  absl::StatusOr<Escape> Hex() {
    const char kind = text_[at_++];
    SkipBlanks();
    std::string digits;
    if (Peek() == '{') {
      for (++at_, SkipBlanks(); !AtEnd() && Peek() != '}'; SkipBlanks())
        digits += text_[at_++];
      if (!Take("}")) return Invalid("incomplete escape sequence");
    } else {
      const size_t wanted = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
      for (; digits.size() < wanted && !AtEnd(); SkipBlanks())
        digits += text_[at_++];
      if (digits.size() < wanted) return Invalid("incomplete escape sequence");
    }
    uint32_t code = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    const bool whole = error == std::errc() && end == digits.data() + digits.size();
    if (!whole || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      return Invalid("hexadecimal literal is not a Unicode scalar value");
    }
    return Escape{.character = code, .items = "", .outside = ""};
  }

  absl::StatusOr<Escape> UnicodeClass() {
    bool negated = text_[at_++] == 'P';
    SkipBlanks();
    if (AtEnd()) return Invalid("incomplete escape sequence");
    std::string name;
    if (Take("{")) {
      for (SkipBlanks(); !AtEnd() && Peek() != '}'; SkipBlanks())
        name += text_[at_++];
      if (!Take("}")) return Invalid("incomplete escape sequence");
    } else {
      if (Peek() == '\\') return Invalid("invalid Unicode character class");
      const size_t begin = at_;
      Character();
      name = text_.substr(begin, at_ - begin);
    }
    std::string key;
    if (const size_t split = name.find_first_of(":="); split != std::string::npos) {
      const bool unequal = split > 0 && name[split] == '=' && name[split - 1] == '!';
      negated = negated != unequal;
      key = LooseName(name.substr(0, unequal ? split - 1 : split));
      name.erase(0, split + 1);
    }
    OG_ASSIGN_OR_RETURN(const std::string known, KnownClass(key, name));
    const std::string items = io::StrCat(negated ? "\\P{" : "\\p{", known, "}");
    return Escape{.character = std::nullopt, .items = items, .outside = items};
  }

  static absl::StatusOr<std::string> KnownClass(std::string_view key, std::string_view name) {
    const bool any_key = key.empty();
    if (any_key || key == "gc" || key == "generalcategory") {
      const std::string loose = LooseName(name);
      for (const std::string_view category : kShortCategories) {
        if (loose != category) continue;
        std::string spelled(category);
        spelled[0] = static_cast<char>(spelled[0] - 'a' + 'A');
        return spelled;
      }
      for (const CategoryName& category : kCategories) {
        if (loose == category.name && !category.re2.empty()) return std::string(category.re2);
      }
      if (!any_key) return Lacking(io::StrCat("Unicode classes like \\p{", name, "}"));
    }
    if (!any_key && key != "sc" && key != "script") {
      return Lacking(io::StrCat("Unicode classes like \\p{", name, "}"));
    }
    return ScriptName(name);
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string out_;
  std::optional<size_t> atom_;  // where in out_ what a repetition would repeat begins
  bool repeated_ = false;       // it ends with a repetition
  bool verbose_ = false;        // x-mode
  int class_depth_ = 0;
  std::vector<Group> groups_;
  std::vector<std::string> group_names_;
};

}  // namespace

absl::StatusOr<TranslatedPattern> TranslatePattern(std::string_view pattern) {
  return Translator(pattern).Translate();
}

}  // namespace og::engine::expr
