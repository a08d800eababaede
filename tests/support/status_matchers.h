// GoogleTest matchers for absl::Status and absl::StatusOr, which Abseil 20220623 lacks.
//
//   EXPECT_THAT(store.Delete("a"), IsOk());
//   EXPECT_THAT(store.Stat("b"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("b")));
//   OG_ASSERT_OK_AND_ASSIGN(const Buffer bytes, store.Read("c"));
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "io/base/status_macros.h"

namespace og::tests {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}

template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// "NOT_FOUND: no such object", as failures print it.
std::string DescribeStatus(const absl::Status& status);

class IsOkMatcher {
 public:
  using is_gtest_matcher = void;

  template <typename T>
  bool MatchAndExplain(const T& value, std::ostream* os) const {
    const absl::Status& status = StatusOf(value);
    if (!status.ok() && os != nullptr) *os << "which is " << DescribeStatus(status);
    return status.ok();
  }
  void DescribeTo(std::ostream* os) const { *os << "is ok"; }
  void DescribeNegationTo(std::ostream* os) const { *os << "is not ok"; }
};

// Matches an ok Status or StatusOr.
inline IsOkMatcher IsOk() {
  return {};
}

class StatusIsMatcher {
 public:
  using is_gtest_matcher = void;

  StatusIsMatcher(absl::StatusCode code, testing::Matcher<const std::string&> message)
      : code_(code), message_(std::move(message)) {}

  template <typename T>
  bool MatchAndExplain(const T& value, std::ostream* os) const {
    const absl::Status& status = StatusOf(value);
    if (os != nullptr) *os << "which is " << DescribeStatus(status);
    return status.code() == code_ &&
           message_.Matches(std::string(status.message().data(), status.message().size()));
  }
  void DescribeTo(std::ostream* os) const;
  void DescribeNegationTo(std::ostream* os) const;

 private:
  absl::StatusCode code_;
  testing::Matcher<const std::string&> message_;
};

// Matches a Status or StatusOr with `code` whose message matches.
inline StatusIsMatcher StatusIs(absl::StatusCode code,
                                testing::Matcher<const std::string&> message = testing::_) {
  return {code, std::move(message)};
}

// The same with a text that the message has to contain.
inline StatusIsMatcher StatusIs(absl::StatusCode code, std::string_view part) {
  return {code, testing::HasSubstr(std::string(part))};
}
inline StatusIsMatcher StatusIs(absl::StatusCode code, const std::string& part) {
  return StatusIs(code, std::string_view(part));
}
inline StatusIsMatcher StatusIs(absl::StatusCode code, const char* part) {
  return StatusIs(code, std::string_view(part));
}

}  // namespace og::tests

#define OG_ASSERT_OK(expr) ASSERT_THAT((expr), ::og::tests::IsOk())
#define OG_EXPECT_OK(expr) EXPECT_THAT((expr), ::og::tests::IsOk())

// Assigns the value of a StatusOr, or fails the test and returns from the function.
#define OG_ASSERT_OK_AND_ASSIGN(lhs, expr) \
  OG_ASSERT_OK_AND_ASSIGN_INNER(OG_CONCAT(og_status_or_, __LINE__), lhs, expr)

#define OG_ASSERT_OK_AND_ASSIGN_INNER(tmp, lhs, expr)                                  \
  auto tmp = (expr);                                                                   \
  ASSERT_TRUE(tmp.ok()) << #expr << ": " << ::og::tests::DescribeStatus(tmp.status()); \
  lhs = std::move(tmp).value()
