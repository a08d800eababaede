"""Operations on datasets: liblance.so and the real Lance library in turn, in one Python process.

usage: datasets.py LIBRARY FOLDER ROUNDS WARMUPS SCALE [CASE...]

Cases: append, open, scan, take, delete, merge, compact, index, lookup; all of them if none is named. Row
counts are multiplied by SCALE. Prints one JSON object a case: title, milliseconds of each side by round.
Both sides work on copies of the same files, give the same answer, and sync nothing.

usage: datasets.py LIBRARY FOLDER memory SIDE SCALE CASE

Prepares nothing and runs one side of a case once: for the memory that this takes.
"""

import json
import os
import random
import shutil
import sys
import time

import numpy as np
import pyarrow as pa

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
from bench.measure import alternate  # noqa: E402
from tests.support import liblance  # noqa: E402

SIDES = ("ours", "peer")
KEYS_A_BATCH = 10_000
SEED = 1


def table_of(rows, first=0, seed=SEED):
    """A key, two numbers and a text."""
    rng = np.random.default_rng(seed)
    ids = np.arange(first, first + rows, dtype=np.int64)
    return pa.table({
        "id": ids,
        "value": rng.integers(0, 10_000, rows, dtype=np.int32),
        "price": rng.random(rows),
        "name": pa.array(np.char.add("name-", ids.astype(str))) if rows else pa.array([], pa.string()),
    })


class Datasets:
    def __init__(self, library, folder, scale):
        self.library = liblance.Library(library)
        self.folder = folder
        self.scale = scale
        self.handles = {}

    def rows(self, count):
        return max(int(count * self.scale), 1000)

    def made(self, name, make):
        """The path of the dataset `name`, made at first use."""
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            make(path)
        return path

    def copies(self, path):
        """Both sides' copies of a dataset. Files are immutable, so that links do."""
        for side in SIDES:
            copy = f"{path}-{side}"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(path, copy, copy_function=os.link)
        return {side: f"{path}-{side}" for side in SIDES}

    def large(self):
        rows = self.rows(10_000_000)

        def make(path):
            for first in range(0, rows, 1_000_000):
                part = table_of(min(1_000_000, rows - first), first, SEED + first)
                self.peer().write_dataset(part, path, mode="append" if first else "create")

        return self.made("large", make)

    def million(self):
        return self.made("million", lambda path: self.peer().write_dataset(table_of(self.rows(1_000_000)), path))

    @staticmethod
    def peer():
        import lance  # not at the start: the memory of our side is measured without it

        return lance

    def open(self, side, path):
        return self.library.open(path) if side == "ours" else self.peer().dataset(path)

    def handle(self, side, path):
        """A handle that stays open."""
        if (side, path) not in self.handles:
            self.handles[side, path] = self.open(side, path)
        return self.handles[side, path]

    def append_rows(self, side, path, rows):
        if side == "ours":
            self.library.write(path, rows, "append")
        else:
            self.peer().write_dataset(rows, path, mode="append")

    # ---- cases: a title, and a function that prepares a round of a side and returns what is timed ----

    def append(self):
        paths = self.copies(self.made("small", lambda path: self.peer().write_dataset(table_of(10_000), path)))
        row = table_of(1)

        def prepare(side):
            return lambda: self.append_rows(side, paths[side], row)

        return "append of one row", prepare

    def open_history(self):
        def make(path):
            self.library.write(path, table_of(100))
            for number in range(199):
                self.library.write(path, table_of(100, number * 100), "append")
            dataset = self.library.open(path)
            for _ in range(800):
                dataset.delete("id < 0")

        path = self.made("history", make)

        def prepare(side):
            return lambda: self.open(side, path).version

        return "open of 1,000 versions, 200 fragments", prepare

    def scan(self):
        path = self.large()

        def prepare(side):
            dataset = self.handle(side, path)
            if side == "ours":
                return lambda: dataset.scan(filter="value < 100").num_rows
            return lambda: dataset.to_table(filter="value < 100").num_rows

        return f"scan of 1 % of {self.rows(10_000_000):,} rows", prepare

    def take(self):
        path = self.large()
        chosen = np.random.default_rng(SEED).integers(0, self.rows(10_000_000), KEYS_A_BATCH).astype(np.uint64)
        columns = ["id", "price", "name"]

        def prepare(side):
            dataset = self.handle(side, path)
            if side == "ours":
                return lambda: dataset.take(chosen, columns).num_rows
            return lambda: dataset.take(chosen, columns=columns).num_rows

        return f"take of {KEYS_A_BATCH:,} rows, 3 columns", prepare

    def delete(self):
        path = self.million()

        def prepare(side):
            dataset = self.open(side, self.copies(path)[side])

            def run():
                dataset.delete("value < 100")
                return dataset.count_rows()

            return run

        return f"delete of 1 % of {self.rows(1_000_000):,} rows", prepare

    def merge(self):
        path = self.million()
        count = self.rows(100_000)
        source = table_of(count, self.rows(1_000_000) - count // 2, SEED + 1)

        def prepare(side):
            dataset = self.open(side, self.copies(path)[side])

            def run():
                if side == "ours":
                    dataset.merge_insert(["id"], source, when_matched="update_all")
                else:
                    dataset.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(source)
                return dataset.count_rows()

            return run

        return f"merge-insert of {count:,} into {self.rows(1_000_000):,} rows", prepare

    def compact(self):
        rows = self.rows(5_000)

        def make(path):
            self.library.write(path, table_of(rows))
            for number in range(1, 200):
                self.library.write(path, table_of(rows, number * rows, SEED + number), "append")

        path = self.made("fragments", make)

        def prepare(side):
            dataset = self.open(side, self.copies(path)[side])

            def run():
                dataset.compact() if side == "ours" else dataset.optimize.compact_files()
                return dataset.count_rows()

            return run

        return f"compaction of 200 fragments of {rows:,} rows", prepare

    def keyed(self):
        """Keys in random order."""
        rows = self.rows(5_000_000)

        def make(path):
            keys = np.random.default_rng(SEED).permutation(rows).astype(np.int64)
            self.peer().write_dataset(pa.table({"key": keys, "value": np.arange(rows)}), path)

        return self.made("keyed", make)

    def index(self):
        path = self.keyed()

        def prepare(side):
            dataset = self.open(side, self.copies(path)[side])
            if side == "ours":
                return lambda: dataset.create_index("key")
            return lambda: dataset.create_scalar_index("key", "BTREE") and None

        return f"BTREE on {self.rows(5_000_000):,} rows", prepare

    def lookup(self):
        path = self.keyed()
        indexed = path + "-indexed"
        if not os.path.exists(indexed):
            shutil.copytree(path, indexed)
            self.peer().dataset(indexed).create_scalar_index("key", "BTREE")
        rng = random.Random(SEED)
        rounds = iter(lambda: rng.sample(range(self.rows(5_000_000)), KEYS_A_BATCH), None)
        asked = {side: [] for side in SIDES}

        def prepare(side):
            number = len(asked[side])
            other = asked[SIDES[1 - SIDES.index(side)]]
            keys = other[number] if number < len(other) else next(rounds)
            asked[side].append(keys)
            text = f"key IN ({', '.join(map(str, keys))})"
            dataset = self.handle(side, indexed)
            if side == "ours":
                return lambda: dataset.scan(filter=text).num_rows
            return lambda: dataset.to_table(filter=text).num_rows

        return f"look-up of {KEYS_A_BATCH:,} keys by BTREE", prepare


CASES = {"append": Datasets.append, "open": Datasets.open_history, "scan": Datasets.scan, "take": Datasets.take,
         "delete": Datasets.delete, "merge": Datasets.merge, "compact": Datasets.compact, "index": Datasets.index,
         "lookup": Datasets.lookup}


def measure(datasets, name, rounds, warmups):
    title, prepare = CASES[name](datasets)

    def side(which):
        def run():
            work = prepare(which)
            start = time.perf_counter()
            answer = work()
            return time.perf_counter() - start, answer

        return run

    collected = alternate([side(which) for which in SIDES], rounds, warmups)
    answers = [[answer for _, answer in values] for values in collected]
    if answers[0] != answers[1]:
        sys.exit(f"bench: {title}: the sides give different answers: {answers}")
    times = [[seconds * 1e3 for seconds, _ in values] for values in collected]
    print(json.dumps({"case": name, "title": title, "ms": times}), flush=True)


def main():
    library, folder, rounds, warmups_or_side, scale, *cases = sys.argv[1:]
    datasets = Datasets(library, folder, float(scale))
    if rounds == "memory":
        CASES[cases[0]](datasets)[1](warmups_or_side)()
        return
    for name in cases or CASES:
        measure(datasets, name, int(rounds), int(warmups_or_side))


if __name__ == "__main__":
    main()
