"""Graphs written by our command line, read by two releases of the real Lance library.

For each graph: every table opens, `validate()` passes, the row counts are those of the graph's manifest,
and the rows are those of `omnigraph export`, in the same order. `lance-tool dump` and the library's
rows in canonical form are equal byte by byte.
"""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

OMNIGRAPH = "cli/omnigraph"
LANCE_TOOL = "cli/lance-tool"
DEBIAN_GRAPH = "tools/debian_graph/debian_graph"
READER = "tests/interop/read_graph.py"

TYPES_SCHEMA = """
node Thing {
  name: String @key
  flag: Bool?
  i32: I32?
  i64: I64?
  u32: U32?
  u64: U64?
  f32: F32?
  f64: F64?
  day: Date?
  moment: DateTime?
  words: [String]?
  numbers: [I64]?
  vec: Vector(4)?
  kind: enum(red, green, blue)?
}

edge Links: Thing -> Thing {
  weight: F64?
  since: Date?
}
"""

def thing(number):
    """Every third value is absent, so that nulls and values mix in every column."""
    values = {
        "flag": number % 2 == 0,
        "i32": -(2**31) + number,
        "i64": -(2**53) - number,
        "u32": 2**32 - 1 - number,
        "u64": 2**53 + number,
        "f32": number / 4,
        "f64": number / 3,
        "day": f"20{number % 100:02d}-02-03",
        "moment": f"2001-02-03T04:05:{number % 60:02d}.678Z",
        "words": ["a", "", "\u00e4\u4e16"][: number % 4],
        "numbers": list(range(number % 5)),
        "vec": [number, 0.5, -1.25, 0],
        "kind": ["red", "green", "blue"][number % 3],
    }
    kept = {key: value for place, (key, value) in enumerate(values.items()) if (number + place) % 3}
    return {"type": "Thing", "data": {"name": f"thing{number}", **kept}}


def link(number):
    data = {} if number % 3 == 0 else {"weight": number / 7, "since": "1969-12-31"}
    return {"edge": "Links", "from": f"thing{number}", "to": f"thing{(number * 7) % 20}", "data": data}


def run(*words):
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(words)}\n{result.stdout}{result.stderr}")
    return result.stdout


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8", newline="\n") as file:
        return file.read()


class GraphTablesTest(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.pythons = [os.environ.get(name) for name in ("OG_LANCE10_PYTHON", "OG_LANCE14_PYTHON")]
        if not all(cls.pythons):
            raise AssertionError("this test needs the real library; run it with ./dev test")
        cls.debian = cls.build_debian()
        cls.types = cls.build_types()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def build_debian(cls):
        graph = cls.path("debian")
        lines = run(DEBIAN_GRAPH, "generate", "--packages", "3000", "--maintainers", "100")
        batch = write(cls.path("debian.jsonl"), lines)
        run(OMNIGRAPH, "init", "--schema", "tools/debian_graph/debian.pg", graph)
        run(OMNIGRAPH, "load", graph, "--data", batch, "--mode", "overwrite")
        return graph

    @classmethod
    def build_types(cls):
        graph = cls.path("types")
        schema = write(cls.path("types.pg"), TYPES_SCHEMA)
        run(OMNIGRAPH, "init", "--schema", schema, graph)
        things = [thing(number) for number in range(40)]
        links = [link(number) for number in range(40)]
        cls.load(graph, "append", things[:25] + links[:3])
        cls.load(graph, "append", things[25:] + links[3:20])
        cls.load(graph, "overwrite", links)
        return graph

    @classmethod
    def mutate(cls, graph, statements, branch="main"):
        run(OMNIGRAPH, "mutate", "--store", graph, "--durability", "none", "--branch", branch, "-e",
            "query q() { " + statements + " }")

    @classmethod
    def build_mutations(cls):
        """Every form of mutation, merges, and more commits than `__manifest` keeps in one fragment."""
        graph = cls.path("mutations")
        run(OMNIGRAPH, "init", "--schema", write(cls.path("mutations.pg"), TYPES_SCHEMA), graph)
        cls.load(graph, "append", [thing(number) for number in range(30)])
        cls.load(graph, "merge", [thing(number) for number in range(20, 40)])
        cls.load(graph, "merge", [link(number) for number in range(20)])
        for number in range(40):
            cls.mutate(graph, f'insert Thing {{ name: "new{number}" i32: {number} kind: "red" '
                              'words: ["x", "y"] day: date("2020-01-02") }')
        cls.mutate(graph, 'update Thing set { f64: 2.5 flag: true } where kind = "red"')
        cls.mutate(graph, 'insert Links { from: "new1" to: "new2" weight: 0.5 } '
                          'insert Links { from: "new2" to: "new1" }')
        cls.mutate(graph, 'delete Thing where i32 >= 20')
        cls.mutate(graph, 'delete Links where from = "thing3"')
        return graph

    @classmethod
    def load(cls, graph, mode, records, branch="main"):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        run(OMNIGRAPH, "load", graph, "--data", write(cls.path("load.jsonl"), lines), "--mode", mode,
            "--branch", branch)

    @classmethod
    def build_branches(cls):
        """Merges of every outcome, into main and into branches, with rows changed, added and deleted on both sides."""
        graph = cls.path("branches")
        run(OMNIGRAPH, "init", "--schema", write(cls.path("branches.pg"), TYPES_SCHEMA), graph)
        cls.load(graph, "append", [thing(number) for number in range(30)])
        cls.load(graph, "append", [link(number) for number in range(20)])
        for name, source in (("draft", "main"), ("idle", "main"), ("kept", "main")):
            run(OMNIGRAPH, "branch", "create", name, "--from", source, "--uri", graph)
        cls.load(graph, "merge", [thing(number + 100) | {"data": thing(number + 100)["data"] | {"name": f"thing{number}"}}
                                  for number in range(5)], "draft")
        cls.mutate(graph, 'delete Links where from = "thing3"', "draft")
        cls.mutate(graph, 'insert Thing { name: "drafted" kind: "red" i32: 7 }', "draft")
        run(OMNIGRAPH, "branch", "create", "nested", "--from", "draft", "--uri", graph)
        cls.mutate(graph, 'insert Thing { name: "nested" kind: "blue" i32: 8 }', "nested")
        cls.mutate(graph, 'update Thing set { f64: 9.5 } where name = "thing20"')
        # Fast-forward into a branch, three ways into main, adoption by one that did not write.
        for source, target in (("nested", "draft"), ("draft", "main"), ("main", "idle")):
            run(OMNIGRAPH, "branch", "merge", source, "--into", target, "--uri", graph)
        cls.mutate(graph, 'insert Thing { name: "kept" kind: "green" i32: 9 }', "kept")
        run(OMNIGRAPH, "branch", "merge", "main", "--into", "kept", "--uri", graph)
        cls.mutate(graph, 'delete Thing where name = "thing29"', "kept")
        return graph

    @classmethod
    def read_with(cls, python, graph, branch):
        """The folder of what the library reads in `graph`."""
        folder = tempfile.mkdtemp(dir=cls.folder)
        run(python, READER, graph, folder, branch)
        return folder

    def check(self, graph, num_records, num_tables, branch="main"):
        exported = run(OMNIGRAPH, "export", graph, "--branch", branch)
        ours = [json.loads(line) for line in exported.splitlines()]
        self.assertEqual(num_records, len(ours))
        for python in self.pythons:
            folder = self.read_with(python, graph, branch)
            theirs = [json.loads(line) for line in read(folder, "export.jsonl").splitlines()]
            self.assertEqual(len(theirs), len(ours))
            for mine, other in zip(ours, theirs):
                self.assertEqual(other, mine)
            tables = json.loads(read(folder, "tables.json"))
            self.assertEqual(num_tables, len(tables))
            for name, path, ref, version, num_rows in tables:
                on_ref = [] if ref is None else ["--branch", ref]
                dump = run(LANCE_TOOL, "dump", path, "--version", str(version), *on_ref)
                self.assertEqual(num_rows, dump.count("\n"), name)
                self.assertEqual(read(folder, name + ".dump"), dump, name)

    def test_a_debian_graph(self):
        lines = read(self.folder, "debian.jsonl").splitlines()
        self.check(self.debian, num_records=len(lines), num_tables=7)

    def test_all_types_after_several_loads(self):
        self.check(self.types, num_records=80, num_tables=2)

    def test_mutations_and_merges(self):
        graph = self.build_mutations()
        # 40 things, 20 new ones, 20 links less one, 2 new ones.
        self.check(graph, num_records=40 + 20 + 19 + 2, num_tables=2)


    def test_branches_and_merges_between_them(self):
        graph = self.build_branches()
        # 30 things, two by draft and nested, 20 links less one; kept has one thing more and one less.
        for branch in ("main", "draft", "nested", "idle", "kept"):
            self.check(graph, num_records=51, num_tables=2, branch=branch)
        # What a cleanup leaves is what the branches read.
        run(OMNIGRAPH, "optimize", graph)
        cleaned = run(OMNIGRAPH, "cleanup", graph, "--keep", "1", "--confirm")
        self.assertRegex(cleaned, "removed [1-9][0-9]* versions")
        for branch in ("main", "nested", "kept"):
            self.check(graph, num_records=51, num_tables=2, branch=branch)
        run(OMNIGRAPH, "branch", "merge", "kept", "--into", "main", "--uri", graph)
        self.check(graph, num_records=51, num_tables=2)


if __name__ == "__main__":
    unittest.main()
