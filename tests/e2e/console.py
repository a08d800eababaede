"""Sessions in a shell, as text: commands and exactly what they print.

    $ omnigraph version              a command; lines that begin with `> ` go on with it
    omnigraph 0.10.0                 a line of stdout
    ! warning: ...                   a line of stderr; without any, stderr is not looked at
    ? 1                              the exit code; without it, 0
    # a remark

`...` inside an expected line stands for any text, a line of only `...` for any lines. White space at
the ends of lines does not count.
"""

import os
import re
import subprocess
import unittest


class Step:
    def __init__(self, line_number, command):
        self.line_number = line_number
        self.command = command
        self.stdout = []
        self.stderr = []
        self.exit_code = 0


def steps_of(lines, first_line_number=1):
    steps = []
    for number, line in enumerate(lines, first_line_number):
        if line.startswith("# "):
            continue
        if line.startswith("$ "):
            steps.append(Step(number, line[2:]))
        elif not steps:
            if line.strip():
                raise ValueError(f"line {number}: output before the first command: {line}")
        elif line == ">" or line.startswith("> "):
            steps[-1].command += "\n" + line[2:]
        elif line == "!" or line.startswith("! "):
            steps[-1].stderr.append(line[2:].rstrip())
        elif line.startswith("? "):
            steps[-1].exit_code = int(line[2:])
        else:
            steps[-1].stdout.append(line.rstrip())
    for step in steps:
        while step.stdout and not step.stdout[-1]:
            step.stdout.pop()
    return steps


def console_blocks(text):
    """The steps of all ```console blocks of a Markdown page."""
    steps = []
    for block in re.finditer(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        line_number = text.count("\n", 0, block.start()) + 2
        steps += steps_of(block.group(1).splitlines(), line_number)
    return steps


def matches(expected, actual):
    """Whether the lines `actual` are what `expected` describes."""
    pattern = ""
    for line in expected:
        if line == "...":
            pattern += r"(?:.*\n)*"
        else:
            pattern += ".*".join(re.escape(part) for part in line.split("...")) + r"\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in actual)) is not None


def run(test: unittest.TestCase, name, steps, folder):
    """Types `steps` into a shell in `folder`, one after the other."""
    environment = {
        "PATH": os.path.abspath("cli") + ":/usr/bin:/bin",
        "HOME": folder,
        "LC_ALL": "C.UTF-8",
    }
    test.assertTrue(steps, f"{name} has no steps")
    for step in steps:
        place = f"{name}:{step.line_number}: {step.command}"
        result = subprocess.run(
            ["bash", "-c", step.command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        stdout = [line.rstrip() for line in result.stdout.splitlines()]
        stderr = [line.rstrip() for line in result.stderr.splitlines()]
        while stdout and not stdout[-1]:
            stdout.pop()
        printed = f"{place}\nexit code {result.returncode}\n{result.stdout}\nstderr:\n{result.stderr}"
        test.assertEqual(step.exit_code, result.returncode, printed)
        if not matches(step.stdout, stdout):
            test.assertEqual(step.stdout, stdout, printed)
            test.fail(printed)
        if step.stderr and not matches(step.stderr, stderr):
            test.assertEqual(step.stderr, stderr, printed)
            test.fail(printed)
