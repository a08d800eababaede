// Small XML documents as a tree: answers and errors of S3. Over expat.
//
// Bytes from a server are not trusted: a document type declaration, more than 32 levels or more
// than a million elements are refused, and expat limits the amplification of entities.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace og::io {

struct XmlElement {
  std::string name;  // without a namespace prefix
  std::string text;  // all character data directly inside, joined
  std::vector<XmlElement> children;

  // The first child `name`, or null.
  const XmlElement* Find(std::string_view name) const;
  // The text of that child, or an empty one.
  std::string_view TextOf(std::string_view name) const;
};

// The root element of `document`. kDataLoss says what is wrong and where.
absl::StatusOr<XmlElement> ParseXml(std::string_view document);

// `text` with the five characters of markup replaced. REQUIRES: valid UTF-8.
std::string XmlEscape(std::string_view text);

}  // namespace og::io
