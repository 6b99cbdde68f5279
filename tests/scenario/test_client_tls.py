"""Who a client is over TLS: certificates from inside the kubeconfig, from files and from a plugin, and a name to
check that is not in the URL. The server here only says whom it saw."""
import base64
import http.server
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

from tidewatch import BUILD, PATIENCE_S, main

PLUGIN = """#!/bin/sh
cat "$ANSWER"
"""


class Greeter(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        peer = dict(part[0] for part in self.connection.getpeercert()["subject"])
        text = f"hello {peer['commonName']} at {self.server.asked_for} with {self.headers.get('Authorization')}"
        body = json.dumps({"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": text})
        self.send_response(403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # handshakes that a test wants to fail


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="tidewatch-tls-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem")
        for name, extra in (("server", "subjectAltName=DNS:tls.example"), ("jane", None), ("joe", None)):
            cls.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
                        "-keyout", name + ".key", "-out", name + ".csr")
            extensions = []
            if extra is not None:
                with open(os.path.join(cls.folder, "ext"), "w") as f:
                    f.write(extra)
                extensions = ["-extfile", "ext"]
            cls.openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                        "-days", "2", "-out", name + ".pem", *extensions)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cls.path("server.pem"), cls.path("server.key"))
        context.load_verify_locations(cls.path("ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        cls.server = Quiet(("127.0.0.1", 0), Greeter)
        cls.server.asked_for = None

        def on_name(_socket, name, _context):
            cls.server.asked_for = name
        context.sni_callback = on_name
        cls.server.socket = context.wrap_socket(cls.server.socket, server_side=True)
        thread = threading.Thread(target=cls.server.serve_forever, daemon=True)
        thread.start()
        cls.addClassCleanup(cls.server.shutdown)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def openssl(cls, *args):
        subprocess.run(["openssl", *args], cwd=cls.folder, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def data(self, name):
        with open(self.path(name), "rb") as f:
            return base64.b64encode(f.read()).decode()

    def greeting(self, user, **cluster):
        config = {"current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                  "clusters": [{"name": "c", "cluster": dict({
                      "server": f"https://127.0.0.1:{self.server.server_port}", "tls-server-name": "tls.example",
                      "certificate-authority-data": self.data("ca.pem")}, **cluster)}],
                  "users": [{"name": "u", "user": user}]}
        kubeconfig = self.path("kubeconfig")
        with open(kubeconfig, "w") as f:
            json.dump(config, f)
        done = subprocess.run([os.path.join(BUILD, "tidectl"), "get", "pods"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=2 * PATIENCE_S,
                              env=dict(os.environ, KUBECONFIG=kubeconfig))
        return done.stdout

    def test_a_certificate_inside_the_kubeconfig(self):
        said = self.greeting({"client-certificate-data": self.data("jane.pem"), "client-key-data": self.data("jane.key")})
        self.assertIn("hello jane at tls.example with None", said)

    def test_a_certificate_in_files_named_relative_to_the_kubeconfig_and_a_token(self):
        said = self.greeting({"client-certificate": "joe.pem", "client-key": "joe.key", "token": "t"})
        self.assertIn("hello joe at tls.example with Bearer t", said)

    def test_a_certificate_and_a_token_from_a_plugin(self):
        with open(self.path("plugin"), "w") as f:
            f.write(PLUGIN)
        os.chmod(self.path("plugin"), 0o700)
        with open(self.path("jane.pem")) as cert, open(self.path("jane.key")) as key, open(self.path("answer"), "w") as f:
            json.dump({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                       "status": {"clientCertificateData": cert.read(), "clientKeyData": key.read(), "token": "p"}}, f)
        said = self.greeting({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin",
                                       "interactiveMode": "IfAvailable",
                                       "env": [{"name": "ANSWER", "value": self.path("answer")}]}})
        self.assertIn("hello jane at tls.example with Bearer p", said)

    def test_a_server_of_another_name_or_authority_is_not_talked_to(self):
        jane = {"client-certificate-data": self.data("jane.pem"), "client-key-data": self.data("jane.key")}
        other = {"tls-server-name": "other.example"}
        self.assertNotIn("hello", self.greeting(jane, **other))
        self.assertNotIn("hello", self.greeting(jane, **{"certificate-authority-data": self.data("jane.pem")}))
        self.assertIn("hello jane", self.greeting(jane, **{"certificate-authority-data": "",
                                                           "insecure-skip-tls-verify": True}))


if __name__ == "__main__":
    if shutil.which("openssl") is None:
        print("skipped: openssl is not installed")
        sys.exit(77)
    main()
