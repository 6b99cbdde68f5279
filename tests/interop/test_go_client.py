"""client-go, which all Kubernetes controllers are made with, in protobuf: writes, reads, an informer, watches with bookmarks,
and the metadata client; then every kind there is a manifest of, decoded by Kubernetes' own types. Skipped where there is no Go, or its modules cannot be fetched."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from tidewatch import PATIENCE_S, Server

try:
    import yaml
except ImportError:
    print("skipped: no PyYAML here (python3-yaml)")
    raise SystemExit(77)

INTEROP = os.path.dirname(os.path.abspath(__file__))
HERE = os.path.join(INTEROP, "go_client")
MANIFESTS = sorted(glob.glob(os.path.join(INTEROP, "..", "unit", "codec", "manifests", "*.json")))
KINDS = 36


def build_program():
    """The path of the built Go program; None, with the reason said, if it cannot be built here."""
    cache = os.path.abspath(os.environ.get("TIDEWATCH_CACHE", "build/cache"))
    program = os.path.join(cache, f"go_client.{os.getpid()}")
    os.makedirs(cache, exist_ok=True)
    if shutil.which("go") is None:
        print("skipped: no go here")
        return None
    fetch = subprocess.run(["go", "mod", "download"], cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if fetch.returncode != 0:
        print("skipped: go cannot fetch the modules of Kubernetes:", fetch.stdout[-500:])
        return None
    subprocess.run(["go", "build", "-buildvcs=false", "-o", program, "."], cwd=HERE, check=True)
    return program


class GoClient(unittest.TestCase):
    def test_client_go_in_protobuf_is_told_what_it_is_told_in_json(self):
        with Server(storage="memory") as server, tempfile.NamedTemporaryFile("w", suffix=".json") as crd:
            with open(os.path.join(INTEROP, "manifests", "certificates-crd.yaml")) as file:
                json.dump(yaml.safe_load(file), crd)
            crd.flush()
            done = subprocess.run([PROGRAM, server.url, *MANIFESTS, crd.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, timeout=PATIENCE_S * 8)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:])
        self.assertEqual([os.path.basename(path) for path in re.findall("refused: (.*)", done.stdout)],
                         ["custom_resource_definition.json"])    # every field is set in it, and not all go together
        self.assertIn(f"ok, with {KINDS} kinds\n", done.stdout)


if __name__ == "__main__":
    PROGRAM = build_program()
    if PROGRAM is None:
        sys.exit(77)
    try:
        unittest.main(verbosity=2)
    finally:
        os.remove(PROGRAM)
