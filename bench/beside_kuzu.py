"""The `kuzu` case of run.py: load and queries of a seeded power-law graph beside Kuzu."""

import json
import os
import shutil
import subprocess
import sys

from measure import alternate, run_process

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMA = os.path.join(HERE, "peers/people.pg")
QUERIES = os.path.join(HERE, "peers/people.gq")
MAPPING = os.path.join(HERE, "peers/people_csv.json")
PEER = os.path.join(HERE, "peers/kuzu_peer.py")
SEED = 1
THREADS = "2"

# What is asked in a resident process, with the ratio to Kuzu that is wanted.
WARM = [("keyed", 3), ("one_hop", 3), ("two_hops", 1.5), ("filtered_two_hops", 1.5), ("reachable", 1.5),
        ("triangles", 1.5), ("group_by", 1.5), ("top_20", 1.5), ("anti_join", 1.5)]
# What is asked of a process of its own each time.
COLD = [("keyed", 2), ("one_hop", 2), ("filtered_two_hops", 2), ("reachable", 1), ("anti_join", 1)]


class Resident:
    """A process that answers one query a line with `NANOSECONDS ROWS`."""

    def __init__(self, words):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

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


class Kuzu:
    def __init__(self, bench):
        self.bench = bench
        self.python = bench.arguments.kuzu_python
        self.graph = bench.path("people")
        self.database = bench.path("people.kuzu")
        if not self.python:
            sys.exit("bench: this case needs --kuzu-python")

    def peer(self, *words):
        return [self.python, PEER, *words]

    def run(self):
        parts = self.bench.arguments.kuzu_parts.split(",")
        if "make" in parts:
            nodes, edges = self.bench.arguments.kuzu_nodes, self.bench.arguments.kuzu_edges
            subprocess.run(self.peer("make", self.bench.folder, str(nodes), str(edges), str(SEED)), check=True)
        if "load" in parts:
            self.load()
        self.subject = self.find_subject()
        if "warm" in parts:
            for name, _ in WARM:
                self.check_equal(name)
            self.warm()
        if "cold" in parts:
            self.idle()
            self.cold("", {})
            cache = {"OMNIGRAPH_CACHE_DIR": self.bench.path("cache")}
            self.ask_ours("reachable", cache)
            self.ask_ours("anti_join", cache)
            self.cold(", lists of a cache", cache)
        self.bench.print_notes()

    # ---- load ----

    def load_ours(self, *data):
        shutil.rmtree(self.graph, ignore_errors=True)
        binary = self.bench.binary("cli/omnigraph")
        run_process([binary, "init", "--schema", SCHEMA, self.graph])
        words = [binary, "load", self.graph, "--mode", "overwrite", "--quiet", *data]
        return run_process(words, {"OMNIGRAPH_DURABILITY": "none"})

    def load_csv(self):
        return self.load_ours("--format", "csv", "--mapping", MAPPING, "--data", self.bench.folder)

    def load_lines(self):
        return self.load_ours("--data", self.bench.path("people.jsonl"))

    def load_theirs(self):
        for path in (self.database, self.database + ".wal"):
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.exists(path):
                os.remove(path)
        return run_process(self.peer("load", self.bench.folder, self.database, THREADS))

    def load(self):
        rounds = min(self.bench.rounds, 3)
        csv, lines, theirs = alternate([self.load_csv, self.load_lines, self.load_theirs], rounds, 0)
        for name, ours in (("CSV", csv), ("JSON lines", lines)):
            runs = [ours, theirs]
            self.bench.report(f"load from {name} (wanted 1.5)", "ms", [[run.seconds for run in side] for side in runs],
                              scale=1e3)
            self.bench.report(f"load from {name}, memory (wanted 1.43)", "MB",
                              [[run.peak_bytes for run in side] for side in runs], scale=1e-6)
        # Indexes are the business of upkeep, not of a load.
        words = [self.bench.binary("cli/omnigraph"), "optimize", self.graph, "--quiet"]
        if subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode:
            self.bench.note("the graph has no indexes: `omnigraph optimize` failed")

    # ---- queries ----

    def find_subject(self):
        """Somebody of middling degree: the first name of the file that knows anybody."""
        with open(self.bench.path("edges.csv"), encoding="utf-8") as file:
            file.readline()
            return file.readline().split(",")[0]

    def ours_words(self, name):
        params = json.dumps({"n": self.subject}, separators=(",", ":"))
        return [self.bench.binary("cli/omnigraph"), "query", name, "--query", QUERIES, "--store", self.graph,
                "--params", params, "--format", "jsonl"]

    def ask_ours(self, name, environment):
        return run_process(self.ours_words(name), environment)

    def ask_theirs(self, name):
        return run_process(self.peer("ask", self.database, THREADS, name, self.subject))

    def check_equal(self, name):
        """A comparison of times means something only if both sides gave the same rows."""
        lines = self.ask_ours(name, {}).output.decode().splitlines()[1:]
        ours = sorted(normal(json.loads(line).values()) for line in lines)
        theirs = sorted(normal(json.loads(line)) for line in self.ask_theirs(name).output.decode().splitlines())
        if ours != theirs:
            sys.exit(f"bench: {name}: ours {len(ours)} rows {ours[:3]}, Kuzu {len(theirs)} rows {theirs[:3]}")

    def warm(self):
        ours = Resident([self.bench.binary("bench/graph/query_runner"), self.graph, QUERIES])
        theirs = Resident(self.peer("serve", self.database, THREADS))
        params = json.dumps({"n": self.subject}, separators=(",", ":"))
        try:
            for name, wanted in WARM:
                sides = [lambda: ours.ask(f"{name} {params}"), lambda: theirs.ask(f"{name} {self.subject}")]
                times = alternate(sides, self.bench.rounds, self.bench.arguments.warmups)
                self.bench.report(f"warm {name} (wanted {wanted})", "ms", times, scale=1e3, digits=3)
        finally:
            ours.close()
            theirs.close()

    def idle(self):
        """What a cold process takes for nothing; most of the peer's is its interpreter."""
        sides = [lambda: run_process([self.bench.binary("cli/omnigraph"), "version"]),
                 lambda: run_process(self.peer("idle"))]
        runs = alternate(sides, self.bench.rounds, self.bench.arguments.warmups)
        self.bench.report("cold, nothing asked", "ms", [[run.seconds for run in side] for side in runs], scale=1e3)

    def cold(self, title, environment):
        for name, wanted in COLD:
            sides = [lambda: self.ask_ours(name, environment), lambda: self.ask_theirs(name)]
            runs = alternate(sides, self.bench.rounds, self.bench.arguments.warmups)
            times = [[run.seconds for run in side] for side in runs]
            self.bench.report(f"cold {name}{title} (wanted {wanted})", "ms", times, scale=1e3)


def normal(row):
    """Values that compare equal whatever the last digit of a float is."""
    return tuple(f"{value:.9g}" if isinstance(value, float) else str(value) for value in row)


def run(bench):
    Kuzu(bench).run()
