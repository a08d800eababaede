"""The same work through liblance.so and the real Lance library, in one process, rows compared.

usage: compare_capi.py LIBRARY FOLDER SEED CASE

Cases: types, scans, takes, functions, histories, alternating, deferred, concurrent.
"""

import decimal
import os
import random
import sys
import threading

import lance
import pyarrow as pa
import pyarrow.compute as pc

from tests.support import liblance

WORDS = ["", "a", "ab", "abc", "b%", "row", "Row", "\u00e4\u4e16", "x_y", "'quoted'"]


EXPRESSIONS = [
    "i + id", "i * 2 - 1", "x / 4", "i / 3", "i % 7", "-i", "x * -1.5",
    "CAST(i AS DOUBLE)", "i::bigint", "CAST(x AS INT)", "CAST(id AS STRING)", "TRY_CAST(t AS INT)", "CAST(d AS TIMESTAMP)",
    "btrim(t)", "ltrim(t, 'a')", "rtrim(t, 'wc')", "replace(t, 'b', '--')", "replace(t, '', '-')", "ends_with(t, 'c')",
    "starts_with(t, 'a')", "contains(t, 'b')", "strpos(t, 'b')", "left(t, 2)", "left(t, -1)", "right(t, 2)", "right(t, -1)",
    "reverse(t)", "repeat(t, 2)", "split_part(t, 'b', 2)", "split_part(t, 'b', -1)", "length(t)", "octet_length(t)", "lower(t)",
    "upper(t)", "initcap(t)", "lpad(t, 5, '*')", "rpad(t, 2, 'x')", "ascii(t)", "concat(t, i)", "t || 'z'", "regexp_like(t, '^a.*c$')",
    "t LIKE '%b%'", "t ILIKE 'ROW'", "t LIKE t", "t LIKE 'b\\%'", "t IN ('a', 'abc')", "i IN (1, 2, id)", "i IN (1, NULL)",
    "abs(i)", "round(x)", "round(x, 1)", "trunc(x)", "sqrt(abs(x))", "power(x, 2)", "exp(x)", "ln(abs(x))", "signum(x)", "isnan(x)",
    "nullif(i, 4)", "nvl(i, 9)", "coalesce(x, i)", "greatest(i, id)", "least(i, 2)",
    "date_part('year', d)", "date_part('month', m)", "date_part('day', m)", "date_part('dow', d)", "date_part('doy', d)",
    "date_part('week', d)", "date_part('quarter', m)", "date_part('hour', m)", "date_part('minute', m)", "date_part('second', m)",
    "date_part('millisecond', m)", "date_part('epoch', m)", "date_trunc('month', d)", "date_trunc('hour', m)", "date_trunc('week', m)",
    "date_trunc('quarter', m)", "date_trunc('year', m)", "date_trunc('day', m)",
    "array_length(l)", "array_has(l, 3)", "array_has_any(l, [1, 5])", "array_has_all(l, [1, 2])", "l[1]", "s['p']", "s.p + 1",
    "get_field(s, 'q')", "b IS TRUE", "b IS NOT FALSE", "b IS NOT TRUE", "i IS DISTINCT FROM 4", "x IS NULL", "s IS NOT NULL",
    "NOT b", "b AND i > 0", "b OR x > 0", "i BETWEEN -5 AND 5", "x NOT BETWEEN 0 AND 5", "d > DATE '2019-06-01'",
    "m > TIMESTAMP '2001-01-01 00:00:00.000001'",
    "concat_ws('-', t, i, id)", "concat_ws(t, t, 'z')", "bit_length(t)", "chr(id + 64)", "to_hex(i)", "to_hex(id)", "md5(t)",
    "sha256(t)", "translate(t, 'ab', 'X')", "translate(t, '\u00e4b', 'cd')", "overlay(t, 'QQ', 2, 1)", "overlay(t, t, 1)",
    "overlay(t, 'Q', 2, i)", "substr_index(t, 'b', 1)", "substr_index(t, 'b', -1)", "position(t, 'b')", "find_in_set(t, 'a,abc,,x_y')",
    "levenshtein(t, 'row')", "levenshtein(t, t)", "regexp_replace(t, 'b', '--')", "regexp_replace(t, '[a-b]', '<$0>', 'g')",
    "regexp_replace(t, '(.)(.)', '\\2\\1', 'g')", "regexp_replace(t, 'R', '', 'gi')", "regexp_replace(t, 'b*', '-', 'g')",
    "cbrt(x)", "cbrt(i)", "log(abs(x))", "log(2, abs(x))", "log(3, abs(i))", "gcd(i, id)", "lcm(i, id)", "gcd(i, 12)", "sin(x)", "cos(x)",
    "tan(x)", "cot(x)", "asin(x / 40)", "acos(x / 40)", "atan(x)", "atan2(x, 2.0)", "atan2(i, id)", "sinh(x)", "cosh(x)", "tanh(x)",
    "degrees(x)", "radians(x)", "nvl2(i, i, id)", "to_unixtime(m)", "to_unixtime(d)", "from_unixtime(i)", "date_part('isodow', d)",
    "date_part('isoyear', m)", "now() > m", "current_date() > d", "current_date > d", "m < current_timestamp",
    "array_position(l, 3)", "array_position(l, i)", "array_position(l, 2, 1)", "array_to_string(l, ',')", "array_to_string(l, t)",
    "array_max(l)", "array_min(l)", "array_empty(l)", "m - m", "d - d", "m - d", "d - m", "m + (m - m)", "m - m > m - d",
    "c + c", "c - c", "c * c", "c / 7", "c % 3", "c + 1", "c * 2", "c + i", "i - c", "c * id", "c / (id + 1)", "c % (id + 1)", "id / (c * c + 1)",
    "c + x", "abs(c)", "round(c)", "round(c, 1)", "c > c * 2", "I + ID", "C > 1",
]


def maybe(rng, value):
    return None if rng.random() < 0.15 else value


def make_rows(rng, first, count):
    """Rows of a key, numbers, text, a date, a struct and a list; all but the key with nulls."""
    return pa.table({
        "id": pa.array(range(first, first + count), pa.int64()),
        "i": pa.array([maybe(rng, rng.randrange(-50, 50)) for _ in range(count)], pa.int32()),
        "x": pa.array([maybe(rng, rng.randrange(-40, 40) / 4) for _ in range(count)], pa.float64()),
        "t": pa.array([maybe(rng, rng.choice(WORDS)) for _ in range(count)], pa.string()),
        "b": pa.array([maybe(rng, rng.random() < 0.5) for _ in range(count)], pa.bool_()),
        "d": pa.array([maybe(rng, rng.randrange(18000, 18100)) for _ in range(count)], pa.int32()).cast(pa.date32()),
        "s": pa.array([maybe(rng, {"p": maybe(rng, rng.randrange(5)), "q": maybe(rng, rng.choice(WORDS))})
                       for _ in range(count)], pa.struct([("p", pa.int64()), ("q", pa.string())])),
        "l": pa.array([maybe(rng, [rng.randrange(6) for _ in range(rng.randrange(4))]) for _ in range(count)],
                      pa.list_(pa.int64())),
    })


def in_order(table):
    key = "id" if "id" in table.column_names else table.column_names[0]
    return table.take(pc.sort_indices(table, [(key, "ascending")])).combine_chunks()


def check_equal(what, ours, theirs, ordered=True):
    if not ordered:
        ours, theirs = in_order(ours), in_order(theirs)
    if ours.schema.remove_metadata() != theirs.schema.remove_metadata():
        raise AssertionError(f"{what}: schemas\n{ours.schema}\n{theirs.schema}")
    if not ours.equals(theirs):
        for row, (one, other) in enumerate(zip(ours.to_pylist(), theirs.to_pylist())):
            if one != other:
                raise AssertionError(f"{what}: row {row}\n{one}\n{other}")
        raise AssertionError(f"{what}: {ours.num_rows} and {theirs.num_rows} rows")


class Comparison:
    def __init__(self, library, folder, seed):
        self.lance = liblance.Library(library)
        self.folder = folder
        self.rng = random.Random(seed)

    def path(self, name):
        return os.path.join(self.folder, name)

    # ---- types ----

    def types(self):
        rng = self.rng
        count = 700
        number = lambda limit: [maybe(rng, rng.randrange(limit)) for _ in range(count)]
        columns = {
            **{str(t): pa.array(number(100), t) for t in (pa.int8(), pa.int16(), pa.uint8(), pa.uint16(), pa.uint32())},
            "u64": pa.array(number(2**64 - 1), pa.uint64()),
            "f16": pa.array(number(100), pa.int32()).cast(pa.float32()).cast(pa.float16()),
            "f32": pa.array([maybe(rng, rng.random()) for _ in range(count)], pa.float32()),
            "dec": pa.array(number(10**6), pa.int64()).cast(pa.decimal128(20, 0)),
            "d32": pa.array(number(20000), pa.int32()).cast(pa.date32()),
            "d64": pa.array(number(20000), pa.int32()).cast(pa.date32()).cast(pa.date64()),
            "ts": pa.array(number(2**50), pa.timestamp("us", "UTC")),
            "tn": pa.array(number(2**50), pa.timestamp("ns")),
            "tm": pa.array(number(86400), pa.int32()).cast(pa.time32("s")),
            "dur": pa.array(number(2**40), pa.duration("ms")),
            "lu": pa.array([maybe(rng, rng.choice(WORDS)) for _ in range(count)], pa.large_string()),
            "bin": pa.array([maybe(rng, rng.randbytes(rng.randrange(9))) for _ in range(count)], pa.binary()),
            "fsb": pa.array([maybe(rng, rng.randbytes(4)) for _ in range(count)], pa.binary(4)),
            "vec": pa.FixedSizeListArray.from_arrays(pa.array([rng.random() for _ in range(count * 3)], pa.float32()), 3),
            "dict": pa.array([maybe(rng, rng.choice(WORDS)) for _ in range(count)]).dictionary_encode(),
            "json": pa.array([maybe(rng, f'{{"b": [{i}], "a": {rng.random()}}}') for i in range(count)], pa.json_()),
        }
        table = pa.concat_tables([make_rows(rng, 0, count)]).append_column("k", pa.array(range(count), pa.int64()))
        for name, column in columns.items():
            table = table.append_column(name, column)
        whole = table
        for version in ("2.0", "2.1", "2.2"):
            table = whole.drop_columns(["s"]) if version == "2.0" else whole  # it has no null structs
            ours = self.lance.write(self.path(f"ours{version}"), table, file_version=version, max_rows_per_file=300)
            theirs = lance.write_dataset(table, self.path(f"theirs{version}"), data_storage_version=version,
                                         max_rows_per_file=300)
            lance.dataset(self.path(f"ours{version}")).validate()
            want = theirs.to_table()
            check_equal(f"{version}: written and read here", ours.scan(), want)
            check_equal(f"{version}: written here, read there", lance.dataset(self.path(f"ours{version}")).to_table(), want)
            check_equal(f"{version}: written there, read here", self.lance.open(self.path(f"theirs{version}")).scan(), want)
            assert ours.schema.equals(theirs.schema), f"{ours.schema}\n{theirs.schema}"
            assert ours.schema.equals(self.lance.open(self.path(f"theirs{version}")).schema)

    # ---- reading ----

    def both(self, name="table", rows=2000, stable_row_ids=False):
        """One dataset of several fragments with deletions, open here and there."""
        path = self.path(name)
        for part in range(4):
            lance.write_dataset(make_rows(self.rng, part * rows // 4, rows // 4), path,
                                mode="append" if part else "create", enable_stable_row_ids=stable_row_ids)
        lance.dataset(path).delete("id % 7 = 3 OR id BETWEEN 510 AND 530")
        return self.lance.open(path), lance.dataset(path)

    def filters(self):
        rng = self.rng
        small = lambda: rng.randrange(-10, 40)
        return [
            f"id < {rng.randrange(2000)}", f"i >= {small()} AND x < {small()}", f"i = {small()} OR t = 'abc'",
            f"NOT (i < {small()})", "t IS NULL", "s.p IS NOT NULL AND b", "b", "NOT b", f"x BETWEEN {small()} AND {small()}",
            "t IN ('a', 'abc', 'row')", "t NOT IN ('a', 'b%')", "t LIKE '%b%'", "t LIKE 'r_w'", "t NOT LIKE 'a%'",
            f"s.p = {rng.randrange(5)}", f"array_has(l, {rng.randrange(6)})", "d < DATE '2019-06-01'", f"i + 1 > x * {small()}",
            f"i % 5 = {rng.randrange(5)}", "CAST(x AS BIGINT) = i", "i IS NULL OR NOT (i = 3 AND x > 2)",
            f"id IN ({', '.join(str(rng.randrange(2000)) for _ in range(20))})",
        ]

    def scans(self):
        for stable in (False, True):
            ours, theirs = self.both(f"scan{stable}", stable_row_ids=stable)
            for text in [None] + self.filters():
                check_equal(f"WHERE {text}", ours.scan(filter=text), theirs.to_table(filter=text))
                columns = self.rng.sample(["id", "i", "t", "s", "s.p", "s.q", "l", "_rowid"], 3)
                limit, offset = self.rng.randrange(50), self.rng.randrange(20)
                options = dict(columns=columns, filter=text, limit=limit, offset=offset)
                with_row_id = self.rng.random() < 0.5
                check_equal(f"{options}", ours.scan(**options, with_row_id=with_row_id),
                            theirs.to_table(**options, with_row_id=with_row_id))
            for ids in ([], [2], [0, 3, 99]):
                fragments = [f for f in theirs.get_fragments() if f.fragment_id in ids]
                want = theirs.scanner(fragments=fragments).to_table() if fragments else theirs.schema.empty_table()
                check_equal(f"fragments {ids}", ours.scan(fragment_ids=ids), want)
            sizes = [batch.num_rows for batch in ours.reader(batch_size=100)]
            assert max(sizes) <= 100 and sum(sizes) == theirs.count_rows() == ours.count_rows()

    def functions(self):
        """Expressions as new columns here, as projections there."""
        rows = make_rows(self.rng, 0, 300).append_column(
            "m", pa.array([maybe(self.rng, self.rng.randrange(-2**50, 2**50)) for _ in range(300)], pa.timestamp("us")))
        rows = rows.append_column("c", pa.array([maybe(self.rng, decimal.Decimal(self.rng.randrange(-10**6, 10**6)).scaleb(-2))
                                                 for _ in range(300)], pa.decimal128(10, 2)))
        theirs = lance.write_dataset(rows, self.path("functions"))
        for number, text in enumerate(EXPRESSIONS):
            want = theirs.to_table(columns={"y": text})["y"]
            ours = self.lance.write(self.path(f"functions{number}"), rows)
            ours.add_columns({"y": text})
            got = ours.scan(columns=["y"])["y"]
            if want.type == pa.string_view():
                want = want.cast(pa.string())
            same = got.type == want.type and got.combine_chunks() == want.combine_chunks()
            if not same and pa.types.is_floating(want.type) and got.type == want.type:
                same = all(one == other or one is not None and other is not None and (one != one and other != other or abs(one - other) <= 1e-12 * abs(other))
                           for one, other in zip(got.to_pylist(), want.to_pylist()))
            if not same:
                pairs = [pair for pair in zip(got.to_pylist(), want.to_pylist()) if pair[0] != pair[1]]
                raise AssertionError(f"{text}: {got.type} and {want.type}: {pairs[:5]}")
        print(f"{len(EXPRESSIONS)} expressions")

    def takes(self):
        for stable in (False, True):
            ours, theirs = self.both(f"take{stable}", stable_row_ids=stable)
            count = theirs.count_rows()
            ids = theirs.to_table(columns=[], with_row_id=True)["_rowid"].to_pylist()
            for _ in range(20):
                rows = [self.rng.randrange(count) for _ in range(self.rng.randrange(60))]
                columns = self.rng.choice([None, ["t", "id"], ["s.q", "id"], ["s.q", "l", "s.p"]])
                check_equal(f"take {columns}", ours.take(rows, columns), theirs.take(rows, columns=columns))
                chosen = [self.rng.choice(ids) for _ in rows]
                check_equal(f"take_rows {columns}", ours.take(chosen, columns, by="take_rows"),
                            theirs._take_rows(chosen, columns=columns))

    # ---- changing ----

    def change(self, table, new_ids):
        """One random change, as functions for our handle and for theirs; None: nothing to compare."""
        rng = self.rng
        kind = rng.choice(["append", "delete", "update", "merge", "merge", "compact", "index", "add", "drop", "overwrite"])
        extras = [name for name in table.column_names if name.startswith("extra")]
        if kind == "append":
            rows = self.rows_like(table, new_ids(), 40)
            return kind, lambda path, d: self.lance.write(path, rows, "append"), lambda path, d: lance.write_dataset(rows, path, mode="append")
        if kind == "delete":
            text = rng.choice([f"id % 11 = {rng.randrange(11)}", f"i = {rng.randrange(-50, 50)}", "t = 'abc' AND b"])
            return kind, lambda path, d: d.delete(text), lambda path, d: d.delete(text)
        if kind == "update":
            text = rng.choice([f"id % 5 = {rng.randrange(5)}", "t IS NULL", "false"])
            values = rng.choice([{"x": "x + 1.5"}, {"i": "i * 2", "t": "'set'"}, {"b": "NOT b"}, {"x": "CAST(id AS DOUBLE)"}])
            return kind, lambda path, d: d.update(values, text), lambda path, d: d.update(values, where=text)
        if kind == "merge":
            return (kind, *self.merge(table, new_ids))
        if kind == "compact":
            return kind, lambda path, d: d.compact(), lambda path, d: d.optimize.compact_files()
        if kind == "index":
            column = rng.choice(["id", "i", "t"])
            return kind, lambda path, d: d.create_index(column, replace=True), lambda path, d: d.create_scalar_index(column, "BTREE", replace=True)
        if kind == "add" and len(extras) < 3:
            name = f"extra{rng.randrange(10**6)}"
            text = rng.choice(["id * 2", "x / 2.0", "t", "i + id"])
            return kind, lambda path, d: d.add_columns({name: text}), lambda path, d: d.add_columns({name: text})
        if kind == "drop" and extras:
            return kind, lambda path, d: d.drop_columns(extras[:1]), lambda path, d: d.drop_columns(extras[:1])
        if kind == "overwrite" and rng.random() < 0.2:
            rows = make_rows(rng, 0, 100)
            return kind, lambda path, d: self.lance.write(path, rows, "overwrite"), lambda path, d: lance.write_dataset(rows, path, mode="overwrite")
        return None

    def rows_like(self, table, first, count):
        rows = make_rows(self.rng, first, count)
        for name in table.column_names:
            if name not in rows.column_names:
                rows = rows.append_column(name, pa.nulls(count, table.schema.field(name).type))
        return rows.select(table.column_names)

    def merge(self, table, new_ids):
        rng = self.rng
        old = table.take(sorted(rng.sample(range(table.num_rows), min(25, table.num_rows))))
        fresh = self.rows_like(table, new_ids(), 10)
        rows = pa.concat_tables([self.rows_like(table, 0, 0), old.set_column(1, table.schema.field(1), pa.array([7] * old.num_rows, pa.int32())), fresh])
        policy = rng.choice([{}, {"when_matched": "update_all"}, {"when_matched": "delete", "when_not_matched": "do_nothing"},
                             {"when_matched": "update_if", "matched_expr": "target.id % 2 = 0"},
                             {"when_matched": "update_all", "by_source": "delete_if", "by_source_expr": "id % 13 = 5"}])

        def ours(path, d):
            return d.merge_insert(["id"], rows, **policy)

        def theirs(path, d):
            builder = d.merge_insert("id")
            matched = policy.get("when_matched", "do_nothing")
            if matched == "update_all":
                builder = builder.when_matched_update_all()
            elif matched == "update_if":
                builder = builder.when_matched_update_all(policy["matched_expr"])
            elif matched == "delete":
                builder = builder.when_matched_delete()
            if policy.get("when_not_matched") != "do_nothing":
                builder = builder.when_not_matched_insert_all()
            if "by_source" in policy:
                builder = builder.when_not_matched_by_source_delete(policy["by_source_expr"])
            result = builder.execute(rows)
            return (result["num_inserted_rows"], result["num_updated_rows"], result["num_deleted_rows"])

        return ours, theirs

    def next_ids(self):
        self.largest_id = getattr(self, "largest_id", 10_000) + 1000
        return self.largest_id

    def histories(self):
        """The same changes here and there, on a dataset each."""
        for stable in (False, True):
            rows = make_rows(self.rng, 0, 300)
            ours_path, theirs_path = self.path(f"ours{stable}"), self.path(f"theirs{stable}")
            self.lance.write(ours_path, rows, stable_row_ids=stable)
            lance.write_dataset(rows, theirs_path, enable_stable_row_ids=stable)
            done = []
            while len(done) < 25:
                table = lance.dataset(theirs_path).to_table()
                change = self.change(table, self.next_ids)
                if change is None or table.num_rows < 50:
                    if table.num_rows < 50:
                        change = ("refill", *[lambda path, d, w=w: w(path) for w in self.refill(table)])
                    else:
                        continue
                kind, ours, theirs = change
                answers = [ours(ours_path, self.lance.open(ours_path)), theirs(theirs_path, lance.dataset(theirs_path))]
                done.append(kind)
                if kind == "merge" and answers[0] != answers[1]:
                    raise AssertionError(f"{done}: {answers}")
                here, there = self.lance.open(ours_path), lance.dataset(theirs_path)
                check_equal(f"after {done}", here.scan(), there.to_table(), ordered=False)
                check_equal(f"read there after {done}", lance.dataset(ours_path).to_table(), here.scan())
                lance.dataset(ours_path).validate()
            print(f"{len(done)} changes, stable row ids {stable}: {' '.join(done)}")

    def refill(self, table):
        rows = self.rows_like(table, self.next_ids(), 200)
        return (lambda path: self.lance.write(path, rows, "append"),
                lambda path: lance.write_dataset(rows, path, mode="append"))

    def alternating(self):
        """Both sides change one dataset in turn; a model in memory says what has to be there."""
        for stable in (False, True):
            path, model_path = self.path(f"shared{stable}"), self.path(f"model{stable}")
            rows = make_rows(self.rng, 0, 300)
            self.lance.write(path, rows, stable_row_ids=stable)
            lance.write_dataset(rows, model_path, enable_stable_row_ids=stable)
            done = []
            while len(done) < 30:
                table = lance.dataset(model_path).to_table()
                change = self.change(table, self.next_ids)
                if table.num_rows < 50:
                    change = ("refill", *[lambda path, d, w=w: w(path) for w in self.refill(table)])
                if change is None:
                    continue
                kind, ours, theirs = change
                if len(done) % 2 == 0:
                    ours(path, self.lance.open(path))
                else:
                    theirs(path, lance.dataset(path))
                theirs(model_path, lance.dataset(model_path))
                done.append(kind)
                here, there = self.lance.open(path), lance.dataset(path)
                want = lance.dataset(model_path).to_table()
                check_equal(f"here after {done}", here.scan(), want, ordered=False)
                check_equal(f"there after {done}", there.to_table(), want, ordered=False)
                for text in self.rng.sample(self.filters()[:4], 2):
                    check_equal(f"WHERE {text} after {done}", here.scan(filter=text), there.to_table(filter=text), ordered=False)
                there.validate()
            print(f"{len(done)} changes in turn, stable row ids {stable}: {' '.join(done)}")

    def deferred(self):
        """Compactions that leave an index behind, there, and changes by both sides in between."""
        path, count = self.path("deferred"), 2000
        for part in range(3):
            self.lance.write(path, make_rows(self.rng, part * count, count), "append" if part else "create")
        lance.dataset(path).create_scalar_index("id", "BTREE")
        looked_up = 0
        for number in range(6):
            here = self.lance.open(path)
            gone = f"id % 97 = {number}"
            here.delete(gone) if number % 2 else lance.dataset(path).delete(gone)
            lance.dataset(path).optimize.compact_files(
                defer_index_remap=True, target_rows_per_fragment=10**6, materialize_deletions_threshold=0.0)
            rows = make_rows(self.rng, self.next_ids(), 50)
            if number % 3 == 0:
                lance.write_dataset(rows, path, mode="append")
            elif number % 3 == 1:
                self.lance.write(path, rows, "append")
            else:
                lance.dataset(path).optimize.optimize_indices()
            if number == 4:
                self.lance.open(path).compact()
            here, there = self.lance.open(path), lance.dataset(path)
            for key in self.rng.sample(range(3 * count), 25) + rows["id"].to_pylist()[:2]:
                want = there.to_table(filter=f"id = {key}", use_scalar_index=False)
                check_equal(f"id = {key} here, round {number}", here.scan(filter=f"id = {key}"), want)
                check_equal(f"id = {key} there, round {number}", there.to_table(filter=f"id = {key}"), want)
                looked_up += want.num_rows
            there.validate()
        assert looked_up > 100, looked_up
        print(f"{looked_up} rows looked up")

    def concurrent(self):
        """Both sides append to one dataset at once; no row is lost."""
        path = self.path("concurrent")
        self.lance.write(path, make_rows(self.rng, 0, 10))
        errors = []

        def run(write, first):
            try:
                for number in range(8):
                    write(make_rows(random.Random(number), first + number * 10, 10))
            except Exception as error:  # of either library
                errors.append(error)

        threads = [threading.Thread(target=run, args=(lambda rows: self.lance.write(path, rows, "append"), 1000)),
                   threading.Thread(target=run, args=(lambda rows: lance.write_dataset(rows, path, mode="append"), 2000))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors, errors
        want = list(range(10)) + list(range(1000, 1080)) + list(range(2000, 2080))
        assert sorted(self.lance.open(path).scan()["id"].to_pylist()) == want
        lance.dataset(path).validate()
        assert len(self.lance.open(path).versions()) == 17


def main():
    library, folder, seed, case = sys.argv[1:]
    getattr(Comparison(library, folder, seed), case)()


if __name__ == "__main__":
    main()
