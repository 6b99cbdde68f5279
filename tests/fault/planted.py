"""Each bug of base/planted.h by itself in a server built for that, and whether the checker sees it; then runs without one,
which must be quiet.

    planted.py [NAME ...]       all by default; TIDEWATCH_BUILD is a build with -DPLANTED=ON
"""
import collections
import os
import sys
import time

import chaos

Bug = collections.namedtuple("Bug", "what each kills compacting acks", defaults=(1, 1, False, 300))
# `each`: it acts each so-many-th time, so that it has to be found among what is right
BUGS = {
    "drop_event": Bug("an event is not told", 400),
    "deliver_twice": Bug("an event is told twice", 400),
    "bookmark_early": Bug("a bookmark is one revision ahead", 20),
    "cut_early": Bug("a bookmark of a multiplexed watch is one revision ahead"),
    "sse_id_early": Bug("the id of a server-sent event is one revision ahead", 200),
    "deleted_old_rv": Bug("DELETED carries the revision of the last update", 200),
    "forget_transition": Bug("what leaves or enters a selector is told by its new labels alone", 50),
    "wrong_namespace": Bug("a watch of a namespace is told of another", 200),
    "initial_misses": Bug("an object is missing in a first state", 40),
    "resume_repeats": Bug("a resumed watch repeats the last event", 4),
    "window_gap": Bug("a watch that is behind the window goes on within it", 4),
    "late_start": Bug("a watch from a compacted revision starts late, and does not say so", 1, 0, True, 1200),
    "lose_tombstone": Bug("compaction drops a delete, and keeps what it deleted", 1, 3, True, 500),
    "ack_before_commit": Bug("a write is answered before it is committed", 1, 4),
    "reuse_revision": Bug("the last revision before a kill is given again", 1, 2),
    "stale_read": Bug("a read does not wait for what was acknowledged", 1, 0),
    "list_ahead": Bug("a list says a revision ahead of its items", 20),
    "torn_list": Bug("pages of one list are of several revisions", 4),
    "lost_update": Bug("a write replaces what it has not seen", 1, 0),
    "ignore_precondition": Bug("an update of an old version is taken", 4),
    "delete_unchecked": Bug("a delete ignores its preconditions"),
    "create_twice": Bug("a second create succeeds", 4),
    "ignore_finalizer": Bug("a delete ignores finalizers", 4),
    "reuse_uid": Bug("a new object has the uid of an older one", 20),
    "noop_event": Bug("an update that changes nothing makes an event", 4),
    "live_repeats": Bug("a watch that wants what comes next is told of what was"),
    "least_ignored": Bug("a list that may not be older than a revision is"),
    "future_is_now": Bug("a watch from a revision to come is told of what is before it"),
    "load_misses": Bug("a server that starts does not know an object", 20, 2),
    "empty_begins_late": Bug("a watch of what is empty misses the first that comes"),
    "empty_unmarked": Bug("a first state of nothing has no end", 4),
    "cut_at_timeout": Bug("a watch whose time is over is cut"),
    "no_rest": Bug("an expired list has no token for the rest", 1, 0, True, 1200),
    "dry_run_writes": Bug("a dry run writes", 4),
}
ATTEMPTS, QUIET_RUNS = 4, 4  # what needs a race may need more than one run


def plant(name, bug, seed):
    os.environ["TIDEWATCH_PLANT"] = f"{name}/{bug.each}" if bug.each > 1 else name
    try:
        return chaos.play(seed, bug.kills, acks=bug.acks, compacting=bug.compacting)
    finally:
        del os.environ["TIDEWATCH_PLANT"]


def hunt(name, bug):
    """(what gave it away, how many runs that took)"""
    for attempt in range(1, ATTEMPTS + 1):
        found = plant(name, bug, attempt).found
        if found:
            return collections.Counter(v.name for v in found), found[0].what, attempt
    return None, "", ATTEMPTS


def main():
    names = sys.argv[1:] or list(BUGS)
    caught, began = 0, time.monotonic()
    for name in names:
        seen, what, runs = hunt(name, BUGS[name])
        caught += seen is not None
        told = ", ".join(f"{n} {count}" for n, count in seen.most_common(4)) if seen else ""
        print(f"{name:20} {'caught' if seen else 'NOT CAUGHT':10} in run {runs}  {BUGS[name].what:75} {told}", flush=True)
        if os.environ.get("VERBOSE"):
            print(f"    {what[:400]}")
    alarms = 0
    for seed in range(QUIET_RUNS):
        found = chaos.play(seed, 2, acks=300, compacting=seed % 2 == 1).found
        alarms += bool(found)
        for violation in found[:5]:
            print(f"a false alarm: {violation.name}: {violation.what}")
    print(f"{caught} of {len(names)} caught, {alarms} alarms in {QUIET_RUNS} runs without a bug, {time.monotonic() - began:.0f} s")
    return caught != len(names) or alarms != 0


if __name__ == "__main__":
    sys.exit(main())
