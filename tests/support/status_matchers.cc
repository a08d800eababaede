#include "tests/support/status_matchers.h"

#include "io/base/status.h"

namespace og::tests {

std::string DescribeStatus(const absl::Status& status) {
  std::string text = absl::StatusCodeToString(status.code());
  if (!status.message().empty()) text.append(": ").append(io::Message(status));
  return text;
}

void StatusIsMatcher::DescribeTo(std::ostream* os) const {
  *os << "has code " << absl::StatusCodeToString(code_) << " and a message that ";
  message_.DescribeTo(os);
}

void StatusIsMatcher::DescribeNegationTo(std::ostream* os) const {
  *os << "has another code than " << absl::StatusCodeToString(code_) << " or a message that ";
  message_.DescribeNegationTo(os);
}

}  // namespace og::tests
