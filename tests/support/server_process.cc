#include "tests/support/server_process.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace og::tests {
namespace {

constexpr int kStartMs = 60'000;

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::abort();
}

// What `fd` gives until a line "ready PORT" is complete, or the end.
std::string ReadUntilReady(int fd) {
  std::string text;
  const auto start = std::chrono::steady_clock::now();
  while (text.find("ready ") == std::string::npos ||
         text.find('\n', text.find("ready ")) == std::string::npos) {
    const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - start);
    pollfd waited{fd, POLLIN, 0};
    if (poll(&waited, 1, kStartMs - static_cast<int>(spent.count())) <= 0) break;
    std::array<char, 512> part;
    const ssize_t got = read(fd, part.data(), part.size());
    if (got <= 0) break;
    text.append(part.data(), static_cast<size_t>(got));
  }
  return text;
}

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') {
    Die(std::string(name) + " is not set: this test needs an S3 server; run it with ./dev test");
  }
  return value;
}

}  // namespace

ServerProcess::ServerProcess(const std::vector<std::string>& command) {
  std::array<int, 2> in{}, out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) Die("no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const int error =
      posix_spawnp(&process_, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) Die(command[0] + ": " + std::strerror(error));
  close(in[0]);
  close(out[1]);
  input_ = in[1];
  const std::string text = ReadUntilReady(out[0]);
  close(out[0]);
  const size_t ready = text.find("ready ");
  if (ready == std::string::npos) Die(command[0] + " did not start: " + text);
  port_ = static_cast<uint16_t>(std::strtoul(text.c_str() + ready + 6, nullptr, 10));
}

ServerProcess::~ServerProcess() {
  close(input_);
  int status = 0;
  waitpid(process_, &status, 0);
}

std::string ServerProcess::Url() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

std::string S3Python() {
  return FromEnvironment("OG_S3_PYTHON");
}

std::string VersityProgram() {
  return FromEnvironment("OG_VERSITYGW");
}

}  // namespace og::tests
