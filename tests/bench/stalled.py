#!/usr/bin/env python3
"""What watchers that read nothing cost the others: PUTs, and a watcher that reads, on two servers in turn: one has the
stalled watchers, one has none. Rounds of both, in changing order, so that whatever else the machine does hits both; the
ratio is that within a round, and of all rounds its median is told, with its quartiles. Servers have one core to themselves
and this client another, before all others (SCHED_RR), where that is allowed.

    PYTHONPATH=tests/lib python3 tests/bench/stalled.py [STALLED [ROUNDS]]
"""
import gc
import os
import socket
import statistics
import sys
import time

from tidewatch import CONFIGMAPS, Server, Watch, configmap

WRITES, FILL = 500, 4000  # of a round, on each side; before the first one


def stalled(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.connect(("127.0.0.1", port))
    s.sendall(f"GET {CONFIGMAPS}?watch=1&timeoutSeconds=7200 HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    assert s.recv(12) == b"HTTP/1.1 200"
    return s


def before_all_others(pid, core):
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {core})
        os.sched_setscheduler(int(thread), os.SCHED_RR, os.sched_param(1))


def p99(values):
    return statistics.quantiles(values, n=100)[98]


class Side:
    """A server, and of each round the milliseconds of each PUT, and from its begin to its event."""

    def __init__(self, server):
        self.server, self.client, self.watch, self.n = server, server.client(), None, 0
        assert self.client.create(CONFIGMAPS, configmap("it")).code == 201
        self.put_ms, self.told_ms, self.cpu = [], [], 0

    def cpu_s(self):
        """To the nanosecond, of all threads: ticks are too few for a round."""
        total = 0
        for thread in os.listdir(f"/proc/{self.server.process.pid}/task"):
            with open(f"/proc/{self.server.process.pid}/task/{thread}/schedstat") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def put(self):
        self.n += 1
        answer = self.client.call("PUT", CONFIGMAPS + "/it", configmap("it", {"n": str(self.n), "x": "x" * 1024}))
        assert answer.code == 200, answer

    def open(self):
        self.watch = Watch(self.server.port, f"{CONFIGMAPS}?watch=1&timeoutSeconds=7200")
        self.watch.next()

    def round(self):
        puts, tells, cpu = [], [], self.cpu_s()
        for _ in range(WRITES):
            began = time.perf_counter()
            self.put()
            puts.append((time.perf_counter() - began) * 1000)
            while self.watch.next()["object"]["data"].get("n") != str(self.n):
                pass
            tells.append((time.perf_counter() - began) * 1000)
        self.put_ms.append(puts)
        self.told_ms.append(tells)
        self.cpu += self.cpu_s() - cpu


def tell(what, before, after):
    """Each is a list of rounds."""
    flat = [[ms for r in rounds for ms in r] for rounds in (before, after)]
    ratios = [p99(b) / p99(a) for a, b in zip(before, after)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"{what}: p50 {statistics.median(flat[0]):.3f} -> {statistics.median(flat[1]):.3f} ms, p99 {p99(flat[0]):.3f} -> "
          f"{p99(flat[1]):.3f} ms; within a round p99 is {middle:.2f} times (quartiles {low:.2f} to {high:.2f})")


def main():
    count, rounds = (int(a) for a in sys.argv[1:] + ["1000", "40"][len(sys.argv) - 1:])
    flags = ["--write-stall=2h"]
    gc.disable()
    with Server(storage="memory", flags=flags) as none, Server(storage="memory", flags=flags) as many:
        alone, beside = Side(none), Side(many)
        held = [stalled(many.port) for _ in range(count)]
        for side in (alone, beside):
            for _ in range(FILL):  # until the sockets of those who stall are full
                side.put()
            side.open()
        cores = sorted(os.sched_getaffinity(0))
        try:
            for pid, core in ((none.process.pid, cores[0]), (many.process.pid, cores[0]), (os.getpid(), cores[-1])):
                before_all_others(pid, core)
        except PermissionError:
            print("not before all others: that takes root")
        for i in range(rounds + 1):
            for side in (alone, beside) if i % 2 else (beside, alone):
                side.round()
            if i == 0:  # to get warm
                for side in (alone, beside):
                    side.put_ms, side.told_ms, side.cpu = [], [], 0
        print(f"{count} stalled watchers, {many.rss_kib()} KiB RSS, without them {none.rss_kib()} KiB; {rounds} rounds of {WRITES} writes")
        print(f"server CPU of a write: {alone.cpu * 1e6 / rounds / WRITES:.0f} -> {beside.cpu * 1e6 / rounds / WRITES:.0f} us")
        tell("PUT", alone.put_ms, beside.put_ms)
        tell("event", alone.told_ms, beside.told_ms)
        for s in held:
            s.close()


if __name__ == "__main__":
    main()
