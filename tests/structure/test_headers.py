"""Every public header of the client stands alone, in C99 and in C++, and needs no other library."""
import glob
import os
import re
import shutil
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = os.path.join(ROOT, "client-go-like", "include")
HEADERS = sorted(os.path.relpath(h, INCLUDE) for h in glob.glob(os.path.join(INCLUDE, "tidewatch", "*.h")))
STRICT = ["-pedantic-errors", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", INCLUDE]


class Headers(unittest.TestCase):
    def compile(self, compiler, language, standard):
        if shutil.which(compiler) is None:
            self.skipTest(compiler + " is not installed")
        self.assertNotEqual(HEADERS, [])
        for header in HEADERS:
            source = f"#include <{header}>\n#include <{header}>\nint main(void) {{ return 0; }}\n"
            done = subprocess.run([compiler, "-x", language, "-std=" + standard, *STRICT, "-"], input=source,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertEqual(done.returncode, 0, f"{header}\n{done.stdout}")

    def test_c99(self):
        self.compile("cc", "c", "c99")

    def test_cpp(self):
        self.compile("c++", "c++", "c++11")

    def test_they_include_each_other_and_the_standard_library_only(self):
        for header in HEADERS:
            with open(os.path.join(INCLUDE, header), encoding="utf-8") as f:
                for included in re.findall(r'^#include\s+[<"]([^>"]+)', f.read(), re.M):
                    self.assertIn(included, HEADERS + ["stdbool.h", "stddef.h", "stdint.h"], header)


if __name__ == "__main__":
    unittest.main(verbosity=2)
