"""The demo on its bundled sample: it runs to the end, and its answers are those of a count in Python."""

import collections
import json
import os
import subprocess
import tempfile
import unittest


def read_batch(path):
    """The nodes by type and the edges by type of a graph batch."""
    nodes, edges = collections.defaultdict(list), collections.defaultdict(list)
    with open(path, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            if "type" in record:
                nodes[record["type"]].append(record["data"])
            else:
                edges[record["edge"]].append((record["from"], record["to"]))
    return nodes, edges


def within(edges, start, steps):
    """What can be reached from `start` in one to `steps` steps, without `start` itself."""
    targets = collections.defaultdict(set)
    for source, target in edges:
        targets[source].add(target)
    seen, frontier = {start}, {start}
    for _ in range(steps):
        frontier = {target for source in frontier for target in targets[source]} - seen
        seen |= frontier
    return seen - {start}


class DemoTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = cls.holder.name
        result = subprocess.run(
            ["/usr/bin/python3", "tools/debian_graph/demo.py", "--bin", ".", "--sample", cls.folder],
            capture_output=True, text=True, check=False,
        )
        if result.returncode != 0:
            raise AssertionError(result.stdout + result.stderr)
        cls.output = result.stdout
        cls.nodes, cls.edges = read_batch(os.path.join(cls.folder, "debian.jsonl"))

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def ask(self, query, **parameters):
        result = subprocess.run(
            ["cli/omnigraph", "query", query, "--query", "tools/debian_graph/debian.gq", "--json",
             "--store", os.path.join(self.folder, "graph"), "--params", json.dumps(parameters)],
            capture_output=True, text=True, check=False,
        )
        self.assertEqual(0, result.returncode, result.stderr)
        return json.loads(result.stdout)["rows"]

    def test_it_says_what_it_does(self):
        for text in ("bundled sample of 500 packages", "2,966 entities in", "who maintains most",
                     "The graph stays in"):
            self.assertIn(text.lower(), self.output.lower())

    def test_one_package(self):
        want = next(package for package in self.nodes["Package"] if package["name"] == "vim")
        (row,) = self.ask("package", name="vim")
        self.assertEqual({f"p.{key}": want[key] for key in ("name", "version", "section", "installed_kib",
                                                           "size_bytes", "summary")}, row)

    def test_direct_dependencies(self):
        want = sorted(within(self.edges["Depends"], "vim", 1))
        self.assertEqual(want, [row["q.name"] for row in self.ask("direct", name="vim")])

    def test_four_steps(self):
        want = sorted(within(self.edges["Depends"], "vim", 4))
        self.assertGreater(len(want), 10)
        self.assertEqual(want, [row["q.name"] for row in self.ask("four_steps", name="vim")])

    def test_most_needed(self):
        counts = collections.Counter(target for _, target in set(self.edges["Depends"]))
        want = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]
        self.assertEqual(want, [(row["name"], row["dependents"]) for row in self.ask("most_needed")])

    def test_packages_that_nobody_asks_for(self):
        kinds = ("Depends", "PreDepends", "Recommends", "Suggests")
        asked = {target for kind in kinds for _, target in self.edges[kind]}
        # Packages without a size come last: descending order puts nulls there.
        free = [package for package in self.nodes["Package"] if package["name"] not in asked]
        want = sorted(free, key=lambda p: (-p.get("installed_kib", -1), p["name"]))[:10]
        self.assertEqual([p["name"] for p in want], [row["p.name"] for row in self.ask("unneeded")])

    def test_maintainers_and_sections(self):
        owners = collections.Counter(target for _, target in self.edges["MaintainedBy"])
        want = sorted(owners.items(), key=lambda item: (-item[1], item[0]))[:10]
        self.assertEqual(want, [(row["email"], row["packages"]) for row in self.ask("maintainers")])
        sections = collections.Counter(package["section"] for package in self.nodes["Package"])
        want = sorted(sections.items(), key=lambda item: (-item[1], item[0]))[:10]
        self.assertEqual(want, [(row["section"], row["packages"]) for row in self.ask("sections")])


if __name__ == "__main__":
    unittest.main()
