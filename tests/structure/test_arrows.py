"""The tree is the data flow: includes point one way, libraries stay behind their seam, and clang-format
decides the layout."""
import os
import re
import shutil
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Who may include whom, besides itself.
ARROWS = {
    "base": set(),
    "codec": {"base", "proto"},
    "storage": {"base"},
    "apiserver/transport": {"base"},
    "apiserver/process": {"base"},
    "apiserver/registry": {"storage", "codec", "base"},
    "apiserver/request": {"codec", "base"},
    "apiserver/auth": {"codec", "base"},
    "apiserver/encryption": {"apiserver/auth", "apiserver/registry", "storage", "codec", "base"},
    "apiserver/watch": {"apiserver/registry", "apiserver/transport", "storage", "codec", "base"},
    "apiserver/handlers": {"apiserver/watch", "apiserver/request", "apiserver/registry", "apiserver/auth",
                           "apiserver/transport", "storage", "codec", "base"},
    "apiserver": {"apiserver/handlers", "apiserver/process", "apiserver/encryption", "apiserver/request", "apiserver/auth",
                  "storage", "codec", "base"},
    "client-go-like": {"codec", "base"},
}
# Which folder alone may see a library's headers.
LIBRARIES = {
    r"h2o.*": {"apiserver/transport"}, r"nghttp2/.*": {"apiserver/transport"},
    r"openssl/.*": {"apiserver/transport", "apiserver/auth", "storage", "client-go-like"},
    r"wslay/.*": {"apiserver/transport", "client-go-like"},
    r"sqlite3\.h": {"storage"}, r"yaml\.h": {"codec"}, r"libdeflate\.h": {"apiserver/handlers"},
    r"protobuf-c/.*": {"codec", "client-go-like"},
    r"curl/.*": {"client-go-like"}, r"seccomp\.h": {"apiserver/process"},
}


def folder_of(path):
    """The longest folder of ARROWS that holds a path."""
    return max((f for f in ARROWS if path.startswith(f + "/")), key=len, default=None)


def sources():
    for top in sorted({f.split("/")[0] for f in ARROWS}):
        for where, _, names in os.walk(os.path.join(ROOT, top)):
            for name in names:
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(where, name), ROOT)


def includes(path, form):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return re.findall(r'^#include ' + form, f.read(), re.M)


class Arrows(unittest.TestCase):
    def test_includes_point_one_way(self):
        wrong = []
        for path in sources():
            here = folder_of(path)
            for included in includes(path, '"([^"]+)"'):
                there = folder_of(included)
                if there is not None and there != here and there not in ARROWS[here]:
                    wrong.append(f"{path} includes {included}")
        self.assertEqual(wrong, [])

    def test_a_library_is_seen_by_one_folder(self):
        wrong = []
        for path in sources():
            for included in includes(path, "<([^>]+)>"):
                for pattern, folders in LIBRARIES.items():
                    if re.fullmatch(pattern, included) and folder_of(path) not in folders:
                        wrong.append(f"{path} includes {included}")
        self.assertEqual(wrong, [])

    def test_server_and_client_never_meet(self):
        for path in sources():
            for included in includes(path, '"([^"]+)"'):
                self.assertFalse(path.startswith("client-go-like/") and included.startswith(("apiserver/", "storage/")), path)

    def test_clang_format_decides_layout(self):
        tool = shutil.which("clang-format")
        if tool is None:
            self.skipTest("clang-format is not installed")
        done = subprocess.run([tool, "--dry-run", "-Werror", *sources()], cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[:2000])


if __name__ == "__main__":
    unittest.main(verbosity=2)
