"""./dev says what it does and passes on what it is told. Packages, compiler and server are stand-ins."""
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def write_program(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n" + text + "\n")
    os.chmod(path, 0o755)


class Dev(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir)
        shutil.copy(os.path.join(ROOT, "dev"), self.dir)
        write_program(os.path.join(self.dir, "bin/dpkg-query"), "echo installed")
        write_program(os.path.join(self.dir, "bin/cmake"), "")
        write_program(os.path.join(self.dir, "build/release/tidewatch"), 'printf "%s\\n" "$@"')

    def dev(self, *args):
        path = os.path.join(self.dir, "bin") + ":" + os.environ["PATH"]
        return subprocess.run(["./dev", *args], cwd=self.dir, env={**os.environ, "PATH": path}, text=True,
                              capture_output=True, timeout=60, check=False)

    def test_up_serves_on_the_default_alone(self):
        up = self.dev("up")
        self.assertEqual(up.stdout.split(), ["--write-kubeconfig=tidewatch-data/kubeconfig"])
        self.assertIn("curl -N 'http://127.0.0.1:8080/api/v1/", up.stderr)
        self.assertIn("export KUBECONFIG=$PWD/tidewatch-data/kubeconfig", up.stderr)

    def test_up_on_another_port_does_not_want_the_default_one_too(self):
        up = self.dev("up", "--listen=http://127.0.0.1:9090", "--threads=1")
        self.assertEqual([arg for arg in up.stdout.split() if arg.startswith("--listen")],
                         ["--listen=http://127.0.0.1:9090"])
        self.assertIn("--threads=1", up.stdout.split())
        self.assertIn("curl -N 'http://127.0.0.1:9090/api/v1/", up.stderr)

    def test_an_unknown_command_lists_those_there_are(self):
        self.assertEqual(self.dev("upp").returncode, 2)
        self.assertIn("./dev up ", self.dev("upp").stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
