"""A reflector behind a proxy that delays, cuts, resets, truncates, half-opens and lies: its store still ends up equal to
the server's list, every object's changes came in order, and no wait was without its bound.

TIDEWATCH_FAULTS and TIDEWATCH_FAULT_SEED: how many faults a cell, and which (`./dev fault N SEED`).
"""
import concurrent.futures
import json
import os
import random
import sys
import threading
import time
import unittest

import faults
import follow
import tidewatch

FAULTS = int(os.environ.get("TIDEWATCH_FAULTS", "40"))
SEED = os.environ.get("TIDEWATCH_FAULT_SEED", "1")
CELLS = [("json", "http1"), ("protobuf", "http2"), ("json", "websocket"), ("protobuf", "websocket")]
LONGEST_MS = 1500  # of follow.c's bounds: first_byte_ms, and then idle_max_ms
SLACK_MS = 20000   # of a busy machine under a sanitizer: what is looked for are waits without end
BASE_OBJECTS = 20
MEMORY_SLACK = 384 * 1024
WARM_FAULTS = 10   # before memory is measured for the first time
SANITIZED = any(name in tidewatch.BUILD for name in ("asan", "tsan"))
PATIENCE_S = max(120.0, FAULTS * 2.0)


def body(name, value, fill=0):
    return {"metadata": {"name": name}, "data": {"v": str(value), "fill": "x" * fill}}


def newest(server):
    client = server.client()
    answer = client.get(tidewatch.CONFIGMAPS)
    client.close()
    return answer.rv, {item["metadata"]["name"]: [item["metadata"]["resourceVersion"], item["data"]["v"]]
                       for item in answer.json["items"]}


def create_base(server):
    client = server.client()
    for i in range(BASE_OBJECTS):
        assert client.create(tidewatch.CONFIGMAPS, body(f"base-{i}", 0)).code == 201
    client.close()


class Writer(threading.Thread):
    """Creates, updates and deletes at random until told to end; then the state is as at first."""

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.client, self.random = server.client(), random.Random(seed)
        self.ending = threading.Event()
        self.failed = None

    def end(self):
        self.ending.set()
        self.join(tidewatch.PATIENCE_S)
        self.client.close()
        if self.failed is not None or self.is_alive():
            raise AssertionError(f"the writer failed: {self.failed}")

    def run(self):
        try:
            self.write()
        except Exception as error:  # told by end()
            self.failed = error

    def call(self, method, name, number=0):
        path = tidewatch.CONFIGMAPS if method == "POST" else f"{tidewatch.CONFIGMAPS}/{name}"
        sent = None if method == "DELETE" else body(name, number, self.random.randrange(600))
        answer = self.client.call(method, path, sent)
        assert answer.code < 300, answer

    def write(self):
        present = set()
        number = 0
        while not self.ending.wait(0.002):
            number += 1
            name = f"moving-{self.random.randrange(20)}"
            if name not in present:
                self.call("POST", name, number)
                present.add(name)
            elif self.random.random() < 0.3:
                self.call("DELETE", name)
                present.remove(name)
            else:
                self.call("PUT", name, number)
        for name in present:
            self.call("DELETE", name)


class Faults(unittest.TestCase):
    """The cells run side by side, as most of their time is waiting; each test is one's outcome."""

    @classmethod
    def setUpClass(cls):
        cls.pool = concurrent.futures.ThreadPoolExecutor(len(CELLS))
        cls.outcomes = {cell: cls.pool.submit(cls().follow, *cell) for cell in CELLS}

    @classmethod
    def tearDownClass(cls):
        cls.pool.shutdown()

    def runTest(self):
        """For setUpClass: an instance to check with."""

    def follow(self, framing, transport):
        seed = f"{SEED}/{framing}/{transport}"
        with tidewatch.Server(flags=["--bookmark-interval=100ms"]) as server:
            create_base(server)
            proxy = faults.FaultProxy(server.port, seed)
            follower = follow.Follower(proxy.port, framing, transport)
            try:
                self.check_cell(f"{framing} over {transport}", seed, server, proxy, follower)
            finally:
                proxy.close()
                code = follower.close()
            self.assertEqual(code, 0, "the follower ended badly")

    def play(self, count, seed, server, proxy, follower):
        """So many faults while objects come and go; then what the follower has, which is what the server has."""
        writer = Writer(server, seed)
        writer.start()
        try:
            proxy.arm(count)
            self.assertTrue(proxy.done.wait(PATIENCE_S), f"the faults do not come to an end: {proxy.counts}")
        finally:
            writer.end()
        rv, objects = newest(server)
        report = follower.until(rv)
        self.assertEqual(report["objects"], objects)
        self.assertEqual(report["wrong"], 0, report["firstWrong"])
        return report

    def check_cell(self, cell, seed, server, proxy, follower):
        began = time.monotonic()
        follower.until(newest(server)[0])
        before = self.play(WARM_FAULTS, seed + "/warm", server, proxy, follower)
        after = self.play(FAULTS - WARM_FAULTS, seed, server, proxy, follower)
        self.assertEqual(proxy.unnoticed, 0, "a dead connection was not given up")
        self.assertLess(after["longestMs"], LONGEST_MS + SLACK_MS)
        self.assertGreater(after["states"]["stale"], 0)
        if not SANITIZED:
            self.assertLess(after["allocated"], before["allocated"] + MEMORY_SLACK)
        print(f"{cell}: {sum(proxy.counts.values())} faults in {time.monotonic() - began:.0f} s, "
              f"{after['changes']} changes, longest wait {after['longestMs']} ms, dead connection noticed after "
              f"{proxy.longest_hole_s * 1000:.0f} ms at most, memory {before['allocated'] // 1024} -> "
              f"{after['allocated'] // 1024} KiB, {json.dumps(proxy.counts, sort_keys=True)}", file=sys.stderr)


def add_cell(framing, transport):
    def test(self):
        self.outcomes[framing, transport].result()
    setattr(Faults, f"test_{framing}_over_{transport}", test)


for cell in CELLS:
    add_cell(*cell)


if __name__ == "__main__":
    unittest.main(verbosity=2)
