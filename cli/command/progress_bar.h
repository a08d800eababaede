// The progress of a long command on a terminal: one line of stderr that is written over.
//
//   load  [###########         ]  55%  1203440 rows  48.1 MB/s  eta 0:12
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/command/console.h"
#include "engine/graph/graph.h"
#include "io/env/env.h"

namespace og::cli {

// The line for `progress` after `elapsed_ns`. A share and an estimate need a known size.
std::string ProgressLine(std::string_view label, const engine::graph::Progress& progress,
                         int64_t elapsed_ns);

// Draws at most ten times a second; nothing unless stderr is a terminal. Ends its line when
// destroyed. Outlived by `console` and `env`.
class ProgressBar {
 public:
  ProgressBar(Console& console, io::Env& env, std::string_view label, bool wanted);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // To be handed to the engine; empty when nothing is to be drawn.
  engine::graph::ProgressFn Callback();

 private:
  void Draw(const engine::graph::Progress& progress);

  Console& console_;
  io::Env& env_;
  const std::string label_;
  const bool drawing_;
  int64_t started_ns_ = 0;
  int64_t drawn_ns_ = 0;
};

}  // namespace og::cli
