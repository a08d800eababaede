"""Rows between `lance-tool` and pyarrow: Arrow streams and files of every kind that pyarrow writes, CSV both ways.

usage: tabular.py TOOL FOLDER
"""

from __future__ import annotations

import datetime
import decimal
import itertools
import struct
import subprocess
import sys

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather

from lance_canonical import canon_array


class Tool:
    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.numbers = itertools.count()

    def run(self, *arguments, stdin=None):
        done = subprocess.run([self.program, *arguments], input=stdin, capture_output=True)
        assert done.returncode == 0, (arguments, done.stderr.decode())
        return done.stdout

    def fails(self, *arguments, stdin=None):
        done = subprocess.run([self.program, *arguments], input=stdin, capture_output=True)
        assert done.returncode == 1, (arguments, done.returncode, done.stdout)
        return done.stderr.decode()

    def new(self, ending):
        return f"{self.folder}/{next(self.numbers)}.{ending}"


def rows_of(table):
    columns = [canon_array(table.column(i)) for i in range(table.num_columns)]
    return list(zip(*columns)) if columns else []


def decoded(table):
    """Dictionaries as their values, views as what they are views of: what the canonical form knows."""
    columns = []
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if column.type == pa.string_view():
            column = column.cast(pa.string())
        if column.type == pa.binary_view():
            column = column.cast(pa.binary())
        columns.append(column)
    return pa.table(columns, names=table.column_names)


def sample():
    long_text = "a text that is longer than a view holds in itself"
    return pa.table({
        "id": pa.array([1, 2, 3, 4, 5], pa.int64()),
        "small": pa.array([1, None, -3, 4, 5], pa.int8()),
        "big": pa.array([2**64 - 1, 0, None, 1, 2], pa.uint64()),
        "half": pa.array([1.5, None, float("inf"), 0.25, 0], pa.float32()).cast(pa.float16()),
        "real": pa.array([0.1, None, float("nan"), -0.0, 1e300], pa.float64()),
        "flag": pa.array([True, None, False, True, True]),
        "text": pa.array(["", None, long_text, "ä\"q\",\n", "x"]),
        "view": pa.array(["", None, long_text, "y" * 12, "z" * 13]).cast(pa.string_view()),
        "bytes": pa.array([b"", None, b"\x00\xff", long_text.encode(), b"b"]),
        "byte_view": pa.array([b"", None, b"\x00\xff", long_text.encode(), b"b"]).cast(pa.binary_view()),
        "large": pa.array(["", None, long_text, "l", "m"], pa.large_string()),
        "fixed": pa.array([b"ab", None, b"\x00\x00", b"zz", b"yy"], pa.binary(2)),
        "day": pa.array([datetime.date(1969, 12, 31), None, datetime.date(2020, 2, 29)] + [None] * 2, pa.date32()),
        "at": pa.array([datetime.datetime(1969, 12, 31, 23, 59, 59, 999999), None] + [datetime.datetime(2020, 2, 29)] * 3,
                       pa.timestamp("us")),
        "zoned": pa.array([0, None, 1, -1, 10**12], pa.timestamp("ms", "Europe/Berlin")),
        "time": pa.array([0, None, 1, 2, 86_399_999_999], pa.time64("us")),
        "span": pa.array([0, None, -1, 2, 3], pa.duration("s")),
        "money": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-0.01"), decimal.Decimal("0.00"),
                           decimal.Decimal("123456.78")], pa.decimal128(12, 2)),
        "coded": pa.array(["red", None, "green", "red", "blue"]).dictionary_encode(),
        "list": pa.array([[1, 2], None, [], [None], [3]], pa.list_(pa.int32())),
        "vector": pa.array([[1, 2], [3, 4], None, [5, 6], [7, 8]], pa.list_(pa.float32(), 2)),
        "struct": pa.array([{"a": 1, "b": ["x"]}, None, {"a": None, "b": []}, {"a": 2, "b": None}, {"a": 3, "b": [None]}],
                           pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))])),
    }, metadata={"made": "by a test"})


def read_back(tool, dataset):
    """The rows of a dataset through an Arrow stream, and through a file."""
    stream = pa.ipc.open_stream(tool.run("dump", dataset, "--format", "arrow-stream")).read_all()
    path = tool.new("arrow")
    tool.run("dump", dataset, "--output", path)
    file = pa.ipc.open_file(path).read_all()
    assert stream.equals(file) or rows_of(stream) == rows_of(file)
    file.validate(full=True)
    return file


def views_of_one_text(size, count):
    """`count` values that all point to one text of `size` bytes."""
    view = struct.pack("<i4sii", size, b"aaaa", 0, 0)
    return pa.Array.from_buffers(pa.string_view(), count, [None, pa.py_buffer(view * count), pa.py_buffer(b"a" * size)])


def check_arrow(tool):
    table = sample()
    wanted = rows_of(decoded(table))
    count = 0
    for codec, is_file, batch_rows in itertools.product([None, "lz4", "zstd"], [False, True], [2, 100]):
        path = tool.new("arrow" if is_file else "arrows")
        options = pa.ipc.IpcWriteOptions(compression=codec)
        make = pa.ipc.new_file if is_file else pa.ipc.new_stream
        with make(path, table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=batch_rows)
        dataset = tool.new("lance")
        tool.run("write", dataset, "--input", path)
        assert rows_of(decoded(read_back(tool, dataset))) == wanted, (codec, is_file, batch_rows)
        count += 1
    feather = tool.new("feather")
    pa.feather.write_feather(table, feather)
    dataset = tool.new("lance")
    tool.run("write", dataset, "--input", feather)
    assert rows_of(decoded(read_back(tool, dataset))) == wanted

    # A dictionary that grows, and one that is replaced, in a stream.
    for emit_deltas in (True, False):
        sink = pa.BufferOutputStream()
        schema = pa.schema([("c", pa.dictionary(pa.int8(), pa.string()))])
        options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=emit_deltas)
        with pa.ipc.new_stream(sink, schema, options=options) as writer:
            for indices, values in (([0, 1], ["a", "b"]), ([2, 0], ["a", "b", "c"])):
                column = pa.DictionaryArray.from_arrays(pa.array(indices, pa.int8()), pa.array(values))
                writer.write_batch(pa.record_batch([column], schema=schema))
        dataset = tool.new("lance")
        tool.run("write", dataset, "--format", "arrow-stream", stdin=sink.getvalue().to_pybytes())
        got = [row[0] for row in rows_of(decoded(read_back(tool, dataset)))]
        assert got == ['"a"', '"b"', '"c"', '"a"'], got
    # Values may share their text.
    sink = pa.BufferOutputStream()
    batch = pa.record_batch([views_of_one_text(100, 50)], names=["c"])
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    dataset = tool.new("lance")
    tool.run("write", dataset, "--format", "arrow-stream", stdin=sink.getvalue().to_pybytes())
    assert read_back(tool, dataset).column("c").to_pylist() == ["a" * 100] * 50

    for column, word in ((pa.array([pa.MonthDayNano([1, 2, 3])]), "intervals"),
                         (views_of_one_text(1 << 16, 2000), "text views stand for more"),
                         (pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]), "unions")):
        sink = pa.BufferOutputStream()
        batch = pa.record_batch([column], names=["c"])
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        error = tool.fails("write", tool.new("lance"), "--format", "arrow", stdin=sink.getvalue().to_pybytes())
        assert word in error, error
    return count


def check_csv(tool):
    table = sample().select(["id", "small", "real", "flag", "text", "day", "at", "money"])
    path = tool.new("arrow")
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)
    dataset = tool.new("lance")
    tool.run("write", dataset, "--input", path)

    # Ours, read by pyarrow, which tells an empty text from a null by the quotes, too.
    convert = pa.csv.ConvertOptions(column_types=table.schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False)
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    text = tool.run("dump", dataset, "--format", "csv")
    got = pa.csv.read_csv(pa.py_buffer(text), convert_options=convert, parse_options=parse)
    assert rows_of(got) == rows_of(table), (rows_of(got), rows_of(table))

    # Theirs, read by us with the schema of the dataset.
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(table, sink)
    tool.run("write", dataset, "--mode", "append", "--format", "csv", stdin=sink.getvalue().to_pybytes())
    both = read_back(tool, dataset)
    assert rows_of(both) == rows_of(table) * 2

    # Types that nobody declares are those that pyarrow finds.
    guessed = tool.new("lance")
    tool.run("write", guessed, "--format", "csv", stdin=text)
    schema = read_back(tool, guessed).schema
    assert [str(field.type) for field in schema] == [
        "int64", "int64", "double", "bool", "string", "date32[day]", "timestamp[us]", "double"], schema


def main(program, folder):
    tool = Tool(program, folder)
    count = check_arrow(tool)
    check_csv(tool)
    print(f"{count} Arrow streams and files, CSV both ways: alike with pyarrow {pa.__version__}")


main(sys.argv[1], sys.argv[2])
