"""Fuzz targets that are also ordinary tests."""

def og_fuzz_test(name, srcs, deps = [], corpus = None, **kwargs):
    """A fuzz target: one source with LLVMFuzzerTestOneInput.

    Under --config=fuzz (clang) the target is a libFuzzer program, see `./dev fuzz`. Otherwise the
    same source links a replay main, which runs it over the corpus, over a few built-in inputs and
    over seeded mutations of both, and reports to the test log like any other test.

    Args:
      name: ends in _fuzz
      srcs: the source with LLVMFuzzerTestOneInput, and headers of its own
      deps: what it fuzzes
      corpus: name of a folder of tests/fuzz with seed inputs; None if there is none
      **kwargs: passed on to cc_test
    """
    if not name.endswith("_fuzz"):
        fail("the name of a fuzz target ends in _fuzz: " + name)
    native.cc_test(
        name = name,
        srcs = srcs,
        args = ["tests/fuzz/" + corpus] if corpus else [],
        data = ["//tests/fuzz:" + corpus] if corpus else [],
        linkopts = select({
            "//tools/bazel:libfuzzer": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        tags = kwargs.pop("tags", []) + ["fuzz"],
        deps = deps + select({
            "//tools/bazel:libfuzzer": [],
            "//conditions:default": ["//tests/support:fuzz_replay_main"],
        }),
        **kwargs
    )
