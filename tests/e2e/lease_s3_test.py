"""Writers that die or stop on an S3 server: real processes, real signals, real time.

Nothing there locks. A writer that is killed in the middle is recovered by the next writer of its branch,
but not before its lease is over; one that is only stopped is left alone as long as its lease lasts, and
loses what it had begun, or finds it finished, when it stops for longer. The cases run side by side, for
each waits half a minute for a lease.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
import urllib.request

OMNIGRAPH = "cli/omnigraph"
BUCKET = "test-bucket"
SCHEMA = "node Team { slug: String @key }\nnode Person { name: String @key }\n"
# writer_lease.h: a lease, and the margin after which its holder counts as dead.
LEASE_S = 20
OVER_S = LEASE_S + 10


class Case:
    """One graph, and what is done to it in a thread of its own."""

    def __init__(self, test, name):
        self.test = test
        self.name = name
        self.graph = f"s3://{BUCKET}/{name}"

    def expect(self, *words, **variables):
        done = subprocess.run([OMNIGRAPH, *words], capture_output=True, text=True, check=False,
                              env={**self.test.environment, **variables})
        if done.returncode != 0:
            raise AssertionError(f"{self.name}: {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def make(self):
        self.expect("init", "--schema", self.test.schema, self.graph)
        self.expect("branch", "create", "b", "--uri", self.graph, "--quiet")

    def load_words(self, name, branch="main"):
        path = os.path.join(self.test.folder, f"{self.name}-{name}.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps({"type": "Team", "data": {"slug": name}}) + "\n")
            file.write(json.dumps({"type": "Person", "data": {"name": name}}) + "\n")
        return ["load", self.graph, "--data", path, "--mode", "append", "--branch", branch, "--quiet"]

    def start(self, name, **variables):
        return subprocess.Popen([OMNIGRAPH, *self.load_words(name)], text=True, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, env={**self.test.environment, **variables})

    def objects(self, folder):
        query = urllib.parse.urlencode({"list-type": 2, "prefix": f"{self.name}/{folder}/"})
        with urllib.request.urlopen(f"{self.test.endpoint}/{BUCKET}?{query}") as answer:
            return re.findall("<Key>([^<]*)</Key>", answer.read().decode())

    def names(self, branch="main"):
        """Those that are there as a team and as a person; they have to be the same."""
        rows = [json.loads(line) for line in self.expect("export", self.graph, "--branch", branch).splitlines()]
        teams = sorted(row["data"]["slug"] for row in rows if row["type"] == "Team")
        people = sorted(row["data"]["name"] for row in rows if row["type"] == "Person")
        if teams != people:
            raise AssertionError(f"{self.name}: half a load: {teams}, {people}")
        return teams

    def num_recoveries(self):
        commits = json.loads(self.expect("commit", "list", self.graph, "--json"))["commits"]
        return sum(commit.get("actor_id") == "omnigraph:recovery" for commit in commits)

    def equal(self, wanted, found):
        if wanted != found:
            raise AssertionError(f"{self.name}: {found!r} instead of {wanted!r}")

    def ends_well(self, process):
        errors = process.communicate()[1]
        if process.returncode != 0:
            raise AssertionError(f"{self.name}: {errors}")

    def stop_in_the_middle(self):
        """A load that is stopped while its record is pending, and its name."""
        for turn in range(20):
            name = f"stopped{turn}"
            process = self.start(name)
            while process.poll() is None and not self.objects("__recovery"):
                pass
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.2)  # the server may still have a request of it
            if process.poll() is None and self.objects("__recovery") and name not in self.names():
                return process, name
            process.send_signal(signal.SIGCONT)
            self.ends_well(process)
        raise AssertionError(f"{self.name}: no load could be stopped in the middle")

    def settled(self):
        self.equal([], self.objects("__recovery"))
        self.equal([], self.objects("__leases"))
        self.expect("verify", self.graph, "--deep", "--all")


def killed_writer(case, point, is_finished):
    began = time.monotonic()
    process = case.start("killed", OMNIGRAPH_CRASH_POINT=point)
    process.communicate()
    case.equal(-signal.SIGKILL, process.returncode)
    died = time.monotonic()
    # Readers and writers of another branch do not wait, and leave it alone.
    case.equal([], case.names())
    case.expect(*case.load_words("beside", branch="b"))
    case.equal(["beside"], case.names("b"))
    case.equal(1, len(case.objects("__recovery")))
    if time.monotonic() - died > LEASE_S:
        raise AssertionError(f"{case.name}: too slow to tell")
    case.expect(*case.load_words("next"))
    waited = time.monotonic()
    if waited - began < OVER_S:
        raise AssertionError(f"{case.name}: recovered a writer {waited - began:.1f} s after it began")
    case.equal(["killed", "next"] if is_finished else ["next"], case.names())
    case.equal(0 if is_finished else 1, case.num_recoveries())
    case.settled()


def confirmed_and_killed(case):
    killed_writer(case, "mutation.post_finalize_pre_publisher", is_finished=True)


def half_way_and_killed(case):
    killed_writer(case, "mutation.post_table_commit:1", is_finished=False)


def stopped_for_a_while(case):
    process, name = case.stop_in_the_middle()
    before = [own for own in case.names() if own != name]
    other = case.start("other")
    time.sleep(LEASE_S / 4)
    case.equal(None, other.poll())  # waits, and recovers nobody
    case.equal(1, len(case.objects("__recovery")))
    process.send_signal(signal.SIGCONT)
    case.ends_well(process)
    case.ends_well(other)
    case.equal(sorted([*before, name, "other"]), case.names())
    case.equal(0, case.num_recoveries())
    case.settled()


def stopped_for_too_long(case):
    process, name = case.stop_in_the_middle()
    before = case.names()
    case.expect(*case.load_words("other"))
    now = case.names()
    if sorted([*before, "other"]) != now and sorted([*before, name, "other"]) != now:
        raise AssertionError(f"{case.name}: {now}")
    process.send_signal(signal.SIGCONT)
    case.ends_well(process)
    case.equal(sorted([*before, name, "other"]), case.names())
    case.settled()


class LeaseTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        python = os.environ.get("OG_S3_PYTHON")
        if not python:
            raise AssertionError("this test needs an S3 server; run it with ./dev test")
        cls.server = subprocess.Popen([python, "tests/support/s3_server.py", BUCKET],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        word, port = cls.server.stdout.readline().split()
        assert word == "ready"
        cls.endpoint = f"http://127.0.0.1:{port}"
        cls.environment = {
            "PATH": "/usr/bin:/bin", "AWS_ENDPOINT_URL": cls.endpoint,
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
        }
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = cls.holder.name
        cls.schema = os.path.join(cls.folder, "teams.pg")
        with open(cls.schema, "w", encoding="utf-8") as file:
            file.write(SCHEMA)

    @classmethod
    def tearDownClass(cls):
        cls.server.stdin.close()
        cls.server.wait()
        cls.holder.cleanup()

    def test_who_is_recovered_and_when(self):
        errors = []

        def run(case, act):
            try:
                case.make()
                act(case)
            except Exception as error:  # told by the test's own thread
                errors.append(f"{case.name}: {error}")

        acts = (confirmed_and_killed, half_way_and_killed, stopped_for_a_while, stopped_for_too_long)
        threads = [threading.Thread(target=run, args=(Case(self, act.__name__), act)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertFalse(errors, "\n".join(errors))


if __name__ == "__main__":
    unittest.main()
