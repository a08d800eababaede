"""Members that structs get later: by the library and read by `lance-tool`, and the other way round.

usage: members.py TOOL FOLDER
"""

from __future__ import annotations

import json
import subprocess
import sys

import lance
import pyarrow as pa

NUMBER = pa.struct([("z", pa.int64())])
PAIRS = [{"x": 1, "y": "a"}, None, {"x": 3, "y": None}, None, {"x": None, "y": "e"}]
VALUES = [{"z": 1}, {"z": 2}, None, None, {"z": None}]
LISTS = [[{"x": 1}, None], None, [], [{"x": None}], [{"x": 5}]]


def tool(program, *arguments, stdin=None):
    done = subprocess.run([program, *arguments], input=stdin, capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def make(path):
    return lance.write_dataset(pa.table({
        "id": pa.array(range(5), pa.int64()),
        "st": pa.array(PAIRS, pa.struct([("x", pa.int32()), ("y", pa.string())])),
        "items": pa.array(LISTS, pa.list_(pa.struct([("x", pa.int32())]))),
    }), path, data_storage_version="2.2", max_rows_per_file=3)


def check(program, path, wanted):
    """What both sides read of `path` are the rows `wanted`; nothing is wrong with it."""
    dataset = lance.dataset(path)
    dataset.validate()
    theirs = dataset.to_table().to_pylist()
    ours = [json.loads(line) for line in tool(program, "dump", path).splitlines()]
    assert ours == theirs == wanted, f"{path}\nours   {ours}\ntheirs {theirs}\nwanted {wanted}"
    tool(program, "verify", path)


def main(program, folder):
    reader = pa.RecordBatchReader.from_batches(
        pa.schema([("st", NUMBER)]), [pa.record_batch({"st": pa.array(VALUES, NUMBER)})])
    make(f"{folder}/theirs.lance").add_columns(reader)
    wanted = lance.dataset(f"{folder}/theirs.lance").to_table().to_pylist()
    assert wanted[1]["st"] == {"x": None, "y": None, "z": 2} and wanted[3]["st"] is None
    check(program, f"{folder}/theirs.lance", wanted)

    member = {"name": "z", "type": "int64", "nullable": True}
    column = {"name": "st", "type": "struct", "nullable": True, "children": [member]}
    make(f"{folder}/ours.lance")
    with open(f"{folder}/st.json", "w") as file:
        json.dump({"fields": [column], "metadata": {}}, file)
    tool(program, "columns", "add", f"{folder}/ours.lance", "--schema", f"{folder}/st.json", "--input", "-",
         stdin="".join(json.dumps({"st": value}) + "\n" for value in VALUES))
    check(program, f"{folder}/ours.lance", wanted)

    # Without values: the schema alone, in structs and in lists of them.
    item = {"name": "item", "type": "struct", "nullable": True, "children": [member]}
    with open(f"{folder}/items.json", "w") as file:
        json.dump({"fields": [{"name": "items", "type": "list", "nullable": True, "children": [item]}], "metadata": {}}, file)
    for row in wanted:
        row["items"] = row["items"] and [item and {**item, "z": None} for item in row["items"]]
    tool(program, "columns", "add", f"{folder}/ours.lance", "--schema", f"{folder}/items.json")
    lance.dataset(f"{folder}/theirs.lance").add_columns(
        pa.schema([("items", pa.list_(pa.struct([("z", pa.int64())])))]))
    for path in (f"{folder}/ours.lance", f"{folder}/theirs.lance"):
        check(program, path, wanted)
    assert lance.dataset(f"{folder}/ours.lance").schema == lance.dataset(f"{folder}/theirs.lance").schema

    # Both compact what the other has written.
    tool(program, "compact", f"{folder}/theirs.lance")
    lance.dataset(f"{folder}/ours.lance").optimize.compact_files()
    for path in (f"{folder}/ours.lance", f"{folder}/theirs.lance"):
        check(program, path, wanted)
    print("members of structs: as the library has them")


if __name__ == "__main__":
    main(*sys.argv[1:])
