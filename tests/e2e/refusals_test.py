"""Everything that is refused leaves the graph as it was, to the byte, and says why in the reference's words:
unknown branches and commits, names that clash, stale heads, changes that the state forbids, and records,
manifests and schema files that somebody has edited.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest

OMNIGRAPH = "cli/omnigraph"
NO_COMMIT = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
SCHEMA = "node Person { name: String @key  age: I32? }\nnode Team { slug: String @key }\nedge MemberOf: Person -> Team\n"
ROWS = [{"type": "Person", "data": {"name": "ann", "age": 3}}, {"type": "Team", "data": {"slug": "t1"}},
        {"edge": "MemberOf", "from": "ann", "to": "t1", "data": {"id": "m1"}}]
QUERY = "query q() { match { $p: Person } return { $p.name } }"
INSERT = 'query q() { insert Team { slug: "t9" } }'

SHARES_PATH = "shares its physical Lance path; live graph branch names may not be ancestors or descendants"

# Words, and what they are refused with.
REFUSALS = [
    # Branches that are not there.
    (["query", "--store", "g", "--branch", "nope", "-e", QUERY], "branch 'nope' not found"),
    (["mutate", "--store", "g", "--branch", "nope", "-e", INSERT], "branch 'nope' not found"),
    (["load", "g", "--branch", "nope", "--mode", "append", "--data", "rows.jsonl"], "branch 'nope' not found"),
    (["load", "g", "--branch", "y", "--from", "nope", "--mode", "append", "--data", "rows.jsonl"],
     "branch 'nope' not found"),
    (["export", "g", "--branch", "nope"], "branch 'nope' not found"),
    (["snapshot", "g", "--branch", "nope"], "branch 'nope' not found"),
    (["commit", "list", "g", "--branch", "nope"], "branch 'nope' not found"),
    (["branch", "delete", "nope", "--uri", "g"], "branch 'nope' not found"),
    (["branch", "merge", "nope", "--uri", "g"], "branch 'nope' not found"),
    (["branch", "merge", "draft", "--into", "nope", "--uri", "g"], "branch 'nope' not found"),
    (["branch", "create", "x", "--from", "nope", "--uri", "g"], "branch 'nope' not found"),
    # Commits that are not there.
    (["commit", "show", NO_COMMIT, "--uri", "g"], f"commit '{NO_COMMIT}' not found"),
    (["query", "--store", "g", "--snapshot", NO_COMMIT, "-e", QUERY], f"commit '{NO_COMMIT}' not found"),
    # Names that clash, and names that are none.
    (["branch", "create", "draft", "--uri", "g"], "branch 'draft' already exists"),
    (["branch", "create", "main", "--uri", "g"], "cannot create branch 'main'"),
    (["branch", "create", "a", "--uri", "g"], f"cannot create branch 'a' while live branch 'a/b' {SHARES_PATH}"),
    (["branch", "create", "draft/x", "--uri", "g"],
     f"cannot create branch 'draft/x' while live branch 'draft' {SHARES_PATH}"),
    (["branch", "create", "", "--uri", "g"], "branch name cannot be empty"),
    (["branch", "create", "x//y", "--uri", "g"], "invalid branch name 'x//y' has an empty segment"),
    (["branch", "create", "../x", "--uri", "g"], "invalid branch name '../x' contains '..'"),
    (["branch", "create", "x.lock", "--uri", "g"], "invalid branch name 'x.lock' ends in .lock"),
    (["branch", "create", "__schema_apply_lock__", "--uri", "g"],
     "branch_create does not allow internal system ref '__schema_apply_lock__'"),
    (["branch", "delete", "__schema_apply_lock__", "--uri", "g"],
     "branch_delete does not allow internal system ref '__schema_apply_lock__'"),
    # What the state of the graph forbids.
    (["branch", "delete", "main", "--uri", "g"], "cannot delete branch 'main'"),
    (["branch", "merge", "main", "--into", "main", "--uri", "g"],
     "branch_merge requires distinct source and target branches"),
    (["schema", "apply", "g", "--schema", "other.pg"],
     "schema apply requires a graph with only main; found non-main branches: a/b, draft"),
    (["load", "g", "--mode", "append", "--data", "rows.jsonl"], "node type 'Person' already has this id: 'ann'"),
    (["repair", "g", "--force"], None),
]


def contents(folder):
    """Every file below a folder, with the digest of its bytes."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            file = os.path.join(path, name)
            with open(file, "rb") as opened:
                found[os.path.relpath(file, folder)] = hashlib.sha256(opened.read()).hexdigest()
    return found


class RefusalsTest(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.program = os.path.abspath(OMNIGRAPH)
        cls.holder = tempfile.TemporaryDirectory()
        cls.made = os.path.join(cls.holder.name, "made")
        os.mkdir(cls.made)
        cls.write(cls.made, "schema.pg", SCHEMA)
        cls.write(cls.made, "other.pg", SCHEMA + "node City { name: String @key }\n")
        cls.write(cls.made, "rows.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS))
        for words in (["init", "--schema", "schema.pg", "g"],
                      ["load", "g", "--mode", "append", "--data", "rows.jsonl"],
                      ["branch", "create", "draft", "--uri", "g"],
                      ["branch", "create", "a/b", "--uri", "g"],
                      ["mutate", "--store", "g", "--branch", "draft", "-e", 'query q() { insert Team { slug: "t2" } }']):
            done = cls.run_in(cls.made, words)
            if done.returncode != 0:
                raise AssertionError(f"{' '.join(words)}\n{done.stderr}")

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    @staticmethod
    def write(folder, name, text):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    @classmethod
    def run_in(cls, folder, words, **variables):
        return subprocess.run([cls.program, *words], cwd=folder, capture_output=True, text=True, check=False,
                              env={**os.environ, **variables})

    def setUp(self):
        """A graph of this case's own, at the path at which it was made."""
        self.kept = os.path.join(self.holder.name, "kept")
        shutil.copytree(self.made, self.kept, symlinks=True)
        self.addCleanup(self.put_back)

    def put_back(self):
        shutil.rmtree(self.made)
        os.rename(self.kept, self.made)

    def refused(self, words, text, code=1):
        before = contents(self.made)
        done = self.run_in(self.made, words)
        self.assertEqual(code, done.returncode, f"{words}\n{done.stdout}{done.stderr}")
        self.assertEqual(before, contents(self.made), words)
        if text is not None:
            self.assertIn(text, done.stderr, words)
        return done

    def still_read(self):
        self.assertEqual(3, self.run_in(self.made, ["export", "g"]).stdout.count("\n"))

    def graph_file(self, *names):
        return os.path.join(self.made, "g", *names)

    def newest(self, *names):
        """The newest manifest of a dataset."""
        folder = self.graph_file(*names, "_versions")
        return os.path.join(folder, min(name for name in os.listdir(folder) if name.endswith(".manifest")))

    def test_what_is_not_there_or_not_allowed(self):
        for words, text in REFUSALS:
            with self.subTest(words=words):
                done = self.refused(words, text)
                if text is not None:
                    self.assertIn(f"   0: {text}", done.stderr)

    def test_a_stale_head(self):
        words = ["mutate", "--store", "g", "-e", INSERT, "--if-commit", NO_COMMIT]
        head = json.loads(self.run_in(self.made, ["commit", "list", "g", "--json"]).stdout)["commits"][0]["graph_commit_id"]
        text = f"precondition failed on branch 'main': expected head '{NO_COMMIT}' but current is {head}"
        self.assertEqual(text + "\n", self.refused(words, text, code=4).stderr)
        body = json.loads(self.refused([*words, "--json"], None, code=4).stdout)
        self.assertEqual({"error": text, "precondition_failure": {"expected": NO_COMMIT, "actual": head}}, body)

    def interrupted(self):
        """The path and the text of the record of a load that died."""
        rows = self.write(self.made, "more.jsonl", json.dumps({"type": "Team", "data": {"slug": "t8"}}) + "\n")
        self.run_in(self.made, ["load", "g", "--mode", "append", "--data", rows],
                    OMNIGRAPH_CRASH_POINT="mutation.post_finalize_pre_publisher")
        (name,) = os.listdir(self.graph_file("__recovery"))
        path = self.graph_file("__recovery", name)
        with open(path, encoding="utf-8") as file:
            return path, file.read()

    def test_an_edited_record(self):
        path, text = self.interrupted()
        record = json.loads(text)
        root = self.graph_file()
        cases = [
            ("{", f"recovery sidecar at '{path}' is not valid JSON: "),
            (json.dumps({**record, "schema_version": 10}),
             f"recovery sidecar at '{path}' declares schema_version=10, newer than the maximum this binary supports "
             "(schema_version=9); refusing to interpret"),
            (json.dumps({**record, "writer_kind": "Poem"}), f"recovery sidecar at '{path}' "),
            (text.replace(root, root + "-elsewhere"), "to foreign or non-canonical URI"),
        ]
        words = [["mutate", "--store", "g", "-e", INSERT], ["branch", "create", "x", "--uri", "g"],
                 ["load", "g", "--mode", "append", "--data", "rows.jsonl"], ["repair", "g", "--confirm"]]
        for edited, wanted in cases:
            self.write(self.made, path, edited)
            for command in words:
                with self.subTest(wanted=wanted, command=command):
                    self.refused(command, wanted)
            self.still_read()
            self.assertEqual(2, self.run_in(self.made, ["verify", "g"]).returncode)
        # As it was, it goes forward.
        self.write(self.made, path, text)
        done = self.run_in(self.made, ["mutate", "--store", "g", "-e", INSERT])
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(5, self.run_in(self.made, ["export", "g"]).stdout.count("\n"))

    def test_edited_manifests(self):
        (team,) = [name for name in os.listdir(self.graph_file("nodes"))
                   if len(os.listdir(self.graph_file("nodes", name, "_versions"))) > 1 and
                   os.path.isdir(self.graph_file("nodes", name, "tree"))]
        for dataset in (["__manifest"], ["nodes", team]):
            path = self.newest(*dataset)
            with open(path, "rb") as file:
                whole = file.read()
            for damaged in (b"", whole[:-1], whole[:len(whole) // 2], b"\0" * len(whole)):
                with open(path, "wb") as file:
                    file.write(damaged)
                for command in (["mutate", "--store", "g", "-e", INSERT], ["branch", "merge", "draft", "--uri", "g"]):
                    with self.subTest(dataset=dataset, size=len(damaged), command=command):
                        done = self.refused(command, None)
                        self.assertIn("   0: storage: ", done.stderr)
                        self.assertIn(os.path.basename(path), done.stderr)
                self.assertEqual(2, self.run_in(self.made, ["verify", "g"]).returncode)
            with open(path, "wb") as file:
                file.write(whole)
        self.still_read()

    def test_edited_schema_files(self):
        locked = "schema evolution is locked down in phase 1: "
        for name in ("_schema.pg", "_schema.ir.json", "__schema_state.json"):
            path = self.graph_file(name)
            with open(path, encoding="utf-8") as file:
                whole = file.read()
            for edited in (whole.replace("Person", "Human"), whole.replace("2", "3"), whole[:-9], None):
                if edited == whole:  # not every file names a type
                    continue
                if edited is None:
                    os.remove(path)
                else:
                    self.write(self.made, path, edited)
                with self.subTest(name=name, edited=edited):
                    done = self.refused(["mutate", "--store", "g", "-e", INSERT], None)
                    if name != "_schema.pg" or edited is not None:
                        self.assertIn(f"   0: {locked}", done.stderr)
                        self.assertIn("; manual coordination is required", done.stderr)
            self.write(self.made, path, whole)
        self.still_read()


if __name__ == "__main__":
    unittest.main()
