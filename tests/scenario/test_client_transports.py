"""The C client's watch goes by the transport and in the framing it is told to, and says the same by each."""
import unittest

import faults
import follow
import tidewatch

# What the client says first, and what must be in what comes back: a watch event's type, as the framing writes it.
OPENINGS = {"http1": b"GET /api/v1/", "http2": b"PRI * HTTP/2.0\r\n", "websocket": b"GET /api/v1/"}
EVENTS = {"json": b'"type":"ADDED"', "protobuf": b"\x0a\x05ADDED"}
LISTS, BACKOFFS = 0, 9  # of enum tw_metric
NAMES = [f"object-{i}" for i in range(5)]


class Transports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = tidewatch.Server()
        client = cls.server.client()
        for name in NAMES:
            answer = client.create(tidewatch.CONFIGMAPS, {"metadata": {"name": name}, "data": {"v": name * 3}})
            assert answer.code == 201, answer
        cls.newest = client.get(tidewatch.CONFIGMAPS).rv
        client.close()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def follow(self, framing, transport):
        proxy = faults.FaultProxy(self.server.port, 0)
        follower = follow.Follower(proxy.port, framing, transport, "default")  # bounds that a busy machine keeps
        report = follower.until(self.newest)
        self.assertEqual(follower.close(), 0)
        proxy.close()
        self.assertEqual({name: value for name, (_, value) in report["objects"].items()},
                         {name: name * 3 for name in NAMES})
        self.assertEqual(len(proxy.said), 1, "one connection is enough")
        asked, answered = proxy.said[0]
        self.assertTrue(asked.startswith(OPENINGS[transport]), asked[:100])
        self.assertEqual(b"Upgrade: websocket" in asked, transport == "websocket")
        self.assertIn(EVENTS[framing], answered)


    def test_a_list_and_then_a_watch_need_no_second_attempt(self):
        for transport in OPENINGS:
            with self.subTest(transport):
                follower = follow.Follower(self.server.port, "json", transport, "list")
                follower.until(self.newest)
                report = follower.until(self.touch("touched-" + transport))
                self.assertEqual(follower.close(), 0)
                self.assertEqual((report["metrics"][LISTS], report["metrics"][BACKOFFS]), (1, 0))

    def touch(self, name):
        client = self.server.client()
        client.create(tidewatch.CONFIGMAPS, {"metadata": {"name": name}, "data": {"v": name * 3}})
        client.call("DELETE", f"{tidewatch.CONFIGMAPS}/{name}")
        rv = client.get(tidewatch.CONFIGMAPS).rv
        client.close()
        return rv


def add_cell(framing, transport):
    setattr(Transports, f"test_{framing}_over_{transport}", lambda self: self.follow(framing, transport))


for one in EVENTS:
    for other in OPENINGS:
        add_cell(one, other)


if __name__ == "__main__":
    unittest.main(verbosity=2)
