"""Reads a graph of ours with nothing but the real Lance library (run with its interpreter).

usage: read_graph.py GRAPH FOLDER [BRANCH]

Writes to FOLDER: `export.jsonl`, the rows as `omnigraph export` prints them; `tables.json`, one array
[name, path, ref, version, rows] a published table; and `NAME.dump` for each table, its rows as canonical
JSON lines (lance_canonical.py).

Every dataset that is opened is validated by the library; the number of its rows has to be the one that
the graph's manifest states.
"""

import base64
import json
import os
import sys

import lance
import pyarrow as pa

import lance_canonical


class Table:
    def __init__(self, name, path):
        self.name = name  # "node:Package", "edge:Depends"
        self.path = path
        self.ref = None
        self.version = 0
        self.num_rows = 0


def open_ref(path, ref, version=None):
    """The dataset at `path`, on main or on one of its refs."""
    dataset = lance.dataset(path)
    if ref is not None:
        return dataset.checkout_version((ref, version))
    return dataset if version is None else dataset.checkout_version(version)


def identity(row):
    return row["stable_table_id"], row["table_incarnation_id"]


def published_tables(graph, branch):
    """The tables of a branch, None for main, at their newest published version, by name."""
    manifest = open_ref(os.path.join(graph, "__manifest"), branch)
    manifest.validate()
    rows = manifest.to_table().to_pylist()
    # By identity: a row keeps the name that its table had then.
    tables = {}
    for row in rows:
        if row["object_type"] == "table":
            tables[identity(row)] = Table(row["table_key"], os.path.join(graph, row["location"]))
    for row in rows:
        if row["object_type"] == "table_version":
            table = tables[identity(row)]
            if row["table_version"] > table.version:
                table.version, table.num_rows, table.ref = row["table_version"], row["row_count"], row["table_branch"]
    for row in rows:
        if row["object_type"] == "table_tombstone":
            del tables[identity(row)]
    check_lineage(rows, branch)
    return sorted(tables.values(), key=lambda table: table.name)


def check_lineage(rows, branch):
    """The head is the newest commit, and every parent is there. A branch has a head once it has a commit."""
    commits = {row["object_id"]: json.loads(row["metadata"]) for row in rows if row["object_type"] == "graph_commit"}
    heads = {row["object_id"]: json.loads(row["metadata"]) for row in rows if row["object_type"] == "graph_head"}
    head = heads.get(f"graph_head:{branch or 'main'}")
    newest = max((row for row in rows if row["object_type"] == "graph_commit"), key=lambda row: row["table_version"])
    if head is None and newest["table_branch"] == branch:
        sys.exit(f"commit {newest['object_id']} is no head")
    if head is not None and head["head_commit_id"] != newest["object_id"]:
        sys.exit(f"the head is {head['head_commit_id']}, the newest commit {newest['object_id']}")
    for name, commit in commits.items():
        parents = [commit.get("parent_commit_id"), commit.get("merged_parent_commit_id")]
        # The second parent of a merge is in the history of its branch alone.
        if parents[0] is not None and parents[0] not in commits:
            sys.exit(f"commit {name} has the parent {parents[0]}, which is not there")


def open_table(table):
    dataset = open_ref(table.path, table.ref, table.version)
    dataset.validate()
    if dataset.count_rows() != table.num_rows:
        sys.exit(f"{table.name}: {dataset.count_rows()} rows, the manifest says {table.num_rows}")
    return dataset


def stored_numbers(table):
    """Dates and times as the numbers that are stored: that is how the export has them."""
    for index, field in enumerate(table.schema):
        if pa.types.is_date32(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(pa.int32()))
        elif pa.types.is_date64(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(pa.int64()))
    return table


def json_value(value):
    return "base64:" + base64.b64encode(value).decode() if isinstance(value, bytes) else value


def export_record(table, row):
    kind, type_name = table.name.split(":", 1)
    data = {key: json_value(value) for key, value in row.items() if key not in ("src", "dst")}
    if kind == "node":
        return {"type": type_name, "data": data}
    return {"edge": type_name, "from": row["src"], "to": row["dst"], "data": data}


def write_export(table, dataset, out):
    options = {"blob_handling": "all_binary"} if lance_canonical.has_blobs(dataset.schema) else {}
    rows = stored_numbers(dataset.scanner(**options).to_table()).to_pylist()
    for row in sorted(rows, key=lambda row: row["id"].encode()):
        out.write(json.dumps(export_record(table, row), ensure_ascii=False) + "\n")


def create(folder, name):
    return open(os.path.join(folder, name), "w", encoding="utf-8", newline="\n")


def main():
    graph, folder = sys.argv[1:3]
    branch = sys.argv[3] if len(sys.argv) > 3 and sys.argv[3] != "main" else None
    tables = published_tables(graph, branch)
    with create(folder, "tables.json") as out:
        json.dump([[table.name, table.path, table.ref, table.version, table.num_rows] for table in tables], out)
    with create(folder, "export.jsonl") as export:
        for table in tables:
            dataset = open_table(table)
            write_export(table, dataset, export)
            with create(folder, table.name + ".dump") as dump:
                dump.writelines(line + "\n" for line in lance_canonical.dump_lines(dataset))


if __name__ == "__main__":
    main()
