// The options of one command, bound to the variables that they fill.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace og::cli {

// One declared option, to say more about it.
class OptionRef {
 public:
  explicit OptionRef(CLI::Option& option) : option_(option) {}

  OptionRef& Required();
  // A number above 0, or not below 0.
  OptionRef& Positive();
  OptionRef& NotNegative();
  OptionRef& OneOf(std::vector<std::string> choices);
  // Cannot stand beside the option `name`, which is declared already.
  OptionRef& Excludes(std::string_view name);

 private:
  CLI::Option& option_;
};

// The variables have to live until the command line is parsed. An option that is not given leaves
// its variable alone. Names: "--limit" or "-n,--limit"; without dashes a positional argument.
class OptionSet {
 public:
  explicit OptionSet(CLI::App& app) : app_(app) {}

  OptionRef Add(std::string_view name, std::string& value, std::string_view help);
  OptionRef Add(std::string_view name, std::optional<std::string>& value, std::string_view help);
  OptionRef Add(std::string_view name, uint64_t& value, std::string_view help);
  OptionRef Add(std::string_view name, std::optional<uint64_t>& value, std::string_view help);
  OptionRef Add(std::string_view name, int64_t& value, std::string_view help);
  OptionRef Add(std::string_view name, int& value, std::string_view help);
  OptionRef Add(std::string_view name, double& value, std::string_view help);
  // Several values, comma separated or by repeating the option.
  OptionRef Add(std::string_view name, std::vector<std::string>& values, std::string_view help);
  OptionRef Add(std::string_view name, std::optional<std::vector<std::string>>& values,
                std::string_view help);
  OptionRef Add(std::string_view name, std::vector<uint64_t>& values, std::string_view help);
  // Several values by repeating the option; commas are part of a value.
  OptionRef AddEach(std::string_view name, std::vector<std::string>& values, std::string_view help);

  // "--json"; "!--no-decode" clears; "--a,!--no-a" has both.
  OptionRef Flag(std::string_view name, bool& value, std::string_view help);

 private:
  CLI::App& app_;
};

}  // namespace og::cli
