#include "io/s3/xml.h"

#include <algorithm>
#include <climits>
#include <memory>
#include <type_traits>

#include <expat.h>

#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::io {
namespace {

constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxElements = 1'000'000;

struct ParserFree {
  void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};
using ParserPtr = std::unique_ptr<std::remove_pointer_t<XML_Parser>, ParserFree>;

// Builds the tree while expat calls.
struct TreeBuilder {
  XML_Parser parser = nullptr;
  XmlElement holder;  // its one child is the root
  std::vector<XmlElement*> open;
  size_t num_elements = 0;
  const char* refusal = nullptr;

  void Refuse(const char* reason) {
    refusal = reason;
    XML_StopParser(parser, XML_FALSE);
  }

  static void Start(void* self, const XML_Char* name, const XML_Char** /*attributes*/) {
    auto& builder = *static_cast<TreeBuilder*>(self);
    if (builder.open.size() > kMaxDepth) return builder.Refuse("nested too deeply");
    if (++builder.num_elements > kMaxElements) return builder.Refuse("too many elements");
    XmlElement& element = builder.open.back()->children.emplace_back();
    const std::string_view qualified = name;
    element.name = qualified.substr(qualified.rfind(':') + 1);  // npos + 1 is 0
    builder.open.push_back(&element);
  }
  static void End(void* self, const XML_Char* /*name*/) {
    auto& builder = *static_cast<TreeBuilder*>(self);
    if (builder.refusal == nullptr) builder.open.pop_back();
  }
  static void Text(void* self, const XML_Char* text, int length) {
    auto& builder = *static_cast<TreeBuilder*>(self);
    builder.open.back()->text.append(text, static_cast<size_t>(length));
  }
  static void Doctype(void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    static_cast<TreeBuilder*>(self)->Refuse("a document type declaration");
  }
};

}  // namespace

const XmlElement* XmlElement::Find(std::string_view name_wanted) const {
  const auto it = std::ranges::find(children, name_wanted, &XmlElement::name);
  return it == children.end() ? nullptr : &*it;
}

std::string_view XmlElement::TextOf(std::string_view name_wanted) const {
  const XmlElement* child = Find(name_wanted);
  return child == nullptr ? std::string_view() : std::string_view(child->text);
}

absl::StatusOr<XmlElement> ParseXml(std::string_view document) {
  if (document.size() > INT_MAX) return DataLossError("XML: the document is too long");
  const ParserPtr parser(XML_ParserCreate(nullptr));
  OG_CHECK(parser != nullptr);
  TreeBuilder builder;
  builder.parser = parser.get();
  builder.open.push_back(&builder.holder);
  XML_SetUserData(parser.get(), &builder);
  XML_SetElementHandler(parser.get(), TreeBuilder::Start, TreeBuilder::End);
  XML_SetCharacterDataHandler(parser.get(), TreeBuilder::Text);
  XML_SetStartDoctypeDeclHandler(parser.get(), TreeBuilder::Doctype);
  const XML_Status status =
      XML_Parse(parser.get(), document.data(), static_cast<int>(document.size()), XML_TRUE);
  if (status != XML_STATUS_OK) {
    const char* reason = builder.refusal != nullptr
                             ? builder.refusal
                             : XML_ErrorString(XML_GetErrorCode(parser.get()));
    return DataLossError(StrCat("XML: ", reason, " at byte ",
                                int64_t{XML_GetCurrentByteIndex(parser.get())}, " of ",
                                document.size()));
  }
  return std::move(builder.holder.children.front());
}

std::string XmlEscape(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped.append("&amp;");
        break;
      case '<':
        escaped.append("&lt;");
        break;
      case '>':
        escaped.append("&gt;");
        break;
      case '"':
        escaped.append("&quot;");
        break;
      case '\'':
        escaped.append("&apos;");
        break;
      case '\r':
        escaped.append("&#13;");
        break;
      default:
        escaped.push_back(c);
    }
  }
  return escaped;
}

}  // namespace og::io
