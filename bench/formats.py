"""The `format` case of run.py: data files against the real library, memcpy and pread."""

import concurrent.futures
import json
import mmap
import os
import random
import subprocess
import time
from collections import defaultdict

from measure import Series, alternate, run_process

SHAPES = ["vectors", "labels", "integers", "text", "nested"]
FIXED_WIDTH = ["vectors", "integers"]
TAKE_ROWS = 1_000
SEED = 1
READ_BYTES = 1 << 20
ONE_CORE = ["/usr/bin/taskset", "-c", "0"]


class PlainReads:
    """Reads files with pread into one warm buffer a thread: what the page cache gives at most."""

    def __init__(self, table, threads):
        data = os.path.join(table, "data")
        self.files = [os.open(os.path.join(data, name), os.O_RDONLY) for name in sorted(os.listdir(data))]
        self.buffers = [mmap.mmap(-1, READ_BYTES) for _ in range(threads)]
        self.pool = concurrent.futures.ThreadPoolExecutor(threads)

    def read_part(self, number):
        done = 0
        for file in self.files:
            size = os.fstat(file).st_size
            for offset in range(number * READ_BYTES, size, READ_BYTES * len(self.buffers)):
                done += os.preadv(file, [self.buffers[number]], offset)
        return done

    def run(self):
        """(seconds, bytes)"""
        start = time.perf_counter()
        done = sum(self.pool.map(self.read_part, range(len(self.buffers))))
        return time.perf_counter() - start, done


class Table:
    """One shape: its files, and both sides of the work on it."""

    def __init__(self, bench, shape):
        self.bench = bench
        self.shape = shape
        self.path = bench.path(f"{shape}.lance")
        if not os.path.exists(self.path):
            bench.run_peer("lance_tables.py", "make", shape, self.path)

    def tool(self, words, prefix=()):
        """(seconds, rows) of the last of three passes of one lance-tool process."""
        full = [*prefix, self.bench.binary("cli/lance-tool"), *words, "--repeat", "3", "--json"]
        report = json.loads(run_process(full).output)
        return report["times_us"][-1] * 1e-6, report["rows"]

    def compare(self, title, ours, command, prefix=(), extra=()):
        """Alternates both sides; (seconds of ours, of the peer, bytes of the peer, runs of extra)."""
        peer = self.bench.peer(self.path, prefix)
        try:
            runs = alternate([ours, lambda: peer.ask_all(command), *extra],
                             self.bench.rounds, self.bench.arguments.warmups)
        finally:
            peer.close()
        if runs[0][0][1] != runs[1][0][1]:
            raise SystemExit(f"bench: {title}: the sides give different answers")
        return ([run[0] for run in runs[0]], [run[0] for run in runs[1]], runs[1][0][2], runs[2:])

    def scan(self, threads):
        prefix = ONE_CORE if threads == 1 else []
        reads = PlainReads(self.path, threads)
        title = f"scan, {self.shape}, {threads} thread{'s' if threads > 1 else ''}"
        words = ["scan", self.path, "--threads", str(threads)]
        ours, peer, size, (plain,) = self.compare(title, lambda: self.tool(words, prefix), "scan",
                                                  prefix, [reads.run])
        self.bench.report(title, "ms", [ours, peer], 1e3, 2)
        if self.shape in FIXED_WIDTH:
            plain_rate = median([done / seconds for seconds, done in plain])
            rate = size / median(ours)
            self.bench.note(f"{title}: {rate / 1e9:.1f} GB/s of Arrow data, "
                            f"{rate / plain_rate:.0%} of pread ({plain_rate / 1e9:.1f} GB/s)")

    def take(self):
        rows = json.loads(run_process([self.bench.binary("cli/lance-tool"), "count", self.path, "--json"]).output)
        chosen = sorted(random.Random(SEED).sample(range(rows["rows"]), TAKE_ROWS))
        positions = self.bench.path("positions")
        with open(positions, "w", encoding="ascii") as file:
            file.write("".join(f"{number}\n" for number in chosen))
        words = ["take", self.path, "--rows", ",".join(str(number) for number in chosen)]
        title = f"take of 1,000 rows, {self.shape}"
        ours, peer, _, _ = self.compare(title, lambda: self.tool(words), f"take {positions}")
        self.bench.report(title, "ms", [ours, peer], 1e3, 2)

    def memory(self):
        tool = self.bench.binary("cli/lance-tool")
        peer = [self.bench.arguments.peer_python, self.bench.peer_script("lance_tables.py")]
        floors = [run_process(words).peak_bytes for words in ([tool, "--help"], [*peer, "start"])]
        runs = alternate([lambda: run_process([tool, "scan", self.path]).peak_bytes,
                          lambda: run_process([*peer, "scan", self.path]).peak_bytes], 3, 0)
        beyond = [[max(peak - floor, 0) for peak in side] for side, floor in zip(runs, floors)]
        self.bench.report(f"scan, {self.shape}, memory", "MB", beyond, 1e-6)

    def write(self):
        sizes = {}

        def ours():
            words = [self.bench.binary("bench/storage/dataset_writer"), self.path, self.bench.path("ours"), "2"]
            report = json.loads(run_process(words, {"OMNIGRAPH_DURABILITY": "none"}).output)
            sizes["ours"] = report["file_bytes"]
            return report["times_us"][-1] * 1e-6, report["rows"]

        title = f"write, {self.shape}"
        mine, peer, peer_size, _ = self.compare(title, ours, f"write {self.bench.path('theirs')}")
        self.bench.report(title, "ms", [mine, peer], 1e3, 1)
        self.bench.note(f"{title}: files of {sizes['ours'] / 1e6:.1f} MB, {sizes['ours'] / peer_size:.3f} "
                        f"of the peer's")


def median(values):
    series = Series()
    for value in values:
        series.add(value)
    return series.median


def report_codecs(bench):
    """One line a codec: the least, the median and the greatest share of memcpy over its shapes."""
    output = subprocess.run([bench.binary("bench/format/codec/codec_ratio")], check=True,
                            stdout=subprocess.PIPE).stdout
    shapes = defaultdict(list)
    for line in output.splitlines():
        entry = json.loads(line)
        shapes[entry["codec"]].append((entry["memcpy_share"], entry["gb_per_s"], entry["shape"]))
    lines = ["", "| codec | shapes | least of memcpy | where | median | GB/s, median |", "|---|---|---|---|---|---|"]
    for codec, entries in shapes.items():
        least = min(entries)
        share = median([entry[0] for entry in entries])
        rate = median([entry[1] for entry in entries])
        lines.append(f"| {codec} | {len(entries)} | {least[0]:.0%} | {least[2]} | {share:.0%} | {rate:.1f} |")
    print("\n".join(lines), flush=True)


def run(bench, *parts):
    """All shapes and the codecs, or some of them: `format:vectors`, `format:codecs`."""
    for shape in SHAPES:
        if parts and shape not in parts:
            continue
        table = Table(bench, shape)
        table.scan(2)
        table.scan(1)
        table.take()
        table.memory()
        table.write()
    bench.print_notes()
    if not parts or "codecs" in parts:
        report_codecs(bench)
