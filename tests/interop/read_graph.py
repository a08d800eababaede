"""Reads a graph of ours with nothing but the real Lance library (run with its interpreter).

usage: read_graph.py GRAPH export    rows as `omnigraph export` writes them, one JSON object a line
       read_graph.py GRAPH tables    `NAME PATH VERSION ROWS`, one published table a line
       read_graph.py TABLE dump [VERSION]
                                     canonical JSON lines (lance_canonical.py)

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


def export(graph):
    for table in published_tables(graph):
        dataset = open_table(table)
        options = {"blob_handling": "all_binary"} if lance_canonical.has_blobs(dataset.schema) else {}
        rows = stored_numbers(dataset.scanner(**options).to_table()).to_pylist()
        for row in sorted(rows, key=lambda row: row["id"].encode()):
            print(json.dumps(export_record(table, row), ensure_ascii=False))


def print_tables(graph):
    for table in published_tables(graph):
        open_table(table)
        print(table.name, table.path, table.version, table.num_rows)


def dump(path, version):
    dataset = lance.dataset(path, version=version)
    dataset.validate()
    for line in lance_canonical.dump_lines(dataset):
        print(line)


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    target, what = sys.argv[1:3]
    if what == "export":
        export(target)
    elif what == "tables":
        print_tables(target)
    elif what == "dump":
        dump(target, int(sys.argv[3]) if len(sys.argv) > 3 else None)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
