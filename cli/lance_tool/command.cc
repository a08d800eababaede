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
  commands.push_back(VerifyCommand());
  commands.push_back(FileInfoCommand());
  return commands;
}

std::vector<ToolGroup> ToolGroups() {
  return {};
}

}  // namespace og::cli
