"""What `./dev install PREFIX` leaves behind builds programs outside the tree, and they follow a server: C99 and C++, by
pkg-config and by CMake, with the shared library and with the archive. It shows tw_ and no more, has manual pages, and
can neither print nor end the process."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

from tidewatch import BUILD, CONFIGMAPS, PATIENCE_S, Server, configmap, main

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "client-go-like")
# Both C99 and C++. It says what it is told, and at the end of its input what it holds.
PROGRAM = """
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <tidewatch/tidewatch.h>
#include <tidewatch/typed.h>
static void on_add(void *user, tw_object *object, bool initial)
{
    fprintf((FILE *)user, "%s %s\\n", initial ? "found" : "added", tw_object_name(object));
    fflush((FILE *)user);
}
int main(void)
{
    const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};
    tw_client *client = NULL;
    tw_informer *informer = NULL;
    tw_error *error = NULL;
    tw_informer_options options;
    tw_handler_options handler;
    tw_object *half = NULL;
    double n = 0;
    setlocale(LC_ALL, "");
    if (tw_object_from_json("{\\"n\\":0.5}", 9, &half, &error) == TW_OK &&
        tw_value_double(tw_object_at(half, "n"), &n))
        printf("one%shalf: %d\\n", localeconv()->decimal_point, (int)(n * 10));
    tw_object_unref(half);
    memset(&options, 0, sizeof(options));
    options.ns = "default";
    memset(&handler, 0, sizeof(handler));
    handler.on_add = on_add;
    handler.user = stdout;
    if (tw_client_new(NULL, &client, &error) ||
        tw_informer_new(client, &configmaps, &options, &informer, &error) ||
        tw_informer_add_handler(informer, &handler, NULL, &error) || tw_informer_start(informer, &error)) {
        fprintf(stderr, "%s\\n", tw_error_message(error));
        tw_error_free(error);
        return 1;
    }
    getchar();
    tw_informer_stop(informer);
    printf("held %d\\n", (int)tw_store_count(tw_informer_store(informer)));
    tw_type_free(NULL);
    tw_informer_free(informer);
    tw_client_unref(client);
    return 0;
}
"""
# A locale in which a half is written 0,5.
COMMA = """comment_char %
escape_char /
LC_NUMERIC
decimal_point ","
thousands_sep ""
grouping -1
END LC_NUMERIC
"""
PROJECT = """
cmake_minimum_required(VERSION 3.20)
project(outside LANGUAGES C CXX)
find_package(tidewatch REQUIRED)
foreach(library tidewatch static)
    add_executable(c-${library} ../outside.c)
    target_link_libraries(c-${library} PRIVATE tidewatch::${library})
    set_property(TARGET c-${library} PROPERTY C_STANDARD 99)
    add_executable(cc-${library} ../outside.cc)
    target_link_libraries(cc-${library} PRIVATE tidewatch::${library})
endforeach()
"""
# Nothing a library may do to its process. (__assert_fail is not among them: it guards the library's own state.)
FORBIDDEN = ("printf vprintf __printf_chk __vprintf_chk fprintf vfprintf __fprintf_chk __vfprintf_chk puts fputs putchar "
             "putc fputc perror stdout stderr exit _exit _Exit quick_exit abort signal sigaction setlocale setenv putenv "
             "chdir umask srand atexit syslog").split()
# All that it may write to and that belongs to nobody: what is made once from tables that do not change, and under
# pthread_once(); and the one error there is no memory for, which nobody writes to.
ONCE = {"curl_once", "curl_ready", "hash_once", "hash_key", "built", "builtin", "kind_types", "types", "fields", "names",
        "no_memory"}
RUNTIME = {"completed.0", "__dso_handle", "__TMC_END__"}  # the compiler's


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="tidewatch-install-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.prefix = os.path.join(cls.folder, "prefix")
        with open(os.path.join(cls.folder, "comma.source"), "w") as f:
            f.write(COMMA)
        # 1: all its other categories are missing.
        subprocess.run(["localedef", "-c", "-i", "./comma.source", "-f", "ANSI_X3.4-1968", "./comma"], cwd=cls.folder,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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

    def library(self):
        return os.path.join(self.library_folder(), "libtidewatch.so")

    def check_programs(self, *programs):
        """Each is told what is there and what comes, and holds both."""
        with Server() as server:
            client = server.client()
            client.create(CONFIGMAPS, configmap("before"))
            for program in programs:
                with self.subTest(os.path.basename(program)):
                    env = dict(os.environ, KUBECONFIG=server.kubeconfig, LD_LIBRARY_PATH=self.library_folder(),
                               LOCPATH=self.folder, LC_ALL="comma")
                    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True)
                    guard = threading.Timer(PATIENCE_S, process.kill)  # a hang is the end of its lines
                    guard.start()
                    lines = iter(process.stdout.readline, "")
                    self.assertEqual(next(lines), "one,half: 5\n")
                    self.assertIn("found before\n", lines)
                    self.assertEqual(client.create(CONFIGMAPS, configmap("after")).code, 201)
                    self.assertIn("added after\n", lines)
                    rest, _ = process.communicate("\n")
                    guard.cancel()
                    held = len(client.get(CONFIGMAPS).json["items"])
                    self.assertEqual((process.returncode, rest), (0, f"held {held}\n"))
                    self.assertEqual(client.call("DELETE", f"{CONFIGMAPS}/after").code, 200)
            client.close()

    def test_server_tool_and_headers_are_there(self):
        for name in ("tidewatch", "tidectl"):
            self.run_ok(os.path.join(self.prefix, "bin", name), "--help")
        self.assertTrue(os.path.exists(os.path.join(self.prefix, "include", "tidewatch", "tidewatch.h")))
        self.assertTrue(os.path.exists(os.path.join(self.prefix, "share", "man", "man1", "tidectl.1")))

    def test_each_header_has_a_manual_page_and_each_function_leads_to_it(self):
        folder = os.path.join(self.prefix, "share", "man", "man3")
        for header in glob.glob(os.path.join(CLIENT, "include", "tidewatch", "*.h")):
            name = os.path.basename(header)[:-2]
            page = "tidewatch" if name == "tidewatch" else "tw_" + name
            with open(os.path.join(folder, page + ".3")) as f:
                text = f.read()
            self.assertRegex(text, rf"\A\.TH {page.upper()} 3 .*\n.nh\n.ad l\n.SH NAME\n{page} \\- \S.*\n.SH SYNOPSIS\n")
            self.assertEqual(text.count("\n.nf\n"), text.count("\n.fi\n"), page)
            self.assertNotIn("TW_API", text)
            with open(header) as f:
                said, declared = f.read().split("#ifndef", 1)
            self.assertNotRegex(said, r"[^*\s] +(Owner|Threads|Errors)(  |$)", "a label begins its line")
            self.assertEqual("\nOwner" in said.replace(" * ", ""), ".SH OWNERSHIP\n" in text, page)
            for function in re.findall(r"^TW_API [^;(]*?(tw_\w+)\(", declared, re.M):
                if function == "tw_patch":
                    continue # has the name of a header
                with open(os.path.join(folder, function + ".3")) as f:
                    self.assertEqual(f.read(), f".so man3/{page}.3\n")

    def test_it_shows_what_the_list_names_and_the_headers_declare(self):
        shown = [line.split()[-1] for line in self.run_ok("nm", "-D", "--defined-only", self.library()).splitlines()]
        with open(os.path.join(CLIENT, "libtidewatch.symbols")) as f:
            listed = f.read().split()
        declared = set()
        for header in glob.glob(os.path.join(self.prefix, "include", "tidewatch", "*.h")):
            with open(header) as f:
                declared |= set(re.findall(r"^TW_API [^;(]*?(tw_\w+)\(", f.read(), re.M))
        self.assertEqual(sorted(shown), listed)
        self.assertEqual(sorted(declared), listed)
        self.assertEqual([name for name in listed if not name.startswith("tw_")], [])
        archive = os.path.join(self.library_folder(), "libtidewatch.a")
        symbols = self.run_ok("nm", "--defined-only", "--extern-only", archive).splitlines()
        self.assertEqual(sorted(line.split()[-1] for line in symbols if " " in line), listed)
        self.assertIn("[libtidewatch.so.0]", self.run_ok("readelf", "-d", self.library()))

    def test_it_cannot_print_nor_end_the_process_and_has_no_state_of_its_own(self):
        wanted = {re.sub("@.*", "", line.split()[-1])
                  for line in self.run_ok("nm", "-D", "--undefined-only", self.library()).splitlines()}
        self.assertIn("malloc", wanted)
        self.assertEqual(wanted & set(FORBIDDEN), set())
        state = set()
        for line in self.run_ok("objdump", "-t", self.library()).splitlines():
            found = re.search(r" O \.(?:data|bss)\s+\S+\s+(?:\.hidden )?(\S+)$", line)
            # protoc-c's empty texts, which it does not make const, and nobody writes to.
            if found and "__default_value" not in found[1] and found[1] not in RUNTIME:
                state.add(found[1])
        self.assertEqual(state - ONCE, set())

    def test_c99_and_cpp_by_pkg_config(self):
        path = os.path.join(self.library_folder(), "pkgconfig")
        flags = self.run_ok("pkg-config", "--cflags", "--libs", "tidewatch", PKG_CONFIG_PATH=path).split()
        self.run_ok("cc", "-std=c99", "-pedantic-errors", "-Wall", "-Werror", "outside.c", "-o", "outside-c", *flags)
        self.run_ok("c++", "-Wall", "-Werror", "outside.cc", "-o", "outside-cc", *flags)
        self.check_programs(*(os.path.join(self.folder, name) for name in ("outside-c", "outside-cc")))

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

    def test_c99_and_cpp_by_cmake_with_the_shared_library_and_with_the_archive(self):
        folder = os.path.join(self.folder, "project")
        os.makedirs(folder)
        with open(os.path.join(folder, "CMakeLists.txt"), "w") as f:
            f.write(PROJECT)
        self.run_ok("cmake", "-S", folder, "-B", folder + "/b", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.run_ok("cmake", "--build", folder + "/b")
        names = [f"{language}-{library}" for library in ("tidewatch", "static") for language in ("c", "cc")]
        for name in names:
            self.assertEqual("libtidewatch" in self.run_ok("ldd", f"{folder}/b/{name}"), name.endswith("-tidewatch"))
        self.check_programs(*(f"{folder}/b/{name}" for name in names))


if __name__ == "__main__":
    if any(os.path.basename(BUILD) == name for name in ("asan", "tsan")):
        print("skipped: a sanitizer build is not installed")
        sys.exit(77)
    main()
