"""Compares the sizes of data files: the real library's, ours, and ours with the option `compact`.

usage: file_sizes.py COPY_FILE FOLDER [--all]

The library writes one file a data shape and version; COPY_FILE writes its rows again. Sizes are
exact, so are the bounds: ours at most 1.02 times the library's, compact at most 0.9 times it for
every shape marked so. What we wrote must read back equal. Prints a table, then what failed; exits 1
if anything did. --all adds the shapes of a million rows.
"""

import decimal
import pathlib
import subprocess
import sys

import numpy as np
import pyarrow as pa
from lance.file import LanceFileReader, LanceFileWriter

DEFAULT_MAX = 1.02
COMPACT_MAX = 0.90
# A page more or less of fixed overhead: what small files may differ by.
SLACK_BYTES = 512

WORDS = (
    "the quick brown fox jumps over lazy dog while engineers measure columnar formats and find that "
    "most text repeats itself in ways simple codecs can use if they look at enough of it at once "
    "storage systems trade time for space packages depend on libraries maintained by people"
).split()


def text(rng, rows, low, high):
    counts = rng.integers(low, high, rows)
    picks = rng.zipf(1.3, int(counts.sum())) % len(WORDS)
    ends = np.cumsum(counts)
    return [" ".join(WORDS[k] for k in picks[end - n : end]) for n, end in zip(counts, ends)]


def shapes(rows):
    """(name, array, whether `compact` has to save a tenth)."""
    rng = np.random.default_rng(20260301)
    few = rng.integers(0, 20, rows)
    yield "int64 ascending ids", pa.array(np.arange(rows, dtype=np.int64)), True
    yield "int64 random below 1000", pa.array(rng.integers(0, 1000, rows)), False
    yield "int32 zipf counts", pa.array((rng.zipf(1.5, rows) % 1_000_000).astype(np.int32)), True
    yield "int32 small and negative", pa.array(rng.normal(0, 50, rows).astype(np.int32)), True
    yield "int64 timestamps", pa.array(
        (1_700_000_000_000_000 + np.cumsum(rng.integers(1, 2_000_000, rows))), pa.timestamp("us", "UTC")
    ), True
    yield "int64 sorted keys with repeats", pa.array(np.sort(rng.integers(0, rows // 5, rows))), True
    yield "int64 runs", pa.array(np.repeat(rng.integers(0, 1 << 40, rows // 50 + 1), 50)[:rows]), True
    yield "int64 few distinct", pa.array(few * 0x9E3779B97F4A7C1), False
    yield "int64 random bits", pa.array(rng.integers(-(1 << 63), (1 << 63) - 1, rows)), False
    yield "int16 walk", pa.array(np.cumsum(rng.integers(-3, 4, rows)).astype(np.int16)), True
    yield "uint8 random", pa.array(rng.integers(0, 256, rows).astype(np.uint8)), False
    yield "int8 constant", pa.array(np.full(rows, 7, np.int8)), False
    yield "int32 half null", pa.array(rng.integers(0, 50_000, rows).astype(np.int32), mask=rng.random(rows) < 0.5), False
    yield "int32 all null", pa.array([None] * rows, pa.int32()), False
    yield "bool", pa.array(rng.random(rows) < 0.3), False
    yield "bool rare", pa.array(rng.random(rows) < 0.001), False
    yield "float32 random", pa.array(rng.random(rows).astype(np.float32)), False
    yield "float64 random", pa.array(rng.random(rows)), False
    yield "float64 prices", pa.array(np.round(rng.gamma(2, 40, rows), 2)), False
    yield "float64 with nan", pa.array(np.where(rng.random(rows) < 0.5, np.nan, rng.random(rows))), False
    yield "decimal128", pa.array([decimal.Decimal(int(v)) / 100 for v in rng.integers(0, 10**7, rows)], pa.decimal128(20, 2)), False
    yield "date32", pa.array(rng.integers(18000, 20000, rows).astype(np.int32), pa.date32()), False
    yield "text names of 20", pa.array([f"category/{WORDS[v]}" for v in few]), False
    yield "text names of 5000", pa.array([f"package-{v}/lib" for v in rng.integers(0, 5000, rows)]), False
    yield "text urls", pa.array([f"https://example.org/p/{v}?ref={v % 97}" for v in rng.integers(0, 1 << 40, rows)]), True
    yield "text uuids", pa.array([rng.bytes(16).hex() for _ in range(rows)]), False
    yield "text sentences", pa.array(text(rng, rows, 3, 15)), True
    yield "text half null", pa.array([v if k % 2 else None for k, v in enumerate(text(rng, rows, 1, 8))]), True
    yield "text paragraphs", pa.array(text(rng, rows // 8, 40, 150)), True
    yield "text json", pa.array([f'{{"id": {v}, "name": "{WORDS[v % len(WORDS)]}", "score": {v % 1000 / 10}}}' for v in rng.integers(0, 10**6, rows)]), True
    yield "text tiny", pa.array([chr(97 + v) for v in few]), False
    yield "large text", pa.array(text(rng, rows // 2, 3, 15), pa.large_string()), True
    yield "binary random", pa.array([rng.bytes(int(n)) for n in rng.integers(0, 40, rows // 2)], pa.binary()), False
    yield "fixed binary 16", pa.array([rng.bytes(16) for _ in range(rows // 2)], pa.binary(16)), False
    lists = pa.ListArray.from_arrays(
        np.concatenate([[0], np.cumsum(rng.integers(0, 6, rows))]).astype(np.int32),
        pa.array(rng.integers(0, 1000, rows * 6).astype(np.int32)),
    )
    yield "list int32", lists, False
    yield "list of words", pa.array([t.split() for t in text(rng, rows // 4, 0, 8)]), False
    yield "vectors 32", pa.FixedSizeListArray.from_arrays(pa.array(rng.random(rows * 8).astype(np.float32)), 32), False
    yield "vectors 256", pa.FixedSizeListArray.from_arrays(pa.array(rng.random(rows // 32 * 256).astype(np.float32)), 256), False
    structs = pa.StructArray.from_arrays(
        [pa.array(rng.integers(0, 100, rows)), pa.array([WORDS[v] for v in few])],
        ["n", "word"],
        mask=pa.array(rng.random(rows) < 0.2),
    )
    yield "nullable struct", structs, False
    yield "arrow dictionary", pa.array([WORDS[v] for v in few]).dictionary_encode(), False


def read(path):
    return LanceFileReader(str(path)).read_all().to_table()


def copy(tool, source, target, *options):
    done = subprocess.run([tool, source, target, *options], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return int(done.stdout.split()[0])


def main():
    tool, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    sizes = [1000, 60_000] + ([1_000_000] if "--all" in sys.argv else [])
    problems = []
    print(f"{'shape':34} {'rows':>8} {'ver':>4} {'library':>10} {'ours':>10} {'ratio':>6} {'compact':>10} {'ratio':>6}")
    for rows in sizes:
        for name, array, saves in shapes(rows):
            table = pa.table({"v": array})
            for version in ["2.1", "2.2"]:
                theirs, ours, small = (folder / f"{kind}.lance" for kind in ["theirs", "ours", "small"])
                with LanceFileWriter(str(theirs), table.schema, version=version) as writer:
                    writer.write_batch(table)
                want = theirs.stat().st_size
                got = copy(tool, theirs, ours, f"version={version}")
                compact = copy(tool, theirs, small, f"version={version}", "compact")
                print(f"{name:34} {rows:8} {version:>4} {want:10} {got:10} {got / want:6.3f} {compact:10} {compact / want:6.3f}")
                label = f"{name}, {rows} rows, {version}"
                if got > want * DEFAULT_MAX + SLACK_BYTES:
                    problems.append(f"{label}: {got} bytes, the library's {want}")
                if compact > got * 1.001:
                    problems.append(f"{label}: compact has {compact} bytes, the default {got}")
                if saves and rows >= 10_000 and compact > want * COMPACT_MAX:
                    problems.append(f"{label}: compact has {compact} bytes, the library's {want}")
                for path in [ours, small]:
                    if read(path).column("v").combine_chunks().to_pylist().__repr__() != table.column("v").combine_chunks().to_pylist().__repr__():
                        problems.append(f"{label}: {path.name} differs")
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
