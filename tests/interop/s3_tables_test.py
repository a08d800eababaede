"""Tables on an S3 server: what lance-tool writes there the real library reads from there, and the other
way round, by turns on one table; and what reading costs in requests.
"""

import json
import os
import subprocess
import unittest

LANCE_TOOL = "cli/lance-tool"
LIBRARY = "tests/interop/s3_tables.py"
SERVER = ["tests/support/s3_server.py", "test-bucket"]
SCHEMA = ('{"fields":[{"name":"id","type":"int64","nullable":true},{"name":"name","type":"utf8","nullable":'
          'true},{"name":"score","type":"float64","nullable":true}]}')


def needed(name):
    value = os.environ.get(name)
    if not value:
        raise AssertionError("this test needs servers and libraries; run it with ./dev test")
    return value


def rows(first, count):
    """The rows of s3_tables.py as JSON lines."""
    lines = []
    for number in range(first, first + count):
        name = "null" if number % 5 == 0 else f'"name {number}"'
        lines.append(f'{{"id":{number},"name":{name},"score":{number / 4}}}\n')
    return "".join(lines)


class S3TablesTest(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.pythons = [needed(name) for name in ("OG_LANCE10_PYTHON", "OG_LANCE14_PYTHON")]
        cls.server = subprocess.Popen([needed("OG_S3_PYTHON"), *SERVER], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        word, port = cls.server.stdout.readline().split()
        assert word == "ready"
        cls.environment = {
            "PATH": "/usr/bin:/bin", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        folder = os.environ.get("TEST_TMPDIR", "/tmp")
        cls.schema = os.path.join(folder, "schema.json")
        with open(cls.schema, "w", encoding="ascii") as file:
            file.write(SCHEMA)

    @classmethod
    def tearDownClass(cls):
        cls.server.stdin.close()
        cls.server.wait()

    def run_words(self, words, text=""):
        done = subprocess.run(words, input=text, capture_output=True, text=True, env=self.environment,
                              check=False)
        self.assertEqual(0, done.returncode, f"{' '.join(words)}\n{done.stderr}")
        return done

    def tool(self, *words, text=""):
        return self.run_words([LANCE_TOOL, *words], text).stdout

    def stats(self, *words):
        """What the command prints, and its --stats as a value."""
        done = self.run_words([LANCE_TOOL, *words, "--stats=json"])
        return done.stdout, json.loads(done.stderr)

    def library(self, python, *words):
        return self.run_words([python, LIBRARY, *map(str, words)]).stdout

    def write(self, uri, first, count, *options):
        self.tool("write", uri, "--schema", self.schema, *options, text=rows(first, count))

    def test_both_read_what_both_write(self):
        for number, python in enumerate(self.pythons):
            uri = f"s3://test-bucket/turns/{number}.lance"
            self.write(uri, 0, 1000)
            self.assertEqual(self.tool("dump", uri), self.library(python, "dump", uri))
            self.library(python, "append", uri, 1000, 50)
            self.assertEqual("1050\n", self.tool("count", uri))
            self.write(uri, 1050, 20, "--mode", "append")
            dump = self.tool("dump", uri)
            self.assertEqual(1070, dump.count("\n"))
            self.assertEqual(list(range(1070)), [json.loads(line)["id"] for line in dump.splitlines()])
            self.assertEqual(dump, self.library(python, "dump", uri))
            self.assertEqual("", self.tool("verify", uri, "--deep", "--all-versions").partition("rror")[1])

    def test_we_go_on_with_a_table_of_the_library(self):
        for number, python in enumerate(self.pythons):
            uri = f"s3://test-bucket/theirs/{number}.lance"
            self.library(python, "create", uri, 0, 300)
            self.assertEqual(self.library(python, "dump", uri), self.tool("dump", uri))
            self.write(uri, 300, 30, "--mode", "append")
            self.assertEqual(self.library(python, "dump", uri), self.tool("dump", uri))
            self.write(uri, 7, 3, "--mode", "overwrite")
            dump = self.library(python, "dump", uri)
            self.assertEqual(3, dump.count("\n"))
            self.assertEqual(dump, self.tool("dump", uri))

    def test_a_cold_count_takes_few_rounds(self):
        uri = "s3://test-bucket/rounds.lance"
        self.write(uri, 0, 2000, "--max-rows-per-file", "100")
        out, stats = self.stats("count", uri)
        self.assertEqual("2000\n", out)
        (storage,) = stats["storage"]
        self.assertEqual("s3://test-bucket/", storage["root"])
        self.assertLessEqual(storage["rounds"], 4, stats)
        self.assertLessEqual(storage["http"]["requests"], 4, stats)
        self.assertEqual(0, storage["http"]["retries"], stats)

    def test_a_scan_asks_for_each_file_once_and_all_at_once(self):
        uri = "s3://test-bucket/scan.lance"
        self.write(uri, 0, 2000, "--max-rows-per-file", "100")
        out, stats = self.stats("dump", uri)
        self.assertEqual(2000, out.count("\n"))
        (storage,) = stats["storage"]
        reads = sum(storage["by_call"].get(call, {}).get("calls", 0)
                    for call in ("read", "read_range", "read_tail"))
        self.assertLessEqual(reads, 2 + 20, stats)  # small files come whole with their tail
        self.assertLessEqual(storage["rounds"], 4, stats)
        self.assertEqual(20, stats["fetch"]["cached_pages"], stats)
        self.assertGreater(storage["bytes_read"], 0)
        self.assertEqual(0, storage["failed"], stats)
        wanted = ",".join(str(number) for number in range(50, 2000, 100))
        out, stats = self.stats("take", uri, "--rows", wanted)
        self.assertEqual(20, out.count("\n"))
        self.assertLessEqual(stats["storage"][0]["rounds"], 4, stats)


if __name__ == "__main__":
    unittest.main()
