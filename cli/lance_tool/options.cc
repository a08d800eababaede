#include "cli/lance_tool/options.h"

#include <CLI/CLI.hpp>

namespace og::cli {
namespace {

template <typename T>
OptionRef AddTo(CLI::App& app, std::string_view name, T& value, std::string_view help) {
  return OptionRef(*app.add_option(std::string(name), value, std::string(help)));
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
  option_.check(CLI::PositiveNumber);
  return *this;
}

OptionRef& OptionRef::NotNegative() {
  option_.check(CLI::NonNegativeNumber);
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
  return AddTo(app_, name, value, help);
}

OptionRef OptionSet::Add(std::string_view name, std::optional<uint64_t>& value,
                         std::string_view help) {
  return AddTo(app_, name, value, help);
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
  return AddList(app_, name, values, help);
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
