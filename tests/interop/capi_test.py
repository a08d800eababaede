"""The C library beside the real Lance library, in one Python process: compare_capi.py, case by case."""

import os
import subprocess
import tempfile
import unittest

LIBRARY = os.path.abspath("engine/capi/liblance.so")


class CapiTest(unittest.TestCase):
    pass


def add(case):
    def test(self):
        python = os.environ.get("OG_LANCE14_PYTHON")
        if not python:
            self.skipTest("OG_LANCE14_PYTHON is not set")
        seed = os.environ.get("OG_SEED", "1")
        environment = {**os.environ, "PYTHONPATH": os.getcwd(), "OMNIGRAPH_DURABILITY": "none"}
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run([python, "tests/interop/compare_capi.py", LIBRARY, folder, seed, case],
                                 capture_output=True, text=True, check=False, env=environment)
        print(run.stdout, end="")
        self.assertEqual(run.returncode, 0, f"OG_SEED={seed}\n{run.stdout}\n{run.stderr[-6000:]}")

    setattr(CapiTest, f"test_{case}", test)


for name in ["types", "scans", "takes", "functions", "histories", "alternating", "deferred", "concurrent"]:
    add(name)


if __name__ == "__main__":
    unittest.main()
