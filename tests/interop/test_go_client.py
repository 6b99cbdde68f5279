"""client-go, which all Kubernetes controllers are made with, in protobuf: writes, reads, an informer, watches with bookmarks,
and the metadata client; then every kind there is a manifest of, decoded by Kubernetes' own types. Skipped where there is no Go, or its modules cannot be fetched."""
import glob
import json
import os
import re
import subprocess
import tempfile
import unittest

import go
from tidewatch import PATIENCE_S, Server

try:
    import yaml
except ImportError:
    print("skipped: no PyYAML here (python3-yaml)")
    raise SystemExit(77)

INTEROP = os.path.dirname(os.path.abspath(__file__))
MANIFESTS = sorted(glob.glob(os.path.join(INTEROP, "..", "unit", "codec", "manifests", "*.json")))
KINDS = 36


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
    PROGRAM = go.build("go_client")
    if PROGRAM is None:
        raise SystemExit(77)
    try:
        unittest.main(verbosity=2)
    finally:
        os.remove(PROGRAM)
