"""The same random changes made by our tool and by the real Lance library, and compared.

A reference dataset is changed by the library only. Beside it a dataset is changed by `lance-tool`
alone, or by the two in turn. After every change both hold the same rows with the same versions,
rows keep their ids, schemas, versions, tags and branches are equal, `lance-tool dump` and the library read
the same, and at the end `validate()` and `lance-tool verify` find nothing.

usage: row_changes.py TOOL FOLDER SEED ROUNDS
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import lance
import pyarrow as pa

SCHEMA = pa.schema([
    pa.field("key", pa.int32()),
    pa.field("grp", pa.string()),
    pa.field("n", pa.int64()),
    pa.field("f", pa.float64()),
    pa.field("u", pa.string(), nullable=False),
])
TOOL_SCHEMA = {"fields": [
    {"name": "key", "type": "int32", "nullable": True},
    {"name": "grp", "type": "utf8", "nullable": True},
    {"name": "n", "type": "int64", "nullable": True},
    {"name": "f", "type": "float64", "nullable": True},
    {"name": "u", "type": "utf8", "nullable": False},
], "metadata": {}}
# From a restore on it gives ids of rows that the restore has taken away to new rows; later releases
# and the tool do not.
REUSES_IDS = lance.__version__.startswith("10.")
VERSION_COLUMNS = ["_row_created_at_version", "_row_last_updated_at_version"]


class Failure(Exception):
    """What a change that both sides refuse ends in."""


class Library:
    """Changes by the library."""

    def __init__(self, path):
        self.path = path

    def dataset(self):
        return lance.dataset(self.path)

    def run(self, change):
        kind, *rest = change
        dataset = self.dataset()
        try:
            getattr(self, kind)(dataset, *rest)
        except (ValueError, OSError, RuntimeError, pa.ArrowInvalid) as error:
            raise Failure(str(error)) from error

    def append(self, _, rows):
        lance.write_dataset(pa.Table.from_pylist(rows, SCHEMA), self.path, mode="append")

    def delete(self, dataset, where):
        dataset.delete(where)

    def update(self, dataset, values, where):
        dataset.update(values, where)

    def merge(self, dataset, on, rows, columns, policy):
        builder = dataset.merge_insert(on)
        matched = policy["matched"]
        if matched == "update-all":
            builder.when_matched_update_all()
        elif matched == "update-if":
            builder.when_matched_update_all(policy["update_if"])
        elif matched == "fail":
            builder.when_matched_fail()
        elif matched == "delete":
            builder.when_matched_delete()
        if policy["insert"]:
            builder.when_not_matched_insert_all()
        if policy["by_source"] == "delete":
            builder.when_not_matched_by_source_delete()
        elif policy["by_source"] == "delete-if":
            builder.when_not_matched_by_source_delete(policy["delete_if"])
        builder.use_index(policy["use_index"])
        schema = pa.schema([dataset.schema.field(name) for name in columns])
        rows = [{name: row.get(name) for name in columns} for row in rows]
        builder.execute(pa.Table.from_pylist(rows, schema))

    def add(self, dataset, name, value):
        dataset.add_columns({name: value})

    def join(self, dataset, name, rows):
        schema = pa.schema([pa.field("u", pa.string()), pa.field(name, pa.int32())])
        dataset.merge(pa.Table.from_pylist(rows, schema), "u")

    def drop(self, dataset, name):
        dataset.drop_columns([name])

    def rename(self, dataset, name, new_name):
        dataset.alter_columns({"path": name, "name": new_name})

    def cast(self, dataset, name, new_type):
        types = {"int32": pa.int32(), "int64": pa.int64(), "float": pa.float32(), "double": pa.float64()}
        dataset.alter_columns({"path": name, "data_type": types[new_type]})

    def index(self, dataset, name):
        dataset.create_scalar_index(name, "BTREE", replace=True)

    def optimize(self, dataset):
        dataset.optimize.optimize_indices()

    def compact(self, dataset):
        dataset.optimize.compact_files()

    def overwrite(self, _, rows, version):
        lance.write_dataset(pa.Table.from_pylist(rows, SCHEMA), self.path, mode="overwrite",
                            data_storage_version=version)

    def restore(self, dataset, version):
        dataset.checkout_version(version).restore()

    def cleanup(self, dataset, kept):
        dataset.cleanup_old_versions(retain_versions=kept, error_if_tagged_old_versions=False)

    def tag(self, dataset, name, version):
        dataset.tags.create(name, version)

    def untag(self, dataset, name):
        dataset.tags.delete(name)

    def branch(self, dataset, name, version, where):
        dataset.create_branch(name, version).delete(where)

    def unbranch(self, dataset, name):
        dataset.branches.delete(name)


class Tool:
    """Changes by `lance-tool`."""

    def __init__(self, tool, path, folder):
        self.tool = tool
        self.path = path
        self.folder = folder

    def call(self, *words):
        done = subprocess.run([self.tool, words[0]] + list(words[1:]), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(done.stderr)
        return done.stdout

    def lines(self, rows):
        path = os.path.join(self.folder, "rows.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row) + "\n")
        return path

    def schema(self, fields):
        path = os.path.join(self.folder, "schema.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"fields": fields, "metadata": {}}, file)
        return path

    def run(self, change):
        kind, *rest = change
        getattr(self, kind)(*rest)

    def create(self, rows, version, stable):
        self.call("write", self.path, "--schema", self.schema(TOOL_SCHEMA["fields"]), "--file-version", version,
                  "--stable-row-ids" if stable else "--no-stable-row-ids", "--max-rows-per-file", "7",
                  "--input", self.lines(rows))

    def append(self, rows):
        self.call("write", self.path, "--mode", "append", "--input", self.lines(rows))

    def delete(self, where):
        self.call("delete", self.path, "--where", where)

    def update(self, values, where):
        words = []
        for name, value in values.items():
            words += ["--set", f"{name}={value}"]
        self.call("update", self.path, *words, *(["--where", where] if where else []))

    def merge(self, on, rows, columns, policy):
        rows = [{name: row.get(name) for name in columns} for row in rows]
        words = ["--on", ",".join(on), "--columns", ",".join(columns), "--when-matched", policy["matched"],
                 "--when-not-matched", "insert-all" if policy["insert"] else "do-nothing",
                 "--when-not-matched-by-source", policy["by_source"]]
        if policy["matched"] == "update-if":
            words += ["--update-if", policy["update_if"]]
        if policy["by_source"] == "delete-if":
            words += ["--delete-if", policy["delete_if"]]
        if not policy["use_index"]:
            words += ["--no-index"]
        self.call("merge-insert", self.path, "--input", self.lines(rows), *words)

    def add(self, name, value):
        self.call("columns", "add", self.path, "--column", f"{name}={value}")

    def join(self, name, rows):
        schema = self.schema([{"name": "u", "type": "utf8", "nullable": True},
                              {"name": name, "type": "int32", "nullable": True}])
        self.call("columns", "join", self.path, "--on", "u", "--schema", schema, "--input", self.lines(rows))

    def drop(self, name):
        self.call("columns", "drop", self.path, "--columns", name)

    def rename(self, name, new_name):
        self.call("columns", "alter", self.path, "--column", name, "--rename", new_name)

    def cast(self, name, new_type):
        self.call("columns", "alter", self.path, "--column", name, "--type", new_type)

    def index(self, name):
        self.call("index", "create", self.path, name, "--replace")

    def optimize(self):
        self.call("index", "optimize", self.path)

    def compact(self):
        self.call("compact", self.path)

    def overwrite(self, rows, _):
        self.call("write", self.path, "--mode", "overwrite", "--schema", self.schema(TOOL_SCHEMA["fields"]),
                  "--input", self.lines(rows))

    def restore(self, version):
        self.call("restore", self.path, "--to-version", str(version))

    def cleanup(self, kept):
        self.call("cleanup", self.path, "--retain", str(kept), "--keep-tagged", "--yes")

    def tag(self, name, version):
        self.call("tag", "create", self.path, name, "--version", str(version))

    def untag(self, name):
        self.call("tag", "delete", self.path, name, "--yes")

    def branch(self, name, version, where):
        self.call("branch", "create", self.path, name, "--version", str(version))
        self.call("delete", self.path, "--branch", name, "--where", where)

    def unbranch(self, name):
        self.call("branch", "delete", self.path, name, "--yes")



class Changes:
    """Random changes of a table whose extra columns are known."""

    def __init__(self, seed, version):
        self.random = random.Random(seed)
        self.version = version  # of data files
        self.num_rows = 0
        self.num_columns = 0
        self.extra = {}  # name -> logical type
        self.extra_of = {}  # the same by version
        self.tags = []
        self.branches = []
        self.num_names = 0

    def note(self, versions):
        """Remembers the columns of the latest of `versions`, which are those that exist."""
        self.extra_of[max(versions)] = dict(self.extra)
        self.extra_of = {version: extra for version, extra in self.extra_of.items() if version in versions}

    def row(self):
        self.num_rows += 1
        pick = self.random
        return {
            "key": None if pick.random() < 0.1 else pick.randrange(25),
            "grp": None if pick.random() < 0.1 else pick.choice("abc"),
            "n": None if pick.random() < 0.15 else pick.randrange(-50, 50),
            "f": None if pick.random() < 0.15 else pick.randrange(-40, 40) / 4,
            "u": f"u{self.num_rows}",
        }

    def rows(self, most):
        return [self.row() for _ in range(self.random.randrange(1, most + 1))]

    def where(self):
        pick = self.random
        return pick.choice([
            f"key < {pick.randrange(25)}",
            f"n > {pick.randrange(-20, 50)} AND grp = '{pick.choice('abc')}'",
            f"key IN ({pick.randrange(25)}, {pick.randrange(25)}, {pick.randrange(25)})",
            f"f BETWEEN {pick.randrange(-5, 5)} AND {pick.randrange(0, 9)}",
            "n IS NULL",
            f"u LIKE '%{pick.randrange(10)}'",
            f"NOT (key = {pick.randrange(25)}) AND n % 7 = 0",
        ])

    def values(self):
        pick = self.random
        return pick.choice([
            {"n": f"n + {pick.randrange(1, 9)}"},
            {"n": "n * 2 - 1", "f": "f / 2"},
            {"grp": f"'{pick.choice('abcd')}'"},
            {"grp": "NULL"},
            {"f": "n"},
            {"key": f"{pick.randrange(25)}"},
        ])

    def change(self):
        pick = self.random
        kind = pick.choices(["append", "delete", "update", "merge", "add", "join", "drop", "rename", "cast",
                             "index", "optimize", "compact", "overwrite", "restore", "cleanup", "tag", "branch"],
                            [6, 6, 8, 16, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 2, 3, 3])[0]
        if kind == "append":
            return (kind, self.rows(9))
        if kind == "delete":
            return (kind, self.where())
        if kind == "update":
            return (kind, self.values(), self.where() if pick.random() < 0.9 else None)
        if kind == "merge":
            return self.merge()
        if kind in ("add", "join") and len(self.extra) < 3:
            self.num_columns += 1
            name = f"x{self.num_columns}"
            if kind == "join":
                self.extra[name] = "int32"
                rows = [{"u": f"u{i}", name: i * 3} for i in range(1, self.num_rows + 1) if pick.random() < 0.6]
                return (kind, name, rows + [{"u": "nobody", name: 0}])
            value, logical = pick.choice([("n + 1", "int64"), ("key * 2", "int32"), ("f", "double"),
                                          ("CAST(NULL AS INT)", "int32")])
            self.extra[name] = logical
            return (kind, name, value)
        if kind in ("drop", "rename", "cast") and self.extra:
            name = pick.choice(sorted(self.extra))
            logical = self.extra.pop(name)
            if kind == "drop":
                return (kind, name)
            if kind == "rename":
                self.num_columns += 1
                self.extra[f"x{self.num_columns}"] = logical
                return (kind, name, f"x{self.num_columns}")
            wider = {"int32": "int64", "int64": "int32", "double": "float", "float": "double"}[logical]
            self.extra[name] = wider
            return (kind, name, wider)
        if kind == "index":
            return (kind, pick.choice(["key", "grp"]))
        if kind in ("optimize", "compact"):
            return (kind,)
        if kind == "cleanup":
            return (kind, pick.randrange(3, 7))
        if kind == "overwrite":
            self.extra = {}
            return (kind, self.rows(15), self.version)
        if kind == "restore":
            version = pick.choice(sorted(self.extra_of))
            self.extra = dict(self.extra_of[version])
            return (kind, version)
        if kind in ("tag", "branch"):
            return self.name(kind)
        return ("append", self.rows(5))

    def name(self, kind):
        """A name for a version, or one fewer."""
        pick = self.random
        names = self.tags if kind == "tag" else self.branches
        if len(names) == 2:
            return (f"un{kind}", names.pop(pick.randrange(2)))
        self.num_names += 1
        names.append(f"{kind}{self.num_names}")
        version = pick.choice(sorted(self.extra_of))
        return (kind, names[-1], version) if kind == "tag" else (kind, names[-1], version, self.where())

    def merge(self):
        pick = self.random
        on = pick.choice([["key"], ["key", "grp"], ["u"]])
        rows = self.rows(12)
        if on == ["u"]:
            for row in rows:
                row["u"] = f"u{pick.randrange(1, self.num_rows + 1)}"
        policy = {
            "matched": pick.choice(["update-all", "update-all", "update-if", "do-nothing", "fail", "delete"]),
            "update_if": pick.choice(["source.n > target.n", "target.n IS NULL", "source.f < target.f"]),
            "insert": pick.random() < 0.7,
            "by_source": pick.choices(["keep", "delete", "delete-if"], [8, 1, 2])[0],
            "delete_if": self.where(),
            "use_index": pick.random() < 0.5,
        }
        # The library refuses to delete on both sides and to write nothing ("plan pruning bug").
        if policy["matched"] in ("delete", "do-nothing") and not policy["insert"]:
            policy["by_source"] = "keep"
        # The library's way through an index loses rows whose whole key is null.
        if policy["use_index"]:
            rows = [row for row in rows if row["key"] is not None]
        # With columns left out, the library's way through an index fails on a condition.
        if policy["matched"] == "update-if":
            policy["use_index"] = False
        columns = SCHEMA.names
        if pick.random() < 0.2:
            columns = ["key", "n", "grp", "u"]
        return ("merge", on, rows, columns, policy)


def content(dataset, stable):
    """Rows by `u`, without what differs between equal datasets, and row ids by `u`."""
    columns = dataset.schema.names
    table = dataset.to_table(columns=columns + (VERSION_COLUMNS if stable else []), with_row_id=True)
    rows = {}
    ids = {}
    for row in table.to_pylist():
        row_id = row.pop("_rowid")
        key = row["u"]
        # `u` may repeat: merges write what they are given.
        rows.setdefault(key, []).append(json.dumps(row, sort_keys=True))
        ids.setdefault(key, set()).add(row_id)
    return {key: sorted(values) for key, values in rows.items()}, ids


def check_same(step, change, ours, theirs, stable, same_ids=True):
    ours_rows, ours_ids = content(ours, stable)
    theirs_rows, theirs_ids = content(theirs, stable)
    if ours_rows != theirs_rows:
        for key in sorted(set(ours_rows) | set(theirs_rows)):
            if ours_rows.get(key) != theirs_rows.get(key):
                print("ours  ", key, ours_rows.get(key))
                print("theirs", key, theirs_rows.get(key))
        raise AssertionError(f"step {step}: rows differ after {change}")
    if stable and same_ids:
        all_ours = sorted(i for ids in ours_ids.values() for i in ids)
        all_theirs = sorted(i for ids in theirs_ids.values() for i in ids)
        assert all_ours == all_theirs, f"step {step}: row ids differ after {change}"
    assert ours.schema.equals(theirs.schema, check_metadata=True), (
        f"step {step}: schemas differ after {change}:\n{ours.schema}\n{theirs.schema}")
    # The ids of added columns may differ: rows that lack a column are written with nulls by the tool.
    ours_fields = [(f.name(), f.id()) for f in ours.lance_schema.fields()][: len(SCHEMA)]
    theirs_fields = [(f.name(), f.id()) for f in theirs.lance_schema.fields()][: len(SCHEMA)]
    assert ours_fields == theirs_fields, f"step {step}: field ids differ: {ours_fields} {theirs_fields}"
    assert versions_of(ours) == versions_of(theirs), (
        f"step {step}: versions differ after {change}: {versions_of(ours)} {versions_of(theirs)}")
    tags = [{name: tag["version"] for name, tag in side.tags.list().items()} for side in (ours, theirs)]
    assert tags[0] == tags[1], f"step {step}: tags differ after {change}: {tags}"
    return ours_ids


def versions_of(dataset):
    return [version["version"] for version in dataset.versions()]


def covers_all(dataset):
    fragments = {fragment.fragment_id for fragment in dataset.get_fragments()}
    return all(fragments <= set(index["fragment_ids"]) for index in dataset.list_indices())


def check_branches(step, change, tool, ours, theirs):
    names = sorted(ours.branches.list())
    assert names == sorted(theirs.branches.list()), f"step {step}: branches differ after {change}"
    for name in names:
        rows = [as_lines(side.checkout_version((name, None)).to_table().to_pylist()) for side in (ours, theirs)]
        assert rows[0] == rows[1], f"step {step}: rows of {name} differ after {change}"
        dumped = [json.loads(line) for line in tool.call("dump", ours.uri, "--branch", name).splitlines()]
        assert as_lines(dumped) == rows[0], f"step {step}: dump of {name} differs after {change}"


def as_lines(rows):
    """As values: floats are spelled in more than one way."""
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def play(tool, folder, seed, mode, num_changes, kinds):
    stable = seed % 3 != 0
    version = ["2.0", "2.1", "2.2"][seed % 3 if mode == "alone" else (seed + 1) % 3]
    changes = Changes(seed, version)
    rows = changes.rows(20)
    ours_path = os.path.join(folder, "ours.lance")
    theirs_path = os.path.join(folder, "theirs.lance")
    ours = Tool(tool, ours_path, folder)
    beside = Library(ours_path)
    theirs = Library(theirs_path)
    ours.create(rows, version, stable)
    lance.write_dataset(pa.Table.from_pylist(rows, SCHEMA), theirs_path, data_storage_version=version,
                        enable_stable_row_ids=stable, max_rows_per_file=7)
    done = {"tool": 0, "library": 0, "refused": 0}
    same_ids = True
    ids = check_same(0, "create", lance.dataset(ours_path), lance.dataset(theirs_path), stable)
    for step in range(1, num_changes + 1):
        changes.note(versions_of(lance.dataset(ours_path)))
        change = changes.change()
        by_tool = mode == "alone" or changes.random.random() < 0.5
        # Indexes that Lance 14 makes do not cover moved rows, those of the tool do: one may have nothing to do.
        if change[0] == "optimize" and covers_all(lance.dataset(ours_path)) != covers_all(lance.dataset(theirs_path)):
            continue
        outcomes = []
        for side in (ours if by_tool else beside, theirs):
            try:
                side.run(change)
                outcomes.append(None)
            except Failure as error:
                outcomes.append(error)
        if (outcomes[0] is None) != (outcomes[1] is None):
            raise AssertionError(f"step {step}: {change} by {'tool' if by_tool else 'library'}: "
                                 f"{outcomes[0]!r} here, {outcomes[1]!r} there")
        if outcomes[0] is not None:
            done["refused"] += 1
            continue
        done["tool" if by_tool else "library"] += 1
        now = lance.dataset(ours_path)
        same_ids = same_ids and not (REUSES_IDS and change[0] == "restore")
        now_ids = check_same(step, change, now, lance.dataset(theirs_path), stable, same_ids)
        if stable and change[0] in ("update", "add", "join", "drop", "rename", "cast", "compact", "index"):
            assert now_ids == ids, f"step {step}: rows changed their ids in {change}"
        ids = now_ids
        dumped = [json.loads(line) for line in ours.call("dump", ours_path).splitlines()]
        assert as_lines(dumped) == as_lines(now.to_table().to_pylist()), f"step {step}: dump differs"
        check_branches(step, change, ours, now, lance.dataset(theirs_path))
        kinds[change[0]] = kinds.get(change[0], 0) + 1
    for path in (ours_path, theirs_path):
        try:
            lance.dataset(path).validate()
        except OSError as error:
            # It does not accept the tombstones of columns that the library itself wrote again.
            if "Field id -2 is not in increasing order" not in str(error):
                raise
    ours.call("verify", ours_path)
    return done


def main():
    tool, folder, seed, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    total = {"tool": 0, "library": 0, "refused": 0}
    kinds = {}
    for index in range(rounds):
        for mode in ("alone", "in_turn"):
            place = os.path.join(folder, f"{mode}{index}")
            os.makedirs(place)
            done = play(tool, place, seed + index, mode, 60, kinds)
            for key, count in done.items():
                total[key] += count
    print(f"pylance {lance.__version__}: changes by the tool {total['tool']}, by the library {total['library']}, "
          f"refused by both {total['refused']}; " + ", ".join(f"{kind} {kinds[kind]}" for kind in sorted(kinds)))


if __name__ == "__main__":
    main()
