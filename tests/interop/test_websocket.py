"""WebSockets: watches by npm `ws` over HTTP/1.1 and by node's HTTP/2 client, and by raw sockets what
those cannot do."""
import base64
import json
import socket
import unittest

from npm import WS, Ws, fetch, over_both
from tidewatch import CONFIGMAPS, PATIENCE_S, Server, brief, configmap, main

WATCH = f"{CONFIGMAPS}?watch=true"
WATCHERS = "apiserver_longrunning_requests"
TOKEN = "base64url.bearer.authorization.k8s.io." + base64.urlsafe_b64encode(b"secret").decode().rstrip("=")


class WebSockets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(storage="memory", flags=["--ping-interval=200ms", "--pong-timeout=3s"])
        cls.addClassCleanup(cls.server.close)
        cls.client = cls.server.client()
        cls.addClassCleanup(lambda: cls.client.connection and cls.client.connection.close())

    def create(self, name):
        made = self.client.create(CONFIGMAPS, configmap(name))
        self.assertEqual(made.code, 201, made)
        return made.rv

    @over_both
    def test_events_are_text_messages_as_they_happen(self, h2):
        since = self.client.get(CONFIGMAPS).rv
        with Ws(self.server, f"{WATCH}&resourceVersion={since}", h2=h2) as ws:
            self.assertEqual(ws.next(), {"open": ""})
            for n in range(3):
                rv = self.create(f"as-they-happen-{int(h2)}-{n}")
                self.assertEqual(brief(ws.event()), ("ADDED", f"as-they-happen-{int(h2)}-{n}", rv))

    @over_both
    def test_the_legacy_path_and_large_objects(self, h2):
        name, text = f"large-{int(h2)}", "x" * 300000
        made = self.client.create(CONFIGMAPS, configmap(name, data={"a": text}))
        with Ws(self.server, f"/api/v1/watch/namespaces/default/configmaps?resourceVersion={made.rv - 1}",
                h2=h2) as ws:
            self.assertEqual(ws.next(), {"open": ""})
            self.assertEqual(ws.event()["object"]["data"]["a"], text)

    @over_both
    def test_many_events_at_once_keep_their_order(self, h2):
        since = self.client.get(CONFIGMAPS).rv
        names = [f"burst-{int(h2)}-{n}" for n in range(300)]
        for name in names:
            self.create(name)
        with Ws(self.server, f"{WATCH}&resourceVersion={since}", h2=h2) as ws:
            ws.next()
            seen = []
            while len(seen) < len(names):
                name = brief(ws.event())[1]
                seen += [name] if name.startswith(f"burst-{int(h2)}-") else []
            self.assertEqual(seen, names)

    @over_both
    def test_a_deadline_ends_it_with_1000(self, h2):
        with Ws(self.server, f"{WATCH}&resourceVersion=1&timeoutSeconds=1", h2=h2) as ws:
            told = ws.next()
            while "close" not in told:
                told = ws.next()
            self.assertEqual(told, {"close": 1000})
            if h2:
                self.assertEqual(ws.next(), {"end": 0})

    @over_both
    def test_an_error_is_an_event_and_then_the_end(self, h2):
        with Ws(self.server, f"{WATCH}&resourceVersion=999999999&sendInitialEvents=true"
                "&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", h2=h2) as ws:
            ws.next()
            event = ws.event()
            self.assertEqual((event["type"], event["object"]["code"]), ("ERROR", 504))
            told = ws.next()
            while "ping" in told:
                told = ws.next()
            self.assertEqual(told, {"close": 1000})

    @over_both
    def test_pings_are_answered_both_ways(self, h2):
        with Ws(self.server, f"{WATCH}&resourceVersion={self.create('pings-%d' % h2)}", h2=h2) as ws:
            self.assertEqual(ws.next(), {"open": ""})
            ws.tell(send="this is ignored", ping="hello")
            told = [ws.next() for _ in range(4)]
            self.assertIn({"pong": "hello"}, told)
            self.assertEqual(told.count({"ping": "tidewatch"}), 3)  # it lives on: ours are answered

    def test_a_client_that_answers_no_ping_is_cut(self):
        with Ws(self.server, f"{WATCH}&resourceVersion=1", deaf=True) as ws:
            told = ws.next()
            while "close" not in told:
                told = ws.next()
            self.assertEqual(told, {"close": 1006})  # without a word: nobody is there

    @over_both
    def test_a_client_closes_and_its_watch_ends(self, h2):
        with Server(storage="memory") as server:
            with Ws(server, f"{WATCH}&resourceVersion=1", h2=h2) as ws:
                ws.next()
                self.assertEqual(server.metric(WATCHERS), 1)
                ws.tell(close=4321)
                told = ws.next()
                while "close" not in told:
                    told = ws.next()
                self.assertEqual(told, {"close": 4321})
            self.assertEqual(server.metric(WATCHERS), 0)

    def test_shutdown_is_1001(self):
        with Server(storage="memory", flags=["--shutdown-grace=5s"]) as server:
            sockets = [Ws(server, f"{WATCH}&resourceVersion=1", h2=h2) for h2 in (False, True)]
            for ws in sockets:
                self.assertEqual(ws.next(), {"open": ""})
            server.stop()
            for ws in sockets:
                told = ws.next()
                while "close" not in told:
                    told = ws.next()
                self.assertEqual(told, {"close": 1001})
                ws.__exit__()

    # ---- subprotocols ----

    @over_both
    def test_one_offered_subprotocol_is_echoed_and_the_token_is_not(self, h2):
        for offered, chosen in ((["v1"], "v1"), ([TOKEN, "v1"], "v1"), (["v1", "v2"], "v1")):
            with Ws(self.server, WATCH, protocols=offered, h2=h2) as ws:
                self.assertEqual(ws.next(), {"open": chosen})

    @over_both
    def test_a_token_alone_is_refused(self, h2):
        with Ws(self.server, WATCH, protocols=[TOKEN], h2=h2) as ws:
            told = ws.next()
            self.assertEqual(told["status"], 400)
            self.assertEqual(json.loads(told["body"])["message"], "missing additional subprotocol")

    def test_compression_that_is_offered_is_not_taken(self):
        with Ws(self.server, WATCH, deflate=True) as ws:
            self.assertEqual(ws.next(), {"open": ""})

    # ---- origins ----

    def refused(self, server, path, expected, **options):
        with Ws(server, path, **options) as ws:
            told = ws.next()
            self.assertEqual(told.get("status"), expected, told)
            self.assertEqual(json.loads(told["body"])["code"], expected)

    @over_both
    def test_a_page_of_another_origin_is_refused(self, h2):
        own = f"http://127.0.0.1:{self.server.port}"
        self.refused(self.server, WATCH, 403, headers={"origin": "https://evil.example"}, h2=h2)
        with Ws(self.server, WATCH, headers={"origin": own}, h2=h2) as ws:
            self.assertEqual(ws.next(), {"open": ""})

    @over_both
    def test_a_page_of_the_allow_list_is_let_in(self, h2):
        with Server(storage="memory",
                    flags=["--cors-allowed-origins=https://a.example,http://b.example:81"]) as server:
            for origin in ("https://a.example", "http://b.example:81"):
                with Ws(server, WATCH, headers={"origin": origin}, h2=h2) as ws:
                    self.assertEqual(ws.next(), {"open": ""})
            self.refused(server, WATCH, 403, headers={"origin": "https://a.example.evil"}, h2=h2)

    # ---- what is no watch ----

    @over_both
    def test_only_a_watch_can_be_a_websocket(self, h2):
        for path in (CONFIGMAPS, f"{CONFIGMAPS}/x", "/healthz", "/api", "/nowhere",
                     f"{WATCH}&longPoll=true&resourceVersion=1"):
            self.refused(self.server, path, 400, h2=h2)
        self.refused(self.server, f"{WATCH}&resourceVersion=abc", 422, h2=h2)

    def talk(self, request, count):
        """Sends raw bytes and reads until `count` answers have begun."""
        with socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S) as s:
            s.sendall(request)
            s.settimeout(PATIENCE_S)
            answer = b""
            while answer.count(b"HTTP/1.1 ") < count:
                some = s.recv(65536)
                if not some:
                    break
                answer += some
            return answer

    @staticmethod
    def handshake(path, version="13"):
        return (f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: {version}\r\n\r\n").encode()

    def test_behind_a_refused_upgrade_nothing_is_read(self):
        follows = b"GET /version HTTP/1.1\r\nHost: h\r\n\r\n"
        answer = self.talk(self.handshake(CONFIGMAPS) + follows, 2)
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertIn(b"Connection: close", answer)
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1)

    def test_another_version_is_told_which_one_is_spoken(self):
        answer = self.talk(self.handshake(WATCH, version="8"), 1)
        self.assertIn(b"HTTP/1.1 426 ", answer)
        self.assertIn(b"sec-websocket-version: 13", answer.lower())

    def test_what_a_client_sends_with_its_handshake_is_read(self):
        close = bytes([0x88, 0x82, 0, 0, 0, 0]) + (4002).to_bytes(2, "big")
        with socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S) as s:
            s.sendall(self.handshake(f"{WATCH}&resourceVersion=1") + close)
            s.settimeout(PATIENCE_S)
            answer = b""
            while some := s.recv(65536):
                answer += some
        self.assertIn(b"HTTP/1.1 101 ", answer)
        self.assertTrue(answer.endswith(b"\x88\x02" + (4002).to_bytes(2, "big")), answer[-80:])


if __name__ == "__main__":
    fetch(WS)
    main()
