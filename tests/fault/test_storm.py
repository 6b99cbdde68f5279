"""The judge of the storm sees what is wrong: a small history that is right, and one change to it for each promise broken."""
import unittest

from history import Log
from storm import (ADDED, BOOKMARK, CREATE, DELETE, DELETED, EXPIRED, GET, MODIFIED, SYNCED, UPDATE, Judge, Stream, Told, Write)
from tidewatch import main

A, B = 2, 3  # keys; what a token's parity is, its label is
X1, X2, X3, Y1 = 10, 12, 13, 20


def wrote(at, verb, key, token=0, rv=0, expected=0, code=None):
    return Write(at, at + 5, rv, expected, key, token, verb, (201 if verb == CREATE else 200) if code is None else code)


def right():
    """A is made, changed twice, and deleted; B is made."""
    writes = [wrote(100, CREATE, A, X1, 1), wrote(200, UPDATE, A, X2, 2, expected=1), wrote(300, UPDATE, A, X3, 3),
              wrote(350, GET, A, X3, 3), wrote(400, DELETE, A), wrote(500, CREATE, B, Y1, 5), wrote(600, GET, A, code=404)]
    everything = Stream("f0", 0, None, [(110, ADDED, 1, A, X1), (110, SYNCED, 1, 0, 0), (210, MODIFIED, 2, A, X2), (310, MODIFIED, 3, A, X3),
                                        (320, BOOKMARK, 3, 0, 0), (410, DELETED, 4, A, X3), (510, ADDED, 5, B, Y1)], 1)
    even = Stream("f1", 1, 1, [(210, MODIFIED, 2, A, X2), (310, DELETED, 3, A, X2), (510, ADDED, 5, B, Y1)], 0)
    log = Log(leases={1: (A, X1, 0), 2: (A, X2, 1), 3: (A, X3, 2), 4: (A, 0, 3), 5: (B, Y1, 0)})
    return Told(writes, [everything, even]), log


class Found(unittest.TestCase):
    def setUp(self):
        self.told, self.log = right()
        self.writes, self.streams = self.told.writes, self.told.streams
        self.plain, self.even = (s.events for s in self.streams)

    def names(self, missing=(), seen=()):
        return {v.name for v in Judge(self.told, self.log).run(missing, seen)}

    def change(self, at, **what):
        self.writes[at] = self.writes[at]._replace(**what)

    def test_what_is_right_is_no_violation(self):
        self.assertEqual(Judge(self.told, self.log).run(), [])

    def test_an_acknowledged_write_that_is_lost(self):
        del self.log.leases[5]
        self.assertIn("D1", self.names())

    def test_an_acknowledged_delete_that_is_lost(self):
        del self.log.leases[4]
        self.writes.pop()
        self.assertIn("D1", self.names())

    def test_a_key_that_is_not_there_any_more(self):
        self.change(3, code=404, token=0, rv=0)
        self.assertEqual(self.names(), {"R5", "C10"})

    def test_a_read_of_an_older_version(self):
        self.change(3, token=X2, rv=2)
        self.assertIn("R2", self.names())

    def test_a_value_that_nobody_wrote(self):
        self.log.leases[5] = (B, 99, 0)
        self.assertIn("D3", self.names())

    def test_a_write_that_was_refused_and_is_there(self):
        self.change(2, code=422, rv=0)
        self.assertIn("D3", self.names())

    def test_a_write_done_twice(self):
        self.log.leases[6] = (B, Y1, 5)
        self.assertIn("C2", self.names())

    def test_a_write_that_replaced_another_version(self):
        self.log.leases[3] = (A, X3, 1)
        self.assertEqual(self.names(), {"C2"})
        self.change(1, expected=9)
        self.assertEqual(self.names(), {"C2", "C4"})

    def test_a_second_create(self):
        self.writes.insert(1, wrote(150, CREATE, A, X1, 1))
        self.assertIn("C3", self.names())

    def test_a_conflict_with_nobody(self):
        self.writes.insert(6, wrote(550, UPDATE, B, 22, expected=5, code=409))
        self.assertEqual(self.names(), {"C10"})

    def test_a_revision_given_twice_or_below_one_seen(self):
        self.change(5, rv=3)
        self.assertIn("C1", self.names())
        self.told, self.log = right()
        self.assertEqual(self.names(seen=[(499, 5)]), {"C1"})

    def test_an_event_that_is_missing(self):
        del self.plain[2]
        self.assertEqual(self.names(), {"W4"})

    def test_an_event_twice(self):
        self.plain.insert(3, self.plain[2])
        self.assertEqual(self.names(), {"W3"})

    def test_revisions_that_fall(self):
        self.plain[2], self.plain[3] = self.plain[3], self.plain[2]
        self.assertEqual(self.names(), {"W2", "W4"})

    def test_an_event_of_another_type(self):
        self.even[1] = (310, MODIFIED, 3, A, X3)
        self.assertEqual(self.names(), {"W9"})

    def test_an_event_that_is_not_for_the_watch(self):
        self.even.insert(2, (410, DELETED, 4, A, X3))
        self.assertEqual(self.names(), {"W1"})

    def test_a_delete_without_the_last_state(self):
        self.plain[5] = (410, DELETED, 4, A, X2)
        self.assertEqual(self.names(), {"W10"})

    def test_an_event_of_another_object(self):
        self.plain[6] = (510, ADDED, 5, A, Y1)
        self.assertEqual(self.names(), {"D5", "W5"})

    def test_a_bookmark_too_early_or_too_late(self):
        self.plain[4] = (320, BOOKMARK, 4, 0, 0)
        self.assertIn("W7", self.names())
        self.plain[4] = (320, BOOKMARK, 2, 0, 0)
        self.assertEqual(self.names(), {"W7"})

    def test_a_first_state_that_is_not_the_state(self):
        del self.plain[0]
        self.assertEqual(self.names(), {"W8"})

    def test_history_lost_without_compaction(self):
        self.streams[1] = self.streams[1]._replace(end=EXPIRED)
        self.assertEqual(self.names(), {"W14"})

    def test_a_watch_that_does_not_get_there(self):
        del self.even[2]
        self.assertEqual(self.names(), {"R7"})

    def test_a_phantom(self):
        self.plain.append((610, ADDED, 6, A, 24))
        self.assertIn("D5", self.names())

    # ---- unknown is not failed ----

    def test_an_unknown_write_may_be_there_or_not(self):
        for code in (0, 503):
            self.change(2, code=code, rv=0)
            self.change(4, code=code)
            self.assertEqual(Judge(self.told, self.log).run(), [])
        self.writes.append(wrote(700, UPDATE, B, 22, expected=5, code=0))
        self.writes.append(wrote(750, GET, B, Y1, 5))
        self.assertEqual(Judge(self.told, self.log).run(), [])

    def test_a_compacted_log_is_made_up_for_by_what_was_told(self):
        self.log.floor = 4
        self.log.leases = {5: self.log.leases[5]}
        self.assertEqual(self.names(), set())
        del self.plain[2]
        self.assertEqual(self.names(), {"W4"})

    def test_only_what_is_certain_is_judged_where_the_log_is_gone(self):
        self.log.floor = 4
        self.log.leases = {5: self.log.leases[5]}
        self.streams[0] = self.streams[0]._replace(events=[], rv=5)
        self.assertEqual(self.names(missing=[4]), set())


if __name__ == "__main__":
    main()
