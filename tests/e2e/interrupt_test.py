"""`lance-tool` that is interrupted: it ends with 130, and the dataset is as it was or has the change."""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

TOOL = "cli/lance-tool"


def rows(first, count):
    return "".join(json.dumps({"id": i, "s": f"text {i}"}) + "\n" for i in range(first, first + count))


class InterruptTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.table = os.path.join(self.folder.name, "t.lance")
        self.run_tool("write", self.table, text=rows(0, 1000))

    def run_tool(self, *words, text=None):
        done = subprocess.run([TOOL, *words], input=text, capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, f"{words}: {done.stderr}")
        return done.stdout

    def interrupt(self, process):
        process.send_signal(signal.SIGINT)
        self.assertEqual(130, process.wait(timeout=20))
        process.stdout.close()
        process.stderr.close()

    def start(self, *words, **options):
        return subprocess.Popen([TOOL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def test_a_write_that_waits_for_rows(self):
        process = self.start("write", self.table, "--mode", "append", stdin=subprocess.PIPE)
        process.stdin.write(rows(1000, 200_000).encode())
        process.stdin.flush()
        time.sleep(0.1)
        self.interrupt(process)
        process.stdin.close()
        self.assertEqual("1000", self.run_tool("count", self.table).strip())
        self.assertIn("0 problems", self.run_tool("verify", self.table, "--deep"))
        # What was written and never committed is no obstacle, and cleanup finds it.
        self.run_tool("write", self.table, "--mode", "append", text=rows(1000, 5))
        self.assertEqual("1005", self.run_tool("count", self.table).strip())

    def test_a_dump_that_nobody_reads(self):
        self.run_tool("write", self.table, "--mode", "append", text=rows(1000, 100_000))
        process = self.start("dump", self.table)
        process.stdout.read(10)
        self.interrupt(process)

    def test_changes_at_any_moment(self):
        for moment in range(12):
            before = json.loads(self.run_tool("info", self.table, "--json"))["version"]
            process = self.start("update", self.table, "--set", "s = 'new'", "--where", "id % 2 = 0")
            time.sleep(0.004 * moment)
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=20)
            process.stdout.close()
            process.stderr.close()
            after = json.loads(self.run_tool("info", self.table, "--json"))["version"]
            self.assertIn(code, (0, 130, -signal.SIGINT))  # the last: before main set its handler
            self.assertIn(after - before, (0, 1))
            self.assertTrue(code != 0 or after == before + 1, "an acknowledged change is lost")
            self.assertIn("0 problems", self.run_tool("verify", self.table))


if __name__ == "__main__":
    unittest.main()
