"""Writers and watchers while the server is killed, paused and restarted; then the checker.

    chaos.py [KILLS [SEED [WRITES [STORM [PAUSE_MS]]]]]

100 kills by default, in runs of at most 40 kills with a server each; before each of them some 30 acknowledged WRITES of
clients of every kind, and 1,500 of the STORM. Every second run compacts its log all the time. A pause or a clean restart
comes with every fourth kill. What a run with a violation saw is kept in files: History.load() reads one, pickle the other.
"""
import collections
import itertools
import os
import pickle
import random
import sys
import tempfile
import time
from statistics import median

from checker import Checker
from history import WROTE
from storm import EXPIRED, GET, Judge, Told
from tidewatch import BUILD
from ways import WAYS
from workload import Run

KILLS_A_RUN = 40
WAYS_A_RUN = 5  # of all: each is a process that begins anew with every kill
# The compactor looks once in 256 changes: with a storm every 100 ms or so.
COMPACTING = {False: ("--history-bytes=40KiB",), True: ("--history-bytes=400KiB",)}

Done = collections.namedtuple("Done", "found history log acks kills storm")


def play(seed, kills, acks=150, compacting=False, flags=(), storm=0, pause=0.2, **options):
    """One run: so many acknowledged writes before each fault, and after the last; and so many of the storm."""
    dice, killed = random.Random(seed), 0
    some = lambda *counts: [dice.randrange(n // 2, n * 3 // 2 + 1) for n in counts]
    run = Run(seed, [*(COMPACTING[storm > 0] if compacting else ()), *flags], storm=storm > 0, **options)
    trouble = []
    try:
        while run.wait_for_acks(*some(acks, storm)) and killed < kills:
            run.kill()
            killed += 1
            if killed % 4 == 2:
                run.wait_for_acks(acks // 2, storm // 2)
                run.pause(pause) if killed % 8 == 2 else run.restart()
    except (AssertionError, OSError) as e:  # it ended by itself, or does not start again
        trouble.append(repr(e))
        run.up.set()
    run.history.facts["trouble"] = trouble
    history, log = run.finish()
    told = run.told or Told([], [])
    return Done(judge(history, log, told), history, log, run.acks, killed, told)


def judge(history, log, told):
    """The violations of a run: each half knows some of the revisions, and when they came."""
    storm = Judge(told, log)
    log.others.update(storm.versions)
    history.others = [(w.call / 1e9, w.ret / 1e9, w.rv) for w in storm.told.writes if w.rv and w.verb != GET]
    checker = Checker(history, log)
    found = checker.run()
    return found + storm.run(checker.missing, [(w["ret"] * 1e9, w["rv"]) for w in checker.acked if w.get("rv")])


def count(done):
    """What there was to be judged, of both halves."""
    writes = [w for w in done.storm.writes if w.verb != GET]
    streams, others = done.history.streams, done.storm.streams
    return {"acks": done.acks + sum(w.code in WROTE for w in writes),
            "unknown": sum(w["code"] is None for w in done.history.writes) + sum(w.code == 0 for w in writes),
            "reads": len(done.history.reads) + len(done.storm.writes) - len(writes),
            "events": sum(len(s["events"]) for s in streams) + sum(len(s.events) for s in others),
            "streams": len(streams) + len(others),
            "relists": sum(s["end"] == "expired" for s in streams) + sum(s.end == EXPIRED for s in others)}


def starts_of(notes):
    """How long each start after a kill took."""
    return [up["at"] - note["at"] for note, up in zip(notes, notes[1:]) if note["what"] == "kill"]


def keep(done, seed):
    path = os.path.join(tempfile.gettempdir(), f"tidewatch-history-{seed}.json")
    done.history.save(path)
    with open(path + ".storm", "wb") as f:
        pickle.dump((done.storm, done.log), f)
    return path


def main():
    kills, seed, acks, storm, pause_ms = (int(said or default) for said, default in itertools.zip_longest(
        sys.argv[1:], (100, random.randrange(1 << 30), 30, 1500, 200)))
    total, began, violations, number = collections.Counter(), time.monotonic(), 0, 0
    starts, ends = [0], []
    print(f"SEED={seed}, {BUILD}", flush=True)
    while total["kills"] < kills:
        ways = random.Random(seed + number).sample(list(WAYS), WAYS_A_RUN)
        done = play(seed + number, min(KILLS_A_RUN, kills - total["kills"]), acks, number % 2 == 1, storm=storm,
                    pause=pause_ms / 1000, ways=ways)
        total.update(runs=1, kills=done.kills, compacted=done.log.floor, **count(done))
        starts += starts_of(done.history.notes)
        ends.append(done.history.facts.get("caught_up_s", float("inf")))
        for violation in done.found[:10]:
            print(f"  {violation.name}: {violation.what}")
        if done.found:
            violations += len(done.found)
            print(f"run {number}: {len(done.found)} violations, kept in {keep(done, seed + number)}")
        print(f"run {number}: {total['kills']} kills and {total['acks']} acknowledged writes so far", flush=True)
        if done.kills == 0:
            break
        number += 1
    print(f"{total['kills']} kills in {total['runs']} runs, {time.monotonic() - began:.0f} s: {total['acks']} acknowledged and "
          f"{total['unknown']} unknown writes, {total['reads']} reads, {total['events']} events of {total['streams']} streams, "
          f"{total['relists']} times 410, {total['compacted']} revisions compacted; {violations} violations")
    print(f"ready after a kill in {median(starts):.3f} s, {max(starts):.3f} at most; every watcher came to the last write "
          f"in {median(ends):.3f} s, {max(ends):.3f} at most")
    return violations != 0


if __name__ == "__main__":
    sys.exit(main())
