"""A flipped bit in any page of a data set, data or index, is found by `verify --deep`, which names column
and page and reads every byte once."""

import json
import pathlib
import random
import subprocess
import tempfile
import unittest

TOOL = "cli/lance-tool"
ROWS = 3000

SCHEMA = [
    {"name": "id", "type": "int64", "nullable": False},
    {"name": "wide", "type": "utf8", "nullable": True},
    {"name": "word", "type": "utf8", "nullable": True},
    {"name": "same", "type": "utf8", "nullable": True},
    {"name": "flag", "type": "bool", "nullable": True},
    {"name": "list", "type": "list", "nullable": True,
     "children": [{"name": "item", "type": "int32", "nullable": True}]},
    {"name": "pair", "type": "struct", "nullable": True,
     "children": [{"name": "x", "type": "float64", "nullable": True}]},
]  # fmt: skip


def row(number, rng):
    return {
        "id": rng.getrandbits(40),
        "wide": "".join(rng.choice("abcdefgh ") for _ in range(300)) if number % 9 else None,
        "word": rng.choice(["red", "green", "blue"]),
        "same": "a text that is longer than what stands in the description of a page" if number % 7 else None,
        "flag": rng.choice([True, False, None]),
        "list": None if number % 5 == 0 else [rng.randrange(1000) for _ in range(number % 4)],
        "pair": {"x": rng.random()} if number % 3 else None,
    }


class PageSumsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_tool(self, *arguments):
        return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True)

    def make(self, version):
        dataset = self.folder / f"{version}.lance"
        (self.folder / "schema.json").write_text(json.dumps(SCHEMA))
        rng = random.Random(5)
        with open(self.folder / "rows.jsonl", "w") as rows:
            rows.writelines(json.dumps(row(number, rng)) + "\n" for number in range(ROWS))
        for words in (
            ["write", dataset, "--schema", self.folder / "schema.json", "--input", self.folder / "rows.jsonl",
             "--file-version", version],
            ["index", "create", dataset, "id"],
        ):  # fmt: skip
            done = self.run_tool(*words)
            self.assertEqual(done.returncode, 0, done.stderr)
        return dataset

    def buffers(self, file):
        """(column, page, offset, bytes) of every stored buffer, and the names of the outer encodings."""
        info = json.loads(self.run_tool("file-info", file, "--json", "--no-decode").stdout)
        found, names = [], set()
        for column in info["columns"]:
            for number, page in enumerate(column["pages"]):
                names.add(page["encoding"]["name"])
                found += [(column["index"], number, b["offset"], b["bytes"]) for b in page["buffers"] if b["bytes"]]
        return found, names

    def test_every_kind_of_page(self):
        wanted = {"2.0": {"nullable", "list"}, "2.1": {"mini-block", "full-zip"}, "2.2": {"mini-block", "full-zip", "constant"}}
        for version, kinds in wanted.items():
            dataset = self.make(version)
            names = set()
            for file in [*dataset.glob("data/*.lance"), *dataset.glob("_indices/*/*.lance")]:
                good = file.read_bytes()
                buffers, found = self.buffers(file)
                names |= found
                for column, page, offset, size in buffers:
                    damaged = bytearray(good)
                    damaged[offset + size // 2] ^= 4
                    file.write_bytes(damaged)
                    done = self.run_tool("verify", dataset, "--deep")
                    self.assertEqual(done.returncode, 1, (version, file, column, page, offset))
                    self.assertIn(f"{file}: column {column}, page {page} at byte ", done.stdout)
                    self.assertIn("the checksum is ", done.stdout)
                    self.assertIn("1 problems", done.stdout)
                file.write_bytes(good)
            self.assertLessEqual(kinds, names)

    def test_reads_once(self):
        dataset = self.make("2.2")
        done = self.run_tool("verify", dataset, "--deep", "--stats=json")
        self.assertEqual(done.returncode, 0, done.stderr)
        read = sum(root["bytes_read"] for root in json.loads(done.stderr)["storage"])
        stored = sum(file.stat().st_size for file in dataset.rglob("*") if file.is_file())
        self.assertGreater(stored, 400_000)
        self.assertLess(read, stored * 1.1)

    def test_an_index_is_checked_when_it_is_used(self):
        dataset = self.make("2.2")
        file = next(dataset.glob("_indices/*/page_data.lance"))
        column, page, offset, size = self.buffers(file)[0][-1]
        damaged = bytearray(file.read_bytes())
        damaged[offset + size - 1] ^= 4
        file.write_bytes(damaged)
        done = self.run_tool("dump", dataset, "--where", "id >= 0", "--columns", "id", "--check-pages")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{file}: column {column}, page {page} at byte ", done.stderr)


if __name__ == "__main__":
    unittest.main()
