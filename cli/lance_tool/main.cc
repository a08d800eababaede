// lance-tool: reads, writes and checks Lance datasets.
#include <csignal>
#include <cstdio>
#include <variant>

#include <unistd.h>

#include "cli/lance_tool/arguments.h"
#include "cli/lance_tool/commands.h"
#include "io/base/status.h"
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
  const auto parsed = og::cli::ParseToolArguments(argc, argv);
  if (const auto* exit = std::get_if<og::cli::ToolExit>(&parsed)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  const auto options = og::io::RealEnvOptions::FromEnvironment();
  if (!options.ok()) {
    PrintError(options.status());
    return kFailed;
  }
  const auto env = og::io::NewRealEnv(*options);
  if (!env.ok()) {
    PrintError(env.status());
    return kFailed;
  }
  og::cli::Output output(STDOUT_FILENO);
  const absl::Status status =
      og::cli::RunTool(**env, std::get<og::cli::ToolRequest>(parsed), output);
  if (status.ok() || status.code() == absl::StatusCode::kCancelled) {
    return 0;
  }
  output.Flush().IgnoreError();
  PrintError(status);
  return kFailed;
}
