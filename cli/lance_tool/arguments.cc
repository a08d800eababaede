#include "cli/lance_tool/arguments.h"

#include <map>
#include <sstream>

#include <CLI/CLI.hpp>

namespace og::cli {
namespace {

constexpr int kArgumentError = 2;
constexpr char kDatasetHelp[] = "Path or URI of the dataset (/data/t.lance, s3://bucket/t.lance)";

void AddDataset(CLI::App& command, ToolRequest& request) {
  command.add_option("DATASET", request.dataset, kDatasetHelp)->required();
  command.add_flag("--json", request.json, "Print JSON");
}

void AddVersion(CLI::App& command, ToolRequest& request) {
  command.add_option("--version", request.version, "Version to read (default: the latest)");
  command.add_option("--branch", request.branch, "Branch to read (default: main)");
}

void AddColumns(CLI::App& command, ToolRequest& request) {
  command.add_option("--columns", request.columns, "Columns, comma separated; members as a.b")
      ->delimiter(',');
  command.add_flag("--row-ids", request.row_ids, "Add _rowid and _rowaddr");
}

void AddFilter(CLI::App& command, ToolRequest& request) {
  command.add_option("--where", request.where, "Filter, as in \"age >= 18 and name like 'A%'\"");
}

void AddLimit(CLI::App& command, ToolRequest& request) {
  command.add_option("--limit", request.limit, "At most this many rows");
  command.add_option("--offset", request.offset, "Rows to leave out first");
}

CLI::App& Add(CLI::App& app, ToolCommand command, const char* name, const char* description,
              const char* examples, ToolRequest& request) {
  CLI::App& added = *app.add_subcommand(name, description);
  added.footer(std::string("Examples:\n") + examples);
  added.callback([&request, command] { request.command = command; });
  return added;
}

void AddCommands(CLI::App& app, ToolRequest& request) {
  CLI::App& info = Add(app, ToolCommand::kInfo, "info", "What a version consists of",
                       "  lance-tool info people.lance\n"
                       "  lance-tool info people.lance --version 3 --json\n",
                       request);
  AddDataset(info, request);
  AddVersion(info, request);

  CLI::App& schema = Add(app, ToolCommand::kSchema, "schema", "The schema as JSON",
                         "  lance-tool schema people.lance > S.json\n", request);
  AddDataset(schema, request);
  AddVersion(schema, request);

  CLI::App& versions = Add(app, ToolCommand::kVersions, "versions",
                           "All versions with the transactions that made them",
                           "  lance-tool versions people.lance\n"
                           "  lance-tool versions people.lance --branch dev --json\n",
                           request);
  AddDataset(versions, request);
  versions.add_option("--branch", request.branch, "Branch to read (default: main)");

  CLI::App& dump = Add(app, ToolCommand::kDump, "dump", "Rows as canonical JSON lines",
                       "  lance-tool dump people.lance --columns name,age --limit 10\n"
                       "  lance-tool dump people.lance --where \"age >= 18\" --row-ids\n",
                       request);
  AddDataset(dump, request);
  AddVersion(dump, request);
  AddColumns(dump, request);
  AddFilter(dump, request);
  AddLimit(dump, request);

  CLI::App& scan = Add(app, ToolCommand::kScan, "scan", "Read rows and print the time it takes",
                       "  lance-tool scan people.lance --columns age --repeat 5 --json\n"
                       "  lance-tool scan people.lance --where \"age < 3\" --threads 2\n",
                       request);
  AddDataset(scan, request);
  AddVersion(scan, request);
  AddColumns(scan, request);
  AddFilter(scan, request);
  AddLimit(scan, request);
  scan.add_option("--repeat", request.repeat, "Times to scan")->check(CLI::PositiveNumber);
  scan.add_option("--threads", request.threads, "1: only this thread")
      ->check(CLI::NonNegativeNumber);
  scan.add_option("--batch-rows", request.batch_rows, "Rows in a batch")
      ->check(CLI::PositiveNumber);

  CLI::App& take = Add(app, ToolCommand::kTake, "take", "Read single rows",
                       "  lance-tool take people.lance --rows 5,1,99\n"
                       "  lance-tool take people.lance --rows 4294967296 --by address\n"
                       "  lance-tool take people.lance --rows 17,4 --repeat 100 --json\n",
                       request);
  AddDataset(take, request);
  AddVersion(take, request);
  AddColumns(take, request);
  take.add_option("--rows", request.rows, "Rows, comma separated")->delimiter(',')->required();
  take.add_option("--by", request.rows_by, "What --rows names: offset, address or id")
      ->check(CLI::IsMember({"offset", "address", "id"}));
  take.add_option("--repeat", request.repeat, "Times to take; prints timings instead of rows")
      ->check(CLI::PositiveNumber);

  CLI::App& count = Add(app, ToolCommand::kCount, "count", "The number of rows",
                        "  lance-tool count people.lance\n"
                        "  lance-tool count people.lance --where \"age is null\"\n",
                        request);
  AddDataset(count, request);
  AddVersion(count, request);
  AddFilter(count, request);

  CLI::App& write =
      Add(app, ToolCommand::kWrite, "write", "Write rows given as canonical JSON lines",
          "  lance-tool write new.lance --schema S.json < rows.jsonl\n"
          "  lance-tool write new.lance --mode append --input more.jsonl\n"
          "  lance-tool dump a.lance | lance-tool write b.lance --schema S.json\n",
          request);
  AddDataset(write, request);
  write.add_option("--schema", request.schema_file,
                   "Schema as `lance-tool schema` prints it; append takes that of the dataset");
  write.add_option("--input", request.input_file, "Rows; - is standard input");
  write.add_option("--file-version", request.file_version, "Data file version of a new dataset")
      ->check(CLI::IsMember({"2.0", "2.1", "2.2"}));
  static const std::map<std::string, WriteMode> kModes = {{"create", WriteMode::kCreate},
                                                          {"append", WriteMode::kAppend},
                                                          {"overwrite", WriteMode::kOverwrite}};
  write.add_option("--mode", request.mode, "create, append or overwrite")
      ->transform(CLI::CheckedTransformer(kModes));
  write.add_flag("--stable-row-ids,!--no-stable-row-ids", request.stable_row_ids,
                 "Row ids that survive updates (new datasets; default)");
  write.add_option("--max-rows-per-file", request.max_rows_per_file, "Rows in a data file")
      ->check(CLI::PositiveNumber);

  CLI::App& verify =
      Add(app, ToolCommand::kVerify, "verify", "Check that a dataset is complete and consistent",
          "  lance-tool verify people.lance\n"
          "  lance-tool verify people.lance --all-versions --deep\n",
          request);
  AddDataset(verify, request);
  AddVersion(verify, request);
  verify.add_flag("--deep", request.deep, "Decode every value too");
  verify.add_flag("--all-versions", request.all_versions, "Every version of the branch");

  CLI::App& file_info =
      Add(app, ToolCommand::kFileInfo, "file-info", "What one data file consists of",
          "  lance-tool file-info people.lance/data/*.lance\n"
          "  lance-tool file-info part.lance --pages\n"
          "  lance-tool file-info part.lance --no-decode --json\n",
          request);
  file_info.add_option("FILE", request.dataset, "Path or URI of a data file")->required();
  file_info.add_flag("--pages", request.pages, "Every page with its buffers and encodings");
  file_info.add_flag("!--no-decode", request.decode,
                     "Look at the metadata only: no sizes in memory, no ratios");
  file_info.add_flag("--json", request.json, "Print JSON (with every page)");
}

// Words of `app` that a shell may offer: its options, and its commands if it has any.
std::string WordsOf(const CLI::App& app) {
  std::string words;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      words += " --" + name;
    }
  }
  for (const CLI::App* command : app.get_subcommands({})) {
    words += " " + command->get_name();
  }
  return words.empty() ? words : words.substr(1);
}

// The completion script: words by the command that was typed, else names of files.
std::string CompletionOf(const CLI::App& app, std::string_view shell) {
  const std::vector<const CLI::App*> commands = app.get_subcommands({});
  if (shell == "fish") {
    std::string text;
    for (const CLI::App* command : commands) {
      text += "complete -c lance-tool -n __fish_use_subcommand -a " + command->get_name() +
              " -d '" + command->get_description() + "'\n";
      for (const CLI::Option* option : command->get_options()) {
        for (const std::string& name : option->get_lnames()) {
          text += "complete -c lance-tool -n '__fish_seen_subcommand_from " + command->get_name() +
                  "' -l " + name + "\n";
        }
      }
    }
    return text;
  }
  std::string cases;
  for (const CLI::App* command : commands) {
    cases += "    " + command->get_name() + ") words=\"" + WordsOf(*command) + "\" ;;\n";
  }
  const std::string zsh = shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
  return zsh +
         "_lance_tool() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" command=\"\" words i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    [[ \"${COMP_WORDS[i]}\" == -* || -n \"$command\" ]] || command=\"${COMP_WORDS[i]}\"\n"
         "  done\n"
         "  case \"$command\" in\n" +
         cases + "    *) words=\"" + WordsOf(app) +
         "\" ;;\n"
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  [[ ${#COMPREPLY[@]} -gt 0 || \"$current\" == -* ]] || "
         "COMPREPLY=($(compgen -f -- \"$current\"))\n"
         "}\n"
         "complete -o filenames -F _lance_tool lance-tool\n";
}

}  // namespace

std::variant<ToolRequest, ToolExit> ParseToolArguments(int argc, const char* const* argv) {
  ToolRequest request;
  CLI::App app("Reads, writes and checks Lance datasets", "lance-tool");
  app.footer(
      "Examples:\n"
      "  lance-tool info people.lance\n"
      "  lance-tool dump people.lance --limit 3\n");
  app.require_subcommand(1);
  AddCommands(app, request);
  std::string shell;
  CLI::App& completion = *app.add_subcommand("completion", "Print a completion script for a shell");
  completion.add_option("SHELL", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion.footer(
      "Examples:\n"
      "  source <(lance-tool completion bash)\n"
      "  lance-tool completion fish > ~/.config/fish/completions/lance-tool.fish\n");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const bool is_help = error.get_exit_code() == 0;
    app.exit(error, out, err);
    return ToolExit{.code = is_help ? 0 : kArgumentError,
                    .text = is_help ? out.str()
                                    : "Error:\n   0: " + std::string(error.what()) +
                                          "\nRun with --help for more information.\n"};
  }
  if (!shell.empty()) {
    return ToolExit{.code = 0, .text = CompletionOf(app, shell)};
  }
  return request;
}

}  // namespace og::cli
