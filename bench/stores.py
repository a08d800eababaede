"""The `storage` case: loads on local files and on an S3 server, each beside a peer.

Local: fio (direct reads) and bare system calls. S3: curl against the same server, versitygw on the loopback.
Its parts are direct, cached, write, create, list and s3: `storage:cached` runs one.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import time

from measure import alternate

FIO_SECONDS = 3
FILE_BLOCKS = 256  # of 1 MiB
PASSES = 4  # of reading an object on S3
KEY, SECRET = "test-key", "test-secret"


class Outcome:
    """What one run of one side cost."""

    def __init__(self, rate, p50=None, p99=None, cpu=None, requests=None):
        self.rate = rate  # operations a second
        self.p50, self.p99 = p50, p99  # microseconds
        self.cpu = cpu  # microseconds of processor an operation
        self.requests = requests  # an operation


def ours(bench, what, uri, *options, environment=None):
    words = [bench.binary("bench/storage/storage_bench"), what, uri, *map(str, options)]
    output = subprocess.run(words, check=True, stdout=subprocess.PIPE,
                            env={**os.environ, **(environment or {})}).stdout
    report = json.loads(output)
    return Outcome(report["operations_per_s"], report["p50_us"], report["p99_us"],
                   report["cpu_us_per_operation"], report.get("requests_per_operation"))


def fio(path, *options):
    """Reads of `path` by fio; None if it refuses."""
    words = ["fio", "--name=peer", f"--filename={path}", "--thread", "--output-format=json",
             *options]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        return None
    job = json.loads(done.stdout)["jobs"][0]
    side = job["read"]
    seconds = side["runtime"] / 1e3
    cpu = (job["usr_cpu"] + job["sys_cpu"]) / 100 * job["job_runtime"] * 1e3 / side["total_ios"]
    percentiles = side["clat_ns"].get("percentile", {})
    return Outcome(side["total_ios"] / seconds, percentiles.get("50.000000", 0) / 1e3,
                   percentiles.get("99.000000", 0) / 1e3, cpu)


def curl(url, size, block, parallel, passes):
    """curl's own rate over ranges of one object, `parallel` at once."""
    words = ["curl", "-Z", "--parallel-immediate", "--parallel-max", str(parallel)]
    count = passes * size // block
    for number in range(count):
        start = number * block % size
        words += ["-s", "-S", "--fail", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{KEY}:{SECRET}",
                  "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
                  "-r", f"{start}-{start + block - 1}", "-o", "/dev/null", url]
        if number + 1 < count:
            words.append("--next")
    before = os.times()
    start = time.perf_counter()
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Outcome(count / seconds, cpu=cpu * 1e6 / count, requests=1)


class Server:
    """versitygw for the life of the case."""

    def __init__(self, bench):
        script = os.path.join(os.path.dirname(bench.peer_script("")), "../../tests/support/versity_server.py")
        words = [bench.arguments.s3_python, os.path.normpath(script), bench.arguments.versitygw,
                 bench.path("versity")]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = re.match(r"ready (\d+)", self.process.stdout.readline()).group(1)
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            "AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1", "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        }

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def median(outcomes, name):
    values = [getattr(outcome, name) for outcome in outcomes if getattr(outcome, name) is not None]
    return statistics.median(values) if values else None


def cell(value, digits):
    return "" if value is None else f"{value:,.{digits}f}"


def requests_cell(value):
    return cell(value, 2 if value is None or value >= 0.01 else 4)


def report(bench, title, sides):
    """Runs the sides in turn and prints their line; a peer that gives None was not run."""
    probes = [side() for side in sides]
    if probes[0] is None:
        print(f"| {title} | not run |" + " |" * 8, flush=True)
        return
    sides = [side for side, probe in zip(sides, probes) if probe is not None]
    series = alternate(sides, bench.rounds, bench.arguments.warmups)
    mine, peer = series[0], series[1] if len(series) > 1 else []
    rates = [median(side, "rate") for side in (mine, peer)]
    ratio = rates[0] / rates[1] if rates[1] else None
    cells = [cell(rates[0], 0), cell(rates[1], 0), cell(ratio, 2), cell(median(mine, "p50"), 1),
             cell(median(mine, "p99"), 1), cell(median(mine, "cpu"), 2), cell(median(peer, "cpu"), 2),
             requests_cell(median(mine, "requests"))]
    print("| " + " | ".join([title, *cells]) + " |", flush=True)


def direct_is_refused(path):
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
        return False
    except OSError:
        return True


class Local:
    """The lines over local files; each method is a part."""

    def __init__(self, bench):
        self.bench = bench
        self.path = bench.path("storage.dat")
        self.blocks = FILE_BLOCKS if not bench.arguments.quick else 32
        self.count = 200_000 if not bench.arguments.quick else 5_000
        self.written()

    def written(self, *words):
        target = self.path + ".bare" if words else self.path
        return ours(self.bench, "write-seq", target, "--block", 1 << 20, "--count", self.blocks, *words,
                    environment={"OMNIGRAPH_DURABILITY": "data"})

    def direct(self):
        refused = direct_is_refused(self.path)
        seconds = FIO_SECONDS if not self.bench.arguments.quick else 1

        def by_fio(pattern, block, depth):
            if shutil.which("fio") is None:
                return None
            return fio(self.path, "--ioengine=io_uring", "--direct=1", f"--bs={block}", f"--iodepth={depth}",
                       f"--rw={pattern}", f"--size={self.blocks}m", "--norandommap", "--time_based",
                       f"--runtime={seconds}")

        def by_us(what, block, depth, number):
            if refused:
                return None
            return ours(self.bench, what, self.path, "--direct", "--block", block, "--depth", depth,
                        "--count", number)

        # Both have 64 reads on the drive. Ours are waited for in order: behind a slow one others have to
        # queue, or the drive would run dry.
        report(self.bench, "local, 4 KiB random, direct, depth 64; fio",
               [lambda: by_us("read-rand", 4096, 512, self.count), lambda: by_fio("randread", "4k", 64)])
        report(self.bench, "local, 1 MiB sequential, direct, depth 16; fio",
               [lambda: by_us("read-seq", 1 << 20, 16, 8 * self.blocks), lambda: by_fio("read", "1m", 16)])

    def cached(self):
        for title, batch in (("local, 4 KiB random, cached; pread", 1), ("the same, 64 in a batch; pread", 64)):
            words = ["--block", 4096, "--count", 10 * self.count, "--batch", batch]
            report(self.bench, title, [lambda: ours(self.bench, "read-rand", self.path, *words),
                                       lambda: ours(self.bench, "read-rand", self.path, "--bare", *words)])

    def write(self):
        report(self.bench, "local, write 1 MiB blocks, synced; system calls",
               [self.written, lambda: self.written("--bare")])

    def create(self):
        for durability in ("none", "full"):
            number = self.count // 1000 if durability == "full" else self.count // 10

            def created(*words):
                folder = self.bench.path("storage.put")
                shutil.rmtree(folder, ignore_errors=True)
                os.makedirs(folder)
                os.sync()  # what the side before left to write
                return ours(self.bench, "put-if-absent", folder, "--block", 1000, "--count", number, *words,
                            environment={"OMNIGRAPH_DURABILITY": durability})

            report(self.bench, f"local, create objects, durability {durability}; system calls",
                   [created, lambda: created("--bare")])

    def list(self):
        folder = self.bench.path("storage.list")
        ours(self.bench, "list", folder, "--count", 10_000)
        report(self.bench, "local, list 10,000 objects with size and time; system calls",
               [lambda: ours(self.bench, "list", folder, "--count", 10_000),
                lambda: ours(self.bench, "list", folder, "--bare")])


def s3_lines(bench):
    if not (bench.arguments.s3_python and bench.arguments.versitygw):
        return
    server = Server(bench)
    try:
        blocks = 256 if not bench.arguments.quick else 16

        def on_server(what, name, *options, **variables):
            return ours(bench, what, f"s3://test-bucket/{name}", *options,
                        environment={**server.environment, **variables})

        def read_whole(block, parallel):
            # As many on the wire as curl has; more wait, because ours are taken in order.
            return on_server("read-seq", "object", "--block", block, "--depth", 2 * parallel, "--count",
                             PASSES * (blocks << 20) // block, OMNIGRAPH_S3_MAX_REQUESTS=str(parallel))

        report(bench, "S3, write an object of 1 MiB blocks",
               [lambda: on_server("write-seq", "object", "--block", 1 << 20, "--count", blocks)])
        url = f"{server.url}/test-bucket/object"
        for block in (4 << 20, 256 << 10):
            report(bench, f"S3, ranges of {block >> 10} KiB, 16 at once; curl",
                   [lambda: read_whole(block, 16), lambda: curl(url, blocks << 20, block, 16, PASSES)])
        report(bench, "S3, 4 KiB random, 64 at once",
               [lambda: on_server("read-rand", "object", "--depth", 64, "--count", 2000)])
        turn = [0]

        def created():
            turn[0] += 1
            return on_server("put-if-absent", f"put/{turn[0]}", "--block", 1000, "--count", 500, "--depth", 16)

        report(bench, "S3, create objects, 16 at once", [created])
        on_server("list", "list", "--count", 1500)
        report(bench, "S3, list 1,500 objects", [lambda: on_server("list", "list", "--count", 1500)])
    finally:
        server.close()


PARTS = ["direct", "cached", "write", "create", "list", "s3"]


def run(bench, *parts):
    print("\n| load; peer | ours per s | peer per s | ours / peer | ours p50, us | ours p99, us | CPU us per "
          "operation | of peer | requests per operation |")
    print("|---|---|---|---|---|---|---|---|---|")
    local = None
    for part in parts or PARTS:
        if part == "s3":
            s3_lines(bench)
        else:
            local = local or Local(bench)
            getattr(local, part)()
