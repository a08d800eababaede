"""Cuts a consistent sample out of `apt-cache dumpavail` (standard input) for machines without apt data.

usage: apt-cache dumpavail | make_sample.py [--packages N] | xz -9e > sample.txt.xz

Takes well-known packages and what they depend on, breadth first, until N packages are reached; fields
that the converter does not read are left out. The order is that of the input.
"""

import argparse
import re
import sys
from collections import deque

SEEDS = ["vim", "git", "python3", "bash", "curl", "openssh-server", "nginx", "postgresql", "gcc", "perl"]
FIELDS = ["Package", "Version", "Installed-Size", "Maintainer", "Architecture", "Depends", "Pre-Depends",
          "Recommends", "Suggests", "Description", "Section", "Size"]
KINDS = ["Depends", "Pre-Depends", "Recommends", "Suggests"]


def read_records(text):
    records = {}
    for block in text.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", block, re.MULTILINE))
        if "Package" in fields:
            records.setdefault(fields["Package"], fields)
    return records


def targets(record):
    for kind in KINDS:
        for alternative in re.split(r"[,|]", record.get(kind, "")):
            name = re.match(r"\s*([^\s:(\[<]*)", alternative).group(1)
            if name:
                yield name


def choose(records, limit):
    chosen = {name for name in SEEDS if name in records}
    waiting = deque(sorted(chosen))
    while waiting and len(chosen) < limit:
        for name in targets(records[waiting.popleft()]):
            if name in records and name not in chosen and len(chosen) < limit:
                chosen.add(name)
                waiting.append(name)
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=int, default=500)
    arguments = parser.parse_args()
    records = read_records(sys.stdin.read())
    chosen = choose(records, arguments.packages)
    for name, record in records.items():
        if name in chosen:
            print("\n".join(f"{field}: {record[field]}" for field in FIELDS if field in record))
            print()


if __name__ == "__main__":
    main()
