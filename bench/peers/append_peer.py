"""One-row appends with the real Lance library, in a resident process.

usage: append_peer.py TABLE      makes the table; then each line on standard input appends one row to it, and the
                                 answer is a line `NANOSECONDS ROWS`
"""

import sys
import time

import lance
import pyarrow as pa

ROWS = 2_000


def rows(start, count):
    numbers = range(start, start + count)
    return pa.table({"id": [f"row-{n}" for n in numbers], "name": [f"name of {n}" for n in numbers]})


def main():
    dataset = lance.write_dataset(rows(0, ROWS), sys.argv[1], enable_stable_row_ids=True)
    for number, _ in enumerate(sys.stdin):
        row = rows(ROWS + number, 1)
        start = time.perf_counter_ns()
        dataset = lance.write_dataset(row, dataset, mode="append")
        print(time.perf_counter_ns() - start, 1, flush=True)


if __name__ == "__main__":
    main()
