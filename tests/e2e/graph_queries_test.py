"""Queries on graphs that omnigraph 0.10.0 wrote give the rows that it gives, on every branch.

The archives are unpacked to /tmp/omnigraph-fixture, where the graphs were written: their refs hold
absolute paths.
"""

import fcntl
import json
import os
import shutil
import subprocess
import unittest

OMNIGRAPH = "cli/omnigraph"
MOUNT = "/tmp/omnigraph-fixture"

# What ranks or filters by text has to wait for text indexes.
TEXT_QUERIES = {"ranked", "words"}


class GraphQueriesTest(unittest.TestCase):
    maxDiff = None

    def check(self, name):
        os.makedirs(MOUNT, exist_ok=True)
        with open(f"{MOUNT}/.lock", "a+", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            folder = f"{MOUNT}/{name}"
            shutil.rmtree(folder, ignore_errors=True)
            try:
                for archive, member in (("graphs", name), ("graph_queries", f"./{name}")):
                    command = ["tar", "xJf", f"tests/data/{archive}.tar.xz", "-C", MOUNT, member]
                    subprocess.run(command, check=True)
                self.check_answers(folder)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def check_answers(self, folder):
        with open(f"{folder}/results.json", encoding="utf-8") as file:
            results = json.load(file)
        for branch, answers in results.items():
            for answer in answers:
                if answer["query"] in TEXT_QUERIES:
                    continue
                with self.subTest(branch=branch, query=answer["query"], params=answer["params"]):
                    self.check_answer(folder, branch, answer)

    def check_answer(self, folder, branch, answer):
        command = [OMNIGRAPH, "query", answer["query"], "--query", f"{folder}/queries.gq"]
        command += ["--store", f"{folder}/graph", "--branch", branch, "--json"]
        command += ["--params", json.dumps(answer["params"])]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(answer["exit"], result.returncode, result.stderr)
        if result.returncode == 0:
            self.assertEqual(answer["rows"], json.loads(result.stdout)["rows"])


def add(name):
    setattr(GraphQueriesTest, f"test_{name}", lambda self: self.check(name))


for graph in ("basic", "branches", "maintained", "mutations", "schema_evolution", "types"):
    add(graph)


if __name__ == "__main__":
    unittest.main()
