// lance-tool: reads, writes and checks Lance datasets.
#include <csignal>
#include <cstdio>
#include <variant>
#include <vector>

#include <unistd.h>

#include "cli/lance_tool/arguments.h"
#include "cli/lance_tool/command.h"
#include "cli/lance_tool/output.h"
#include "cli/lance_tool/terminal.h"
#include "cli/stats/io_stats.h"
#include "io/env/real_env.h"

namespace {

constexpr int kFailed = 1;
constexpr int kInterrupted = 130;

// Nothing needs to be undone: what is not committed is not visible.
extern "C" void LeaveAtOnce(int) {
  _exit(kInterrupted);
}

void PrintError(const absl::Status& status) {
  std::fputs(og::cli::ToolErrorText(status).c_str(), stderr);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGINT, LeaveAtOnce);
  const std::vector<og::cli::ToolCommand> commands = og::cli::AllToolCommands();
  const auto parsed = og::cli::ParseToolArguments(commands, argc, argv);
  if (const auto* exit = std::get_if<og::cli::ToolExit>(&parsed)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  const auto& call = std::get<og::cli::ToolCall>(parsed);
  og::cli::IoStats stats;
  auto options = og::io::RealEnvOptions::FromEnvironment();
  if (!options.ok()) {
    PrintError(options.status());
    return kFailed;
  }
  if (!call.stats.empty()) {
    stats.Measure(*options);
  }
  const auto env = og::io::NewRealEnv(*options);
  if (!env.ok()) {
    PrintError(env.status());
    return kFailed;
  }
  og::cli::Output output(STDOUT_FILENO);
  og::cli::Terminal terminal(STDIN_FILENO, STDERR_FILENO);
  og::cli::ToolContext context = {.env = **env, .output = output, .terminal = terminal};
  absl::Status status = call.run(context);
  const absl::Status flushed = output.Flush();
  if (!call.stats.empty()) {
    std::fputs(stats.Report(call.stats).c_str(), stderr);
  }
  if (status.ok()) {
    status = flushed;
  }
  if (status.ok() || status.code() == absl::StatusCode::kCancelled) {
    return 0;
  }
  PrintError(status);
  return kFailed;
}
