// The standard streams of the process. Text for stdout is gathered and written in large pieces.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace og::cli {

// Thread-compatible.
class Console {
 public:
  // Text for stdout. An error when the reader has gone (then stdout_closed()) or the write failed.
  absl::Status Out(std::string_view text);

  // Writes what is gathered.
  absl::Status Flush();

  // Text for stderr, at once; what cannot be written is lost.
  void Err(std::string_view text);

  // Whether whoever read our stdout has closed it, as `head` does when it has enough.
  bool stdout_closed() const { return stdout_closed_; }

  bool stderr_is_terminal() const;
  bool stdin_is_terminal() const;

  // One line of stdin without its end; empty at the end of input.
  std::string ReadLine();

 private:
  std::string gathered_;
  bool stdout_closed_ = false;
};

}  // namespace og::cli
