"""HTTPS: certificates that are made or given, what is spoken over them, and how it ends."""
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest

from tidewatch import (CONFIGMAPS, PATIENCE_S, TIDEWATCH, Client, EventSource, SecureServer, Watch, configmap, main, run,
                       wait_for)

def exchange(server, request, alpn=("http/1.1",), **changes):
    """Sends raw bytes over TLS; all that comes back until the end, which must be one that TLS tells."""
    context = server.context("admin", alpn)
    for name, value in changes.items():
        setattr(context, name, value)
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as plain, \
            context.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as s:
        s.sendall(request)
        answer = b""
        while data := s.recv(65536):
            answer += data
        return answer, s.version(), s.selected_alpn_protocol()


class Made(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = SecureServer()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        self.client = self.server.client()
        self.addCleanup(self.client.close)

    def test_the_kubeconfig_is_for_its_owner_alone_and_gets_in(self):
        self.assertEqual(os.stat(self.server.kubeconfig).st_mode & 0o777, 0o600)
        with open(self.server.kubeconfig) as f:
            text = f.read()
        for word in (f"server: https://127.0.0.1:{self.server.port}\n", "certificate-authority-data: ", "client-key-data: "):
            self.assertIn(word, text)
        self.assertEqual(self.client.get("/api/v1/namespaces/default").code, 200)

    def test_tls_1_2_and_1_3_and_nothing_older(self):
        request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            answer, spoken, protocol = exchange(self.server, request, maximum_version=version, minimum_version=version)
            self.assertTrue(answer.endswith(b"ok"), answer)
            self.assertEqual((spoken, protocol), (version.name.replace("_", "."), "http/1.1"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S) as plain:
            with self.assertRaises((ssl.SSLError, ConnectionResetError)):
                context.wrap_socket(plain)

    def test_no_key_exchange_costs_the_server_more_than_an_elliptic_curve(self):
        for group, taken in (("X25519", True), ("P-256", True), ("P-384", True), ("ffdhe2048", False), ("ffdhe8192", False)):
            done = subprocess.run(["openssl", "s_client", "-tls1_3", "-groups", group, "-connect", f"127.0.0.1:{self.server.port}"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE_S)
            self.assertEqual(done.returncode == 0, taken, group)

    def test_nothing_is_resumed(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context, session = self.server.context("admin"), None
            context.minimum_version = context.maximum_version = version
            for _ in range(2):
                with socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S) as plain, \
                        context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as s:
                    s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                    self.assertTrue(s.recv(12))  # what TLS 1.3 sends behind its handshake is here
                    self.assertFalse(s.session_reused)
                    self.assertFalse(s.session is not None and s.session.has_ticket)
                    session = s.session

    def test_a_client_that_names_no_protocol_gets_http_1(self):
        answer, _, protocol = exchange(self.server, b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n", alpn=())
        self.assertEqual((protocol, answer[-2:]), (None, b"ok"))

    def test_a_client_that_speaks_only_another_protocol_is_refused(self):
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            exchange(self.server, b"", alpn=("spdy/3",))

    def test_what_is_refused_ends_with_a_good_bye(self):
        for request, code in ((b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 70000 + b"\r\n\r\n", 431),
                              (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
                              (b"POST " + CONFIGMAPS.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", 413)):
            answer, _, _ = exchange(self.server, request)
            self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % code), (code, answer[:200]))
            self.assertIn(b'"kind":"Status"', answer)

    def test_a_stream_whose_end_is_the_close_ends_with_a_good_bye(self):
        answer, _, _ = exchange(self.server, f"GET {CONFIGMAPS}?watch=true&timeoutSeconds=1 HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)

    def test_garbage_instead_of_a_handshake_is_let_go(self):
        for garbage in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x00\x05hello", os.urandom(300)):
            with socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S) as s:
                s.sendall(garbage)
                s.shutdown(socket.SHUT_WR)
                try:
                    while s.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        self.assertEqual(self.client.get("/healthz").code, 200)

    def test_large_bodies_pass_both_ways(self):
        data = {"k": "x" * 900_000}
        self.assertEqual(self.client.create(CONFIGMAPS, configmap("large", data)).code, 201)
        self.assertEqual(self.client.get(CONFIGMAPS + "/large").json["data"], data)

    def test_a_watch_tells_events_and_goes_back_to_keep_alive(self):
        watch = self.server.watch(CONFIGMAPS + "?watch=true&timeoutSeconds=1&labelSelector=w%3Dseen")
        self.addCleanup(watch.close)
        self.client.create(CONFIGMAPS, configmap("seen", labels={"w": "seen"}))
        self.assertEqual([(e["type"], e["object"]["metadata"]["name"]) for e in watch.rest() if e["type"] == "ADDED"],
                         [("ADDED", "seen")])
        watch.connection.request("GET", "/healthz")
        self.assertEqual(watch.connection.getresponse().read(), b"ok")

    def test_many_events_in_one_turn_arrive_whole(self):
        watch = self.server.watch(CONFIGMAPS + "?watch=true&labelSelector=w%3Dmany")
        self.addCleanup(watch.close)
        for i in range(200):
            self.client.create(CONFIGMAPS, configmap(f"many-{i}", labels={"w": "many"}))
        self.assertEqual([e["object"]["metadata"]["name"] for e in watch.take(200)], [f"many-{i}" for i in range(200)])

    def test_server_sent_events(self):
        stream = EventSource(self.server.port, CONFIGMAPS + "?watch=true&labelSelector=w%3Dsse",
                             context=self.server.context("admin"))
        self.addCleanup(stream.close)
        self.client.create(CONFIGMAPS, configmap("sse", labels={"w": "sse"}))
        self.assertEqual(stream.next()["object"]["metadata"]["name"], "sse")


class Leaving(unittest.TestCase):
    def test_a_watcher_that_leaves_is_let_go_whichever_way(self):
        with SecureServer() as server:
            client = server.client()
            self.addCleanup(client.close)

            def watchers():
                lines = client.raw("GET", "/metrics").body.decode().splitlines()
                return sum(int(line.split()[-1]) for line in lines if line.startswith("apiserver_longrunning_requests{"))

            for leave in (lambda w: w.connection.sock.unwrap(), lambda w: (w.response.close(), w.connection.close()),
                          lambda w: w.connection.sock.shutdown(socket.SHUT_RDWR)):
                watch = server.watch(CONFIGMAPS + "?watch=true&labelSelector=none")
                self.assertEqual(watchers(), 1)
                leave(watch)
                wait_for(lambda: watchers() == 0, "the watch to be let go")
                watch.close()


class Given(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tidewatch-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def certificate(self, name, common_name):
        path = os.path.join(self.folder, name)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", f"/CN={common_name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path + ".key",
                        "-out", path + ".crt"], check=True, stderr=subprocess.DEVNULL)
        return path

    def shown(self, server):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as plain, context.wrap_socket(plain) as s:
            return s.getpeercert(binary_form=True)

    def test_a_renewed_certificate_is_shown_after_sighup_and_open_watches_go_on(self):
        path = self.certificate("server", "first")
        with SecureServer(mode="AlwaysAllow", flags=[f"--tls-cert-file={path}.crt", f"--tls-private-key-file={path}.key"]) as server:
            first = self.shown(server)
            context = ssl.create_default_context(cafile=path + ".crt")
            watch = Watch(server.port, CONFIGMAPS + "?watch=true", context=context)
            self.addCleanup(watch.close)
            self.certificate("server", "second")
            server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: self.shown(server) != first, "the new certificate")
            client = Client(server.port, ssl.create_default_context(cafile=path + ".crt"))
            self.addCleanup(client.close)
            self.assertEqual(client.create(CONFIGMAPS, configmap("after")).code, 201)
            self.assertEqual(watch.next()["object"]["metadata"]["name"], "after")

            with open(path + ".crt", "w") as f:
                f.write("broken")
            second = self.shown(server)
            server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: "settings not reloaded" in server.read_log(), "the complaint")
            self.assertIn(path + ".crt", server.read_log())
            self.assertEqual(self.shown(server), second)

    def test_who_was_silent_while_the_keys_changed_is_served(self):
        path = self.certificate("server", "first")
        flags = [f"--tls-cert-file={path}.crt", f"--tls-private-key-file={path}.key"]
        with SecureServer(mode="AlwaysAllow", flags=flags) as server:
            silent = [socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) for _ in range(8)]
            first = self.shown(server)  # those before it are accepted, too
            context = ssl.create_default_context(cafile=path + ".crt")
            self.certificate("server", "second")
            server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: self.shown(server) != first, "the new certificate")
            for plain in silent:
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as s:
                    s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    self.assertIn(b"200 OK", s.recv(4096))

    def test_what_is_wrong_is_named_at_the_start(self):
        path = self.certificate("server", "x")
        other = self.certificate("other", "y")
        listen = ["--listen=https://127.0.0.1:0", "--storage=memory", f"--data-dir={self.folder}/data"]
        for args, code, word in (
                ([f"--tls-cert-file={path}.crt"], 2, "go together"),
                ([f"--tls-cert-file={path}.crt", f"--tls-private-key-file={other}.key"], 1, other + ".key"),
                ([f"--tls-cert-file={path}.nope", f"--tls-private-key-file={path}.key"], 1, path + ".nope"),
                ([f"--client-ca-file={path}.key"], 1, path + ".key"),
                ([f"--token-auth-file={path}.crt"], 1, path + ".crt line 1"),
                (["--service-account-issuer=https://x"], 1, "--service-account-key-file"),
                (["--service-account-issuer=https://x", f"--service-account-key-file={self.folder}/none"], 1, self.folder + "/none"),
                (["--authorization-mode=ABAC"], 2, '"ABAC" is neither')):
            done = run(*listen, *args)
            self.assertEqual(done.returncode, code, (args, done.stderr))
            self.assertIn(word, done.stderr)

    def test_plain_http_beyond_loopback_has_to_be_asked_for(self):
        done = run("--listen=http://0.0.0.0:0", "--storage=memory")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--allow-insecure-http", done.stderr)
        process = subprocess.Popen([TIDEWATCH, "--listen=http://0.0.0.0:0", "--storage=memory", "--allow-insecure-http"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
        self.assertTrue(ready)
        self.assertTrue(process.stdout.readline().startswith(b"tidewatch ready: http://0.0.0.0:"))
        process.terminate()
        self.assertEqual(process.wait(PATIENCE_S), 0)
        process.stdout.close()

    def test_a_made_certificate_is_renewed_before_it_ends(self):
        with SecureServer(storage="sqlite") as server:
            first = self.shown(server)
            for days, kept in ((280, True), (270, False)):
                self.reissue(server.certs, days)
                server.stop()
                reissued = os.stat(server.certs + "/apiserver.crt").st_ino
                server.start()
                self.assertEqual(os.stat(server.certs + "/apiserver.crt").st_ino == reissued, kept)
                self.assertNotEqual(self.shown(server), first)
                self.assertEqual(server.client().get("/healthz").code, 200)  # its CA and its key fit

    def reissue(self, certs, days):
        openssl = lambda *args: subprocess.run(["openssl", *args], check=True, cwd=certs, stderr=subprocess.DEVNULL)
        openssl("x509", "-x509toreq", "-copy_extensions", "copyall", "-in", "apiserver.crt", "-signkey", "apiserver.key",
                "-out", "csr")
        openssl("x509", "-req", "-copy_extensions", "copyall", "-in", "csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                "-days", str(days), "-out", "apiserver.crt")

    def test_what_was_made_is_kept(self):
        with SecureServer(storage="sqlite") as server:
            first = self.shown(server)
            server.stop()
            server.start()
            self.assertEqual(self.shown(server), first)


if __name__ == "__main__":
    main()
