"""What operations on datasets cost in requests: the numbers that bench/README.md gives, and for no operation
more than the real Lance library makes. An S3 server counts for both.
"""

import os
import subprocess
import unittest

LIBRARY = os.path.abspath("engine/capi/liblance.so")
README = "bench/README.md"
TABLE = "| operation | ours | peer |"


def needed(name):
    value = os.environ.get(name)
    if not value:
        raise AssertionError("this test needs servers and libraries; run it with ./dev test")
    return value


def cells_of(lines):
    """{operation: (ours, peer)} of the table among `lines`."""
    start = next(i for i, line in enumerate(lines) if line.startswith(TABLE))
    cells = {}
    for line in lines[start + 2:]:
        if not line.startswith("|"):
            break
        name, ours, peer = [cell.strip() for cell in line.strip("|").split("|")][:3]
        cells[name] = (ours, peer)
    return cells


def number_of(cell):
    return int(cell.split(":")[0])


class RequestCountsTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        words = [needed("OG_LANCE14_PYTHON"), "bench/request_counts.py", LIBRARY, needed("OG_S3_PYTHON")]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        print(done.stdout, end="")
        assert done.returncode == 0, done.stderr[-4000:]
        cls.counted = cells_of(done.stdout.splitlines())
        cls.by_history = [[cell.strip() for cell in line.strip("|").split("|")]
                          for line in done.stdout.split("| requests; bytes |")[1].splitlines()[2:]]

    def test_never_more_than_the_library(self):
        for name, (ours, peer) in self.counted.items():
            self.assertLessEqual(number_of(ours), number_of(peer), name)

    def test_the_table_of_the_readme_is_true(self):
        with open(README, encoding="utf-8") as file:
            told = cells_of(file.read().splitlines())
        self.assertEqual({name: ours for name, (ours, _) in told.items()},
                         {name: ours for name, (ours, _) in self.counted.items()})

    def test_a_cold_look_up_takes_three_requests(self):
        self.assertLessEqual(number_of(self.counted["look-up by BTREE, cold"][0]), 3)


    def test_the_length_of_the_history_costs_nothing(self):
        self.assertEqual(["open", "append", "delete"], [cells[0] for cells in self.by_history])
        for name, short, long, *_ in self.by_history:
            (requests, size), (long_requests, long_size) = [
                [int(number.replace(",", "")) for number in cell.split("; ")] for cell in (short, long)]
            self.assertEqual(requests, long_requests, name)
            # A listing holds ten names at most, or a page of the newest.
            self.assertLess(long_size, size + 6_000, name)


if __name__ == "__main__":
    unittest.main()
