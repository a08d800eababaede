"""Queries over data eight times as large as the memory that they may use end, with the right rows.
The peak of each is printed and stays within about that memory. With more memory, what has more
bytes of text than one array of it holds ends as well.

OG_LARGE_LIMIT_MIB is the limit. Each node has half a KiB of text and two edges; what is asked for sorts,
groups, joins and gives out all of it.
"""

import os
import random
import subprocess
import tempfile
import unittest

OMNIGRAPH = os.path.abspath("cli/omnigraph")
LIMIT_MIB = int(os.environ.get("OG_LARGE_LIMIT_MIB", "512"))
BODY_BYTES = 512
NUM_DOCS = LIMIT_MIB * 8 * 1024 * 1024 // BODY_BYTES

# Beyond the limit: the program itself, the chunks that are on their way (8,192 rows each, several times
# over), and what the allocator keeps.
SLACK_MIB = 128 + LIMIT_MIB // 4

SCHEMA = """
node Doc { key: String @key
  bucket: I64
  body: String }
edge Cites: Doc -> Doc
"""

# Name, query, rows of the answer.
QUERIES = [
    ("sorted", "match { $d: Doc } return { $d.body as b, $d.key as k } order { b }", NUM_DOCS),
    ("groups of texts", "match { $d: Doc } return { $d.body as b, count($d) as n }", NUM_DOCS),
    ("greatest texts", "match { $d: Doc } return { $d.bucket as b, max($d.body) as m } order { b }", NUM_DOCS),
    ("one hop", "match { $d: Doc $d cites $e } return { $e.body as b, $d.key as k } order { b desc }", 2 * NUM_DOCS),
    ("two hops", "match { $d: Doc $d cites $e $e cites $f } return { count($f) as n }", 1),
    ("top", "match { $d: Doc } return { $d.key as k } order { $d.body desc } limit 5", 5),
]


def lines_of(path):
    with open(path, "rb") as file:
        return sum(1 for _ in file)


class LargeGraphTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.graph = cls.make_graph(cls.folder.name)

    @staticmethod
    def run_within(limit_mib, words, output):
        """Peak resident bytes of `omnigraph WORDS` under the limit."""
        with open(output, "wb") as file:
            process = subprocess.Popen([OMNIGRAPH, *words, "--memory", f"{limit_mib}M"], stdout=file)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise AssertionError(f"{words} ended with {process.returncode}")
        return usage.ru_maxrss * 1024

    def query(self, limit_mib, name, body, num_rows):
        """Peak resident bytes of the query, whose answer has so many rows."""
        output = f"{self.folder.name}/out"
        words = ["query", "--store", self.graph, "--format", "jsonl", "-e", f"query q() {{ {body} }}"]
        peak = self.run_within(limit_mib, words, output)
        print(f"{name} with {limit_mib} MiB: {peak >> 20} MiB", flush=True)
        self.assertEqual(lines_of(output), num_rows + 1)
        return peak

    @classmethod
    def make_graph(cls, folder):
        shuffled = random.Random(1)
        graph, data = f"{folder}/graph", f"{folder}/data.jsonl"
        with open(f"{folder}/schema.pg", "w", encoding="utf-8") as file:
            file.write(SCHEMA)
        subprocess.run([OMNIGRAPH, "init", "--schema", f"{folder}/schema.pg", graph], check=True,
                       stdout=subprocess.DEVNULL)
        with open(data, "w", encoding="utf-8") as file:
            for i in range(NUM_DOCS):
                body = shuffled.randbytes(BODY_BYTES // 2).hex()
                file.write(f'{{"type":"Doc","data":{{"key":"d{i}","bucket":{i},"body":"{body}"}}}}\n')
            # Two others each, so that no pair comes twice.
            for i in range(NUM_DOCS):
                for step in (1, 7919):
                    file.write(f'{{"edge":"Cites","from":"d{i}","to":"d{(i + step) % NUM_DOCS}"}}\n')
        words = ["load", "--quiet", "--mode", "append", "--data", data, graph]
        peak = cls.run_within(LIMIT_MIB, words, f"{folder}/out")
        os.remove(data)
        print(f"load: {peak >> 20} MiB", flush=True)
        return graph

    def test_queries_end_within_their_memory(self):
        for name, body, num_rows in QUERIES:
            with self.subTest(name):
                peak = self.query(LIMIT_MIB, name, body, num_rows)
                self.assertLess(peak, (LIMIT_MIB + SLACK_MIB) << 20)

    @unittest.skipIf(NUM_DOCS * BODY_BYTES <= 2**31, "all texts fit into one array")
    def test_texts_may_be_more_than_one_array_holds(self):
        for name, body, num_rows in QUERIES[:3]:
            with self.subTest(name):
                self.query(6 * 1024, name, body, num_rows)


if __name__ == "__main__":
    unittest.main()
