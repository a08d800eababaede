"""Random files: types nested at random, any shape of data, metadata, version, page size; written by the
real Lance library and read by us, and the other way round.

usage: random_files.py COPY_FILE TOOL FOLDER SEED COUNT [FIRST]

Every case makes a table from SEED and its number. The library writes it; COPY_FILE reads all rows, some
rows in any order, or some ranges, of all columns or of some members, and writes what it found in a form
chosen at random; the library must find the same there. Every third case is a data set as well, of which
TOOL prints the rows.

Prints what differs, then "N files, N copies, N dumps, N refused, N failed"; exits 1 if any failed, or if
the library refused more than half.
"""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.types as t
import lance
from lance.file import LanceFileReader, LanceFileWriter

from lance_canonical import canon_array, row_lines
from lance_matrix import SHAPES, make
from read_files import render

DEPTH_MAX = 4
ROWS = [0, 1, 2, 3, 9, 64, 200, 1025, 3000]
DIMENSIONS = [1, 2, 3, 8, 17, 100]
WIDTHS = [1, 2, 3, 8, 16, 31, 300]
UNITS = ["s", "ms", "us", "ns"]
# Lance 10 cannot read "+05:30".
ZONES = [None, "UTC", "Europe/Berlin"] + (["+05:30"] if int(lance.__version__.split(".")[0]) >= 14 else [])

METADATA = {
    "compression": ["none", "zstd", "lz4", "fsst"],
    "compression-level": ["0", "3", "-5", "19"],
    "bss": ["on", "off", "auto"],
    "rle-threshold": ["0.1", "0.9", "1.5"],
    "structural-encoding": ["fullzip", "miniblock"],
    "minichunk-size": ["64", "512", "8192", "40000"],
    "dict-divisor": ["1", "3", "1000"],
    "dict-size-ratio": ["1.0", "0.01"],
    "dict-values-compression": ["zstd", "lz4", "none"],
}

# What we refuse as the library could not read it.
REFUSALS = (
    "packed structs with members of variable width in lists of which some are empty or null",
    "packed structs with members of variable width beside a null list in a nullable struct",
)

# What the libraries cannot do with files that they may read: merge many small dictionaries of one column whose
# keys are narrow (their table of values loses some), or join dictionaries that hold nulls.
LIBRARY_LIMITS = ("Dictionary key bigger than the key type", "Cannot yet unify dictionaries with nulls")


class Source:
    """Types, options and rows of one case."""

    def __init__(self, seed, number):
        self.rng = np.random.default_rng([seed, number])
        self.version = self.pick(["2.0", "2.1", "2.1", "2.2", "2.2"])
        self.rows = self.pick(ROWS)

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def chance(self, share):
        return self.rng.random() < share

    def plain(self):
        """A type without members, of fixed width."""
        return self.pick([
            lambda: pa.bool_(),
            lambda: self.pick([pa.int8(), pa.int16(), pa.int32(), pa.int64()]),
            lambda: self.pick([pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]),
            lambda: self.pick([pa.float16(), pa.float32(), pa.float64()]),
            lambda: self.pick([pa.date32(), pa.date64()]),
            lambda: self.pick([pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")]),
            lambda: pa.timestamp(self.pick(UNITS), self.pick(ZONES)),
            lambda: pa.duration(self.pick(UNITS)),
            lambda: pa.decimal128(int(self.rng.integers(1, 39)), int(self.rng.integers(-3, 12))),
            lambda: pa.decimal256(int(self.rng.integers(39, 77)), int(self.rng.integers(-3, 30))),
            lambda: pa.binary(self.pick(WIDTHS)),
        ])()  # fmt: skip

    def leaf(self):
        return self.pick([
            self.plain,
            self.plain,
            lambda: self.pick([pa.string(), pa.large_string(), pa.binary(), pa.large_binary()]),
            lambda: self.pick([pa.string(), pa.large_string(), pa.binary(), pa.large_binary()]),
            lambda: pa.dictionary(
                self.pick([pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32()]),
                self.pick([pa.string(), pa.large_string(), pa.binary(), pa.int64(), pa.float32(), pa.int16()]),
            ),
            lambda: pa.null(),
            lambda: self.vector(),
        ])()  # fmt: skip

    def vector(self):
        item = self.plain()
        for _ in range(self.pick([1, 1, 1, 2, 3])):
            item = pa.list_(pa.field("item", item, nullable=self.chance(0.8)), self.pick(DIMENSIONS))
            if lance_bytes(item) > 2000:
                break
        return item

    def kind(self, depth):
        if depth == 0 or self.chance(0.3):
            return self.leaf()
        form = self.pick(["struct", "struct", "list", "list", "large_list", "map"])
        if form == "map" and self.version == "2.2":
            key = self.pick([pa.string(), pa.int32(), pa.int64(), pa.large_binary(), pa.date32()])
            return pa.map_(key, self.field("value", depth - 1))
        if form == "struct" or form == "map":
            return pa.struct([self.field(f"m{i}", depth - 1) for i in range(self.pick([1, 1, 2, 3]))])
        item = self.field("item", depth - 1)
        return pa.list_(item) if form == "list" else pa.large_list(item)

    def packed(self):
        members = []
        for i in range(self.pick([1, 2, 4])):  # of bools the library cannot read its own
            kind = self.plain()
            members.append(pa.field(f"p{i}", kind if not t.is_boolean(kind) else pa.int8(), nullable=self.chance(0.1)))
        if self.version == "2.2" and self.chance(0.5):
            members.append(pa.field("text", self.pick([pa.string(), pa.large_binary()])))
        if self.version == "2.2" and self.chance(0.3):
            members.append(pa.field("vector", pa.list_(pa.float32(), self.pick(DIMENSIONS))))
        return pa.struct(members)

    def metadata(self):
        chosen = {}
        if self.chance(0.5):
            for key, values in METADATA.items():
                if self.chance(0.3):
                    chosen[f"lance-encoding:{key}"] = self.pick(values)
        return chosen

    def field(self, name, depth):
        if self.chance(0.05):
            return pa.field(name, self.packed(), True, {"lance-encoding:packed": "true"})
        return pa.field(name, self.kind(depth), self.chance(0.8), self.metadata())

    def column(self, name):
        if self.version != "2.2" and self.chance(0.05):
            return pa.field(name, pa.large_binary(), True, {"lance-encoding:blob": "true"})
        field = self.field(name, int(self.rng.integers(DEPTH_MAX + 1)))
        return field if not t.is_null(field.type) else field.with_nullable(True)

    def array(self, field):
        rows = min(self.rows, max(1, self.rows // 10)) if lance_bytes(field.type) > 500 else self.rows
        nulls = self.pick([0, 0.02, 0.15, 0.9, 1]) if field.nullable else 0
        shape = self.pick(SHAPES + ["mixed"])
        array = make(field.type, shape, self.rng, rows, nulls, self.pick(["even", "even", "skewed"]))
        if rows < self.rows:
            array = array.take(pa.array(self.rng.integers(0, rows, self.rows)))
        return array

    def table(self):
        fields = [self.column(f"c{i}") for i in range(self.pick([1, 1, 2, 3]))]
        if self.chance(0.05):  # structs without members, of which the library reads no others
            empty = pa.field("e", pa.struct([]), False)
            fields.append(self.pick([empty, pa.field("s", pa.struct([pa.field("i", pa.int8()), empty]), False)]))
        return pa.table([self.array(field) for field in fields], schema=pa.schema(fields))

    def parts(self):
        """What to read, as options of copy_file, and how to make it from the whole table."""
        rows = self.rows
        if rows > 0 and self.chance(0.4):
            picked = [int(v) for v in self.rng.integers(0, rows, self.pick([1, 2, 7, 40]))]
            return [f"rows={','.join(map(str, picked))}"], lambda table: table.take(pa.array(picked, pa.int64()))
        if rows > 1 and self.chance(0.4):
            ends = sorted({int(v) for v in self.rng.integers(0, rows + 1, 2 * self.pick([1, 2, 3]))})
            ranges = list(zip(ends[::2], ends[1::2]))
            if ranges:
                option = "ranges=" + ",".join(f"{a}-{b}" for a, b in ranges)
                return [option], lambda table: pa.concat_tables([table.slice(a, b - a) for a, b in ranges])
        return [], lambda table: table

    def projection(self, schema):
        """Paths of some fields; of structs only, as members of lists have no name that both tell."""
        if self.chance(0.6):
            return []
        paths = []
        for field in schema:
            path = field.name
            while t.is_struct(field.type) and field.type.num_fields > 0 and not is_packed(field) and self.chance(0.7):
                field = field.type.field(int(self.rng.integers(field.type.num_fields)))
                path += "." + field.name
            if self.chance(0.7):
                paths.append(path)
        return paths

    def writing(self):
        options = [f"version={self.version}"]
        if self.chance(0.15):
            options.append("compact")
        if self.chance(0.3):
            options.append(f"codec={self.rng.integers(1, 11)}")
        if self.chance(0.3):
            options.append(f"layout={self.rng.integers(1, 3)}")
        if self.chance(0.3):
            options.append(f"page_bytes={self.pick([1, 500, 5000, 50000])}")
        if self.chance(0.2):
            options.append(f"page_rows={self.pick([1, 3, 50, 1000])}")
        options.append(f"batch={self.pick([1 if self.rows < 300 else 100, 37, 1024, 65536])}")
        return options


def is_packed(field):
    return (field.metadata or {}).get(b"lance-encoding:packed") == b"true"


def lance_bytes(kind):
    """Bytes of a value, roughly."""
    if t.is_fixed_size_list(kind):
        return kind.list_size * lance_bytes(kind.value_type)
    if t.is_struct(kind):
        return sum(lance_bytes(kind.field(i).type) for i in range(kind.num_fields))
    if t.is_map(kind):
        return 3 * (lance_bytes(kind.item_type) + 10)
    if t.is_list(kind) or t.is_large_list(kind):
        return 3 * lance_bytes(kind.value_type)
    try:
        return max(1, kind.bit_width // 8)
    except ValueError:
        return 20


def projected(table, paths):
    """`table` with the members at `paths` only, rendered: names to values."""
    columns = {}
    for path in paths or table.column_names:
        name, *members = path.split(".")
        values = render(table.column(name))
        for depth in range(len(members)):
            values = [keep(value, members[: depth + 1]) for value in values]
        columns[name] = values
    return columns


def keep(value, members):
    if value is None or not members:
        return value
    return {members[0]: keep(value[members[0]], members[1:])}


def difference(got, want):
    if set(got) != set(want):
        return f"columns {sorted(got)}, want {sorted(want)}"
    for name, values in want.items():
        if got[name] != values:
            at = next((i for i, (a, b) in enumerate(zip(got[name], values)) if a != b), min(len(got[name]), len(values)))
            return (
                f"{name}: {len(got[name])} values, want {len(values)}; first difference at {at}: "
                f"{str(got[name][at:at + 1])[:200]}, want {str(values[at:at + 1])[:200]}"
            )
    return None


def lines_of(table):
    return list(row_lines(table.column_names, [canon_array(table.column(n)) for n in table.column_names], table.num_rows))


def say(what, label):
    print(f"{what}\t{label}", flush=True)


def announce(what, label):
    """The fate of what comes next, should the process end in it."""
    say(f"if it ends: {what}", label)


class Cases:
    def __init__(self, copy_file, tool, folder, seed):
        self.copy_file, self.tool, self.seed = copy_file, tool, seed
        self.folder = pathlib.Path(folder)

    def run(self, *words):
        done = subprocess.run(words, capture_output=True)
        return None if done.returncode == 0 else f"exit {done.returncode}: {done.stderr.decode(errors='replace').strip()[-400:]}"

    def read(self, path):
        return LanceFileReader(str(path)).read_all().to_table()

    def one(self, number):
        source = Source(self.seed, number)
        label = f"case {number}, {source.version}"
        announce("refused", label)
        table = source.table()
        label += f", {source.rows} rows: " + "; ".join(
            f"{f.name} {f.type}{'' if f.nullable else ' not null'} {dict(f.metadata or {})}" for f in table.schema
        )
        announce("refused", label)
        theirs, ours = self.folder / "theirs.lance", self.folder / "ours.lance"
        theirs.unlink(missing_ok=True)
        cuts = sorted({0, source.rows, *(int(v) for v in source.rng.integers(0, source.rows + 1, source.pick([0, 0, 2])))})
        limits = {"data_cache_bytes": source.pick([None, 1, 4096]), "max_page_bytes": source.pick([None, None, 20000])}
        is_written = False
        try:
            with LanceFileWriter(str(theirs), table.schema, version=source.version, **limits) as writer:
                for start, end in zip(cuts, cuts[1:]):
                    writer.write_batch(table.slice(start, end - start))
            is_written = True
            written = self.read(theirs)
        except BaseException as error:  # what the library refuses, or cannot read back itself
            say("refused", f"{label}: {str(error)[:300]}")
            written = None
        is_readable = written is not None and written.num_rows == source.rows
        if written is not None and source.version != "2.0":
            problem = difference(projected(written, []), projected(table, []))
            if problem:
                say("lost", f"{label}: the library gives back something else: {problem}")
                return
        if not is_written:
            return
        if is_readable:
            say("file", label)
        self.copies(source, theirs, ours, written if is_readable else table, label, is_readable)

    def copies(self, source, theirs, ours, written, label, is_readable):
        for _ in range(2):
            parts, select = source.parts()
            paths = source.projection(written.schema)
            options = [*parts, *source.writing()] + ([f"columns={','.join(paths)}"] if paths else [])
            if source.chance(0.3):
                options.append("check")
            what = "failed" if is_readable else "unread"
            announce(what, f"{label} {options}: the process ended")
            problem = self.run(self.copy_file, theirs, ours, *options)
            if problem and any(refusal in problem for refusal in REFUSALS):
                say("refused", f"{label} {options}: {problem}")
                return
            if problem is None:
                try:
                    got = self.read(ours)
                    want = projected(select(written), paths)
                    problem = difference({n: render(got.column(n)) for n in got.column_names}, want)
                    if problem is None and got.num_rows > 0:
                        rows = [int(v) for v in source.rng.integers(0, got.num_rows, 5)]
                        taken = LanceFileReader(str(ours)).take_rows(sorted(set(rows))).to_table()
                        want = {n: [values[i] for i in sorted(set(rows))] for n, values in want.items()}
                        problem = difference({n: render(taken.column(n)) for n in taken.column_names}, want)
                        problem = problem and f"take of {rows}: {problem}"
                except BaseException as error:
                    problem = f"{type(error).__name__}: {str(error)[:300]}"
                    if any(limit in problem for limit in LIBRARY_LIMITS):
                        say("refused", f"{label} {options}: {problem}")
                        return
            say(what if problem else "copy", f"{label} {options}: {problem}")
            if problem:
                return

    def dump(self, number):
        """A data set of the case, as TOOL prints it."""
        source = Source(self.seed, number)
        table = source.table()
        path = str(self.folder / f"{number}.lance")
        subprocess.run(["rm", "-rf", path])
        label = f"dump {number}, {source.version}"
        announce("refused", label)
        try:
            dataset = lance.write_dataset(
                table, path, data_storage_version=source.version, max_rows_per_file=source.pick([100, 1 << 20])
            )
            is_blob = any((f.metadata or {}).get(b"lance-encoding:blob") == b"true" for f in table.schema)
            written = dataset.scanner(scan_in_order=True, **({"blob_handling": "all_binary"} if is_blob else {})).to_table()
            lines = lines_of(written)
        except BaseException as error:
            say("refused", f"{label}: {str(error)[:300]}")
            return
        if not is_blob and source.version != "2.0" and lines != lines_of(table):
            say("lost", label)
            return
        done = subprocess.run([self.tool, "dump", path], capture_output=True)
        got = done.stdout.decode().split("\n")[:-1]
        problem = None if done.returncode == 0 else done.stderr.decode()[-300:]
        if problem is None and got != lines:
            at = next((i for i, (a, b) in enumerate(zip(got, lines)) if a != b), min(len(got), len(lines)))
            problem = f"row {at} of {len(got)}, want {len(lines)}: {got[at:at+1]}, want {lines[at:at+1]}"[:600]
        if problem is None and source.rows > 0:
            rows = [int(v) for v in source.rng.integers(0, source.rows, 6)]
            done = subprocess.run([self.tool, "take", path, "--rows", ",".join(map(str, rows))], capture_output=True)
            if done.stdout.decode().split("\n")[:-1] != [lines[row] for row in rows]:
                problem = f"take of {rows} differs {done.stderr.decode()[-200:]}"
        if problem is None:
            problem = self.run(self.tool, "verify", "--deep", path)
        if problem is None and source.chance(0.3):
            file = next((pathlib.Path(path) / "data").glob("*.lance"), None)
            problem = file and self.run(self.tool, "file-info", str(file), "--pages")
        say("failed" if problem else "dump", f"{label} {table.schema.to_string(truncate_metadata=False)!r}: {problem}"[:1500])
        subprocess.run(["rm", "-rf", path])


def work(copy_file, tool, folder, seed, first, end):
    cases = Cases(copy_file, tool, folder, seed)
    for number in range(first, end):
        say("case", str(number))
        cases.one(number)
        if number % 3 == 0:
            cases.dump(number)
    say("done", "")


FATES = ("file", "copy", "dump", "refused", "lost", "unread", "failed")


def main():
    copy_file, tool, folder, seed, count, *rest = sys.argv[1:]
    seed, count, first = int(seed), int(count), int(rest[0]) if rest else 0
    end = first + count
    if rest[1:] == ["work"]:
        work(copy_file, tool, folder, seed, first, end)
        return
    found = {what: [] for what in FATES}
    is_done = False
    while not is_done and first < end:
        words = [sys.executable, __file__, copy_file, tool, folder, str(seed), str(end - first), str(first), "work"]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=open(os.path.join(folder, "stderr"), "w"), text=True, errors="replace")
        steps = [line.split("\t", 1) for line in done.stdout.splitlines() if "\t" in line]
        for what, label in steps:
            if what == "case":
                first = int(label) + 1
            elif what in found:
                found[what].append(label)
        if steps and steps[-1][0].startswith("if it ends: "):
            found[steps[-1][0].removeprefix("if it ends: ")].append(steps[-1][1])
        is_done = bool(steps) and steps[-1][0] == "done"
    for what in ("refused", "lost", "unread", "failed"):
        print("\n".join(f"{what}: {label}" for label in found[what]))
    print(", ".join(f"{len(found[what])} {what}" for what in FATES))
    sys.exit(1 if found["failed"] or len(found["refused"]) > count // 2 else 0)


if __name__ == "__main__":
    main()
