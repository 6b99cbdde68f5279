"""What people do with tidectl beyond get: editing, waiting, watching to an end, completing, and the exit
codes that scripts rely on. (That it prints what kubectl prints: tests/interop/test_tidectl_kubectl.py.)"""
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import stat
import struct
import subprocess
import termios
import time
import unittest

from tidewatch import BUILD, CONFIGMAPS, PATIENCE_S, ApiTest, Server, configmap, main, wait_for

TIDECTL = os.path.join(BUILD, "tidectl")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GAVE_UP, NOT_UNTIL = 3, 4


class Tidectl(ApiTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = cls.server.folder
        cls.env = dict(os.environ, KUBECONFIG=cls.server.kubeconfig, HOME=cls.folder, TMPDIR=cls.folder)

    def setUp(self):
        super().setUp()
        self.read = {}  # by stream: what came, not asked for yet

    def run_it(self, *args, stdin=None, **env):
        return subprocess.run([TIDECTL, *args], env=dict(self.env, **env), input=stdin, text=True, cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE_S * 2)

    def t(self, *args, stdin=None, code=0, **env):
        done = self.run_it(*args, stdin=stdin, **env)
        self.assertEqual(done.returncode, code, f"tidectl {' '.join(args)}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def make(self, name, labels=None, **data):
        return self.made(CONFIGMAPS, configmap(name, data, labels))

    def data(self, name):
        return self.ok("GET", f"{CONFIGMAPS}/{name}")["data"]

    def start(self, *args, **more):
        process = subprocess.Popen([TIDECTL, *args], env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   **more)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def line(self, stream):
        """The next line. It passes by the stream's own buffer, which select() does not see."""
        while "\n" not in self.read.get(stream, ""):
            ready, _, _ = select.select([stream], [], [], PATIENCE_S)
            piece = os.read(stream.fileno(), 65536).decode() if ready else ""
            self.assertTrue(piece, f"no line came behind {self.read}")
            self.read[stream] = self.read.get(stream, "") + piece
        line, _, self.read[stream] = self.read[stream].partition("\n")
        return line

    def editor(self, text):
        path = os.path.join(self.folder, f"editor{len(os.listdir(self.folder))}.sh")
        with open(path, "w") as f:
            f.write("#!/bin/sh\n" + text)
        os.chmod(path, stat.S_IRWXU)
        return path


class Commands(Tidectl):
    def test_edit_saves_what_the_editor_leaves(self):
        self.make("edited", k="v")
        self.assertEqual(self.t("edit", "cm", "edited", EDITOR="sed -i 's/k: v/k: w/'"), "configmap/edited edited\n")
        self.assertEqual(self.data("edited"), {"k": "w"})
        self.assertEqual(self.t("edit", "cm", "edited", EDITOR="true"), "Edit cancelled, no changes made.\n")
        self.assertIn("saved file was empty", self.t("edit", "cm", "edited", KUBE_EDITOR="truncate -s 0", EDITOR="false"))
        self.assertIn("problem with the editor", self.t("edit", "cm", "edited", EDITOR="false", code=1))

    def test_edit_opens_again_with_what_the_server_says(self):
        self.make("again", k="v")
        editor = self.editor('if grep -q "was not valid" "$1"; then sed -i "s/^data: .*/data: {k: x}/" "$1"\n'
                             'else sed -i -e "s/^data:/data: []/" -e "/^  k: v/d" "$1"; fi\n')
        self.assertEqual(self.t("edit", "cm", "again", EDITOR=editor), "configmap/again edited\n")
        self.assertEqual(self.data("again"), {"k": "x"})
        text = self.t("edit", "cm", "again", EDITOR=self.editor('sed -i "s/^data:.*/data: [/" "$1"\n'), code=1)
        self.assertIn("no valid changes were saved", text)
        with open(re.search(r'stored to "(.*)"', text).group(1)) as f:
            self.assertIn("data: [", f.read())

    def test_diff_tells_by_its_exit_code(self):
        self.make("differs", k="v")
        body = configmap("differs", {"k": "w"})
        text = self.t("diff", "-f", "-", stdin=json.dumps(body), code=1)
        self.assertIn("-  k: v\n+  k: w\n", text)
        body["data"]["k"] = "v"
        self.assertEqual(self.t("diff", "-f", "-", stdin=json.dumps(body)), "")
        self.t("diff", "-f", "/nonexistent", code=2)
        self.assertIn("LIVE-", self.t("diff", "-f", "-", stdin=json.dumps(body), KUBECTL_EXTERNAL_DIFF="echo"))
        self.assertEqual(self.data("differs"), {"k": "v"})
        self.assertEqual([n for n in os.listdir(self.folder) if n.startswith(("LIVE-", "MERGED-"))], [])

    def test_a_secret_is_compared_without_being_shown(self):
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hidden"}, "data": {"p": "cXE="}}
        self.made(CONFIGMAPS.replace("configmaps", "secrets"), secret)
        secret["data"] = {"p": "enp6"}
        text = self.t("diff", "-f", "-", stdin=json.dumps(secret), code=1)
        self.assertIn("-  p: '*** (before)'\n+  p: '*** (after)'\n", text)
        self.assertNotIn("cXE=", text)

    def test_wait_ends_when_it_happens(self):
        self.make("awaited", k="v")
        waits = [self.start("wait", "cm/awaited", "--for=jsonpath={.data.k}=w", f"--timeout={int(PATIENCE_S)}s"),
                 self.start("wait", "cm/later", "--for=create", f"--timeout={int(PATIENCE_S)}s"),
                 self.start("wait", "cm/awaited", "--for=delete", f"--timeout={int(PATIENCE_S)}s")]
        wait_for(lambda: self.server.metric("apiserver_longrunning_requests") >= 3, "the watches")
        self.make("later")
        self.patched(CONFIGMAPS + "/awaited", {"data": {"k": "w"}})
        self.assertEqual(waits[0].communicate(timeout=PATIENCE_S)[0], "configmap/awaited condition met\n")
        self.ok("DELETE", CONFIGMAPS + "/awaited")
        for process in waits:
            process.communicate(timeout=PATIENCE_S)
            self.assertEqual(process.returncode, 0)

    def test_delete_waits_for_finalizers_until_its_timeout(self):
        self.made(CONFIGMAPS, configmap("held", finalizers=["example.com/hold"]))
        text = self.t("delete", "cm", "held", "--timeout=100ms", code=1)
        self.assertIn("timed out waiting for the condition on configmaps/held", text)
        self.t("patch", "cm", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        self.t("get", "cm", "held", code=1)

    def test_apply_on_the_server_works_or_says_that_it_cannot(self):
        done = self.run_it("apply", "--server-side", "-f", "-", stdin=json.dumps(configmap("served", {"k": "v"})))
        if done.returncode == 0:
            self.assertEqual(done.stdout, "configmap/served serverside-applied\n")
        else:
            self.assertIn("does not implement server-side apply", done.stderr)

    def test_replace_and_a_folder_of_files(self):
        folder = os.path.join(self.folder, "deep", "er")
        os.makedirs(folder)
        for name, where in (("one", os.path.dirname(folder)), ("two", folder)):
            with open(os.path.join(where, name + ".json"), "w") as f:
                json.dump(configmap(name, {"k": "v"}), f)
        self.assertEqual(self.t("create", "-f", "deep"), "configmap/one created\n")
        self.assertEqual(self.t("replace", "--force", "-R", "-f", "deep"), "configmap/two replaced\nconfigmap/one replaced\n")
        self.assertEqual(self.t("delete", "-R", "-f", "deep"), 'configmap "two" deleted\nconfigmap "one" deleted\n')

    def test_config_changes_the_file_it_was_read_from(self):
        path = os.path.join(self.folder, "config-of-its-own")
        self.t("config", "set-context", "mine", "--cluster=c", "--user=u", "--kubeconfig", path)
        self.assertEqual(self.t("config", "use-context", "mine", "--kubeconfig", path), 'Switched to context "mine".\n')
        self.t("config", "set-context", "--current", "--namespace=n", "--kubeconfig", path)
        self.assertEqual(self.t("config", "get-contexts", "--no-headers", "--kubeconfig", path).split(), ["*", "mine", "c", "u", "n"])
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, "a") as f:
            f.write("users:\n- name: u\n  user: {token: secret}\n")
        self.assertNotIn("secret", self.t("config", "view", "--kubeconfig", path))
        self.assertIn("secret", self.t("config", "view", "--raw", "--kubeconfig", path))

    def test_v_shows_requests_and_as_impersonates(self):
        text = self.t("get", "cm", "--as=bob", "-v=6")
        self.assertRegex(text, r"GET http://127.0.0.1:\d+/api/v1/namespaces/default/configmaps\?limit=500 200 in \d+ ms\n")
        self.assertIn("response body: ", self.t("get", "cm", "-v8"))
        self.assertIn('invalid argument "loud" for "-v, --v" flag', self.t("get", "cm", "-v", "loud", code=1))


class Watching(Tidectl):
    def test_until_ends_a_watch_and_its_exit_code_says_how(self):
        self.make("met", k="v")
        self.assertIn("met", self.t("get", "cm", "met", "--until=jsonpath={.data.k}=v"))
        self.assertEqual(len(self.t("get", "cm", "--until=count=1", "--no-headers").splitlines()), 1)
        self.t("get", "cm", "met", "--until=condition=Ready", "--timeout=50ms", code=NOT_UNTIL)
        self.t("get", "cm", "met", "-w", "--timeout=50ms")
        self.t("get", "cm", "met", "--until=nonsense", code=1)
        process = self.start("get", "cm", "met", "--until=deleted", "--output-watch-events")
        self.assertIn("EVENT", self.line(process.stdout))
        self.assertIn("ADDED", self.line(process.stdout))
        self.ok("DELETE", CONFIGMAPS + "/met")
        self.assertIn("DELETED", process.communicate(timeout=PATIENCE_S)[0])
        self.assertEqual(process.returncode, 0)

    def test_since_rv_shows_what_has_been_missed(self):
        before = self.make("first")["metadata"]["resourceVersion"]
        self.make("missed")
        self.patched(CONFIGMAPS + "/missed", {"data": {"k": "w"}})
        text = self.t("get", "cm", f"--since-rv={before}", "--until=count=2", "--output-watch-events", "--timestamps", "--no-headers")
        self.assertRegex(text, r"^20\S+Z +ADDED +missed .*\n20\S+Z +MODIFIED +missed .*\n$")

    def test_a_watch_gives_up_with_an_exit_code_of_its_own(self):
        with socket.socket() as s:  # bound and not listening: refused, and nobody else gets the port
            s.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{s.getsockname()[1]}"
            self.assertIn("did you specify the right host", self.t("get", "cm", "-s", url, "-w", code=1))
        second = Server(storage="memory")
        self.addCleanup(second.close)
        process = self.start("get", "cm", "-w", "-s", second.url, "--give-up-after=1s", "--no-headers", "--watch-only")
        wait_for(lambda: second.metric("apiserver_longrunning_requests") > 0, "the watch")
        second.kill()
        _, told = process.communicate(timeout=PATIENCE_S * 2)
        self.assertEqual(process.returncode, GAVE_UP, told)
        self.assertIn("going on from resourceVersion", told)
        self.assertIn("giving up", told)

    def test_stats_are_told_on_a_signal_and_at_the_end(self):
        self.make("counted")
        process = self.start("get", "cm", "counted", "-w", "--stats", "--no-headers")
        self.line(process.stdout)
        self.patched(CONFIGMAPS + "/counted", {"data": {"k": "w"}})
        self.line(process.stdout)
        process.send_signal(signal.SIGUSR1)
        self.assertRegex(self.line(process.stderr), r"1 events \(0 added, 1 modified, 0 deleted\).* \d+ bytes, .*1 lists, 0 reconnects")
        process.send_signal(signal.SIGINT)
        self.assertIn("1 events", process.communicate(timeout=PATIENCE_S)[1])
        self.assertEqual(process.returncode, 130)

    def on_terminal(self, *args, **env):
        """Runs on a terminal of 60 columns and 10 lines; gives what reads until a word has come."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 60, 0, 0))
        process = subprocess.Popen([TIDECTL, *args], env=dict(self.env, TERM="xterm", **env), stdout=theirs, stderr=subprocess.PIPE)
        os.close(theirs)
        self.addCleanup(os.close, ours)
        self.addCleanup(self.end, process)
        text = ""

        def until(pattern):
            nonlocal text
            deadline = time.monotonic() + PATIENCE_S
            while not re.search(pattern, text, re.S):
                ready, _, _ = select.select([ours], [], [], PATIENCE_S)
                self.assertTrue(ready and time.monotonic() < deadline, f"no {pattern!r} in {text[-2000:]!r}")
                text += os.read(ours, 65536).decode()
            seen, text = text, ""
            return seen
        return until

    def test_live_keeps_one_table_in_place(self):
        self.make("row-a", {"live": "yes"}, k="v")
        until = self.on_terminal("get", "cm", "-l", "live=yes", "--live")
        self.assertIn("row-a", until(r"row-a.*\x1b\[J"))
        for n in range(12):
            self.make(f"row-b{n:02}", {"live": "yes"}, k="v")
        self.assertRegex(until(r"and 6 more"), r"\x1b\[\d+A")
        self.ok("DELETE", CONFIGMAPS + "/row-a")
        until(r"\x1b\[31mrow-a")  # red for a while
        until(r"NAME[^\x1b]*\x1b\[0m\x1b\[K\r\n(\x1b\[32m)?row-b00")  # then gone

    def test_colours_are_for_terminals_and_can_be_declined(self):
        self.make("coloured", {"shown": "yes"})
        args = ("get", "cm", "-l", "shown=yes", "-w")
        self.assertIn("\x1b[32mcoloured", self.on_terminal(*args)(r"coloured.*\n"))
        self.assertNotIn("\x1b", self.on_terminal(*args, NO_COLOR="1")(r"coloured.*\n"))
        self.assertNotIn("\x1b", self.t(*args, "--until=count=1"))


class Help(Tidectl):
    def test_completion_asks_the_server(self):
        self.make("complete-me")
        for words, expected in ((("get", "configm"), "configmaps\n"), (("get", "cm", "complete-"), "complete-me\n"),
                                (("describe", "cm/complete"), "cm/complete-me\n"), (("get", "-n", "kube-p"), "kube-public\n"),
                                (("get", "--show-l"), "--show-labels\n"), (("create", "secret", ""), "generic\n"),
                                (("config", "use-context", ""), "tidewatch\n"), (("rep",), "replace\n"),
                                (("patch", "cm", "x", "--type=me"), "--type=merge\n"), (("get", "-f", ""), "")):
            self.assertEqual(self.t("__complete", *words), expected, words)
        for shell in ("bash", "zsh", "fish"):
            self.assertIn("__complete", self.t("completion", shell))

    def test_bash_completes_a_line(self):
        self.make("by-bash")
        script = ('source <("$0" completion bash); COMP_LINE="$0 get cm by-b"; COMP_POINT=${#COMP_LINE}; _tidectl; echo "${COMPREPLY[@]}"\n'
                  'COMP_LINE="$0 patch cm x --type=st"; COMP_POINT=${#COMP_LINE}; _tidectl; echo "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", script, TIDECTL], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.stdout, "by-bash\nstrategic\n", done.stderr)

    def test_each_command_has_help_with_an_example(self):
        names = re.findall(r"^  ([a-z][a-z -]*?)  ", self.t("help"), re.M)
        self.assertGreater(len(names), 25)
        for name in names:
            text = self.t(*name.split(), "--help")
            self.assertIn(f"Examples:\n  ", text)
            self.assertIn("tidectl " + name, text)
            self.assertLess(len(text.splitlines()), 50, name)

    def test_what_asks_no_server_loads_no_libcurl(self):
        """It and what it needs are most of a start."""
        done = subprocess.run(["ldd", TIDECTL], stdout=subprocess.PIPE, text=True, check=True)
        self.assertNotRegex(done.stdout, "libcurl|libcrypto")

    def test_the_man_page_is_that_of_this_program(self):
        with open(os.path.join(ROOT, "docs", "man", "tidectl.1")) as f:
            self.assertEqual(f.read(), self.t("__man"))


del Tidectl  # only its subclasses are tests

if __name__ == "__main__":
    main()
