"""Long polling: one answer with all events that are ready, as soon as there is one."""
import json
import socket
import threading
import time
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, Server, brief, configmap, forget_history, made, main, wait_for


class LongPoll(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.client = self.server.client()

    def make(self, name, **kwargs):
        return made(self.client, configmap(name, **kwargs))

    def poll(self, rv=None, query="", client=None, code=200):
        since = "" if rv is None else f"&resourceVersion={rv}"
        answer = (client or self.client).get(f"{CONFIGMAPS}?watch=true&longPoll=true{since}{query}")
        self.assertEqual(answer.code, code, answer)
        if code == 200:
            headers = {k.lower(): v for k, v in answer.headers.items()}
            self.assertEqual(headers["tidewatch-resource-version"], str(answer.rv))
            self.assertEqual((answer.json["kind"], answer.json["apiVersion"]), ("WatchEventList", "tidewatch.dev/v1"))
        return answer

    def poll_in_background(self, *args, **kwargs):
        """Returns when a poll waits; the returned function waits for its answer."""
        result = []
        before = self.server.metric("apiserver_longrunning_requests")
        thread = threading.Thread(target=lambda: result.append(self.poll(*args, client=self.server.client(), **kwargs)))
        thread.start()
        wait_for(lambda: self.server.metric("apiserver_longrunning_requests") > before, "the poll to wait")

        def answer():
            thread.join(PATIENCE_S)
            self.assertTrue(result, "the poll was not answered")
            return result[0]
        return answer

    def test_what_history_holds_is_answered_at_once(self):
        a, b, c = self.make("a"), self.make("b"), self.make("c")
        answer = self.poll(a)
        self.assertEqual([brief(e) for e in answer.json["events"]], [("ADDED", "b", b), ("ADDED", "c", c)])
        self.assertEqual(answer.rv, c)

    def test_it_waits_for_the_first_that_matches(self):
        rv = self.make("a")
        answer = self.poll_in_background(rv, "&labelSelector=on%3Dyes")
        self.make("no")
        yes = self.make("yes", labels={"on": "yes"})
        answer = answer()
        self.assertEqual([brief(e) for e in answer.json["events"]], [("ADDED", "yes", yes)])
        self.assertEqual(answer.rv, yes)

    def test_without_a_revision_it_waits_for_what_follows(self):
        self.make("a")
        for n, rv in enumerate((None, 0, "")):
            answer = self.poll_in_background(rv, "&timeoutSeconds=20")
            b = self.make(f"b{n}")
            self.assertEqual([brief(e)[2] for e in answer().json["events"]], [b])

    def test_its_time_over_it_says_where_to_go_on(self):
        rv = self.make("a")
        answer = self.poll_in_background(rv, "&timeoutSeconds=1&fieldSelector=metadata.name%3Dnothing")
        other = self.make("b")
        began = time.monotonic()
        answer = answer()
        self.assertLess(time.monotonic() - began, PATIENCE_S / 2)
        self.assertEqual((answer.json["events"], answer.rv), ([], other))

    def test_a_chain_of_polls_is_the_whole_sequence_and_each_is_bounded(self):
        rv = start = self.make("start")
        made = [self.make(f"m{n}", data={"n": "x" * (300000 if n % 100 == 0 else 10)}) for n in range(1500)]
        seen, answers = [], 0
        while rv != made[-1]:
            answer = self.poll(rv)
            self.assertTrue(0 < len(answer.json["events"]) <= 1000)
            self.assertLess(len(answer.body), 4 << 20)
            seen += [brief(e)[2] for e in answer.json["events"]]
            self.assertEqual(answer.rv, seen[-1])
            rv, answers = answer.rv, answers + 1
        self.assertEqual(seen, made)
        self.assertGreater(answers, 2)
        self.assertGreater(start, 0)

    def test_it_goes_on_over_a_restart_and_a_kill_from_disk(self):
        rv, seen, made = self.make("start"), [], []
        for stop in (self.server.stop, self.server.kill):
            for n in range(5):
                made.append(self.make(f"m{len(made)}"))
            answer = self.poll(rv)
            seen += answer.json["events"]
            rv = answer.rv
            for n in range(5):
                made.append(self.make(f"m{len(made)}"))
            stop()
            self.server.start()
            self.client = self.server.client()
        seen += self.poll(rv).json["events"]
        self.assertEqual([brief(e)[2] for e in seen], made)

    def test_history_that_is_gone_is_410(self):
        server = Server(flags=["--history-bytes=1", "--watch-window-events=4"])
        self.addCleanup(server.close)
        client = server.client()
        first = client.create(CONFIGMAPS, configmap("a")).rv
        path = f"{CONFIGMAPS}?watch=true&longPoll=true&timeoutSeconds=20&resourceVersion={first}"

        forget_history(server, client, first)
        answer = client.get(path)
        self.assertEqual((answer.json["kind"], answer.json["reason"]), ("Status", "Expired"))

    def test_a_poller_that_leaves_leaves_nothing_behind(self):
        rv = self.make("a")
        for _ in range(20):
            s = socket.create_connection(("127.0.0.1", self.server.port))
            s.sendall(f"GET {CONFIGMAPS}?watch=true&longPoll=true&resourceVersion={rv} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            s.close()
        self.make("b")
        self.assertEqual(len(self.poll(rv).json["events"]), 1)

    def test_a_server_that_ends_answers_its_pollers(self):
        rv = self.make("a")
        answer = self.poll_in_background(rv)
        self.assertLess(self.server.stop(), 10)
        self.assertEqual((answer().json["events"], answer().rv), ([], rv))

    def test_what_makes_no_sense_is_400_and_406(self):
        rv = self.make("a")
        self.poll(rv, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", code=400)
        for accept, code in (("text/event-stream", 400), ("application/yaml", 406)):
            self.assertEqual(self.client.get(f"{CONFIGMAPS}?watch=true&longPoll=true", Accept=accept).code, code)

    def test_five_hundred_wait_and_each_is_answered(self):
        rv = self.make("a")
        request = f"GET {CONFIGMAPS}?watch=true&longPoll=true&resourceVersion={rv} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        sockets = []
        for _ in range(500):
            s = socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE_S)
            s.sendall(request)
            sockets.append(s)
        b = self.make("b")
        for s in sockets:
            text = b""
            while b'"events":[' not in text or not text.rstrip().endswith(b"]}"):
                piece = s.recv(65536)
                self.assertTrue(piece, text)
                text += piece
            events = json.loads(text.split(b"\r\n\r\n", 1)[1])["events"]
            self.assertEqual([brief(e)[2] for e in events], [b])
            s.close()


if __name__ == "__main__":
    main()
