"""The shared library shows the functions of the header and nothing else; the header is C and C++."""

import os
import re
import subprocess
import tempfile
import unittest

HEADER = "engine/capi/lance/lance.h"
LIBRARY = "engine/capi/liblance.so"
ARCHIVE = "engine/capi/liblance.a"


def declared():
    with open(HEADER, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
    return set(re.findall(r"\b(lance_\w+)\s*\(", text))


def shown(*words):
    run = subprocess.run(["nm", *words], capture_output=True, text=True, check=True)
    lines = run.stdout.split("\n")
    return {line.split()[-1].split("@")[0] for line in lines if len(line.split()) == 3}


class SymbolsTest(unittest.TestCase):
    def test_shared_library(self):
        self.assertEqual(len(declared()), 66)
        # gold also shows what other libraries of the process may take from the standard library.
        ours = {name for name in shown("-D", "--defined-only", LIBRARY) if not name.startswith("_ZNSt")}
        self.assertEqual(ours, declared())

    def test_archive(self):
        self.assertLessEqual(declared(), shown("--defined-only", ARCHIVE))

    def compile(self, compiler, source, *words):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, source)
            with open(path, "w", encoding="utf-8") as file:
                file.write('#include "lance/lance.h"\n#include "lance/lance.h"\n'
                           "int main(void) { return lance_last_error_code() != LANCE_OK; }\n")
            flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Iengine/capi", "-c", path]
            run = subprocess.run([compiler, *words, *flags, "-o", os.path.join(folder, "out.o")],
                                 capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 0, run.stderr)

    def test_c(self):
        self.compile("gcc", "a.c", "-std=c99")
        self.compile("gcc", "a.c", "-std=c17")

    def test_cpp(self):
        self.compile("g++", "a.cc", "-std=c++98", "-Wno-long-long")
        self.compile("g++", "a.cc", "-std=c++20")

    def test_links_without_the_graph(self):
        for name in shown("--defined-only", "-C", ARCHIVE):
            self.assertNotIn("og::engine::graph", name)


if __name__ == "__main__":
    unittest.main()
