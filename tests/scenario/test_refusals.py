"""Input that is made to hurt - nested without end, or of lengths that no memory has - is refused at once: the
reason is told, the server goes on, and the work is bounded. It prints what each costs (docs/benchmarks.md)."""
import json
import os
import socket
import statistics
import time
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, Server, configmap, main, sanitizers_kib

TIMES = 20
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PROTOBUF, YAML = "application/vnd.kubernetes.protobuf", "application/yaml"
TICKS = os.sysconf("SC_CLK_TCK")


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def envelope(api_version, kind, raw):
    return b"k8s\0" + field(1, field(1, api_version) + field(2, kind)) + field(2, raw)


def deep_schema(size):
    """A CRD whose schema is {not: {not: ..}}: a message in a message, written from the inside."""
    schema = b""
    while len(schema) < size:
        schema = field(28, schema)
    version = field(1, b"v1") + field(4, field(1, schema))
    return envelope(b"apiextensions.k8s.io/v1", b"CustomResourceDefinition", field(2, field(7, version)))


def deep_envelopes(size):
    """An extension that holds an envelope, whose extension holds an envelope .."""
    inner = b""
    while len(inner) < size:
        inner = envelope(b"apps/v1", b"ControllerRevision", field(2, field(1, inner)))
    return inner


LONG = varint(1 << 63)
BODIES = {  # what is sent, how it is called, and what is answered
    "34 KB of messages in messages, protobuf": (CRDS, PROTOBUF, deep_schema(34 << 10), 413),
    "34 KB of envelopes in envelopes, protobuf": ("/apis/apps/v1/namespaces/default/controllerrevisions", PROTOBUF,
                                                  deep_envelopes(34 << 10), 413),
    "a field of 2^63 bytes, protobuf": (CONFIGMAPS, PROTOBUF, b"k8s\0\x12" + LONG + b"x", 400),
    "a string of 2^63 bytes, protobuf": (CONFIGMAPS, PROTOBUF,
                                         envelope(b"v1", b"ConfigMap", b"\x0a" + LONG + b"x"), 400),
    "80 KB of [, YAML": (CONFIGMAPS, YAML, b"[" * (80 << 10), 400),
    "80 KB of {a: , YAML": (CONFIGMAPS, YAML, b"{a: " * (20 << 10), 400),
    "80 KB of '- ', YAML": (CONFIGMAPS, YAML, b"- " * (40 << 10), 400),
    "80 KB of [, JSON": (CONFIGMAPS, "application/json", b"[" * (80 << 10), 400),
}


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(storage="memory", threads=1)
        cls.addClassCleanup(cls.server.close)

    def cpu_s(self):
        with open(f"/proc/{self.server.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def often(self, what, refuse):
        """Refuses TIMES times. CPU time tells work from waiting, on a loaded machine too; a second each would be
        work without a bound."""
        before, took = self.cpu_s(), []
        for _ in range(TIMES):
            began = time.perf_counter()
            refuse()
            took.append((time.perf_counter() - began) * 1000)
        cpu_ms = (self.cpu_s() - before) * 1000 / TIMES
        print(f"{what}: {statistics.median(took):.2f} ms, at most {max(took):.2f}; server CPU {cpu_ms:.1f} ms")
        self.assertLess(cpu_ms, 1000, what)
        self.assertEqual(self.server.client().get("/readyz").code, 200)

    def test_bodies(self):
        client = self.server.client()
        for what, (path, content_type, body, code) in BODIES.items():
            def refuse():
                answer = client.call("POST", path, body, content_type=content_type)
                self.assertEqual((answer.code, answer.json["kind"]), (code, "Status"), (what, answer))
            self.often(what, refuse)
        client.close()

    def test_json_patches(self):
        """CVE-2019-1002100: what they would cost is known before it is spent."""
        client, path = self.server.client(), CONFIGMAPS + "/patched"
        self.assertEqual(client.create(CONFIGMAPS, configmap("patched", {"k": "x" * 1000}, annotations={"a": "1"})).code, 201)
        copies = [{"op": "copy", "from": "/data", "path": f"/data/k{i}"} for i in range(40)]
        for what, patch, code in (("10,001 operations", [{"op": "test", "path": "/data/k", "value": 1}] * 10001, 413),
                                  ("copies that double a document 40 times", copies, 413),
                                  ("an index of 10^18", [{"op": "add", "path": "/metadata/finalizers/" + "9" * 18, "value": "a/b"}], 422),
                                  ("a path of 500,000 parts", [{"op": "add", "path": "/a" * 500000, "value": 1}], 422),
                                  ("a value 100,000 deep", '[{"op":"add","path":"/data","value":' + "[" * 100000, 400),
                                  ("2,500 tests of a kilobyte, then one that fails", [{"op": "test", "path": "/data/k", "value": "x" * 1000}] * 2500 +
                                   [{"op": "test", "path": "/data/k", "value": "y"}], 422)):
            body = patch if isinstance(patch, str) else json.dumps(patch)

            def refuse():
                answer = client.call("PATCH", path, body, content_type="application/json-patch+json")
                self.assertEqual(answer.code, code, (what, answer))
            self.often("JSON patch, " + what, refuse)
        self.assertLess(self.server.rss_kib(), (512 << 10) + sanitizers_kib())
        client.close()

    def talk(self, request, until):
        with socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S) as s:
            s.settimeout(PATIENCE_S)
            s.sendall(request)
            answer = b""
            while not until(answer):
                some = s.recv(65536)
                if not some:
                    break
                answer += some
        return answer

    def test_a_content_length_of_2_to_the_63(self):
        request = (f"POST {CONFIGMAPS} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                   f"Content-Length: {1 << 63}\r\n\r\n{{").encode()

        def refuse():
            answer = self.talk(request, lambda a: b"\r\n\r\n" in a)
            self.assertIn(answer.split(b" ")[1], (b"400", b"413"), answer)
        self.often("Content-Length: 2^63", refuse)

    def websocket(self, path, frame, code):
        handshake = (f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode()
        close = b"\x88\x02" + code.to_bytes(2, "big")
        answer = self.talk(handshake + frame, lambda a: a.endswith(close))
        self.assertTrue(answer.endswith(close), answer[-200:])

    def test_websocket_frames_of_2_to_the_63(self):
        many = "/apis/tidewatch.dev/v1/watch"
        for what, length, code in (("2^63", 1 << 63, 1002), ("2^63 - 1", (1 << 63) - 1, 1009)):
            frame = b"\x81\xff" + length.to_bytes(8, "big") + b"\0\0\0\0x"
            self.often(f"a WebSocket frame of {what}", lambda: self.websocket(many, frame, code))

    def test_64_kb_of_brackets_as_a_subscribe_message(self):
        frame = b"\x81\xff" + (65536).to_bytes(8, "big") + b"\0\0\0\0" + b"[" * 65536
        handshake_and_all = frame + b"\x88\x82\0\0\0\0\x0f\xa1"  # and a close with 4001

        def refuse():
            self.websocket("/apis/tidewatch.dev/v1/watch", handshake_and_all, 4001)
        self.often("64 KB of [, a subscribe message", refuse)


if __name__ == "__main__":
    main()
