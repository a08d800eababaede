// Graphs whose writers died, as folders, for the real library to judge: every kind of writer is
// stopped at every change of its store, by the end of the process and by losses of power
// (moment_store.h), and a sample of what is left is written down as it lies and again after
// recovery; and what the writer made when nothing stopped it.
//
//   write_crash_states FOLDER COUNT    COUNT states of each writer; OG_SEED says which ones
//     FOLDER/{writer}-{n}-left, FOLDER/{writer}-{n}-recovered, FOLDER/{writer}-done
//     FOLDER/states.jsonl: {"folder": , "after": } a line
//
// Branches name their tables by absolute paths, so each graph has to lie at FOLDER/graph, an
// absolute path, when it is opened. Here it lies there in memory; only the folders that writers
// lock are real.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/graph/cleanup.h"
#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/optimize.h"
#include "engine/query/parse.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"
#include "tests/support/moment_store.h"
#include "tests/support/seed.h"
#include "tests/support/temp_dir.h"

namespace og {
namespace {

using engine::graph::Graph;
using engine::graph::LoadMode;
using engine::graph::OpenMode;
using tests::Moment;
using tests::MomentMachine;

constexpr std::string_view kSchema =
    "node Person { name: String @key\n  age: I64?\n  email: String? @unique\n  words: [String]? }\n"
    "node Team { slug: String @key }\n"
    "edge Knows: Person -> Person { since: I32? }\n"
    "edge MemberOf: Person -> Team @card(0..2)\n";

constexpr std::string_view kNextSchema =
    "node Human @rename_from(\"Person\") { name: String @key\n  years: I64? @rename_from(\"age\")\n"
    "  email: String? @unique\n  mood: enum(calm, wild)? }\n"
    "node City { name: String @key }\n"
    "node Team { slug: String @key }\n"
    "edge Knows: Human -> Human { }\n"
    "edge LivesIn: Human -> City\n";

// People and teams `first` .. `last`, each person a member of a team and acquainted with the next.
std::string Rows(int first, int last) {
  std::string rows;
  for (int i = first; i <= last; ++i) {
    rows += io::StrCat("{\"type\":\"Person\",\"data\":{\"name\":\"p", i, "\",\"age\":", i,
                       ",\"words\":[\"a\",\"", i, "\"]}}\n");
    rows += io::StrCat("{\"type\":\"Team\",\"data\":{\"slug\":\"t", i, "\"}}\n");
  }
  for (int i = first; i <= last; ++i) {
    const int next = i == last ? first : i + 1;
    rows += io::StrCat("{\"edge\":\"Knows\",\"from\":\"p", i, "\",\"to\":\"p", next,
                       "\",\"data\":{\"id\":\"k", i, "\",\"since\":", i, "}}\n");
    rows += io::StrCat("{\"edge\":\"MemberOf\",\"from\":\"p", i, "\",\"to\":\"t", i,
                       "\",\"data\":{\"id\":\"m", i, "\"}}\n");
  }
  return rows;
}

absl::Status Load(Graph& graph, int first, int last, LoadMode mode,
                  const std::string& branch = "main") {
  const std::string rows = Rows(first, last);
  engine::graph::InputText text(rows);
  engine::graph::LoadOptions options;
  options.branch = branch;
  options.mode = mode;
  return graph.Load(text, options).status();
}

absl::Status Mutate(Graph& graph, std::string_view statements, const std::string& branch = "main") {
  OG_ASSIGN_OR_RETURN(const auto file,
                      engine::query::ParseQueryFile(io::StrCat("query q() { ", statements, " }")));
  engine::graph::MutateOptions options;
  options.branch = branch;
  return graph.Mutate(file.queries[0], {}, options).status();
}

absl::Status Merge(Graph& graph, const std::string& source, const std::string& target) {
  return graph.MergeBranch({.source = source, .target = target, .actor_id = {}, .dry_run = false})
      .status();
}

absl::Status Branched(Graph& graph) {
  return graph.CreateBranch("b", "main");
}

absl::Status BothChanged(Graph& graph) {
  OG_RETURN_IF_ERROR(Branched(graph));
  OG_RETURN_IF_ERROR(Load(graph, 6, 8, LoadMode::kAppend, "b"));
  OG_RETURN_IF_ERROR(Mutate(graph, "delete Person where name = \"p1\"", "b"));
  OG_RETURN_IF_ERROR(Load(graph, 9, 9, LoadMode::kAppend));
  return Mutate(graph, "update Person set { age: 70 } where name = \"p3\"");
}

using Action = std::function<absl::Status(Graph&)>;

struct Writer {
  std::string name;
  Action prepare;  // from a graph of five people
  std::function<absl::Status(io::Env&, Graph&)> act;
};

// What is done through the graph alone.
std::function<absl::Status(io::Env&, Graph&)> Do(Action act) {
  return [act = std::move(act)](io::Env&, Graph& graph) { return act(graph); };
}

absl::Status Optimize(io::Env& env, Graph& graph) {
  return engine::graph::OptimizeGraph(env, graph.root(), {}).status();
}

absl::Status Cleanup(io::Env& env, Graph& graph) {
  return engine::graph::CleanupGraph(env, graph.root(), {.keep_versions = 1}).status();
}

std::vector<Writer> Writers() {
  const Action nothing = [](Graph&) { return absl::OkStatus(); };
  return {
      {"append", nothing, Do([](Graph& graph) { return Load(graph, 6, 8, LoadMode::kAppend); })},
      {"overwrite", nothing,
       Do([](Graph& graph) { return Load(graph, 3, 7, LoadMode::kOverwrite); })},
      {"merge_rows", nothing, Do([](Graph& graph) { return Load(graph, 3, 7, LoadMode::kMerge); })},
      {"insert", nothing, Do([](Graph& graph) {
         return Mutate(graph,
                       "insert Person { name: \"eve\" } insert Team { slug: \"t9\" } "
                       "insert MemberOf { from: \"eve\" to: \"t9\" }");
       })},
      {"update", nothing, Do([](Graph& graph) {
         return Mutate(graph, "update Person set { age: 8 } where age > 2");
       })},
      {"delete", nothing,
       Do([](Graph& graph) { return Mutate(graph, "delete Person where name = \"p2\""); })},
      {"branch_create", nothing, Do(Branched)},
      {"branch_delete", BothChanged, Do([](Graph& graph) { return graph.DeleteBranch("b"); })},
      {"first_write_of_branch", Branched,
       Do([](Graph& graph) { return Load(graph, 6, 8, LoadMode::kMerge, "b"); })},
      {"fast_forward",
       [](Graph& graph) -> absl::Status {
         OG_RETURN_IF_ERROR(Branched(graph));
         return Load(graph, 6, 8, LoadMode::kAppend, "b");
       },
       Do([](Graph& graph) { return Merge(graph, "b", "main"); })},
      {"three_way", BothChanged, Do([](Graph& graph) { return Merge(graph, "b", "main"); })},
      {"merge_onto_branch", BothChanged,
       Do([](Graph& graph) { return Merge(graph, "main", "b"); })},
      {"optimize", BothChanged, Optimize},
      {"cleanup", BothChanged, Cleanup},
      {"schema_apply",
       [](Graph& graph) { return Mutate(graph, "delete Person where name = \"p4\""); },
       Do([](Graph& graph) { return graph.ApplySchema(kNextSchema, {}).status(); })}};
}

constexpr int64_t kHourUs = int64_t{3'601} * 1'000'000;

class States {
 public:
  States(std::string folder, size_t count)
      : folder_(std::move(folder)),
        root_(folder_ + "/graph"),
        count_(count),
        list_(folder_ + "/states.jsonl") {}

  absl::Status Add(const Writer& writer) {
    MomentMachine machine(root_);
    OG_RETURN_IF_ERROR(Graph::Init(machine.env(), machine.root(), kSchema, {}));
    OG_ASSIGN_OR_RETURN(const auto graph,
                        Graph::Open(machine.env(), machine.root(), OpenMode::kReadWrite));
    OG_RETURN_IF_ERROR(Load(*graph, 1, 5, LoadMode::kAppend));
    OG_RETURN_IF_ERROR(writer.prepare(*graph));
    machine.store().Start();
    OG_RETURN_IF_ERROR(writer.act(machine.env(), *graph));
    machine.store().Acknowledge();
    return Sample(writer.name, machine.store().moments());
  }

  // A graph that is only being made.
  absl::Status AddInit() {
    MomentMachine machine(root_);
    machine.store().Start();
    OG_RETURN_IF_ERROR(Graph::Init(machine.env(), machine.root(), kSchema, {}));
    const std::vector<Moment>& moments = machine.store().moments();
    for (size_t i = 0; i < count_; ++i)
      Write(io::StrCat("init-", i, "-left"), moments[At(i, moments.size())]);
    return absl::OkStatus();
  }

 private:
  // The first of every four moments is a killed process, the others are losses of power: each has
  // its turn.
  size_t At(size_t i, size_t num_moments) const {
    const size_t fours = num_moments / 4;
    const size_t four = (tests::Seed() + i * fours / count_) % fours;
    return four * 4 + (tests::Seed() / fours + i) % 4;
  }

  absl::Status Sample(const std::string& name, const std::vector<Moment>& moments) {
    for (size_t i = 0; i < count_; ++i) {
      const Moment& moment = moments[At(i, moments.size())];
      const std::string place = io::StrCat(name, "-", i);
      Write(place + "-left", moment);
      MomentMachine next(root_, moment.disk);
      // Nobody can hold a root in memory: what locks it counts as left behind after an hour.
      next.env().SleepUs(kHourUs);
      OG_RETURN_IF_ERROR(Graph::Open(next.env(), next.root(), OpenMode::kReadWrite).status());
      next.store().Note("recovery");
      Write(place + "-recovered", next.store().moments().front());
    }
    Write(name + "-done", moments[moments.size() - 4]);
    std::printf("%s: %zu of %zu states\n", name.c_str(), count_, moments.size());
    return absl::OkStatus();
  }

  void Write(const std::string& place, const Moment& moment) {
    std::filesystem::create_directories(io::StrCat(folder_, "/", place));
    // "/{path}" begins with the root.
    for (const auto& [path, object] : moment.disk->objects()) {
      tests::WriteFile(io::StrCat(folder_, "/", place, path.substr(root_.size() - 1)),
                       object.bytes.view());
    }
    io::JsonWriter json;
    json.BeginObject();
    json.Key("folder");
    json.String(place);
    json.Key("after");
    json.String(moment.after);
    json.EndObject();
    list_ << std::move(json).Finish() << "\n";
  }

  const std::string folder_;
  const std::string root_;
  const size_t count_;
  std::ofstream list_;
};

absl::Status Run(const std::string& folder, size_t count) {
  for (const char* locked : {"data", "tree/b"})
    std::filesystem::create_directories(io::StrCat(folder, "/graph/__manifest/", locked));
  States states(folder, count);
  OG_RETURN_IF_ERROR(states.AddInit());
  for (const Writer& writer : Writers())
    OG_RETURN_IF_ERROR(states.Add(writer));
  std::filesystem::remove_all(folder + "/graph");
  return absl::OkStatus();
}

}  // namespace
}  // namespace og

int main(int argc, char** argv) {
  const auto count = argc == 3 ? og::io::ParseUint64(argv[2]) : std::nullopt;
  if (!count.has_value()) {
    std::cerr << "usage: write_crash_states FOLDER COUNT\n";
    return 2;
  }
  const absl::Status status = og::Run(argv[1], *count);
  if (!status.ok()) std::cerr << og::io::Message(status) << "\n";
  return status.ok() ? 0 : 1;
}
