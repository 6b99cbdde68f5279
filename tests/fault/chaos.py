"""Writers and watchers while the server is killed, paused and restarted; then the checker.

    chaos.py [KILLS [SEED]]     100 kills by default, in runs of at most 20 kills with a server each

Every second run compacts its log all the time. A pause or a clean restart comes with every fourth kill. What a run
with a violation saw is kept in a file, which History.load() reads.
"""
import collections
import os
import random
import sys
import tempfile
import time

from checker import check
from tidewatch import BUILD
from workload import Run

KILLS_A_RUN = 20
COMPACTING = ("--history-bytes=40KiB",)  # and the compactor looks once in 256 changes: every 200 ms or so

Done = collections.namedtuple("Done", "found history log acks kills")


def play(seed, kills, acks=150, compacting=False, flags=(), **options):
    """One run: so many acknowledged writes before each fault, and after the last."""
    dice, killed = random.Random(seed), 0
    run = Run(seed, [*(COMPACTING if compacting else ()), *flags], **options)
    trouble = []
    try:
        while run.wait_for_acks(dice.randrange(acks // 2, acks * 3 // 2)) and killed < kills:
            run.kill()
            killed += 1
            if killed % 4 == 2:
                run.wait_for_acks(acks // 2)
                run.pause(0.2) if killed % 8 == 2 else run.restart()
    except (AssertionError, OSError) as e:  # it ended by itself, or does not start again
        trouble.append(repr(e))
        run.up.set()
    run.history.facts["trouble"] = trouble
    history, log = run.finish()
    return Done(check(history, log), history, log, run.acks, killed)


def keep(done, seed):
    path = os.path.join(tempfile.gettempdir(), f"tidewatch-history-{seed}.json")
    done.history.save(path)
    return path


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    acks = int(os.environ.get("TIDEWATCH_CHAOS_ACKS", "150"))
    total, began, violations, number = collections.Counter(), time.monotonic(), 0, 0
    print(f"SEED={seed}, {BUILD}")
    while total["kills"] < kills:
        done = play(seed + number, min(KILLS_A_RUN, kills - total["kills"]), acks, compacting=number % 2 == 1)
        events = sum(len(s["events"]) for s in done.history.streams)
        total.update(kills=done.kills, acks=done.acks, events=events, streams=len(done.history.streams), reads=len(done.history.reads),
                     unknown=sum(w["code"] is None for w in done.history.writes), runs=1,
                     relists=sum(s["end"] == "expired" for s in done.history.streams))
        for violation in done.found[:10]:
            print(f"  {violation.name}: {violation.what}")
        if done.found:
            violations += len(done.found)
            print(f"run {number}: {len(done.found)} violations, kept in {keep(done, seed + number)}")
        if done.kills == 0:
            break
        number += 1
    print(f"{total['kills']} kills in {total['runs']} runs, {time.monotonic() - began:.0f} s: {total['acks']} acknowledged and "
          f"{total['unknown']} unknown writes, {total['reads']} reads, {total['events']} events of {total['streams']} streams, "
          f"{total['relists']} times 410; {violations} violations")
    return violations != 0


if __name__ == "__main__":
    sys.exit(main())
