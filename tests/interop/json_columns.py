"""JSON columns: the library and `lance-tool` read the same text of what either of them has written, changed and compacted.

usage: json_columns.py TOOL FOLDER
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import lance
import pyarrow as pa
from lance.file import LanceFileReader

JSON = pa.json_()
VERSIONS = ["2.0", "2.1", "2.2"]
KEYS = ["a", "b", "aa", "Z", "", "é", "\U0001f600", "a\"b", "\x01", "a.b"]
SCALARS = ["null", "true", "false", "0", "-0", "1", "-128", "-129", "255", "256", "65536", "-2147483649", "4294967296",
           "18446744073709551615", "18446744073709551616", "-9223372036854775809", "1.10", "-0.0", "1e-7", "1e16", "1E400",
           "123456789012345678901234567890.5", "5e-324", '"\\u0000\\ud83d\\ude00\\/"', '"\\ud83d"', '"\x7f"', "[]", "{}"]
RELAXED = ["", " ", "NaN", "-Infinity", "+.5", "5.", "007", "0x1F", "'q'", "{a:1}", "[,1,]", "TRUE", '"\\u{00e9}"']


def tool(program, *arguments, stdin=None, fails=None):
    done = subprocess.run([program, *arguments], input=stdin, capture_output=True, text=stdin is None or isinstance(stdin, str))
    errors = done.stderr if isinstance(done.stderr, str) else done.stderr.decode()
    assert (done.returncode == 0) == (fails is None) and (fails or "") in errors, (arguments, errors)
    return done.stdout


def value(rng, depth=0):
    kind = rng.random()
    if depth == 4 or kind < 0.5:
        return rng.choice([rng.choice(SCALARS), str(rng.randrange(-2**63, 2**64)), repr(rng.gauss(0, 1e9)), repr(rng.random() * 10.0 ** rng.randrange(-30, 30))])
    if kind < 0.75:
        return "[" + ", ".join(value(rng, depth + 1) for _ in range(rng.randrange(5))) + "]"
    return "{" + ",".join(json.dumps(key) + " : " + value(rng, depth + 1) for key in rng.sample(KEYS, rng.randrange(5))) + "}"


def texts(rng, count):
    return pa.array([rng.choice([None, rng.choice(RELAXED), value(rng), value(rng)]) for _ in range(count)], JSON)


def rows(rng, first, count, nulls_in_structs=True):
    pairs = pa.StructArray.from_arrays(
        [texts(rng, count), pa.array(range(count), pa.int32())],
        fields=[pa.field("k", JSON), pa.field("n", pa.int32())],
        mask=pa.array([nulls_in_structs and rng.random() < 0.2 for _ in range(count)]))
    lengths = [0]
    for _ in range(count):
        lengths.append(lengths[-1] + rng.randrange(4))
    return pa.table({
        "id": pa.array(range(first, first + count), pa.int64()),
        "j": texts(rng, count),
        "wide": texts(rng, count).cast(pa.string()).cast(pa.large_string()).cast(pa.json_(pa.large_string())),
        "st": pairs,
        "items": pa.ListArray.from_arrays(pa.array(lengths, pa.int32()), texts(rng, lengths[-1])),
        "structs": pa.ListArray.from_arrays(pa.array(range(count + 1), pa.int32()), pairs),
    })


def ipc(table):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    return sink.getvalue().to_pybytes()


def check(program, path, wanted=None):
    """What both sides read of `path` is the same; nothing is wrong with it. The rows in the order of ids."""
    dataset = lance.dataset(path)
    dataset.validate()
    theirs = dataset.to_table().to_pylist()
    ours = [json.loads(line) for line in tool(program, "dump", path).splitlines()]
    assert ours == theirs, next((path, a, b) for a, b in zip(ours, theirs) if a != b)
    with open(f"{path}.arrow", "wb") as file:
        file.write(subprocess.run([program, "dump", path, "--format", "arrow"], capture_output=True, check=True).stdout)
    with pa.ipc.open_file(f"{path}.arrow") as reader:
        table = reader.read_all()
    assert table.schema.equals(dataset.schema), f"{table.schema}\n{dataset.schema}"
    assert table.to_pylist() == theirs
    tool(program, "verify", path)
    found = sorted(theirs, key=lambda row: row["id"])
    assert wanted is None or found == wanted, next((path, a, b) for a, b in zip(found, wanted) if a != b)
    return found


def stored(path):
    """The rows as the files have them, JSON as bytes."""
    files = [file.path for fragment in lance.dataset(path).get_fragments() for file in fragment.data_files()]
    return [LanceFileReader(f"{path}/data/{file}").read_all().to_table().to_pylist() for file in files]


def written(program, folder, rng, version):
    ours, theirs = f"{folder}/ours{version}.lance", f"{folder}/theirs{version}.lance"
    table = rows(rng, 0, 200, version != "2.0")
    lance.write_dataset(table, theirs, data_storage_version=version, max_rows_per_file=90)
    tool(program, "write", ours, "--format", "arrow", "--file-version", version, "--max-rows-per-file", "90", stdin=ipc(table))
    wanted = check(program, theirs)
    check(program, ours, wanted)
    assert stored(ours) == stored(theirs)
    assert str(lance.dataset(ours).schema) == str(lance.dataset(theirs).schema)
    # Each adds to what the other has written.
    more = rows(rng, 200, 40, version != "2.0")
    tool(program, "write", theirs, "--mode", "append", "--format", "arrow", stdin=ipc(more))
    lance.write_dataset(more, ours, mode="append")
    check(program, ours, check(program, theirs))
    return ours, theirs


def changed(program, ours, theirs):
    """The same changes by both; then each compacts what the other has."""
    source = pa.table({"id": pa.array([3, 250, 4], pa.int64()), "j": pa.array(['{"m" : [1]}', "[ ]", None], JSON)})
    tool(program, "merge-insert", ours, "--on", "id", "--when-matched", "update-all", "--when-not-matched", "do-nothing",
         "--columns", "id,j", stdin="".join(json.dumps(row) + "\n" for row in source.to_pylist()))
    lance.dataset(theirs).merge_insert("id").when_matched_update_all().execute(source)
    wanted = check(program, theirs)
    assert wanted[3]["j"] == '{"m":[1]}'
    check(program, ours, wanted)

    tool(program, "update", ours, "--set", "j='{\"u\": 1}'", "--where", "id = 5")
    lance.dataset(theirs).update({"j": "'{\"u\":1}'"}, where="id = 5")
    tool(program, "update", ours, "--set", "j=wide", "--where", "id = 6")
    lance.dataset(theirs).update({"j": "wide"}, where="id = 6")
    tool(program, "delete", ours, "--where", "j is null or id = 7")
    lance.dataset(theirs).delete("j is null or id = 7")
    wanted = check(program, theirs)
    check(program, ours, wanted)
    tool(program, "update", ours, "--set", "j='{\"u\"'", "--where", "id = 5", fails="column j: not JSON")

    tool(program, "compact", theirs)
    lance.dataset(ours).optimize.compact_files()
    for path in (ours, theirs):
        check(program, path, wanted)


def columns(program, path):
    """Columns of JSON are added: with values, without, computed."""
    count = lance.dataset(path).count_rows()
    values = pa.table({"added": pa.array([f"[ {i} ]" for i in range(count)], JSON)})
    with open(f"{path}.json", "w") as file:
        json.dump({"fields": [{"name": "added", "type": "utf8", "nullable": True, "metadata": {"ARROW:extension:name": "arrow.json"}}],
                   "metadata": {}}, file)
    tool(program, "columns", "add", path, "--schema", f"{path}.json", "--input", "-", "--format", "arrow", stdin=ipc(values))
    found = check(program, path)
    assert sorted(row["added"] for row in found) == sorted(f"[{i}]" for i in range(count))
    assert lance.dataset(path).schema.field("added").type == JSON
    lance.dataset(path).add_columns(pa.schema([pa.field("nothing", JSON)]))
    assert all(row["nothing"] is None for row in check(program, path))
    where = lance.dataset(path).to_table(columns=["id"], filter="nothing is null and added is not null").num_rows
    assert tool(program, "dump", path, "--columns", "id", "--where", "nothing is null and added is not null").count("\n") == where
    # Computing sees what is stored.
    tool(program, "columns", "add", path, "--column", "copy=j")
    assert lance.dataset(path).schema.field("copy").type == pa.large_binary()
    tool(program, "columns", "drop", path, "--columns", "copy")
    tool(program, "dump", path, "--where", "json_get_int(j, 'u') = 1", fails="json_get_int")
    tool(program, "dump", path, "--where", "j = '1'", fails="column j is JSON")


def raw(program, folder):
    """The library stores the text of an update as it is, also what is no JSON: it reads alike, and
    compacting here keeps it."""
    path = f"{folder}/raw.lance"
    lance.write_dataset(pa.table({"id": [1, 2, 3], "j": pa.array(['{"a":1}', None, "1"], JSON)}), path)
    lance.dataset(path).update({"j": "'{\"z\" : 9 }'"}, where="id = 1")
    lance.dataset(path).update({"j": "'not json'"}, where="id = 2")
    wanted = check(program, path)
    assert [row["j"] for row in wanted] == ['{"z" : 9 }', "not json", "1"]
    tool(program, "compact", path)
    check(program, path, wanted)


def main(program, folder):
    rng = random.Random(int(os.environ.get("OG_SEED", "1")))
    for version in VERSIONS:
        ours, theirs = written(program, folder, rng, version)
        changed(program, ours, theirs)
    columns(program, ours)
    columns(program, theirs)
    raw(program, folder)
    # Text without a word that it is JSON is taken too, CSV and JSON lines have no such word.
    tool(program, "write", theirs, "--mode", "append", "--format", "csv", stdin='id,j\n900,"{""x"" : 1}"\n')
    assert check(program, theirs)[-1]["j"] == '{"x":1}'
    tool(program, "write", theirs, "--mode", "append", "--format", "csv", stdin="id,j\n901,{\n", fails="column j: not JSON")
    print("JSON columns: as the library has them")


if __name__ == "__main__":
    main(*sys.argv[1:])
