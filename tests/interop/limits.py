"""How much a dataset takes: rows, fragments, columns, versions, sizes of values, depth of types.

Each limit of docs/user/datasets.md is reached with `lance-tool` and read back by it and by the real
library. `small` takes seconds, `large` minutes and gigabytes.

usage: limits.py TOOL FOLDER small|large
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import lance
import pyarrow as pa

#                      small        large
SIZES = {
    "rows": (5_000_000, 2**32 + 1_000),
    "fragments": (500, 10_000),
    "columns": (1_000, 10_000),
    "versions": (100, 3_000),
    "value_bytes": (32 << 20, 1_500 << 20),
    "depth": (30, 60),
}


class Limits:
    def __init__(self, tool, folder, column):
        self.tool = tool
        self.folder = folder
        self.sizes = {name: pair[column] for name, pair in SIZES.items()}

    def run(self, *arguments, stdin=None):
        done = subprocess.run([self.tool, *arguments], stdin=stdin, capture_output=True)
        assert done.returncode == 0, (arguments, done.stderr.decode()[-2000:])
        return done.stdout

    def write(self, name, batches, schema, *options):
        """Writes batches through a pipe, so that they need not exist at once."""
        path = f"{self.folder}/{name}.lance"
        writer = subprocess.Popen([self.tool, "write", path, "--format", "arrow-stream", *options],
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        with pa.ipc.new_stream(writer.stdin, schema) as stream:
            for batch in batches:
                stream.write_batch(batch)
        writer.stdin.close()
        assert writer.wait() == 0
        return path

    def rows(self, count):
        block = pa.record_batch([pa.array([7] * 1_000_000, pa.int8())], names=["v"])
        batches = (block.slice(0, min(1_000_000, count - start)) for start in range(0, count, 1_000_000))
        path = self.write("rows", batches, block.schema, "--max-rows-per-file", str(1 << 26))
        dataset = lance.dataset(path)
        assert dataset.count_rows() == count
        assert int(self.run("count", path)) == count
        assert self.run("take", path, "--rows", f"0,{count - 1}") == b'{"v":7}\n' * 2
        assert dataset.take([count - 1]).column("v").to_pylist() == [7]

    def fragments(self, count):
        batch = pa.record_batch([pa.array(range(count), pa.int32())], names=["v"])
        path = self.write("fragments", [batch], batch.schema, "--max-rows-per-file", "1")
        dataset = lance.dataset(path)
        assert len(dataset.get_fragments()) == count
        assert dataset.to_table(filter=f"v = {count - 1}").num_rows == 1
        assert int(self.run("count", path, "--where", f"v >= {count - 2}")) == 2
        self.run("compact", path)
        assert len(lance.dataset(path).get_fragments()) == 1
        assert int(self.run("count", path)) == count

    def columns(self, count):
        batch = pa.record_batch([pa.array([i], pa.int32()) for i in range(count)], names=[f"c{i}" for i in range(count)])
        path = self.write("columns", [batch], batch.schema)
        assert lance.dataset(path).to_table().to_pylist() == batch.to_pylist()
        assert self.run("dump", path, "--columns", f"c{count - 1},c0") == f'{{"c{count - 1}":{count - 1},"c0":0}}\n'.encode()
        table = pa.ipc.open_stream(self.run("dump", path, "--format", "arrow-stream")).read_all()
        assert table.to_pylist() == batch.to_pylist()

    def versions(self, count):
        batch = pa.record_batch([pa.array([0], pa.int32())], names=["v"])
        path = self.write("versions", [batch], batch.schema)
        for number in range(1, count):
            self.run("update", path, "--set", f"v = {number}", "--where", "true")
        assert len(lance.dataset(path).versions()) == count
        assert self.run("dump", path, "--version", str(count // 2)) == f'{{"v":{count // 2 - 1}}}\n'.encode()
        assert lance.dataset(path, version=count).to_table().column("v").to_pylist() == [count - 1]

    def value_bytes(self, size):
        batch = pa.record_batch([pa.array(["x" * size, "y"], pa.string()), pa.array([b"a", b"b" * size], pa.large_binary())],
                                names=["s", "b"])
        path = self.write("value_bytes", [batch], batch.schema)
        assert int(self.run("count", path, "--where", f"length(s) = {size}")) == 1
        table = lance.dataset(path).to_table()
        assert [len(v) for v in table.column("s").to_pylist()] == [size, 1]
        assert [len(v) for v in table.column("b").to_pylist()] == [1, size]

    def depth(self, count):
        kind, value = pa.int32(), 5
        for level in range(count):
            kind, value = (pa.list_(kind), [value]) if level % 2 else (pa.struct([("m", kind)]), {"m": value})
        batch = pa.record_batch([pa.array([value, None], kind)], names=["v"])
        path = self.write("depth", [batch], batch.schema)
        table = pa.ipc.open_stream(self.run("dump", path, "--format", "arrow-stream")).read_all()
        assert table.to_pylist() == batch.to_pylist()


def main(tool, folder, size):
    limits = Limits(tool, folder, ["small", "large"].index(size))
    for name, wanted in limits.sizes.items():
        start = time.monotonic()
        getattr(limits, name)(wanted)
        print(f"{name}: {wanted} in {time.monotonic() - start:.1f} s", flush=True)
        for entry in os.listdir(folder):
            shutil.rmtree(f"{folder}/{entry}")


main(sys.argv[1], sys.argv[2], sys.argv[3])
