"""A server under steady load for hours: what it holds must not grow, and what it serves must stay what is stored.

    soak.py [MINUTES [WRITES]]     120 minutes by default, at 400 writes a second

It goes in rounds. In each there are paced writers, lists and pages, watches of every way that come, go, and do not
read, nonsense, and a crowd of watches of tests/bench's (a combination of transport and form a round). Then all of them
leave, and when the server says that it has no connection but the reflector's it is measured: descriptors must be as many
as before, and resident memory must not rise over the second half of the rounds. Its own comparisons of cache and store
must never fail, a reflector that stays for the whole time must have at each pause what a list says, and so must a server
that starts anew at the end from the same folder, whose files `tidewatch verify` finds whole.
"""
import http.client
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time

from follow import Follower
from tidewatch import BUILD, Server, configmap, outcome, wait_for
from ways import WAYS, read

SPACES = ("default", "east", "west")
KEYS = 1500  # of a writer
WRITERS = 4
FLAGS = ("--consistency-check-interval=10s", "--history-bytes=32MiB", "--write-stall=5s", "--watch-window-bytes=8MiB",
         "--bookmark-interval=1s")
# none by WebSocket: watchload does not answer pings, and is cut
CROWDS = [["--http=1"], ["--http=2"], ["--http=1", "--kind=events"], ["--http=2", "--kind=events"], ["--http=1", "--protobuf=100"]]
CUT = (http.client.HTTPException, OSError, json.JSONDecodeError)
RISE = 1.02  # of resident memory over the second half
ROOM_KIB = 1024  # and this much, which a thread's allocator may take at any time


def path_of(ns, name=None):
    path = f"/api/v1/namespaces/{ns}/configmaps"
    return f"{path}/{name}" if name else path


class Load(threading.Thread):
    """A client that acts every `period_s` until the round ends; `act` takes no longer than the server does."""

    def __init__(self, round, period_s, seed):
        super().__init__(daemon=True)
        self.round, self.period_s, self.dice = round, period_s, random.Random(seed)
        self.server, self.client, self.count, self.error = round.server, round.server.client(), 0, None

    def run(self):
        due = time.monotonic()
        try:
            while not self.round.over.wait(max(0.0, due - time.monotonic())):
                due = max(due + self.period_s, time.monotonic() - 1)
                self.act()
                self.count += 1
        except Exception as e:  # told by the round
            self.error = f"{type(self).__name__}: {e!r}"
        self.client.close()


class Writer(Load):
    def __init__(self, round, number, period_s, seed):
        super().__init__(round, period_s, seed)
        self.number = number

    def act(self):
        n = self.dice.randrange(KEYS)
        ns, name = SPACES[n % len(SPACES)], f"w{self.number}-{n}"
        body = configmap(name, {"n": str(self.count), "pad": "x" * self.dice.randrange(1500)}, {"on": self.dice.choice(("yes", "no"))})
        chance = self.dice.random()
        if chance < 0.55:
            answer = self.client.call("PUT", path_of(ns, name), body)
        elif chance < 0.75:
            answer = self.client.call("PATCH", path_of(ns, name), {"data": {"n": str(self.count)}}, "application/merge-patch+json")
        elif chance < 0.85:
            answer = self.client.call("DELETE", path_of(ns, name))
        else:
            answer = self.client.create(path_of(ns), body)
        assert answer.code in (200, 201, 404, 409), answer


class Lister(Load):
    QUERIES = ("", "?limit=500", "?labelSelector=on%3Dyes", "?resourceVersion=0", "?fieldSelector=metadata.name%3Dw0-3")
    ACCEPTS = ("application/json", "application/vnd.kubernetes.protobuf",
               "application/json;as=Table;v=v1;g=meta.k8s.io", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")

    def act(self):
        path = self.dice.choice(("/api/v1/configmaps", path_of("east"), path_of("west")))
        answer = self.client.get(path + self.dice.choice(self.QUERIES), Accept=self.dice.choice(self.ACCEPTS),
                                 Accept_Encoding=self.dice.choice(("identity", "gzip")))
        assert answer.code == 200, answer


class Visitor(Load):
    """Opens a watch, reads some of it or nothing at all, and is gone without a word."""

    def act(self):
        way = self.dice.choice(list(WAYS))
        selector = self.dice.choice(("", "&labelSelector=on%3Dyes", "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"))
        reader = read(way, self.server, self.dice.choice(("/api/v1/configmaps", path_of("east"))), None,
                      f"{selector}&allowWatchBookmarks=true")
        stay_s = self.dice.uniform(0.5, 8)
        gone = threading.Thread(target=lambda: (self.round.over.wait(stay_s), reader.close()))
        gone.start()
        if self.dice.random() < 0.8:
            for _ in reader:
                pass
        gone.join()
        reader.process.stdout.close()


class Nonsense(Load):
    """What is refused, and what breaks off."""

    def act(self):
        shape = self.dice.randrange(5)
        if shape == 0:
            answer = self.client.create(path_of("default"), "{" * self.dice.randrange(1, 2000))
            assert answer.code == 400, answer
        elif shape == 1:
            answer = self.client.get("/api/v1/configmaps?watch=true&resourceVersion=nonsense")
            assert answer.code == 422, answer
        elif shape == 2:
            answer = self.client.get(f"/apis/none{self.dice.random()}.example.com/v1/things")
            assert answer.code == 404, answer
        else:
            self.break_off(shape)

    def break_off(self, shape):
        other = self.server.client()
        other.get("/livez")
        head = f"POST {path_of('default')} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{{"
        other.connection.sock.sendall(head.encode() if shape == 3 else os.urandom(300))
        other.close()


class Round:
    def __init__(self, server, number, seconds, writes_per_s, seed):
        self.server, self.over = server, threading.Event()
        dice = random.Random(seed * 1000 + number)
        self.loads = [Writer(self, n, WRITERS / writes_per_s, dice.random()) for n in range(WRITERS)]
        self.loads += [Lister(self, 0.5, dice.random()) for _ in range(2)]
        self.loads += [Visitor(self, 0.1, dice.random()) for _ in range(6)]
        self.loads += [Nonsense(self, 0.1, dice.random())]
        crowd = CROWDS[number % len(CROWDS)]
        self.crowd = subprocess.Popen(
            [os.path.join(BUILD, "tests", "watchload"), f"--port={server.port}", "--watchers=200", "--streams=50",
             "--rate=50", f"--events={max(1, int(seconds * 40))}", *crowd], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})  # a load tool frees nothing
        for load in self.loads:
            load.start()
        self.over.wait(seconds)

    def end(self):
        """How many times each client did its thing; an assertion if one could not."""
        self.over.set()
        for load in self.loads:
            load.join()
        told, _ = self.crowd.communicate(timeout=600)
        errors = [load.error for load in self.loads if load.error]
        assert not errors and self.crowd.returncode == 0, (errors, self.crowd.returncode)
        count = lambda kind: sum(load.count for load in self.loads if isinstance(load, kind))
        return {"writes": count(Writer), "lists": count(Lister), "watches": count(Visitor), "refused": count(Nonsense),
                "events_to_200": json.loads(told)["events"]}


def descriptors(server):
    """Files and the like, and sockets."""
    folder, sockets, others = f"/proc/{server.process.pid}/fd", 0, 0
    for fd in os.listdir(folder):
        try:
            socket = os.readlink(os.path.join(folder, fd)).startswith("socket:")
        except FileNotFoundError:
            continue  # closed meanwhile
        sockets, others = sockets + socket, others + (not socket)
    return others, sockets


def listed(server):
    """The revision of the state, the versions of all objects, and of those that the reflector follows."""
    client = server.client()
    answer = client.get("/api/v1/configmaps")
    client.close()
    items = answer.json["items"]
    versions = sorted((o["metadata"]["uid"], o["metadata"]["resourceVersion"]) for o in items)
    return answer.rv, versions, {o["metadata"]["name"]: o["metadata"]["resourceVersion"] for o in items
                                 if o["metadata"]["namespace"] == "default"}


def rest(server, follower, own_sockets):
    """What there is when all but the reflector have left."""
    wait_for(lambda: server.metric("tidewatch_connections") <= 2, "the connections to end")  # it, and who asks
    wait_for(lambda: descriptors(server)[1] <= own_sockets + 1, "their sockets to be closed")
    fds = descriptors(server)[0]
    rv, versions, followed = listed(server)
    report = follower.until(rv)
    assert report["wrong"] == 0, report["firstWrong"]
    assert {name: version for name, (version, _) in report["objects"].items()} == followed, "the reflector's store is not the list"
    failed = server.metric("apiserver_storage_consistency_checks_total", 'status="failure"')
    assert failed == 0, f"{failed} comparisons of cache and store failed"
    checks = server.metric("apiserver_storage_consistency_checks_total", 'status="success"')
    return {"rss_kib": server.rss_kib(), "fds": fds, "versions": versions, "checks": checks}


def judge(rests):
    """Nothing grew: a sentence for each thing that did."""
    later = rests[len(rests) // 2:]
    grown = []
    if len({r["fds"] for r in later}) != 1:
        grown.append(f"descriptors: {[r['fds'] for r in rests]}")
    half = max(1, len(later) // 2)
    before, after = (statistics.median(r["rss_kib"] for r in part) for part in (later[:half], later[half:] or later))
    if after > before * RISE + ROOM_KIB:
        grown.append(f"resident memory: {before} KiB, then {after} KiB")
    return grown


def begin_anew(server, versions):
    server.stop()
    code, text = outcome("verify", f"--data-dir={server.folder}/data")
    server.start()
    same = listed(server)[1] == versions
    return ([] if code == 0 else [f"verify: {text}"]) + ([] if same else ["what it serves after a restart differs"])


def soak(minutes, writes_per_s, rounds=24, seed=None, say=print):
    """Sentences of what went wrong, and the totals."""
    seed = random.randrange(1 << 30) if seed is None else seed
    say(f"SEED={seed}, {BUILD}, {minutes:g} minutes, {writes_per_s} writes a second")
    server = Server(threads=2, flags=FLAGS)
    own_sockets = descriptors(server)[1]
    client = server.client()
    for ns in SPACES[1:]:
        client.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}})
    client.close()
    follower, rests, total = Follower(server.port, "json", "http1", "default"), [], {}
    try:
        for number in range(rounds):
            done = Round(server, number, minutes * 60 / rounds, writes_per_s, seed).end()
            rests.append(rest(server, follower, own_sockets))
            total = {name: total.get(name, 0) + count for name, count in done.items()}
            say(f"round {number + 1:3}: {rests[-1]['rss_kib']} KiB, {rests[-1]['fds']} descriptors but sockets, {len(rests[-1]['versions'])} objects, "
                f"{rests[-1]['checks']:.0f} comparisons; {done}", flush=True)
        assert follower.close() == 0, "the reflector found something wrong"
        wrong = judge(rests) + begin_anew(server, rests[-1]["versions"])
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
        return wrong, rests, total
    except BaseException:
        say(f"{server.read_log()}\nits folder is kept: {server.folder}", flush=True)
        raise
    finally:
        if server.process.poll() is None:
            server.kill()
        if follower.process.poll() is None:
            follower.process.kill()


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 120
    wrong, rests, total = soak(minutes, int(sys.argv[2]) if len(sys.argv) > 2 else 400)
    later = rests[len(rests) // 2:]
    print(f"{total}; {rests[-1]['checks']:.0f} comparisons of cache and store, none failed; over the second half "
          f"{later[0]['rss_kib']} to {later[-1]['rss_kib']} KiB resident, {sorted({r['fds'] for r in later})} descriptors but sockets")
    for sentence in wrong:
        print(f"  {sentence}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
