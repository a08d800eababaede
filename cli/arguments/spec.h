// What a command of `omnigraph` looks like from outside: its words, options, help and examples.
// Parsing, help and shell completion are made from these alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace og::cli {

// What a command needs of the graph that it is addressed to (surfaces.md 1.3).
enum class Capability : uint8_t {
  kAny,     // a graph, wherever it is served from
  kDirect,  // the storage of a graph
  kLocal,   // no graph
};

struct OptionSpec {
  std::string_view name = {};        // "data" for --data; the shown name of a positional argument
  char short_name = 0;               // 'e' for -e
  std::string_view value_name = {};  // "FILE"; empty: a flag without a value
  // The value of the option when it stands alone; then a value needs a '=' in front of it.
  std::string_view default_value = {};
  std::string_view help = {};
  bool is_positional = false;
  bool is_required = false;
  bool is_repeatable = false;
  bool is_hidden = false;
  std::vector<std::string_view> choices = {};   // the only values allowed; empty: any
  uint64_t number_max = 0;                      // a whole number up to this; 0: any text
  std::vector<std::string_view> excludes = {};  // options that cannot stand beside this one

  // "--data <FILE>", "--explain[=<WHEN>]", "--json", "[URI]", "<URI>".
  std::string Usage() const;
};

struct CommandSpec {
  std::string_view path = {};  // "load", "commit list"
  std::string_view summary = {};
  std::string_view details = {};   // below the summary in its help; may be empty
  std::string_view examples = {};  // indented lines
  Capability capability = Capability::kAny;
  bool takes_store = true;   // --store may address its graph
  bool takes_actor = false;  // --as may name an actor
  bool is_hidden = false;
  std::vector<OptionSpec> options = {};
};

// What the command line said. Names are those of OptionSpec.
class Arguments {
 public:
  void Add(std::string_view name, std::string value);

  bool Has(std::string_view name) const { return !All(name).empty(); }
  std::optional<std::string> Get(std::string_view name) const;
  std::vector<std::string> All(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

// Options that every command takes, before or behind its words.
std::vector<OptionSpec> GlobalOptions();

// "A command group and its one line": "commit" -> "Commit history".
struct GroupSpec {
  std::string_view word;
  std::string_view summary;
};
std::vector<GroupSpec> CommandGroups();

}  // namespace og::cli
