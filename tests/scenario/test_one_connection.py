"""A factory's informers share one HTTP/2 connection: all sync and follow over it, one that does not read stalls no
other, one whose watch ends takes no other with it, and when the connection dies all go on over the next."""
import os
import random
import socket
import sys
import time
import unittest

import faults
from program import Program
from tidewatch import BUILD, PATIENCE_S, SecureServer, Server, configmap, main, wait_for

FACTORY = os.path.join(BUILD, "tests", "factory")
COUNT = 5
IDLE_MS = int(os.environ.get("TIDEWATCH_IDLE_MS", "5000"))  # 0: the library's bounds, and figures for docs/client.md
PROBE = b"\x04\x85\x62\x83\x77\x2f\xbf"  # ":path: /livez", as HPACK packs it (RFC 7541, appendix B)


class Holed(faults.FaultProxy):
    """It forwards; from hole() on the connections there are stay open and silent, and keep what the client says."""

    def __init__(self, upstream):
        super().__init__(upstream, 0)
        self.holes = []

    def next_fault(self, rng, among=()):
        return "black hole" if among == faults.BREAKS and self.left > 0 else None

    def hole(self):
        self.arm(len(self.said))


class Silent(faults.Connection):
    def await_client(self):
        heard = b""
        began = time.monotonic()
        self.client.settimeout(faults.LINGER_S)
        try:
            while data := self.client.recv(65536):
                heard += data
        except socket.timeout:
            self.proxy.unnoticed += 1
        self.proxy.holes.append(heard)
        return time.monotonic() - began


class OneConnection(unittest.TestCase):
    def begin(self, *args, through=None, flags=(), make=Server):
        self.server = make(flags=flags)
        self.addCleanup(self.server.close)
        self.client = self.server.client()
        self.addCleanup(self.client.close)
        for i in range(COUNT):
            self.assertEqual(self.client.create("/api/v1/namespaces", {"metadata": {"name": f"n{i}"}}).code, 201)
            self.make(i, "first")
        path = os.path.join(self.server.folder, "through")
        with open(self.server.kubeconfig) as f:
            kubeconfig = f.read()
        if through is not None:
            self.proxy = through(self.server.port)
            self.addCleanup(self.proxy.close)
            kubeconfig = kubeconfig.replace(f":{self.server.port}", f":{self.proxy.port}")
        with open(path, "w") as f:
            f.write(kubeconfig)
        self.before = self.server.metric("tidewatch_connections_total")
        self.program = Program(self, FACTORY, str(COUNT), *map(str, args), env=dict(os.environ, KUBECONFIG=path))
        self.program.until_line("synced")

    def connections(self):
        """Those of the program; each look costs one of its own."""
        self.before += 1
        return self.server.metric("tidewatch_connections_total") - self.before

    def path(self, i, name=""):
        return f"/api/v1/namespaces/n{i}/configmaps/{name}".rstrip("/")

    def make(self, i, name, size=1):
        self.assertEqual(self.client.create(self.path(i), configmap(name, {"v": "x" * size})).code, 201)

    def told(self, i, name, kind="added"):
        words = f"{i} {kind} {name} "
        if not any(line.startswith(words) for line in self.program.seen):
            self.program.until(lambda line: line.startswith(words))

    def all_follow(self, name, among=range(COUNT)):
        for i in among:
            self.make(i, name)
        for i in among:
            self.told(i, name)

    def counters(self):
        words = self.program.ask("status", "status").split(" ")
        return {words[i]: int(words[i + 1]) for i in range(1, len(words), 2)}

    def end(self):
        self.program.say("end")
        self.assertEqual(self.program.process.wait(PATIENCE_S), 0)

    def test_is_enough_for_five_informers(self):
        self.begin()
        self.all_follow("second")
        self.assertEqual(self.connections(), 1)
        self.end()

    def test_one_that_does_not_read_stalls_no_other_and_loses_nothing(self):
        self.begin(0, 1)
        self.program.say("hold 0")
        count = 60
        for n in range(count):
            self.make(0, f"large-{n}", 100 * 1024)  # more than what the client, or a kernel, holds
        self.all_follow("meanwhile", range(1, COUNT))
        self.program.say("go 0")
        self.told(0, f"large-{count - 1}")
        self.all_follow("afterwards")
        mine = [line.split(" ")[2] for line in self.program.seen if line.startswith("0 added large-")]
        self.assertEqual(mine, [f"large-{n}" for n in range(count)])
        self.assertEqual(self.connections(), 2, "it has one of its own now")
        self.end()

    def test_goes_on_when_a_watch_falls_silent(self):
        self.begin(700, flags=["--bookmark-interval=1h"])
        wait_for(self.watches_come_and_the_connection_stays, "two new watches of each over the same connection")
        self.all_follow("second")
        self.end()

    def watches_come_and_the_connection_stays(self):
        watches, connections = self.counters()["watches"], self.connections()
        wait_for(lambda: self.counters()["watches"] >= watches + 2, "watches to be opened again")
        return self.connections() == connections

    def die_and_go_on(self, make):
        kind, faults.Connection = faults.Connection, Silent
        self.addCleanup(setattr, faults, "Connection", kind)
        self.begin(IDLE_MS, through=Holed, make=make)
        self.all_follow("second")
        before = self.counters()
        self.proxy.hole()
        began = time.monotonic()
        wait_for(lambda: self.proxy.holes, "the dead connection to be given up")
        noticed_s = time.monotonic() - began
        self.all_follow("third")
        print(f"given up after {noticed_s:.1f} s, all up to date after {time.monotonic() - began:.1f} s", file=sys.stderr)
        self.assertEqual(len(self.proxy.holes), 1, "all were on it")
        self.assertEqual(self.proxy.unnoticed, 0)
        wait_for(lambda: self.server.metric("tidewatch_connections") == 3, "one connection, beside two of this test's")
        self.assertEqual(self.counters()["lists"], before["lists"], "a new list, where a watch goes on")
        self.end()

    def test_that_is_half_open_is_replaced_for_all_and_they_resume(self):
        self.die_and_go_on(Server)
        self.assertIn(PROBE, self.proxy.holes[0], "who is silent is asked")

    def test_over_tls_does_the_same(self):
        self.die_and_go_on(SecureServer)

    def test_under_random_faults_leaves_each_with_the_servers_state(self):
        self.begin(300, through=lambda port: faults.FaultProxy(port, "one connection"), flags=["--bookmark-interval=100ms"])
        choice = random.Random(1)
        self.proxy.arm(15)
        deadline = time.monotonic() + 4 * PATIENCE_S
        n = 0
        while not self.proxy.done.wait(0.01):
            self.assertLess(time.monotonic(), deadline, "the faults do not come to an end")
            n += 1
            i = choice.randrange(COUNT)
            self.make(i, f"moving-{n}", choice.randrange(600))
            if n % 3 == 0:
                self.assertEqual(self.client.call("DELETE", self.path(i, f"moving-{n}")).code, 200)
        self.all_follow("the-end")
        for i in range(COUNT):
            items = self.client.get(self.path(i)).json["items"]
            state = self.program.ask(f"dump {i}", f"state {i}").split(" ")[2:]
            self.assertEqual(dict(pair.split("=") for pair in state),
                             {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in items})
        self.end()


if __name__ == "__main__":
    main()
