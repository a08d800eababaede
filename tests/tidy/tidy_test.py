"""The tree keeps the rules of checks.py, and every check can fail.

The first half runs each check over this tree. The second half plants one violation at a time in a
small tree that is otherwise clean, and wants exactly that finding.
"""

import os
import tempfile
import unittest

from tests.tidy import checks
from tests.tidy.tree import Tree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

CLEAN = {
    "BUILD.bazel": '''
package_group(name = "above_cli", packages = ["//cli/...", "//tests/..."])
package_group(name = "above_io", packages = ["//io/..."], includes = [":above_cli"])
''',
    "docs/dev/architecture.md": '''
| room | what it is | sees |
|---|---|---|
| `io/base` | basics | |
| `io` | bytes | `io` |
| `cli` | programs | `io` |

[the room](../../io/base/README.md)
''',
    "io/base/README.md": "# io/base\n\n- `text.h`: text\n",
    "io/base/BUILD.bazel": '''
cc_library(name = "text", srcs = ["text.cc"], hdrs = ["text.h"], deps = ["//third_party:absl"])
''',
    "io/base/text.h": "#pragma once\n\nint Length();\n",
    "io/base/text.cc": '#include "io/base/text.h"\n\n#include "absl/status/status.h"\n\nint Length() {\n  return 1;\n}\n',
    "cli/README.md": "# cli\n",
    "cli/BUILD.bazel": '''
cc_binary(name = "tool", srcs = ["tool.cc", "tool.h"], deps = ["//io/base:text"])
''',
    "cli/tool.h": "#pragma once\n\nint Run();\n",
    "cli/tool.cc": '#include "cli/tool.h"\n\n#include "io/base/text.h"\n\nint Run() {\n  return Length();\n}\n',
}

with open(os.path.join(ROOT, ".clang-format"), encoding="utf-8") as style:
    CLEAN[".clang-format"] = style.read()


class TreeTest(unittest.TestCase):
    """This tree."""

    maxDiff = None


def add_tree_cases():
    tree = Tree(ROOT)

    def case_of(check):
        return lambda self: self.assertEqual([], list(check(tree)))

    for check in checks.CHECKS:
        setattr(TreeTest, "test_" + check.__name__, case_of(check))


class PlantedTest(unittest.TestCase):
    """Small trees with one violation each."""

    def findings(self, **changes):
        """All findings in the clean tree with some files changed; `/` is `__`, `.` is `_dot_`."""
        files = dict(CLEAN)
        files.update({path.replace("__", "/").replace("_dot_", "."): text for path, text in changes.items()})
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                if text is None:
                    continue
                full = os.path.join(folder, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(text)
            tree = Tree(folder)
            return [(check.__name__, finding) for check in checks.CHECKS for finding in check(tree)]

    def expect(self, check, part, **changes):
        found = self.findings(**changes)
        self.assertEqual([check.__name__], [name for name, _ in found], found)
        self.assertIn(part, found[0][1])

    def test_the_clean_tree_is_clean(self):
        self.assertEqual([], self.findings())

    def test_an_include_of_a_higher_room(self):
        text = CLEAN["io/base/text.cc"].replace("absl/status/status.h", "cli/tool.h")
        self.expect(checks.includes_follow_the_rooms, "io/base does not see cli/tool.h", io__base__text_dot_cc=text)

    def test_a_file_outside_all_rooms(self):
        found = self.findings(attic__a_dot_h="#pragma once\n")
        self.assertIn(("includes_follow_the_rooms", "attic/a.h:1: stands in no room of docs/dev/architecture.md"), found)

    def test_product_code_that_includes_test_code(self):
        found = self.findings(io__base__text_dot_h='#pragma once\n\n#include "tests/support/bytes.h"\n')
        self.assertIn("includes_follow_the_rooms", [name for name, _ in found])

    def test_a_package_group_that_lacks_a_room(self):
        text = CLEAN["BUILD.bazel"].replace(', includes = [":above_cli"]', "")
        self.expect(checks.package_groups_follow_the_rooms, "above_io: cli is missing", BUILD_dot_bazel=text)

    def test_a_package_group_that_opens_a_room_downwards(self):
        text = CLEAN["BUILD.bazel"].replace('"//tests/..."', '"//io/base/..."')
        self.expect(checks.package_groups_follow_the_rooms, "above_cli: io/base stands below", BUILD_dot_bazel=text)

    def test_a_package_group_without_a_room(self):
        text = CLEAN["BUILD.bazel"] + 'package_group(name = "above_sky", packages = [])\n'
        self.expect(checks.package_groups_follow_the_rooms, "above_sky: no such room", BUILD_dot_bazel=text)

    def test_a_folder_without_a_readme(self):
        self.expect(checks.every_folder_has_a_readme, "cli:1", cli__README_dot_md=None)

    def test_a_file_that_no_target_names(self):
        self.expect(checks.every_source_has_a_target, "cli/lost.h:1", cli__lost_dot_h="#pragma once\n")

    def test_an_include_without_a_dep(self):
        text = CLEAN["cli/BUILD.bazel"].replace('"//io/base:text"', "")
        self.expect(checks.includes_follow_the_deps, "//cli:tool needs //io/base:text", cli__BUILD_dot_bazel=text)

    def test_a_library_without_a_dep(self):
        text = CLEAN["io/base/BUILD.bazel"].replace("//third_party:absl", "//third_party:zstd")
        self.expect(checks.includes_follow_the_deps, "needs //third_party:absl", io__base__BUILD_dot_bazel=text)

    def test_names_that_say_nothing(self):
        for name in ("string_util", "helpers", "common_parts", "misc", "reader_v2", "impl2"):
            self.expect(checks.names_say_something, name, **{f"cli__{name}_dot_txt": "x\n"})

    def test_a_version_in_a_name_is_fine(self):
        self.assertEqual([], self.findings(cli__format_v2_1_dot_txt="x\n"))

    def test_a_long_line(self):
        text = "#pragma once\n\n// " + "x" * 98 + "\nint Run();\n"
        self.expect(checks.lines_fit, "cli/tool.h:3: 101 columns", cli__tool_dot_h=text)

    def test_a_long_file(self):
        text = "#pragma once\n\n" + "int Run();\n" * 1200
        self.expect(checks.files_are_short, "1202 lines", cli__tool_dot_h=text)

    def test_a_note_of_unfinished_work(self):
        word = "TO" + "DO"
        text = f"#pragma once\n\n// {word}: more\nint Run();\n"
        self.expect(checks.todos_have_a_condition, "cli/tool.h:3", cli__tool_dot_h=text)
        text = f"#pragma once\n\n// {word}(when gcc 13 is there): more\nint Run();\n"
        self.assertEqual([], self.findings(cli__tool_dot_h=text))

    def test_forbidden_names_in_libraries(self):
        for name in ("absl::StrCat", "absl::Mutex", "std::cout"):
            text = CLEAN["io/base/text.cc"].replace("return 1;", f"return Of({name});")
            self.expect(checks.libraries_use_our_base, "io/base/text.cc:6", io__base__text_dot_cc=text)

    def test_a_header_without_pragma_once(self):
        self.expect(checks.headers_have_pragma_once, "cli/tool.h", cli__tool_dot_h="int Run();\n")

    def test_paths_of_one_machine(self):
        for path in ("/wo" + "rk/shared", "/tmp" + "/wt/x", "/ro" + "ot", "/ro" + "ot/.cargo", "/ho" + "me/me/x"):
            self.expect(checks.no_machine_paths, "cli/notes.txt:1", cli__notes_dot_txt=f"see {path}\n")

    def test_a_link_to_nothing(self):
        text = CLEAN["docs/dev/architecture.md"].replace("../../io/base", "../io/base")
        self.expect(checks.links_resolve, "does not exist", docs__dev__architecture_dot_md=text)

    def test_a_readme_that_names_a_lost_file(self):
        self.expect(checks.readmes_name_real_files, "gone.h", cli__README_dot_md="- `gone.h`: was here\n")

    def test_an_invariant_without_its_test(self):
        source = "TEST(Text, HasALength) {}\n"
        build = CLEAN["io/base/BUILD.bazel"] + 'cc_test(name = "text_test", srcs = ["text_test.cc"])\n'
        page = "| invariant | shown by |\n|---|---|\n| texts have a length | `io/base/text_test.cc` `Text.%s` |\n"
        files = {"io__base__text_test_dot_cc": source, "io__base__BUILD_dot_bazel": build}
        self.assertEqual([], self.findings(docs__dev__invariants_dot_md=page % "HasALength", **files))
        self.expect(checks.invariants_name_real_tests, "no test Text.Gone",
                    docs__dev__invariants_dot_md=page % "Gone", **files)
        self.expect(checks.invariants_name_real_tests, "names no test",
                    docs__dev__invariants_dot_md="| texts have a length | surely |\n", **files)

    def test_a_source_that_is_not_formatted(self):
        self.expect(checks.sources_are_formatted, "cli/tool.h", cli__tool_dot_h="#pragma once\n\nint  Run( );\n")


add_tree_cases()

if __name__ == "__main__":
    unittest.main()
