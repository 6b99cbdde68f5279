"""The server as a process: settings, sockets, signals, logs, and what it refuses at the start."""
import collections
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, TIDEWATCH, Server, Watch, configmap, main, run, wait_for


def thread_names(pid):
    names = collections.Counter()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm") as f:
            names[f.read().strip()] += 1
    return names


class Settings(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tidewatch-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def test_help_fits_one_screen(self):
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        lines = done.stdout.splitlines()
        self.assertLessEqual(len(lines), 30)
        for flag in ("--listen=URL", "--data-dir=DIR", "--storage=KIND", "--threads=N", "--write-kubeconfig=FILE"):
            self.assertIn(flag, done.stdout)

    def test_help_all_has_every_setting(self):
        few, every = run("--help").stdout, run("--help-all").stdout
        self.assertNotIn("--pong-timeout", few)
        for flag in [line.split()[0] for line in few.splitlines() if line.startswith("  --")] + ["--pong-timeout=DURATION"]:
            self.assertIn(flag, every)

    def test_version(self):
        self.assertRegex(run("--version").stdout, r"^tidewatch \d+\.\d+\.\d+\n$")

    def test_what_is_wrong_is_named(self):
        for args, word in ((["--bogus"], 'unknown argument "--bogus"'), (["--threads=many"], '--threads: "many" is no N'),
                           (["--event-ttl=5"], '--event-ttl: "5" is no DURATION'), (["--log-level=loud"], "none of debug, info"), (["--storage=etcd"], "neither sqlite nor memory"),
                           (["--config=/nowhere.yaml"], "/nowhere.yaml: No such file"), (["--listen"], "--listen wants a URL")):
            done = run(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(word, done.stderr)
        done = run("--listen=ftp://x", "--storage=memory")
        self.assertEqual(done.returncode, 1)
        self.assertIn("ftp://x", done.stderr)

    def test_a_config_file_has_the_flags_names_and_a_flag_wins(self):
        path = self.file("c.yaml", "listen:\n- http://127.0.0.1:0\nstorage: memory\nevent-ttl: 5m\nthreads: 7\n")
        process = subprocess.Popen([TIDEWATCH, f"--config={path}", "--threads=1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = process.stdout.readline().decode()
        process.terminate()
        _, log = process.communicate(timeout=PATIENCE_S)
        self.assertTrue(line.startswith("tidewatch ready: http://127.0.0.1:"), line)
        self.assertIn(b"threads=1 ", log)
        done = run(f"--config={self.file('bad.yaml', 'lisen: x')}")
        self.assertEqual((done.returncode, 'unknown setting "lisen"' in done.stderr), (2, True), done.stderr)

    def test_several_listeners_each_have_a_line(self):
        path = os.path.join(self.folder, "socket")
        process = subprocess.Popen([TIDEWATCH, "--listen=http://127.0.0.1:0", f"--listen=unix://{path}", "--storage=memory"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        lines = [process.stdout.readline().decode() for _ in range(2)]
        self.assertEqual(lines[1], f"tidewatch ready: unix://{path}\n")
        for _ in range(4):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(PATIENCE_S)
                s.connect(path)
                s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                self.assertTrue(s.makefile("rb").read().endswith(b"\r\n\r\nok"))
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 0)

    def test_a_port_in_use_is_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = run(f"--listen=http://127.0.0.1:{taken.getsockname()[1]}", "--storage=memory")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Address already in use", done.stderr)

    def test_a_foreign_database_is_refused(self):
        os.makedirs(os.path.join(self.folder, "data"))
        self.file("data/tidewatch.db", "this is no database, but it is long enough to be one" * 100)
        done = run("--listen=http://127.0.0.1:0", f"--data-dir={self.folder}/data")
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr.startswith("tidewatch: "), done.stderr)


class Process(unittest.TestCase):
    def test_a_second_process_on_the_same_data_is_refused(self):
        with Server() as server:
            done = run("--listen=http://127.0.0.1:0", f"--data-dir={server.folder}/data")
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, "another process|in use|locked")
            self.assertEqual(server.client().get("/readyz").code, 200)

    def test_memory_storage_leaves_nothing(self):
        with Server(storage="memory") as server:
            server.client().create(CONFIGMAPS, configmap("a"))
            self.assertFalse(os.path.exists(os.path.join(server.folder, "data")))

    def test_state_and_revisions_survive_a_restart(self):
        with Server() as server:
            made = server.client().create(CONFIGMAPS, configmap("kept", {"k": "v"})).json
            server.stop()
            server.start()
            self.assertEqual(server.client().get(CONFIGMAPS + "/kept").json, made)
            self.assertGreater(server.client().create(CONFIGMAPS, configmap("next")).rv, int(made["metadata"]["resourceVersion"]))

    def test_a_watch_goes_on_after_a_restart(self):
        with Server() as server:
            rv = server.client().create(CONFIGMAPS, configmap("before")).rv
            after = server.client().create(CONFIGMAPS, configmap("after")).rv
            server.stop()
            server.start()
            watch = Watch(server.port, f"{CONFIGMAPS}?watch=1&resourceVersion={rv}")
            self.assertEqual(int(watch.next()["object"]["metadata"]["resourceVersion"]), after)
            watch.close()

    def test_sigterm_with_open_watches_and_idle_connections_ends_soon(self):
        with Server() as server:
            idle = [server.client() for _ in range(20)]
            for c in idle:
                c.get("/healthz")
            watches = [Watch(server.port, f"{CONFIGMAPS}?watch=1&resourceVersion=1") for _ in range(200)]
            took = server.stop()
            for w in watches:
                self.assertIsNone(w.next(), "not a clean end")
            print(f"SIGTERM with 200 watches: {took * 1000:.0f} ms")
            self.assertLess(took, PATIENCE_S / 2)

    def test_its_threads_have_names(self):
        with Server(flags=["--threads=2", "--audit-log-path=/dev/null"]) as server:
            wanted = {"writer": 1, "loop": 2, "history": 2, "audit": 1}.items()
            wait_for(lambda: wanted <= thread_names(server.process.pid).items(), "threads of these names")

    def test_sighup_rereads_the_log_level(self):
        folder = tempfile.mkdtemp(prefix="tidewatch-test-")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "c.yaml")
        with open(path, "w") as f:
            f.write("log-level: info\n")
        with Server(storage="memory", flags=[f"--config={path}", "--log-format=json"]) as server:
            server.client().get("/version")
            self.assertNotIn('"msg":"request"', server.read_log())
            with open(path, "w") as f:
                f.write("log-level: debug\n")
            server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: "settings reloaded" in server.read_log(), "the reload")
            server.client().get("/version?x=%22\\\n".strip())
            wait_for(lambda: '"msg":"request"' in server.read_log(), "a logged request")
            for line in server.read_log().splitlines():
                json.loads(line)

    def test_a_request_id_joins_log_and_answer(self):
        with Server(storage="memory", flags=["--log-level=debug"]) as server:
            answer = server.client().get(CONFIGMAPS)
            audit = {k.lower(): v for k, v in answer.headers.items()}["audit-id"]
            wait_for(lambda: f'id="{audit}"' in server.read_log(), "the request in the log")

    def test_events_expire(self):
        with Server(storage="memory", flags=["--event-ttl=1s"]) as server:
            path = "/api/v1/namespaces/default/events"
            body = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"}}
            rv = server.client().create(path, body).rv
            watch = Watch(server.port, f"{path}?watch=1&resourceVersion={rv}")
            event = watch.next()
            self.assertEqual((event["type"], event["object"]["metadata"]["name"]), ("DELETED", "e"))
            watch.close()


if __name__ == "__main__":
    main()
