"""HTTP/2 connections that only want to cost something, against a whole server, all kinds at once: each is cut, others are
answered meanwhile, and memory comes back. The transport's unit tests have each kind with its limits."""
import itertools
import socket
import struct
import threading
import unittest

from http2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW,
                   WINDOW_UPDATE, frame, get, opening)
from tidewatch import CONFIGMAPS, PATIENCE_S, Server, configmap, main, sanitizers_kib, wait_for

CONNECTIONS = 2  # of each kind
MOST = 256 << 20  # bytes a flood may get rid of before it must have been cut; the kernel may hold 37 MiB of them, a linger 16


GET = get(CONFIGMAPS + "?limit=500")
BOMB = GET + b"\x40\x01x\x7f\xa1\x1e" + b"v" * 4000 + b"\xbe" * 8000  # a header of 4,000 bytes, 8,001 times


def requests(*behind, block=GET):
    """A request, and what makes it worthless, for each stream that there can be."""
    for stream in itertools.count(1, 2):
        yield frame(HEADERS, END_STREAM | END_HEADERS, stream, block) + b"".join(f(stream) for f in behind)


def again(what, *more):
    return itertools.cycle((what, *more))


def windows(*frames):
    """50 answers that cannot begin, then how they may."""
    return itertools.chain(itertools.islice(requests(), 50), again(*frames))


SHUT = opening((WINDOW, 0))
FLOODS = {  # how it opens, and what it goes on with
    "rapid reset": (opening(), lambda: requests(lambda s: frame(RST_STREAM, 0, s, b"\0\0\0\x08"))),
    "made to reset by a window's overflow": (opening(), lambda: requests(lambda s: frame(WINDOW_UPDATE, 0, s, b"\x7f\xff\xff\xff"))),
    "made to reset by a window of nothing": (SHUT, lambda: requests(lambda s: frame(WINDOW_UPDATE, 0, s, b"\0\0\0\0"))),
    "made to reset by a priority on itself": (SHUT, lambda: requests(lambda s: frame(PRIORITY, 0, s, struct.pack(">IB", s, 0)))),
    "made to reset by data behind the end": (SHUT, lambda: requests(lambda s: frame(DATA, 0, s, b"x"))),
    "continuation": (opening() + frame(HEADERS, END_STREAM, 1, GET), lambda: again(frame(CONTINUATION, 0, 1, b"\x10\x01a\x01b" * 100))),
    "continuation of nothing": (opening() + frame(HEADERS, END_STREAM, 1, GET), lambda: again(frame(CONTINUATION, 0, 1))),
    "settings": (opening(), lambda: again(frame(SETTINGS, payload=struct.pack(">HI", 4, 1)))),
    "ping": (opening(), lambda: again(frame(PING, payload=b"tidewatc"))),
    "priority": (opening(), lambda: again(frame(PRIORITY, 0, 1, b"\0\0\0\0\x10"))),
    "empty data": (opening() + frame(HEADERS, END_HEADERS, 1, b"\x83" + GET[1:]), lambda: again(frame(DATA, 0, 1))),
    "settings of windows": (SHUT, lambda: windows(*(frame(SETTINGS, payload=struct.pack(">HI", WINDOW, n)) for n in (0, 0x7fffffff)))),
    "a bomb of headers": (opening(), lambda: requests(block=BOMB)),
    "a table that grows and shrinks": (opening(), lambda: again(*(frame(SETTINGS, payload=struct.pack(">HI", 1, n)) for n in (0, 0xffffffff)))),
}


class Floods(unittest.TestCase):
    def setUp(self):
        self.server = Server(storage="memory")
        self.addCleanup(self.server.close)
        self.client = self.server.client()
        self.addCleanup(self.client.close)
        for i in range(3):
            self.assertEqual(self.client.create(CONFIGMAPS, configmap(f"big{i}", {"k": "x" * 100000})).code, 201)
        self.ends = {}

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S)
        self.addCleanup(s.close)
        return s

    def flood(self, name, number):
        begin, rest = FLOODS[name]
        s, sent = self.connect(), 0
        reader = threading.Thread(target=self.drain, args=(s,))
        reader.start()
        try:
            s.sendall(begin)
            for some in rest():
                s.sendall(some)
                sent += len(some)
                if sent > MOST:
                    break
            self.ends[name, number] = f"went on after {sent} bytes"
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            self.ends[name, number] = "cut"
        reader.join()

    def drain(self, s):
        try:
            while s.recv(65536):
                pass
        except OSError:
            pass

    def test_each_is_cut_and_others_are_served(self):
        stalled = [self.connect() for _ in range(CONNECTIONS)]
        for s in stalled:  # 50 answers each, whose windows stay shut
            s.sendall(SHUT + b"".join(itertools.islice(requests(), 50)))
        before = self.server.metric("apiserver_request_total")
        threads = [threading.Thread(target=self.flood, args=(name, n)) for name in FLOODS for n in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        served = 0
        while any(thread.is_alive() for thread in threads) or served < 20:
            self.assertEqual(self.client.call("PUT", CONFIGMAPS + "/big0", configmap("big0", {"n": str(served)})).code, 200)
            self.assertEqual(self.client.get(CONFIGMAPS + "/big0").json["data"]["n"], str(served))
            served += 1
        for thread in threads:
            thread.join()
        self.assertEqual({key: end for key, end in self.ends.items() if end != "cut"}, {})
        self.assertEqual(len(self.ends), len(threads))
        begun = self.server.metric("apiserver_request_total") - before - 2 * served
        self.assertLess(begun, 400 * len(threads), "of millions that were asked for")
        self.assertLess(self.server.rss_kib(), (512 << 10) + sanitizers_kib())
        self.assertEqual(self.client.get("/readyz").code, 200)
        for s in stalled:
            s.close()
        wait_for(lambda: self.server.metric("apiserver_current_inflight_requests") == 0, "the places to be given back")


if __name__ == "__main__":
    main()
