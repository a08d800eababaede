"""Datasets as some release of the Lance library makes them, and what each version of them holds.

usage: old_releases.py write FOLDER        makes FOLDER/{name}.lance and FOLDER/{name}-{version}.jsonl,
                                           canonical lines of every version
       old_releases.py check FOLDER        a newer release validates what was made and changed there,
                                           and compares FOLDER/{name}-now.jsonl with the latest rows
"""

import decimal
import pathlib
import sys

import lance
import lance_canonical
import pyarrow as pa

IS_BEFORE_1 = lance.__version__.startswith("0.")
# Release 0.20 cannot merge dictionary columns.
SIMPLE = pa.schema([
    pa.field("id", pa.int64()),
    pa.field("name", pa.string()),
    pa.field("score", pa.float32()),
    pa.field("flag", pa.bool_()),
    pa.field("tags", pa.list_(pa.string())),
    pa.field("pair", pa.struct([pa.field("x", pa.int32()), pa.field("y", pa.string())])),
    pa.field("vector", pa.list_(pa.float32(), 4)),
    pa.field("day", pa.date32()),
    pa.field("price", pa.decimal128(10, 2)),
] + ([] if IS_BEFORE_1 else [pa.field("kind", pa.dictionary(pa.int8(), pa.string()))]))


KINDS = pa.array(["red", "green", "blue"])


def rows(first, count):
    """Values of every type, with nulls where every release can store them."""
    ids = range(first, first + count)
    columns = {
        "id": list(ids),
        "name": [None if i % 7 == 0 else f"name {i}" for i in ids],
        "score": [i / 3 for i in ids],
        "flag": [i % 2 == 0 for i in ids],
        "tags": [[f"t{j}" for j in range(i % 4)] for i in ids],
        "pair": [{"x": i, "y": f"y{i}"} for i in ids],
        "vector": [[i, 0.5, -1.25, 0] for i in ids],
        "day": [i for i in ids],
        "price": [None if i % 5 == 0 else decimal.Decimal(i) / 4 for i in ids],
        "kind": [i % 3 for i in ids],
    }
    arrays = []
    for field in SIMPLE:
        if field.name == "kind":
            arrays.append(pa.DictionaryArray.from_arrays(pa.array(columns["kind"], pa.int8()), KINDS))
        elif field.name == "day":
            arrays.append(pa.array(columns["day"], pa.int32()).cast(pa.date32()))
        else:
            arrays.append(pa.array(columns[field.name], field.type))
    return pa.table(arrays, schema=SIMPLE)


def history(uri, **options):
    """Every kind of commit that old releases have in common."""
    lance.write_dataset(rows(0, 40), uri, max_rows_per_file=15, **options)
    lance.write_dataset(rows(40, 10), uri, mode="append", **options)
    lance.dataset(uri).delete("id % 6 = 1")
    lance.dataset(uri).update({"name": "'changed'"}, where="id >= 10 and id < 14")
    lance.dataset(uri).create_scalar_index("id", "BTREE")
    dataset = lance.dataset(uri)
    dataset.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(rows(30, 30))
    lance.dataset(uri).add_columns({"twice": "id * 2"})
    lance.dataset(uri).drop_columns(["flag"])
    lance.dataset(uri).alter_columns({"path": "name", "name": "label"})
    lance.dataset(uri).optimize.compact_files(target_rows_per_fragment=20)
    lance.dataset(uri).delete("id = 44")
    lance.dataset(uri).tags.create("known", lance.dataset(uri).version)


def cases():
    """Name and options of what this release can make."""
    for file_version in ["2.0"] if IS_BEFORE_1 else ["2.0", "2.1", "2.2"]:
        yield f"plain{file_version}", {"data_storage_version": file_version}
        yield f"named{file_version}", {"data_storage_version": file_version, "enable_v2_manifest_paths": True}
        if not IS_BEFORE_1:
            yield f"stable{file_version}", {"data_storage_version": file_version, "enable_stable_row_ids": True}


def write(folder):
    count = 0
    for name, options in cases():
        uri = folder / f"{name}.lance"
        history(uri, **options)
        for version in lance.dataset(uri).versions():
            number = version["version"]
            lines = lance_canonical.dump_lines(lance.dataset(uri, version=number))
            (folder / f"{name}-{number}.jsonl").write_text("".join(line + "\n" for line in lines))
            count += 1
    print(f"{lance.__version__}: {count} versions")


def check(folder):
    failures = 0
    for uri in sorted(folder.glob("*.lance")):
        dataset = lance.dataset(uri)
        dataset.validate()
        lines = "".join(line + "\n" for line in lance_canonical.dump_lines(dataset))
        if lines != (folder / f"{uri.stem}-now.jsonl").read_text():
            failures += 1
            print(f"{uri}: other rows")
    print(f"{lance.__version__}: {failures} failures")
    return 1 if failures else 0


def main():
    folder = pathlib.Path(sys.argv[2])
    return check(folder) if sys.argv[1] == "check" else write(folder)


if __name__ == "__main__":
    sys.exit(main())
