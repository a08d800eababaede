"""Processes that change one dataset at the same time with `lance-tool`, on disk and in a bucket.

Every process counts one row up, inserts rows of its own, and deletes some of them again. However they
meet, no change is lost and none is made twice.
"""

import json
import os
import subprocess
import tempfile
import threading
import unittest

TOOL = "cli/lance-tool"
S3_SERVER = "tests/support/s3_server.py"
SCHEMA = {
    "fields": [
        {"name": "id", "type": "int64", "nullable": False,
         "metadata": {"lance-schema:unenforced-primary-key": "true"}},
        {"name": "n", "type": "int64", "nullable": True},
    ],
    "metadata": {},
}


class RowRaceTest(unittest.TestCase):
    def setUp(self):
        self.environment = dict(os.environ)

    def run_tool(self, *words, rows=()):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        done = subprocess.run([TOOL, *words], input=text, capture_output=True, text=True, check=False,
                              env=self.environment)
        if done.returncode != 0:
            raise AssertionError(f"{words}: {done.stderr}")
        return done.stdout

    def race(self, table, num_processes, num_rounds):
        with tempfile.TemporaryDirectory() as folder:
            schema = os.path.join(folder, "schema.json")
            with open(schema, "w", encoding="utf-8") as file:
                json.dump(SCHEMA, file)
            self.run_tool("write", table, "--schema", schema, rows=[{"id": 1, "n": 0}, {"id": 2, "n": 0}])
        failures = []

        def work(process):
            try:
                for round_ in range(num_rounds):
                    self.run_tool("update", table, "--set", "n=n + 1", "--where", "id = 1")
                    first = 100 * (process + 1) + 10 * round_
                    self.run_tool("merge-insert", table, rows=[{"id": first + i, "n": process} for i in range(3)])
                    self.run_tool("delete", table, "--where", f"id = {first + 1}")
            except AssertionError as error:
                failures.append(str(error))

        threads = [threading.Thread(target=work, args=(process,)) for process in range(num_processes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)
        rows = {row["id"]: row["n"] for row in map(json.loads, self.run_tool("dump", table).splitlines())}
        want = {1: num_processes * num_rounds, 2: 0}
        for process in range(num_processes):
            for round_ in range(num_rounds):
                for i in (0, 2):
                    want[100 * (process + 1) + 10 * round_ + i] = process
        self.assertEqual(want, rows)
        info = json.loads(self.run_tool("info", table, "--json"))
        self.assertEqual(1 + 3 * num_processes * num_rounds, info["version"])
        self.run_tool("verify", table)

    def test_on_disk_no_change_is_lost_or_made_twice(self):
        with tempfile.TemporaryDirectory() as folder:
            self.race(os.path.join(folder, "t.lance"), 3, 4)

    def test_in_a_bucket_no_change_is_lost_or_made_twice(self):
        python = os.environ.get("OG_S3_PYTHON")
        self.assertTrue(python, "OG_S3_PYTHON is not set; run this test with ./dev test")
        with subprocess.Popen([python, S3_SERVER, "races"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as server:
            word, port = server.stdout.readline().split()
            self.assertEqual("ready", word)
            self.environment.update(AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{port}", AWS_ACCESS_KEY_ID="test",
                                    AWS_SECRET_ACCESS_KEY="test", AWS_REGION="us-east-1")
            try:
                self.race("s3://races/t.lance", 3, 2)
            finally:
                server.stdin.close()


if __name__ == "__main__":
    unittest.main()
