"""curl, as people use it: events appear as they happen over HTTP/1.1 and over h2c."""
import json
import os
import select
import subprocess
import tempfile
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, Server, configmap, main


class Curl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(storage="memory")
        cls.addClassCleanup(cls.server.close)

    def curl(self, *args):
        done = subprocess.run(["curl", "-sS", "--max-time", str(PATIENCE_S), *args], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def events_as_they_happen(self, name, *flags):
        watch = subprocess.Popen(["curl", "-sSN", *flags, f"{self.server.url}{CONFIGMAPS}?watch=true&resourceVersion=1"],
                                 stdout=subprocess.PIPE)
        buffered = b""
        try:
            for n in range(3):
                made = self.server.client().create(CONFIGMAPS, configmap(f"{name}{n}"))
                self.assertEqual(made.code, 201, made)
                while True:
                    while b"\n" not in buffered:
                        ready, _, _ = select.select([watch.stdout], [], [], PATIENCE_S)
                        self.assertTrue(ready, "no event came")
                        buffered += os.read(watch.stdout.fileno(), 65536)
                    line, buffered = buffered.split(b"\n", 1)
                    event = json.loads(line)
                    if event["object"]["metadata"]["name"] == f"{name}{n}":
                        break
                self.assertEqual(event["type"], "ADDED")
        finally:
            watch.kill()
            watch.communicate()

    def test_events_over_http_1_1(self):
        self.events_as_they_happen("one")

    def test_events_over_h2c(self):
        self.events_as_they_happen("two", "--http2-prior-knowledge")

    def test_plain_polls_are_304_until_something_changes(self):
        for flag in ("--http1.1", "--http2-prior-knowledge"):
            with tempfile.TemporaryDirectory() as folder:
                etag = os.path.join(folder, "etag")

                def poll():
                    return self.curl(flag, "-o", "/dev/null", "-w", "%{http_code}", "--etag-compare", etag,
                                     "--etag-save", etag, self.server.url + CONFIGMAPS)
                with open(etag, "w"):
                    pass
                self.assertEqual([poll(), poll()], [b"200", b"304"], flag)
                made = self.server.client().create(CONFIGMAPS, configmap(f"poll{flag}"))
                self.assertEqual(made.code, 201, made)
                self.assertEqual([poll(), poll()], [b"200", b"304"], flag)

    def test_http_1_0_gets_a_stream_without_chunks(self):
        text = self.curl("--http1.0", "-i", f"{self.server.url}{CONFIGMAPS}?watch=true&timeoutSeconds=1&resourceVersion=1")
        self.assertNotIn(b"chunked", text.lower())

    def test_people_get_indented_json(self):
        self.assertIn(b'\n  "kind": "ConfigMapList"', self.curl(f"{self.server.url}{CONFIGMAPS}"))
        self.assertNotIn(b"\n  ", self.curl(f"{self.server.url}{CONFIGMAPS}?pretty=false"))

    def test_large_lists_are_gzipped_when_asked(self):
        for n in range(20):
            self.server.client().create(CONFIGMAPS, configmap(f"large{n}", {"k": "x" * 10000}))
        head = self.curl("-D", "-", "-o", "/dev/null", "-H", "Accept-Encoding: gzip", f"{self.server.url}{CONFIGMAPS}")
        self.assertIn(b"content-encoding: gzip", head.lower())
        self.assertIn(b"vary: accept-encoding", head.lower())
        body = self.curl("--compressed", f"{self.server.url}{CONFIGMAPS}")
        self.assertGreaterEqual(len(json.loads(body)["items"]), 20)

    def test_health_version_and_metrics(self):
        self.assertEqual(self.curl(self.server.url + "/healthz"), b"ok")
        self.assertIn(b"[+]ping ok\n", self.curl(self.server.url + "/readyz?verbose"))
        self.assertIn(b"readyz check passed", self.curl(self.server.url + "/readyz?verbose"))
        self.assertEqual(json.loads(self.curl(self.server.url + "/version"))["major"], "1")
        self.assertIn(b"apiserver_request_total{", self.curl(self.server.url + "/metrics"))

    def test_audit_id_and_cache_control(self):
        head = self.curl("-D", "-", "-o", "/dev/null", f"{self.server.url}{CONFIGMAPS}").lower()
        self.assertIn(b"audit-id: ", head)
        self.assertIn(b"cache-control: no-cache, private", head)

    def test_discovery_can_be_kept(self):
        for path in ("/api", "/apis", "/openapi/v3"):
            head = self.curl("-D", "-", "-o", "/dev/null", "-H",
                             "Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
                             self.server.url + path).decode()
            etag = next(line.split(": ", 1)[1] for line in head.splitlines() if line.lower().startswith("etag"))
            code = self.curl("-o", "/dev/null", "-w", "%{http_code}", "-H",
                             "Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
                             "-H", f"If-None-Match: {etag}", self.server.url + path)
            self.assertEqual(code, b"304", path)


if __name__ == "__main__":
    main()
