"""Files of every type, data shape and encoding that the real Lance library writes, read by us and
written again; the library must find in the copies what it had written.

usage: lance_matrix.py COPY_FILE FOLDER [--all]

One file a type and version; its columns are the data shapes, and the shapes again with the field
metadata that makes the library choose other encodings. COPY_FILE reads it and writes its rows.
--all repeats that with every encoding that COPY_FILE can be told to use. Files of version 2.3 are
read too; a page that we cannot read must be refused by the name of its column and page.

Prints what differs, then "N files, N copies, N failed"; exits 1 if any failed.
"""

import pathlib
import re
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.types as t
import lance
from lance.file import LanceFileReader, LanceFileWriter

from read_files import render

ROWS = 1300
SHAPES = ["constant", "runs", "monotonic", "few", "small", "extremes", "long"]
VERSIONS = ["2.0", "2.1", "2.2", "2.3"]
CODECS = range(1, 11)  # ForcedCodec in format/page/page_options.h
LAYOUTS = [1, 2]  # ForcedLayout
MIN_FILES = 400
UNREADABLE = re.compile(
    r"column \d+, page \d+ at byte \d+: (page of the sparse layout|encoding of type \"/lance.encodings23)"
)
HAS_NULL_ITEMS = int(lance.__version__.split(".")[0]) >= 14  # Lance 10 cannot read what it writes of them

WORDS = "storage engine column graph of the reads writes page vector and".split()
UNICODE = ["", "ß", "日本語", "👩‍👩‍👧‍👦", "e\u0301", "\u202eabc", "\ufeff", "a\0b", "\U0010ffff", "mixed ascii и кириллица"]
PATTERNS = [0, 2**64 - 1, 1 << 63, (1 << 63) - 1, 1, 0x7F800001, 0x7FF0000000000001, 0x7C01, 0xFFF8000000000123, 1 << 31]


def numbers(shape, rng, n):
    """n unsigned 64-bit numbers."""
    if shape == "constant":
        return np.full(n, 42, np.uint64)
    if shape == "runs":
        return np.repeat(rng.integers(0, 1000, n, dtype=np.uint64), rng.integers(1, 300, n))[:n]
    if shape == "monotonic":
        return np.cumsum(rng.integers(0, 3, n, dtype=np.uint64), dtype=np.uint64)
    if shape == "few":
        return rng.integers(0, 20, n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    if shape == "small":
        return np.arange(n, dtype=np.uint64) * np.uint64(7) % np.uint64(120)
    # Extremes: random bits, the ends of ranges, infinities and NaNs with payloads of every width.
    values = rng.integers(0, 2**64 - 1, n, dtype=np.uint64, endpoint=True)
    picked = rng.random(n) < 0.3
    values[picked] = np.array(PATTERNS, np.uint64)[rng.integers(0, len(PATTERNS), int(picked.sum()))]
    return values


def texts(shape, rng, n):
    if shape == "constant":
        return ["the same text"] * n
    if shape == "extremes":
        return [UNICODE[k] for k in rng.integers(0, len(UNICODE), n)]
    if shape == "small":
        return [" ".join(WORDS[k] for k in rng.integers(0, len(WORDS), c)) for c in rng.integers(0, 9, n)]
    if shape == "long":
        return [WORDS[k % len(WORDS)] * int(c) for k, c in enumerate(rng.zipf(1.2, n) % 4000)]
    return [f"https://example.org/item/{k}" for k in numbers(shape, rng, n)]


def validity(mask):
    return None if mask is None else pa.py_buffer(np.packbits(~mask, bitorder="little"))


def make(kind, shape, rng, n, nulls, lists):
    """An array of type `kind`: `nulls` is a share, `lists` "even", "skewed" or "null items". The shape
    "mixed" is another one for each member."""
    child_shape, shape = shape, SHAPES[rng.integers(len(SHAPES))] if shape == "mixed" else shape
    mask = rng.random(n) < nulls if nulls else None
    if nulls == 1:
        mask = np.ones(n, bool)
    child = lambda field, count: make(field.type, child_shape, rng, count, nulls if field.nullable else 0, lists)
    if t.is_null(kind):
        return pa.nulls(n)
    if t.is_boolean(kind):
        return pa.array(numbers(shape, rng, n) % 2 == 0, mask=mask)
    if t.is_dictionary(kind):
        items = make(kind.value_type, "small" if t.is_integer(kind.value_type) else "monotonic", rng, 10, 0, lists)
        keys = pa.array((numbers(shape, rng, n) % np.uint64(10)).astype(kind.index_type.to_pandas_dtype()), mask=mask)
        return pa.DictionaryArray.from_arrays(keys, items)
    if t.is_string(kind) or t.is_large_string(kind):
        return pa.array(texts(shape, rng, n), kind, mask=mask)
    if t.is_binary(kind) or t.is_large_binary(kind):
        return pa.array([v.encode() for v in texts(shape, rng, n)], kind, mask=mask)
    if t.is_list(kind) or t.is_large_list(kind) or t.is_map(kind):
        counts = rng.integers(0, 6, n)
        if lists == "skewed":
            counts = np.where(rng.random(n) < 0.9, 0, rng.integers(0, 4, n))
            if n > 3:
                counts[n // 2] = 3000
        if mask is not None:
            counts = np.where(mask, 0, counts)
        width = np.int64 if t.is_large_list(kind) else np.int32
        offsets = pa.py_buffer(np.concatenate([[0], np.cumsum(counts)]).astype(width))
        if t.is_map(kind):
            entries = pa.struct([kind.key_field, kind.item_field])
            items = make(entries, child_shape, rng, int(counts.sum()), 0, lists)
        else:
            items = child(kind.value_field, int(counts.sum()))
        return pa.Array.from_buffers(kind, n, [validity(mask), offsets], children=[items])
    if t.is_fixed_size_list(kind):
        share = 1 if lists == "null items" else nulls
        items = make(kind.value_type, child_shape, rng, n * kind.list_size, share, lists)
        return pa.Array.from_buffers(kind, n, [validity(mask)], children=[items])
    if t.is_struct(kind):
        members = [child(kind.field(i), n) for i in range(kind.num_fields)]
        return pa.Array.from_buffers(kind, n, [validity(mask)], children=members)
    width = kind.bit_width // 8
    raw = np.zeros((n, width), np.uint8)
    raw[:, : min(width, 8)] = numbers(shape, rng, n).view(np.uint8).reshape(n, 8)[:, : min(width, 8)]
    if shape == "extremes" and width > 8:
        raw[:, 8:] = rng.integers(0, 256, (n, width - 8))
    return pa.Array.from_buffers(kind, n, [validity(mask), pa.py_buffer(raw.tobytes())])


POINT = pa.struct([("x", pa.int32()), ("name", pa.string())])
NESTED = pa.struct([("inner", POINT), ("flag", pa.bool_()), ("tags", pa.list_(pa.string()))])

TYPES = [
    pa.null(), pa.bool_(),
    pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(),
    pa.float16(), pa.float32(), pa.float64(), pa.decimal128(38, 4), pa.decimal256(76, 2),
    pa.date32(), pa.date64(), pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"),
    pa.timestamp("s"), pa.timestamp("ms", "Europe/Berlin"), pa.timestamp("us", "UTC"), pa.timestamp("ns"),
    pa.duration("s"), pa.duration("ms"), pa.duration("us"), pa.duration("ns"),
    pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.binary(1), pa.binary(7), pa.binary(16), pa.binary(300),
    pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.large_string()), pa.dictionary(pa.uint16(), pa.int64()),
    POINT, NESTED,
    pa.list_(pa.int32()), pa.list_(pa.string()), pa.large_list(pa.float64()), pa.list_(pa.bool_()), pa.list_(pa.list_(pa.int16())),
    pa.list_(POINT), pa.struct([("lists", pa.list_(NESTED))]), pa.list_(pa.list_(pa.list_(pa.string()))),
    pa.list_(pa.float32(), 3), pa.list_(pa.float32(), 96), pa.list_(pa.list_(pa.int16(), 2), 3), pa.list_(pa.bool_(), 11),
    pa.list_(pa.float16(), 200), pa.list_(pa.list_(pa.float32(), 8)),
    pa.map_(pa.string(), pa.int64()), pa.map_(pa.int32(), pa.list_(pa.string())),
]  # fmt: skip

METADATA = [
    {"compression": "none"},
    {"compression": "zstd"},
    {"compression": "zstd", "compression-level": "9", "bss": "off"},
    {"compression": "lz4", "bss": "on"},
    {"compression": "fsst"},
    {"rle-threshold": "0.9"},
    {"structural-encoding": "fullzip"},
    {"structural-encoding": "fullzip", "compression": "zstd"},
    {"structural-encoding": "miniblock", "minichunk-size": "512"},
    {"dict-divisor": "1", "dict-size-ratio": "1.0", "dict-values-compression": "zstd"},
]


def columns_of(kind, version, rng, rows):
    """(field, array) of the columns of one file."""
    shapes = ["constant", "runs", "monotonic", "few", "small", "extremes"]
    leaf = kind
    while t.is_list(leaf) or t.is_large_list(leaf) or t.is_fixed_size_list(leaf):
        leaf = leaf.value_type
    if any(check(leaf) for check in (t.is_string, t.is_large_string, t.is_binary, t.is_large_binary, t.is_struct)):
        shapes.append("long")
    variants = [(shape, nulls, "even", {}) for shape in shapes for nulls in (0, 0.15)]
    variants += [("small", 1, "even", {}), ("small", 0, "skewed", {}), ("few", 0.3, "skewed", {})]
    if t.is_fixed_size_list(kind) and version != "2.0" and HAS_NULL_ITEMS:
        variants += [("small", nulls, "null items", {}) for nulls in (0, 0.15)]
    for extra in METADATA:
        # The library cannot read such columns of its own.
        if version == "2.0" and extra.get("compression") == "fsst" and (rows < 100 or "large" in str(kind)):
            continue
        variants += [(shape, 0.1, "even", extra) for shape in ("runs", "few", "small")]
    for number, (shape, nulls, lists, extra) in enumerate(variants):
        metadata = {f"lance-encoding:{key}": value for key, value in extra.items()}
        array = make(kind, shape, rng, rows, nulls, lists)
        if version == "2.0" and t.is_struct(kind) and nulls:
            array = make(kind, shape, rng, rows, 0, lists)  # nulls of structs are not stored
        yield pa.field(f"c{number}", kind, metadata=metadata), array


def can_hold(kind, version):
    text = str(kind)
    if version in ("2.0", "2.1") and "map<" in text:
        return False
    return True


def same(a, b):
    a, b = a.combine_chunks(), b.combine_chunks()
    if t.is_floating(a.type):
        bits = {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[a.type.bit_width]
        a, b = a.view(bits), b.view(bits)
    return a.equals(b) or render(a) == render(b)


def compare(path, table):
    """None, or how the file at `path` differs from `table`."""
    try:
        got = LanceFileReader(str(path)).read_all().to_table()
    except BaseException as error:  # the library's panics are no Exception
        return f"{type(error).__name__}: {str(error)[:300]}"
    for name in table.column_names:
        if not same(got.column(name), table.column(name)):
            return f"column {name} of {table.schema.field(name)} {table.schema.field(name).metadata} differs"
    return None


class Matrix:
    """Runs in a process of its own, because the library may end it: `say` tells how far it came."""

    def __init__(self, tool, folder):
        self.tool = tool
        self.folder = folder

    def copy(self, source, target, *options):
        done = subprocess.run([self.tool, source, target, *options], capture_output=True, text=True)
        return None if done.returncode == 0 else done.stderr.strip()

    def one(self, kind, version, rows, everything):
        label = f"{version} {kind} {rows} rows"
        rng = np.random.default_rng(20260401)
        fields, arrays = zip(*columns_of(kind, version, rng, rows))
        table = pa.table(list(arrays), schema=pa.schema(fields))
        theirs, ours = self.folder / "theirs.lance", self.folder / "ours.lance"
        say("refused", label)
        try:
            with LanceFileWriter(str(theirs), table.schema, version=version) as writer:
                writer.write_batch(table)
            written = LanceFileReader(str(theirs)).read_all().to_table()
        except BaseException as error:  # what the library refuses, or cannot read back itself
            say("refused", f"{label}: {str(error)[:100]}")
            return
        say("file", label)
        options = [[], ["compact"]]
        if everything and version != "2.3":
            options += [[f"codec={codec}", f"layout={layout}"] for codec in CODECS for layout in LAYOUTS]
        for extra in options:
            target = "2.2" if version == "2.3" else version
            say("failed", f"{label} {' '.join(extra)}: the process ended")
            problem = self.copy(theirs, ours, f"version={target}", *extra)
            if problem and version == "2.3" and UNREADABLE.search(problem):
                say("sparse", label)
                continue
            problem = problem or compare(ours, written)
            say("failed" if problem else "copy", f"{label} {' '.join(extra)}: {problem}")


def say(what, label):
    """One line; the last one stands for the fate of what comes next if the process ends."""
    print(f"{what}\t{label}", flush=True)


def cases(first=0):
    every = [
        (kind, version, rows)
        for version in VERSIONS
        for kind in TYPES
        if can_hold(kind, version)
        for rows in (0, 1, ROWS)
    ]
    return every[first:]


def work(tool, folder, first, everything):
    matrix = Matrix(tool, pathlib.Path(folder))
    for number, (kind, version, rows) in enumerate(cases(int(first)), int(first)):
        say("case", str(number))
        matrix.one(kind, version, rows, everything and rows == ROWS)
    say("done", "")


def main():
    tool, folder, *rest = sys.argv[1:]
    if rest[:1] == ["--from"]:
        work(tool, folder, rest[1], "--all" in rest)
        return
    found = {what: [] for what in ("file", "copy", "sparse", "refused", "failed")}
    first, is_done = 0, False
    while not is_done:
        words = [sys.executable, __file__, tool, folder, "--from", str(first), *rest]
        lines = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        steps = [line.split("\t", 1) for line in lines.splitlines()]
        for step, after in zip(steps, [*steps[1:], [None, None]]):
            what, label = step
            if what == "case":
                first = int(label) + 1
            # A fate that was only announced does not count, unless the process ended in it.
            is_announced = after[0] is not None and label == after[1].split(": ")[0]
            is_overtaken = what == "failed" and label.endswith("the process ended") and after[0] is not None
            if what in found and not is_overtaken and not (what == "refused" and is_announced):
                found[what].append(label)
        is_done = steps[-1][0] == "done"
    for what in ("refused", "failed"):
        print("\n".join(f"{what}: {label}" for label in found[what]))
    print(
        f"{len(found['file'])} files, {len(found['copy'])} copies, {len(found['sparse'])} of pages of 2.3 "
        f"refused, {len(found['failed'])} failed"
    )
    sys.exit(1 if found["failed"] or len(found["file"]) < MIN_FILES else 0)


if __name__ == "__main__":
    main()
