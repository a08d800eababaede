"""Counts the test cases of one `bazel test` run and prints `N passed, N failed` as its last line.

Reads the build events of the run (--build_event_json_file), so that logs of earlier runs do not
count. A target counts the cases of its test.xml: GoogleTest and the script tests write one entry a
case. Failures: a failed case; a target that did not build, crashed or timed out; a target that ran
no case at all.
"""

import argparse
import json
import os
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections import namedtuple

Counts = namedtuple("Counts", "passed failed skipped")


def count_cases(xml_text):
    """The cases of one test log. Cases that a filter or DISABLED_ left out do not count."""
    passed = failed = skipped = 0
    for case in ElementTree.fromstring(xml_text).iter("testcase"):
        if case.get("status") == "notrun":
            continue
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.get("result") == "skipped" or case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return Counts(passed, failed, skipped)


class Target:
    """What the events say of one test target: every shard's log and status, or a build failure."""

    def __init__(self):
        self.logs = []
        self.statuses = []
        self.built = True

    def passed(self):
        return self.built and all(status in ("PASSED", "FLAKY") for status in self.statuses)


def path_of(uri):
    return urllib.parse.unquote(urllib.parse.urlparse(uri).path)


def read_targets(lines):
    """Test targets by label, in the order of the run."""
    targets = {}
    broken = []
    for line in lines:
        event = json.loads(line)
        identity = event.get("id", {})
        if "testResult" in identity:
            target = targets.setdefault(identity["testResult"]["label"], Target())
            result = event.get("testResult", {})
            target.statuses.append(result.get("status", "NO_STATUS"))
            target.logs += [
                path_of(output["uri"])
                for output in result.get("testActionOutput", [])
                if output["name"] == "test.xml" and "uri" in output
            ]
        elif "targetCompleted" in identity:
            if not event.get("completed", {}).get("success", False):
                broken.append(identity["targetCompleted"]["label"])
    for label in broken:
        targets.setdefault(label, Target()).built = False
    return targets


def count_target(target, narrowed, read):
    """Counts one target; `read` returns the text of a log, or None."""
    total = Counts(0, 0, 0)
    for log in target.logs:
        text = read(log)
        if text:
            total = Counts(*(a + b for a, b in zip(total, count_cases(text))))
    ran_nothing = total.passed + total.failed + total.skipped == 0
    if total.failed == 0 and (not target.passed() or (ran_nothing and not narrowed)):
        total = total._replace(failed=1)
    return total


def read_log(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def summarize(lines, bazel_exit, narrowed=False, read=read_log):
    """Returns (Counts, labels of the targets with failures)."""
    total = Counts(0, 0, 0)
    bad = []
    for label, target in read_targets(lines).items():
        counts = count_target(target, narrowed, read)
        if counts.failed:
            bad.append(label)
        total = Counts(*(a + b for a, b in zip(total, counts)))
    nothing_ran = total.passed + total.failed == 0
    if total.failed == 0 and (bazel_exit != 0 or nothing_ran):
        total = total._replace(failed=1)
    return total, bad


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events")
    parser.add_argument("--bazel-exit", type=int, required=True)
    parser.add_argument("--narrowed", action="store_true", help="a filter leaves out whole suites")
    arguments = parser.parse_args()
    lines = []
    if os.path.exists(arguments.events):
        with open(arguments.events, encoding="utf-8") as file:
            lines = file.readlines()
    counts, bad = summarize(lines, arguments.bazel_exit, arguments.narrowed)
    for label in bad:
        print("failed:", label)
    if counts.skipped:
        print(counts.skipped, "skipped")
    print(f"{counts.passed} passed, {counts.failed} failed")
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
