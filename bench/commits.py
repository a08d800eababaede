"""The `commit` case of run.py: small commits, branches and merges of a graph.

One-row inserts of a resident process stand beside one-row appends by the Lance library, which has no graph around
its table; a merge of changed rows beside a load of the same rows in mode `merge`.
"""

import json
import os
import shutil
import subprocess
import sys

from measure import alternate, run_process

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.join(HERE, "peers/append_peer.py")
DURABILITY = {"OMNIGRAPH_DURABILITY": "none"}
CHANGES = 1_000
ITEMS = "node Item { name: String @key  count: I64?  note: String? }\n"


class Resident:
    """A process that answers each line with `NANOSECONDS COUNT`."""

    def __init__(self, words):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **DURABILITY})

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"bench: no answer to {line}")
        return int(answer.split()[0]) / 1e9

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def bytes_below(folder):
    """Bytes of all files, and blocks as the disk counts them."""
    sizes = [os.stat(os.path.join(path, name)) for path, _, names in os.walk(folder) for name in names]
    return sum(s.st_size for s in sizes), sum(s.st_blocks * 512 for s in sizes)


class Commits:
    def __init__(self, bench):
        self.bench = bench
        self.tool = bench.binary("cli/omnigraph")
        self.number = 0

    def run_tool(self, *words, durability="none"):
        return run_process([self.tool, *words], {"OMNIGRAPH_DURABILITY": durability})

    def run(self):
        self.demo = self.bench.path("graph-commit")
        self.bench.load_once("commit", self.tool, "none")
        self.one_entity()
        self.resident()
        self.branches()
        self.merges("a merge of 1,000 changes in 1 M nodes", self.items(self.bench.arguments.merge_nodes))

    def insert(self):
        self.number += 1
        return f'query q() {{ insert Maintainer {{ email: "new-{self.number}@x" name: "New" }} }}'

    def one_entity(self):
        def side(durability):
            return lambda: self.run_tool("mutate", "-e", self.insert(), "--store", self.demo, "--json",
                                         durability=durability)

        for durability in ("none", "full"):
            runs = alternate([side(durability)], self.bench.rounds, self.bench.arguments.warmups)
            self.bench.report(f"one-entity mutation, a process each, durability {durability}", "ms",
                              [[run.seconds for run in runs[0]]], scale=1e3)
        before, blocks_before = bytes_below(self.demo)
        for _ in range(10):
            self.run_tool("mutate", "-e", self.insert(), "--store", self.demo)
        after, blocks_after = bytes_below(self.demo)
        self.bench.report("the same, bytes on disk", "KB", [[(after - before) / 10]], scale=1e-3)
        self.bench.report("the same, blocks of the disk", "KB", [[(blocks_after - blocks_before) / 10]], scale=1e-3)

    def resident(self):
        ours = Resident([self.bench.binary("bench/graph/mutation_runner"), self.demo])
        peer = Resident([self.bench.arguments.peer_python, PEER, self.bench.path("appended.lance")])
        runs = alternate([lambda: ours.ask(self.insert()), lambda: peer.ask("append")], self.bench.rounds * 3,
                         self.bench.arguments.warmups)
        ours.close()
        peer.close()
        self.bench.report("insert of one node, resident; one-row append", "ms", runs, scale=1e3, digits=2)

    def branches(self):
        def create():
            self.number += 1
            return self.run_tool("branch", "create", f"b{self.number}", "--uri", self.demo)

        runs = alternate([create], self.bench.rounds, self.bench.arguments.warmups)
        self.bench.report("branch create", "ms", [[run.seconds for run in runs[0]]], scale=1e3)
        self.merges("a merge of 1,000 changes into the demo graph",
                    (self.demo, lambda i, n: {"type": "Maintainer", "data": {"email": f"m{i}@x", "name": f"M{n}"}}))

    def items(self, count):
        """A graph of `count` nodes."""
        graph = self.bench.path("graph-items")
        schema = self.bench.path("items.pg")
        with open(schema, "w", encoding="utf-8") as file:
            file.write(ITEMS)
        shutil.rmtree(graph, ignore_errors=True)
        self.run_tool("init", "--schema", schema, graph)

        def line(i, n):
            return {"type": "Item", "data": {"name": f"item-{i:07}", "count": n, "note": f"note of {i}"}}

        self.load(graph, "main", [line(i, 0) for i in range(count)], "overwrite")
        return graph, lambda i, n: line(i * (count // CHANGES), n)

    def load(self, graph, branch, lines, mode):
        path = self.bench.path("lines.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for line in lines:
                file.write(json.dumps(line) + "\n")
        words = ["load", graph, "--branch", branch, "--data", path, "--mode", mode, "--quiet"]
        return self.run_tool(*words, *(["--yes"] if mode == "overwrite" else []))

    def merges(self, title, graph_and_line):
        """Three ways: both sides have changed; beside a load of the same rows."""
        graph, line = graph_and_line
        state = {"n": 0}

        def prepare():
            state["n"] += 1
            branch = f"m{self.number}-{state['n']}"
            self.run_tool("branch", "create", branch, "--uri", graph)
            self.load(graph, branch, [line(i, state["n"]) for i in range(0, CHANGES, 2)], "merge")
            self.load(graph, branch, [line(i, state["n"]) for i in range(1, CHANGES, 2)], "merge")
            self.load(graph, "main", [line(0, state["n"])], "merge")
            return branch

        def merge():
            branch = prepare()
            return self.run_tool("branch", "merge", branch, "--uri", graph, "--json").seconds

        def load():
            state["n"] += 1
            return self.load(graph, "main", [line(i, state["n"]) for i in range(CHANGES)], "merge").seconds

        runs = alternate([merge, load], max(self.bench.rounds // 2, 3), 1)
        self.bench.report(title, "ms", [runs[0]], scale=1e3)
        self.bench.report("a load of the same rows in mode merge", "ms", [runs[1]], scale=1e3)


def run(bench):
    Commits(bench).run()
