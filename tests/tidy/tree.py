"""The source tree as the checks see it: files, build targets, and the rooms of the architecture page."""

import glob
import os
import re

SKIPPED_FOLDERS = {".git", ".cache", "__pycache__"}
CPP_ENDS = (".cc", ".h")
ROOM_TABLE = "docs/dev/architecture.md"


class Target:
    """A rule of a BUILD file. Attributes hold what the file says, labels not yet resolved."""

    def __init__(self, package, kind, attributes):
        self.package = package
        self.kind = kind
        self.name = attributes.get("name", "")
        self.attributes = attributes

    @property
    def label(self):
        return f"//{self.package}:{self.name}"

    def files(self, *attributes):
        """Paths from the root of the tree of the files in these attributes."""
        paths = []
        for attribute in attributes:
            for item in listed(self.attributes.get(attribute)):
                if not item.startswith("//"):
                    paths.append(os.path.join(self.package, item.lstrip(":")))
        return paths

    def deps(self):
        return [resolve(self.package, dep) for dep in listed(self.attributes.get("deps"))]

    def is_test(self):
        return self.kind.endswith("_test") or bool(self.attributes.get("testonly"))


def listed(value):
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def resolve(package, label):
    """`:x` and `//a/b` in their full form `//a/b:c`."""
    if label.startswith(":"):
        return f"//{package}{label}"
    if ":" not in label:
        return f"{label}:{label.rsplit('/', 1)[-1]}"
    return label


class BuildGlobals(dict):
    """Names of a BUILD file: every rule, known or not, records itself."""

    def __init__(self, root, package, targets):
        super().__init__()
        self.root = root
        self.package = package
        self.targets = targets
        self["glob"] = self.glob
        self["select"] = lambda choices: [x for value in choices.values() for x in listed(value)]
        self["load"] = lambda *names: None

    def glob(self, include, exclude=(), **_):
        folder = os.path.join(self.root, self.package)
        found = set()
        for pattern in include:
            paths = glob.glob(os.path.join(folder, pattern), recursive=True)
            found |= {os.path.relpath(path, folder) for path in paths if os.path.isfile(path)}
        for pattern in exclude:
            paths = glob.glob(os.path.join(folder, pattern), recursive=True)
            found -= {os.path.relpath(path, folder) for path in paths}
        return sorted(found)

    def __missing__(self, kind):
        if hasattr(__builtins__, kind) or (isinstance(__builtins__, dict) and kind in __builtins__):
            raise KeyError(kind)

        def record(*_, **attributes):
            self.targets.append(Target(self.package, kind, attributes))

        return record


class Room:
    def __init__(self, name, sees):
        self.name = name
        self.sees = sees


class Tree:
    def __init__(self, root):
        self.root = root
        self.paths = sorted(self._walk())
        self.targets = []
        for path in self.paths:
            if os.path.basename(path) == "BUILD.bazel":
                self._read_build(path)
        self.rooms = self._read_rooms()

    def _walk(self):
        for folder, names, files in os.walk(self.root):
            names[:] = [
                name for name in names
                if name not in SKIPPED_FOLDERS and not (folder == self.root and name.startswith("bazel-"))
            ]
            for name in files:
                if name not in (".git", "user.bazelrc") and not name.endswith(".pyc"):
                    path = os.path.join(folder, name)
                    if not os.path.islink(path):
                        yield os.path.relpath(path, self.root)

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    def exists(self, path):
        return os.path.exists(os.path.join(self.root, path))

    def is_text(self, path):
        with open(os.path.join(self.root, path), "rb") as file:
            start = file.read(8192)
        return b"\0" not in start and not path.endswith((".xz", ".png"))

    def text_lines(self, path):
        """(number, line) of a text file."""
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
            return list(enumerate(file.read().split("\n"), start=1))

    def cpp(self):
        return [path for path in self.paths if path.endswith(CPP_ENDS)]

    def packages(self):
        return [os.path.dirname(p) for p in self.paths if os.path.basename(p) == "BUILD.bazel"]

    def _read_build(self, path):
        package = os.path.dirname(path)
        code = compile(self.read(path), path, "exec")
        exec(code, BuildGlobals(self.root, package, self.targets))  # our own build files

    def _read_rooms(self):
        """The table of the architecture page: | `room` | text | `room` `room` |."""
        rooms = {}
        if not self.exists(ROOM_TABLE):
            return rooms
        for line in self.read(ROOM_TABLE).split("\n"):
            cells = [cell.strip() for cell in line.split("|")]
            name = re.fullmatch(r"`([a-z_/]+)`", cells[1]) if len(cells) == 5 else None
            if name:
                rooms[name.group(1)] = Room(name.group(1), set(re.findall(r"`([a-z_/]+)`", cells[3])))
        return rooms

    def room_of(self, path):
        """The room with the longest name that holds `path`; None outside all rooms."""
        folder = os.path.dirname(path)
        while folder:
            if folder in self.rooms:
                return self.rooms[folder]
            folder = os.path.dirname(folder)
        return None

    def may_see(self, room, path):
        """Whether `room` may use the header `path`."""
        return any(within(path, seen) for seen in room.sees | {room.name})


def within(path, folder):
    return path == folder or path.startswith(folder + "/")
