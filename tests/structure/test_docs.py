"""What the documents point at is there: files that are linked, and tests that are said to prove something."""
import fnmatch
import glob
import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCES = [path for folder in ("*", "*/**/*") for path in glob.glob(folder, root_dir=ROOT, recursive=True)
           if not path.startswith("build/")]
DOCUMENTS = sorted(path for path in SOURCES if path.endswith(".md"))
FILE = re.compile(r"(?<![\w./*-])((?:[\w*-]+/)*[\w*-]+\.(?:c|h|py|sh))\b")
TEST = re.compile(r"`((?:fault|interop|scenario|structure|unit)/[\w/-]+\.(?:py|c)) (\w+)`")
CLIENT_FEATURES = 21  # of client-go, and two beyond it


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def anchors(path):
    """The #names of a document's headings, as GitHub and GitLab make them."""
    headings = re.findall(r"^#+ +(.+?) *$", re.sub(r"^```.*?^```", "", read(path), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class Docs(unittest.TestCase):
    def test_links_lead_to_files(self):
        broken = []
        for document in DOCUMENTS:
            for target in re.findall(r"\]\(([^)\s]+)\)", read(document)):
                path = os.path.join(ROOT, os.path.dirname(document), target.split("#")[0])
                if "://" not in target and not target.startswith("/") and not os.path.exists(path):
                    broken.append(f"{document}: {target}")
        self.assertEqual(broken, [])

    def test_links_lead_to_headings(self):
        broken, seen = [], 0
        for document in DOCUMENTS:
            for path, anchor in re.findall(r"\]\(([^)\s#:]*)#([^)\s]+)\)", read(document)):
                seen += 1
                target = os.path.join(os.path.dirname(document), path) if path else document
                if anchor not in anchors(target):
                    broken.append(f"{document}: {path}#{anchor}")
        self.assertEqual(broken, [])
        self.assertGreater(seen, 0)

    def test_files_that_are_named_exist(self):
        missing, named = [], 0
        for document in ("README.md", "DESIGN.md", "CONTRIBUTING.md"):
            for name in FILE.findall(read(document)):
                named += 1
                if not fnmatch.filter(SOURCES, "*/" + name) and not fnmatch.filter(SOURCES, name):
                    missing.append(f"{document}: {name}")
        self.assertEqual(missing, [])
        self.assertGreater(named, 40)

    def test_tests_that_are_named_exist(self):
        named, missing = 0, []
        for document in DOCUMENTS:
            for path, name in TEST.findall(read(document)):
                named += 1
                full = os.path.join("tests", path)
                if not os.path.exists(os.path.join(ROOT, full)) or not re.search(
                        rf"\bdef {name}\(|^TEST\(\w+,\s*{name}\)", read(full), re.M):
                    missing.append(f"{document}: {path} {name}")
        self.assertEqual(missing, [])
        self.assertGreater(named, 20, "the table of docs/watching.md")

    def test_every_promise_has_a_check(self):
        rows = re.findall(r"^\| ((?:[WRCDLB]\d+ ?)+)\|[^|]+\|([^|]+)\|$", read("docs/reliability.md"), re.M)
        checked = {name for names, where in rows if TEST.search(where) or re.search(r"\bchecker\b|`\./dev ", where)
                   for name in names.split()}
        promised = [f"{kind}{n}" for kind, count in {"W": 19, "R": 8, "C": 11, "D": 10, "L": 4, "B": 3}.items()
                    for n in range(1, count + 1)]
        self.assertEqual([name for name in promised if name not in checked], [])

    def test_every_cell_of_the_table_names_a_test_or_says_why_not(self):
        table = read("docs/watching.md").split("## Every framing on every transport")[1].split("\nAll of them")[0]
        rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")]
        self.assertGreater(len(rows), 8)
        for row in rows:
            if row[0].strip() in ("framing", "other ways to wait"):
                continue
            for cell in row[1:]:
                self.assertTrue(TEST.search(cell) or cell.strip() in ("a message has its own bounds", "the same"), cell)

    def test_each_feature_of_the_client_names_the_tests_that_prove_it(self):
        table = read("docs/client.md").split("## What client-go has, and where it is here")[1].split("\n## ")[0]
        rows = [line.strip("| ").split(" | ") for line in table.splitlines() if re.match(r"\| \d", line)]
        self.assertEqual([row[0] for row in rows], [str(n + 1) for n in range(CLIENT_FEATURES)])
        for row in rows:
            self.assertEqual(len(row), 4, row)
            self.assertTrue(TEST.search(row[3]), row)


if __name__ == "__main__":
    unittest.main(verbosity=2)
