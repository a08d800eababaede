"""Reads what write_files wrote with the real Lance library and compares every value.

usage: read_files.py FOLDER

Prints one line a file that differs or cannot be read, then "N files, N failed"; exits 1 if any
failed.
"""

import json
import pathlib
import sys

import lance
import pyarrow as pa
import pyarrow.types as t
from lance.file import LanceFileReader


def fixed_bytes(array, width):
    """The bytes of each value of a fixed-width array."""
    data = array.buffers()[1]
    if data is None:
        return [b""] * len(array)
    raw = data.to_pybytes()
    return [raw[(array.offset + i) * width : (array.offset + i + 1) * width] for i in range(len(array))]


def render(array):
    """`array` as write_files renders it."""
    kind = array.type
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in render(chunk)]
    if t.is_null(kind):
        return [None] * len(array)
    valid = array.is_valid().to_pylist()
    if t.is_boolean(kind):
        return array.to_pylist()
    if t.is_dictionary(kind):
        items = render(array.dictionary)
        return [None if k is None else items[k] for k in array.indices.to_pylist()]
    if t.is_map(kind):
        keys, values, offsets = render(array.keys), render(array.items), array.offsets.to_pylist()
        entries = [{"key": k, "value": v} for k, v in zip(keys, values)]
        # The offsets count from the start of the buffers, keys and items too.
        return [entries[offsets[i] : offsets[i + 1]] if valid[i] else None for i in range(len(array))]
    if t.is_list(kind) or t.is_large_list(kind):
        items, offsets = render(array.values), array.offsets.to_pylist()
        return [items[offsets[i] : offsets[i + 1]] if valid[i] else None for i in range(len(array))]
    if t.is_fixed_size_list(kind):
        n = kind.list_size
        items = render(array.values)
        start = 0 if len(items) == n * len(array) else array.offset
        return [items[(start + i) * n : (start + i + 1) * n] if valid[i] else None for i in range(len(array))]
    if t.is_struct(kind):
        names = [kind.field(i).name for i in range(kind.num_fields)]
        if not names:
            return [{} if ok else None for ok in valid]
        columns = [render(child) for child in array.flatten()]
        rows = zip(*columns)
        return [dict(zip(names, row)) if valid[i] else None for i, row in enumerate(rows)]
    if t.is_string(kind) or t.is_large_string(kind):
        return [None if v is None else v.encode().hex() for v in array.to_pylist()]
    if t.is_binary(kind) or t.is_large_binary(kind):
        return [None if v is None else v.hex() for v in array.to_pylist()]
    if t.is_fixed_size_binary(kind) or t.is_decimal(kind):
        return [v.hex() if ok else None for v, ok in zip(fixed_bytes(array, kind.bit_width // 8), valid)]
    width = kind.bit_width // 8
    signed = not (t.is_floating(kind) or t.is_unsigned_integer(kind))
    return [
        int.from_bytes(v, "little", signed=signed) if ok else None
        for v, ok in zip(fixed_bytes(array, width), valid)
    ]


def check(path):
    """None, or what is wrong with the file at `path`."""
    want = json.loads(path.with_suffix(".json").read_text())
    try:
        reader = LanceFileReader(str(path))
        table = reader.read_all().to_table()
    except BaseException as error:  # the library's panics are no Exception
        return want["name"], f"{type(error).__name__}: {str(error)[:300]}"
    for name, values in want["columns"].items():
        got = render(table.column(name))
        if got != values:
            at = next((i for i, (a, b) in enumerate(zip(got, values)) if a != b), min(len(got), len(values)))
            return want["name"], (
                f"{name}: {len(got)} values, want {len(values)}; first difference at {at}: "
                f"{str(got[at:at + 1])[:200]}, want {str(values[at:at + 1])[:200]}"
            )
        # Random access takes other paths than a scan.
        rows = list(range(0, len(values), max(1, len(values) // 7)))
        if rows:
            picked = render(reader.take_rows(rows).to_table().column(name))
            if picked != [values[i] for i in rows]:
                return want["name"], f"{name}: take of {rows} differs"
    return want["name"], None


def check_blobs(folder, version):
    """None, or what is wrong with the data file of blobs."""
    want = json.loads((folder / "blobs.json").read_text())
    is_v1 = version != "2.2"
    blob = pa.field("b", pa.large_binary(), metadata={"lance-encoding:blob": "true"}) if is_v1 else lance.blob_field("b")
    schema = pa.schema([pa.field("id", pa.int64()), blob])
    # A dataset of the same schema lends its manifest; the fragment is ours.
    one = pa.array([b"x"], pa.large_binary()) if is_v1 else lance.blob_array([b"x"])
    empty = pa.table([pa.array([0]), one], schema=schema)
    dataset = lance.write_dataset(empty, str(folder), mode="overwrite", data_storage_version=version)
    fragment = dataset.get_fragments()[0].metadata.to_json()
    fragment["physical_rows"] = len(want["values"])
    fragment["files"][0].update(
        path="blobs.lance",
        fields=want["field_ids"],
        column_indices=want["column_indices"],
        file_size_bytes=want["file_bytes"],
    )
    operation = lance.LanceOperation.Overwrite(
        schema, [lance.FragmentMetadata.from_json(json.dumps(fragment))]
    )
    dataset = lance.LanceDataset.commit(str(folder), operation, read_version=dataset.version)
    rows = [i for i, value in enumerate(want["values"]) if value is not None]
    scanned = dataset.to_table(columns=["b"]).column("b").to_pylist()
    if is_v1:
        # A null is a descriptor like others to a scan.
        null = {"2.0": {"position": 1, "size": 0}, "2.1": None}[version]
        nulls = [i for i, value in enumerate(scanned) if value == null]
        if nulls != [i for i, value in enumerate(want["values"]) if value is None]:
            return "nulls differ"
    elif [i for i, value in enumerate(scanned) if value is not None] != rows:
        return "nulls differ"
    blobs = dataset.take_blobs("b", indices=rows)
    for row, blob in zip(rows, blobs):
        if blob.read().hex() != want["values"][row]:
            return f"row {row} differs: {scanned[row]}"
    if is_v1:
        return None
    if want["sidecars"] != 3 or len(list((folder / "data" / "blobs").iterdir())) != 3:
        return "want one packed and two dedicated sidecars"
    return None


def main():
    folder = pathlib.Path(sys.argv[1])
    files = sorted(folder.glob("*.lance"), key=lambda p: int(p.stem))
    failed = 0
    for path in files:
        name, problem = check(path)
        if problem:
            failed += 1
            print(f"{path.name} [{name}] {problem}")
    for name, version in (("blobs", "2.2"), ("blobs_v1_2.0", "2.0"), ("blobs_v1_2.1", "2.1")):
        try:
            problem = check_blobs(folder / name, version)
        except BaseException as error:
            problem = f"{type(error).__name__}: {str(error)[:300]}"
        if problem:
            failed += 1
            print(f"{name}: {problem}")
    print(f"{len(files)} files and three of blobs, {failed} failed")
    if not files or failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
