"""Decides from what clients saw (history.py), and from the server's own log, whether it kept its promises.

The log gives the one order of all versions; it is itself held against what was acknowledged and shown. Where it was
compacted, what clients were told stands in, and only what is certain is judged: revisions are dense, so that it is
known of which ones nothing is known. Each promise broken is a Violation with its name: W watches, R reads,
C concurrency, D durability.
"""
import bisect
import collections
import copy

import linear

Violation = collections.namedtuple("Violation", "name what")
SYNCED, BOOKMARK = "SYNCED", "BOOKMARK"


def rv_of(tree):
    return int(tree["metadata"]["resourceVersion"])


def key_of(tree):
    return f"{tree['metadata']['namespace']}/{tree['metadata']['name']}"


def with_rv(tree, rv):
    tree = copy.copy(tree)
    tree["metadata"] = {**tree["metadata"], "resourceVersion": str(rv)}
    return tree


def selects(ns, selector, key, tree):
    """Whether an object is in sight of a watch or a list."""
    if tree is None or (ns is not None and key.partition("/")[0] != ns):
        return False
    if selector is None:
        return True
    name, _, value = selector.partition("=")
    return tree["metadata"].get("labels", {}).get(name) == value


class Version:
    """What one revision did: `tree` is None if it deleted."""
    __slots__ = ("rv", "key", "tree", "prev", "certain")

    def __init__(self, rv, key, tree):
        self.rv, self.key, self.tree = rv, key, tree
        self.prev, self.certain = None, True  # the Version before it; whether that is known to be the one

    @property
    def before(self):
        return self.prev.tree if self.prev else None


class Checker:
    def __init__(self, history, log):
        self.history, self.log = history, log
        self.found = []
        self.versions = {}  # by revision
        self.by_key = collections.defaultdict(list)
        self.whole = log.floor == 0

    def fail(self, name, what):
        self.found.append(Violation(name, what))

    def run(self):
        self.acked = [w for w in self.history.writes if w["code"] in (200, 201) and not w.get("dry")]
        self.collect()
        self.time()
        for check in (self.check_writes, self.check_versions, self.check_dry_runs, self.check_deletes, self.check_counter,
                      self.check_reads, self.check_streams, self.check_ends, self.check_linear):
            check()
        return self.found

    # ---- the one order ----

    def collect(self):
        for rv, (key, tree, _) in self.log.rows.items():
            self.versions[rv] = Version(rv, key, tree)
        for where, at, tree in self.shown():
            self.add_shown(where, at, tree)
        if not self.whole:
            self.add_deletes()
        for version in sorted(self.versions.values(), key=lambda v: v.rv):
            self.by_key[version.key].append(version)
        top = max([*self.versions, *self.log.others, self.log.floor], default=0)
        self.missing = [rv for rv in range(1, top + 1) if rv not in self.versions and rv not in self.log.others]
        if self.whole and self.missing:
            self.fail("C1", f"the log has no revision {self.missing[:5]}")
        for versions in self.by_key.values():
            for prev, version in zip([None, *versions], versions):
                self.link(prev, version)

    def link(self, prev, version):
        row = self.log.rows.get(version.rv)
        if row is not None and row[2] != 0:
            version.prev = self.versions.get(row[2])
            version.certain = version.prev is not None
            if self.whole and (prev is None or prev.tree is None or prev.rv != row[2]):
                self.fail("C2", f"{version.key}: revision {version.rv} replaced {row[2]}, not {prev and prev.rv}")
        elif row is not None:
            if self.whole and prev is not None and prev.tree is not None:
                self.fail("C3", f"{version.key}: {version.rv} created what {prev.rv} was")
        else:
            version.prev = prev
            version.certain = not self.is_missing_in(prev.rv if prev else 0, version.rv)

    def is_missing_in(self, low, high):
        """Whether there is a revision between the two of which nothing is known."""
        at = bisect.bisect_right(self.missing, low)
        return at < len(self.missing) and self.missing[at] < high

    def shown(self):
        """(where, when, tree): every version that was shown as it stands."""
        for w in self.acked:
            if w.get("object") and not w.get("removes"):
                yield f"{w['verb']} by {w['client']}", w["ret"], w["object"]
        for r in self.history.reads:
            for tree in r.get("items") or ([r["object"]] if r.get("object") else []):
                yield f"{r['verb']} by {r['client']}", r["ret"], tree
        for s in self.history.streams:
            for at, type, tree, *_ in s["events"]:
                if type in ("ADDED", "MODIFIED"):
                    yield f"{type} to {s['client']}", at, tree

    def add_shown(self, where, _, tree):
        rv, key = rv_of(tree), key_of(tree)
        version = self.versions.get(rv)
        if version is None and not self.whole:
            self.versions[rv] = Version(rv, key, tree)
        elif version is None:
            self.fail("D5", f"{where}: {key} at {rv}, which is not in the log")
        elif version.key != key:
            self.fail("W5", f"{where}: {key} at {rv}, but that is {version.key}")
        elif version.tree != tree:
            self.fail("W18", f"{where}: {key} at {rv} differs from what the log, or another, says: {version.tree} {tree}")

    def add_deletes(self):
        """Compaction takes a delete out of the log, but who watches without a selector was told of it."""
        for s in self.history.streams:
            for _, type, tree, *_ in s["events"] if s["selector"] is None else ():
                if type == "DELETED" and rv_of(tree) not in self.versions:
                    self.versions[rv_of(tree)] = Version(rv_of(tree), key_of(tree), None)

    def time(self):
        """How new a revision could be, and had to be, at a moment."""
        calls = [(w["call"], w["rv"]) for w in self.acked if w.get("rv") and not w.get("noop")]
        calls = sorted(calls + [(call, rv) for call, _, rv in self.history.others])
        self.call_times = [c for c, _ in calls]
        self.below, least = [], float("inf")
        for _, rv in reversed(calls):
            least = min(least, rv)
            self.below.append(least)
        self.below.reverse()
        seen = [(w["ret"], w["rv"]) for w in self.acked if w.get("rv")]
        seen += [(r["ret"], r["rv"]) for r in self.history.reads if r.get("rv")]
        seen += [(e[0], e[2] if isinstance(e[2], int) else rv_of(e[2])) for s in self.history.streams for e in s["events"]]
        self.seen_times, self.seen_most = rising(seen)
        self.all_times, self.all_most = rising(seen + [(ret, rv) for _, ret, rv in self.history.others])
        per_key = collections.defaultdict(list)
        for w in self.acked:
            if w.get("rv"):
                per_key[w["key"]].append((w["ret"], w["rv"]))
        for r in self.history.reads:
            for tree in r.get("items") or ([r["object"]] if r.get("object") else []):
                per_key[key_of(tree)].append((r["ret"], rv_of(tree)))
        self.seen_of_key = {key: rising(seen) for key, seen in per_key.items()}

    def newest_possible(self, at):
        """No revision above this was committed by then: the write that made the next one had not begun."""
        i = bisect.bisect_right(self.call_times, at)
        return self.below[i] - 1 if i < len(self.below) else float("inf")

    def newest_seen(self, at, key=None):
        times, most = (self.seen_times, self.seen_most) if key is None else self.seen_of_key.get(key, ([], []))
        i = bisect.bisect_left(times, at)
        return most[i - 1] if i else 0

    def was_down(self, begin, end, how):
        """Whether the server was killed, or restarted, at some time between the two."""
        for note, up in zip(self.history.notes, [*self.history.notes[1:], {"at": float("inf")}]):
            if note["what"] == how and note["at"] <= end and up["at"] >= begin:
                return True
        return False

    def version_at(self, key, rv):
        """(the version of a key that stands at a revision, whether that is certain)"""
        versions = self.by_key.get(key, [])
        i = bisect.bisect_right([v.rv for v in versions], rv)
        version = versions[i - 1] if i else None
        return version, not self.is_missing_in(version.rv if version else 0, rv + 1)

    # ---- writes ----

    def check_writes(self):
        first = {}
        for w in self.acked:
            if not w.get("rv"):
                continue
            rv, key = w["rv"], w["key"]
            if w.get("noop"):
                if rv != w["expected"]:
                    self.fail("C9", f"{key}: an update that changes nothing made {rv} of {w['expected']}")
                continue
            if rv in first:
                self.fail("C1", f"revision {rv} was given to {key} and to {first[rv]['key']}")
            first[rv] = w
            i = bisect.bisect_left(self.all_times, w["call"])
            if i and rv <= self.all_most[i - 1]:
                self.fail("C1", f"{key}: {rv} is not above {self.all_most[i - 1]}, which was seen before it was asked for")
            version = self.versions.get(rv)
            if version is None or version.key != key:
                if self.whole:
                    self.fail("D1", f"{w['verb']} {key} was acknowledged at {rv}, where the log has {version and version.key}")
            elif version.certain or w["verb"] == "create":
                self.check_base(w, version)

    def check_base(self, w, version):
        """That a write was applied to the version it was meant for."""
        if w["verb"] == "create":
            if version.certain and version.before is not None:
                self.fail("C3", f"{version.key}: created at {version.rv}, though it was there")
        elif w.get("expected") and w["verb"] == "update" and (version.prev is None or version.prev.rv != w["expected"]):
            self.fail("C4", f"{version.key}: {version.rv} was to replace {w['expected']} alone, not {version.prev and version.prev.rv}")
        elif w["verb"] == "patch" and version.tree is not None and version.before is not None:
            merged = {**version.before.get("data", {}), **w["sent"]}
            if version.tree["data"] != merged:
                self.fail("C5", f"{version.key}: the patch of {version.rv} gave {version.tree['data']}, not {merged}")

    def check_versions(self):
        uids = {}
        for versions in self.by_key.values():
            for v in versions:
                if v.tree is None or not v.certain:
                    continue
                uid = v.tree["metadata"]["uid"]
                if v.before is None:
                    if uid in uids:
                        self.fail("C8", f"{v.key}: created at {v.rv} with the uid of {uids[uid]}")
                    uids[uid] = f"{v.key} at {v.rv}"
                elif v.before["metadata"]["uid"] != uid:
                    self.fail("C8", f"{v.key}: its uid changed at {v.rv}")
                elif with_rv(v.before, v.rv) == v.tree:
                    self.fail("C9", f"{v.key}: {v.rv} changed nothing")
        self.check_whole(self.tokens())

    def tokens(self):
        """What each token was sent with."""
        return {w["sent"]["t"]: w for w in self.history.writes if w.get("sent") and "t" in w["sent"]}

    def check_whole(self, sent):
        """What is stored was asked for, all of it."""
        for v in self.versions.values():
            token = v.tree and v.tree.get("data", {}).get("t")
            if token is None:
                continue
            w = sent.get(token)
            if w is None or w["key"] != v.key or (w["verb"] != "patch" and v.tree["data"] != w["sent"]):
                self.fail("D3", f"{v.key}: {v.rv} holds {v.tree['data']}, which nobody wrote")

    def check_dry_runs(self):
        dry = {w["sent"]["t"] for w in self.history.writes if w.get("dry") and w.get("sent")}
        for v in self.versions.values():
            if v.tree and v.tree.get("data", {}).get("t") in dry:
                self.fail("C11", f"{v.key}: {v.rv} is of a dry run")

    def check_deletes(self):
        released = {w["uid"] for w in self.history.writes if w.get("removes")}
        deleted = {(v.key, v.prev.rv) for v in self.versions.values()
                   if v.prev and (v.tree is None or "deletionTimestamp" in v.tree["metadata"])}
        for v in self.versions.values():
            if v.tree is None and v.certain and v.before and v.before["metadata"].get("finalizers") and \
                    v.before["metadata"]["uid"] not in released:
                self.fail("C7", f"{v.key}: {v.rv} deleted what had a finalizer")
        for w in self.acked:
            if w["verb"] == "delete" and w.get("expected") and self.whole and (w["key"], w["expected"]) not in deleted:
                self.fail("C4", f"{w['key']}: a delete of {w['expected']} alone was done, but not to it")
            if w["verb"] == "delete" and w.get("held") and not (w.get("object") or {}).get("metadata", {}).get("deletionTimestamp"):
                self.fail("C7", f"{w['key']}: a delete of what has a finalizer was answered as if it were gone")

    def check_counter(self):
        counts = [w for w in self.history.writes if w.get("counts")]
        acked = sum(w["code"] == 200 for w in counts)
        unknown = sum(w["code"] is None for w in counts)
        for key in {w["key"] for w in counts}:
            last = self.by_key[key][-1].tree
            if last and not acked <= int(last["data"]["n"]) <= acked + unknown:
                self.fail("C2", f"{key}: {last['data']['n']} after {acked} acknowledged and {unknown} unknown increments")

    # ---- reads ----

    def check_reads(self):
        for r in self.history.reads:
            if r["verb"] == "get":
                self.check_get(r)
            elif r.get("form") == "rest":
                self.check_rest(r)
            elif r["code"] == 504:
                self.check_too_new(r)
            elif r["code"] == 200:
                self.check_list(r)

    def check_get(self, r):
        key, seen = r["key"], self.newest_seen(r["call"], r["key"])
        if r["code"] == 200:
            if rv_of(r["object"]) < seen:
                self.fail("R2", f"get {key}: {rv_of(r['object'])}, though {seen} had been seen before")
            if rv_of(r["object"]) > self.newest_possible(r["ret"]):
                self.fail("D5", f"get {key}: {rv_of(r['object'])} before anybody asked for it")
        elif r["code"] == 404 and self.whole and seen:
            versions = [v for v in self.by_key.get(key, []) if v.rv >= seen]
            if versions and all(v.tree is not None for v in versions):
                self.fail("R5", f"get {key}: 404, though {seen} was there and nobody deleted it")

    def check_list(self, r):
        form, least = r.get("form", "unset"), r.get("least")
        what = f"list of {r['ns'] or 'all'} {r['selector'] or ''} at {r['rv']} ({form} {least})"
        if form in ("unset", "empty") and r["rv"] < self.newest_seen(r["call"]):
            self.fail("R2", f"{what}: {self.newest_seen(r['call'])} had been seen before")
        if form in ("plain", "not older") and r["rv"] < least:
            self.fail("W11", f"{what}: that is older")
        if r["rv"] > self.newest_possible(r["ret"]):
            self.fail("R4", f"{what}: before anybody asked for that revision")
        if form == "exact" and r["rv"] != least:
            self.fail("R1", f"{what}: another was asked for")
        if len(set(r["rvs"])) != 1:
            self.fail("R1", f"{what}: its pages are of {r['rvs']}")
        self.check_state("R1", what, r["ns"], r["selector"], r["rv"], r["items"])

    def check_too_new(self, r):
        """That of a list whose revision, or that of its first page, is said to be of the future."""
        least = max([r["least"] or 0, *r["rvs"]])
        if least <= self.newest_seen(r["call"]) or r["rvs"]:
            self.fail("W12", f"a list at {least} is said to be of the future, though {self.newest_seen(r['call'])} had been seen")

    def check_rest(self, r):
        """What the token of an expired one gives: all that is behind a key now."""
        what = f"the rest of a list of {r['ns'] or 'all'} {r['selector'] or ''} behind {r['after']}"
        if r["code"] != 200:
            self.fail("R3", f"{what}: {r['code']}")
            return
        if r["rv"] < self.newest_seen(r["call"]) or r["rv"] > self.newest_possible(r["ret"]):
            self.fail("R3", f"{what}: at {r['rv']}, where {self.newest_seen(r['call'])} had been seen")
        behind = {key for key in {*self.by_key, *map(key_of, r["items"])} if key > r["after"] and key.split("/") > r["after"].split("/")}
        before = {key_of(tree) for tree in r["items"]} - behind
        for key in before:
            if key <= r["after"] and key.split("/") <= r["after"].split("/"):
                self.fail("R3", f"{what}: {key} is not behind it")
        self.check_state("R3", what, r["ns"], r["selector"], r["rv"], r["items"], behind)

    def check_state(self, name, what, ns, selector, rv, items, keys=None):
        """Whether the items are all that is in sight at a revision, of all keys or of some."""
        told = {key_of(tree): tree for tree in items}
        if len(told) != len(items):
            self.fail(name, f"{what}: an object twice")
        for key in {*self.by_key, *told} if keys is None else keys:
            version, certain = self.version_at(key, rv)
            tree = version.tree if version else None
            expected = tree if selects(ns, selector, key, tree) else None
            if certain and told.get(key) != expected:
                self.fail(name, f"{what}: {key} is {brief(told.get(key))}, not {brief(expected)}")

    # ---- watches ----

    def check_streams(self):
        self.order = sorted(v.rv for v in self.versions.values())
        for s in self.history.streams:
            StreamCheck(self, s).run()

    def between(self, low, high):
        """Versions above one revision and up to another."""
        at = bisect.bisect_right(self.order, low)
        while at < len(self.order) and self.order[at] <= high:
            yield self.versions[self.order[at]]
            at += 1

    def check_ends(self):
        if self.history.facts.get("checks_failed"):
            self.fail("R8", f"{self.history.facts['checks_failed']} comparisons of the cache with the store failed")
        if self.history.facts.get("kept"):
            self.fail("L4", f"{self.history.facts['kept']} more connections than before all its clients came")
        for what in self.history.facts.get("trouble", []):
            self.fail("W18", what)
        goal = self.history.facts.get("goal")
        last = {}
        for s in self.history.streams:
            if s.get("chain"):
                last[s["client"]] = s
        for s in last.values():
            told = max(s.get("told") or 0, s["rv"] or 0)  # what it begins at was told by a list
            if goal and told < goal:
                self.fail("R7", f"{s['client']} ({s['way']}) never came to {goal}, but to {told}")

    # ---- each key by itself ----

    def check_linear(self):
        stored = {}  # where each token stood first
        for v in sorted(self.versions.values(), key=lambda v: v.rv):
            if v.tree and "t" in v.tree.get("data", {}):
                stored.setdefault(v.tree["data"]["t"], v.rv)
        histories = linear.of_keys(self.history, stored, bool(self.missing))
        for key, operations in histories.items():
            if not linear.is_linearizable(operations):
                self.fail("C10", f"{key}: no order of its {len(operations)} operations explains them")


class StreamCheck:
    def __init__(self, checker, stream):
        self.checker, self.stream = checker, stream
        self.ns, self.selector = stream["ns"], stream["selector"]
        self.cursor = stream["rv"] or 0
        self.bookmark = 0
        self.last = 0  # event
        self.state = None if stream["rv"] is not None or stream.get("live") else []
        self.begun = not stream.get("live")  # whether it is known where

    def fail(self, name, what):
        s = self.stream
        where = f"{s['client']} ({s['way']}, {s['ns'] or 'all'} {s['selector'] or ''} from {s['rv']})"
        self.checker.fail(s.get("tests", name), f"{where}: {name}, {what}")

    def run(self):
        self.check_end()
        for at, type, told, *id in self.stream["events"]:
            if type in (BOOKMARK, SYNCED):
                self.on_bookmark(at, type, told)
            elif self.state is not None:
                self.on_initial(type, told)
            else:
                self.on_event(at, type, told)
            if id and id[0] is not None and id[0] != (told if isinstance(told, int) else rv_of(told)):
                self.fail("W18", f"the id {id[0]} of {type} {told}")

    def check_end(self):
        s = self.stream
        if s["end"] == "expired" and self.checker.whole:
            self.fail("W14", "410, though nothing was compacted")
        if s["end"] == "silent":
            self.fail("W7", "neither event nor bookmark came")
        if s.get("half") and s.get("whole"):
            self.fail("W19", "it ended in the middle of a line, as if that were whole")
        if s.get("whole") is not None and s["events"] and not self.checker.was_down(s["call"], s["over"], "kill"):
            if not s["whole"]:
                self.fail("W19", "it was cut, though nobody killed the server")
            elif s.get("timeout", 0) * 0.9 > s["over"] - s["call"] and not self.checker.was_down(s["call"], s["over"], "restart"):
                self.fail("W19", f"it ended after {s['over'] - s['call']:.2f} s of {s['timeout']}")

    def begin(self, rv):
        """The first that a live one is told, of a revision: what was there is old, what came after its answer must be told."""
        seen = self.checker.newest_seen(self.stream["call"])
        if rv <= seen:
            self.fail("W11", f"{rv} is old: {seen} had been seen")
        self.begun, self.cursor = True, max(self.cursor, min(rv - 1, self.checker.newest_possible(self.stream["opened"])))

    def on_initial(self, type, tree):
        if type != "ADDED":
            self.fail("W8", f"{type} in the first state")
        self.state.append(tree)

    def on_bookmark(self, at, type, rv):
        least = max(self.stream.get("least", 0), self.checker.newest_seen(self.stream["call"]) if self.stream.get("fresh") else 0)
        if type == BOOKMARK and self.state is not None:
            self.fail("W8", f"bookmark {rv} before the first state had an end")
            self.state, self.cursor = None, rv
        if type == SYNCED and rv < least:
            self.fail("W11", f"the first state is of {rv}, not of {least}")
        if self.stream.get("future") and rv < self.stream["rv"]:
            self.fail("W12", f"bookmark {rv}, though nothing below {self.stream['rv']} is for it")
        if not self.begun:
            self.begun, self.cursor = True, min(rv, self.checker.newest_possible(self.stream["opened"]))
        if type == SYNCED and self.state is not None:
            self.checker.check_state("W8", f"first state of {self.stream['client']}", self.ns, self.selector, rv, self.state)
            self.state, self.cursor = None, rv
        elif type == SYNCED:
            self.fail("W8", f"the end of a first state at {rv}, which was over")
        if rv > self.checker.newest_possible(at):
            self.fail("W7", f"bookmark {rv} before anybody asked for that revision")
        if rv < self.last:
            self.fail("W7", f"bookmark {rv} after {self.last}")
        for v in self.checker.between(self.cursor, rv):
            if self.expected(v)[0] not in (None, "?"):
                self.fail("W7", f"bookmark {rv}, but {v.key} at {v.rv} was not told")
        self.cursor, self.bookmark = max(self.cursor, rv), max(self.bookmark, rv)

    def on_event(self, at, type, tree):
        rv, key = rv_of(tree), key_of(tree)
        if not self.begun:
            self.begin(rv)
        if rv <= self.cursor:
            name = self.name_of_old(type, rv)
            self.fail(name, f"{type} {key} at {rv} after {self.cursor}")
            return
        for v in self.checker.between(self.cursor, rv - 1):
            if self.expected(v)[0] not in (None, "?"):
                self.fail("W13" if not self.last and not self.checker.whole else "W4",
                          f"{key} at {rv} follows {self.cursor}: {self.expected(v)[0]} {v.key} at {v.rv} is missing")
        self.cursor = self.last = rv
        if rv > self.checker.newest_possible(at):
            self.fail("D5", f"{type} {key} at {rv} before anybody asked for it")
        self.compare(type, key, rv, tree)

    def name_of_old(self, type, rv):
        """Which promise an event breaks that is not newer than what was told."""
        version = self.checker.versions.get(rv)
        if type == "DELETED" and version and version.tree is not None:
            return "W10"
        if self.stream.get("future") and not self.last:
            return "W12"
        if rv <= self.bookmark:
            return "W7"
        return "W3" if rv == self.last else "W2" if self.last else "W6"

    def compare(self, type, key, rv, tree):
        version = self.checker.versions.get(rv)
        if version is None:
            if self.checker.whole:
                self.fail("D5", f"{type} {key} at {rv}, which is not in the log")
            return
        expected, object = self.expected(version)
        if expected == "?":
            return
        if version.key != key:
            self.fail("W5", f"{type} {key} at {rv}, but that is {version.key}")
        elif expected is None:
            self.fail("W1", f"{type} {key} at {rv} is not for it")
        elif expected != type:
            self.fail("W9", f"{type} {key} at {rv} is {expected}")
        elif object != tree:
            self.fail("W10" if type == "DELETED" else "W18", f"{type} {key} at {rv} is {tree}, not {object}")

    def expected(self, v):
        """(type, object) of the event a version is for this watch; (None, None): it is none, ("?", None): who knows."""
        now = selects(self.ns, self.selector, v.key, v.tree)
        if not v.certain:
            in_scope = self.ns is None or v.key.partition("/")[0] == self.ns
            return ("?", None) if in_scope else (None, None)
        before = selects(self.ns, self.selector, v.key, v.before)
        if now:
            return ("MODIFIED" if before else "ADDED"), v.tree
        return ("DELETED", with_rv(v.before, v.rv)) if before else (None, None)


def rising(seen):
    """Times, and the most that was seen by then."""
    times, most, top = [], [], 0
    for at, rv in sorted(seen):
        top = max(top, rv)
        times.append(at)
        most.append(top)
    return times, most


def brief(tree):
    return tree and f"{tree['metadata']['resourceVersion']} {tree.get('data')}"


def check(history, log):
    return Checker(history, log).run()
