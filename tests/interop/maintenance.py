"""Upkeep of datasets by us and by the real Lance library, side by side: random histories that the
library makes are copied, and one copy is kept up by each. What both leave must agree, and each reads
and carries on what the other left.

usage: maintenance.py LANCE_TOOL FOLDER SEED
"""

import datetime
import json
import pathlib
import random
import shutil
import subprocess
import sys

import lance
import pyarrow as pa

# Later releases plan compactions and cleanups by other rules, and number their indexes otherwise.
IS_OUR_RELEASE = lance.__version__.startswith("10.")
STABLE_COLUMNS = ["_rowid", "_row_created_at_version", "_row_last_updated_at_version"]


class Check:
    """Runs lance-tool, notes what differs."""

    def __init__(self, tool, folder, seed):
        self.tool = tool
        self.folder = folder
        self.random = random.Random(seed)
        self.failures = 0
        self.checks = 0

    def run(self, *words):
        done = subprocess.run([self.tool, *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr}")
        return done.stdout

    def json(self, *words):
        return json.loads(self.run(*words, "--json"))

    def equal(self, what, ours, theirs):
        self.checks += 1
        if ours != theirs:
            self.failures += 1
            print(f"{what}: ours\n  {str(ours)[:600]}\nthe library's\n  {str(theirs)[:600]}")

    def copy(self, source, name):
        """A copy with the times of the files."""
        target = self.folder / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        return target


def batch(first, count):
    ids = list(range(first, first + count))
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "s": pa.array([None if i % 5 == 0 else f"text {i}" for i in ids], pa.string()),
            "v": pa.array([[i / 2] * (i % 4) for i in ids], pa.list_(pa.float64())),
        }
    )


def history(check, uri, stable, file_version, index):
    """A dataset with appends, deletions, updates and an index somewhere in between."""
    shutil.rmtree(uri, ignore_errors=True)
    dice = check.random
    lance.write_dataset(
        batch(0, 20), uri, data_storage_version=file_version, enable_stable_row_ids=stable, max_rows_per_file=10
    )
    count = 20
    steps = dice.randint(5, 9)
    index_at = dice.randrange(steps) if index else -1
    for step in range(steps):
        dataset = lance.dataset(uri)
        if step == index_at:
            dataset.create_scalar_index("id", "BTREE")
            continue
        kind = dice.randrange(4)
        if kind <= 1:
            rows = dice.randint(1, 15)
            lance.write_dataset(batch(count, rows), uri, mode="append")
            count += rows
        elif kind == 2:
            dataset.delete(f"id % {dice.randint(3, 9)} = {dice.randint(0, 2)} and id > {dice.randrange(count)}")
        else:
            dataset.update({"s": "'new'"}, where=f"id = {dice.randrange(count)}")
    return lance.dataset(uri)


def rows(dataset, stable, where=None, use_index=True):
    columns = ["id", "s", "v"] + (STABLE_COLUMNS if stable else [])
    table = dataset.scanner(
        columns=columns, filter=where, scan_in_order=True, use_scalar_index=use_index
    ).to_table()
    return [list(row) for row in zip(*(table.column(name).to_pylist() for name in columns))]


def in_order(found):
    """By id: what was compacted stands behind what was not."""
    return sorted(found, key=lambda row: row[0])


def fragments(dataset):
    return [
        (fragment.fragment_id, fragment.physical_rows, fragment.num_deletions) for fragment in dataset.get_fragments()
    ]


def covered(check, uri):
    """Fragments that each index covers, by name; row addresses decide, not ids of segments."""
    return {index["name"]: index["fragments"] for index in check.json("index", "list", uri)}


def compaction(check, name, stable, file_version, index):
    dice = check.random
    source = check.folder / name
    before = in_order(rows(history(check, source, stable, file_version, index), stable))
    target = dice.choice([8, 15, 30, 1000])
    threshold = dice.choice([0.0, 0.1, 0.5])
    defer = not stable and index and dice.randrange(2) == 0
    theirs = check.copy(source, f"{name}-theirs")
    lance.dataset(theirs).optimize.compact_files(
        target_rows_per_fragment=target, materialize_deletions_threshold=threshold, defer_index_remap=defer
    )
    ours = check.copy(source, f"{name}-ours")
    words = ["--target-rows", target, "--threshold", threshold]
    check.run("compact", ours, *words, *(["--defer-index-remap"] if defer else []))
    told = f"compaction {name} {words} defer={defer}"
    mine = lance.dataset(ours)
    other = lance.dataset(theirs)
    mine.validate()
    check.equal(f"{told}: rows before", in_order(rows(mine, stable)), before)
    check.equal(f"{told}: rows", in_order(rows(mine, stable)), in_order(rows(other, stable)))
    if IS_OUR_RELEASE:
        check.equal(f"{told}: order", rows(mine, stable), rows(other, stable))
        check.equal(f"{told}: fragments", fragments(mine), fragments(other))
        check.equal(f"{told}: version", mine.version, other.version)
        check.equal(f"{told}: coverage", covered(check, ours), covered(check, theirs))
    for where in ("id = 7", "id >= 3 and id < 18", f"id > {dice.randrange(60)}"):
        check.equal(f"{told}: {where}", rows(mine, stable, where), rows(mine, stable, where, use_index=False))
        counted = check.json("count", ours, "--where", where)["rows"]
        check.equal(f"{told}: our count of {where}", counted, len(rows(mine, stable, where)))
    check.run("verify", ours, "--all-versions", "--deep")
    check.run("verify", theirs, "--all-versions", "--deep")
    # The library goes on with ours, we with its.
    lance.write_dataset(batch(500, 3), ours, mode="append")
    lance.dataset(ours).delete("id = 501")
    lance.dataset(ours).optimize.optimize_indices()
    lance.dataset(ours).optimize.compact_files(target_rows_per_fragment=1000)
    lance.dataset(ours).validate()
    check.equal(
        f"{told}: carried on",
        sorted(row[0] for row in rows(lance.dataset(ours), stable)),
        sorted([row[0] for row in before] + [500, 502]),
    )
    check.run("compact", theirs, "--target-rows", 1000, "--threshold", 0)
    lance.dataset(theirs).validate()
    check.equal(f"{told}: compacted again", in_order(rows(lance.dataset(theirs), stable)), before)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def stats_of(stats):
    names = ("old_versions", "data_files_removed", "deletion_files_removed", "index_files_removed")
    return [stats[name] if isinstance(stats, dict) else getattr(stats, name) for name in names] + [
        stats["bytes_removed"] if isinstance(stats, dict) else stats.bytes_removed
    ]


def cleanup(check, name, stable):
    dice = check.random
    source = check.folder / name
    dataset = history(check, source, stable, "2.1", True)
    dataset.optimize.compact_files(materialize_deletions_threshold=0.0)
    lance.write_dataset(batch(800, 4), source, mode="append")
    dataset = lance.dataset(source)
    tagged = dice.randrange(2) == 0
    if tagged:
        dataset.tags.create("kept", dice.randint(1, dataset.version - 1))
    has_branch = dice.randrange(2) == 0
    if has_branch:
        dataset.create_branch("side", dice.randint(2, dataset.version - 1))
    unverified = dice.randrange(2) == 0
    if dice.randrange(2) == 0:
        (source / "data" / "abandoned.lance").write_bytes(b"x" * 100)
        (source / "_transactions" / "1-abandoned.txn").write_bytes(b"x")
    retain = dice.choice([None, 1, 3, 100])
    theirs = check.copy(source, f"{name}-theirs")
    ours = check.copy(source, f"{name}-ours")
    words = ["--keep-tagged"] + (["--delete-unverified"] if unverified else [])
    if retain is None:
        stats = lance.dataset(theirs).cleanup_old_versions(
            datetime.timedelta(0), delete_unverified=unverified, error_if_tagged_old_versions=False
        )
        words += ["--older-than", "0s"]
    else:
        stats = lance.dataset(theirs).cleanup_old_versions(
            retain_versions=retain, delete_unverified=unverified, error_if_tagged_old_versions=False
        )
        words += ["--retain", retain]
    told = f"cleanup {name} {words} tagged={tagged}"
    plan = check.json("cleanup", ours, *words, "--dry-run")
    removed = check.json("cleanup", ours, *words, "--yes")
    # The branch names its files below the root that was copied. The library holds that for another
    # data set, we keep them.
    if IS_OUR_RELEASE and not has_branch:
        check.equal(f"{told}: files", files(ours), files(theirs))
        check.equal(f"{told}: statistics", stats_of(removed), stats_of(stats))
    else:
        check.equal(f"{told}: files that only we removed", sorted(set(files(theirs)) - set(files(ours))), [])
    check.equal(f"{told}: plan", stats_of(plan), stats_of(removed))
    lance.dataset(ours).validate()
    check.equal(f"{told}: rows", rows(lance.dataset(ours), stable), rows(dataset, stable))
    check.run("verify", ours, "--all-versions")


def other_commands(check):
    """Restore, tags, branches, clones, copies, configuration: the library reads what we made."""
    for stable in (False, True):
        uri = check.folder / f"commands{stable}"
        dataset = history(check, uri, stable, "2.1", True)
        first = rows(dataset.checkout_version(1), stable)
        check.run("restore", uri, "--to-version", 1)
        restored = lance.dataset(uri)
        restored.validate()
        check.equal("restore", rows(restored, stable), first)
        check.run("tag", "create", uri, "one", "--version", 1)
        check.run("tag", "update", uri, "one", "--version", 2)
        check.equal("tag", lance.dataset(uri, version="one").version, 2)
        check.run("branch", "create", uri, "dev", "--version", 2)
        branch = lance.dataset(uri).checkout_version(("dev", None))
        check.equal("branch", rows(branch, stable), rows(lance.dataset(uri, version=2), stable))
        check.run("compact", uri, "--branch", "dev", "--threshold", 0)
        lance.dataset(uri).checkout_version(("dev", None)).validate()
        check.run("config", uri, "--set", "a=1", "--set", "b=2")
        check.run("config", uri, "--unset", "a")
        check.equal("config", lance.dataset(uri).config(), {"b": "2"})
        check.run("config", uri, "--of", "schema", "--set", "k=v")
        check.equal("schema metadata", lance.dataset(uri).schema.metadata, {b"k": b"v"})
        latest = rows(lance.dataset(uri), stable)
        clone = check.folder / f"clone{stable}"
        shutil.rmtree(clone, ignore_errors=True)
        check.run("clone", uri, clone)
        lance.dataset(clone).validate()
        check.equal("clone", rows(lance.dataset(clone), stable), latest)
        copy = check.folder / f"copy{stable}"
        shutil.rmtree(copy, ignore_errors=True)
        check.run("copy", clone, copy)
        lance.dataset(copy).validate()
        check.equal("copy", rows(lance.dataset(copy), stable), latest)
        lance.write_dataset(batch(900, 3), clone, mode="append")
        report = check.json("copy", clone, copy)
        check.equal("files of the second copy", report["files_copied"], 1)
        check.equal("second copy", rows(lance.dataset(copy), stable), rows(lance.dataset(clone), stable))
        shutil.rmtree(uri)
        lance.dataset(copy).validate()


def old_names(check):
    """Manifests with the names of before: read, and appended to under the same names."""
    uri = check.folder / "v1"
    shutil.rmtree(uri, ignore_errors=True)
    lance.write_dataset(batch(0, 10), uri, enable_v2_manifest_paths=False)
    rows_file = check.folder / "rows.jsonl"
    rows_file.write_text(check.run("dump", uri))
    check.run("write", uri, "--mode", "append", "--input", rows_file)
    check.run("compact", uri)
    names = sorted(path.name for path in (uri / "_versions").iterdir() if path.name.endswith("manifest"))
    check.equal("names", names, ["1.manifest", "2.manifest", "3.manifest", "4.manifest"])
    lance.dataset(uri).validate()
    check.equal("rows", rows(lance.dataset(uri), False), rows(lance.dataset(uri, version=1), False) * 2)


def blobs(check):
    """Blob columns: compaction by us keeps the contents, as the library reads them."""
    uri = check.folder / "blobs2"
    shutil.rmtree(uri, ignore_errors=True)
    outside = check.folder / "outside.bin"
    outside.write_bytes(b"0123456789")
    for first in (0, 4):
        values = [b"y" * 5000000, b"z" * 70000, bytes([first]) * 9, outside.as_uri()]
        table = pa.table(
            {"id": list(range(first, first + 4)), "b": lance.blob_array(values)},
            schema=pa.schema([pa.field("id", pa.int64()), lance.blob_field("b")]),
        )
        lance.write_dataset(
            table,
            uri,
            mode="append" if first else "create",
            data_storage_version="2.2",
            allow_external_blob_outside_bases=True,
        )
    contents = blob_contents(lance.dataset(uri))
    check.run("compact", uri)
    lance.dataset(uri).validate()
    check.equal("blobs of version 2", blob_contents(lance.dataset(uri)), contents)
    check.run("cleanup", uri, "--retain", 1, "--delete-unverified", "--yes")
    check.equal("blobs after cleanup", blob_contents(lance.dataset(uri)), contents)


def blob_contents(dataset):
    count = dataset.count_rows()
    found = []
    for index in range(count):
        taken = dataset.take_blobs("b", indices=[index])
        found.append([blob.readall() for blob in taken if blob is not None])
    return found


def main():
    tool, folder, seed = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    check = Check(tool, folder, seed)
    for number in range(8):
        stable = number % 2 == 0
        compaction(check, f"c{number}", stable, ["2.0", "2.1", "2.2"][number % 3], index=number % 4 < 3)
    for number in range(6):
        cleanup(check, f"k{number}", stable=number % 2 == 0)
    other_commands(check)
    old_names(check)
    blobs(check)
    print(f"{lance.__version__}: {check.checks} comparisons, {check.failures} failures, seed {seed}")
    return 1 if check.failures else 0


if __name__ == "__main__":
    sys.exit(main())
