"""Requests of operations on datasets, as an S3 server logs them: liblance.so and the real Lance library.

usage: request_counts.py LIBRARY S3_PYTHON

Both sides do the same to datasets of the same shape: three fragments of 1,000 rows, made by the Lance
library. Prints the tables of README.md: the requests by method, and the bytes of their bodies; then the same
on a dataset of ten versions and on one of a thousand.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile

import pyarrow as pa
import pyarrow.fs

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
from tests.support import liblance  # noqa: E402

SIDES = ("ours", "peer")
BUCKET = "test-bucket"
FRAGMENTS = 3
ROWS_A_FRAGMENT = 1_000
HISTORIES = (10, 1_000)  # versions


def rows_of(first, count, factor=1):
    keys = list(range(first, first + count))
    return pa.table({"id": pa.array(keys, pa.int64()), "value": [key * factor % 97 for key in keys],
                     "name": [f"name {key}" for key in keys]})


class Server:
    """moto, whose requests can be counted."""

    def __init__(self, python, folder):
        self.log_path = os.path.join(folder, "requests.log")
        script = os.path.join(ROOT, "tests/support/s3_server.py")
        self.process = subprocess.Popen([python, script, "--log", self.log_path, BUCKET], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        _, self.port = self.process.stdout.readline().split()
        self.log = open(self.log_path, encoding="utf-8")

    def close(self):
        self.log.close()
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def requests(self):
        """Those since the last call."""
        return [json.loads(line) for line in self.log]


def kind_of(request):
    """GET, LIST, HEAD, PUT, DELETE, ..."""
    is_list = request["method"] == "GET" and "list-type" in request["query"]
    return "LIST" if is_list else request["method"]


def summary_of(requests):
    kinds = {}
    for request in requests:
        kinds[kind_of(request)] = kinds.get(kind_of(request), 0) + 1
    return {"requests": len(requests), "kinds": dict(sorted(kinds.items())),
            "bytes": sum(request["received"] + request["sent"] for request in requests)}


class Operations:
    """Every operation: what is prepared, and, by side, what is counted."""

    def __init__(self, library):
        import lance

        self.lance = lance
        self.library = library
        self.number = 0

    def dataset(self, indexed=False):
        """The URI of a new dataset."""
        self.number += 1
        uri = f"s3://{BUCKET}/{self.number}.lance"
        for number in range(FRAGMENTS):
            rows = rows_of(number * ROWS_A_FRAGMENT, ROWS_A_FRAGMENT)
            self.lance.write_dataset(rows, uri, mode="append" if number else "create")
        if indexed:
            self.lance.dataset(uri).create_scalar_index("id", "BTREE")
        return uri

    def open(self, side, uri):
        return self.library.open(uri) if side == "ours" else self.lance.dataset(uri)

    def all(self):
        """(name, prepare): prepare(side) returns what is counted."""
        return [
            ("open", self.opened),
            ("count of all rows", self.handled(lambda d: d.count_rows(), lambda d: d.count_rows())),
            ("scan", self.handled(lambda d: d.scan(), lambda d: d.to_table())),
            ("scan with a filter", self.handled(lambda d: d.scan(filter="value < 3"),
                                                lambda d: d.to_table(filter="value < 3"))),
            ("take of a row of each fragment", self.handled(lambda d: d.take([5, 1500, 2900]),
                                                            lambda d: d.take([5, 1500, 2900]))),
            ("create", self.created),
            ("append", self.appended),
            ("delete", self.handled(lambda d: d.delete("id < 10"), lambda d: d.delete("id < 10"))),
            ("update", self.handled(lambda d: d.update({"value": "0"}, "id < 10"),
                                    lambda d: d.update({"value": "0"}, "id < 10"))),
            ("merge-insert", self.merged),
            ("compaction", self.handled(lambda d: d.compact(), lambda d: d.optimize.compact_files())),
            ("BTREE", self.handled(lambda d: d.create_index("id"), lambda d: d.create_scalar_index("id", "BTREE"))),
            ("look-up by BTREE, cold", self.handled(lambda d: d.scan(filter="id = 1234"),
                                                    lambda d: d.to_table(filter="id = 1234"), indexed=True)),
            ("look-up by BTREE, warm", self.warm),
        ]

    def handled(self, ours, peer, indexed=False):
        """An operation on a handle that was just opened."""

        def prepare(side):
            dataset = self.open(side, self.dataset(indexed))
            return lambda: (ours if side == "ours" else peer)(dataset)

        return prepare

    def opened(self, side):
        uri = self.dataset()
        return lambda: self.open(side, uri)

    def created(self, side):
        uri = f"s3://{BUCKET}/{side}-created.lance"
        rows = rows_of(0, ROWS_A_FRAGMENT)
        if side == "ours":
            return lambda: self.library.write(uri, rows)
        return lambda: self.lance.write_dataset(rows, uri)

    def appended(self, side):
        return self.append_to(side, self.dataset())

    def append_to(self, side, uri):
        rows = rows_of(FRAGMENTS * ROWS_A_FRAGMENT, 1)
        if side == "ours":
            return lambda: self.library.write(uri, rows, "append")
        return lambda: self.lance.write_dataset(rows, uri, mode="append")

    def merged(self, side):
        dataset = self.open(side, self.dataset())
        rows = rows_of(FRAGMENTS * ROWS_A_FRAGMENT - 50, 100, 2)
        if side == "ours":
            return lambda: dataset.merge_insert(["id"], rows, when_matched="update_all")
        return lambda: dataset.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(rows)

    def warm(self, side):
        dataset = self.open(side, self.dataset(indexed=True))
        read = dataset.scan if side == "ours" else dataset.to_table
        read(filter="id = 1234")
        return lambda: read(filter="id = 1235")


class Histories:
    """Datasets that differ in the number of their versions only, made here and then uploaded; the sides work on
    one after the other."""

    def __init__(self, operations, server, folder):
        self.operations = operations
        self.uris = {versions: self.uploaded(versions, server, folder) for versions in HISTORIES}

    def uploaded(self, versions, server, folder):
        path = os.path.join(folder, f"{versions}.lance")
        library = self.operations.library
        for number in range(FRAGMENTS):
            library.write(path, rows_of(number * ROWS_A_FRAGMENT, ROWS_A_FRAGMENT), "append" if number else "create")
        dataset = library.open(path)
        while dataset.version < versions:
            dataset.delete("id < 0")
        store = pa.fs.S3FileSystem(access_key="test", secret_key="test", region="us-east-1", scheme="http",
                                   endpoint_override=f"127.0.0.1:{server.port}")
        for name in ("data", "_versions"):
            pa.fs.copy_files(os.path.join(path, name), f"{BUCKET}/long/{versions}.lance/{name}",
                             destination_filesystem=store)
        return f"s3://{BUCKET}/long/{versions}.lance"

    def all(self):
        """(name, prepare): prepare(side, versions) returns what is counted."""

        def opened(side, versions):
            return lambda: self.operations.open(side, self.uris[versions])

        def appended(side, versions):
            return self.operations.append_to(side, self.uris[versions])

        def deleted(side, versions):
            dataset = self.operations.open(side, self.uris[versions])
            return lambda: dataset.delete(f"id = {SIDES.index(side)}")

        return [("open", opened), ("append", appended), ("delete", deleted)]


@contextlib.contextmanager
def server_of(python):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(python, folder)
        os.environ.update({"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}", "AWS_ACCESS_KEY_ID": "test",
                           "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"})
        os.environ["AWS_ENDPOINT"] = os.environ["AWS_ENDPOINT_URL"]
        try:
            yield server
        finally:
            server.close()


def counted(server, run):
    server.requests()
    run()
    return summary_of(server.requests())


def count(library, server):
    """(operation, summary of ours, summary of the peer), one after the other."""
    operations = Operations(liblance.Library(library))
    for name, prepare in operations.all():
        yield (name, *[counted(server, prepare(side)) for side in SIDES])


def count_by_history(library, server):
    """(operation, summaries of ours, summaries of the peer), each by HISTORIES."""
    with tempfile.TemporaryDirectory() as folder:
        histories = Histories(Operations(liblance.Library(library)), server, folder)
        for name, prepare in histories.all():
            yield (name, *[[counted(server, prepare(side, versions)) for versions in HISTORIES] for side in SIDES])


def describe(summary):
    kinds = ", ".join(f"{number} {kind}" for kind, number in summary["kinds"].items())
    return f"{summary['requests']}: {kinds}" if kinds else "0"


def main():
    library, python = sys.argv[1:]
    with server_of(python) as server:
        print("| operation | ours | peer | ours, bytes | peer, bytes |")
        print("|---|---|---|---|---|")
        for name, ours, peer in count(library, server):
            print(f"| {name} | {describe(ours)} | {describe(peer)} | {ours['bytes']:,} | {peer['bytes']:,} |", flush=True)
        print()
        sides = [f"{side}, {versions:,} versions" for side in SIDES for versions in HISTORIES]
        print(f"| requests; bytes | {' | '.join(sides)} |")
        print("|---" * (1 + len(sides)) + "|")
        for name, ours, peer in count_by_history(library, server):
            cells = [f"{summary['requests']}; {summary['bytes']:,}" for summary in ours + peer]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
