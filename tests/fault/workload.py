"""Writers, readers and watchers of a run, by one seed, all recorded in a History.

Keys are a writer's own, shared by all, a counter, held by a finalizer, or swept away by a deletecollection. Watchers
follow in every way there is (tests/lib/ways.py), with and without selectors, resume where they were, and a replayer
goes back to old revisions. What is asked seldom, or at rare moments, is asked by probes.py. Whoever is cut waits for
the server to be up again.
"""
import json
import os
import threading
import urllib.parse

import probes
from client import CUT, SELECTOR, SPACES, Client, path_of, query_of, take
from history import History, Log, now
from storm import Storm
from tidewatch import PATIENCE_S, Server, Watch
from ways import WAYS, Lines, read

FLAGS = ("--watch-window-events=64", "--bookmark-interval=100ms", "--consistency-check-interval=300ms")


class Run:
    """One server, and all its clients."""

    def __init__(self, seed, flags=(), writers=4, ways=None, server=Server, storm=False, probing=True):
        self.seed, self.history = seed, History()
        self.server = server(threads=2, flags=[*FLAGS, *flags])
        self.up, self.stopping = threading.Event(), threading.Event()
        self.up.set()
        self.down = threading.Event()
        self.goal = None
        self.acks = 0
        self.told = None  # of the storm, in the end
        self.make_spaces()
        self.sockets = self.server.sockets()
        self.probes = [*probes.empty(self), *probes.probes(self)] if probing else []
        self.storm = Storm(self.server.port, seed) if storm else None
        self.writers = [Writer(self, n) for n in range(writers)]
        self.readers = [Lister(self, n) for n in range(2)] + [Replayer(self)]
        self.followers = followers(self, ways or list(WAYS))
        for client in self.clients():
            client.start()

    def clients(self):
        return [*self.followers, *self.readers, *self.probes, *self.writers]

    def make_spaces(self):
        client = self.server.client()
        for ns in SPACES[1:]:
            made = client.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}})
            assert made.code == 201, made
        client.close()

    def wait_for_acks(self, count, of_storm=0):
        """Until so many more writes have been acknowledged; False: they do not get on, or a client failed."""
        goal, deadline = self.acks + count, now() + PATIENCE_S
        if self.storm:
            self.storm.expect(of_storm)
        while self.acks < goal and now() < deadline and not self.trouble():
            threading.Event().wait(0.002)
        if self.storm:
            self.storm.wait()
        return self.acks >= goal

    def trouble(self):
        return [f"{c.name}: {c.error!r}" for c in self.clients() if c.error]

    def finish(self):
        """The end of a run: everybody comes to the last write, and the log is read."""
        try:
            self.end_clients()
            self.told = self.storm.finish() if self.storm else None
            self.let_go()
            self.history.facts["kept"] = max(0, self.server.sockets(self.sockets) - self.sockets)
            self.history.facts["checks_failed"] = self.server.metric("apiserver_storage_consistency_checks_total",
                                                                     'status="failure"')
            self.server.stop()
        except (AssertionError, *CUT) as e:
            self.history.facts.setdefault("trouble", []).append(repr(e))
            if self.server.process.poll() is None:
                self.server.kill()
        self.history.facts.setdefault("trouble", []).extend(self.trouble())
        log = Log.read(os.path.join(self.server.folder, "data", "tidewatch.db"))
        self.close()
        return self.history, log

    def let_go(self):
        for follower in self.followers:
            follower.give_up()
        if self.storm:
            self.storm.close()

    def close(self):
        self.let_go()
        try:
            self.server.close()
        except AssertionError as e:
            self.history.facts.setdefault("trouble", []).append(repr(e))

    def end_clients(self):
        self.stopping.set()
        for client in [*self.writers, *self.readers, *self.probes]:
            client.join(PATIENCE_S)
        last = Client(self, "last")
        for end in ("the-end", "after-it"):  # what comes after the goal wakes who waits for an event
            for ns in SPACES:
                made = last.write("create", f"{ns}/{end}", {"t": f"{end} in {ns}"}, labels={"on": "yes"})
            assert made.get("rv"), made
            self.goal = self.goal or made["rv"]
        began = now()
        last.list(None, None)
        self.history.facts["goal"] = self.goal
        for follower in self.followers:
            follower.join(PATIENCE_S)
        self.history.facts["caught_up_s"] = now() - began
        last.close()

    # ---- faults ----

    def kill(self):
        self.history.note("kill")
        self.again(self.server.kill)

    def restart(self):
        self.history.note("restart")
        self.again(self.server.stop)

    def again(self, end):
        self.up.clear()
        end()
        self.down.set()
        self.server.start()
        self.history.note("start")
        self.down.clear()
        self.up.set()

    def pause(self, seconds):
        self.history.note("pause")
        self.server.process.send_signal(19)
        threading.Event().wait(seconds)
        self.server.process.send_signal(18)
        self.history.note("go on")


class Writer(Client):
    def __init__(self, run, number):
        super().__init__(run, f"w{number}")
        self.other = Client(run, f"w{number}b")  # on another connection, and perhaps another loop
        self.own = [f"{ns}/{self.name}-{k}" for ns in SPACES for k in range(2)]
        self.shared = [f"{ns}/s{k}" for ns in SPACES[:2] for k in range(2)]
        self.held = f"default/f-{self.name}"
        self.there = {}  # {key: its object as last seen, False, or nothing: who knows}

    def close(self):
        super().close()
        self.other.close()

    def step(self):
        what = self.dice.random()
        if what < 0.55:
            key = self.dice.choice(self.own)
        elif what < 0.75:
            key = self.dice.choice(self.shared)
        elif what < 0.85:
            return self.count()
        elif what < 0.97:
            return self.hold()
        else:
            return self.sweep() if self.name == "w0" else None
        there = self.look(key)
        if there is None:
            return
        self.there.pop(key, None)
        done = self.create(key) if there is False else self.change(key, there)
        if done["code"] in (200, 201) and not done.get("dry"):
            self.there[key] = done.get("object") or (False if done["verb"] == "delete" else None)
            if self.dice.random() < 0.4:
                self.other.get(key) if self.dice.random() < 0.7 else self.other.list(key.split("/")[0], None)

    def look(self, key):
        """The object, False if there is none, None if nobody answers."""
        if self.there.get(key) is None or key in self.shared:
            got = self.get(key)
            if got["code"] is None:
                return None
            self.there[key] = got.get("object", False)
        return self.there[key]

    def data(self):
        return {"t": self.token()}, {"on": self.dice.choice(["yes", "no"]), "tier": self.name}

    def create(self, key):
        data, labels = self.data()
        if self.dice.random() < 0.1:
            return self.write("create", key, data, labels, query="?dryRun=All", dry=True)
        return self.write("create", key, data, labels)

    def change(self, key, there):
        what, (data, labels) = self.dice.random(), self.data()
        rv = int(there["metadata"]["resourceVersion"])
        if what < 0.30:
            return self.write("update", key, data, labels)
        if what < 0.50:
            return self.write("update", key, data, labels, rv=rv)
        if what < 0.54:
            return self.write("update", key, data, labels, rv=max(1, rv - self.dice.randrange(1, 50)))
        if what < 0.70:
            return self.write("patch", key, {**data, f"p-{self.name}": data["t"]})
        if what < 0.75:
            return self.write("create", key, data, labels)
        if what < 0.79:
            return self.write("update", key, data, labels, query="?dryRun=All", dry=True)
        if what < 0.82:
            return self.write("delete", key, query="?dryRun=All", dry=True)
        if what < 0.87 and key in self.own and not key.startswith("sweep/"):
            return self.write("update", key, there["data"], there["metadata"]["labels"], rv=rv, noop=True)
        if what < 0.89:
            return self.write("delete", key, rv=max(1, rv - self.dice.randrange(1, 50)))
        return self.write("delete", key, rv=rv if what < 0.94 else None)

    def count(self):
        """One more, if it is still what was read."""
        key = "default/counter"
        got = self.get(key)
        if got["code"] == 404:
            self.write("create", key, {"n": "0", "t": self.token()})
        elif got["code"] == 200:
            data = {"n": str(int(got["object"]["data"]["n"]) + 1), "t": self.token()}
            self.write("update", key, data, rv=got["rv"], counts=True)

    def hold(self):
        """A finalizer holds it until it is taken away."""
        got = self.get(self.held)
        if got["code"] == 404:
            data, labels = self.data()
            self.write("create", self.held, data, labels, finalizers=["test.tidewatch.dev/hold"])
        elif got["code"] == 200:
            uid = got["object"]["metadata"]["uid"]
            if "deletionTimestamp" not in got["object"]["metadata"]:
                self.write("delete", self.held, uid=uid, held=True)
            else:
                patch = {"metadata": {"finalizers": None}}
                self.write("patch", self.held, {}, uid=uid, patch=patch, removes=True)

    def sweep(self):
        """A deletecollection: each object of it may have gone."""
        sweep, _ = self.ask({"client": self.name, "verb": "sweep"}, "DELETE",
                            f"{path_of('sweep')}?labelSelector={urllib.parse.quote(SELECTOR)}")
        for n in range(len(self.in_run.writers)):
            for k in range(2):
                self.history.writes.append({**sweep, "key": f"sweep/w{n}-{k}", "sent": None})
        for writer in self.in_run.writers:
            for key in writer.own:
                if key.startswith("sweep/"):
                    writer.there.pop(key, None)


class Lister(Client):
    """Reads: whole, page by page, and what was."""

    def __init__(self, run, number):
        super().__init__(run, f"r{number}")
        self.last = None

    def step(self):
        ns, selector = self.dice.choice([None, *SPACES]), self.dice.choice([None, None, SELECTOR])
        what = self.dice.random()
        if what < 0.4:
            listed = self.list(ns, selector)
        elif what < 0.8 or self.last is None:
            listed = self.list(ns, selector, limit=self.dice.randrange(2, 8))
        else:
            listed = self.list(ns, selector, form="exact", least=max(1, self.last - self.dice.randrange(100)))
        self.last = listed["rv"] if listed else self.last
        self.in_run.stopping.wait(0.003)


class Replayer(Client):
    """Watches from revisions of long ago up to now."""

    def __init__(self, run):
        super().__init__(run, "replayer")

    def step(self):
        listed = self.list(None, None)
        if listed is None:
            return
        ns, selector = self.dice.choice([None, *SPACES[:2]]), self.dice.choice([None, SELECTOR])
        record = {"client": self.name, "way": "lines", "ns": ns, "selector": selector,
                  "rv": max(5, listed["rv"] - self.dice.randrange(1, 600)), "call": now(), "events": [], "end": "cut"}
        self.history.streams.append(record)
        try:
            watch = Watch(self.in_run.server.port, f"{path_of(ns)}?watch=1&resourceVersion={record['rv']}&timeoutSeconds=60"
                                                   f"&allowWatchBookmarks=true{query_of(selector)}")
            while take(self.history, record, watch.next()) < listed["rv"]:
                pass
            watch.close()
        except (StopIteration, *CUT):
            self.in_run.up.wait(PATIENCE_S)
        self.in_run.stopping.wait(0.01)


class Follower(Client):
    """Follows for ever: from a list or from the state, then always from where it was. Now and then it lets go."""

    def __init__(self, run, number, way, ns, selector):
        super().__init__(run, f"f{number}")
        self.way, self.ns, self.selector = way, ns, selector
        self.rv, self.chain_id, self.reader = None, None, None
        self.asks_state = not way.startswith("long") and number % 2 == 0

    def done(self):
        return self.in_run.goal is not None and (self.rv or 0) >= self.in_run.goal

    def run(self):
        try:
            while not self.done():
                self.in_run.up.wait(PATIENCE_S)
                self.follow()
        except Exception as e:
            self.error = e
        self.close()

    def give_up(self):
        if self.reader:
            self.reader.close()

    def follow(self):
        query = f"&allowWatchBookmarks=true{query_of(self.selector)}"
        if self.rv is None:
            self.chain_id = self.history.chain()
            if self.asks_state:
                query += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
            else:
                listed = self.list(self.ns, self.selector)
                self.rv = listed["rv"] if listed else None
                if listed is None:
                    return
        record = {"client": self.name, "way": self.way, "ns": self.ns, "selector": self.selector, "rv": self.rv,
                  "chain": self.chain_id, "call": now(), "events": [], "end": "cut"}
        self.history.streams.append(record)
        self.read(record, query)
        self.rv = None if record["end"] == "expired" else record.get("told") or self.rv

    def read(self, record, query):
        self.reader = read(self.way, self.in_run.server, path_of(self.ns), self.rv, query)
        patience = self.dice.randrange(20, 400)
        try:
            for type, tree, id in self.reader:
                rv = take(self.history, record, {"type": type, "object": tree}, id)
                patience -= 1
                if (patience <= 0 and rv and self.in_run.goal is None) or (self.in_run.goal and rv >= self.in_run.goal):
                    break
            else:
                self.reader.tell_end(record)
        except StopIteration:
            pass
        self.reader.close()
        if record["end"] == "cut" and not record["events"]:
            self.in_run.stopping.wait(0.02)


class MuxFollower(Client):
    """Several watches on one stream: each of its members is a stream of its own, resumed at the cuts."""

    def __init__(self, run, number, options):
        super().__init__(run, f"m{number}")
        self.options, self.reader = options, None
        self.members = {"all": (None, None), "default": ("default", None), "some": ("default", SELECTOR), "east": ("east", SELECTOR)}
        self.told = dict.fromkeys(self.members)
        self.chain_ids = {id: run.history.chain() for id in self.members}

    run = Follower.run
    give_up = Follower.give_up

    def done(self):
        return self.in_run.goal is not None and all((rv or 0) >= self.in_run.goal for rv in self.told.values())

    def follow(self):
        listed = None
        if None in self.told.values():
            listed = self.list(None, None)
            if listed is None:
                return
        records = {}
        for id, (ns, selector) in self.members.items():
            self.told[id] = self.told[id] or listed["rv"]
            records[id] = {"client": f"{self.name} {id}", "way": "multiplexed", "ns": ns, "selector": selector, "rv": self.told[id],
                           "chain": self.chain_ids[id], "call": now(), "events": [], "end": "cut"}
        self.history.streams += records.values()
        subscribe = "".join("&subscribe=" + urllib.parse.quote(
            f"{id}={path_of(ns)}?resourceVersion={self.told[id]}{query_of(selector)}", safe="")
            for id, (ns, selector) in self.members.items())
        self.reader = Lines(self.in_run.server, "/apis/tidewatch.dev/v1/watch", subscribe, None, self.options)
        patience = self.dice.randrange(100, 600)
        try:
            for line in self.reader.lines():
                self.take(records, json.loads(line))
                patience -= 1
                if patience <= 0 and self.in_run.goal is None or self.done():
                    break
        except StopIteration:
            pass
        self.reader.close()
        if not any(r["events"] for r in records.values()):
            self.in_run.stopping.wait(0.02)

    def take(self, records, told):
        if told.get("kind") == "Status" or (told["type"] == "ERROR" and "id" not in told):
            raise StopIteration
        if told["type"] in ("SUBSCRIBED", "UNSUBSCRIBED"):
            return
        for id in [told["id"]] if "id" in told else list(records):
            try:
                self.told[id] = take(self.history, records[id], told)
            except StopIteration:
                if records[id]["end"] == "expired":
                    self.told[id], self.chain_ids[id] = None, self.history.chain()
                raise


def followers(run, ways):
    scopes = [(None, None), ("default", SELECTOR), ("east", None), (None, SELECTOR), ("default", None)]
    made = [Follower(run, n, way, *scopes[n % len(scopes)]) for n, way in enumerate(ways)]
    return made + [MuxFollower(run, 0, ("--http1.1",)), MuxFollower(run, 1, ("--http2-prior-knowledge",))]
