"""The tour of README.md, typed into a shell: every command prints what the page says.

Blanks at the end of a line do not count: tables pad their cells, pages do not.
"""

import os
import re
import subprocess
import tempfile
import unittest


def read_tour():
    """(command, printed lines) of the first console block: `$` starts a command, `>` goes on with it."""
    with open("README.md", encoding="utf-8") as file:
        block = re.search(r"```console\n(.*?)```", file.read(), re.DOTALL).group(1)
    steps = []
    for line in block.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        elif line.startswith("> "):
            steps[-1] = (steps[-1][0] + "\n" + line[2:], steps[-1][1])
        else:
            steps[-1][1].append(line)
    return steps


class ReadmeTest(unittest.TestCase):
    maxDiff = None

    def test_the_tour_prints_what_the_page_says(self):
        path = os.path.abspath("cli") + ":/usr/bin:/bin"
        steps = read_tour()
        self.assertGreater(len(steps), 5)
        with tempfile.TemporaryDirectory() as folder:
            for command, expected in steps:
                result = subprocess.run(
                    ["bash", "-c", command], cwd=folder, env={"PATH": path, "HOME": folder},
                    capture_output=True, text=True, check=False,
                )
                self.assertEqual(0, result.returncode, f"{command}\n{result.stderr}")
                self.assertEqual(expected, [line.rstrip() for line in result.stdout.splitlines()], command)


if __name__ == "__main__":
    unittest.main()
