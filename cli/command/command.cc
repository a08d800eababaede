#include "cli/command/command.h"

#include <utility>

#include "cli/target/target.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/real_env.h"

namespace og::cli {

absl::StatusOr<io::Env*> Invocation::Env() {
  if (env_ == nullptr) {
    OG_ASSIGN_OR_RETURN(io::RealEnvOptions options, io::RealEnvOptions::FromEnvironment());
    if (const auto memory = arguments_.Get("memory")) {
      const std::optional<uint64_t> bytes = io::ParseByteSize(*memory);
      if (!bytes || *bytes == 0) {
        return io::DetailedError(
            {.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}},
            io::StrCat("invalid --memory '", *memory, "': expected bytes such as 512MiB or 2GiB"));
      }
      options.memory_limit = *bytes;
    }
    if (const auto durability = arguments_.Get("durability")) {
      options.durability = io::ParseDurability(*durability).value_or(options.durability);
    }
    if (arguments_.Has("stats")) stats_.Measure(options);
    OG_ASSIGN_OR_RETURN(env_, io::NewRealEnv(options));
  }
  return env_.get();
}

absl::StatusOr<std::shared_ptr<engine::graph::Graph>> Invocation::OpenGraph(
    engine::graph::OpenMode mode) {
  OG_ASSIGN_OR_RETURN(const std::string uri, ResolveGraphUri(arguments_));
  OG_ASSIGN_OR_RETURN(io::Env* const env, Env());
  OG_ASSIGN_OR_RETURN(const io::Location root, env->Resolve(uri));
  return engine::graph::Graph::Open(*env, root, mode);
}

std::string Invocation::Stats() const {
  const std::optional<std::string> format = arguments_.Get("stats");
  return format ? stats_.Report(*format) : "";
}

absl::StatusOr<int> Invocation::Print(std::string_view text) {
  OG_RETURN_IF_ERROR(console_.Out(text));
  return kExitOk;
}

std::vector<Command> AllCommands() {
  std::vector<Command> commands;
  commands.push_back(InitCommand());
  commands.push_back(LoadCommand());
  commands.push_back(QueryCommand());
  commands.push_back(MutateCommand());
  commands.push_back(ExportCommand());
  commands.push_back(SnapshotCommand());
  commands.push_back(BranchCreateCommand());
  commands.push_back(BranchListCommand());
  commands.push_back(BranchMergeCommand());
  commands.push_back(BranchDeleteCommand());
  commands.push_back(CommitListCommand());
  commands.push_back(CommitShowCommand());
  commands.push_back(SchemaPlanCommand());
  commands.push_back(SchemaApplyCommand());
  commands.push_back(SchemaShowCommand());
  commands.push_back(LintCommand());
  commands.push_back(OptimizeCommand());
  commands.push_back(VerifyCommand());
  commands.push_back(RepairCommand());
  commands.push_back(CleanupCommand());
  commands.push_back(CompletionCommand());
  commands.push_back(VersionCommand());
  return commands;
}

OptionSpec GraphUriArgument() {
  OptionSpec option;
  option.name = "URI";
  option.help = "The graph: a folder or file:// URI; or use --store";
  option.is_positional = true;
  return option;
}

OptionSpec JsonOption() {
  OptionSpec option;
  option.name = "json";
  option.help = "Print JSON";
  return option;
}

OptionSpec BranchOption() {
  OptionSpec option;
  option.name = "branch";
  option.value_name = "BRANCH";
  option.help = "The branch [default: main]";
  return option;
}

OptionSpec SnapshotOption() {
  OptionSpec option;
  option.name = "snapshot";
  option.value_name = "COMMIT";
  option.help = "Read the graph as it was at this commit";
  option.excludes = {"branch"};
  return option;
}

}  // namespace og::cli
