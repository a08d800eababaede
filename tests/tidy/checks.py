"""What must hold for the tree as text. Each check yields `path:line: what is wrong`.

What the compiler, the build and clang-tidy already refuse is not here.
"""

import os
import re
import subprocess

from tests.tidy.tree import within

MAX_COLUMNS = 100
MAX_LINES = 1200

# Test code, and what only developers run, may see every room.
FREE_ROOMS = ("tests", "bench", "tools")

# Words that say nothing, as a whole part of a file or folder name.
EMPTY_WORDS = {"util", "utils", "helper", "helpers", "common", "misc", "impl2"}

# Header prefixes of system libraries and the targets that bring them.
LIBRARIES = {
    "absl/": "absl",
    "gtest/": "gtest",
    "gmock/": "gtest",
    "benchmark/": "benchmark",
    "google/protobuf/": "protobuf",
    "openssl/": "crypto",
    "curl/": "curl",
    "expat.h": "expat",
    "roaring/": "roaring",
    "re2/": "re2",
    "yaml-cpp/": "yaml_cpp",
    "CLI/": "cli11",
    "simdjson.h": "simdjson",
    "liburing.h": "uring",
    "zstd.h": "zstd",
    "lz4.h": "lz4",
    "xxhash.h": "xxhash",
    "utf8proc.h": "utf8proc",
}

# Not in libraries: what to use instead.
FORBIDDEN = {
    r"\babsl::StrCat\b": "io::StrCat (io/base/text.h)",
    r"\babsl::(Mutex|MutexLock|CondVar|Notification)\b": "io::Mutex (io/base/sync.h)",
    r"\bstd::(cout|cerr|clog)\b": "a status; only programs print",
    r"#include <iostream>": "a status; only programs print",
}
PROGRAM_ROOMS = ("cli", "server", "bench", "tools")

MACHINE_PATHS = re.compile(r"(?<![\w.:/*$}])/(?:work|root|home)/[\w.]|(?<![\w.:/])/tmp/(?:wt|venv)\w*|(?<![\w.:/\"])/root\b")
INCLUDE = re.compile(r'^#include ["<]([^">]+)[">]')
OWN_INCLUDE = re.compile(r'^#include "([^"]+)"')


def is_test_source(path):
    return path.endswith(("_test.cc", "_fuzz.cc", "_bench.cc")) or path.startswith(FREE_ROOMS)


# ---- rooms --------------------------------------------------------------------------------------


def includes_follow_the_rooms(tree):
    for path in tree.cpp():
        if path.split("/")[0] in FREE_ROOMS:
            continue
        room = tree.room_of(path)
        if room is None:
            yield f"{path}:1: stands in no room of docs/dev/architecture.md"
            continue
        for number, line in tree.text_lines(path):
            header = OWN_INCLUDE.match(line)
            if header and not header_is_free(tree, path, header.group(1)):
                if not tree.may_see(room, header.group(1)):
                    yield f"{path}:{number}: {room.name} does not see {header.group(1)}"


def header_is_free(tree, path, header):
    """Headers that the room table does not rule: those of libraries, and test code in tests."""
    if tree.room_of(header) is None and header.split("/")[0] not in FREE_ROOMS:
        return True
    return is_test_source(path) and header.startswith("tests/")


def package_groups_follow_the_rooms(tree):
    """A group `above_x` admits every room that sees room x or a part of it, and none that x sees."""
    groups = {t.name: t for t in tree.targets if t.kind == "package_group" and not t.package}
    for name, group in groups.items():
        if not name.startswith("above_"):
            continue
        floor = floor_of(tree, name[len("above_"):])
        if floor is None:
            yield f"BUILD.bazel:1: {name}: no such room in docs/dev/architecture.md"
            continue
        folders = admitted_folders(groups, group)
        for room in tree.rooms.values():
            admitted = any(within(room.name, folder) for folder in folders)
            if room_sees(room, floor) and not admitted:
                yield f"BUILD.bazel:1: {name}: {room.name} is missing"
            if floor_sees(tree, floor, room) and admitted:
                yield f"BUILD.bazel:1: {name}: {room.name} stands below"


def room_sees(room, floor):
    return within(room.name, floor) or any(within(s, floor) or within(floor, s) for s in room.sees)


def floor_sees(tree, floor, room):
    """Whether a room of `floor` sees `room`, which is another floor."""
    if within(room.name, floor):
        return False
    rooms = [r for r in tree.rooms.values() if within(r.name, floor)]
    return any(within(room.name, seen) for r in rooms for seen in r.sees)


def floor_of(tree, word):
    for candidate in (word, "engine/" + word):
        if any(within(room, candidate) for room in tree.rooms):
            return candidate
    return None


def admitted_folders(groups, group):
    folders = {p.removeprefix("//").removesuffix("/...") for p in group.attributes.get("packages", [])}
    for included in group.attributes.get("includes", []):
        folders |= admitted_folders(groups, groups[included.lstrip(":")])
    return folders


def every_folder_has_a_readme(tree):
    """Its own, or that of a folder above it."""
    for package in tree.packages():
        folder = package if package != "third_party" else ""
        while folder and not tree.exists(f"{folder}/README.md"):
            folder = os.path.dirname(folder)
            if not folder:
                yield f"{package}:1: no README.md"


# ---- targets ------------------------------------------------------------------------------------


def every_source_has_a_target(tree):
    named = set()
    for target in tree.targets:
        named.update(target.files("srcs", "hdrs", "main", "data", "textual_hdrs"))
    for path in tree.paths:
        if path.endswith((".cc", ".h", ".c", ".proto")) and path not in named:
            yield f"{path}:1: no target names this file"


def includes_follow_the_deps(tree):
    """What a target includes belongs to it or to a target that its `deps` name."""
    owners = header_owners(tree)
    for target in tree.targets:
        if not target.kind.startswith(("cc_", "og_fuzz")):
            continue
        own = set(target.files("srcs", "hdrs", "textual_hdrs"))
        deps = set(target.deps())
        for path in sorted(own):
            if not path.endswith((".cc", ".h")) or not tree.exists(path):
                continue
            for number, line in tree.text_lines(path):
                header = INCLUDE.match(line)
                if header and (missing := missing_dep(header.group(1), own, deps, owners)):
                    yield f"{path}:{number}: {target.label} needs {missing} for {header.group(1)}"


def header_owners(tree):
    owners = {}
    for target in tree.targets:
        if target.kind != "cc_library":
            continue
        for path in target.files("hdrs", "textual_hdrs"):
            for folder in target.attributes.get("includes", []):
                path = path.removeprefix(os.path.join(target.package, folder) + "/")
            owners.setdefault(path, set()).add(target.label)
    return owners


def missing_dep(header, own, deps, owners):
    if header in own:
        return None
    if header in owners:
        return None if owners[header] & deps else sorted(owners[header])[0]
    for prefix, library in LIBRARIES.items():
        if header.startswith(prefix):
            label = f"//third_party:{library}"
            return None if any(dep.startswith(label) for dep in deps) else label
    return None


# ---- text ---------------------------------------------------------------------------------------


def names_say_something(tree):
    for path in tree.paths:
        for part in path.split("/"):
            words = set(re.split(r"[_.]", part.lower()))
            found = words & EMPTY_WORDS
            if re.search(r"(^|_)v2(\.|$)", part.lower()):
                found.add("v2")
            for word in sorted(found):
                yield f"{path}:1: a name with {word} says nothing"


def lines_fit(tree):
    for path in tree.cpp():
        for number, line in tree.text_lines(path):
            if len(line) > MAX_COLUMNS:
                yield f"{path}:{number}: {len(line)} columns"


def files_are_short(tree):
    for path in tree.paths:
        if path.endswith((".cc", ".h", ".py", ".bzl")):
            length = len(tree.text_lines(path)) - 1
            if length > MAX_LINES:
                yield f"{path}:1: {length} lines"


def todos_have_a_condition(tree):
    word = "TO" + "DO"
    for path in tree.paths:
        if not path.endswith((".cc", ".h", ".py", ".bzl", ".bazel", ".sh")) or path.startswith("tests/tidy/"):
            continue
        for number, line in tree.text_lines(path):
            if re.search(rf"\b({word}|FIXME|XXX)\b", line) and not re.search(rf"{word}\(when [^)]+\): ", line):
                yield f"{path}:{number}: write `{word}(when ...): ...`, or do it"


def libraries_use_our_base(tree):
    for path in tree.cpp():
        if is_test_source(path) or path.startswith(PROGRAM_ROOMS):
            continue
        for number, line in tree.text_lines(path):
            code = line.split("//")[0]
            for pattern, instead in FORBIDDEN.items():
                if re.search(pattern, code):
                    yield f"{path}:{number}: use {instead}"


def headers_have_pragma_once(tree):
    for path in tree.cpp():
        if path.endswith(".h") and path.split("/")[:2] != ["engine", "capi"]:
            if "#pragma once" not in tree.read(path):
                yield f"{path}:1: no #pragma once"


def no_machine_paths(tree):
    for path in tree.paths:
        if path.startswith(("tests/tidy/", "tests/fuzz/")) or not tree.is_text(path):
            continue
        for number, line in tree.text_lines(path):
            if MACHINE_PATHS.search(line):
                yield f"{path}:{number}: path of one machine"


def links_resolve(tree):
    for path in tree.paths:
        if not path.endswith(".md"):
            continue
        for number, line in tree.text_lines(path):
            for link in re.findall(r"\]\(([^)\s]+)\)", line):
                target = link.split("#")[0]
                if not target or re.match(r"[a-z]+:", target):
                    continue
                if not tree.exists(os.path.normpath(os.path.join(os.path.dirname(path), target))):
                    yield f"{path}:{number}: {link} does not exist"


def readmes_name_real_files(tree):
    """A file name in back quotes in the README of a room stands in that room, or at that path."""
    for path in tree.paths:
        if os.path.basename(path) != "README.md" or "/" not in path:
            continue
        folder = os.path.dirname(path)
        for number, line in tree.text_lines(path):
            for name in re.findall(r"`([a-z0-9_/]+\.(?:h|cc|py|bzl|md|pg|gq))`", line):
                inside = any(within(p, folder) and p.endswith("/" + name) for p in tree.paths)
                if not inside and not tree.exists(name):
                    yield f"{path}:{number}: {name} does not exist"


def invariants_name_real_tests(tree):
    """Each pair of a path and a case in docs/dev/invariants.md is a test that exists."""
    page = "docs/dev/invariants.md"
    if not tree.exists(page):
        return
    for number, line in tree.text_lines(page):
        pairs = re.findall(r"`([a-z0-9_/]+\.(?:cc|py))` `(\w+)\.(\w+)`", line)
        if line.startswith("| ") and not pairs and "invariant |" not in line:
            yield f"{page}:{number}: names no test"
        for path, suite, case in pairs:
            if not tree.exists(path) or not has_test(tree.read(path), suite, case):
                yield f"{page}:{number}: no test {suite}.{case} in {path}"


def has_test(text, suite, case):
    return bool(
        re.search(rf"\bTEST(_F|_P)?\(\s*{suite},\s*{case}\)", text)
        or (f"class {suite}(" in text and f"def {case}(" in text)
    )


def sources_are_formatted(tree):
    files = [os.path.join(tree.root, path) for path in tree.cpp()]
    for start in range(0, len(files), 50):
        result = subprocess.run(
            ["clang-format-16", "--dry-run", "--ferror-limit=1", *files[start:start + 50]],
            capture_output=True, text=True, check=False, cwd=tree.root,
        )
        bad = re.findall(r"^(\S+):(\d+):\d+: (?:warning|error): code should be", result.stderr, re.MULTILINE)
        for path in sorted({path for path, _ in bad}):
            yield f"{os.path.relpath(path, tree.root)}:1: not formatted, run ./dev fmt"


CHECKS = [
    includes_follow_the_rooms,
    package_groups_follow_the_rooms,
    every_folder_has_a_readme,
    every_source_has_a_target,
    includes_follow_the_deps,
    names_say_something,
    lines_fit,
    files_are_short,
    todos_have_a_condition,
    libraries_use_our_base,
    headers_have_pragma_once,
    no_machine_paths,
    links_resolve,
    readmes_name_real_files,
    invariants_name_real_tests,
    sources_are_formatted,
]
