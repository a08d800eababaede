"""Reads a graph of ours with nothing but the real Lance library (run with its interpreter).

usage: read_graph.py GRAPH FOLDER

Writes to FOLDER: `export.jsonl`, the rows as `omnigraph export` prints them; `tables.json`, one array
[name, path, version, rows] a published table; and `NAME.dump` for each table, its rows as canonical
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
        self.version = 0
        self.num_rows = 0


def published_tables(graph):
    """The tables of the main branch at their newest published version, by name."""
    manifest = lance.dataset(os.path.join(graph, "__manifest"))
    manifest.validate()
    rows = manifest.to_table().to_pylist()
    tables = {
        row["table_key"]: Table(row["table_key"], os.path.join(graph, row["location"]))
        for row in rows if row["object_type"] == "table"
    }
    for row in rows:
        if row["object_type"] == "table_version" and row["table_branch"] is None:
            table = tables[row["table_key"]]
            if row["table_version"] > table.version:
                table.version, table.num_rows = row["table_version"], row["row_count"]
    return [tables[name] for name in sorted(tables)]


def open_table(table):
    dataset = lance.dataset(table.path, version=table.version)
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
    tables = published_tables(graph)
    with create(folder, "tables.json") as out:
        json.dump([[table.name, table.path, table.version, table.num_rows] for table in tables], out)
    with create(folder, "export.jsonl") as export:
        for table in tables:
            dataset = open_table(table)
            write_export(table, dataset, export)
            with create(folder, table.name + ".dump") as dump:
                dump.writelines(line + "\n" for line in lance_canonical.dump_lines(dataset))


if __name__ == "__main__":
    main()
