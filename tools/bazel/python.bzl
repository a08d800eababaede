"""Tests written in Python, with the standard library only unless the test says otherwise."""

def og_py_test(name, main, data = [], **kwargs):
    """A unittest module as a test whose cases count one by one in the test log.

    Args:
      name: ends in _test
      main: the module with the unittest cases
      data: modules that it imports (by path from the root of the tree) and files that it reads
      **kwargs: passed on to sh_test
    """
    native.sh_test(
        name = name,
        srcs = ["//tools/bazel:run_python_test.sh"],
        args = ["$(rootpath %s)" % main] + kwargs.pop("args", []),
        data = data + [main, "//tools/bazel:run_python_test.py"],
        **kwargs
    )
