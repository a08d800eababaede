#include "cli/lance_tool/options.h"

#include <cstdlib>

#include <CLI/CLI.hpp>

#include "io/base/text.h"

namespace og::cli {
namespace {

template <typename T>
OptionRef AddTo(CLI::App& app, std::string_view name, T& value, std::string_view help) {
  return OptionRef(*app.add_option(std::string(name), value, std::string(help)));
}

// A check of the text that was given; `wanted` says what it should be.
template <typename Test>
CLI::Validator Checked(std::string_view wanted, Test test) {
  return CLI::Validator(
      [wanted = std::string(wanted), test](std::string& text) {
        return test(text) ? std::string() : io::StrCat("'", text, "' is ", wanted);
      },
      "");
}

// CLI11 lets negative numbers wrap round.
OptionRef AddUnsigned(CLI::App& app, std::string_view name, auto& value, std::string_view help) {
  OptionRef option = AddTo(app, name, value, help);
  app.get_option(std::string(name))
      ->check(Checked("no whole number from 0 on",
                      [](const std::string& text) { return io::ParseUint64(text).has_value(); }));
  return option;
}

template <typename T>
OptionRef AddList(CLI::App& app, std::string_view name, T& values, std::string_view help) {
  return OptionRef(*app.add_option(std::string(name), values, std::string(help))
                        ->delimiter(',')
                        ->allow_extra_args(false));
}

}  // namespace

OptionRef& OptionRef::Required() {
  option_.required();
  return *this;
}

OptionRef& OptionRef::Positive() {
  option_.check(Checked("not above 0", [](const std::string& text) {
    return std::strtod(text.c_str(), nullptr) > 0;
  }));
  return *this;
}

OptionRef& OptionRef::NotNegative() {
  option_.check(Checked(
      "below 0", [](const std::string& text) { return std::strtod(text.c_str(), nullptr) >= 0; }));
  return *this;
}

OptionRef& OptionRef::OneOf(std::vector<std::string> choices) {
  option_.check(CLI::IsMember(std::move(choices)));
  return *this;
}

OptionRef& OptionRef::Excludes(std::string_view name) {
  option_.excludes(std::string(name));
  return *this;
}

OptionRef OptionSet::Add(std::string_view name, std::string& value, std::string_view help) {
  return AddTo(app_, name, value, help);
}

OptionRef OptionSet::Add(std::string_view name, std::optional<std::string>& value,
                         std::string_view help) {
  return AddTo(app_, name, value, help);
}

OptionRef OptionSet::Add(std::string_view name, uint64_t& value, std::string_view help) {
  return AddUnsigned(app_, name, value, help);
}

OptionRef OptionSet::Add(std::string_view name, std::optional<uint64_t>& value,
                         std::string_view help) {
  return AddUnsigned(app_, name, value, help);
}

OptionRef OptionSet::Add(std::string_view name, int64_t& value, std::string_view help) {
  return AddTo(app_, name, value, help);
}

OptionRef OptionSet::Add(std::string_view name, int& value, std::string_view help) {
  return AddTo(app_, name, value, help);
}

OptionRef OptionSet::Add(std::string_view name, double& value, std::string_view help) {
  return AddTo(app_, name, value, help);
}

OptionRef OptionSet::Add(std::string_view name, std::vector<std::string>& values,
                         std::string_view help) {
  return AddList(app_, name, values, help);
}

OptionRef OptionSet::Add(std::string_view name, std::optional<std::vector<std::string>>& values,
                         std::string_view help) {
  return AddList(app_, name, values, help);
}

OptionRef OptionSet::Add(std::string_view name, std::vector<uint64_t>& values,
                         std::string_view help) {
  OptionRef option = AddList(app_, name, values, help);
  app_.get_option(std::string(name))
      ->check(Checked("no whole number from 0 on",
                      [](const std::string& text) { return io::ParseUint64(text).has_value(); }));
  return option;
}

OptionRef OptionSet::AddEach(std::string_view name, std::vector<std::string>& values,
                             std::string_view help) {
  return OptionRef(
      *app_.add_option(std::string(name), values, std::string(help))->allow_extra_args(false));
}

OptionRef OptionSet::Flag(std::string_view name, bool& value, std::string_view help) {
  return OptionRef(*app_.add_flag(std::string(name), value, std::string(help)));
}

}  // namespace og::cli
