"""The count at the end of `./dev test`: what passed counts, and nothing that went wrong is lost."""

import json
import unittest

from tools.dev import test_summary

PASSING = "<testsuites><testsuite><testcase name='a'/><testcase name='b'/></testsuite></testsuites>"
FAILING = "<testsuites><testcase name='a'/><testcase name='b'><failure/></testcase></testsuites>"
SKIPPING = "<testsuites><testcase name='a' result='skipped'/><testcase name='b'/></testsuites>"
FILTERED = "<testsuites><testcase name='a' status='notrun'/></testsuites>"
EMPTY = "<testsuites tests='0'></testsuites>"


def result(label, status, log):
    output = [{"name": "test.log", "uri": "file:///l"}, {"name": "test.xml", "uri": "file:///" + log}]
    return json.dumps(
        {"id": {"testResult": {"label": label}}, "testResult": {"status": status, "testActionOutput": output}}
    )


def completed(label, success):
    return json.dumps({"id": {"targetCompleted": {"label": label}}, "completed": {"success": success}})


class SummaryTest(unittest.TestCase):
    def count(self, lines, logs, bazel_exit=0, narrowed=False):
        return test_summary.summarize(lines, bazel_exit, narrowed, read=lambda path: logs.get(path[1:]))

    def test_counts_the_cases_of_every_target(self):
        lines = [completed("//a:t", True), result("//a:t", "PASSED", "a"), result("//b:t", "PASSED", "b")]
        counts, bad = self.count(lines, {"a": PASSING, "b": PASSING})
        self.assertEqual(((4, 0, 0), []), (tuple(counts), bad))

    def test_counts_every_shard(self):
        lines = [result("//a:t", "PASSED", "1"), result("//a:t", "PASSED", "2")]
        self.assertEqual(4, self.count(lines, {"1": PASSING, "2": PASSING})[0].passed)

    def test_counts_failed_cases(self):
        counts, bad = self.count([result("//a:t", "FAILED", "a")], {"a": FAILING}, bazel_exit=3)
        self.assertEqual(((1, 1, 0), ["//a:t"]), (tuple(counts), bad))

    def test_skipped_cases_are_neither(self):
        self.assertEqual((1, 0, 1), tuple(self.count([result("//a:t", "PASSED", "a")], {"a": SKIPPING})[0]))

    def test_a_crash_after_passing_cases_is_a_failure(self):
        counts, bad = self.count([result("//a:t", "FAILED", "a")], {"a": PASSING}, bazel_exit=3)
        self.assertEqual(((2, 1, 0), ["//a:t"]), (tuple(counts), bad))

    def test_a_timeout_without_a_log_is_a_failure(self):
        self.assertEqual((0, 1, 0), tuple(self.count([result("//a:t", "TIMEOUT", "a")], {}, 3)[0]))

    def test_a_target_that_does_not_build_is_a_failure(self):
        lines = [result("//a:t", "PASSED", "a"), completed("//b:lib", False)]
        counts, bad = self.count(lines, {"a": PASSING}, bazel_exit=1)
        self.assertEqual(((2, 1, 0), ["//b:lib"]), (tuple(counts), bad))

    def test_a_suite_without_cases_is_a_failure(self):
        for log in (EMPTY, FILTERED):
            self.assertEqual((0, 1, 0), tuple(self.count([result("//a:t", "PASSED", "a")], {"a": log})[0]))

    def test_a_filter_may_leave_out_suites_but_not_everything(self):
        lines = [result("//a:t", "PASSED", "a"), result("//b:t", "PASSED", "b")]
        some = self.count(lines, {"a": PASSING, "b": FILTERED}, narrowed=True)
        self.assertEqual((2, 0, 0), tuple(some[0]))
        none = self.count(lines, {"a": FILTERED, "b": FILTERED}, narrowed=True)
        self.assertEqual((0, 1, 0), tuple(none[0]))

    def test_no_events_is_a_failure(self):
        self.assertEqual((0, 1, 0), tuple(self.count([], {}, bazel_exit=0)[0]))

    def test_an_error_of_bazel_alone_is_a_failure(self):
        counts, _ = self.count([result("//a:t", "PASSED", "a")], {"a": PASSING}, bazel_exit=8)
        self.assertEqual((2, 1, 0), tuple(counts))


if __name__ == "__main__":
    unittest.main()
