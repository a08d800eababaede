"""The sessions of tests/e2e/cases, each in a folder of its own."""

import glob
import os
import tempfile
import unittest

from tests.e2e import console


class CasesTest(unittest.TestCase):
    maxDiff = None


def add(path):
    def test(self):
        with open(path, encoding="utf-8") as file:
            steps = console.steps_of(file.read().splitlines())
        with tempfile.TemporaryDirectory() as folder:
            console.run(self, path, steps, folder)

    name = os.path.splitext(os.path.basename(path))[0]
    setattr(CasesTest, "test_" + name, test)


for case in sorted(glob.glob("tests/e2e/cases/*.test")):
    add(case)


class ConsoleTest(unittest.TestCase):
    """The runner itself can fail."""

    def fails(self, *lines):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(AssertionError):
                console.run(unittest.TestCase(), "x", console.steps_of(lines), folder)

    def test_wrong_output_exit_code_and_stderr_are_found(self):
        self.fails("$ echo a", "b")
        self.fails("$ echo a")
        self.fails("$ true", "a")
        self.fails("$ exit 3")
        self.fails("$ true", "? 1")
        self.fails("$ echo a >&2", "! b")
        self.fails("$ printf 'a\\nb\\n'", "a", "...", "b", "c")
        self.fails()

    def test_wildcards(self):
        with tempfile.TemporaryDirectory() as folder:
            steps = console.steps_of(
                ["$ printf 'a1b\\nx\\ny\\nz \\n'; echo e >&2; exit 4", "a...b", "...", "z", "! e", "? 4"]
            )
            console.run(self, "x", steps, folder)

    def test_there_are_cases(self):
        self.assertGreater(len(glob.glob("tests/e2e/cases/*.test")), 5)


if __name__ == "__main__":
    unittest.main()
