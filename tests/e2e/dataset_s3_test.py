"""lance-tool on an S3 server: a dataset goes there and back, only what is new is moved the second
time, and it is compacted, tagged and cleaned there as on a local folder.
"""

import json
import os
import subprocess
import tempfile
import unittest

LANCE_TOOL = "cli/lance-tool"
SCHEMA = '{"fields":[{"name":"id","type":"int64","nullable":false},{"name":"name","type":"utf8","nullable":true}]}'
REMOTE = "s3://test-bucket/backup/t.lance"


class DatasetOnS3Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        python = os.environ.get("OG_S3_PYTHON")
        if not python:
            raise AssertionError("this test needs an S3 server; run it with ./dev test")
        cls.server = subprocess.Popen(
            [python, "tests/support/s3_server.py", "test-bucket"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        word, port = cls.server.stdout.readline().split()
        assert word == "ready"
        cls.environment = {
            "PATH": "/usr/bin:/bin",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }
        cls.holder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.server.stdin.close()
        cls.server.wait()
        cls.server.stdout.close()
        cls.holder.cleanup()

    def tool(self, *words, rows=None):
        done = subprocess.run(
            [LANCE_TOOL, *words], input=rows, capture_output=True, text=True, check=False, env=self.environment
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def json(self, *words):
        return json.loads(self.tool(*words, "--json"))

    def test_there_and_back(self):
        local = os.path.join(self.holder.name, "t.lance")
        back = os.path.join(self.holder.name, "back.lance")
        schema = os.path.join(self.holder.name, "S.json")
        with open(schema, "w", encoding="utf-8") as file:
            file.write(SCHEMA)
        lines = [f'{{"id":{i},"name":"name {i}"}}\n' for i in range(60)]
        self.tool("write", local, "--schema", schema, rows="".join(lines[:20]))
        self.tool("write", local, "--mode", "append", rows="".join(lines[20:40]))
        first = self.json("copy", local, REMOTE)
        self.assertEqual((first["version"], first["files_copied"], first["num_rows"]), (2, 2, 40))
        self.assertEqual(self.tool("dump", REMOTE), "".join(lines[:40]))
        self.tool("write", local, "--mode", "append", rows="".join(lines[40:]))
        second = self.json("copy", local, REMOTE)
        self.assertEqual((second["files_copied"], second["files_present"]), (1, 2))
        self.assertEqual(self.json("copy", local, REMOTE)["files_copied"], 0)
        self.assertEqual(self.json("copy", REMOTE, back)["files_copied"], 3)
        self.assertEqual(self.tool("dump", back), "".join(lines))
        self.tool("verify", REMOTE, "--all-versions", "--deep")

        compacted = self.json("compact", REMOTE)
        self.assertEqual((compacted["fragments_removed"], compacted["fragments_added"]), (3, 1))
        self.tool("tag", "create", REMOTE, "now")
        self.tool("branch", "create", REMOTE, "dev", "--version", "2")
        removed = self.json("cleanup", REMOTE, "--retain", "1", "--yes")
        self.assertEqual(removed["old_versions"], 2)
        self.assertEqual(self.tool("dump", REMOTE), "".join(lines))
        self.assertEqual(self.tool("dump", REMOTE, "--branch", "dev"), "".join(lines[:40]))
        self.tool("verify", REMOTE, "--all-versions", "--deep")
        # A copy that was written to is not overwritten.
        refused = subprocess.run(
            [LANCE_TOOL, "copy", local, REMOTE], capture_output=True, text=True, check=False, env=self.environment
        )
        self.assertEqual(refused.returncode, 1)
        self.assertIn("written to", refused.stderr)


if __name__ == "__main__":
    unittest.main()
