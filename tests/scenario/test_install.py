"""What `./dev install PREFIX` leaves behind builds programs outside the tree: C99 and C++, by pkg-config and
by CMake."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from tidewatch import BUILD, main

PROGRAM = """
#include <stdio.h>
#include <tidewatch/tidewatch.h>
#include <tidewatch/typed.h>
int main(void)
{
    tw_client *client = NULL;
    tw_error *error = NULL;
    if (tw_client_new(NULL, &client, &error) != TW_OK) {
        printf("%s\\n", tw_error_message(error));
        tw_error_free(error);
        return 1;
    }
    tw_type_free(NULL);
    tw_client_unref(client);
    return 0;
}
"""
PROJECT = """
cmake_minimum_required(VERSION 3.20)
project(outside LANGUAGES {language})
find_package(tidewatch REQUIRED)
add_executable(outside {source})
target_link_libraries(outside PRIVATE tidewatch::tidewatch)
"""


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="tidewatch-install-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.prefix = os.path.join(cls.folder, "prefix")
        cls.run_ok(cls, "cmake", "--install", BUILD, "--prefix", cls.prefix)
        for name in ("outside.c", "outside.cc"):
            with open(os.path.join(cls.folder, name), "w") as f:
                f.write(PROGRAM)

    def run_ok(self, *args, **env):
        done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder,
                              env=dict(os.environ, **env))
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(args)}\n{done.stdout}")
        return done.stdout

    def library_folder(self):
        return next(where for where, _, names in os.walk(self.prefix) if "libtidewatch.so" in names)

    def test_server_tool_and_headers_are_there(self):
        for name in ("tidewatch", "tidectl"):
            self.run_ok(os.path.join(self.prefix, "bin", name), "--help")
        self.assertTrue(os.path.exists(os.path.join(self.prefix, "include", "tidewatch", "tidewatch.h")))
        self.assertTrue(os.path.exists(os.path.join(self.prefix, "share", "man", "man1", "tidectl.1")))

    def test_c99_and_cpp_by_pkg_config(self):
        path = os.path.join(self.library_folder(), "pkgconfig")
        flags = self.run_ok("pkg-config", "--cflags", "--libs", "tidewatch", PKG_CONFIG_PATH=path).split()
        self.run_ok("cc", "-std=c99", "-pedantic-errors", "-Wall", "-Werror", "outside.c", "-o", "outside-c", *flags)
        self.run_ok("c++", "-Wall", "-Werror", "outside.cc", "-o", "outside-cc", *flags)

    def test_the_archive_and_what_it_requires_in_private_are_enough(self):
        path = os.path.join(self.library_folder(), "pkgconfig")
        private = self.run_ok("pkg-config", "--print-requires-private", "tidewatch", PKG_CONFIG_PATH=path).split()
        flags = self.run_ok("pkg-config", "--cflags", "tidewatch", PKG_CONFIG_PATH=path).split()
        flags += [os.path.join(self.library_folder(), "libtidewatch.a")]
        with open(os.path.join(path, "tidewatch.pc")) as f: # --static would ask for all that libcurl.a needs
            flags += re.search("^Libs.private: (.*)$", f.read(), re.M)[1].split()
        flags += self.run_ok("pkg-config", "--libs", *private).split()
        self.run_ok("cc", "outside.c", "-o", "outside-static", *flags)
        loads = self.run_ok("ldd", "./outside-static")
        self.assertNotIn("libtidewatch", loads)

    def test_c99_and_cpp_by_cmake(self):
        for language, source in (("C", "outside.c"), ("CXX", "outside.cc")):
            folder = os.path.join(self.folder, "project-" + language)
            os.makedirs(folder)
            shutil.copy(os.path.join(self.folder, source), folder)
            with open(os.path.join(folder, "CMakeLists.txt"), "w") as f:
                f.write(PROJECT.format(language=language, source=source))
            self.run_ok("cmake", "-S", folder, "-B", folder + "/b", f"-DCMAKE_PREFIX_PATH={self.prefix}")
            self.run_ok("cmake", "--build", folder + "/b")


if __name__ == "__main__":
    if any(os.path.basename(BUILD) == name for name in ("asan", "tsan")):
        print("skipped: a sanitizer build is not installed")
        sys.exit(77)
    main()
