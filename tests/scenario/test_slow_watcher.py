"""A watcher that reads nothing: it costs no memory, slows nobody, and later reads everything it missed.

EVENTS=1000000 is the long form; ./dev test takes a short one.
"""
import http.client
import json
import os
import socket
import threading
import time
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, Server, Watch, brief, main

EVENTS = int(os.environ.get("EVENTS", "40000"))
WRITERS, BATCH, STUCK, BODY = 8, 50, 20, 400


def write_events(port, number, count, acked):
    """Pipelines PUTs of one object: each is a change, so each is an event."""
    head = f"PUT {CONFIGMAPS}/w{number} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S * 4) as s:
        answers = s.makefile("rb")
        post = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"w{number}"}})
        s.sendall(f"POST {CONFIGMAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(post)}\r\n\r\n{post}".encode())
        read_answer(answers)
        for at in range(0, count, BATCH):
            batch = []
            for n in range(at, min(at + BATCH, count)):
                body = ('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"w%d"},"data":{"n":"%d","fill":"%s"}}'
                        % (number, n, "x" * BODY))
                batch.append(f"{head}{len(body)}\r\n\r\n{body}")
            s.sendall("".join(batch).encode())
            for _ in batch:
                read_answer(answers)
            acked[number] += len(batch)


def read_answer(answers):
    status = answers.readline()
    assert status.split()[1] in (b"200", b"201"), status
    length = 0
    while (line := answers.readline()) != b"\r\n":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    answers.read(length)


class StuckWatch:
    """Asks for a watch, and reads nothing until it is told to. Some megabytes fit the kernel's buffers."""

    def __init__(self, port, rv):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S * 4)
        self.connection.request("GET", f"{CONFIGMAPS}?watch=1&resourceVersion={rv}&timeoutSeconds=7200")

    def read(self, count):
        """The events up to `count`, or up to an ERROR."""
        response, last, seen = self.connection.getresponse(), 0, 0
        while seen < count:
            line = response.readline()
            assert line, f"the watch ended after {seen} events"
            event = json.loads(line)
            if event["type"] == "ERROR":
                assert event["object"]["code"] == 410, event
                return seen, True
            rv = brief(event)[2]
            assert rv > last, (rv, last)
            last, seen = rv, seen + 1
        return seen, False


class SlowWatcher(unittest.TestCase):
    def run_writers(self, server):
        each = EVENTS // WRITERS
        acked = [0] * WRITERS
        threads = [threading.Thread(target=write_events, args=(server.port, n, each, acked)) for n in range(WRITERS)]
        reader_seen = []

        def read():
            watch = Watch(server.port, f"{CONFIGMAPS}?watch=1&resourceVersion=1&timeoutSeconds=7200", PATIENCE_S * 4)
            while len(reader_seen) < each * WRITERS + WRITERS:
                reader_seen.append(brief(watch.next())[2])
            watch.close()

        reader = threading.Thread(target=read)
        reader.start()
        began = time.monotonic()
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        took = time.monotonic() - began
        reader.join(PATIENCE_S * 4)
        self.assertEqual(acked, [each] * WRITERS)
        self.assertEqual(len(reader_seen), each * WRITERS + WRITERS)
        self.assertEqual(reader_seen, sorted(set(reader_seen)))
        return took, each * WRITERS + WRITERS

    def test_a_watcher_that_reads_nothing_costs_nothing_and_loses_nothing(self):
        flags = ["--write-stall=2h", "--watch-window-events=2000"]
        with Server(flags=flags) as alone:
            took_alone, _ = self.run_writers(alone)
            rss_alone = alone.rss_kib()
        with Server(flags=flags) as server:
            stuck = [StuckWatch(server.port, 1) for _ in range(STUCK)]
            took, total = self.run_writers(server)
            rss = server.rss_kib()
            read = stuck[0].read(total)
            self.assertGreater(server.metric("tidewatch_watch_behind_reads_total"), 0, "it was served from memory")
            for s in stuck:
                s.connection.close()
        print(f"{total} events; {STUCK} stuck watchers: RSS {rss} KiB, without {rss_alone} KiB; "
              f"written in {took:.1f} s, without {took_alone:.1f} s; the stuck one read {read[0]} events"
              f"{' and 410' if read[1] else ''}")
        self.assertEqual(read, (total, False))
        self.assertLess(rss - rss_alone, STUCK * 1500 + 8192, "a reader that takes nothing holds memory")

    def test_a_watcher_that_reads_nothing_is_cut_after_the_stall_limit(self):
        with Server(storage="memory", flags=["--write-stall=1s"]) as server:
            stuck = StuckWatch(server.port, 1)
            acked = [0] * WRITERS
            write_events(server.port, 0, 20000, acked)
            deadline = time.monotonic() + PATIENCE_S
            while server.metric("apiserver_longrunning_requests") > 0:
                self.assertLess(time.monotonic(), deadline, "it was not cut")
                threading.Event().wait(0.05)
            stuck.connection.close()


if __name__ == "__main__":
    main()
