"""What the compiler and the linker can do against a mistake of ours is done, in the programs and the library."""
import os
import re
import subprocess
import unittest

BUILD = os.environ.get("TIDEWATCH_BUILD", os.path.join(os.getcwd(), "build", "release"))


def readelf(flag, path):
    return subprocess.run(["readelf", "-W", flag, path], stdout=subprocess.PIPE, text=True, check=True).stdout


class Hardening(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(BUILD, "CMakeCache.txt")) as f:
            if re.search(r"^(SANITIZE:\w+=.+|COVERAGE:BOOL=ON)$", f.read(), re.M):
                self.skipTest("a build that measures")

    def test_server_and_tools_are_hardened(self):
        for name in ("tidewatch", "tidectl", "libtidewatch.so"):
            path = os.path.join(BUILD, name)
            if not os.path.exists(path):
                path = os.path.join(BUILD, "client-go-like", name)
            self.assertRegex(readelf("-h", path), r"Type:\s+DYN", f"{name} is at a fixed address")
            segments = readelf("-l", path)
            self.assertIn("GNU_RELRO", segments, name)
            self.assertRegex(segments, r"GNU_STACK\s.*\sRW\s", f"{name} has an executable stack")
            self.assertRegex(readelf("-d", path), r"BIND_NOW|FLAGS_1.*NOW", name)
            symbols = readelf("--dyn-syms", path)
            self.assertIn("__stack_chk_fail", symbols, name)
            self.assertRegex(symbols, r"__(memcpy|vsnprintf|snprintf|read|memmove)_chk", f"{name} is not fortified")


if __name__ == "__main__":
    unittest.main(verbosity=2)
