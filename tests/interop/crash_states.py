"""Judges graphs whose writers died (write_crash_states.cc) with nothing but the real Lance library.

usage: crash_states.py FOLDER

Whatever the moment: every dataset that is there opens, on main and on each of its refs, `validate()`
passes and all rows can be read. Wherever there is a graph, before recovery as well as after it, every
branch's published tables are there with the rows that its manifest states.
"""

import json
import os
import sys
import urllib.parse

import lance

import read_graph

# Of the branches of `__manifest`, the one that a schema change holds while it runs.
SCHEMA_LOCK = "__schema_apply_lock__"


def has_manifest(path):
    versions = os.path.join(path, "_versions")
    return os.path.isdir(versions) and any(name.endswith(".manifest") for name in os.listdir(versions))


def datasets(graph):
    for name in ("", "nodes", "edges"):
        folder = os.path.join(graph, name)
        for child in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            path = os.path.join(folder, child)
            if os.path.isdir(path) and has_manifest(path):
                yield path


def refs(path):
    folder = os.path.join(path, "_refs", "branches")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [urllib.parse.unquote(name.removesuffix(".json")) for name in names if name.endswith(".json")]


def check_dataset(path):
    """The number of refs that were read."""
    every = [None] + refs(path)
    for ref in every:
        dataset = read_graph.open_ref(path, ref)
        dataset.validate()
        rows = dataset.to_table(with_row_id=True)
        if len(set(rows["_rowid"].to_pylist())) != rows.num_rows:
            sys.exit(f"{path} {ref}: row ids repeat")
        if rows.num_rows != dataset.count_rows():
            sys.exit(f"{path} {ref}: {rows.num_rows} rows, counted {dataset.count_rows()}")
    return len(every)


def check_graph(graph):
    num_refs = sum(check_dataset(path) for path in datasets(graph))
    manifest = os.path.join(graph, "__manifest")
    if has_manifest(manifest):
        for branch in [None] + [name for name in refs(manifest) if name != SCHEMA_LOCK]:
            for table in read_graph.published_tables(graph, branch):
                read_graph.open_table(table)
    return num_refs


def main():
    folder = sys.argv[1]
    num_graphs = num_refs = 0
    with open(os.path.join(folder, "states.jsonl"), encoding="utf-8") as states:
        for line in states:
            state = json.loads(line)
            # Where it was made: branches name their tables by absolute paths.
            place, graph = os.path.join(folder, state["folder"]), os.path.join(folder, "graph")
            os.rename(place, graph)
            try:
                num_refs += check_graph(graph)
            except BaseException:
                print(f"{state['folder']}, {state['after']}:", file=sys.stderr)
                raise
            os.rename(graph, place)
            num_graphs += 1
    print(f"lance {lance.__version__}: {num_graphs} graphs, {num_refs} datasets and refs validated")


if __name__ == "__main__":
    main()
