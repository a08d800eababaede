"""Random filters, answered by our tool and by the real Lance library, and compared.

The rows have nulls, empty texts, NaN, both zeros, ends of ranges, nested values and awkward names. A
filter that the library answers has to give the same rows here; one that the library refuses may give
rows here (docs/dev/extensions.md), but never the other way round.

usage: filters.py TOOL FOLDER SEED COUNT
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
import random
import subprocess
import sys

import lance
import pyarrow as pa

ROWS = 120
WORDS = ["", "a", "A", "ab", "abc", "Abc", "b%c", "b_c", "100%", "ä", "ÄB", "naïve", "a'b", "x\\y", "  pad "]
DATES = [datetime.date(1969, 12, 31), datetime.date(1970, 1, 1), datetime.date(2020, 2, 29),
         datetime.date(2020, 3, 1), datetime.date(1999, 12, 31)]
TIMES = [datetime.datetime(1969, 12, 31, 23, 59, 59, 999999), datetime.datetime(1970, 1, 1),
         datetime.datetime(2020, 2, 29, 12, 30), datetime.datetime(2020, 2, 29, 12, 30, 0, 1),
         datetime.datetime(1999, 12, 31, 1, 2, 3, 456789)]

# Filters that random ones do not meet: literals which a 32-bit float only comes near to, and negation.
FIXED = ["g = 0.1", "0.1 < g", "g in (0.1, 3)", "g not in (0.1)", "g between 0.1 and 0.1", "g >= 0.1 and not b",
         "not (b or g > 1.5)", "abs(g) = 0.1", "g::float = 0.1", "coalesce(g, 0.0) = 0.1", "-g > 0.0",
         "-i > 0", "-i < 0", "-l > 0", "-(-i) = i", "-dec > 0"]
# Filters whose answer differs on purpose (docs/dev/deviations.md): inside `not` the library compares the
# column as 64-bit floats, so that rows with 0.1 fulfil a condition and its opposite.
OPPOSITES = [("g = 0.1", "not g = 0.1"), ("g in (0.1)", "not g in (0.1)")]

TAGS = ["'red'", "''", "s"]

# Columns by kind: the names as a filter has to write them.
COLUMNS = {
    "int": ["i", "l", "u8", "st.x", "`Upper`", "`my col`", "Upper"],
    "float": ["f", "g"],
    "text": ["s", "big", "st.y", "st.`odd name`"],
    "bool": ["b"],
    "date": ["d"],
    "time": ["t", "ns"],
    "decimal": ["dec"],
    "texts": ["tags"],
    "ints": ["nums"],
    "bytes": ["bin"],
}


def table(rng):
    def maybe(values):
        return [None if rng.random() < 0.2 else rng.choice(values) for _ in range(ROWS)]

    floats = [0.0, -0.0, 1.0, -1.5, 2.5, 3.0, 1e300, math.nan, math.inf, -math.inf]
    struct = [None if rng.random() < 0.1 else
              {"x": rng.choice([None, -1, 0, 1, 7]), "y": rng.choice([None] + WORDS), "odd name": rng.choice(["p", "q", None])}
              for _ in range(ROWS)]
    return pa.table({
        "id": pa.array(range(ROWS), pa.int64()),
        "i": pa.array(maybe([-2**31, -3, -1, 0, 1, 2, 3, 5, 10, 2**31 - 1]), pa.int32()),
        "l": pa.array(maybe([-2**63, -3, 0, 1, 2, 5, 2**53 + 1, 2**63 - 1]), pa.int64()),
        "u8": pa.array(maybe([0, 1, 2, 200, 255]), pa.uint8()),
        "f": pa.array(maybe(floats), pa.float64()),
        "g": pa.array(maybe([0.0, 0.1, 1.5, -2.0, 16777216.0]), pa.float32()),
        "s": pa.array(maybe(WORDS), pa.string()),
        "big": pa.array(maybe(WORDS), pa.large_string()),
        "b": pa.array(maybe([True, False]), pa.bool_()),
        "d": pa.array(maybe(DATES), pa.date32()),
        "t": pa.array(maybe(TIMES), pa.timestamp("us")),
        "ns": pa.array(maybe(TIMES), pa.timestamp("ns")),
        "dec": pa.array(maybe([decimal.Decimal(x) for x in ("-1.50", "0.00", "1.25", "12345.67")]), pa.decimal128(10, 2)),
        "bin": pa.array(maybe([b"", b"\x00", b"ab", b"\xff\xfe"]), pa.binary()),
        "tags": pa.array([None if rng.random() < 0.15 else [rng.choice(["red", "green", "", None]) for _ in range(rng.randrange(4))]
                          for _ in range(ROWS)], pa.list_(pa.string())),
        "nums": pa.array([None if rng.random() < 0.15 else [rng.choice([1, 2, 3, None]) for _ in range(rng.randrange(4))]
                          for _ in range(ROWS)], pa.list_(pa.int32())),
        "st": pa.array(struct, pa.struct([("x", pa.int32()), ("y", pa.string()), ("odd name", pa.string())])),
        "Upper": pa.array(maybe([1, 2, 3]), pa.int32()),
        "my col": pa.array(maybe([1, 2, 3]), pa.int64()),
    })


class Filters:
    def __init__(self, rng):
        self.rng = rng

    def one(self, options):
        return self.rng.choice(options)

    def column(self, kind):
        return self.one(COLUMNS[kind])

    def literal(self, kind):
        quoted = lambda text: "'" + text.replace("'", "''") + "'"
        if kind == "int":
            return str(self.one([-3, -1, 0, 1, 2, 3, 5, 10, 200, 255, 300, 2**31, 2**53 + 1]))
        if kind == "float":
            return self.one(["0.0", "-0.0", "1.5", "2.5", "-1.5", "3", "1e3", "0.125"])
        if kind == "text":
            return quoted(self.one(WORDS))
        if kind == "bool":
            return self.one(["true", "false"])
        if kind == "date":
            day = self.one(DATES).isoformat()
            return self.one([f"date '{day}'", f"DATE '{day}'", f"cast('{day}' as date)"])
        if kind == "time":
            text = self.one(TIMES).isoformat(" ")
            return self.one([f"timestamp '{text}'", f"cast('{text}' as timestamp)", f"to_timestamp('{text}')"])
        if kind == "decimal":
            return self.one(["1.25", "0", "-1.5", "12345.67", "cast(1.25 as decimal(10, 2))"])
        if kind == "bytes":
            return self.one(["X'00'", "x'6162'", "X'fffe'"])
        raise AssertionError(kind)

    def value(self, kind, depth):
        """An expression of a kind."""
        if depth <= 0 or self.rng.random() < 0.45:
            return self.column(kind) if self.rng.random() < 0.7 else self.literal(kind)
        sub = lambda k: self.value(k, depth - 1)
        if kind == "int":
            return self.one([
                lambda: f"{sub('int')} {self.one('+-*')} {self.one(['1', '2', '-1'])}",
                lambda: f"{sub('int')} {self.one('/%')} {self.one(['2', '3', '-2'])}",
                lambda: f"-{self.column('int')}",
                lambda: f"({sub('int')})",
                lambda: f"abs(u8 - 3)",
                lambda: f"length({sub('text')})",
                lambda: f"character_length({sub('text')})",
                lambda: f"octet_length({self.column('text')})",
                lambda: f"cast({self.column('int')} as bigint)",
                lambda: f"try_cast({self.column('text')} as int)",
                lambda: f"coalesce({self.column('int')}, {self.literal('int')})",
                lambda: f"nullif({self.column('int')}, 1)",
                lambda: f"case when {self.test(depth - 1)} then 1 else {sub('int')} end",
                lambda: f"date_part('{self.one(['year', 'month', 'day', 'dow', 'doy', 'week', 'quarter'])}', {self.column(self.one(['date', 'time']))})",
                lambda: f"extract({self.one(['year', 'month', 'hour', 'minute'])} from {self.column('time')})",
                lambda: f"array_length({self.column(self.one(['texts', 'ints']))})",
                lambda: f"nums[{self.one(['1', '2', '-1', '9'])}]",
                lambda: f"strpos({sub('text')}, 'b')",
                lambda: f"greatest({self.column('int')}, 2)",
                lambda: f"i {self.one(['&', '|', '^'])} 3",
            ])()
        if kind == "float":
            return self.one([
                lambda: f"{sub('float')} {self.one('+-*/')} {self.one(['2.0', '0.5', '3'])}",
                lambda: f"cast({self.column('int')} as {self.one(['double', 'float', 'real'])})",
                lambda: f"{self.one(['abs', 'floor', 'ceil', 'round', 'trunc'])}({self.column('float')})",
                lambda: f"sqrt(abs({self.column('float')}))",
                lambda: f"coalesce({self.column('float')}, 0.0)",
                lambda: f"{self.column('float')}::{self.one(['double', 'float'])}",
                lambda: f"nanvl({self.column('float')}, 1.0)",
                lambda: f"power({self.column('float')}, 2)",
            ])()
        if kind == "text":
            return self.one([
                lambda: f"{self.one(['lower', 'upper', 'trim', 'btrim', 'ltrim', 'rtrim', 'reverse', 'initcap'])}({sub('text')})",
                lambda: f"{sub('text')} || {self.literal('text')}",
                lambda: f"concat({sub('text')}, 'x')",
                lambda: f"substr({self.column('text')}, {self.one(['1', '2', '0', '-1'])}, 2)",
                lambda: f"substring({self.column('text')} from 2 for 1)",
                lambda: f"{self.one(['left', 'right'])}({self.column('text')}, {self.one(['1', '-1'])})",
                lambda: f"replace({self.column('text')}, 'b', 'zz')",
                lambda: f"cast({self.column(self.one(['int', 'bool', 'date']))} as {self.one(['string', 'varchar', 'text'])})",
                lambda: f"coalesce({self.column('text')}, 'none')",
                lambda: f"{self.one(['lpad', 'rpad'])}({self.column('text')}, 3, '*')",
                lambda: f"split_part({self.column('text')}, 'b', 1)",
                lambda: f"tags[{self.one(['1', '2', '-1'])}]",
                lambda: f"repeat({self.column('text')}, 2)",
            ])()
        if kind == "date":
            return self.one([
                lambda: f"cast({self.column('time')} as date)",
                lambda: f"{self.column('date')} {self.one('+-')} interval '{self.one(['1 day', '1 month', '2 days', '1 year'])}'",
                lambda: f"coalesce(d, date '2020-01-01')",
                lambda: f"to_date('{self.one(DATES).isoformat()}')",
            ])()
        if kind == "time":
            return self.one([
                lambda: f"date_trunc('{self.one(['day', 'month', 'hour', 'year', 'minute'])}', {self.column('time')})",
                lambda: f"{self.column('time')} {self.one('+-')} interval '{self.one(['1 day', '90 minutes', '1 month', '1 hour 30 minutes'])}'",
                lambda: f"{self.column('time')} {self.one('+-')} interval {self.one(['1', '2'])} {self.one(['day', 'hour'])}",
                lambda: f"cast(d as timestamp)",
            ])()
        if kind == "bool":
            return self.test(depth - 1)
        return self.column(kind)

    def test(self, depth):
        kind = self.one(["int", "int", "float", "text", "text", "bool", "date", "time", "decimal", "bytes"])
        sub = lambda: self.value(kind, depth - 1)
        compare = self.one(["=", "!=", "<>", "<", "<=", ">", ">="])
        options = [
            lambda: f"{sub()} {compare} {sub()}",
            lambda: f"{self.column(kind)} {compare} {self.literal(kind)}",
            lambda: f"{self.literal(kind)} {compare} {self.column(kind)}",
            lambda: f"{sub()} is {self.one(['', 'not '])}null",
            lambda: f"{sub()} {self.one(['', 'not '])}in ({', '.join(self.literal(kind) for _ in range(self.rng.randrange(1, 4)))}{self.one(['', ', null'])})",
            lambda: f"{sub()} {self.one(['', 'not '])}between {self.literal(kind)} and {self.literal(kind)}",
            lambda: f"{sub()} is {self.one(['', 'not '])}distinct from {self.literal(kind)}",
        ]
        if kind == "text":
            pattern = self.one(["a%", "%b%", "_b%", "%\\%%", "b\\_c", "A%", "%", "", "%c", "x\\\\\\\\y"])
            pattern_text = "'" + pattern + "'"
            options += [
                lambda: f"{self.column('text')} {self.one(['', 'not '])}{self.one(['like', 'ilike'])} {pattern_text}",
                lambda: f"{sub()} like {pattern_text}",
                lambda: f"{self.column('text')} {self.one(['like', 'not like', 'ilike'])} 'b!%c' escape '!'",
                lambda: f"{self.one(['starts_with', 'ends_with', 'contains'])}({sub()}, {self.literal('text')})",
                lambda: f"regexp_like({self.column('text')}, '^[aA]b?')",
                lambda: f"{self.column('text')} ~ '^a'",
                lambda: f"{self.column('text')} !~* '^a'",
                lambda: f"{self.column('text')} similar to 'a%'",
            ]
        if kind == "bool":
            options += [
                lambda: f"{self.column('bool')}",
                lambda: f"not {self.column('bool')}",
                lambda: f"{self.column('bool')} is {self.one(['', 'not '])}{self.one(['true', 'false', 'unknown'])}",
            ]
        if kind == "int":
            options += [
                lambda: f"{self.one(['array_contains', 'array_has', 'list_contains', 'list_has'])}(nums, {self.one(['1', '2', 'null', 'i'])})",
                lambda: f"array_has_any(nums, [{self.one(['1', '2'])}, 3])",
                lambda: f"array_has_all(nums, make_array(1, 2))",
                lambda: f"cardinality(nums) > 1",
            ]
        if kind == "float":
            options += [lambda: f"isnan({self.column('float')})", lambda: f"iszero({self.column('float')})"]
        if kind == "text":
            options += [
                lambda: f"{self.one(['array_contains', 'array_has'])}(tags, {self.one(TAGS)})",
                lambda: "array_has_any(tags, ['red', 'blue'])",
                lambda: f"st['y'] = {self.literal('text')}",
            ]
        return self.one(options)()

    def filter(self, depth):
        if depth <= 0 or self.rng.random() < 0.4:
            return self.test(2)
        sub = lambda: self.filter(depth - 1)
        return self.one([
            lambda: f"{sub()} {self.one(['and', 'or', 'AND', 'OR'])} {sub()}",
            lambda: f"({sub()}) {self.one(['and', 'or'])} not ({sub()})",
            lambda: f"not {self.test(1)}",
            lambda: f"({sub()}) is {self.one(['', 'not '])}{self.one(['true', 'false', 'null'])}",
        ])()


def theirs(dataset, text):
    try:
        return dataset.to_table(columns=["id"], filter=text).column("id").to_pylist(), None
    except Exception as error:  # noqa: BLE001 - whatever the library raises is a refusal
        return None, str(error)
    except BaseException as error:  # panics
        return None, "panic " + str(error)


def ours(tool, path, text):
    done = subprocess.run([tool, "dump", path, "--columns", "id", "--where", text],
                          capture_output=True, text=True)
    if done.returncode != 0:
        return None, done.stderr.strip()
    return [json.loads(line)["id"] for line in done.stdout.splitlines()], None


def main(tool, folder, seed, count):
    rng = random.Random(seed)
    path = f"{folder}/filters.lance"
    dataset = lance.write_dataset(table(rng), path, max_rows_per_file=50, data_storage_version="2.1")
    filters = Filters(rng)
    answered = refused = 0
    wrong = []
    for text in FIXED + [filters.filter(2) for _ in range(count)]:
        wanted, refusal = theirs(dataset, text)
        got, error = ours(tool, path, text)
        if wanted is None:
            refused += 1
            continue
        answered += 1
        if got != wanted:
            wrong.append((text, error if got is None else
                          f"rows {sorted(set(got) ^ set(wanted))[:8]} differ, {len(got)} for {len(wanted)}"))
    for text, opposite in OPPOSITES:
        kept, turned = (set(ours(tool, path, one)[0]) for one in (text, opposite))
        if kept & turned or not set(theirs(dataset, text)[0]) & set(theirs(dataset, opposite)[0]):
            wrong.append((opposite, "not as docs/dev/deviations.md has it"))
    print(f"{answered} filters answered alike but {len(wrong)}, {refused} refused by the library (seed {seed})")
    for text, what in wrong:
        print(f"  {text}\n    {what}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
