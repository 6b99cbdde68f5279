"""The checker sees what is wrong: a small history that is right, and one change to it for each promise broken."""
import copy
import unittest

import linear
from checker import SYNCED, check
from history import History, Log
from tidewatch import main


def tree(name, rv, token, on="yes", uid="u1", **meta):
    return {"apiVersion": "v1", "kind": "ConfigMap", "data": {"t": token},
            "metadata": {"namespace": "a", "name": name, "uid": uid, "resourceVersion": str(rv), "labels": {"on": on}, **meta}}


X1, X2, X3 = tree("x", 1, "t1"), tree("x", 2, "t2"), tree("x", 3, "t3", on="no")
Y4 = tree("y", 4, "t4", uid="u2", finalizers=["f"])
GONE = {**X3, "metadata": {**X3["metadata"], "resourceVersion": "5"}}
LEFT = {**X2, "metadata": {**X2["metadata"], "resourceVersion": "3"}}


def wrote(verb, at, object, **more):
    return {"client": "w", "verb": verb, "key": f"a/{object['metadata']['name']}", "sent": object["data"], "call": at, "ret": at + 0.5,
            "code": 201 if verb == "create" else 200, "rv": int(object["metadata"]["resourceVersion"]), "object": object, **more}


def read(verb, at, **more):
    return {"client": "r", "verb": verb, "call": at, "ret": at + 0.2, "code": 200, **more}


def listed(at, rv, *items, **more):
    return read("list", at, ns="a", selector=None, items=list(items), rv=rv, rvs=[rv], **more)


def stream(selector, rv, *events, **more):
    return {"client": f"f {selector}", "way": "lines", "ns": "a", "selector": selector, "rv": rv, "chain": 1, "call": 0, "events": list(events),
            "end": "cut", "told": 5, **more}


def right():
    """x is made, changed, leaves the selector and is deleted; y is made."""
    history = History()
    history.writes = [wrote("create", 10, X1), wrote("update", 20, X2, expected=1), wrote("update", 30, X3), wrote("create", 40, Y4),
                      {"client": "w", "verb": "delete", "key": "a/x", "sent": None, "call": 50, "ret": 50.5, "code": 200}]
    history.reads = [read("get", 21, key="a/x", object=X2, rv=2), listed(31, 3, X3), read("get", 60, key="a/x", code=404),
                     listed(61, 5, Y4)]
    history.streams = [
        stream(None, 0, [11, "ADDED", X1, None], [21, "MODIFIED", X2, None], [31, "MODIFIED", X3, None], [41, "ADDED", Y4, None],
               [51, "DELETED", GONE, 5]),
        stream("on=yes", None, [12, "ADDED", X1, None], [12, SYNCED, 1, None], [21, "MODIFIED", X2, None], [31, "DELETED", LEFT, None],
               [32, "BOOKMARK", 3, None], [41, "ADDED", Y4, None], [51, "BOOKMARK", 5, None])]
    history.facts["goal"] = 5
    log = Log({1: ("a/x", X1, 0), 2: ("a/x", X2, 1), 3: ("a/x", X3, 2), 4: ("a/y", Y4, 0), 5: ("a/x", None, 3)})
    return copy.deepcopy(history), copy.deepcopy(log)


class Found(unittest.TestCase):
    def setUp(self):
        self.history, self.log = right()
        self.plain, self.selected = (s["events"] for s in self.history.streams)

    def names(self):
        return {v.name for v in check(self.history, self.log)}

    def assert_found(self, *names):
        found = self.names()
        for name in names:
            self.assertIn(name, found)

    def test_what_is_right_is_no_violation(self):
        self.assertEqual(check(self.history, self.log), [])

    # ---- watches ----

    def test_W1_an_event_that_is_not_for_the_watch(self):
        self.selected.insert(5, [35, "MODIFIED", X3, None])
        self.selected[3:5] = []
        self.assert_found("W9")
        self.history.streams[1]["ns"] = "b"
        self.assert_found("W1")

    def test_W2_revisions_that_fall(self):
        self.plain[1], self.plain[2] = self.plain[2], self.plain[1]
        self.assert_found("W2", "W4")

    def test_W3_an_event_told_twice(self):
        self.plain.insert(2, self.plain[1])
        self.assert_found("W3")

    def test_W4_an_event_that_is_missing(self):
        del self.plain[1]
        self.assertEqual(self.names(), {"W4"})

    def test_W5_one_revision_for_two_objects(self):
        self.plain[3][2] = {**Y4, "metadata": {**Y4["metadata"], "name": "z"}}
        self.assert_found("W5")

    def test_W6_a_resume_that_repeats(self):
        self.history.streams.append(stream(None, 2, [60, "MODIFIED", X2, None], [60, "MODIFIED", X3, None]))
        self.assert_found("W6")

    def test_W7_a_bookmark_too_early(self):
        self.selected[4][2] = 4
        self.assert_found("W7")

    def test_W7_a_bookmark_of_the_future(self):
        self.selected[4][0] = 29
        self.assert_found("W7")

    def test_W8_a_first_state_that_lacks_an_object(self):
        del self.selected[0]
        self.assertEqual(self.names(), {"W8"})

    def test_W8_a_first_state_without_an_end(self):
        self.selected[1][1] = "BOOKMARK"
        self.assertEqual(self.names(), {"W8"})

    def test_W9_a_transition_told_by_the_new_labels_alone(self):
        self.selected[2][1] = "ADDED"
        self.assertEqual(self.names(), {"W9"})

    def test_W10_a_delete_with_the_revision_of_the_update(self):
        self.plain[4][2] = X3
        self.assert_found("W10")
        self.plain[4][2:] = [{**GONE, "data": {"t": "t2"}}, None]
        self.assertEqual(self.names(), {"W10"})

    def test_W13_a_watch_of_compacted_revisions_that_starts_late(self):
        self.log.floor = 3
        del self.log.rows[1], self.log.rows[2]
        self.plain[:2] = []
        self.assert_found("W13")

    def test_W14_history_that_is_lost_in_a_restart(self):
        self.history.streams[0]["end"] = "expired"
        self.assertEqual(self.names(), {"W14"})

    def test_W18_an_object_that_differs_between_ways(self):
        self.plain[1][2] = {**X2, "data": {"t": "t2", "more": ""}}
        self.assert_found("W18")

    def test_W18_an_id_that_is_not_the_revision(self):
        self.plain[4][3] = 6
        self.assertEqual(self.names(), {"W18"})

    def test_W11_a_first_state_that_is_older_than_what_was_asked_for(self):
        self.history.streams[1].update(call=11.5, fresh=True)
        self.assertEqual(self.names(), set())
        self.selected[:] = [[22, "ADDED", X1, None], [22, SYNCED, 1, None], *self.selected[2:]]
        self.history.streams[1].update(call=21.5)
        self.assertEqual(self.names(), {"W11"})
        self.history.streams[1].update(fresh=False, least=2)
        self.assertEqual(self.names(), {"W11"})

    def test_W11_a_live_watch_that_is_told_what_was_there(self):
        live = stream(None, None, [31, "MODIFIED", X3, None], [41, "ADDED", Y4, None], live=True, call=21.5, opened=22)
        self.history.streams.append(live)
        self.assertEqual(self.names(), set())
        live["events"].insert(0, [23, "MODIFIED", X2, None])
        self.assertEqual(self.names(), {"W11"})

    def test_W11_a_list_that_is_older_than_what_was_asked_for(self):
        for form in ("plain", "not older"):
            self.history.reads[1].update(form=form, least=3)
            self.assertEqual(self.names(), set())
            self.history.reads[1].update(least=4)
            self.assertEqual(self.names(), {"W11"})

    def test_W12_a_watch_of_the_future_that_is_told_of_the_past(self):
        later = stream(None, 3, [22, "MODIFIED", X2, None], [41, "ADDED", Y4, None], future=True)
        self.history.streams.append(later)
        self.assertEqual(self.names(), {"W12"})
        later["events"][0] = [22, "BOOKMARK", 2, None]
        self.assertEqual(self.names(), {"W12"})
        del later["events"][0]
        self.assertEqual(self.names(), set())

    def test_W12_a_list_that_calls_the_past_the_future(self):
        self.history.reads.append(read("list", 62, ns="a", selector=None, form="not older", least=6, code=504, rvs=[]))
        self.assertEqual(self.names(), set())
        self.history.reads[-1]["least"] = 4
        self.assertEqual(self.names(), {"W12"})
        self.history.reads[-1].update(form="unset", least=None, rvs=[5])
        self.assertEqual(self.names(), {"W12"})

    def test_W15_W16_W17_what_goes_wrong_at_a_rare_moment_has_its_name(self):
        live = stream(None, None, [41, "ADDED", Y4, None], live=True, call=21.5, opened=22)
        self.history.streams.append(live)
        self.assertEqual(self.names(), {"W4"})  # X3 came after it was open
        for tests in ("W15", "W16"):
            live["tests"] = tests
            self.assertEqual(self.names(), {tests})
        live.update(ns="(never)", tests="W17")
        self.assertEqual(self.names(), {"W17"})
        live["events"] = []
        self.assertEqual(self.names(), set())
        live["end"] = "silent"
        self.assertEqual(self.names(), {"W17"})

    def test_W19_an_end_that_is_none(self):
        self.history.notes = [{"at": at, "what": what} for at, what in ((80, "kill"), (81, "start"), (90, "restart"), (91, "start"))]
        timed = self.history.streams[0]
        timed.update(call=5, over=90.5, whole=True, timeout=85)
        self.assertEqual(self.names(), set())
        timed.update(call=82, whole=False)
        self.assertEqual(self.names(), {"W19"})
        timed.update(over=79, call=5)
        self.assertEqual(self.names(), {"W19"})
        timed.update(whole=True)
        self.assertEqual(self.names(), {"W19"})
        timed.update(timeout=70)
        self.assertEqual(self.names(), set())
        timed.update(half=True)
        self.assertEqual(self.names(), {"W19"})

    # ---- reads ----

    def test_R3_the_rest_of_a_list_that_is_not_all_of_it(self):
        rest = listed(61, 5, Y4, form="rest", after="a/x", call=60)
        self.history.reads.append(rest)
        self.assertEqual(self.names(), set())
        rest["items"] = []
        self.assertEqual(self.names(), {"R3"})
        rest.update(items=[Y4], after="a/z")
        self.assertEqual(self.names(), {"R3"})
        rest.update(after="a/x", code=410)
        self.assertEqual(self.names(), {"R3"})

    def test_R1_a_list_that_is_not_the_state(self):
        self.history.reads[1]["items"] = []
        self.assertEqual(self.names(), {"R1"})

    def test_R1_pages_of_several_revisions(self):
        self.history.reads[3]["rvs"] = [5, 4]
        self.assertEqual(self.names(), {"R1"})

    def test_R2_a_list_that_is_stale(self):
        self.history.reads[3] = listed(61, 4, X3, Y4)
        self.assertEqual(self.names(), {"R2"})

    def test_R2_a_get_that_is_stale(self):
        self.history.reads[0].update(object=X1, rv=1)
        self.assert_found("R2", "C10")

    def test_R4_a_list_of_the_future(self):
        self.history.reads[1].update(call=28, ret=29)
        self.assert_found("R4")

    def test_R5_not_found_after_created(self):
        self.history.reads.append(read("get", 62, key="a/y", code=404))
        self.assert_found("R5", "C10")

    def test_R7_a_watch_that_does_not_get_there(self):
        self.history.streams[0]["told"] = 4
        self.assertEqual(self.names(), {"R7"})

    def test_R8_a_cache_that_differs_from_the_store(self):
        self.history.facts["checks_failed"] = 1
        self.assertEqual(self.names(), {"R8"})

    # ---- writes ----

    def test_C1_a_revision_given_twice(self):
        self.history.writes.append(wrote("create", 70, {**Y4, "metadata": {**Y4["metadata"], "name": "z"}}))
        self.assert_found("C1")

    def test_C2_a_lost_update(self):
        self.log.rows[3] = ("a/x", X3, 1)
        self.assert_found("C2")

    def test_C2_a_counter_that_lost_one(self):
        for n, w in enumerate(self.history.writes[1:3]):
            w["counts"], w["sent"]["n"], w["object"]["data"]["n"] = True, "1", "1"
        self.log.rows = {rv: row for rv, row in self.log.rows.items() if rv < 4}
        for rv in (2, 3):
            self.log.rows[rv][1]["data"]["n"] = "1"
        self.assert_found("C2")

    def test_C3_a_second_create(self):
        self.history.writes[1].update(verb="create", expected=None)
        self.assert_found("C3", "C10")

    def test_C4_a_precondition_ignored(self):
        self.history.writes[2]["expected"] = 1
        self.assert_found("C4", "C10")
        self.history, self.log = right()
        self.history.writes[4]["expected"] = 2
        self.assert_found("C4", "C10")

    def test_C5_a_patch_of_another_base(self):
        self.history.writes[2].update(verb="patch", sent={"t": "t3", "more": ""})
        self.assertEqual(self.names(), {"C5"})

    def test_C7_a_finalizer_ignored(self):
        self.log.rows[6] = ("a/y", None, 4)
        self.assert_found("C7")

    def test_C8_a_uid_used_twice(self):
        self.log.rows[4][1]["metadata"]["uid"] = "u1"
        self.assert_found("C8")

    def test_C9_an_event_for_nothing(self):
        self.log.rows[6] = ("a/y", {**Y4, "metadata": {**Y4["metadata"], "resourceVersion": "6"}}, 4)
        self.assert_found("C9")

    def test_C11_a_dry_run_that_writes(self):
        self.history.writes[2]["dry"] = True
        self.assert_found("C11")

    # ---- durability ----

    def test_D1_an_acknowledged_write_that_is_lost(self):
        del self.log.rows[4]
        self.assert_found("D1", "D5", "C1")

    def test_D3_half_a_write(self):
        self.history.writes[2].update(code=None, rv=None, object=None)
        self.history.writes[2]["sent"]["more"] = "n"
        self.assert_found("D3")

    def test_D4_a_revision_given_again_after_a_restart(self):
        self.history.writes[3]["rv"] = 3
        self.assert_found("C1")

    def test_D5_a_phantom(self):
        self.plain.append([70, "ADDED", tree("z", 6, "t6"), None])
        self.assert_found("D5")

    def test_L4_connections_that_are_never_let_go(self):
        self.history.facts["kept"] = 3
        self.assertEqual(self.names(), {"L4"})

    # ---- unknown is not failed ----

    def test_an_unknown_write_may_be_there_or_not(self):
        self.history.writes[2].update(code=None, rv=None, object=None)
        self.assertEqual(check(self.history, self.log), [])
        self.history.writes.append({"client": "w", "verb": "update", "key": "a/y", "sent": {"t": "t9"}, "call": 70, "ret": 71, "code": None})
        self.assertEqual(check(self.history, self.log), [])

    def test_only_what_is_certain_is_judged_where_the_log_is_gone(self):
        self.log.floor = 4
        self.log.rows = {4: self.log.rows[4]}
        self.log.others = {5}
        self.plain[:] = self.plain[:4]
        self.history.reads[:] = self.history.reads[:2]
        self.history.writes[:] = self.history.writes[:4]
        self.assertEqual(check(self.history, self.log), [])


class Linear(unittest.TestCase):
    def op(self, call, ret, kind, rv=None, expected=None, optional=False):
        return linear.Operation(call, ret, kind, rv, expected, optional)

    def test_overlapping_operations_may_be_in_either_order(self):
        ops = [self.op(0, 9, "create", 1), self.op(1, 2, "read", 0), self.op(3, 4, "read", 1)]
        self.assertTrue(linear.is_linearizable(ops))
        self.assertFalse(linear.is_linearizable([*ops, self.op(5, 6, "read", 0)]))

    def test_what_may_have_happened_needs_not(self):
        ops = [self.op(0, 1, "create", 1), self.op(2, linear.NEVER, "delete", 0, None, True), self.op(3, 4, "read", 1)]
        self.assertTrue(linear.is_linearizable(ops))
        self.assertTrue(linear.is_linearizable([*ops, self.op(5, 6, "read", 0)]))
        self.assertFalse(linear.is_linearizable([*ops, self.op(5, 6, "read", 0), self.op(7, 8, "read", 1)]))

    def test_ten_thousand_operations_take_no_time(self):
        ops = [self.op(0, 1, "create", 1)]
        for n in range(1, 5000):
            ops += [self.op(2 * n, 2 * n + 3, "put", n + 1), self.op(2 * n + 1, 2 * n + 3.5, "read", n + 1)]
        self.assertTrue(linear.is_linearizable(ops))


if __name__ == "__main__":
    main()
