"""The transcoder against the Go types of Kubernetes (k8s.io/api): every field of every kind, both ways.
Skipped where there is no Go, or its modules cannot be fetched."""
import glob
import os
import subprocess
import unittest

import go

HERE = os.path.dirname(os.path.abspath(__file__))
TRANSCODE = os.path.join(os.environ.get("TIDEWATCH_BUILD", "build/release"), "tests", "transcode")
MANIFESTS = sorted(glob.glob(os.path.join(HERE, "..", "unit", "codec", "manifests", "*.json")))


class Go(unittest.TestCase):
    def test_go_and_the_transcoder_agree_on_every_field_of_every_kind(self):
        self.assertTrue(MANIFESTS)
        done = subprocess.run([PROGRAM, TRANSCODE, *MANIFESTS], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:])


if __name__ == "__main__":
    PROGRAM = go.build("go_protobuf")
    if PROGRAM is None:
        raise SystemExit(77)
    try:
        unittest.main(verbosity=2)
    finally:
        os.remove(PROGRAM)
