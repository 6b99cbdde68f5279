"""The many and fast: writers and watchers in C (storm.c), and whether what they were told was right.

A key is one writer's own, so what may stand in it follows from what that writer was told, an unknown write included;
it is held against the server's own log, and what the watchers were told against both. It takes a few microseconds for
each write and event, with no more than plain numbers kept: a million writes are judged in a minute.

  writes   Write: call, ret, rv, expected, key, token, verb, code; one writer's in their order
  streams  Stream: of each watch; events (at, verb, rv, key, token)
"""
import bisect
import collections
import os
import select
import shutil
import struct
import subprocess
import tempfile

from checker import Violation
from history import LOST, WROTE
from tidewatch import BUILD, PATIENCE_S

RECORD = struct.Struct("<QQQQIIHHI")
CREATE, UPDATE, DELETE, GET, ADDED, MODIFIED, DELETED, BOOKMARK, SYNCED, BEGIN, END = range(11)
NAMES = "create update delete get ADDED MODIFIED DELETED BOOKMARK SYNCED".split()
ABSENT = 0  # the token of no object
EXPIRED = 410
PROGRAM = os.path.join(BUILD, "tests", "storm")

Write = collections.namedtuple("Write", "call ret rv expected key token verb code")
Stream = collections.namedtuple("Stream", "name scope rv events end")
Version = collections.namedtuple("Version", "key token prev")  # prev: (revision, token) before it

# Which keys and tokens a watcher sees, by its number.
SCOPES = (lambda key, token: True,
          lambda key, token: token % 2 == 0,
          lambda key, token: key % 2 == 1,
          lambda key, token: key % 2 == 0 and token % 2 == 0)


class Storm:
    """The program, while it runs."""

    def __init__(self, port, seed, writers=3, watchers=4):
        self.folder, self.watchers = tempfile.mkdtemp(prefix="tidewatch-storm-"), watchers
        self.acks = 0
        self.process = subprocess.Popen([PROGRAM, str(port), str(seed), str(writers), str(watchers), self.folder],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def expect(self, count):
        """Asks to be told when so many more are acknowledged."""
        self.process.stdin.write(f"{count}\n".encode())
        self.process.stdin.flush()

    def wait(self):
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        line = self.process.stdout.readline() if ready else b""
        assert line, "the storm does not get on"
        self.acks = int(line)

    def finish(self):
        """What all its clients were told."""
        self.process.stdin.close()
        code = self.process.wait(PATIENCE_S)
        assert code == 0, f"the storm ended with {code}"
        told = Told([], [])
        for name in sorted(os.listdir(self.folder)):
            with open(os.path.join(self.folder, name), "rb") as f:
                told.add(name, RECORD.iter_unpack(f.read()))
        return told

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Told:
    def __init__(self, writes, streams):
        self.writes, self.streams = writes, streams

    def add(self, name, records):
        if name.startswith("w"):
            self.writes += [Write(*r[:8]) for r in records]
            return
        events, rv = [], None
        for _, ret, now, _, key, token, verb, code, _ in records:
            if verb == BEGIN:
                events, rv = [], now or None
            elif verb == END:
                self.streams.append(Stream(name, int(name[1:]) % len(SCOPES), rv, events, code))
            else:
                events.append((ret, verb, now, key, token))


class Judge:
    def __init__(self, told, log):
        self.told, self.whole, self.rows = told, log.floor == 0, log.leases
        self.found, self.versions = [], {}
        self.collect()

    def fail(self, name, what):
        self.found.append(Violation(name, f"storm: {what}"))

    def collect(self):
        """The versions: of the log, and where that was compacted, of what clients were told."""
        known = {rv: (key, token) for rv, (key, token, _) in self.rows.items()}
        for w in self.told.writes:
            if w.rv and w.verb != GET:
                self.learn(known, "D1", w.rv, w.key, w.token, f"{NAMES[w.verb]} was acknowledged")
        for s in self.told.streams:
            for _, verb, rv, key, token in s.events:
                if verb in (ADDED, MODIFIED):
                    self.learn(known, "D5", rv, key, token, f"{NAMES[verb]} to {s.name}")
                elif verb == DELETED and s.scope == 0:
                    self.learn(known, "D5", rv, key, ABSENT, f"DELETED to {s.name}")
        last = {}
        for rv in sorted(known):
            key, token = known[rv]
            self.versions[rv] = Version(key, token, last.get(key, (0, ABSENT)))
            last[key] = (rv, token)
        self.order = list(self.versions)

    def learn(self, known, name, rv, key, token, what):
        was = known.get(rv)
        if was is None and not self.whole:
            known[rv] = (key, token)
        elif was != (key, token):
            self.fail(name, f"{what} at {rv} of k{key} {token}, where there is {was}")

    def run(self, missing=(), seen=()):
        """`missing`: the revisions nobody knows of; `seen`: (when, revision) that other clients were shown."""
        self.missing = missing
        self.check_revisions(seen)
        self.check_keys()
        self.check_rows()
        self.by_key = collections.defaultdict(list)
        for rv, version in self.versions.items():
            self.by_key[version.key].append(rv)
        for s in self.told.streams:
            self.check_stream(s)
        self.check_goal()
        return self.found

    def is_certain(self, low, high):
        """Whether all revisions between the two are known."""
        at = bisect.bisect_right(self.missing, low)
        return at == len(self.missing) or self.missing[at] >= high

    # ---- writes ----

    def check_revisions(self, seen):
        """Each is given once, and is above all that had been seen when it was asked for."""
        first, seen = {}, list(seen)
        acked = [w for w in self.told.writes if w.rv and w.verb != GET]
        seen += [(w.ret, w.rv) for w in self.told.writes if w.rv]
        seen += [(e[0], e[2]) for s in self.told.streams for e in s.events]
        seen.sort()
        times, most, top = [], [], 0
        for at, rv in seen:
            top = max(top, rv)
            times.append(at)
            most.append(top)
        for w in acked:
            if w.rv in first:
                self.fail("C1", f"{w.rv} was given to {w.token} and to {first[w.rv]}")
            first[w.rv] = w.token
            at = bisect.bisect_left(times, w.call)
            if at and w.rv <= most[at - 1]:
                self.fail("C1", f"{w.token} got {w.rv}, though {most[at - 1]} was seen before it was asked for")

    def check_keys(self):
        """What may stand in a key, from one answer to its writer to the next."""
        may = collections.defaultdict(lambda: {ABSENT})
        for w in self.told.writes:
            may[w.key] = self.after(w, may[w.key])
        last = dict.fromkeys(may, ABSENT)
        for rv in sorted(self.rows):
            key, token, _ = self.rows[rv]
            last[key] = token
        for key, token in last.items():
            if token not in may[key]:
                self.fail("D1", f"k{key} is {token} in the end, though its writer was told {may[key]}")

    def after(self, w, may):
        present = may - {ABSENT}
        effect = ABSENT if w.verb == DELETE else w.token
        if w.code in WROTE and w.verb == GET:
            if w.token not in may:
                self.fail("R2", f"get of k{w.key} says {w.token}, though its writer was told {may}")
            return {w.token}
        if w.code in WROTE:
            if w.verb == CREATE and ABSENT not in may:
                self.fail("C3", f"k{w.key} was created by {w.token}, though it was there: {may}")
            if w.verb != CREATE and not present:
                self.fail("C10", f"{NAMES[w.verb]} of k{w.key} was done, though it was not there")
            return {effect}
        if w.code == 404:
            if ABSENT not in may:
                self.fail("R5", f"{NAMES[w.verb]} of k{w.key} found nothing, though there was {may}")
            return {ABSENT}
        if w.code == 409:
            if (w.verb == CREATE and not present) or (w.verb != CREATE and len(may) == 1):
                self.fail("C10", f"{NAMES[w.verb]} of k{w.key} was refused, though there was {may}")
            return present or may
        return may if w.verb == GET else may | {effect}

    def check_rows(self):
        """Each row of the log is a write that was sent and not refused, and replaced what stood before it."""
        sent = {w.token: w for w in self.told.writes if w.verb in (CREATE, UPDATE)}
        deletes, stood, rows = collections.Counter(), set(), collections.defaultdict(lambda: (0, ABSENT))
        for rv in sorted(self.rows):
            key, token, prev = self.rows[rv]
            w = sent.get(token)
            if token == ABSENT:
                deletes[key] += 1
            elif w is None or w.key != key or w.code not in (*WROTE, *LOST):
                self.fail("D3", f"k{key} holds {token} at {rv}, which was not written: {w}")
            elif token in stood:
                self.fail("C2", f"{token} was written twice")
            stood.add(token)
            before, was = rows[key]
            if self.whole and prev != (before if was != ABSENT else 0):
                self.fail("C2", f"k{key}: {rv} replaced {prev}, not {before}")
            if w is not None and w.expected and w.expected != prev:
                self.fail("C4", f"k{key}: {rv} replaced {prev}, not {w.expected} alone")
            rows[key] = (rv, token)
        if self.whole:
            self.check_deletes(deletes)

    def check_deletes(self, deletes):
        done, unknown = collections.Counter(), collections.Counter()
        for w in self.told.writes:
            if w.verb == DELETE:
                done[w.key] += w.code in WROTE
                unknown[w.key] += w.code in LOST
        for key in {*done, *deletes}:
            if not done[key] <= deletes[key] <= done[key] + unknown[key]:
                self.fail("D1", f"k{key} was deleted {deletes[key]} times, after {done[key]} acknowledged and {unknown[key]} unknown ones")

    # ---- watches ----

    def expected(self, rv, scope):
        """(event, token) of a revision for a watch, or None; "?": who knows."""
        key, token, (before, was) = self.versions[rv]
        sees = SCOPES[scope]
        if not self.is_certain(before, rv):
            return "?" if sees(key, ABSENT) else None
        now, then = token != ABSENT and sees(key, token), was != ABSENT and sees(key, was)
        if now:
            return MODIFIED if then else ADDED, token
        return (DELETED, was) if then else None

    def check_stream(self, s):
        if s.end == EXPIRED and self.whole:
            self.fail("W14", f"{s.name} from {s.rv}: 410, though nothing was compacted")
        cursor, state = s.rv or 0, {} if s.rv is None else None
        at = bisect.bisect_right(self.order, cursor)
        for _, verb, rv, key, token in s.events:
            if state is not None and verb == ADDED:
                state[key] = token
                continue
            if state is not None and verb == SYNCED:
                self.check_state(s, rv, state)
                state, cursor, at = None, rv, bisect.bisect_right(self.order, rv)
                continue
            if state is not None or verb == SYNCED:
                self.fail("W8", f"{s.name}: {NAMES[verb]} at {rv}")
                continue
            if rv < cursor or (rv == cursor and verb != BOOKMARK):
                self.fail("W7" if verb == BOOKMARK else "W3" if rv == cursor else "W2", f"{s.name}: {NAMES[verb]} {rv} after {cursor}")
                continue
            while at < len(self.order) and self.order[at] < rv + (verb == BOOKMARK):
                if self.expected(self.order[at], s.scope) not in (None, "?"):
                    self.fail("W7" if verb == BOOKMARK else "W4", f"{s.name}: {NAMES[verb]} {rv} follows {cursor}, "
                                                                  f"without {self.versions[self.order[at]]} at {self.order[at]}")
                at += 1
            if verb != BOOKMARK:
                self.check_event(s, verb, rv, key, token)
                at += at < len(self.order) and self.order[at] == rv
            cursor = rv

    def check_event(self, s, verb, rv, key, token):
        version = self.versions.get(rv)
        expected = version and self.expected(rv, s.scope)
        if version is None:
            if self.whole:
                self.fail("D5", f"{NAMES[verb]} to {s.name} at {rv}, which is not in the log")
        elif version.key != key:
            self.fail("W5", f"{NAMES[verb]} of k{key} to {s.name} at {rv}, but that is k{version.key}")
        elif expected != "?" and expected != (verb, token):
            name = "W1" if expected is None else "W9" if expected[0] != verb else "W10"
            self.fail(name, f"{NAMES[verb]} of k{key} {token} to {s.name} at {rv} is {expected}")

    def check_state(self, s, rv, state):
        for key in {*self.by_key, *state}:
            at = bisect.bisect_right(self.by_key.get(key, []), rv)
            version = self.by_key[key][at - 1] if at else 0
            token = self.versions[version].token if version else ABSENT
            expected = token if token != ABSENT and SCOPES[s.scope](key, token) else None
            if self.is_certain(version, rv + 1) and state.get(key) != expected:
                self.fail("W8", f"{s.name}: k{key} is {state.get(key)} in the first state at {rv}, not {expected}")

    def check_goal(self):
        """Each watcher comes to the last write."""
        goal = max((w.rv for w in self.told.writes), default=0)
        told = {s.name: s.events[-1][2] if s.events else s.rv or 0 for s in self.told.streams}
        for name, rv in told.items():
            if rv < goal:
                self.fail("R7", f"{name} never came to {goal}, but to {rv}")
