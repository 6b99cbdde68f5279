"""Clients that ask for one thing in every form there is, and in moments that are rare: a revision that is unset, old, or yet
to come (W11, W12), a server that has just begun (W15), nothing in it (W16), a kind that nobody uses (W17), a time that is
over (W19), pages that outlive their revision (R3). They record streams and reads as all clients do, with:

  fresh   True: not older than what anybody had seen when it was asked for     least   not older than this
  live    True: begins with what comes next; opened: when that was said to it  future  True: rv was yet to come
  tests   the promise that is broken if this one shows anything wrong
"""

from client import CUT, SELECTOR, SPACES, Client, path_of, query_of, take
from history import now
from tidewatch import PATIENCE_S, Watch
from ways import WAYS, Lines

NEVER = "(no namespace at all)"  # nothing is in sight there
UNUSED = "/api/v1/namespaces/default/podtemplates"
STATE = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
LIVE = "&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
# (query, what it promises); {} is a revision that was seen
FORMS = (
    ("", {"fresh": True}), ("&resourceVersion=", {"fresh": True}), ("&resourceVersion=0", {}),
    (STATE, {"fresh": True}), (STATE + "&resourceVersion=", {"fresh": True}), (STATE + "&resourceVersion=0", {}),
    (STATE + "&resourceVersion={}", {"least": True}),
    (LIVE, {"live": True}), (LIVE + "&resourceVersion=", {"live": True}), (LIVE + "&resourceVersion=0", {"live": True}),
    ("&resourceVersion={}", {"future": True}), ("&resourceVersion={}", {}),
)
FUTURE, RESUMED = FORMS[-2:]
LISTS = ("not older", "plain", "zero", "empty", "unset")


class Probe(Client):
    """Opens one watch after the other, each for a moment."""

    def scope(self):
        return self.dice.choice([None, *SPACES[:2]]), self.dice.choice([None, SELECTOR])

    def open(self, form, rv, scope, **noted):
        """(watch, its record); None where nobody answers."""
        query, promised = form
        ns, selector = scope
        begins = rv if "={}" in query and STATE not in query else None
        record = {"client": self.name, "way": f"lines{query.format(rv)}", "ns": ns, "selector": selector, "rv": begins, "call": now(),
                  "events": [], "end": "cut", **promised, **noted}
        if record.get("least"):
            record["least"] = rv
        path = UNUSED if ns == NEVER else path_of(ns)
        try:
            watch = Watch(self.in_run.server.port, f"{path}?watch=1&allowWatchBookmarks=true&timeoutSeconds=60{query.format(rv)}"
                                                   f"{query_of(selector)}")
        except CUT:
            return None, record
        record["opened"] = now()
        self.history.streams.append(record)
        return watch, record

    def read(self, watch, record, patience):
        """So many events and bookmarks, or until it ends."""
        try:
            while patience > 0 and not self.in_run.stopping.is_set():
                take(self.history, record, watch.next())
                patience -= 1
        except TimeoutError:
            record["end"] = "silent"
        except (StopIteration, *CUT):
            pass
        watch.close()

    def probe(self, form, rv, scope, patience, **noted):
        watch, record = self.open(form, rv, scope, **noted)
        if watch:
            self.read(watch, record, patience)


class Forms(Probe):
    """W11, W12, W17: every form of a watch, over what there is and over what nobody uses; and of a list."""

    def __init__(self, run):
        super().__init__(run, "forms")
        self.last = 1

    def step(self):
        what = self.dice.random()
        listed = None
        if what < 0.4:
            form = self.dice.choice(LISTS)
            ahead = self.dice.randrange(-50, 20) if form in ("not older", "plain") else 0
            listed = self.list(*self.scope(), form=form, least=max(1, self.last + ahead))
        elif what < 0.5:
            self.probe(self.dice.choice(FORMS[:-2]), self.last, (NEVER, None), 4, tests="W17")
        else:
            form = self.dice.choice([*FORMS, FUTURE, FUTURE])
            ahead = form[1].get("future") or (form[1].get("least") and self.dice.random() < 0.5)
            rv = self.last + self.dice.randrange(1, 30) if ahead else self.last
            self.probe(form, rv, self.scope(), 30)
        if listed is None:
            listed = self.list("default", None)
        self.last = listed["rv"] if listed else self.last
        self.in_run.stopping.wait(0.01)


class Early(Probe):
    """W15: comes as soon as the port of a new server is there, and some 50 ms behind that."""

    def __init__(self, run):
        super().__init__(run, "early")
        self.last = None

    def wait_for_turn(self):
        self.in_run.down.wait(0.05)

    def step(self):
        if not self.in_run.down.is_set():
            return
        form = self.dice.choice(FORMS[:-2]) if self.last is None or self.dice.random() < 0.5 else RESUMED
        scope, watch = self.scope(), None
        while watch is None and not self.in_run.stopping.is_set() and self.in_run.down.is_set():
            watch, record = self.open(form, self.last or 1, scope, tests="W15")
            if watch is None:
                self.in_run.stopping.wait(0.001)
        if watch is None:
            return
        self.read(watch, record, 40)
        self.last = record.get("told") or self.last
        self.in_run.stopping.wait(self.dice.random() / 20)


class Empty(Probe):
    """W16: a watch that was there before there was anything."""

    def __init__(self, run, number, form):
        super().__init__(run, f"empty{number}")
        self.watch, self.record = self.open(form, 1, (None, None), tests="W16")

    def run(self):
        if self.watch:
            self.read(self.watch, self.record, 100)
        self.close()


class Timed(Client):
    """W19: a watch for a second, over HTTP/1.1 or HTTP/2, ends when its time is over, and not in the middle of a line."""

    def __init__(self, run):
        super().__init__(run, "timed")

    def step(self):
        listed = self.list("default", None)
        if listed is None:
            return
        way = self.dice.choice(["lines over HTTP/1.1", "lines over HTTP/2"])
        record = {"client": self.name, "way": way, "ns": "default", "selector": None, "rv": listed["rv"], "call": now(), "events": [],
                  "end": "cut", "timeout": 1}
        self.history.streams.append(record)
        reader = Lines(self.in_run.server, path_of("default"), "&timeoutSeconds=1&allowWatchBookmarks=true", listed["rv"], WAYS[way][1])
        try:
            for type, tree, id in reader:
                take(self.history, record, {"type": type, "object": tree}, id)
        except StopIteration:
            pass
        reader.tell_end(record)
        reader.close()
        self.in_run.up.wait(PATIENCE_S)


class Pager(Client):
    """R3: reads pages so slowly that their revision may be compacted meanwhile: by a storm soon, by the others late."""

    def __init__(self, run):
        super().__init__(run, "pager")

    def step(self):
        writes = self.dice.choice([20, 300])
        self.list(None, None, limit=self.dice.randrange(2, 9), meanwhile=lambda: self.wait_for(self.in_run.acks + writes))
        self.in_run.stopping.wait(0.05)

    def wait_for(self, acks):
        while self.in_run.acks < acks and not self.in_run.stopping.is_set():
            self.in_run.stopping.wait(0.02)


def empty(run):
    """Before anything is written."""
    return [Empty(run, n, form) for n, form in enumerate((FORMS[0], FORMS[2], FORMS[3], FORMS[7], RESUMED))]


def probes(run):
    return [Forms(run), Early(run), Timed(run), Pager(run)]


