#include "cli/lance_tool/command.h"

namespace og::cli {

std::vector<ToolCommand> AllToolCommands() {
  std::vector<ToolCommand> commands;
  commands.push_back(InfoCommand());
  commands.push_back(SchemaCommand());
  commands.push_back(VersionsCommand());
  commands.push_back(FileInfoCommand());
  commands.push_back(DumpCommand());
  commands.push_back(ScanCommand());
  commands.push_back(TakeCommand());
  commands.push_back(CountCommand());
  commands.push_back(ExplainCommand());
  commands.push_back(StatsCommand());
  commands.push_back(VerifyCommand());
  commands.push_back(WriteCommand());
  commands.push_back(DeleteCommand());
  commands.push_back(UpdateCommand());
  commands.push_back(MergeInsertCommand());
  commands.push_back(ColumnsAddCommand());
  commands.push_back(ColumnsJoinCommand());
  commands.push_back(ColumnsDropCommand());
  commands.push_back(ColumnsAlterCommand());
  commands.push_back(CompactCommand());
  commands.push_back(CleanupCommand());
  commands.push_back(RestoreCommand());
  commands.push_back(ConfigCommand());
  commands.push_back(BranchListCommand());
  commands.push_back(BranchCreateCommand());
  commands.push_back(BranchDeleteCommand());
  commands.push_back(TagListCommand());
  commands.push_back(TagCreateCommand());
  commands.push_back(TagUpdateCommand());
  commands.push_back(TagDeleteCommand());
  commands.push_back(CloneCommand());
  commands.push_back(CopyCommand());
  commands.push_back(IndexListCommand());
  commands.push_back(IndexCreateCommand());
  commands.push_back(IndexDropCommand());
  commands.push_back(IndexOptimizeCommand());
  return commands;
}

std::vector<ToolGroup> ToolGroups() {
  return {
      {.word = "columns", .summary = "Add, drop and change columns"},
      {.word = "branch", .summary = "Branches: list, create, delete"},
      {.word = "tag", .summary = "Tags: list, create, update, delete"},
      {.word = "index", .summary = "Indexes: list, create, drop, optimize"},
  };
}

}  // namespace og::cli
