// The person at the terminal, if there is one: questions, and the progress of a long command on one
// line of standard error that is written over.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "engine/dataset/progress.h"
#include "io/env/env.h"

namespace og::cli {

// "compact  [#########           ]  45%  9 of 20 fragments  12.4 MB  eta 0:12" after `elapsed_ns`.
std::string ToolProgressLine(std::string_view label, const engine::dataset::Progress& progress,
                             int64_t elapsed_ns);

// "12.4 MB": powers of 1000.
std::string ByteSizeText(uint64_t bytes);

// Thread-compatible.
class Terminal {
 public:
  // Answers come from `input_fd`, questions go to `error_fd`.
  Terminal(int input_fd, int error_fd) : input_fd_(input_fd), error_fd_(error_fd) {}

  // Consent to what cannot be undone: ok with `yes` (the flag --yes), or when a person answers "y"
  // to `question`. kFailedPrecondition after another answer, and with nobody to ask.
  absl::Status Confirm(std::string_view question, bool yes);

  bool shows_progress() const;
  void Write(std::string_view text) const;

 private:
  std::string ReadLine() const;

  const int input_fd_;
  const int error_fd_;
};

// Draws at most ten times a second, and nothing unless standard error is a terminal. Ends its line
// when destroyed. Outlived by `terminal` and `env`.
class ToolProgressBar {
 public:
  ToolProgressBar(const Terminal& terminal, io::Env& env, std::string_view label);
  ~ToolProgressBar();
  ToolProgressBar(const ToolProgressBar&) = delete;
  ToolProgressBar& operator=(const ToolProgressBar&) = delete;

  // To be handed to the engine; empty when nothing is to be drawn.
  engine::dataset::ProgressFn Callback();

 private:
  void Draw(const engine::dataset::Progress& progress);

  const Terminal& terminal_;
  io::Env& env_;
  const std::string label_;
  const bool drawing_;
  const int64_t started_ns_;
  int64_t drawn_ns_ = 0;
};

}  // namespace og::cli
