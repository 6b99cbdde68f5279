"""What one client can take for itself: connections of its address, watches of its user. Others are served on, and what
was given back can be taken again."""
import http.client
import itertools
import json
import select
import socket
import ssl
import subprocess
import tempfile
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, ApiTest, SecureServer, Server, Watch, configmap, main, new_connection, wait_for

WATCH = CONFIGMAPS + "?watch=1&allowWatchBookmarks=true&timeoutSeconds=600"


class Connections(unittest.TestCase):
    def open(self, server, context=None):
        connection = new_connection(server.port, PATIENCE_S, context)
        connection.request("GET", "/livez")
        response = connection.getresponse()
        return connection, response.status, response

    def test_an_address_has_so_many_connections_and_no_more(self):
        with Server(storage="memory", flags=["--max-connections-per-peer=3"]) as server:
            held = [self.open(server) for _ in range(3)]
            self.assertEqual([status for _, status, _ in held], [200] * 3)
            refused, status, response = self.open(server)
            body = response.read().decode()
            self.assertEqual((status, response.headers["Retry-After"], response.headers["Connection"]), (429, "1", "close"))
            for word in ('"kind":"Status"', '"TooManyRequests"', "too many connections from this address"):
                self.assertIn(word, body)
            refused.close()
            for connection, _, response in held:
                response.read()
                connection.close()
            wait_for(lambda: self.open_and_close(server) == 200, "the places that were given back")

    def open_and_close(self, server):
        connection, status, _ = self.open(server)
        connection.close()
        return status

    def test_with_tls_one_too_many_is_closed(self):
        with SecureServer(flags=["--max-connections-per-peer=2"]) as server:
            context = server.context("admin")
            held = [self.open(server, context) for _ in range(2)]
            with self.assertRaises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
                self.open(server, context)
            for connection, _, _ in held:
                connection.close()


class Buffers(unittest.TestCase):
    """Bodies that are not complete yet: of an address as much as is free, so half of all of it."""

    def setUp(self):
        self.server = Server(storage="memory", flags=["--max-buffered-bytes=4MiB"])
        self.addCleanup(self.server.close)

    def connect(self, address="127.0.0.1"):
        s = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S, source_address=(address, 0))
        self.addCleanup(s.close)
        return s

    def send(self, s, size, missing=0):
        """A request with a body of so many bytes, of which some are missing."""
        body = json.dumps(configmap(f"made-{next(self.numbers)}", {"x": "x" * size})).encode()
        s.sendall(f"POST {CONFIGMAPS} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:len(body) - missing])

    numbers = itertools.count()

    def answer(self, s):
        answer = http.client.HTTPResponse(s)
        answer.begin()
        return answer.status, answer.headers["Retry-After"], answer.read().decode()

    def test_one_address_does_not_fill_them_all(self):
        flood = [self.connect() for _ in range(5)]
        for s in flood:
            self.send(s, 900000, missing=1)
        wait_for(lambda: len(select.select(flood, [], [], 0)[0]) >= 3, "those to be refused that do not fit into 2 MiB")
        for s in select.select(flood, [], [], 0)[0]:
            status, retry_after, body = self.answer(s)
            self.assertEqual((status, retry_after), (429, "1"), body)
            self.assertIn("too many request bodies at once", body)
        other = self.connect("127.0.0.2")
        self.send(other, 900000)
        self.assertEqual(self.answer(other)[0], 201)
        small = self.connect()
        self.send(small, 1000)
        self.assertEqual(self.answer(small)[0], 201)
        for s in flood:
            s.close()

        def is_taken():
            s = self.connect()
            self.send(s, 1000000)
            return self.answer(s)[0] == 201

        wait_for(is_taken, "what was given back")

    def test_what_is_answered_is_given_back_over_http_1_and_http_2(self):
        server = SecureServer(mode="AlwaysAllow", flags=["--max-buffered-bytes=4MiB"])
        self.addCleanup(server.close)
        with tempfile.NamedTemporaryFile() as f:
            for size, times, code in ((900000, 10, "201"), (2500000, 2, "429")):  # one after the other, on one connection
                f.truncate(0)
                f.seek(0)
                f.write(json.dumps({"metadata": {"generateName": "x-"}, "data": {"x": "x" * size}}).encode())
                f.flush()
                for version in ("--http1.1", "--http2"):
                    ask = [version, "--cacert", server.certs + "/ca.crt", "-s", "-o", "/dev/null", "-w", "%{http_code} ", "-H",
                           "Content-Type: application/json", "-H", "Expect:", "--data-binary", "@" + f.name, server.url + CONFIGMAPS]
                    done = subprocess.run(["curl", *ask] + ["--next", *ask] * (times - 1), stdout=subprocess.PIPE, text=True,
                                          timeout=PATIENCE_S)
                    self.assertEqual(done.stdout.split(), [code] * times, (version, size))


class Answers(unittest.TestCase):
    """Lists that are not sent while they are written: of an address as much as is free, so half of all of it."""

    def serve(self, limit):
        server = Server(storage="memory", flags=[f"--max-answer-bytes={limit}"])
        self.addCleanup(server.close)
        for i in range(12):  # more than a socket keeps
            server.client().create(CONFIGMAPS, configmap(f"big-{i}", {"x": "x" * 900_000}))
        return server

    def ask(self, server, address="127.0.0.1"):
        """The answer, of which nothing but the head is read: a small window keeps the rest with the server."""
        s = socket.socket()
        self.addCleanup(s.close)
        s.settimeout(PATIENCE_S)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.bind((address, 0))
        s.connect(("127.0.0.1", server.port))
        s.sendall(f"GET {CONFIGMAPS} HTTP/1.1\r\nHost: h\r\nAccept: application/vnd.kubernetes.protobuf\r\n\r\n".encode())
        answer = http.client.HTTPResponse(s)
        answer.begin()
        return s, answer

    def test_who_does_not_read_gets_no_more_and_others_are_served(self):
        server = self.serve("36MiB")
        unread, answer = self.ask(server)
        self.assertEqual(answer.status, 200)
        _, refused = self.ask(server)
        body = refused.read().decode(errors="replace")
        self.assertEqual((refused.status, refused.headers["Retry-After"]), (429, "1"), body)
        self.assertIn("too many bytes of answers have not been read yet", body)
        self.assertEqual(server.client().get(CONFIGMAPS).code, 200, "this one is sent while it is written")
        _, other = self.ask(server, "127.0.0.2")
        self.assertEqual((other.status, len(other.read()) > 10_800_000), (200, True))
        unread.close()
        answer.close()
        wait_for(lambda: self.ask(server)[1].status == 200, "what was given back")

    def test_one_that_is_too_long_is_sent_while_nothing_else_is_held(self):
        server = self.serve("1MiB")
        _, answer = self.ask(server)
        self.assertEqual((answer.status, len(answer.read()) > 10_800_000), (200, True))
        wait_for(lambda: self.ask(server)[1].status == 200, "what was given back")

    def test_what_was_written_is_answered(self):
        server = self.serve("36MiB")
        _, unread = self.ask(server)
        _, refused = self.ask(server)
        self.assertEqual((unread.status, refused.status), (200, 429))
        body = json.dumps(configmap("made", {"x": "x" * 900_000})).encode()
        connection = new_connection(server.port, PATIENCE_S)
        connection.request("POST", CONFIGMAPS, body, {"Content-Type": "application/json"})
        self.assertEqual(connection.getresponse().status, 201)
        connection.close()


class Watches(ApiTest):
    flags = ("--max-watches-per-user=2",)

    def test_watches_beyond_the_limit_are_429_until_one_ends(self):
        first, second = (Watch(self.server.port, WATCH) for _ in range(2))
        self.assertEqual((first.code, second.code), (200, 200))
        self.refused(self.client.get(WATCH), 429, "TooManyRequests", "too many watches: 127.0.0.1 has 2 already")
        self.refused(self.client.get(WATCH + "&longPoll=true&resourceVersion=1"), 429, "TooManyRequests")
        self.made(CONFIGMAPS, configmap("seen"))
        first.until(lambda e: e["object"]["metadata"].get("name") == "seen")
        first.close()

        def opened():
            watch = Watch(self.server.port, WATCH)
            watch.close()
            return watch.code == 200

        wait_for(opened, "the place of the watch that has left")
        second.close()


class LongSelectors(ApiTest):
    flags = ("--max-watches-per-user=5",)

    def test_a_watch_of_many_terms_counts_for_more_than_one(self):
        path = WATCH + "&labelSelector=" + ",".join(f"l{i:03}!=x" for i in range(100))  # 799 bytes: 1 + 3
        heavy = Watch(self.server.port, path)
        self.assertEqual(heavy.code, 200)
        self.refused(self.client.get(path), 429, "TooManyRequests", "too many watches")
        light = Watch(self.server.port, WATCH)
        self.assertEqual(light.code, 200)
        self.refused(self.client.get(WATCH), 429, "TooManyRequests", "too many watches")
        heavy.close()

        def opened():
            watch = Watch(self.server.port, path)
            watch.close()
            return watch.code == 200

        wait_for(opened, "all places of the watch that has left")
        light.close()


class WatchesOfUsers(unittest.TestCase):
    def test_one_user_does_not_take_the_place_of_another(self):
        with SecureServer(flags=["--max-watches-per-user=1"]) as server:
            watches = [server.watch(WATCH), server.watch(WATCH, headers={"Impersonate-User": "jane",
                                                                       "Impersonate-Group": "system:masters"})]
            self.assertEqual([w.code for w in watches], [200, 200])
            refused = server.watch(WATCH)
            self.assertEqual(refused.code, 429)
            self.assertIn("too many watches: user", refused.response.read().decode())
            for watch in (*watches, refused):
                watch.close()


class Deadline(ApiTest):
    flags = ("--request-timeout=100ms",)

    def test_a_request_ends_at_its_deadline_and_the_connection_goes_on(self):
        self.refused(self.client.get(CONFIGMAPS + "?resourceVersion=1000000"), 504, "Timeout",
                     "did not complete within the allotted timeout")
        self.ok("GET", CONFIGMAPS)
        wait_for(lambda: self.server.metric("apiserver_current_inflight_requests") == 0, "the place to be given back")


if __name__ == "__main__":
    main()
