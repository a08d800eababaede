"""The examples do what they say."""

import os
import subprocess
import tempfile
import unittest

NUMBERS = "examples/numbers"
LIBRARY = os.path.abspath("engine/capi/liblance.so")


class ExamplesTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.dataset = os.path.join(self.folder.name, "numbers.lance")

    def run_numbers(self):
        return subprocess.run([NUMBERS, self.dataset], capture_output=True, text=True, check=False)

    def run_scan(self, *words):
        python = os.environ.get("OG_LANCE14_PYTHON")
        if not python:
            self.skipTest("OG_LANCE14_PYTHON is not set")
        return subprocess.run([python, "examples/scan_dataset.py", LIBRARY, *words],
                              capture_output=True, text=True, check=False)

    def test_c(self):
        run = self.run_numbers()
        self.assertEqual(run.stdout, "version 2: 500 rows, 500 deleted\nsum of what is kept: 145\n", run.stderr)
        again = self.run_numbers()
        self.assertEqual(again.returncode, 1)
        self.assertIn("already exists", again.stderr)

    def test_python(self):
        self.run_numbers()
        run = self.run_scan(self.dataset, "n % 100 = 7")
        self.assertEqual(run.stdout, "{'n': [7, 107, 207, 307, 407]}\n", run.stderr)
        refused = self.run_scan(self.dataset, "m = 1")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("m", refused.stderr)


if __name__ == "__main__":
    unittest.main()
