"""Builds a graph of all Debian packages and asks it a few questions. Run by ./dev demo.

usage: demo.py --bin bazel-bin [--sample] [FOLDER]

The packages come from apt's lists. Where apt has none, and cannot fetch any, a bundled sample of 500
packages takes their place, and the demo says so. FOLDER (default .cache/demo) is made anew.
"""

import argparse
import json
import lzma
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SCHEMA = os.path.join(HERE, "debian.pg")
QUERIES = os.path.join(HERE, "debian.gq")
SAMPLE = os.path.join(HERE, "sample.txt.xz")

# Fewer packages than this in apt's lists: only what is installed, not an archive.
PACKAGES_MIN = 10_000
ROWS_SHOWN = 10

# (what is asked, name in debian.gq, parameters)
QUESTIONS = [
    ("One package by its name", "package", {"name": "vim"}),
    ("Who maintains it", "maintainer", {"name": "vim"}),
    ("The largest sections, by an aggregate over all packages", "sections", {}),
    ("What vim depends on, one step along Depends edges", "direct", {"name": "vim"}),
    ("All that git needs within four steps", "four_steps", {"name": "git"}),
    ("The packages that most others depend on", "most_needed", {}),
    ("Large packages that no other package asks for", "unneeded", {}),
    ("Who maintains most packages", "maintainers", {}),
]

BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


def title(text):
    print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def megabytes(count):
    return f"{count / 1e6:,.1f} MB"


def folder_bytes(folder):
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            total += os.path.getsize(os.path.join(parent, name))
    return total


# ---- the data -----------------------------------------------------------------------------------


def available_packages():
    """What apt knows, as text of `apt-cache dumpavail`; empty without apt."""
    try:
        return subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=False).stdout
    except FileNotFoundError:
        return b""


def update_lists():
    """Asks apt to fetch its lists; gives up without a word if that is not possible."""
    command = ["apt-get", "update", "-q"]
    if os.geteuid() != 0:
        command = ["sudo", "-n"] + command
    try:
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        pass


def is_archive(text):
    return text.count(b"\nPackage: ") >= PACKAGES_MIN


def read_packages(force_sample):
    if not force_sample:
        text = available_packages()
        if not is_archive(text):
            print("apt has no package lists yet, fetching them")
            update_lists()
            text = available_packages()
        if is_archive(text):
            print(f"from apt's package lists ({megabytes(len(text))} of text)")
            return text
        print("apt has no package lists on this machine:", end=" ")
    print("using the bundled sample of 500 packages")
    with lzma.open(SAMPLE) as file:
        return file.read()


def convert(binaries, text, path):
    with open(path, "wb") as output:
        result = subprocess.run(
            [os.path.join(binaries, "tools/debian_graph/debian_graph"), "convert"],
            input=text, stdout=output, stderr=subprocess.PIPE, check=False,
        )
    print(result.stderr.decode(), end="")
    if result.returncode != 0:
        sys.exit("demo: the conversion failed")


# ---- the graph ----------------------------------------------------------------------------------


class Omnigraph:
    def __init__(self, binaries, graph):
        self.binary = os.path.join(binaries, "cli/omnigraph")
        self.graph = graph

    def run(self, *words):
        """Runs one command; returns its output and the seconds from start to end."""
        start = time.monotonic()
        result = subprocess.run([self.binary, *words], capture_output=True, text=True, check=False)
        seconds = time.monotonic() - start
        if result.returncode != 0:
            sys.exit(f"demo: omnigraph {' '.join(words)} failed\n{result.stderr}")
        return result.stdout, seconds

    def load(self, path):
        """Loads a batch; the command itself shows its progress. Returns the seconds."""
        start = time.monotonic()
        words = [self.binary, "load", self.graph, "--data", path, "--mode", "overwrite"]
        if subprocess.run(words, check=False).returncode != 0:
            sys.exit("demo: the load failed")
        return time.monotonic() - start

    def ask(self, name, parameters):
        return self.run("query", name, "--query", QUERIES, "--params", json.dumps(parameters),
                        "--store", self.graph, "--format", "table")


def print_table(text):
    """The header line of a result ("N rows ...") and its first rows."""
    lines = text.rstrip("\n").split("\n")
    print(DIM + lines[0] + PLAIN)
    rows = lines[1:]
    shown = 2 + ROWS_SHOWN
    for line in rows[:shown]:
        print("  " + line)
    if len(rows) > shown:
        print(f"  ... and {len(rows) - shown:,} more")


# ---- the demo -----------------------------------------------------------------------------------


def shortest(path):
    relative = os.path.relpath(path)
    return relative if len(relative) < len(path) else path


def build_graph(omnigraph, batch):
    omnigraph.run("init", "--schema", SCHEMA, omnigraph.graph)
    seconds = omnigraph.load(batch)
    with open(batch, "rb") as file:
        lines = sum(1 for _ in file)
    size = os.path.getsize(batch)
    print(f"{lines:,} entities in {seconds:.2f} s: {lines / seconds:,.0f} entities/s, "
          f"{megabytes(size / seconds)}/s; {megabytes(size)} of JSON are "
          f"{megabytes(folder_bytes(omnigraph.graph))} on disk")


def ask_questions(omnigraph):
    for text, name, parameters in QUESTIONS:
        title(text)
        output, seconds = omnigraph.ask(name, parameters)
        print_table(output)
        print(f"{DIM}query {name}: {1000 * seconds:.0f} ms from start of the process to its end{PLAIN}")


def print_next_steps(omnigraph):
    binary, graph, queries = (shortest(p) for p in (omnigraph.binary, omnigraph.graph, QUERIES))
    title(f"The graph stays in {graph}. Try:")
    print(f"""  {binary} query four_steps --query {queries} --params '{{"name": "git"}}' --store {graph}
  {binary} query --store {graph} -e 'query q() {{ match {{ $p: Package $p.section = "games" }} return {{ $p.name, $p.summary }} limit 5 }}'
  {binary} export {graph} --type Maintainer | head -3""")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder with cli/omnigraph and tools/debian_graph")
    parser.add_argument("--sample", action="store_true", help="use the bundled sample in any case")
    parser.add_argument("folder", nargs="?", default=os.path.join(ROOT, ".cache", "demo"))
    arguments = parser.parse_args()
    folder = os.path.abspath(arguments.folder)
    batch = os.path.join(folder, "debian.jsonl")
    omnigraph = Omnigraph(os.path.abspath(arguments.bin), os.path.join(folder, "graph"))

    if os.path.exists(omnigraph.graph):
        shutil.rmtree(omnigraph.graph)
    os.makedirs(folder, exist_ok=True)
    title("Packages of Debian as a graph batch")
    convert(os.path.abspath(arguments.bin), read_packages(arguments.sample), batch)
    title("Load into a new graph")
    build_graph(omnigraph, batch)
    ask_questions(omnigraph)
    print_next_steps(omnigraph)


if __name__ == "__main__":
    main()
