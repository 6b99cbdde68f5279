"""What clients of a run saw, and when: the material of checker.py. One monotonic clock for all of them; a write whose
answer never came is unknown (code None), not failed.

  writes   {client, verb, key, sent, call, ret, code, rv, object, expected, dry, noop, removes, uid}
  reads    {client, verb: get|list, key | ns, selector, form, least, call, ret, code, rv, object | items, after}
           form: how the revision `least` was asked for (client.py); "rest": with the token of a 410, behind a key
  streams  {client, way, ns, selector, rv (None: begins with the state), chain, call, events, end, over, whole, half}
           events: [at, type, object | rv, id]; type BOOKMARK, SYNCED (the end of a first state) or that of an event
           over: when it ended by itself; whole: as HTTP has it; half: in the middle of a line. More in probes.py
  notes    {at, what}: kills, pauses, starts
  others   (call, ret, rv) of acknowledged writes that are recorded elsewhere
"""
import itertools
import json
import re
import sqlite3
import time

now = time.monotonic
WROTE = (200, 201)
LEASE, TOKEN = re.compile(rb"coordination\.k8s\.io/leases/[^/]+/k(\d+)"), re.compile(rb'"holderIdentity":"(\d+)"')
LOST = (0, None, 429, 500, 503, 504)  # what says nothing of whether it was done, or may have been


class History:
    def __init__(self):
        self.writes, self.reads, self.streams, self.notes, self.others = [], [], [], [], []
        self.facts = {}
        self.known = {}
        self.chain = itertools.count(1).__next__  # a number for what one client follows, over all its resumes

    def keep(self, tree):
        """One object for all equal ones: a run is told the same many times over."""
        text = json.dumps(tree, sort_keys=True)
        return self.known.setdefault(text, tree)

    def note(self, what):
        self.notes.append({"at": now(), "what": what})

    def save(self, path):
        with open(path, "w") as f:
            json.dump({k: getattr(self, k) for k in ("writes", "reads", "streams", "notes", "others", "facts")}, f)

    @classmethod
    def load(cls, path):
        history = cls()
        with open(path) as f:
            for name, records in json.load(f).items():
                setattr(history, name, records)
        return history


class Log:
    """The server's own log, read when it has ended: rows {rv: (key, object or None, prev_rv)} of ConfigMaps, leases
    {rv: (number, token, prev_rv)} of storm.c, `others` the revisions of everything else, and the floor below which it
    is not whole."""

    def __init__(self, rows=(), others=(), floor=0, leases=()):
        self.rows, self.others, self.floor, self.leases = dict(rows), set(others), floor, dict(leases)

    @classmethod
    def read(cls, path):
        log = cls()
        db = sqlite3.connect(path)
        log.floor = db.execute("SELECT value FROM meta WHERE name = 'floor'").fetchone()[0]
        for rv, key, type, prev_rv, value in db.execute("SELECT rev, key, type, prev_rev, value FROM log ORDER BY rev"):
            prefix, _, name = key.decode().partition("/configmaps/")
            if prefix != "core":
                log.others.add(rv)
                log.add_lease(rv, key, prev_rv, value if type == 0 else None)
                continue
            tree = None
            if type == 0:
                tree = json.loads(value)
                tree["metadata"]["resourceVersion"] = str(rv)
            log.rows[rv] = (name, tree, prev_rv)
        db.close()
        return log

    def add_lease(self, rv, key, prev_rv, value):
        name = LEASE.fullmatch(key)
        if name:
            self.leases[rv] = (int(name[1]), int(TOKEN.search(value)[1]) if value is not None else 0, prev_rv)
