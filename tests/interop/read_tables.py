"""Compares the data set that write_tables wrote, as the real Lance library reads it, with what we say
it holds; then goes on writing with the library and notes what each version holds for us to check.

usage: read_tables.py FOLDER
"""

import json
import pathlib
import sys

import lance
import pyarrow as pa

COLUMNS = ["id", "age", "_rowid", "_rowaddr", "_row_created_at_version", "_row_last_updated_at_version"]


def rows(dataset):
    """All rows in scan order: the values of COLUMNS."""
    table = dataset.scanner(columns=COLUMNS, scan_in_order=True).to_table()
    return [list(row) for row in zip(*(table.column(name).to_pylist() for name in COLUMNS))]


def describe(dataset):
    """The line that write_tables makes for this version of main."""
    value = {"branch": None, "version": dataset.version, "rows": rows(dataset)}
    return json.dumps(value, separators=(",", ":"))


def compare(folder):
    failures = 0
    lines = (folder / "expected.jsonl").read_text().splitlines()
    for line in lines:
        expected = json.loads(line)
        dataset = lance.dataset(folder / "t.lance").checkout_version((expected["branch"], expected["version"]))
        dataset.validate()
        found = rows(dataset)
        if found != expected["rows"]:
            failures += 1
            print(f"{expected['branch']} {expected['version']}: {len(found)} rows, expected {len(expected['rows'])}")
            print("  ", [pair for pair in zip(found, expected["rows"]) if pair[0] != pair[1]][:3])
        if dataset.count_rows() != len(found):
            failures += 1
            print(f"{expected['branch']} {expected['version']}: count_rows differs")
    tag = lance.dataset(folder / "t.lance", version="v8")
    if tag.version != 8:
        failures += 1
        print(f"tag v8 is version {tag.version}")
    print(f"{lance.__version__}: {len(lines)} versions, {failures} failures")
    return failures


def change(folder):
    """Commits of every kind on top of ours."""
    uri = folder / "t.lance"
    noted = []

    def note():
        dataset = lance.dataset(uri)
        noted.append(f"{dataset.version} {describe(dataset)}")
        return dataset

    dataset = lance.dataset(uri)
    new = pa.table({"id": ["r0003", "r9000"], "age": [1, None]}, schema=dataset.schema)
    dataset.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(new)
    note().delete("id in ('r0001', 'r0026')")
    dataset = note()
    lance.write_dataset(pa.table({"id": ["r9001"], "age": [5]}, schema=dataset.schema), uri, mode="append")
    dataset = note()
    dataset.update({"age": "77"}, where="id = 'r0004'")
    dataset = note()
    dataset.optimize.compact_files()
    note()
    (folder / "changed.jsonl").write_text("\n".join(noted) + "\n")


def main():
    folder = pathlib.Path(sys.argv[1])
    failures = compare(folder)
    change(folder)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
