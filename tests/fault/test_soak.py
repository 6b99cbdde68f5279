"""Some seconds of `./dev soak`, and that it would say what had grown."""
import unittest

import soak
from tidewatch import main


def rests(rss_kib, fds):
    return [{"rss_kib": rss, "fds": fd} for rss, fd in zip(rss_kib, fds)]


class Soak(unittest.TestCase):
    def test_what_is_served_is_what_is_stored_and_followed_and_no_descriptor_stays(self):
        wrong, rests, total = soak.soak(0.04, 100, rounds=2)
        self.assertEqual([sentence for sentence in wrong if not sentence.startswith("resident memory")], [])  # too short for it
        self.assertEqual(len(rests), 2)
        self.assertTrue(all(total.values()), total)

    def test_what_stays_is_well(self):
        self.assertEqual(soak.judge(rests([9000, 20000, 30000, 30400, 30200, 30500], [17] * 6)), [])

    def test_memory_that_rises_is_told(self):
        self.assertEqual(soak.judge(rests([30000, 31000, 32000, 33000, 35000, 36000], [17] * 6)),
                         ["resident memory: 33000 KiB, then 35500.0 KiB"])

    def test_a_descriptor_that_stays_is_told(self):
        self.assertEqual(soak.judge(rests([30000] * 6, [17, 17, 17, 17, 17, 18])), ["descriptors: [17, 17, 17, 17, 17, 18]"])


if __name__ == "__main__":
    main()
