"""What kube-apiserver answers to the table of parity.py is written down in kube_answers.json; ours are the same, but for
what differences.json names, each with its reason. Needs no kube-apiserver: test_kube_apiserver.py asks a real one
whether the record still holds, and makes it anew with --record."""
import json
import os
import tempfile
import unittest

import kube
import parity
from tidewatch import SecureServer, main, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))


def read(name):
    with open(os.path.join(HERE, name)) as f:
        return json.load(f)


def differing(ours, theirs, path=""):
    """Where two answers differ, a line each."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [line for key in sorted({**ours, **theirs})
                for line in differing(ours.get(key), theirs.get(key), f"{path}.{key}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [line for i, pair in enumerate(zip(ours, theirs)) for line in differing(*pair, f"{path}[{i}]")]
    return [] if ours == theirs else [f"{path}: ours {json.dumps(ours)[:300]}, theirs {json.dumps(theirs)[:300]}"]


class Parity(unittest.TestCase):
    maxDiff = None

    def test_answers_are_those_of_kube_apiserver_but_for_the_differences_that_are_explained(self):
        theirs, explained = read("kube_answers.json"), read("differences.json")
        with tempfile.TemporaryDirectory() as folder:
            tokens = kube.write_tokens(os.path.join(folder, "tokens"))
            with SecureServer(flags=[f"--token-auth-file={tokens}"]) as server:
                ours = parity.play(server, wait_for)
        self.assertEqual(list(theirs), list(ours), "record anew: test_kube_apiserver.py --record")
        differences = {name: differing(ours[name], theirs[name]) for name in ours}
        for name, lines in differences.items():
            with self.subTest(name):
                if name in explained:
                    self.assertTrue(lines, f"{name}: the same now; take it out of differences.json")
                else:
                    self.assertFalse(lines, f"{name}:\n" + "\n".join(lines))
        self.assertLessEqual(set(explained), set(ours))


if __name__ == "__main__":
    main()
