"""What the compiler and the linker can do against a mistake of ours is done, in the programs and the library.

That control flow is protected is looked for in the code, not in .note.gnu.property: the linker drops the mark there
when the C library's own start files do not bear it, as Debian's do not.
"""
import json
import os
import platform
import re
import shlex
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("TIDEWATCH_BUILD", os.path.join(os.getcwd(), "build", "release"))
PAGE = 4096
IS_X86 = platform.machine() == "x86_64"
# What puts it on, and what would take it back.
PROTECTIONS = [("-fstack-protector-strong", "-fno-stack-protector"),
               ("-fstack-clash-protection", "-fno-stack-clash-protection")]
if IS_X86:
    PROTECTIONS.append(("-fcf-protection", "-fcf-protection=none"))
# Each with a function that others call from outside, by pointer or through the table of its library.
BUILT = {"tidewatch": "main", "tidectl": "main", "libtidewatch.so": "tw_client_new"}


def readelf(flag, path):
    return subprocess.run(["readelf", "-W", flag, path], stdout=subprocess.PIPE, text=True, check=True).stdout


def path_of(name):
    path = os.path.join(BUILD, name)
    return path if os.path.exists(path) else os.path.join(BUILD, "client-go-like", name)


def disassembly(path):
    return subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], stdout=subprocess.PIPE, text=True,
                          check=True).stdout


def recorded_commands(path):
    """What GCC has written into the debugging information of each file that it compiled; clang writes nothing."""
    done = subprocess.run(["readelf", "-p", ".debug_str", path], stdout=subprocess.PIPE, text=True, check=True)
    return re.findall(r"^.*\]\s+(GNU C\d.*)$", done.stdout, re.M)


def is_on(on, off, words):
    said = [word for word in words if word in (on, on + "=full", off)]
    return said != [] and said[-1] != off


class Hardening(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(BUILD, "CMakeCache.txt")) as f:
            if re.search(r"^(SANITIZE:\w+=.+|COVERAGE:BOOL=ON)$", f.read(), re.M):
                self.skipTest("a build that measures")

    def test_server_and_tools_are_hardened(self):
        for name in BUILT:
            path = path_of(name)
            self.assertRegex(readelf("-h", path), r"Type:\s+DYN", f"{name} is at a fixed address")
            segments = readelf("-l", path)
            self.assertIn("GNU_RELRO", segments, name)
            self.assertRegex(segments, r"GNU_STACK\s.*\sRW\s", f"{name} has an executable stack")
            self.assertRegex(readelf("-d", path), r"BIND_NOW|FLAGS_1.*NOW", name)
            symbols = readelf("--dyn-syms", path)
            self.assertIn("__stack_chk_fail", symbols, name)
            self.assertRegex(symbols, r"__(memcpy|vsnprintf|snprintf|read|memmove)_chk", f"{name} is not fortified")

    def test_every_file_is_compiled_with_all_protections(self):
        with open(os.path.join(BUILD, "compile_commands.json")) as f:
            commands = [command for command in json.load(f)
                        if not os.path.relpath(command["file"], ROOT).startswith("tests/")]
        self.assertNotEqual(commands, [])
        for command in commands:
            words = shlex.split(command["command"])
            for on, off in PROTECTIONS:
                self.assertTrue(is_on(on, off, words), f"{command['file']} without {on}")
            fortified = [word for word in words if re.match("-[DU]_FORTIFY_SOURCE", word)]
            self.assertEqual(fortified[-1:], ["-D_FORTIFY_SOURCE=3"], command["file"])
            self.assertRegex(command["command"], " -O[123s] ", "fortifying wants an optimizer")

    def test_every_file_that_was_linked_says_so(self):
        for name in BUILT:
            for record in recorded_commands(path_of(name)):
                for on, off in PROTECTIONS:
                    self.assertTrue(is_on(on, off, record.split()), f"{name} without {on}: {record}")

    @unittest.skipUnless(IS_X86, "looks for instructions of x86-64")
    def test_no_frame_steps_over_the_guard_page_and_branches_have_marks(self):
        for name, called in BUILT.items():
            code = disassembly(path_of(name))
            frames = [int(size, 16) for size in re.findall(r"\ssub\s+\$0x([0-9a-f]{1,8}),%rsp", code)]
            self.assertLessEqual(max(frames), PAGE, f"{name}: a frame that steps over the guard page")
            self.assertIsNotNone(re.search(rf"<{called}>:\n\s*[0-9a-f]+:\s+endbr64", code),
                                 f"{name}: {called}() bears no mark that branches may lead there")



if __name__ == "__main__":
    unittest.main(verbosity=2)
