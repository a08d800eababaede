// A server program for the life of a test: started, waited for, and stopped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace og::tests {

// The program must print "ready PORT" on stdout when it answers, and end when its stdin closes: so
// it also ends when the test dies.
class ServerProcess {
 public:
  // Starts `command`, found by PATH, and waits at most 60 s; aborts the test program, with what the
  // server printed, if that fails.
  explicit ServerProcess(const std::vector<std::string>& command);

  // Closes its stdin and waits for the end.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  uint16_t port() const { return port_; }

  // "http://127.0.0.1:PORT".
  std::string Url() const;

 private:
  pid_t process_ = 0;
  int input_ = -1;
  uint16_t port_ = 0;
};

// The Python interpreter with the S3 servers, from OG_S3_PYTHON; aborts the test program with the
// way to get it if that is not set: ./dev test sets it.
std::string S3Python();

// The program versitygw, from OG_VERSITYGW, likewise.
std::string VersityProgram();

}  // namespace og::tests
