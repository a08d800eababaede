// Functions of texts. Positions and lengths count characters.
#include <algorithm>
#include <cctype>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <utf8proc.h>

#include "engine/expr/functions.h"
#include "engine/expr/row_values.h"
#include "format/arrow/builder.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

using format::ArrayPtr;
using format::TypeId;

// Longest text that a function makes.
constexpr int64_t kTextBytesMax = int64_t{64} << 20;

absl::Status BadRequest(std::string_view message) {
  return io::DetailedError({io::ErrorKind::kBadRequest, "", {}}, message);
}

size_t CharacterBytes(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0u) == 0x80u)
    ++end;
  return end - at;
}

std::vector<std::string_view> CharactersOf(std::string_view text) {
  std::vector<std::string_view> characters;
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = CharacterBytes(text, at);
    characters.push_back(text.substr(at, bytes));
    at += bytes;
  }
  return characters;
}

int64_t CountCharacters(std::string_view text) {
  return std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; });
}

std::string MapCharacters(std::string_view text, utf8proc_int32_t (*map)(utf8proc_int32_t)) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t code = 0;
    const auto read = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                       static_cast<utf8proc_ssize_t>(text.size() - at), &code);
    if (read <= 0) {
      result += text[at++];
      continue;
    }
    utf8proc_uint8_t bytes[4];
    const auto written = utf8proc_encode_char(map(code), bytes);
    result.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(written));
    at += static_cast<size_t>(read);
  }
  return result;
}

// concat: nulls count as empty; ||: one null makes the whole null; concat_ws: the first text stands
// between the others that are not null.
absl::StatusOr<ArrayPtr> Join(Function function, std::span<const ArrayPtr> args) {
  std::vector<ArrayPtr> texts;
  bool is_large = false;
  for (const ArrayPtr& arg : args) {
    OG_ASSIGN_OR_RETURN(ArrayPtr text, AsText(arg));
    is_large = is_large || text->type->id == TypeId::kLargeUtf8;
    texts.push_back(std::move(text));
  }
  const auto type = is_large ? format::LargeUtf8() : format::Utf8();
  std::string joined;
  const bool has_separator = function == Function::kConcatBy;
  const auto join = [&](int64_t i) -> std::string_view {
    joined.clear();
    bool is_first = true;
    for (const ArrayPtr& text : std::span(texts).subspan(has_separator ? 1 : 0)) {
      if (text->IsNull(i)) continue;
      if (has_separator && !is_first) joined += texts[0]->StringValue(i);
      joined += text->StringValue(i);
      is_first = false;
    }
    return joined;
  };
  if (function == Function::kJoin) return MakeTexts(type, texts, join);
  if (has_separator) return MakeTexts(type, std::span(texts).first(1), join);
  TextRows rows(type);
  for (int64_t i = 0; i < args[0]->length; ++i)
    OG_RETURN_IF_ERROR(rows.Append(join(i)));
  return rows.Finish();
}

std::string_view TrimText(std::string_view text, std::string_view cut, bool start, bool end) {
  const std::vector<std::string_view> set = CharactersOf(cut);
  const std::vector<std::string_view> characters = CharactersOf(text);
  const auto is_cut = [&](std::string_view c) { return std::ranges::find(set, c) != set.end(); };
  size_t first = 0;
  size_t last = characters.size();
  while (start && first < last && is_cut(characters[first]))
    ++first;
  while (end && first < last && is_cut(characters[last - 1]))
    --last;
  if (first == last) return {};
  const char* from = characters[first].data();
  return {from,
          static_cast<size_t>(characters[last - 1].data() + characters[last - 1].size() - from)};
}

// Characters [first, end) of `text`.
std::string_view CharacterRange(std::string_view text, int64_t first, int64_t end) {
  const std::vector<std::string_view> characters = CharactersOf(text);
  const int64_t count = std::ssize(characters);
  first = std::clamp<int64_t>(first, 0, count);
  end = std::clamp<int64_t>(end, first, count);
  if (first == end) return {};
  const char* from = characters[static_cast<size_t>(first)].data();
  const std::string_view last = characters[static_cast<size_t>(end - 1)];
  return {from, static_cast<size_t>(last.data() + last.size() - from)};
}

std::string Pad(std::string_view text, int64_t length, std::string_view fill, bool at_start) {
  const int64_t count = CountCharacters(text);
  if (length <= count || fill.empty()) {
    return std::string(CharacterRange(text, 0, std::max<int64_t>(length, 0)));
  }
  const std::vector<std::string_view> pieces = CharactersOf(fill);
  std::string padding;
  for (int64_t i = 0; i < std::min(length, kTextBytesMax) - count; ++i)
    padding += pieces[static_cast<size_t>(i) % pieces.size()];
  return at_start ? io::StrCat(padding, text) : io::StrCat(text, padding);
}

std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  if (from.empty()) {  // before every character and at the end
    for (const std::string_view c : CharactersOf(text))
      result += io::StrCat(to, c);
    return result += to;
  }
  size_t at = 0;
  for (size_t found = text.find(from); found != std::string_view::npos;
       found = text.find(from, at)) {
    result += io::StrCat(text.substr(at, found - at), to);
    at = found + from.size();
  }
  return result += text.substr(at);
}

std::string_view SplitPart(std::string_view text, std::string_view separator, int64_t number) {
  std::vector<std::string_view> parts;
  size_t at = 0;
  for (size_t found = separator.empty() ? std::string_view::npos : text.find(separator);
       found != std::string_view::npos; found = text.find(separator, at)) {
    parts.push_back(text.substr(at, found - at));
    at = found + separator.size();
  }
  parts.push_back(text.substr(at));
  const int64_t index = number > 0 ? number - 1 : std::ssize(parts) + number;
  return index >= 0 && index < std::ssize(parts) ? parts[static_cast<size_t>(index)]
                                                 : std::string_view();
}

std::string InitCap(std::string_view text) {
  std::string result;
  bool starts = true;
  for (const std::string_view c : CharactersOf(text)) {
    result += starts ? UpperText(c) : LowerText(c);
    starts = c.size() == 1 && std::isalnum(static_cast<unsigned char>(c[0])) == 0;
  }
  return result;
}

// `text` with each character of `from` replaced by that of `to` in its place, or left out.
std::string Translate(std::string_view text, std::string_view from, std::string_view to) {
  const std::vector<std::string_view> known = CharactersOf(from);
  const std::vector<std::string_view> others = CharactersOf(to);
  std::string result;
  for (const std::string_view c : CharactersOf(text)) {
    const auto place = static_cast<size_t>(std::ranges::find(known, c) - known.begin());
    if (place == known.size()) {
      result += c;
    } else if (place < others.size()) {
      result += others[place];
    }
  }
  return result;
}

// `count` characters of `text` from the one at `first` (from 0) on replaced by `by`.
std::string Overlay(std::string_view text, std::string_view by, int64_t first, int64_t count) {
  return io::StrCat(CharacterRange(text, 0, first), by,
                    CharacterRange(text, first + count, kTextBytesMax));
}

// What stands before the separator of that number, or behind it where it is counted from the end.
std::string_view SplitBefore(std::string_view text, std::string_view separator, int64_t number) {
  if (number == 0 || separator.empty()) return {};
  size_t at = number > 0 ? text.find(separator) : text.rfind(separator);
  for (int64_t seen = 1; at != std::string_view::npos; ++seen) {
    if (seen == number) return text.substr(0, at);
    if (seen == -number) return text.substr(at + separator.size());
    if (number < 0 && at == 0) break;
    at = number > 0 ? text.find(separator, at + separator.size()) : text.rfind(separator, at - 1);
  }
  return text;
}

int32_t FindInSet(std::string_view text, std::string_view list) {
  int32_t number = 1;
  for (size_t at = 0;; ++number) {
    const size_t end = std::min(list.find(',', at), list.size());
    if (list.substr(at, end - at) == text) return number;
    if (end == list.size()) return 0;
    at = end + 1;
  }
}

// The number of characters to change, add or leave out.
int64_t Levenshtein(std::string_view from, std::string_view to) {
  const std::vector<std::string_view> a = CharactersOf(from);
  const std::vector<std::string_view> b = CharactersOf(to);
  std::vector<int64_t> distances(b.size() + 1);  // of what was seen of `a` to each start of `b`
  std::iota(distances.begin(), distances.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    int64_t diagonal = std::exchange(distances[0], static_cast<int64_t>(i) + 1);
    for (size_t k = 0; k < b.size(); ++k) {
      const int64_t changed = diagonal + (a[i] == b[k] ? 0 : 1);
      diagonal = distances[k + 1];
      distances[k + 1] = std::min({changed, diagonal + 1, distances[k] + 1});
    }
  }
  return distances.back();
}

// The most comparisons of characters that one value may take.
constexpr size_t kLevenshteinMax = size_t{1} << 28;

absl::StatusOr<ArrayPtr> Distances(std::span<const ArrayPtr> texts) {
  bool is_long = false;
  ArrayPtr distances = MakeInt32s(texts, [&](int64_t i) {
    const std::string_view a = texts[0]->StringValue(i);
    const std::string_view b = texts[1]->StringValue(i);
    is_long = is_long || (!b.empty() && a.size() > kLevenshteinMax / b.size());
    return is_long ? 0 : Levenshtein(a, b);
  });
  if (is_long) return BadRequest("levenshtein of such long texts");
  return distances;
}

// overlay(text, by, first [, count]).
absl::StatusOr<ArrayPtr> Overlays(std::span<const ArrayPtr> in) {
  bool is_before = false;
  const auto number = [&](size_t arg, int64_t i) {
    return std::clamp<int64_t>(in[arg]->Value<int64_t>(i), -kTextBytesMax, kTextBytesMax);
  };
  OG_ASSIGN_OR_RETURN(ArrayPtr texts, MakeTexts(in[0]->type, in, [&](int64_t i) {
                        const std::string_view by = in[1]->StringValue(i);
                        const int64_t first = number(2, i);
                        is_before = is_before || first < 1;
                        return Overlay(in[0]->StringValue(i), by, first - 1,
                                       in.size() > 3 ? number(3, i) : CountCharacters(by));
                      }));
  if (is_before) return io::InvalidArgumentError("overlay: characters are counted from 1");
  return texts;
}

// The arguments of a function of texts: the first `num_texts` as texts, the others as numbers.
absl::StatusOr<std::vector<ArrayPtr>> Prepare(std::span<const ArrayPtr> args, size_t num_texts) {
  std::vector<ArrayPtr> result;
  for (size_t i = 0; i < args.size(); ++i) {
    absl::StatusOr<ArrayPtr> prepared =
        i < num_texts ? AsText(args[i]) : Cast(args[i], format::Int64());
    OG_RETURN_IF_ERROR(prepared.status());
    result.push_back(*std::move(prepared));
  }
  return result;
}

}  // namespace

std::string LowerText(std::string_view text) {
  return MapCharacters(ReplaceAll(text, "\u0130", "i\u0307"), utf8proc_tolower);
}

std::string UpperText(std::string_view text) {
  return MapCharacters(ReplaceAll(text, "\u00df", "SS"), utf8proc_toupper);
}

absl::StatusOr<ArrayPtr> AsText(const ArrayPtr& array) {
  const TypeId id = array->type->id;
  return id == TypeId::kUtf8 || id == TypeId::kLargeUtf8 ? array : Cast(array, format::Utf8());
}

absl::StatusOr<ArrayPtr> CallTextFunction(Function function, std::span<const ArrayPtr> args) {
  if (function == Function::kConcat || function == Function::kJoin ||
      function == Function::kConcatBy) {
    return Join(function, args);
  }
  const bool takes_number = function == Function::kSubstring || function == Function::kLeft ||
                            function == Function::kRight || function == Function::kRepeat;
  const bool pads = function == Function::kPadStart || function == Function::kPadEnd;
  std::vector<ArrayPtr> in;
  if (pads) {
    OG_ASSIGN_OR_RETURN(in, Prepare(args.first(2), 1));
    if (args.size() == 3) {
      OG_ASSIGN_OR_RETURN(ArrayPtr fill, AsText(args[2]));
      in.push_back(std::move(fill));
    }
  } else {
    const bool takes_two_texts = function == Function::kSplitPart ||
                                 function == Function::kSplitBefore ||
                                 function == Function::kOverlay;
    OG_ASSIGN_OR_RETURN(in, Prepare(args, takes_number ? 1 : takes_two_texts ? 2 : args.size()));
  }
  const auto text = [&](size_t arg, int64_t i) { return in[arg]->StringValue(i); };
  const auto number = [&](size_t arg, int64_t i) {
    return std::clamp<int64_t>(in[arg]->Value<int64_t>(i), -kTextBytesMax, kTextBytesMax);
  };
  const format::TypePtr& type = in[0]->type;
  switch (function) {
    case Function::kLower:
      return MakeTexts(type, in, [&](int64_t i) { return LowerText(text(0, i)); });
    case Function::kUpper:
      return MakeTexts(type, in, [&](int64_t i) { return UpperText(text(0, i)); });
    case Function::kInitCap:
      return MakeTexts(type, in, [&](int64_t i) { return InitCap(text(0, i)); });
    case Function::kLength:
      return MakeInt32s(in, [&](int64_t i) { return CountCharacters(text(0, i)); });
    case Function::kByteLength:
      return MakeInt32s(in, [&](int64_t i) { return text(0, i).size(); });
    case Function::kBitLength:
      return MakeInt32s(in, [&](int64_t i) { return text(0, i).size() * 8; });
    case Function::kAscii:
      return MakeInt32s(in, [&](int64_t i) {
        utf8proc_int32_t code = 0;
        const std::string_view t = text(0, i);
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(t.data()),
                         static_cast<utf8proc_ssize_t>(t.size()), &code);
        return std::max(code, 0);
      });
    case Function::kTrim:
    case Function::kTrimStart:
    case Function::kTrimEnd:
      return MakeTexts(type, in, [&](int64_t i) {
        return TrimText(text(0, i), in.size() > 1 ? text(1, i) : " ",
                        function != Function::kTrimEnd, function != Function::kTrimStart);
      });
    case Function::kSubstring:
      return MakeTexts(type, in, [&](int64_t i) {
        const int64_t first = number(1, i) - 1;
        const int64_t end =
            in.size() > 2 ? first + std::max<int64_t>(number(2, i), 0) : kTextBytesMax;
        return CharacterRange(text(0, i), first, std::max<int64_t>(end, 0));
      });
    case Function::kLeft:
      return MakeTexts(type, in, [&](int64_t i) {
        const int64_t n = number(1, i);
        return CharacterRange(text(0, i), 0, n >= 0 ? n : CountCharacters(text(0, i)) + n);
      });
    case Function::kRight:
      return MakeTexts(type, in, [&](int64_t i) {
        const int64_t n = number(1, i);
        const int64_t count = CountCharacters(text(0, i));
        return CharacterRange(text(0, i), n >= 0 ? count - n : -n, count);
      });
    case Function::kPadStart:
    case Function::kPadEnd:
      return MakeTexts(type, in, [&](int64_t i) {
        return Pad(text(0, i), number(1, i), in.size() > 2 ? text(2, i) : " ",
                   function == Function::kPadStart);
      });
    case Function::kReplace:
      return MakeTexts(type, in,
                       [&](int64_t i) { return ReplaceAll(text(0, i), text(1, i), text(2, i)); });
    case Function::kTranslate:
      return MakeTexts(type, in,
                       [&](int64_t i) { return Translate(text(0, i), text(1, i), text(2, i)); });
    case Function::kOverlay:
      return Overlays(in);
    case Function::kReverse:
      return MakeTexts(type, in, [&](int64_t i) {
        std::vector<std::string_view> characters = CharactersOf(text(0, i));
        std::ranges::reverse(characters);
        std::string reversed;
        for (const std::string_view c : characters)
          reversed += c;
        return reversed;
      });
    case Function::kRepeat:
      return MakeTexts(type, in, [&](int64_t i) {
        std::string repeated;
        const std::string_view once = text(0, i);
        for (int64_t n = number(1, i);
             n > 0 && !once.empty() && std::ssize(repeated) < kTextBytesMax; --n)
          repeated += once;
        return repeated;
      });
    case Function::kSplitPart:
      return MakeTexts(type, in,
                       [&](int64_t i) { return SplitPart(text(0, i), text(1, i), number(2, i)); });
    case Function::kSplitBefore:
      return MakeTexts(
          type, in, [&](int64_t i) { return SplitBefore(text(0, i), text(1, i), number(2, i)); });
    case Function::kFindInSet:
      return MakeInt32s(in, [&](int64_t i) { return FindInSet(text(0, i), text(1, i)); });
    case Function::kLevenshtein:
      return Distances(in);
    case Function::kPosition:
      return MakeInt32s(in, [&](int64_t i) {
        const size_t found = text(0, i).find(text(1, i));
        return found == std::string_view::npos ? 0
                                               : CountCharacters(text(0, i).substr(0, found)) + 1;
      });
    case Function::kEndsWith:
      return MakeBools(in, [&](int64_t i) { return text(0, i).ends_with(text(1, i)); });
    default:
      return BadRequest(io::StrCat(FunctionName(function), " of texts"));
  }
}

}  // namespace og::engine::expr
