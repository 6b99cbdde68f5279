"""The promise of the whole thing: list, then watch, is the state, whatever happens to the server.

8 watchers follow 4 writers while the server is killed by SIGKILL and restarted, again and again
(CRASHES times, 20 by default). Every client records what it was told; at the end the records must agree:
each acknowledged write is there, in order, once; what was never acknowledged is wholly there or
wholly absent; every watch went on from its last resourceVersion without a new list.
"""
import http.client
import json
import os
import random
import threading
import time
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, Server, Watch, brief, configmap, main

CRASHES = int(os.environ.get("CRASHES", "20"))
WRITERS, WATCHERS, KEYS, ACKS_A_ROUND = 4, 8, 6, 120
CUT = (http.client.HTTPException, ConnectionError, TimeoutError, OSError, json.JSONDecodeError)


class Op:
    """One write as its writer saw it."""

    def __init__(self, type, token):
        self.type, self.token, self.rv, self.certain = type, token, None, False


class Writer(threading.Thread):
    """Writes its own keys, one write at a time. A cut connection means unknown, not failed."""

    def __init__(self, number, server, stop):
        super().__init__(daemon=True)
        self.number, self.server, self.stop = number, server, stop
        self.random = random.Random(number)
        self.ops = {f"w{number}-{k}": [] for k in range(KEYS)}
        self.live = {}
        self.acks = 0
        self.error = None

    def run(self):
        try:
            client = self.server.client()
            while not self.stop.is_set():
                self.step(client, self.random.choice(list(self.ops)))
        except Exception as e:
            self.error = e

    def step(self, client, key):
        path, token = f"{CONFIGMAPS}/{key}", f"{key}#{len(self.ops[key])}"
        exists = self.live.get(key)
        if exists is None:  # never written, or unknown: ask
            try:
                exists = client.get(path).code == 200
            except CUT:
                return
            self.live[key] = exists
        if not exists:
            op, call = Op("ADDED", token), lambda: client.create(CONFIGMAPS, configmap(key, {"t": token}))
        elif self.random.random() < 0.2:
            op, call = Op("DELETED", None), lambda: client.call("DELETE", path)
        else:
            op, call = Op("MODIFIED", token), lambda: client.call("PUT", path, configmap(key, {"t": token}))
        self.ops[key].append(op)
        self.live[key] = None
        try:
            answer = call()
        except CUT:
            return
        if answer.code not in (200, 201):
            raise AssertionError(f"{op.type} {key}: {answer}")
        op.certain = True
        if op.type != "DELETED":
            op.rv = answer.rv
        self.live[key] = op.type != "DELETED"
        self.acks += 1


class Follower(threading.Thread):
    """Lists once, then watches from there for ever, resuming at its last resourceVersion."""

    def __init__(self, server, goal):
        super().__init__(daemon=True)
        self.server, self.goal = server, goal
        listed = server.client().get(CONFIGMAPS)
        self.start_rv = self.rv = listed.rv
        self.initial = {i["metadata"]["name"]: i for i in listed.json["items"]}
        self.state = dict(self.initial)
        self.events = []
        self.resumes = 0
        self.error = None

    def run(self):
        try:
            while self.goal() is None or self.rv < self.goal():
                self.follow()
        except Exception as e:
            self.error = e

    def follow(self):
        try:
            watch = Watch(self.server.port, f"{CONFIGMAPS}?watch=1&resourceVersion={self.rv}&timeoutSeconds=60&allowWatchBookmarks=true")
        except CUT:
            threading.Event().wait(0.005)  # the server is down; its port answers nothing to wait for
            return
        self.resumes += 1
        while self.goal() is None or self.rv < self.goal():
            try:
                event = watch.next()
            except CUT:
                break
            if event is None:
                break
            self.record(event)
        watch.close()

    def record(self, event):
        if event["type"] == "BOOKMARK":
            assert int(event["object"]["metadata"]["resourceVersion"]) >= self.rv, event
            self.rv = int(event["object"]["metadata"]["resourceVersion"])
            return
        type, name, rv = brief(event)
        if type == "ERROR":
            raise AssertionError(f"a watch at {self.rv} got {event}")
        if rv <= self.rv:
            raise AssertionError(f"{type} {name} at {rv} came after {self.rv}")
        before = name in self.state
        if (type == "ADDED") == before:
            raise AssertionError(f"{type} of {name} at {rv}, but before it was {before}")
        self.rv = rv
        self.events.append((rv, type, name, event["object"]["data"]["t"]))
        if type == "DELETED":
            del self.state[name]
        else:
            self.state[name] = event["object"]


class CrashResume(unittest.TestCase):
    def test_list_then_watch_is_the_state_across_kill_9(self):
        with Server(threads=2, flags=["--bookmark-interval=200ms"]) as server:
            stop, goal = threading.Event(), [None]
            writers = [Writer(n, server, stop) for n in range(WRITERS)]
            followers = [Follower(server, lambda: goal[0]) for _ in range(WATCHERS)]
            for t in writers + followers:
                t.start()
            self.crash_again_and_again(server, writers, followers)
            stop.set()
            for w in writers:
                w.join(PATIENCE_S)
            final = server.client().get(CONFIGMAPS)
            marker = server.client().create(CONFIGMAPS, configmap("the-end", {"t": "the-end"}))
            goal[0] = marker.rv
            for f in followers:
                f.join(PATIENCE_S)
            self.check(writers, followers, final)

    def crash_again_and_again(self, server, writers, followers):
        for _ in range(CRASHES):
            target = sum(w.acks for w in writers) + ACKS_A_ROUND
            deadline = time.monotonic() + PATIENCE_S
            while sum(w.acks for w in writers) < target:
                for t in writers + followers:
                    if t.error:
                        raise t.error
                self.assertLess(time.monotonic(), deadline, "the writers do not get on")
                threading.Event().wait(0.002)
            server.kill()
            server.start()

    def check(self, writers, followers, final):
        for t in writers + followers:
            if t.error:
                raise t.error
            self.assertFalse(t.is_alive(), "a client hangs")
        last = {i["metadata"]["name"]: i for i in final.json["items"]}
        for f in followers:
            state = {n: o for n, o in f.state.items() if n != "the-end"}
            self.assertEqual({n: o["metadata"]["resourceVersion"] for n, o in state.items()},
                             {n: o["metadata"]["resourceVersion"] for n, o in last.items()})
            self.assertGreaterEqual(f.resumes, CRASHES // 2, "the watches were not cut")
        longest = max(followers, key=lambda f: len(f.events))
        for f in followers:
            self.assertEqual(f.events, [e for e in longest.events if e[0] > f.start_rv])
        for w in writers:
            for key, ops in w.ops.items():
                self.check_key(key, ops, [e for e in longest.events if e[2] == key])
        print(f"{CRASHES} crashes, {sum(w.acks for w in writers)} acknowledged writes, "
              f"{sum(len(f.events) for f in followers)} events checked, "
              f"{sum(1 for w in writers for o in w.ops.values() for op in o if not op.certain)} unknown writes")

    def check_key(self, key, ops, events):
        """The events of a key are its writes in order; only what was never acknowledged may lack."""
        reached = {0}  # how many events the ops so far may have made
        for op in ops:
            after = {n + 1 for n in reached if n < len(events) and self.made(op, events[n])}
            reached = after if op.certain else reached | after
            if not reached:
                self.fail(f"{key}: {op.type} {op.token} was acknowledged at {op.rv}, but is not among {events}")
        self.assertIn(len(events), reached, f"{key}: events that nobody wrote: {events}")

    def made(self, op, event):
        rv, type, _, token = event
        return op.type == type and op.token in (None, token) and op.rv in (None, rv)


if __name__ == "__main__":
    main()
