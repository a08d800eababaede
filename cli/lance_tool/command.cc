#include "cli/lance_tool/command.h"

namespace og::cli {

std::vector<ToolCommand> AllToolCommands() {
  std::vector<ToolCommand> commands;
  commands.push_back(InfoCommand());
  commands.push_back(SchemaCommand());
  commands.push_back(VersionsCommand());
  commands.push_back(DumpCommand());
  commands.push_back(ScanCommand());
  commands.push_back(TakeCommand());
  commands.push_back(CountCommand());
  commands.push_back(WriteCommand());
  commands.push_back(DeleteCommand());
  commands.push_back(UpdateCommand());
  commands.push_back(MergeInsertCommand());
  commands.push_back(ColumnsAddCommand());
  commands.push_back(ColumnsJoinCommand());
  commands.push_back(ColumnsDropCommand());
  commands.push_back(ColumnsAlterCommand());
  commands.push_back(VerifyCommand());
  commands.push_back(FileInfoCommand());
  return commands;
}

std::vector<ToolGroup> ToolGroups() {
  return {{.word = "columns", .summary = "Add, drop and change columns"}};
}

}  // namespace og::cli
