"""Every console block of docs/user, typed into a shell, prints what the page says."""

import glob
import os
import tempfile
import unittest

from tests.e2e import console


class DocsTest(unittest.TestCase):
    maxDiff = None


def add(path):
    def test(self):
        with open(path, encoding="utf-8") as file:
            steps = console.console_blocks(file.read())
        with tempfile.TemporaryDirectory() as folder:
            console.run(self, path, steps, folder)

    setattr(DocsTest, "test_" + os.path.splitext(os.path.basename(path))[0], test)


for page in ["branches", "cli", "datasets", "loading", "maintenance", "mutations", "queries", "schema"]:
    add(f"docs/user/{page}.md")


if __name__ == "__main__":
    unittest.main()
