// What tests of the graph share: inputs from texts, exports as texts, a small schema.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "gtest/gtest.h"

#include "engine/graph/graph.h"
#include "io/base/status.h"
#include "io/env/env.h"

namespace og::engine::graph {

// A text as the input of a load.
class InputText final : public ByteSource {
 public:
  explicit InputText(std::string_view text) : text_(text) {}
  absl::StatusOr<size_t> Read(std::byte* out, size_t capacity) override {
    const size_t size = std::min(capacity, text_.size() - at_);
    std::memcpy(out, text_.data() + at_, size);
    at_ += size;
    return size;
  }
  absl::StatusOr<bool> Rewind() override {
    at_ = 0;
    return true;
  }
  uint64_t size() const override { return text_.size(); }
  std::string_view name() const override { return "test"; }

 private:
  const std::string_view text_;
  size_t at_ = 0;
};

inline constexpr std::string_view kPeopleSchema =
    "node Person { name: String @key\n  age: I64?\n  email: String? @unique }\n"
    "node Team { slug: String @key }\n"
    "edge Knows: Person -> Person { since: I32? }\n"
    "edge MemberOf: Person -> Team @card(0..2)\n";

inline constexpr std::string_view kPeople =
    "{\"type\":\"Person\",\"data\":{\"name\":\"ann\",\"age\":30,\"email\":\"a@x\"}}\n"
    "{\"type\":\"Person\",\"data\":{\"name\":\"bob\"}}\n"
    "{\"type\":\"Team\",\"data\":{\"slug\":\"t1\"}}\n"
    "{\"edge\":\"Knows\",\"from\":\"ann\",\"to\":\"bob\",\"data\":{\"id\":\"k1\",\"since\":7}}\n"
    "{\"edge\":\"MemberOf\",\"from\":\"bob\",\"to\":\"t1\",\"data\":{\"id\":\"m1\"}}\n";

// kPeople as an export writes it.
inline constexpr std::string_view kPeopleExport =
    "{\"edge\":\"Knows\",\"from\":\"ann\",\"to\":\"bob\",\"data\":{\"id\":\"k1\",\"since\":7}}\n"
    "{\"edge\":\"MemberOf\",\"from\":\"bob\",\"to\":\"t1\",\"data\":{\"id\":\"m1\"}}\n"
    "{\"type\":\"Person\",\"data\":{\"id\":\"ann\",\"age\":30,\"email\":\"a@x\",\"name\":\"ann\"}}"
    "\n"
    "{\"type\":\"Person\",\"data\":{\"id\":\"bob\",\"age\":null,\"email\":null,\"name\":\"bob\"}}\n"
    "{\"type\":\"Team\",\"data\":{\"id\":\"t1\",\"slug\":\"t1\"}}\n";

inline absl::StatusOr<LoadResult> LoadText(Graph& graph, std::string_view text, LoadMode mode,
                                           const std::string& branch = "main") {
  InputText input(text);
  LoadOptions options;
  options.branch = branch;
  options.mode = mode;
  return graph.Load(input, options);
}

// The export of `target`, or "error: ..." with the text of what went wrong.
inline std::string ExportText(Graph& graph, const ReadTarget& target = {}) {
  ExportOptions options;
  options.target = target;
  std::string text;
  const absl::Status status = graph.Export(options, [&text](std::string_view lines) {
    text += lines;
    return absl::OkStatus();
  });
  return status.ok() ? text : "error: " + std::string(io::Message(status));
}

}  // namespace og::engine::graph
