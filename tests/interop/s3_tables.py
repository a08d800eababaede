"""One table on S3 by nothing but the real Lance library (run with its interpreter).

usage: s3_tables.py dump URI
       s3_tables.py create URI FIRST COUNT
       s3_tables.py append URI FIRST COUNT

`dump` prints the rows as canonical JSON lines; the others write rows that depend on their number.
Where the server is, and its keys, are in the environment.
"""

import os
import sys

import lance
import pyarrow as pa

import lance_canonical

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.utf8()), ("score", pa.float64())])


def options():
    return {"allow_http": "true", "aws_endpoint": os.environ["AWS_ENDPOINT_URL"],
            "aws_region": os.environ["AWS_REGION"]}


def rows(first, count):
    numbers = range(first, first + count)
    names = [None if number % 5 == 0 else f"name {number}" for number in numbers]
    return pa.table([list(numbers), names, [number / 4 for number in numbers]], schema=SCHEMA)


def main():
    what, uri, *numbers = sys.argv[1:]
    if what == "dump":
        dataset = lance.dataset(uri, storage_options=options())
        dataset.validate()
        for line in lance_canonical.dump_lines(dataset):
            print(line)
        return
    lance.write_dataset(rows(*map(int, numbers)), uri, mode=what, storage_options=options())


if __name__ == "__main__":
    main()
