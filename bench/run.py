"""Side-by-side runs of ours and peers. The method and the results are in bench/README.md.

usage: run.py --bin bazel-bin [--peer-python PYTHON] [--reference BINARY] [CASE...]

Cases: load, cold, scan, take, size, format, storage, dataset, commit; all of them if none is named.
`dataset:delete` and the like run one of its operations (datasets.py), `storage:cached` one part (stores.py).
Without a peer our side runs alone.
The case kuzu has to be named; it needs --kuzu-python. So has the case requests, which prints another table.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import beside_kuzu
import commits
import formats
import stores
from measure import Series, alternate, run_process

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SCHEMA = os.path.join(ROOT, "tools/debian_graph/debian.pg")
QUERIES = os.path.join(ROOT, "tools/debian_graph/debian.gq")
COLD_QUERIES = [("keyed look-up", "package"), ("one hop", "direct"), ("four steps", "four_steps")]
SUBJECT = "fast-0"  # the package of the generated graph that most others depend on
DEEP_SUBJECT = "line-26221"  # one with many dependencies

TABLE_ROWS = 1_000_000
TAKE_ROWS = 1_000
SEED = 1


class Bench:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.rows = []
        self.notes = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def binary(self, name):
        return os.path.join(os.path.abspath(self.arguments.bin), name)

    def peer_script(self, name):
        return os.path.join(HERE, "peers", name)

    def run_peer(self, script, *words):
        if not self.arguments.peer_python:
            sys.exit("bench: this case needs --peer-python")
        subprocess.run([self.arguments.peer_python, self.peer_script(script), *words], check=True,
                       stderr=subprocess.DEVNULL)

    def peer(self, table, prefix=()):
        return Peer(self.arguments.peer_python, table, prefix)

    @property
    def rounds(self):
        return self.arguments.rounds

    def sides(self):
        """(name, omnigraph binary) of both sides that run the same command line."""
        sides = [("ours", self.binary("cli/omnigraph"))]
        if self.arguments.reference:
            sides.append(("reference", self.arguments.reference))
        return sides

    # ---- results ----

    def report(self, case, unit, values, scale=1.0, digits=1):
        """One line: `values` is one list a side, ours first."""
        series = []
        for side in values:
            entry = Series()
            for value in side:
                entry.add(value * scale)
            series.append(entry)
        cells = [case, unit] + [describe(entry, digits) for entry in series]
        cells += [""] * (4 - len(cells))
        ratio = f"{series[1].median / series[0].median:.2f}" if len(series) > 1 else ""
        self.rows.append(cells + [ratio])
        print("| " + " | ".join(self.rows[-1]) + " |", flush=True)

    def note(self, line):
        """A line below the table."""
        self.notes.append(line)

    def print_notes(self):
        print("".join(f"\n- {line}" for line in self.notes), flush=True)
        self.notes = []

    def report_runs(self, case, runs, startup):
        """Times, and memory beyond what the same program takes to print its version."""
        self.report(case, "ms", [[run.seconds for run in side] for side in runs], scale=1e3)
        memory = [
            [max(run.peak_bytes - floor, 0) for run in side] for side, floor in zip(runs, startup)
        ]
        self.report(case + ", memory", "MB", memory, scale=1e-6)

    def startup_memory(self):
        return [run_process([binary, "version"]).peak_bytes for _, binary in self.sides()]

    # ---- cases over the graph ----

    def batch(self):
        path = self.path("graph.jsonl")
        if not os.path.exists(path):
            with open(path, "wb") as file:
                words = [self.binary("tools/debian_graph/debian_graph"), "generate", "--seed", str(SEED)]
                subprocess.run(words, stdout=file, stderr=subprocess.DEVNULL, check=True)
        return path

    def load_once(self, name, binary, durability):
        graph = self.path(f"graph-{name}")
        shutil.rmtree(graph, ignore_errors=True)
        run_process([binary, "init", "--schema", SCHEMA, graph])
        words = [binary, "load", graph, "--data", self.batch(), "--mode", "overwrite", "--quiet"]
        return run_process(words, {"OMNIGRAPH_DURABILITY": durability})

    def load(self):
        batch = self.batch()
        os.sync()

        def side(name, binary, durability):
            return lambda: self.load_once(name, binary, durability)

        runs = alternate([side(*s, "none") for s in self.sides()], self.rounds, self.arguments.warmups)
        self.report_runs(f"load {os.path.getsize(batch) / 1e6:.0f} MB of JSON", runs, self.startup_memory())
        full = alternate([side(*self.sides()[0], "full")], self.rounds, self.arguments.warmups)
        self.report("the same, durability full", "ms", [[r.seconds for r in full[0]]], scale=1e3)

    def cold(self):
        graphs = {}
        for name, binary in self.sides():
            graphs[name] = self.path(f"graph-{name}")
            if not os.path.exists(graphs[name]):
                self.load_once(name, binary, "none")
        startup = self.startup_memory()

        def side(name, binary, query, subject):
            words = [binary, "query", query, "--query", QUERIES, "--store", graphs[name], "--json",
                     "--params", json.dumps({"name": subject})]
            return lambda: run_process(words)

        for title, query in COLD_QUERIES:
            subject = SUBJECT if query == "package" else DEEP_SUBJECT
            sides = [side(*s, query, subject) for s in self.sides()]
            check_equal(title, [rows_of(ask().output) for ask in sides])
            self.report_runs(f"cold {title}", alternate(sides, self.rounds, self.arguments.warmups), startup)

    # ---- cases over one table ----

    def table(self):
        path = self.path("table.lance")
        if not os.path.exists(path):
            if not self.arguments.peer_python:
                sys.exit("bench: scan and take need --peer-python, which writes their table")
            words = [self.arguments.peer_python, os.path.join(HERE, "peers/lance_peer.py"), "make", path]
            subprocess.run(words + [str(TABLE_ROWS), str(SEED)], check=True)
        return path

    def tool(self, words):
        """Seconds of the last of three passes of one lance-tool process."""
        full = [self.binary("cli/lance-tool"), *words, "--repeat", "3", "--json"]
        report = json.loads(run_process(full).output)
        return report["times_us"][-1] * 1e-6, report["rows"]

    def against_peer(self, title, words, command, scale, unit):
        peer = Peer(self.arguments.peer_python, self.table())
        try:
            ours, theirs = alternate([lambda: self.tool(words), lambda: peer.ask(command)],
                                     self.rounds, self.arguments.warmups)
        finally:
            peer.close()
        check_equal(title, [{rows for _, rows in side} for side in (ours, theirs)])
        self.report(title, unit, [[seconds for seconds, _ in side] for side in (ours, theirs)], scale, 2)

    def scan(self):
        self.against_peer("scan of 1 M rows", ["scan", self.table()], "scan", 1e3, "ms")

    def take(self):
        positions = self.path("positions")
        chosen = sorted(random.Random(SEED).sample(range(TABLE_ROWS), TAKE_ROWS))
        with open(positions, "w", encoding="ascii") as file:
            file.write("".join(f"{number}\n" for number in chosen))
        words = ["take", self.table(), "--rows", ",".join(str(number) for number in chosen)]
        self.against_peer("take of 1,000 rows", words, f"take {positions}", 1e3, "ms")

    def format(self, *parts):
        formats.run(self, *parts)

    def storage(self, *parts):
        if unknown := set(parts) - set(stores.PARTS):
            sys.exit(f"bench: no part {sorted(unknown)[0]} of storage")
        stores.run(self, *parts)

    # ---- operations on datasets through the C library ----

    def dataset(self, *operations):
        words = [self.arguments.peer_python, os.path.join(HERE, "datasets.py"),
                 os.path.abspath(os.path.join(self.arguments.bin, "engine/capi/liblance.so")), self.folder]
        environment = {**os.environ, "OMNIGRAPH_DURABILITY": "none"}
        numbers = [str(self.rounds), str(self.arguments.warmups), str(self.arguments.scale)]
        run = subprocess.Popen([*words, *numbers, *operations], stdout=subprocess.PIPE, text=True, env=environment)
        done = [json.loads(line) for line in run.stdout]
        if run.wait() != 0:
            sys.exit("bench: dataset failed")
        for result in done:
            self.report(result["title"], "ms", result["ms"], digits=2)
            memory = [run_process([*words, "memory", side, str(self.arguments.scale), result["case"]], environment)
                      for side in ("ours", "peer")]
            self.report(result["title"] + ", peak memory of a process", "MB",
                        [[run.peak_bytes] for run in memory], scale=1e-6)

    def requests(self):
        """Prints a table of its own."""
        words = [self.arguments.peer_python, os.path.join(HERE, "request_counts.py"),
                 os.path.abspath(os.path.join(self.arguments.bin, "engine/capi/liblance.so"))]
        subprocess.run([*words, self.arguments.s3_python], check=True)

    def kuzu(self):
        beside_kuzu.run(self)

    def commit(self):
        commits.run(self)

    # ---- size ----

    def size(self):
        sizes = []
        for name, binary in self.sides():
            copy = self.path(f"stripped-{name}")
            shutil.copy(binary, copy)
            os.chmod(copy, 0o755)
            subprocess.run(["strip", copy], check=True)
            sizes.append([os.path.getsize(copy)])
        self.report("omnigraph, stripped", "MB", sizes, scale=1e-6)


class Peer:
    """A resident process of the Lance library."""

    def __init__(self, python, table, prefix=()):
        words = [*prefix, python, os.path.join(HERE, "peers/lance_peer.py"), "serve", table]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)

    def ask(self, command):
        return self.ask_all(command)[:2]

    def ask_all(self, command):
        """(seconds, rows, bytes)"""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        nanoseconds, rows, size = self.process.stdout.readline().split()
        return int(nanoseconds) / 1e9, int(rows), int(size)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def describe(series, digits):
    low, high = series.quartiles
    return f"{series.median:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def rows_of(output):
    return json.loads(output)["rows"]


def check_equal(title, answers):
    """A comparison of times means something only if both sides gave the same answer."""
    if any(answer != answers[0] for answer in answers):
        sys.exit(f"bench: {title}: the sides give different answers")


CASES = ["load", "cold", "scan", "take", "size", "format", "storage", "dataset", "commit"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder with cli/ and tools/ as built")
    parser.add_argument("--peer-python", help="a Python with the Lance library")
    parser.add_argument("--reference", help="another omnigraph binary with the same command line")
    parser.add_argument("--s3-python", help="a Python that can start the S3 server of `storage`")
    parser.add_argument("--versitygw", help="that server")
    parser.add_argument("--quick", action="store_true", help="small loads, to see whether `storage` works")
    parser.add_argument("--kuzu-python", help="a Python with Kuzu")
    parser.add_argument("--kuzu-nodes", type=int, default=1_000_000)
    parser.add_argument("--kuzu-edges", type=int, default=10_000_000)
    parser.add_argument("--kuzu-parts", default="make,load,warm,cold", help="those of the case kuzu to run")
    parser.add_argument("--folder", help="where the data is, and stays; else a temporary folder")
    parser.add_argument("--merge-nodes", type=int, default=1_000_000, help="of the large graph of `commit`")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--warmups", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1.0, help="of the tables of the case dataset")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    arguments = parser.parse_args()
    if unknown := {case.split(":")[0] for case in arguments.cases} - set(CASES) - {"kuzu", "requests"}:
        parser.error(f"no case {sorted(unknown)[0]}")
    if arguments.cases != ["requests"]:
        print("| case | unit | ours, median (quartiles) | peer, median (quartiles) | peer / ours |")
        print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        if arguments.folder:
            os.makedirs(arguments.folder, exist_ok=True)
        bench = Bench(arguments, arguments.folder or temporary)
        for case in arguments.cases or CASES:
            name, *operations = case.split(":")
            getattr(bench, name)(*operations)


if __name__ == "__main__":
    main()
