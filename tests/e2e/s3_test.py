"""A graph on an S3 server: init, load, query, export and the rest print what they print on a local
folder, and what goes wrong there is named.
"""

import json
import os
import re
import resource
import subprocess
import tempfile
import unittest

OMNIGRAPH = "cli/omnigraph"
DEBIAN_GRAPH = "tools/debian_graph/debian_graph"
SCHEMA = "tools/debian_graph/debian.pg"
QUERIES = "tools/debian_graph/debian.gq"
SUBJECT = "fast-0"
QUESTIONS = [("package", {"name": SUBJECT}), ("maintainer", {"name": SUBJECT}), ("sections", {}),
             ("direct", {"name": "line-50"}), ("four_steps", {"name": "line-50"}), ("most_needed", {}),
             ("unneeded", {}), ("maintainers", {})]


def without_ids(text):
    """Without the ids that a load makes up."""
    return re.sub(r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "ID", text)


def lines_of(export):
    """Edges are ordered by ids of which nothing is left."""
    return sorted(without_ids(export).splitlines())


class S3GraphTest(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        python = os.environ.get("OG_S3_PYTHON")
        if not python:
            raise AssertionError("this test needs an S3 server; run it with ./dev test")
        cls.server = subprocess.Popen([python, "tests/support/s3_server.py", "test-bucket"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        word, port = cls.server.stdout.readline().split()
        assert word == "ready"
        cls.environment = {
            "PATH": "/usr/bin:/bin", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
        }
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = cls.holder.name
        lines = subprocess.run([DEBIAN_GRAPH, "generate", "--packages", "400", "--maintainers", "20"],
                               check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        more = [f'{{"type":"Maintainer","data":{{"name":"m","email":"{n}@x"}}}}' for n in range(30)]
        cls.batches = [cls.write("batch.jsonl", lines), cls.write("more.jsonl", more)]
        cls.local = os.path.join(cls.folder, "graph")
        cls.remote = "s3://test-bucket/graphs/debian"
        for graph in (cls.local, cls.remote):
            cls.expect(["init", "--schema", SCHEMA, graph])
            for batch in cls.batches:
                cls.expect(["load", graph, "--data", batch, "--mode", "append", "--quiet"])

    @classmethod
    def tearDownClass(cls):
        cls.server.stdin.close()
        cls.server.wait()
        cls.holder.cleanup()

    @classmethod
    def write(cls, name, lines):
        path = os.path.join(cls.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        return path

    @classmethod
    def run_words(cls, words, **variables):
        return subprocess.run([OMNIGRAPH, *words], capture_output=True, text=True, check=False,
                              env={**cls.environment, **variables})

    @classmethod
    def expect(cls, words, **variables):
        done = cls.run_words(words, **variables)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
        return done

    def same_answer(self, words_of):
        here, there = (self.expect(words_of(graph)).stdout for graph in (self.local, self.remote))
        self.assertEqual(without_ids(here.replace(self.local, "GRAPH")),
                         without_ids(there.replace(self.remote, "GRAPH")))
        return there

    def test_answers_are_those_of_a_local_graph(self):
        for name, parameters in QUESTIONS:
            self.same_answer(lambda graph: ["query", name, "--query", QUERIES, "--store", graph, "--json",
                                            "--params", json.dumps(parameters)])
        exports = [lines_of(self.expect(["export", graph]).stdout) for graph in (self.local, self.remote)]
        self.assertEqual(exports[0], exports[1])
        self.assertGreater(len(exports[0]), 450)
        self.same_answer(lambda graph: ["snapshot", graph])
        self.same_answer(lambda graph: ["schema", "show", graph])

    def test_a_lost_race_or_a_wrong_line_changes_nothing(self):
        graph = "s3://test-bucket/graphs/small"
        self.expect(["init", "--schema", SCHEMA, graph])
        again = self.run_words(["init", "--schema", SCHEMA, graph])
        self.assertEqual(1, again.returncode)
        bad = self.write("bad.jsonl", ['{"type":"Maintainer","data":{"email":7}}'])
        wrong = self.run_words(["load", graph, "--data", bad, "--mode", "append", "--quiet"])
        self.assertEqual(1, wrong.returncode)
        self.assertEqual("", self.expect(["export", graph]).stdout)

    def test_writers_side_by_side_lose_nothing(self):
        """Processes that share storage and no lock: on one branch each gets through, and nobody recovers another."""
        graph = "s3://test-bucket/graphs/writers"
        self.expect(["init", "--schema", SCHEMA, graph])
        for branch in ("b0", "b1"):
            self.expect(["branch", "create", branch, "--uri", graph, "--quiet"])
        branches = ["main", "main", "main", "b0", "b1"]
        for turn in range(3):
            running = []
            for writer, branch in enumerate(branches):
                lines = [f'{{"type":"Maintainer","data":{{"name":"w{writer}","email":"{writer}.{turn}.{n}@x"}}}}'
                         for n in range(20)]
                batch = self.write(f"writer{writer}.jsonl", lines)
                words = [OMNIGRAPH, "load", graph, "--branch", branch, "--data", batch, "--mode", "append", "--quiet"]
                running.append(subprocess.Popen(words, env=self.environment, text=True, stderr=subprocess.PIPE,
                                                stdout=subprocess.DEVNULL))
            errors = [process.communicate()[1] for process in running]
            self.assertEqual([0] * len(running), [process.returncode for process in running], errors)
        for branch in ("main", "b0", "b1"):
            exported = [json.loads(line)["data"]["email"] for line
                        in self.expect(["export", graph, "--branch", branch]).stdout.splitlines()]
            wanted = [f"{writer}.{turn}.{n}@x" for turn in range(3) for n in range(20)
                      for writer, own in enumerate(branches) if own == branch]
            self.assertEqual(sorted(wanted), sorted(exported))
        self.expect(["verify", graph])

    def test_a_cleanup_wants_consent(self):
        graph = "s3://test-bucket/graphs/cleaned"
        self.expect(["init", "--schema", SCHEMA, graph])
        for name in ("a", "b", "c"):
            batch = self.write("one.jsonl", [f'{{"type":"Maintainer","data":{{"name":"m","email":"{name}@x"}}}}'])
            self.expect(["load", graph, "--data", batch, "--mode", "append", "--quiet"])
        before = self.expect(["export", graph]).stdout
        words = ["cleanup", graph, "--keep", "2", "--confirm", "--json", "--quiet"]
        refused = self.run_words(words)
        self.assertEqual(1, refused.returncode)
        self.assertIn("refusing destructive `cleanup`", refused.stderr)
        cleaned = json.loads(self.expect([*words, "--yes"]).stdout)
        removed = {table["type_key"]: table["old_versions_removed"] for table in cleaned["datasets"]}
        self.assertEqual(2, removed["node:Maintainer"])
        self.assertEqual(before, self.expect(["export", graph]).stdout)

    def test_few_descriptors_are_enough(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

        for graph in (os.path.join(self.folder, "limited"), "s3://test-bucket/graphs/limited"):
            for words in (["init", "--schema", SCHEMA, graph],
                          ["load", graph, "--data", self.batches[0], "--mode", "append", "--quiet"],
                          ["load", graph, "--data", self.batches[1], "--mode", "append", "--quiet"],
                          ["export", graph]):
                done = subprocess.run([OMNIGRAPH, *words], env=self.environment, preexec_fn=limit,
                                      capture_output=True, text=True, check=False)
                self.assertEqual(0, done.returncode, done.stderr)
            self.assertEqual(lines_of(self.expect(["export", self.local]).stdout), lines_of(done.stdout))

    def test_what_goes_wrong_is_named(self):
        missing = self.run_words(["export", "s3://no-such-bucket/g"])
        self.assertEqual(1, missing.returncode)
        self.assertIn('the bucket "no-such-bucket" does not exist', missing.stderr)
        nothing = self.run_words(["export", "s3://test-bucket/nothing"])
        self.assertEqual(1, nothing.returncode)
        self.assertIn("s3://test-bucket/nothing", nothing.stderr)
        no_keys = subprocess.run(
            [OMNIGRAPH, "export", self.remote], capture_output=True, text=True, check=False,
            env={"AWS_ENDPOINT_URL": self.environment["AWS_ENDPOINT_URL"],
                 "AWS_EC2_METADATA_DISABLED": "true", "HOME": self.folder})
        self.assertEqual(1, no_keys.returncode)
        self.assertIn("no credentials", no_keys.stderr)
        nobody = self.run_words(["export", self.remote], AWS_ENDPOINT_URL="http://127.0.0.1:1",
                                AWS_MAX_ATTEMPTS="2")
        self.assertEqual(1, nobody.returncode)
        self.assertIn("storage: storage list failed for 's3://test-bucket/graphs/debian/", nobody.stderr)
        unreadable = self.run_words(["export", self.remote], AWS_CA_BUNDLE="/no/such/bundle.pem")
        self.assertEqual(1, unreadable.returncode)
        self.assertIn(f"failed to initialize s3 storage for '{self.remote}': ", unreadable.stderr)
        self.assertIn("/no/such/bundle.pem", unreadable.stderr)

    def test_stats_tell_what_was_asked_for(self):
        words = ["query", "package", "--query", QUERIES, "--params", json.dumps({"name": SUBJECT})]
        plain = self.expect([*words, "--store", self.remote])
        done = self.expect([*words, "--store", self.remote, "--stats=json"])
        self.assertEqual(plain.stdout, done.stdout)
        stats = json.loads(done.stderr)
        (storage,) = stats["storage"]
        self.assertEqual("s3://test-bucket/", storage["root"])
        self.assertEqual(storage["calls"], sum(call["calls"] for call in storage["by_call"].values()))
        self.assertEqual(storage["wait_us"] // 1000,
                         sum(call["wait_us"] for call in storage["by_call"].values()) // 1000)
        self.assertGreaterEqual(storage["http"]["requests"], storage["rounds"])
        self.assertEqual(0, storage["http"]["throttled"])
        self.assertEqual(0, storage["bytes_written"])
        fetch = stats["fetch"]
        self.assertGreater(fetch["ranges"], 0)
        self.assertGreaterEqual(fetch["ranges"], fetch["merged_ranges"])
        self.assertGreaterEqual(fetch["bytes_read"] + fetch["merged_bytes"], fetch["gap_bytes"])
        text = self.expect([*words, "--store", self.local, "--stats"]).stderr
        self.assertRegex(text, r"(?m)^storage file:///: \d+ calls in \d+ rounds, \d+ failed, ")
        self.assertRegex(text, r"(?m)^  read_range: \d+ calls, \d+ bytes, waited \d+\.\d ms$")
        self.assertRegex(text, r"(?m)^fetch: \d+ ranges of \d+ bytes by \d+ requests")
        refused = self.run_words([*words, "--store", self.local, "--stats=xml"])
        self.assertEqual(2, refused.returncode)


if __name__ == "__main__":
    unittest.main()
