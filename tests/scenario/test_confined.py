"""The server and the machine it runs on: what it tells its supervisor, the sockets it is handed, and what it
gives up once it has started."""
import glob
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from tidewatch import BUILD, PATIENCE_S, TIDEWATCH, SecureServer, Server, main, run, wait_for



def is_open():
    with open(os.path.join(BUILD, "CMakeCache.txt")) as f:
        return re.search(r"^(SANITIZE:\w+=.+|COVERAGE:BOOL=ON)$", f.read(), re.M) is not None


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


class Supervised(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tidewatch-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.supervisor.close)
        self.supervisor.settimeout(PATIENCE_S)

    def start(self, *args, pass_fds=(), **env):
        process = subprocess.Popen([TIDEWATCH, f"--data-dir={self.folder}/data", *args], pass_fds=pass_fds,
                                   env=dict(os.environ, **env), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 0)

    def told(self):
        return self.supervisor.recv(4096).decode()

    def check_life(self, address, as_env):
        self.supervisor.bind(address)
        process = self.start("--listen=http://127.0.0.1:0", "--storage=memory", NOTIFY_SOCKET=as_env)
        self.assertEqual(self.told(), "READY=1")
        process.send_signal(signal.SIGHUP)
        self.assertRegex(self.told(), r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
        self.assertEqual(self.told(), "READY=1")
        process.terminate()
        self.assertEqual(self.told(), "STOPPING=1")

    def test_a_supervisor_is_told_of_start_reload_and_end(self):
        path = os.path.join(self.folder, "notify")
        self.check_life(path, path)

    def test_a_supervisor_may_have_an_abstract_socket(self):
        name = os.path.basename(self.folder)
        self.check_life("\0" + name, "@" + name)

    def test_the_watchdog_is_fed(self):
        path = os.path.join(self.folder, "notify")
        self.supervisor.bind(path)
        self.start("--listen=http://127.0.0.1:0", "--storage=memory", NOTIFY_SOCKET=path, WATCHDOG_USEC="20000")
        self.assertEqual([self.told() for _ in range(3)], ["READY=1", "WATCHDOG=1", "WATCHDOG=1"])

    def test_a_watchdog_meant_for_another_is_not_fed(self):
        path = os.path.join(self.folder, "notify")
        self.supervisor.bind(path)
        process = self.start("--listen=http://127.0.0.1:0", "--storage=memory", NOTIFY_SOCKET=path,
                             WATCHDOG_USEC="1000", WATCHDOG_PID="1")
        self.assertEqual(self.told(), "READY=1")
        process.terminate()
        self.assertEqual(self.told(), "STOPPING=1")

    def test_it_serves_on_a_socket_it_is_handed(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port, fd = listener.getsockname()[1], listener.fileno()
            process = self.start(f"--listen=fd://{fd}", "--storage=memory", "--threads=2", pass_fds=[fd])
            self.assertEqual(process.stdout.readline().decode(), f"tidewatch ready: http://127.0.0.1:{port}\n")
        for _ in range(8):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
            connection.request("GET", "/readyz")
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()

    def test_a_number_that_is_no_listening_socket_is_refused(self):
        for number in ("fd://0", "fd://77", "fd://x"):
            done = run(f"--listen={number}", "--storage=memory")
            self.assertEqual(done.returncode, 1, number)
            self.assertIn("no listening socket was inherited", done.stderr)


class Confined(unittest.TestCase):
    def setUp(self):
        if is_open():
            self.skipTest("what this build measures needs what the sandbox refuses")

    def test_every_thread_is_confined_and_leaves_no_core(self):
        with Server() as server:
            tasks = os.listdir(f"/proc/{server.process.pid}/task")
            self.assertGreater(len(tasks), 3)
            for task in tasks:
                status = status_of(f"{server.process.pid}/task/{task}")
                self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))
            with open(f"/proc/{server.process.pid}/limits") as f:
                self.assertRegex(f.read(), r"Max core file size +0 +0 ")
            self.assertGreater(server.metric("process_resident_memory_bytes"), 0)

    def test_it_can_be_turned_off(self):
        with Server(storage="memory", flags=["--no-sandbox"]) as server:
            status = status_of(server.process.pid)
            self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("0", "0"))

    def test_a_certificate_that_is_replaced_is_served_after_sighup(self):
        """Kubernetes and certbot swap links; the file of the start is gone."""
        with SecureServer() as maker:
            folder = tempfile.mkdtemp(prefix="tidewatch-test-")
            self.addCleanup(shutil.rmtree, folder)
            for version in ("one", "two"):
                os.makedirs(os.path.join(folder, "archive", version))
                for name in ("apiserver.crt", "apiserver.key"):
                    shutil.copy(os.path.join(maker.certs, name), os.path.join(folder, "archive", version))
            os.makedirs(os.path.join(folder, "live"))
            link = os.path.join(folder, "live", "now")
            os.symlink("../archive/one", link)
            with SecureServer(flags=[f"--tls-cert-file={link}/apiserver.crt",
                                     f"--tls-private-key-file={link}/apiserver.key"]) as server:
                shutil.rmtree(os.path.join(folder, "archive", "one"))
                os.symlink("../archive/two", link + ".new")
                os.rename(link + ".new", link)
                server.process.send_signal(signal.SIGHUP)
                wait_for(lambda: "reloaded" in server.read_log(), "the reload")
                self.assertNotIn("not reloaded", server.read_log())


class Units(unittest.TestCase):
    def test_systemd_units_are_installed_and_name_the_server(self):
        folder = tempfile.mkdtemp(prefix="tidewatch-test-")
        self.addCleanup(shutil.rmtree, folder)
        subprocess.run(["cmake", "--install", BUILD, "--prefix", folder], check=True, stdout=subprocess.DEVNULL)
        found = {os.path.basename(p): p for p in glob.glob(f"{folder}/lib/systemd/system/*")}
        self.assertEqual(sorted(found), ["tidewatch.service", "tidewatch.socket"])
        with open(found["tidewatch.service"]) as f:
            unit = f.read()
        command = re.search(r"^ExecStart=(\S+/tidewatch) (.*)$", unit, re.M)
        self.assertIsNotNone(command, unit)
        self.assertNotIn("@", command.group(0))
        done = subprocess.run([TIDEWATCH, *command.group(2).split(), "--version"], stdout=subprocess.PIPE, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 0, "a setting of the unit is not one of the server")


if __name__ == "__main__":
    main()
