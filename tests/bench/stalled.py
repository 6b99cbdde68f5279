#!/usr/bin/env python3
"""What watchers that read nothing cost the others: PUTs, and a watcher that reads, on two servers in turn, so that
whatever else the machine does hits both: one has the stalled watchers, one has none.

    PYTHONPATH=tests/lib python3 tests/bench/stalled.py [STALLED [WRITES]]
"""
import os
import socket
import statistics
import sys
import threading
import time

from tidewatch import CONFIGMAPS, Server, Watch, configmap

RATE, FILL = 200, 4000


def stalled(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.connect(("127.0.0.1", port))
    s.sendall(f"GET {CONFIGMAPS}?watch=1&timeoutSeconds=7200 HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    assert s.recv(12) == b"HTTP/1.1 200"
    return s


class Side:
    """A server, and the milliseconds of each PUT, and from its begin to its event."""

    def __init__(self, server):
        self.server, self.client = server, server.client()
        assert self.client.create(CONFIGMAPS, configmap("it")).code == 201
        self.put_ms, self.told_ms, self.sent = [], [], {}

    def cpu_s(self):
        with open(f"/proc/{self.server.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def put(self, n):
        began = self.sent[n] = time.perf_counter()
        answer = self.client.call("PUT", CONFIGMAPS + "/it", configmap("it", {"n": n, "x": "x" * 1024}))
        assert answer.code == 200, answer
        self.put_ms.append((time.perf_counter() - began) * 1000)

    def read(self, watch, count):
        while len(self.told_ms) < count:
            n = (watch.next()["object"].get("data") or {}).get("n")
            if n in self.sent:
                self.told_ms.append((time.perf_counter() - self.sent[n]) * 1000)


def measure(sides, writes):
    watches = [Watch(s.server.port, f"{CONFIGMAPS}?watch=1&timeoutSeconds=7200") for s in sides]
    readers = [threading.Thread(target=s.read, args=(w, writes)) for s, w in zip(sides, watches)]
    for reader in readers:
        reader.start()
    pace = threading.Event()
    for i in range(writes):
        for side in sides if i % 2 else reversed(sides):
            side.put(f"n{i}")
        pace.wait(1 / RATE)
    for reader, watch in zip(readers, watches):
        reader.join(60)
        watch.close()


def p99(values):
    return statistics.quantiles(values, n=100)[98]


def main():
    count, writes = (int(a) for a in sys.argv[1:] + ["1000", "4000"][len(sys.argv) - 1:])
    flags = ["--write-stall=2h"]
    with Server(storage="memory", flags=flags) as none, Server(storage="memory", flags=flags) as many:
        alone, beside = Side(none), Side(many)
        held = [stalled(many.port) for _ in range(count)]
        for side in (alone, beside):
            for i in range(FILL):  # until the sockets of those who stall are full
                side.put(f"fill{i}")
            side.put_ms.clear()
            side.sent.clear()
        cpu = [-side.cpu_s() for side in (alone, beside)]
        measure((alone, beside), writes)
        cpu = [(c + side.cpu_s()) * 1e6 / writes for c, side in zip(cpu, (alone, beside))]
        print(f"{count} stalled watchers, {many.rss_kib()} KiB RSS, without them {none.rss_kib()} KiB")
        print(f"server CPU of a write: {cpu[0]:.0f} -> {cpu[1]:.0f} us")
        for what, before, after in (("PUT", alone.put_ms, beside.put_ms), ("event", alone.told_ms, beside.told_ms)):
            print(f"{what}: p50 {statistics.median(before):.2f} -> {statistics.median(after):.2f} ms, "
                  f"p99 {p99(before):.2f} -> {p99(after):.2f} ms ({p99(after) / p99(before):.2f} times)")
        for s in held:
            s.close()


if __name__ == "__main__":
    main()
