"""What hostile clients send, on a running server; docs/reliability.md has the whole table, most of whose rows are unit
tests. Each named test there must exist."""
import base64
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, ApiTest, Server, configmap, main, sanitizers_kib, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CANARY = "canary-that-must-not-be-seen"
SECRETS = "/api/v1/namespaces/default/secrets"


def talk(address, request):
    """Sends raw bytes, ends, and returns all that is answered until the close."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as s:
        s.settimeout(PATIENCE_S)
        s.connect(address)
        answer = b""
        try:
            s.sendall(request)
            s.shutdown(socket.SHUT_WR)
            while some := s.recv(65536):
                answer += some
        except ConnectionError:
            pass
    return answer


def codes(answer):
    return re.findall(rb"HTTP/1\.1 (\d{3})", answer)


class Table(unittest.TestCase):
    def test_each_test_of_the_table_exists(self):
        with open(os.path.join(ROOT, "docs", "reliability.md")) as f:
            section = f.read().split("## Hostile clients", 1)[1].split("\n## ", 1)[0]
        named = re.findall(r"`(tests/[\w./-]+)` (\w+)", section)
        self.assertGreater(len(named), 20)
        for path, name in named:
            with self.subTest(path=path, name=name), open(os.path.join(ROOT, path)) as f:
                self.assertRegex(f.read(), rf"(, {name}\)|def {name}\()")


class Paths(ApiTest):
    def setUp(self):
        super().setUp()
        self.client.call("DELETE", SECRETS + "/hidden")
        self.made(SECRETS, {"metadata": {"name": "hidden"}, "stringData": {"k": CANARY}})

    def test_tricks_with_paths_lead_nowhere(self):
        for path in ("/api/v1/namespaces/default/configmaps/../secrets/hidden",
                     "/api/v1/namespaces/default/configmaps/%2e%2e/secrets/hidden",
                     "/api/v1/namespaces/default/configmaps/..%2fsecrets%2fhidden",
                     "/api/v1/namespaces/default/configmaps%2f..%2fsecrets/hidden",
                     "/api/v1/namespaces/default%2fsecrets%2fhidden", "//api/v1/namespaces/default//secrets/hidden",
                     "/api/v1/namespaces/default/secrets/hidden%00", "/api/v1/namespaces/default/secrets/hidden/.",
                     "/api/v1/namespaces/default%00/secrets/hidden", "/api/v1/namespaces/default/secrets;/hidden",
                     "/api/v1/namespaces/default/secrets%5chidden", "/api/v1/namespaces/./default/secrets/hidden"):
            answer = talk(("127.0.0.1", self.server.port), f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            self.assertIn(codes(answer), ([b"400"], [b"404"]), (path, answer))
            self.assertNotIn(CANARY.encode(), answer)

    def test_a_cluster_scoped_object_is_not_reached_through_a_namespace(self):  # CVE-2019-11247
        self.made("/apis/rbac.authorization.k8s.io/v1/clusterroles", {"metadata": {"name": "wide"}, "rules": []})
        path = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/clusterroles"
        for method, target in (("GET", path), ("GET", path + "/wide"), ("POST", path), ("PUT", path + "/wide"),
                               ("DELETE", path + "/wide"), ("DELETE", path), ("GET", path + "?watch=1")):
            answer = self.client.call(method, target, {"metadata": {"name": "wide"}})
            self.assertIn(answer.code, (404, 405), (method, target, answer))
        self.ok("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/wide")

    def test_an_object_of_a_namespace_is_not_reached_without_it(self):
        body = {"metadata": {"name": "hidden", "namespace": "default"}, "stringData": {"k": "forged"}}
        for method, target in (("GET", "/hidden"), ("POST", ""), ("PUT", "/hidden"), ("PATCH", "/hidden"), ("DELETE", "/hidden"),
                               ("DELETE", ""), ("GET", "/hidden?watch=1"), ("PUT", "/hidden/status")):
            answer = self.client.call(method, "/api/v1/secrets" + target, body)
            self.assertIn(answer.code, (400, 404, 405, 415), (method, target, answer))
            self.assertNotIn(CANARY.encode(), answer.body)
        other = self.client.get("/api/v1/namespaces/other/secrets/hidden")
        self.assertEqual(other.code, 404)
        self.assertEqual(self.ok("GET", SECRETS + "/hidden")["data"], {"k": base64.b64encode(CANARY.encode()).decode()})


class Headers(ApiTest):
    flags = ("--cors-allowed-origins=https://good.example",)

    def test_what_a_url_or_an_origin_says_never_becomes_a_header(self):
        evil = "%0d%0aX-Evil:%201%0d%0a%0d%0aHTTP/1.1%20200%20OK"
        for target in (f"{CONFIGMAPS}/a{evil}", f"/api/v1/namespaces/a{evil}/configmaps", f"/{evil}",
                       f"{CONFIGMAPS}?labelSelector={evil}", f"{CONFIGMAPS}?resourceVersion={evil}",
                       f"{CONFIGMAPS}?watch=1&resourceVersion={evil}", f"/healthz?verbose&exclude={evil}"):
            for more in ("", "Origin: https://good.example%0d%0aX-Evil: 1\r\n", "Origin: https://good.example\tX-Evil: 1\r\n"):
                answer = talk(("127.0.0.1", self.server.port),
                              f"GET {target} HTTP/1.1\r\nHost: h\r\n{more}Connection: close\r\n\r\n".encode())
                self.assertEqual(len(codes(answer.split(b"\r\n\r\n")[0])), 1, answer)
                self.assertNotIn(b"\r\nx-evil", answer.lower())

    def test_a_browser_takes_no_answer_for_what_it_is_not_and_the_page_runs_nothing_else(self):
        for path in (CONFIGMAPS, CONFIGMAPS + "/none", "/nowhere", "/version", "/healthz", "/ui/live", "/openapi/v3", CONFIGMAPS + "?watch=1&timeoutSeconds=1"):
            self.assertEqual(self.client.get(path).headers.get("x-content-type-options"), "nosniff", path)
        page = self.client.get("/ui/live")
        policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
        nonce = policy["script-src"].strip("'").partition("nonce-")[2]
        self.assertEqual({name: policy[name] for name in ("default-src", "connect-src", "frame-ancestors", "base-uri", "form-action")},
                         {"default-src": "'none'", "connect-src": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'", "form-action": "'none'"})
        self.assertIn(f'nonce="{nonce}"'.encode(), page.body)
        self.assertNotIn(nonce.encode(), self.client.get("/ui/live").body)

    def test_a_page_of_another_origin_opens_no_websocket(self):
        handshake = (f"GET {CONFIGMAPS}?watch=1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n")
        answer = talk(("127.0.0.1", self.server.port), (handshake + "Origin: https://evil.example\r\n\r\n").encode())
        self.assertEqual(codes(answer), [b"403"], answer)

    def test_nothing_behind_a_refused_upgrade_is_served(self):  # CVE-2018-1002105
        handshake = (f"GET {CONFIGMAPS}?watch=1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n")
        answer = talk(("127.0.0.1", self.server.port), (handshake + "GET /version HTTP/1.1\r\nHost: h\r\n\r\n").encode())
        self.assertEqual(codes(answer), [b"400"], answer)

    def test_a_form_of_another_site_writes_nothing(self):
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            answer = self.client.call("POST", CONFIGMAPS, json.dumps(configmap("forged")), content_type=content_type)
            self.assertEqual(answer.code, 415, answer)
        self.assertEqual(self.client.get(CONFIGMAPS + "/forged").code, 404)

    def test_an_object_that_typed_clients_cannot_read_is_not_stored(self):
        deployment = {"metadata": {"name": "typed"}, "spec": {
            "replicas": 1, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}
        path = "/apis/apps/v1/namespaces/default/deployments"
        self.made(path, deployment)
        cannot = "json: cannot unmarshal "
        for spec, why in (({"replicas": "1"}, cannot + "string into Go struct field DeploymentSpec.spec.replicas of type int32"),
                          ({"replicas": 1.5}, cannot + "number 1.5 into"), ({"replicas": 1 << 31}, cannot + "number 2147483648 into"),
                          ({"paused": "no"}, "DeploymentSpec.spec.paused of type bool"),
                          ({"template": {"spec": {"containers": {}}}}, cannot + "object into Go struct field PodSpec.spec.template.spec.containers"),
                          ({"template": {"spec": {"containers": [{"ports": [{"containerPort": True}]}]}}}, "ContainerPort.spec.template.spec.containers.ports.containerPort")):
            bad = {"metadata": {"name": "bad"}, "spec": {**deployment["spec"], **spec}}
            self.refused(self.client.create(path, bad), 400, "BadRequest", why)
            self.refused(self.client.call("PATCH", path + "/typed", {"spec": spec}, "application/merge-patch+json"), 422, "Invalid", why)
        self.refused(self.client.call("PATCH", path + "/typed/status", {"status": {"replicas": {}}}, "application/merge-patch+json"),
                     422, "Invalid", "DeploymentStatus.status.replicas")
        self.refused(self.client.call("PUT", path + "/typed/status", {**deployment, "status": {"replicas": {}}}),
                     400, "BadRequest", "DeploymentStatus.status.replicas")
        self.refused(self.client.create(CONFIGMAPS, {"metadata": {"name": "bad"}, "immutable": "yes"}), 400, "BadRequest", "immutable")
        crd = {"metadata": {"name": "as.b.c"}, "spec": {"conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"caBundle": "not base64"}}}}}
        self.refused(self.client.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd), 400, "BadRequest", "illegal base64 data")
        self.assertEqual(self.ok("GET", path)["items"][0]["spec"]["replicas"], 1)

    def test_a_packed_body_is_not_unpacked(self):
        bomb = gzip.compress(b"[" * (64 << 20))
        answer = self.client.call("POST", CONFIGMAPS, bomb, Content_Encoding="gzip")
        self.assertIn(answer.code, (400, 415), answer)
        self.assertLess(self.server.rss_kib(), (512 << 10) + sanitizers_kib())


GET = b"GET /version HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


def post(headers, body):
    return (b"POST " + CONFIGMAPS.encode() + b" HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n" + headers +
            b"\r\n" + body)


CHUNKED = b"Transfer-Encoding: chunked\r\n"


def ambiguous(hidden):
    """Requests that two readers could cut in two ways, with `hidden` where only one of them sees a request."""
    n = len(hidden)
    return {
        "CL.TE": post(b"Content-Length: %d\r\n" % (n + 5) + CHUNKED, b"0\r\n\r\n" + hidden),
        "TE.CL": post(CHUNKED + b"Content-Length: 4\r\n", b"%x\r\n" % n + hidden + b"\r\n0\r\n\r\n"),
        "two lengths": post(b"Content-Length: 0\r\nContent-Length: %d\r\n" % n, hidden),
        "TE.TE": post(CHUNKED + b"Transfer-Encoding: x\r\n", b"0\r\n\r\n" + hidden),
        "a tab before chunked": post(b"Content-Length: %d\r\nTransfer-Encoding:\tchunked\r\n" % n, hidden),
        "a space before the colon": post(b"Content-Length: %d\r\nTransfer-Encoding : chunked\r\n" % (n + 5),
                                         b"0\r\n\r\n" + hidden),
        "a folded header": post(b"X: y\r\n Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + hidden),
        "a bare line feed": post(b"X: y\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + hidden),
        "a length with a sign": post(b"Content-Length: +%d\r\n" % n, hidden),
        "a chunk of 0x..": post(CHUNKED, b"0x%x\r\n" % n + hidden + b"\r\n0\r\n\r\n"),
        "a chunk of -1": post(CHUNKED, b"-1\r\n" + hidden),
        "a chunk of 2^64": post(CHUNKED, b"10000000000000000\r\n" + hidden),
        "a chunk of 2^63": post(CHUNKED, b"8000000000000000\r\n" + hidden),
        "a chunk's line that ends early": post(CHUNKED, b"2;\nxx\r\n%x\r\n0\r\n\r\n" % n + hidden + b"\r\n0\r\n\r\n"),
        "a chunk's end that is none": post(CHUNKED, b"2\r\nxxx\r\n0\r\n\r\n" + hidden),
        "a trailer's end that is none": post(CHUNKED, b"0\r\nX: y\n\r\n" + hidden),
        "chunked, identity": post(b"Content-Length: %d\r\nTransfer-Encoding: chunked, identity\r\n" % n, hidden),
        "xchunked": post(b"Content-Length: %d\r\nTransfer-Encoding: xchunked\r\n" % n, hidden),
        "a vertical tab before chunked": post(b"Content-Length: %d\r\nTransfer-Encoding: \vchunked\r\n" % n, hidden),
        "two lengths in one": post(b"Content-Length: 0, %d\r\n" % n, hidden),
        "a length in hexadecimal": post(b"Content-Length: 0x%x\r\n" % n, hidden),
        "a length of 2^64": post(b"Content-Length: %d\r\n" % (n + (1 << 64)), hidden),
        "a header that ends with a carriage return": post(b"X: y\rTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + hidden),
        "a zero in a header": post(b"X: y\0\r\nContent-Length: %d\r\n" % n, hidden),
        "chunks in HTTP/1.0": post(b"Content-Length: %d\r\n" % n + CHUNKED, hidden).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
        "an expectation": post(b"Expect: 100-continue\r\nContent-Length: %d\r\n" % n, hidden),
        "another expectation": post(b"Expect: y 100-continue\r\nContent-Length: %d\r\n" % n, hidden),
        "GET with a body": post(b"Content-Length: %d\r\n" % n, hidden).replace(b"POST " + CONFIGMAPS.encode(), b"GET /nothing", 1),
    }


NGINX = """daemon off; master_process off; pid {folder}/pid; error_log {folder}/error;
events {{}} http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
upstream u {{ server 127.0.0.1:{port}; keepalive 4; }}
server {{ listen unix:{folder}/front; location / {{ proxy_pass http://u; proxy_http_version 1.1;
proxy_set_header Connection ""; proxy_request_buffering off; proxy_ignore_client_abort on; }} }} }}
"""
HAPROXY = """global
  nbthread 1
defaults
  mode http
  timeout connect 60s
  timeout client 60s
  timeout server 60s
  {option}
frontend f
  bind unix@{folder}/front
  default_backend b
backend b
  http-reuse always
  server s 127.0.0.1:{port}
"""


class Smuggling(unittest.TestCase):
    """A request that is hidden in another is seen by us only if whoever stands in front has seen it, too."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(storage="memory", flags=["--log-level=debug"])
        cls.addClassCleanup(cls.server.close)

    def seen(self, path):
        with open(os.path.join(self.server.folder, "log")) as f:
            return path in f.read()

    def check(self, address, front):
        for i, what in enumerate(ambiguous(b"")):
            path = f"/hidden-{front}-{i}"
            with self.subTest(what):
                answer = talk(address, ambiguous(b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % path.encode())[what])
                self.assertEqual(codes(talk(address, GET)), [b"200"])
                self.assertNotIn(b"200", codes(answer), answer)
                answers = len([code for code in codes(answer) if code != b"100"])
                self.assertLessEqual(self.seen(path), front != "none" and answers == 2, answer)

    def test_alone(self):
        self.check(("127.0.0.1", self.server.port), "none")

    def test_a_chunk_size_is_digits_and_no_more_than_a_body(self):
        """libh2o takes 0x4 for 0, with trailers behind it, and waits for 2^63 bytes."""
        body = json.dumps(configmap("chunks")).encode()
        whole = post(CHUNKED, b"%x;a=b\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        for size, code in ((b"0x4", b"400"), (b"-1", b"400"), (b"8000000000000000", b"413"), (b"10000000000000000", b"413")):
            answer = talk(("127.0.0.1", self.server.port), whole + post(CHUNKED, size + b"\r\nabcd: e\r\n\r\n") + GET)
            self.assertEqual(codes(answer)[1:], [code], answer)

    def behind(self, program, front, conf, *args, option=""):
        path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")
        if path is None:
            self.skipTest(f"{program} is not installed")
        folder = tempfile.mkdtemp(prefix=f"tidewatch-{program}-")
        self.addCleanup(shutil.rmtree, folder, True)
        with open(os.path.join(folder, "conf"), "w") as f:
            f.write(conf.format(folder=folder, port=self.server.port, option=option))
        process = subprocess.Popen([path, *(arg.format(folder=folder) for arg in args)], stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: process.poll() is not None or self.is_up(folder + "/front"), f"{program} to listen")
            self.assertIsNone(process.poll(), f"{program} did not start")
            self.check(folder + "/front", front)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)

    def test_behind_nginx(self):
        self.behind("nginx", "nginx", NGINX, "-e", "{folder}/error", "-c", "{folder}/conf")

    def test_behind_haproxy(self):
        self.behind("haproxy", "haproxy", HAPROXY, "-db", "-q", "-f", "{folder}/conf")

    def test_behind_haproxy_that_lets_odd_requests_through(self):
        self.behind("haproxy", "odd", HAPROXY, "-db", "-q", "-f", "{folder}/conf", option="option accept-invalid-http-request")

    def is_up(self, address):
        try:
            return codes(talk(address, GET)) == [b"200"]
        except OSError:
            return False


if __name__ == "__main__":
    main()
