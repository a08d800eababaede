"""Runs the unittest cases of one module and writes them to Bazel's test log, one entry a case.

usage: run_python_test.py MODULE.py [ARGUMENT...]

The module finds the further arguments in sys.argv[1:] and imports others by their path from the
root of the tree. A module without cases fails.
"""

import importlib.util
import os
import sys
import traceback
import unittest
import xml.etree.ElementTree as ElementTree


class LoggingResult(unittest.TextTestResult):
    """Keeps (case, kind, text) of every case that ran; kind is None when it passed."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cases = []

    def addSuccess(self, test):
        super().addSuccess(test)
        self.cases.append((test, None, ""))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.cases.append((test, "skipped", reason))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.cases.append((test, "failure", "".join(traceback.format_exception(*err))))

    def addError(self, test, err):
        super().addError(test, err)
        self.cases.append((test, "error", "".join(traceback.format_exception(*err))))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.cases.append((subtest, "failure", "".join(traceback.format_exception(*err))))


def load(path):
    sys.path.insert(0, os.getcwd())
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location("__test__", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["__test__"] = module
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def write_log(cases, path):
    suite = ElementTree.Element("testsuite", name="python", tests=str(len(cases)))
    for test, kind, text in cases:
        entry = ElementTree.SubElement(suite, "testcase", name=test.id())
        if kind is not None:
            printable = "".join(c for c in text if c in "\n\t" or c >= " ")
            ElementTree.SubElement(entry, kind).text = printable
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.ElementTree(root).write(path, encoding="utf-8")


def main():
    path = sys.argv[1]
    sys.argv = sys.argv[1:]
    runner = unittest.TextTestRunner(verbosity=2, resultclass=LoggingResult)
    result = runner.run(load(path))
    if log := os.environ.get("XML_OUTPUT_FILE"):
        write_log(result.cases, log)
    if not result.cases:
        print("no test cases in", path)
    return 0 if result.wasSuccessful() and result.cases else 1


if __name__ == "__main__":
    sys.exit(main())
