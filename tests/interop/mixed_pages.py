"""Columns whose pages differ: nulls in some pages only, wide values in some pages only, of lists in
structs, of structs in lists and of maps. Lance decodes pages of a column together and needs each to
declare the same layers.

usage: mixed_pages.py COPY_FILE FOLDER

The library writes a table, COPY_FILE writes it again with small pages, the library must read the same.
Prints what differs, then "N copies, N failed"; exits 1 if any failed.
"""

import pathlib
import subprocess
import sys

import numpy as np
import pyarrow as pa
from lance.file import LanceFileReader, LanceFileWriter

ROWS = 80
PAGE_ROWS = [1, 7]
LAYOUTS = [[], ["layout=1"], ["layout=2"]]  # by the data, mini-block, full-zip


def struct(kind, nullable=True, name="m"):
    return pa.struct([pa.field(name, kind, nullable)])


def types(leaf):
    yield struct(pa.list_(leaf)), True
    yield struct(pa.list_(leaf), False), True
    yield struct(pa.list_(leaf)), False
    yield struct(struct(pa.list_(leaf))), True
    yield struct(struct(struct(pa.large_list(pa.field("item", leaf, False))))), True
    yield pa.list_(struct(pa.list_(leaf))), True
    yield pa.list_(pa.field("item", struct(pa.list_(leaf)), False)), False
    yield pa.list_(struct(leaf)), True
    yield struct(pa.list_(struct(pa.list_(struct(leaf))))), True


class Values:
    """Values of a type: in some stretches of ten rows nulls, in some empty lists, in some wide text."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.row = 0

    def stretch(self, what):
        return (self.row // 10 + 1) >> what & 1 == 1

    def one(self, kind, nullable):
        if nullable and self.stretch(0) and self.rng.random() < (0.5 if pa.types.is_struct(kind) else 0.2):
            return None
        if pa.types.is_struct(kind):
            return {field.name: self.one(field.type, field.nullable) for field in kind}
        if pa.types.is_map(kind):
            count = int(self.rng.integers(0 if self.stretch(1) else 1, 3))
            return [(f"{i}", self.one(kind.item_type, True)) for i in range(count)]
        if pa.types.is_fixed_size_list(kind):
            return [float(v) for v in self.rng.integers(0, 100, kind.list_size)]
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            count = int(self.rng.integers(0 if self.stretch(1) else 1, 4))
            return [self.one(kind.value_type, kind.value_field.nullable) for _ in range(count)]
        text = str(self.rng.integers(0, 1 << 40))
        return text * (60 if self.stretch(2) else 1) + ("#" * 50000 if self.row % 40 == 37 else "")

    def column(self, kind, nullable):
        values = []
        for self.row in range(ROWS):
            values.append(self.one(kind, nullable))
        return pa.array(values, kind)


def cases():
    vector = pa.list_(pa.float32(), 100)
    for leaf in (pa.string(), vector):
        for kind, nullable in types(leaf):
            for version in ("2.1", "2.2"):
                yield kind, nullable, version
        yield pa.map_(pa.string(), pa.list_(leaf)), True, "2.2"
        yield struct(pa.map_(pa.string(), pa.map_(pa.string(), leaf))), True, "2.2"


def read(path):
    return LanceFileReader(str(path)).read_all(batch_size=50).to_table()


def main():
    copy_file, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    theirs, ours = folder / "theirs.lance", folder / "ours.lance"
    copies, failed = 0, 0
    for number, (kind, nullable, version) in enumerate(cases()):
        schema = pa.schema([pa.field("c", kind, nullable)])
        table = pa.table([Values(number).column(kind, nullable)], schema=schema)
        theirs.unlink(missing_ok=True)
        with LanceFileWriter(str(theirs), schema, version=version) as writer:
            writer.write_batch(table)
        for page_rows in PAGE_ROWS:
            for layout in LAYOUTS:
                options = [f"version={version}", f"page_rows={page_rows}", "batch=1024", *layout]
                done = subprocess.run([copy_file, theirs, ours, *options], capture_output=True, text=True)
                try:
                    problem = done.stderr if done.returncode != 0 else None
                    if problem is None and read(ours).to_pylist() != table.to_pylist():
                        problem = "other values"
                except Exception as error:
                    problem = str(error)
                copies += problem is None
                if problem:
                    failed += 1
                    print(f"failed: {kind}{'' if nullable else ' not null'} {options}: {problem[-300:]}")
    print(f"{copies} copies, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
