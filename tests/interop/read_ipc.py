"""Reads the streams that write_ipc wrote to a folder with pyarrow and compares their rows."""

import sys

import pyarrow as pa

from lance_canonical import canon_array


def main(folder, count):
    for number in range(count):
        with pa.ipc.open_stream(f"{folder}/{number}.arrows") as reader:
            schema = reader.schema
            table = reader.read_all()
        # Random decimals do not keep to their precision, random times not to the day.
        wild = any(word in str(schema.field(0).type) for word in ("decimal", "time", "date64"))
        table.validate(full=not wild)
        assert schema.metadata == {b"made": b"by a test"}, schema.metadata
        assert schema.field(0).metadata == {b"key": "värde".encode()}, schema.field(0).metadata
        with open(f"{folder}/{number}.jsonl", encoding="utf-8") as file:
            expected = file.read().splitlines()
        rows = ['{"v":%s}' % text for text in canon_array(table.column(0))]
        assert rows == expected, (number, str(schema), [r for r in zip(rows, expected) if r[0] != r[1]][:3])
    print(f"{count} streams read by pyarrow {pa.__version__}")


main(sys.argv[1], int(sys.argv[2]))
