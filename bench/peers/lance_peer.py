"""Scans and takes with the real Lance library; stays resident, so that starting Python costs nothing.

usage: lance_peer.py make TABLE ROWS SEED     writes the table of the benchmark
       lance_peer.py serve TABLE              one command a line on standard input, one answer a line:
           scan            all rows as Arrow batches
           take FILE       the rows whose positions the file lists, one a line
           write TARGET    all rows, which are read before, to a new table; bytes are those of its files
       An answer is `NANOSECONDS ROWS BYTES`: only the work on Arrow data is timed.
"""

import os
import shutil
import sys
import time

import lance
import numpy as np
import pyarrow as pa

ROWS_A_BATCH = 65536
DIMENSIONS = 16


def make_batches(num_rows, seed):
    """Integers, floats, short and repeated texts and small vectors: what a table of properties holds."""
    random = np.random.default_rng(seed)
    sections = np.array([f"section-{n}" for n in range(60)])
    for start in range(0, num_rows, ROWS_A_BATCH):
        size = min(ROWS_A_BATCH, num_rows - start)
        ids = np.arange(start, start + size, dtype=np.int64)
        vectors = pa.array(random.random(size * DIMENSIONS, dtype=np.float32))
        yield pa.RecordBatch.from_pydict({
            "id": pa.array(ids),
            "count": pa.array(random.integers(0, 10_000, size, dtype=np.int32)),
            "price": pa.array(random.random(size)),
            "name": pa.array([f"package-{n}-{n * 2654435761 % 4294967296:x}" for n in ids.tolist()]),
            "section": pa.array(sections[random.integers(0, 60, size)]),
            "vector": pa.FixedSizeListArray.from_arrays(vectors, DIMENSIONS),
        })


def make(path, num_rows, seed):
    batches = make_batches(num_rows, seed)
    first = next(batches)

    def all_batches():
        yield first
        yield from batches

    lance.write_dataset(pa.RecordBatchReader.from_batches(first.schema, all_batches()), path)


def scan(dataset):
    start = time.perf_counter_ns()
    rows = size = 0
    for batch in dataset.scanner().to_batches():
        rows += batch.num_rows
        size += batch.nbytes
    return time.perf_counter_ns() - start, rows, size


def take(dataset, positions):
    start = time.perf_counter_ns()
    table = dataset.take(positions)
    return time.perf_counter_ns() - start, table.num_rows, table.nbytes


def write(table, target):
    shutil.rmtree(target, ignore_errors=True)
    start = time.perf_counter_ns()
    lance.write_dataset(table, target, data_storage_version="2.1")
    elapsed = time.perf_counter_ns() - start
    data = os.path.join(target, "data")
    return elapsed, table.num_rows, sum(os.path.getsize(os.path.join(data, name)) for name in os.listdir(data))


def serve(path):
    dataset = lance.dataset(path)
    table = None
    for line in sys.stdin:
        words = line.split()
        if words[0] == "scan":
            answer = scan(dataset)
        elif words[0] == "write":
            table = table or dataset.to_table()
            answer = write(table, words[1])
        else:
            with open(words[1], encoding="ascii") as file:
                answer = take(dataset, [int(number) for number in file])
        print(*answer, flush=True)


def main():
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        serve(sys.argv[2])


if __name__ == "__main__":
    main()
