"""The transcoder against the Go types of Kubernetes (k8s.io/api): every field of every kind, both ways.
Skipped where there is no Go, or its modules cannot be fetched."""
import glob
import os
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TRANSCODE = os.path.join(os.environ.get("TIDEWATCH_BUILD", "build/release"), "tests", "transcode")
MANIFESTS = sorted(glob.glob(os.path.join(HERE, "..", "unit", "codec", "manifests", "*.json")))


def build_program():
    """The path of the built Go program; None, with the reason said, if it cannot be built here."""
    cache = os.path.abspath(os.environ.get("TIDEWATCH_CACHE", "build/cache"))
    program = os.path.join(cache, f"go_protobuf.{os.getpid()}")
    os.makedirs(cache, exist_ok=True)
    if shutil.which("go") is None:
        print("skipped: no go here")
        return None
    there = os.path.join(HERE, "go_protobuf")
    fetch = subprocess.run(["go", "mod", "download"], cwd=there, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if fetch.returncode != 0:
        print("skipped: go cannot fetch the modules of Kubernetes:", fetch.stdout[-500:])
        return None
    subprocess.run(["go", "build", "-buildvcs=false", "-o", program, "."], cwd=there, check=True)
    return program


class Go(unittest.TestCase):
    def test_go_and_the_transcoder_agree_on_every_field_of_every_kind(self):
        self.assertTrue(MANIFESTS)
        done = subprocess.run([PROGRAM, TRANSCODE, *MANIFESTS], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:])


if __name__ == "__main__":
    PROGRAM = build_program()
    if PROGRAM is None:
        sys.exit(77)
    try:
        unittest.main(verbosity=2)
    finally:
        os.remove(PROGRAM)
